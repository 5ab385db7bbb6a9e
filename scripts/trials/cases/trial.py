"""The table of cases: faults that were found from outside, each made anew, and what happens now.

    python -m scripts.trials cases [WORD ...]

Every case makes its own input with the bundled ffmpeg and calls the program under the watcher of `hostile`, where
it can. Prints Markdown: the case, what is wanted, what was seen, whether it is met. The exit code is 1 if a case is
unmet; those that another issue mends are shown and do not count. Only cases whose name has all WORDs are played. Run
it in the environment that `scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from scripts.trials.cases.made import ROWS, Row
from scripts.trials.hostile.stage import Stage, Stock
from scripts.trials.hostile.watch import Limits, Watcher, can_watch


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m scripts.trials cases", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="only cases whose name has all of these")
    options = parser.parse_args(arguments)
    if reason := can_watch():
        print(f"Nothing can be watched here: {reason}.", file=sys.stderr)
        return 2
    rows = [row for row in ROWS if all(word in row.name for word in options.words)]
    print("| case | wanted | now | |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="stylevideo-cases-") as name:
        folder = Path(name)
        for part in ("stock", "watcher"):
            (folder / part).mkdir()
        stock, watcher = Stock(folder / "stock"), Watcher(folder / "watcher", Limits())
        try:
            unmet = sum([_played(row, Stage(watcher, stock, folder / f"{n}")) for n, row in enumerate(rows)])
        finally:
            watcher.stop()
    print(f"\n{len(rows)} cases, {unmet} unmet.")
    return 1 if unmet else 0


def _played(row: Row, stage: Stage) -> bool:
    """Play a case and print its row; whether it is unmet and counts."""
    try:
        now = row.play(stage)
    except Exception:
        now = ""
        stage.wrong.append(f"the case itself failed: {traceback.format_exc(limit=-2)}")
    shutil.rmtree(stage.root, ignore_errors=True)
    wrong = list(dict.fromkeys(stage.wrong))
    mark = "met" if not wrong else "**unmet**" if row.counts else "unmet (another issue's)"
    seen = "; ".join([now, *wrong]) if wrong else now
    cells = (row.name, row.wanted, seen[:900], mark)
    print("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |", flush=True)
    return bool(wrong) and row.counts
