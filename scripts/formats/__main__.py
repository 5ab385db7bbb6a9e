"""Prove that every kind of footage goes in and every delivery comes out whole.

    python -m scripts.formats [in out times depth exr colour] [--output FILE.json]

Makes its own footage with the bundled ffmpeg, repaints none of it (`--iterations 0`), and measures what comes out:
`in`, a row for each format that is read; `out`, for each delivery and container; `times`, flash and beep of variable
rates, late starts and trims; `depth`, a ramp of 16 bits and an edge of alpha; `exr`, light and what travels with it;
`colour`, a chart through `h264`. Prints Markdown; the exit code is 1 if a bar is unmet. Run it in the environment that
`scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import ROOT
from scripts.benchmark.report import Machine
from scripts.formats import colour, depth, exr, inputs, outputs, times
from scripts.formats.footage import Studio
from scripts.formats.report import Row, Section, to_json
from stylevideo.system.files import write_atomically

Check = Callable[[Studio], Iterator[Row]]


@dataclass(frozen=True)
class _Plan:
    """A section that can be asked for."""

    title: str
    bar: str
    check: Check


PLANS = {
    "in": _Plan("Footage in", inputs.BAR, inputs.check_in),
    "out": _Plan("Deliveries out", outputs.BAR, outputs.check_out),
    "times": _Plan("Flash and beep", times.BAR, times.check_times),
    "depth": _Plan("Depth and alpha", depth.BAR, depth.check_depth),
    "exr": _Plan("OpenEXR", exr.BAR, exr.check_exr),
    "colour": _Plan("Colour", colour.BAR, colour.check_colour),
}


def measure(name: str) -> Section:
    """All rows of a section; each is told on standard error as it is done."""
    plan, rows = PLANS[name], []
    with tempfile.TemporaryDirectory(prefix="stylevideo-formats-") as folder:
        for row in plan.check(Studio(Path(folder))):
            print(f"{name}: {row.what}: {'; '.join(row.faults) or 'met'}", file=sys.stderr, flush=True)
            rows.append(row)
    return Section(name, plan.title, plan.bar, tuple(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    machine = Machine(ROOT, "cpu")
    sections = []
    for name in options.sections:
        sections.append(measure(name))
        print(f"{sections[-1]}\n", flush=True)
    print(machine)
    if options.output:
        write_atomically(options.output, to_json(sections, machine).encode())
    return 0 if all(section.met for section in sections) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m scripts.formats", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections = f"any of {', '.join(PLANS)}; all if none is named"
    parser.add_argument("sections", nargs="*", type=_section, default=list(PLANS), metavar="SECTION", help=sections)
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="also write every figure as JSON")
    return parser


def _section(text: str) -> str:
    if text not in PLANS:
        raise argparse.ArgumentTypeError(f"there is no section {text!r}. Choose from {', '.join(PLANS)}.")
    return text


if __name__ == "__main__":
    sys.exit(main())
