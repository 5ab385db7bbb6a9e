"""Give damaged footage to stylevideo: each clip must become a film, or be refused in a clear sentence, in time.

    python -m scripts.fuzz [--count 500] [--seed 0] [--first 0] [--keep fuzz-faults]

Clips of many kinds are damaged by chance, the same for the same seed. Each goes through `stylevideo probe` and through
a `stylevideo run` of two frames that paints nothing, in a child process that is replaced when it hangs or dies. What
went wrong is listed, with its clip kept aside; exit code 1 if anything did. Run it in the environment that
`scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import io
import logging
import shutil
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from scripts import STYLE
from scripts.fuzz.damage import Damaged, damage, make_originals
from scripts.fuzz.worker import CrashError, HangError, Worker
from stylevideo.system.loading import PAINTING, load_at_once

logger = logging.getLogger(__name__)

MOST_S = 30.0
MEMORY_GIB = 8
KEEPING = ("EncodeError", "StorageError", "DecodeError", "DeviceMemoryError")
"""Errors on the way, after which finished frames stay."""
FAULTS = ("fault", "hang", "crash")


@dataclass(frozen=True)
class Task:
    """A clip, and an empty folder for its film."""

    clip: Path
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a clip.

    Attributes:
        kind: "film", the name of a `StyleVideoError`, or "fault".
        words: the sentence, or what is wrong.
    """

    kind: str
    words: str = ""


@dataclass
class Tally:
    """What became of all clips."""

    probes: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    most_cpu_s: float = 0.0


def load() -> None:
    """Load PyTorch and all the rest; called in the worker."""
    import stylevideo.render.stylize  # noqa: F401

    load_at_once(PAINTING)


def try_clip(task: Task) -> tuple[Outcome, Outcome]:
    """Probe a clip, then run it; called in the worker."""
    probed = _outcome(["probe", str(task.clip)])
    film = task.folder / "film.mp4"
    asked = ["--iterations", "0", "--frames", "1-2", "--no-detect-cuts"]
    made = _outcome(["run", str(task.clip), "--style", str(STYLE), "-o", str(film), *asked])
    return probed, _with_what_is_left(made, film)


def _outcome(arguments: list[str]) -> Outcome:
    from stylevideo.cli.main import main
    from stylevideo.errors import StyleVideoError

    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("error")
            main([*arguments, "--debug"])
    except StyleVideoError as error:
        return Outcome(type(error).__name__, str(error))
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome("fault", f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")
    return Outcome("film")


def _with_what_is_left(outcome: Outcome, film: Path) -> Outcome:
    """The outcome; a fault where the wrong things lie in the film's folder."""
    left = {path.name for path in film.parent.iterdir()}
    kept = film.with_name(f".{film.name}.stylevideo")
    if outcome.kind in KEEPING and any((kept / "frames").glob("*.json")):
        left.discard(kept.name)
    wanted = {film.name, f"{film.name}.json"} if outcome.kind == "film" else set()
    if outcome.kind == "fault" or left == wanted:
        return outcome
    return Outcome("fault", f"{outcome.kind} leaves {', '.join(sorted(left)) or 'nothing'} ({outcome.words})")


def fuzz(
    numbers: Sequence[int], seed: int, keep: Path, timeout_s: float = MOST_S, memory_gib: int = MEMORY_GIB
) -> Tally:
    """Damage clips, and see what becomes of them.

    Args:
        numbers: of the clips, each of which is the same for the same seed.
        seed: another one makes other clips.
        keep: a folder, made if needed, for clips that show a fault.
        timeout_s: a clip that takes longer hangs.
        memory_gib: the worker's address space.
    """
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="stylevideo-fuzz-") as name:
        folder = Path(name)
        (folder / "originals").mkdir()
        originals = make_originals(folder / "originals")
        worker = Worker(load, try_clip, folder / "log.txt", memory_gib << 30)
        try:
            for number in numbers:
                (folder / f"{number}" / "clip").mkdir(parents=True)
                damaged = damage(originals, seed, number, folder / f"{number}" / "clip")
                outcomes = _ask(worker, damaged, folder / f"{number}", timeout_s, tally)
                _count(outcomes, damaged, keep / f"{seed}-{number}", tally)
                shutil.rmtree(folder / f"{number}")
        finally:
            worker.stop()
    return tally


def _ask(worker: Worker, damaged: Damaged, folder: Path, timeout_s: float, tally: Tally) -> tuple[Outcome, Outcome]:
    """What became of a clip when it was probed, and when it was run."""
    (folder / "film").mkdir()
    try:
        answer = worker.ask(Task(damaged.clip, folder / "film"), timeout_s)
    except HangError as error:
        return (Outcome("hang", str(error)),) * 2
    except CrashError as error:
        return (Outcome("crash", str(error)),) * 2
    tally.slowest_s = max(tally.slowest_s, answer.seconds)
    tally.most_cpu_s = max(tally.most_cpu_s, answer.cpu_seconds)
    outcomes: tuple[Outcome, Outcome] = answer.value
    return outcomes


def _count(outcomes: tuple[Outcome, Outcome], damaged: Damaged, keep: Path, tally: Tally) -> None:
    for counts, outcome in zip((tally.probes, tally.runs), outcomes, strict=True):
        counts[outcome.kind] += 1
    for outcome in {*outcomes}:
        if outcome.words:
            logger.info("%s: %s: %s", damaged.story, outcome.kind, outcome.words)
        if outcome.kind in FAULTS:
            shutil.copytree(damaged.folder, keep, dirs_exist_ok=True)
            tally.faults.append(f"{outcome.kind} over {damaged.story}: {outcome.words} ({keep})")
            print(tally.faults[-1], flush=True)


def _table(title: str, counts: Counter[str]) -> str:
    return f"{title}: " + ", ".join(f"{kind} {count}" for kind, count in counts.most_common())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m scripts.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500, help="so many clips (500)")
    parser.add_argument("--seed", type=int, default=0, help="another number makes other clips (0)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first clip, to try one again (0)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="for clips that show a fault")
    parser.add_argument("--sentences", action="store_true", help="show what was said of each clip that was refused")
    parser.add_argument("--timeout", type=float, default=MOST_S, help=f"seconds for a clip ({MOST_S:g})")
    parser.add_argument("--memory", type=int, default=MEMORY_GIB, help=f"GiB a process may take ({MEMORY_GIB})")
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    logging.basicConfig(level=logging.INFO if options.sentences else logging.WARNING, format="%(message)s")
    tally = fuzz(
        range(options.first, options.first + options.count), options.seed, options.keep, options.timeout, options.memory
    )
    print(_table("probe", tally.probes))
    print(_table("run", tally.runs))
    print(f"{len(tally.faults)} faults in {time.perf_counter() - began:.0f} s")
    print(f"a clip took at most {tally.slowest_s:.1f} s, and {tally.most_cpu_s:.1f} s of the processor")
    return 1 if tally.faults else 0
