"""Give hostile inputs to stylevideo under a watcher: each must end as it should, in time, and touch nothing else.

    python -m scripts.trials hostile [WORD ...] [--watchers 2] [--list] [--keep hostile-faults]

Formats that name other files, links at hidden names, pipes and devices where files are read, spoilt unfinished work,
bombs, arguments: only those cases whose name has all WORDs. Each is played in a folder of its own. The watcher
(strace, Linux) fails on a file opened outside what was named, a write outside the outputs, a socket, a program that
is none of ours, more than 30 s or 2 GiB, a traceback, a process or a file left behind; the case says which ends are
right. Prints Markdown; the exit code is 1 if anything was wrong. Run it in the environment that `scripts/test.py`
makes.
"""

from __future__ import annotations

import argparse
import queue
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.trials.hostile import arguments, bombs, links, names, pipes, state
from scripts.trials.hostile.stage import Case, Stage, Stock
from scripts.trials.hostile.watch import Limits, Watcher, can_watch

GROUPS = (names, links, pipes, state, bombs, arguments)

FAILED = "the case itself failed"


@dataclass(frozen=True)
class Verdict:
    """What became of a case: what was said at each call, what was wrong, how long it took."""

    case: Case
    said: tuple[str, ...]
    wrong: tuple[str, ...]
    seconds: float


def all_cases() -> list[Case]:
    """Every case, in the same order always."""
    return [case for group in GROUPS for case in group.cases()]


def play(cases: Sequence[Case], watchers: int, keep: Path | None = None, limits: Limits | None = None) -> list[Verdict]:
    """Play cases.

    Args:
        cases: with different names.
        watchers: so many side by side.
        keep: a folder for the files of those in which something was wrong; None: they are thrown away.
        limits: of a call; those of `Limits` if not given.
    """
    with tempfile.TemporaryDirectory(prefix="stylevideo-hostile-") as name:
        folder = Path(name)
        (folder / "stock").mkdir()
        stock, waiting, verdicts = Stock(folder / "stock"), queue.SimpleQueue[tuple[int, Case]](), list[Verdict]()
        for pair in enumerate(cases):
            waiting.put(pair)

        def work() -> None:
            watcher: Watcher | None = None
            with suppress(queue.Empty):
                while True:
                    index, case = waiting.get_nowait()
                    watcher = watcher or Watcher(Path(tempfile.mkdtemp(dir=folder)), limits or Limits())
                    verdicts.append(_play(case, Stage(watcher, stock, folder / f"{index}"), keep))
                    print("." if not verdicts[-1].wrong else "F", end="", file=sys.stderr, flush=True)
                    if any(text.startswith(FAILED) for text in verdicts[-1].wrong):  # and the watcher may be at a loss
                        watcher.stop()
                        watcher = None
            if watcher:
                watcher.stop()

        threads = [threading.Thread(target=work) for _ in range(watchers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(file=sys.stderr)
    order = {case.name: index for index, case in enumerate(cases)}
    return sorted(verdicts, key=lambda verdict: order[verdict.case.name])


def _play(case: Case, stage: Stage, keep: Path | None) -> Verdict:
    began = time.monotonic()
    try:
        case.play(stage)
    except Exception:
        stage.wrong.append(f"{FAILED}: {traceback.format_exc(limit=-2)}")
    if stage.wrong and keep:
        shutil.copytree(
            stage.root, keep / case.name.replace("/", "_"), symlinks=True, ignore=_no_files, dirs_exist_ok=True
        )
    shutil.rmtree(stage.root, ignore_errors=True)
    return Verdict(case, tuple(stage.said), tuple(dict.fromkeys(stage.wrong)), time.monotonic() - began)


def _no_files(folder: str, names: list[str]) -> list[str]:
    """Pipes and sockets, which cannot be copied."""
    paths = {name: Path(folder) / name for name in names}
    return [name for name, path in paths.items() if not (path.is_symlink() or path.is_file() or path.is_dir())]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m scripts.trials hostile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="only cases whose name has all of these")
    parser.add_argument("--watchers", type=int, default=2, help="so many cases side by side (2)")
    parser.add_argument("--list", action="store_true", help="only name the cases")
    parser.add_argument("--keep", type=Path, help="a folder for the files of cases in which something was wrong")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for a call (30)")
    parser.add_argument("--said", action="store_true", help="also show what was said in each case")
    options = parser.parse_args(arguments)
    cases = [case for case in all_cases() if all(word in case.name for word in options.words)]
    if options.list:
        print(*(case.name for case in cases), sep="\n")
        return 0
    if reason := can_watch():
        print(f"Nothing can be watched here: {reason}.", file=sys.stderr)
        return 2
    began = time.monotonic()
    verdicts = play(cases, options.watchers, options.keep, Limits(options.timeout))
    report(verdicts, time.monotonic() - began, options.said)
    return 1 if any(verdict.wrong for verdict in verdicts) else 0


def report(verdicts: Sequence[Verdict], seconds: float, with_words: bool) -> None:
    """Print a table of the groups, and what was wrong."""
    print("| cases | played | right | longest, s |\n| --- | --- | --- | --- |")
    groups = Counter(verdict.case.name.partition(":")[0] for verdict in verdicts)
    for group, count in groups.items():
        own = [verdict for verdict in verdicts if verdict.case.name.startswith(f"{group}:")]
        right = sum(not verdict.wrong for verdict in own)
        print(f"| {group} | {count} | {right} | {max(verdict.seconds for verdict in own):.1f} |")
    right = sum(not verdict.wrong for verdict in verdicts)
    print(f"\n{right} of {len(verdicts)} cases are right, in {seconds:.0f} s.")
    for verdict in verdicts:
        if verdict.wrong or with_words:
            print(f"\n- {verdict.case.name} ({verdict.seconds:.1f} s): {'; '.join(verdict.wrong) or 'right'}")
            for said in verdict.said:
                print(f"    {said[:400]}")
