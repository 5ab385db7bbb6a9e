"""Cases: links where the program writes, at hidden names and at visible ones, and outputs that are somebody's files.

Whoever may write into the folder of a film can put a link at each name that the program will use. What it points to
must stay as it is; the film is made beside it, or refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.trials.hostile.stage import PAINTLESS, Case, Stage

EITHER = "done|refused|failed"
HIDDEN = (
    *(".film.mp4.stylevideo.lock", ".film.part.mp4", ".film.mp4.part", ".film.mp4.json.part", ".film.json.part"),
    *(".sheet.png.part", ".report.json.part", ".film.mp4.stylevideo", ".run.log.part", ".film.mp4.stylevideo.part"),
)
"""Names, in the folder of a film, that this or an earlier version has used."""
IN_STORE = (
    *("frames", "shots", "backwards", "claims", "job.json", "request.json"),
    *("frames/00000001.png", "shots/00000.pt", "claims/00000.1", ".part"),
)
OF_SEQUENCES = (".s.####.png.part", ".s.####.png.stylevideo", ".s.####.png.stylevideo.lock", ".s.0001.png.part")
VISIBLE = ("film.mp4", "film.mp4.json", "sheet.png", "report.json", "run.log")


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, link in LINKS.items():
        for name in HIDDEN:
            yield Case(f"links: {kind} at {name}", partial(_film, link, name, EITHER))
        for name in IN_STORE:
            yield Case(f"links: {kind} in the store at {name}", partial(_in_store, link, name))
        for name in OF_SEQUENCES:
            yield Case(f"links: {kind} at {name}", partial(_sequence, link, name, EITHER))
        for name in VISIBLE:
            yield Case(f"links: {kind} at {name}", partial(_film, link, name, "refused|done"))
            yield Case(f"links: {kind} at {name}, to be replaced", partial(_replacing, link, name))
        yield Case(f"links: {kind} at s.0001.png", partial(_sequence, link, "s.0001.png", "refused|done"))
    yield Case("links: a link in the part folder of a sequence", _in_part_folder)
    yield Case("links: the folder of the film is a link", _linked_folder)
    yield Case("links: the clip and the style are links", _linked_inputs)
    yield Case("links: two films by two names of one folder", _two_names)
    for flag in ("-o", "--sheet", "--report", "--log-file"):
        for what in ("clip.mp4", "style.png", "job.toml", "clip.mkv"):
            yield Case(f"outputs: {what} as {flag}", partial(_onto, flag, what))
    for kind, link in {"symbolic link": _symbolic, "hard link": _hard}.items():
        yield Case(f"outputs: a {kind} to the clip as film", partial(_onto_link, link))
    for name in OWN_NAMES:
        yield Case(f"outputs: {name} as log", partial(_own_name, "--log-file", name))
    for flag, name in (("--report", "film.mp4.json"), ("--report", ".film.mp4.stylevideo/job.json")):
        yield Case(f"outputs: {name} as {flag}", partial(_own_name, flag, name))
    yield Case("outputs: a clip of the batch as the film of another", _film_onto_clip)
    yield Case("outputs: a record that says it is of this film, and is somebody's", _foreign_record)


OWN_NAMES = ("film.mp4", "film.mp4.json", ".film.mp4.stylevideo.lock", "sheet.png", "report.json")


def _symbolic(stage: Stage, name: Path) -> None:
    name.symlink_to(stage.victim())


def _hard(stage: Stage, name: Path) -> None:
    os.link(stage.victim(), name)


def _dangling(stage: Stage, name: Path) -> None:
    name.symlink_to(stage.private / "not there")


def _to_folder(stage: Stage, name: Path) -> None:
    stage.victim("private/folder/victim")
    name.symlink_to(stage.private / "folder")


LINKS: dict[str, Callable[[Stage, Path], None]] = {
    "symbolic": _symbolic,
    "hard": _hard,
    "dangling": _dangling,
    "to a folder": _to_folder,
}


def _everything(stage: Stage) -> tuple[str | Path, ...]:
    out = stage.out
    return ("--sheet", out / "sheet.png", "--report", out / "report.json", "--log-file", out / "run.log")


def _film(link: Callable[[Stage, Path], None], name: str, ends: str, stage: Stage) -> None:
    link(stage, stage.out / name)
    stage.run(stage.clip(), *_everything(stage), ends=ends)


def _replacing(link: Callable[[Stage, Path], None], name: str, stage: Stage) -> None:
    link(stage, stage.out / name)
    stage.run(stage.clip(), *_everything(stage), "-y", ends=EITHER)


def _in_store(link: Callable[[Stage, Path], None], name: str, stage: Stage) -> None:
    path = stage.out / ".film.mp4.stylevideo" / name
    path.parent.mkdir(parents=True)
    link(stage, path)
    stage.run(stage.clip(), *_everything(stage), ends=EITHER)


def _sequence(link: Callable[[Stage, Path], None], name: str, ends: str, stage: Stage) -> None:
    link(stage, stage.out / name)
    _make_sequence(stage, ends)


def _make_sequence(stage: Stage, ends: str) -> None:
    words = ("run", stage.clip(), "--style", stage.style, "-o", stage.out / "s.####.png", "--frames", "1-2")
    stage.call(*words, *PAINTLESS, ends=ends)


def _in_part_folder(stage: Stage) -> None:
    folder = stage.out / ".s.####.png.part"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"s.{number:04d}.png").symlink_to(stage.victim())
    _make_sequence(stage, EITHER)


def _linked_folder(stage: Stage) -> None:
    """As people have it: a large disk is linked to."""
    (stage.out / "disk").mkdir()
    (stage.out / "link").symlink_to(stage.out / "disk")
    film = stage.out / "link" / "film.mp4"
    words = ("run", stage.clip(), "--style", stage.style, "-o", film, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="done", outputs=[stage.out / "disk" / "film.mp4"])


def _linked_inputs(stage: Stage) -> None:
    """As people have it: a folder of links to what a job needs."""
    clip, style = stage.root / "in" / "linked.mp4", stage.root / "in" / "linked.png"
    clip.symlink_to(stage.clip())
    style.symlink_to(stage.style)
    words = ("run", clip, "--style", style, "-o", stage.film, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="done", named=[stage.root / "in" / "clip.mp4", stage.style])


def _two_names(stage: Stage) -> None:
    (stage.out / "real").mkdir()
    (stage.out / "link").symlink_to(stage.out / "real")
    tables = "".join(
        f'[[clip]]\nsource="{stage.clip()}"\nstyles=["{stage.style}"]\noutput="{stage.out / name / "film.mp4"}"\n'
        for name in ("real", "link")
    )
    job = stage.put("in/job.toml", tables)
    stage.call("run", job, *PAINTLESS, ends="refused", named=[stage.root / "in"])


def _onto(flag: str, what: str, stage: Stage) -> None:
    """An input as an output, with leave to replace."""
    clip, style = stage.clip(), stage.style
    other = stage.clip("in/clip.mkv")
    job = stage.put("in/job.toml", f'[[clip]]\nsource="{other}"\nstyles=["{style}"]\noutput="{stage.out}/b.mp4"\n')
    stage.precious += [clip, style, job, other]
    film = () if flag == "-o" else ("-o", stage.film)
    one = (clip, "--style", style, *film) if what in ("clip.mp4", "style.png") else (job,)
    words = ("run", *one, flag, stage.root / "in" / what, "-y", "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="refused", named=[stage.root / "in"], outputs=[stage.out / "b.mp4"])


def _onto_link(link: Callable[[Stage, Path], None], stage: Stage) -> None:
    clip = stage.victim("private/victim")
    clip.write_bytes(stage.stock["clip.mp4"])
    link(stage, stage.film)
    words = ("run", clip, "--style", stage.style, "-o", stage.film, "-y", "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="refused", named=[clip])


def _own_name(flag: str, name: str, stage: Stage) -> None:
    """A name that the run itself uses, for something else."""
    words = (stage.clip(), "--sheet", stage.out / "sheet.png", flag, stage.out / name)
    if flag == "--log-file" and name != "report.json":
        stage.run(*words, ends="refused")
    else:
        report = ("--report", stage.out / "report.json") if flag == "--log-file" else ()
        stage.run(*words, *report, ends="refused")


def _film_onto_clip(stage: Stage) -> None:
    clips = [stage.clip("in/a.mp4"), stage.clip("in/b.mp4")]
    stage.precious += clips
    words: tuple[str | Path, ...] = (
        "run",
        *clips,
        "--style",
        stage.style,
        "--out-dir",
        stage.root / "in",
        "--name",
        "b.{ext}",
        "-y",
    )
    folder = stage.root / "in"
    stage.call(*words, "--out-dir", folder, *PAINTLESS, ends="refused|failed", named=[folder])


def _foreign_record(stage: Stage) -> None:
    """Without leave to replace, whatever it says."""
    record = stage.put("out/film.mp4.json", '{"film": "film.mp4", "mine": "precious"}')
    stage.precious.append(record)
    stage.run(stage.clip(), ends="refused")
