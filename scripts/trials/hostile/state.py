"""Cases: unfinished work in which one file is spoilt, exchanged, or a link.

An interrupted run leaves a folder of records, pictures and states. Whoever copies it, or lies in wait, may change any
of them: the film must be the one that an uninterrupted run makes, or be refused in a sentence.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from scripts.trials.hostile.stage import QUICK, Case, Stage

EITHER = "done|refused|failed"
FILES = ("job.json", "request.json", "shots.json", "frames/00000002.json", "frames/00000002.png", "shots/00000.pt")
MADE_UP = (
    "fallback.json",
    "naming.json",
    "turn.json",
    "shots/00000.complete",
    "loop/00000002.png",
    "frames/00000099.json",
)
FRAMES = ("--frames", "1-5")
SEED = 5


class _Trap:
    """What a pickle runs when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


def _trap(stage: Stage, data: bytes) -> bytes:
    return pickle.dumps(_Trap(stage.private / "PWNED"))


def _zipped_trap(stage: Stage, data: bytes) -> bytes:
    """As PyTorch packs it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Trap(stage.private / "PWNED"), 2))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def _bomb(stage: Stage, data: bytes) -> bytes:
    """A few kilobytes that become four gigabytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("archive/data.pkl", "w") as entry:
        for _ in range(256):
            entry.write(bytes(1 << 20))
    return file.getvalue()


def _random(stage: Stage, data: bytes) -> bytes:
    return Random(SEED).randbytes(max(64, len(data)))


def _flipped(stage: Stage, data: bytes) -> bytes:
    changed, chance = bytearray(data), Random(SEED)
    for _ in range(8):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _deep(stage: Stage, data: bytes) -> bytes:
    return b"[" * 200_000 + b"]" * 200_000


def _huge_number(stage: Stage, data: bytes) -> bytes:
    return b'{"a": ' + b"9" * 100_000 + b"}"


def _constant(value: bytes, stage: Stage, data: bytes) -> bytes:
    return value


SPOILS: dict[str, Callable[[Stage, bytes], bytes]] = {
    "empty": partial(_constant, b""),
    "half": lambda stage, data: data[: len(data) // 2],
    "random": _random,
    "flipped": _flipped,
    "null": partial(_constant, b"null"),
    "a list": partial(_constant, b'[1, {"a": null}, "x"]'),
    "a number": partial(_constant, b"-1e400"),
    "a text": partial(_constant, b'"\\u001b[31mx"'),
    "nested": _deep,
    "a long number": _huge_number,
    "no UTF-8": partial(_constant, b'{"a": "\xff\xfe"}'),
}
OF_STATES: dict[str, Callable[[Stage, bytes], bytes]] = {
    "empty": SPOILS["empty"],
    "half": SPOILS["half"],
    "random": _random,
    "flipped": _flipped,
    "a pickle": _trap,
    "a packed pickle": _zipped_trap,
    "a bomb": _bomb,
    "an empty dictionary": lambda stage, data: _saved({}),
    "another shape": lambda stage, data: _saved([1, 2, 3]),
}
OF_PICTURES = ("empty", "half", "random", "flipped")


def cases() -> Iterator[Case]:
    """All of them."""
    for name in FILES:
        spoils = OF_STATES if name.endswith(".pt") else SPOILS
        for spoil, make in spoils.items():
            if not name.endswith(".png") or spoil in OF_PICTURES:
                yield Case(f"state: {name} is {spoil}", partial(_spoilt, name, make))
        for kind in ("symbolic", "hard", "dangling", "gone", "a pipe", "sparse"):
            yield Case(f"state: {name} is {kind}", partial(_linked, name, kind))
    for name in MADE_UP:
        for spoil in ("null", "a list", "a number", "random"):
            yield Case(f"state: a {name} that is {spoil}", partial(_spoilt, name, SPOILS[spoil]))
    yield Case("state: a frame is another frame's", _exchanged)
    yield Case("state: a frame of another size", _other_size)
    yield Case("state: naming.json names somebody's file", _names_victim)
    yield Case("state: all frames are gone", _no_frames)
    yield Case("state: the film of the unfinished work is there", _film_is_there)


def _unfinished(stage: Stage) -> Path:
    """Unfinished work: the first three of five frames; and beside it the film that has to come of it."""
    stage.clip(), stage.style
    kept = stage.stock.folder / "unfinished"
    with stage.stock.lock:
        if not kept.exists():
            _interrupt(stage, kept)
    folder = stage.out / ".film.mp4.stylevideo"
    shutil.copytree(kept / "store", folder)
    return folder


def _interrupt(stage: Stage, kept: Path) -> None:
    """Make the film, and what a run leaves that is killed after three frames."""
    words = [os.fsencode(word) for word in _words(stage)]
    stage.watcher.call(words, stage.cwd, {**stage.usual_environment(), "HOSTILE_STOP_AFTER": "3"})
    shutil.move(stage.out / ".film.mp4.stylevideo", kept / "store")
    for left in stage.out.iterdir():
        left.unlink()
    stage.watcher.call(words, stage.cwd, stage.usual_environment())
    (kept / "film.mp4").write_bytes(stage.film.read_bytes())
    for left in stage.out.iterdir():
        left.unlink()


def _words(stage: Stage) -> tuple[str | Path, ...]:
    clip, style = stage.root / "in" / "clip.mp4", stage.root / "in" / "style.png"
    return ("run", clip, "--style", style, "-o", stage.film, *FRAMES, *QUICK)


def _resume(stage: Stage, ends: str = EITHER) -> None:
    seen = stage.call(*_words(stage), ends=ends)
    if seen.code == 0:
        whole = (stage.stock.folder / "unfinished" / "film.mp4").read_bytes()
        stage.want(stage.film.read_bytes() == whole, "the film is not that of an uninterrupted run")
    stage.want(not (stage.private / "PWNED").exists(), "a pickle was run")


def _spoilt(name: str, make: Callable[[Stage, bytes], bytes], stage: Stage) -> None:
    path = _unfinished(stage) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(make(stage, path.read_bytes() if path.exists() else b""))
    _resume(stage)


def _linked(name: str, kind: str, stage: Stage) -> None:
    path = _unfinished(stage) / name
    path.unlink()
    if kind == "symbolic":
        path.symlink_to(stage.victim())
    elif kind == "hard":
        os.link(stage.victim(), path)
    elif kind == "dangling":
        path.symlink_to(stage.private / "not there")
    elif kind == "a pipe":
        stage.pipe(path)
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(8 << 30)
    _resume(stage)


def _exchanged(stage: Stage) -> None:
    folder = _unfinished(stage) / "frames"
    shutil.copyfile(folder / "00000001.png", folder / "00000002.png")
    _resume(stage, "refused|failed")


def _other_size(stage: Stage) -> None:
    folder = _unfinished(stage) / "frames"
    (folder / "00000002.png").write_bytes(stage.stock["style.png"])
    _resume(stage, "refused|failed")


def _names_victim(stage: Stage) -> None:
    """Files that are said to be the run's own may be replaced: not those that it would not write."""
    folder = _unfinished(stage)
    victim = stage.victim("out/sheet.png")
    (folder / "naming.json").write_text(f'["{victim}"]')
    stage.call(*_words(stage), "--sheet", victim, ends="refused")


def _no_frames(stage: Stage) -> None:
    shutil.rmtree(_unfinished(stage) / "frames")
    _resume(stage)


def _film_is_there(stage: Stage) -> None:
    _unfinished(stage)
    stage.victim("out/film.mp4")
    stage.call(*_words(stage), ends="refused")


def _saved(value: object) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()
