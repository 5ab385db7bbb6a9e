"""Try a farm's commands where processes are killed, and where they meet, and compare with what `run` makes.

    python -m scripts.trials farm [kill meet kinds] [--kills 30]

`kill`: two painters and who puts the film together side by side, one of them ended by kill -9 again and again; `meet`:
two painters of one shot at once; `kinds`: an EXR sequence, a film with alpha and a loop, by parts out of order. Prints
Markdown; the exit code is 1 if a bar is unmet.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts import STYLE
from scripts.trials.batch import (
    QUICK,
    Finding,
    Trials,
    carry_out,
    choose_from,
    contents,
    done,
    make_clips,
    marked,
    strays,
    wait_for_none,
)
from stylevideo.media.ffmpeg import run_ffmpeg

PARTS = 2
LOOK_S = 0.1
Command = list[str]


def command(action: Sequence[str], clip: Path, film: Path, *more: str) -> Command:
    """A command that makes a film, or a part of the work on it."""
    own = ["--style", str(STYLE), "-o", str(film), "--config", "none", *QUICK, *more]
    return [sys.executable, "-m", "stylevideo", *action, str(clip), *own]


def steps(clip: Path, film: Path, *more: str) -> list[Command]:
    """All that may run side by side once a film is planned."""
    painters = [command(["farm", "paint"], clip, film, f"--part={n}/{PARTS}", *more) for n in range(1, PARTS + 1)]
    return [*painters, command(["farm", "assemble"], clip, film, "--wait=600", *more)]


def begin(words: Command, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process by which all that it starts is known."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*words, "-q"], stdout=quiet, stderr=quiet, env=marked(str(folder)))


def try_kill(folder: Path, options: argparse.Namespace) -> Iterator[Finding]:
    """kill -9 at random moments over painting and putting together, until no kills are left; then all once more."""
    (clip,) = make_clips(folder / "clips", 1, frames=4, shots=3)
    began = time.monotonic()
    assert done(command(["run"], clip, folder / "whole" / "film.mp4")).returncode == 0
    longest_s = 2 * (time.monotonic() - began)  # so that films come to be written between the kills
    whole, chance = contents(folder / "whole"), random.Random(options.seed)
    kills, films, same, codes, stray, left = 0, 0, True, set[int](), list[str](), list[str]()
    while kills < options.kills:
        films += 1
        film = folder / f"out{films}" / "film.mp4"
        assert done(command(["farm", "plan"], clip, film, f"--parts={PARTS}")).returncode == 0
        commands = steps(clip, film)
        running = [begin(words, folder) for words in commands]
        while any(process.poll() is None for process in running):
            until = time.monotonic() + chance.uniform(0.5, longest_s)
            while time.monotonic() < until and any(process.poll() is None for process in running):
                time.sleep(LOOK_S)
            alive = [number for number, process in enumerate(running) if process.poll() is None]
            if alive and kills < options.kills:
                number = chance.choice(alive)
                running[number].kill()
                running[number].wait()
                running[number], kills = begin(commands[number], folder), kills + 1
        codes |= {process.returncode for process in running}
        codes |= {done(words).returncode for words in commands}
        same &= contents(film.parent) == whole
        stray += strays(film.parent)
        left += wait_for_none(str(folder))
    yield Finding("films", f"{'byte-identical' if same else 'NOT the same'}: {films}, after {kills} kills", same)
    yield Finding("exit codes of those that were not killed", str(sorted(codes)), codes == {0})
    yield Finding("left over", ", ".join([*stray, *left]) or "nothing", not stray and not left)


def try_meet(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """Two painters of one film of one shot, begun at once."""
    (clip,) = make_clips(folder / "clips", 1, frames=8)
    assert done(command(["run"], clip, folder / "whole" / "film.mp4")).returncode == 0
    film = folder / "out" / "film.mp4"
    assert done(command(["farm", "plan"], clip, film)).returncode == 0
    both = [begin(command(["farm", "paint"], clip, film, "--part=1/1"), folder) for _ in range(2)]
    codes = [process.wait() for process in both]
    yield Finding("exit codes", str(codes), codes == [0, 0])
    assembled = done(command(["farm", "assemble"], clip, film)).returncode
    same = assembled == 0 and contents(film.parent) == contents(folder / "whole")
    yield Finding("the film", "byte-identical" if same else f"NOT the same, exit code {assembled}", same)


def try_kinds(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """An EXR sequence, a film with alpha, and a loop, each by parts out of order."""
    (clip,) = make_clips(folder / "clips", 1, frames=6, shots=2)
    alpha = folder / "alpha.mov"
    picture = "testsrc2=size=128x96:rate=24:duration=0.5,format=rgba,colorchannelmixer=aa=0.5"
    made = run_ffmpeg(["-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "qtrle", str(alpha)], 60)
    assert made.status == 0, made.messages
    plates = folder / "plates" / "shot.%04d.exr"
    plates.parent.mkdir()
    made = run_ffmpeg(["-v", "error", "-i", str(clip), "-pix_fmt", "gbrpf32le", str(plates)], 60)
    assert made.status == 0, made.messages
    kinds = {
        "an EXR sequence": (plates.with_name("shot.####.exr"), "film.####.exr", ()),
        "a film with alpha": (alpha, "film.mov", ("--delivery=prores-4444",)),
        "a loop": (clip, "film.mp4", ("--loop",)),
    }
    for name, (source, output, more) in kinds.items():
        place = folder / output.replace(".", "-")
        assert done(command(["run"], source, place / "run" / output, *more)).returncode == 0
        film = place / "farm" / output
        planned = done(command(["farm", "plan"], source, film, f"--parts={PARTS}", *more))
        *painters, assembler = steps(source, film, *more)
        codes = [planned.returncode, *(done(words).returncode for words in [*reversed(painters), *painters, assembler])]
        same = contents(film.parent) == contents(place / "run") and not strays(film.parent)
        seen = f"{'byte-identical' if same else 'NOT the same'}, {len(contents(film.parent))} files, exit codes {codes}"
        yield Finding(name, seen, same and set(codes) == {0})


TRIALS: Trials = {
    "kill": try_kill,
    "meet": try_meet,
    "kinds": try_kinds,
}


def choose(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says; see `choose_from`."""
    return choose_from("farm", str(__doc__), TRIALS, 30, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials that are asked for."""
    return carry_out(TRIALS, choose(arguments))
