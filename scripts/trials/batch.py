"""Try a batch in all the ways in which a night can go wrong, and say what was left in the morning.

    python -m scripts.trials batch [broken kill losses two disk workers again] [--kills 20]

Makes its own clips with the bundled ffmpeg and runs `stylevideo run` on them as a user would. `broken`: twelve clips
of which four cannot be made; `kill`: kill -9 at random moments; `losses`: the same for workers alone; `two`: two runs
on one folder; `disk`: a full disk (root on Linux); `workers`: one against two; `again`: a finished batch. Prints
Markdown; the exit code is 1 if a bar is unmet. Run it in the environment that `scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts import ROOT, STYLE
from scripts.benchmark.report import Machine
from stylevideo.media.ffmpeg import run_ffmpeg

MARK = "STYLEVIDEO_TRIAL"
"""In the environment of everything that a trial starts, so that what is left of it is known."""
BARS = {True: "met", False: "**unmet**", None: "–"}
QUICK = (
    *("--preset=draft", "--size=64", "--iterations=2", "--first-iterations=3", "--coarsest-size=0", "--device=cpu"),
    "--stroke-size=0.5",
)
KILLER = textwrap.dedent(
    """
    import os, pathlib, signal, subprocess

    _init = subprocess.Popen.__init__

    def _fatal(self, args, *rest, **options):
        # As a decoder that crashes on this clip.
        crashes = pathlib.Path(__file__).with_name("crashes")
        wanted = any("killer" in str(part) for part in args)
        if wanted and crashes.stat().st_size < TIMES:
            crashes.write_text(crashes.read_text() + "x")
            os.kill(os.getpid(), signal.SIGSEGV)
        _init(self, args, *rest, **options)

    subprocess.Popen.__init__ = _fatal
    """
)


@dataclass(frozen=True)
class Finding:
    """What a trial showed.

    Attributes:
        what: was tried.
        seen: in words.
        met: whether it is as it should be; None where there is no bar.
    """

    what: str
    seen: str
    met: bool | None


def run(clips: Path | Sequence[Path], out: Path, *more: str) -> list[str]:
    """The command for a batch."""
    named = [clips] if isinstance(clips, Path) else clips
    places = ["--style", str(STYLE), "--out-dir", str(out), "--name", "{name}.{ext}", "--config", "none"]
    return [sys.executable, "-m", "stylevideo", "run", *map(str, named), *places, *QUICK, *more]


def done(command: Sequence[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def make_clips(folder: Path, count: int, frames: int = 8, shots: int = 1) -> list[Path]:
    """Clips with sound, each of its own kind and content, with hard cuts between their shots."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = (("mp4", "libx264"), ("mkv", "ffv1"), ("mov", "prores_ks"), ("webm", "libvpx-vp9"), ("avi", "mjpeg"))
    made = []
    for number in range(count):
        suffix, codec = kinds[number % len(kinds)]
        path = folder / f"clip{number:02d}.{suffix}"
        pictures = [
            f"testsrc2=size=128x96:rate=24:duration={frames / 24},hue=h={number * 29 + 90 * shot}"
            f"{',negate' if shot % 2 else ''}"
            for shot in range(shots)
        ]
        picture = pictures[0]
        if shots > 1:
            joined = "".join(f"[{shot}]" for shot in range(shots)) + f"concat=n={shots}"
            picture = ";".join([*(f"{shown}[{shot}]" for shot, shown in enumerate(pictures)), joined])
        sound = f"sine=frequency={220 + 20 * number}:duration={frames * shots / 24}"
        sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
        audio = "libopus" if suffix == "webm" else "pcm_s16le" if suffix in ("avi", "mov") else "aac"
        done_run = run_ffmpeg(["-v", "error", *sources, "-c:v", codec, "-c:a", audio, str(path)], 3600)
        assert done_run.status == 0, done_run.messages
        made.append(path)
    return made


def with_killer(folder: Path, times: int = 1000) -> str:
    """A PYTHONPATH with which a clip called `killer` crashes, so often, the process that has ffmpeg look at it."""
    (folder / "crashes").touch()
    (folder / "sitecustomize.py").write_text(f"TIMES = {times}\n{KILLER}")
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def strays(folder: Path) -> list[str]:
    """Hidden files and folders, which only unfinished work has."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


def marked(mark: str) -> dict[str, str]:
    """An environment by which all that is started in it is known: workers and ffmpegs too."""
    return {**os.environ, MARK: mark}


def processes(mark: str) -> dict[int, str]:
    """Command lines of the processes that have a mark, by their numbers; Linux only."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(folder.name)] = line
        except OSError:
            continue
    return found


def parent(number: int) -> int | None:
    """The number of a process's parent; Linux only."""
    with suppress(OSError):
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def wait_for_none(mark: str, timeout_s: float = 20) -> list[str]:
    """The command lines of the processes that are left after a while."""
    until = time.monotonic() + timeout_s
    while (left := processes(mark)) and time.monotonic() < until:
        time.sleep(0.2)
    return list(left.values())


def try_broken(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """Twelve clips: two broken, one that cannot be read, one that kills its process."""
    good = make_clips(folder / "clips", 8)
    (folder / "clips" / "text.mp4").write_text("This is no video.")
    (folder / "clips" / "headless.mp4").write_bytes(good[0].read_bytes()[200:1200])
    (folder / "clips" / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "clips" / "killer.mp4").write_bytes(good[0].read_bytes())
    environment = {**os.environ, "PYTHONPATH": with_killer(folder)}
    names = sorted(path for path in (folder / "clips").iterdir())
    out, report = folder / "out", folder / "report.json"
    ran = done(run(names, out, "--iterations=1", "--report", str(report)), environment)
    told = json.loads(report.read_text())["clips"]
    made = [clip for clip in told if clip["status"] == "made"]
    failed = [clip for clip in told if clip["status"] == "failed"]
    films = [path for path in out.iterdir() if path.suffix != ".json"]
    reasons = "; ".join(f"{Path(clip['source']).name}: {clip['reason'][:90]}" for clip in failed)
    yield Finding("films", f"{len(films)} films, exit code {ran.returncode}", (len(films), ran.returncode) == (8, 1))
    yield Finding("reasons", reasons, len(failed) == 4 and all(clip["reason"] for clip in failed))
    yield Finding("the report", f"{len(made)} made, {len(failed)} failed", (len(made), len(failed)) == (8, 4))
    yield Finding("left over", ", ".join(strays(out)) or "nothing", not strays(out))
    silent = "Traceback" not in ran.stderr
    yield Finding("traceback", "none" if silent else ran.stderr[-500:], silent)


def try_kill(folder: Path, options: argparse.Namespace) -> Iterator[Finding]:
    """kill -9 at random moments, until the batch is done; and again from the beginning while kills are left."""
    clips = folder / "clips"
    make_clips(clips, 3)
    make_clips(clips / "cut", 1, frames=16, shots=3)[0].rename(clips / "cut.mp4")
    began = time.monotonic()
    assert done(run(clips, folder / "whole")).returncode == 0
    whole, length_s = contents(folder / "whole"), time.monotonic() - began
    chance = random.Random(options.seed)
    rounds, left, moments, same, stray = 0, list[str](), list[float](), True, list[str]()
    while len(moments) < options.kills:
        rounds += 1
        out = folder / f"out{rounds}"
        for _ in range(options.kills - len(moments)):
            running = subprocess.Popen(
                run(clips, out, "-q", "--workers=2"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=marked(str(folder)),
            )
            moment = chance.uniform(0.5, max(8.0, length_s / 2))
            try:
                running.wait(moment)
                break
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
                moments.append(moment)
            left += wait_for_none(str(folder))
        ended = done(run(clips, out, "-q"))
        if ended.returncode not in (0, 3):
            yield Finding(f"batch {rounds}", f"exit code {ended.returncode}: {ended.stderr[-400:]}", False)
        same &= contents(out) == whole
        stray += strays(out)
    yield Finding(
        "films", f"{'byte-identical' if same else 'NOT the same'} after {len(moments)} kills in {rounds} batches", same
    )
    yield Finding("stray files", ", ".join(stray) or "none", not stray)
    yield Finding("stray processes", ", ".join(left) or "none", not left)


def try_losses(folder: Path, options: argparse.Namespace) -> Iterator[Finding]:
    """One batch whose workers are killed, or asked to end, at random moments, and which tries again."""
    clips, out = folder / "clips", folder / "out"
    make_clips(clips, 3, frames=16)
    make_clips(clips / "cut", 1, frames=16, shots=4)[0].rename(clips / "cut.mp4")
    assert done(run(clips, folder / "whole")).returncode == 0
    chance, lost, report = random.Random(options.seed), 0, folder / "report.json"
    command = run(clips, out, "-q", "--workers=3", f"--retry={options.kills}", "--report", str(report))
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=marked(str(folder)))
    while running.poll() is None:
        time.sleep(chance.uniform(0, 6))
        workers = [number for number in processes(str(folder)) if parent(number) == running.pid]
        if workers and lost < options.kills:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), chance.choice((signal.SIGKILL, signal.SIGTERM)))
                lost += 1
    told = json.loads(report.read_text())["clips"]
    attempts, reasons = [clip["attempts"] for clip in told], "; ".join(clip["reason"] for clip in told).strip("; ")
    seen = f"exit code {running.returncode}, {lost} workers lost. {reasons}"
    yield Finding("the batch", seen, running.returncode == 0)
    same = contents(out) == contents(folder / "whole")
    yield Finding("films", f"{'byte-identical' if same else 'NOT the same'}, attempts {attempts}", same)
    left = wait_for_none(str(folder))
    yield Finding("left over", ", ".join([*strays(out), *left]) or "nothing", not left and not strays(out))


def try_two(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """Two runs on one folder at once."""
    clips, out = folder / "clips", folder / "out"
    make_clips(clips, 4)
    reports = [folder / f"{number}.json" for number in (1, 2)]
    runs = [
        subprocess.Popen(run(clips, out, "--report", str(report)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for report in reports
    ]
    codes = [each.wait() for each in runs]
    statuses = [[clip["status"] for clip in json.loads(report.read_text())["clips"]] for report in reports]
    once = all(sorted(pair) == ["already made", "made"] for pair in zip(*statuses, strict=True))
    shares = [sum(status == "made" for status in each) for each in statuses]
    yield Finding("each film", f"made by one of them ({shares[0]} and {shares[1]}), exit codes {codes}", once)
    assert done(run(clips, folder / "alone")).returncode == 0
    same = contents(out) == contents(folder / "alone")
    yield Finding("films", "as those of one run" if same else "NOT as those of one run", same)


def try_disk(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """A disk that becomes full in the middle."""
    clips, out = folder / "clips", folder / "out"
    make_clips(clips, 4)
    assert done(run(clips, folder / "whole")).returncode == 0
    out.mkdir()
    if done(["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(out)]).returncode:
        yield Finding("a full disk", "not tried: only root on Linux can make a disk", None)
        return
    try:
        ran = done(run(clips, out))
        lines = [line for line in ran.stderr.splitlines() if "space" in line]
        kept = sum(len(list(frames.glob("*.json"))) for frames in out.glob(".*/frames"))
        yield Finding(
            "full",
            f"exit code {ran.returncode}, {kept} frames of unfinished films: "
            f"{lines[-1].strip()[:200] if lines else ran.stderr[-200:]}",
            ran.returncode == 1 and bool(lines) and kept > 0,
        )
        done(["mount", "-o", "remount,size=64m", str(out)])
        again = done(run(clips, out))
        same = contents(out) == contents(folder / "whole")
        yield Finding(
            "with space again",
            f"exit code {again.returncode}, films "
            f"{'byte-identical to those of an uninterrupted batch' if same else 'NOT the same'}",
            again.returncode == 0 and same,
        )
    finally:
        done(["umount", str(out)])


def try_workers(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """Two workers against one: four clips, and one clip of four shots, which they share."""
    make_clips(folder / "clips", 4, frames=12)
    make_clips(folder / "cut", 1, frames=12, shots=4)
    ways = {
        "1 worker with all cores": ("--workers=1",),
        "2 workers with all cores each": ("--workers=2",),
        "1 worker with 1 thread": ("--workers=1", "--threads=1"),
        "2 workers with 1 thread each": ("--workers=2", "--threads=1"),
    }
    for clips, what in (("clips", "four clips"), ("cut", "one clip of four shots")):
        seconds, films = {}, {}
        for name, flags in ways.items():
            out = folder / f"{clips}, {name}"
            began = time.monotonic()
            ran = done(run(folder / clips, out, *flags, "--size=96"))
            assert ran.returncode == 0, ran.stderr
            seconds[name], films[name] = time.monotonic() - began, contents(out)
        yield Finding(f"{what}: seconds", "; ".join(f"{name}: {value:.0f}" for name, value in seconds.items()), None)
        one, two, single, double = films.values()
        same = one == two and single == double
        shown = "the same for any number of workers" if same else "NOT the same"
        yield Finding(f"{what}: films", shown, same)


def try_again(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
    """A finished batch of twelve clips."""
    clips, out = folder / "clips", folder / "out"
    make_clips(clips, 12)
    assert done(run(clips, out, "--iterations=0")).returncode == 0
    before = contents(out)
    began = time.monotonic()
    ran = done(run(clips, out, "--iterations=0"))
    seconds = time.monotonic() - began
    same = contents(out) == before and ran.returncode == 0
    yield Finding(
        "again", f"{seconds:.1f} s, exit code {ran.returncode}, films untouched: {same}", same and seconds < 3
    )


Trials = Mapping[str, Callable[[Path, argparse.Namespace], Iterator[Finding]]]
TRIALS: Trials = {
    "broken": try_broken,
    "kill": try_kill,
    "losses": try_losses,
    "two": try_two,
    "disk": try_disk,
    "workers": try_workers,
    "again": try_again,
}


def choose(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says; see `choose_from`."""
    return choose_from("batch", str(__doc__), TRIALS, 20, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials that are asked for."""
    return carry_out(TRIALS, choose(arguments))


def choose_from(
    name: str, about: str, trials: Trials, kills: int, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """What a command line says of trials: `trials`, `kills` and `seed`.

    Args:
        name: of the trials together.
        about: them.
        trials: that there are.
        kills: how many there are if nothing is said.
        arguments: those of the process if not given.
    """
    parser = argparse.ArgumentParser(
        f"python -m scripts.trials {name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", nargs="*", default=list(trials), metavar="TRIAL")
    parser.add_argument("--kills", type=int, default=kills)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args(arguments)
    if unknown := set(options.trials) - set(trials):
        parser.error(f"there is no trial called {', '.join(sorted(unknown))}")
    return options


def carry_out(trials: Trials, options: argparse.Namespace) -> int:
    """Run those of some trials that are asked for, and print what they find; the exit code."""
    machine, met = Machine(ROOT, "cpu"), True
    for name in options.trials:
        with tempfile.TemporaryDirectory(prefix="stylevideo-trials-") as folder:
            print(f"## {name}\n\n{trials[name].__doc__}\n\n| what | seen | bar |\n| --- | --- | --- |")
            for finding in trials[name](Path(folder), options):
                met &= finding.met is not False
                print(f"| {finding.what} | {finding.seen} | {BARS[finding.met]} |", flush=True)
            print()
    print(machine)
    return 0 if met else 1
