"""Make films of clips of odd kinds, and damage films on purpose: what `run` makes, and what `verify` says of it.

    python -m scripts.trials odd [clips damages] [--keep FOLDER]

`clips`: more than twenty kinds, from broadcasts cut within a group of pictures to animated WebP, made by the bundled
ffmpeg of numbered frames with a beep at each flash. A film that paints nothing is held to ffmpeg's own account of the
source (its decoded frames and their times; no probe of ours): every frame, times within 3 ms, sound within 5 ms, and
`verify` must pass. `damages`: right films, each damaged in one respect: `verify` must find every one. Prints Markdown;
the exit code is 1 if anything is unmet. Run it in the environment that `scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scripts.formats.measures import identity
from scripts.trials.odd.account import Account, account, pictures_of
from scripts.trials.odd.damages import DAMAGES, OF_SUFFIX, rich_source
from scripts.trials.odd.makers import Odd, make_all
from stylevideo.errors import StyleVideoError
from stylevideo.quality.verify import verify

SAME_TIME_S, SAME_SYNC_MS, SAME_LEVELS = 0.003, 5.0, 6.0
BARS = {True: "met", False: "**unmet**"}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m scripts.trials odd", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help="clips, damages; both if none is named")
    parser.add_argument("--keep", type=Path, help="a folder for the clips and films")
    options = parser.parse_args(arguments)
    unmet = 0
    with tempfile.TemporaryDirectory(prefix="stylevideo-odd-") as name:
        folder = Path(name)
        for trial in options.trials or ("clips", "damages"):
            print(f"## {trial.capitalize()}\n")
            unmet += sum(not met for met in TRIALS[trial](folder))
            print()
        if options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True)
    return 1 if unmet else 0


def clips(folder: Path) -> Iterator[bool]:
    """Films of odd clips; a row for each, and whether it is met."""
    print("| clip | frames | times, ms off | sync, ms off | verify | |\n| --- | --- | --- | --- | --- | --- |")
    for odd in make_all(folder):
        cells, met = _film(odd, folder / f"{odd.path.name}.film.mkv")
        print(f"| {odd.name} | {' | '.join(cells)} | {BARS[met]} |", flush=True)
        yield met


def _film(odd: Odd, film: Path) -> tuple[list[str], bool]:
    try:
        identity(odd.path, film, **odd.settings)
        source, made = account(odd.plain or odd.path, odd.options), account(film)
    except StyleVideoError as error:
        return [str(error)[:200].replace("\n", " "), "", "", ""], False
    right = made.numbers == source.numbers or _look_alike(odd, film)
    times, sync = _times_off(source, made), _sync_off(source, made)
    wrong = [check.what for check in verify(odd.path, film).wrong]
    frames = f"{len(made.numbers)} of {len(source.numbers)}" + ("" if right else ", not the same")
    heard = f"{sync:.1f}" if source.beeps else "–"
    met = right and times <= 1000 * SAME_TIME_S and sync < SAME_SYNC_MS and not wrong
    return [frames, f"{times:.1f}", heard, ", ".join(wrong) or "passes"], met


def _look_alike(odd: Odd, film: Path) -> bool:
    """Whether every picture is its source's, where two fields in one make its number hard to read."""
    shown, made = pictures_of(odd.path, odd.options), pictures_of(film)
    return shown.shape == made.shape and np.abs(shown.astype(int) - made).mean(axis=(1, 2, 3)).max() < SAME_LEVELS


def _times_off(source: Account, made: Account) -> float:
    """The largest difference of a frame's time from the first frame on, in milliseconds."""
    pairs = zip(source.times, made.times, strict=False)
    return 1000 * max(abs((one - source.times[0]) - (two - made.times[0])) for one, two in pairs)


def _sync_off(source: Account, made: Account) -> float:
    """The largest change of the distance between a flash and its beep, in milliseconds; large where a beep is lost."""
    if len(source.sync) != len(made.sync):
        return 9999.0
    return max((abs(one - two) for one, two in zip(source.sync, made.sync, strict=True)), default=0.0)


def damages(folder: Path) -> Iterator[bool]:
    """Damaged films; a row for each, and whether it is found."""
    films = {}
    for suffix in (".mov", ".mp4"):
        source = rich_source(folder, suffix)
        film = folder / f"right{suffix}"
        identity(source, film)
        films[suffix] = (source, film)
    print("| damage | verify says | |\n| --- | --- | --- |")
    for suffix, (source, film) in films.items():
        wrong = [check.what for check in verify(source, film).wrong]
        print(f"| none ({suffix}) | {', '.join(wrong) or 'passes'} | {BARS[not wrong]} |")
        yield not wrong
    for name, damage in DAMAGES.items():
        source, film = films[OF_SUFFIX.get(name, ".mov")]
        damaged = folder / f"{name}{film.suffix}"
        damage(film, damaged)
        said = _found(source, damaged)
        print(f"| {name} | {said or 'passes'} | {BARS[bool(said)]} |", flush=True)
        yield bool(said)


def _found(source: Path, film: Path) -> str:
    try:
        return ", ".join(check.what for check in verify(source, film).wrong)
    except StyleVideoError as error:
        return str(error)[:120]


TRIALS = {"clips": clips, "damages": damages}
