"""Cases: pipes, devices, sockets and folders in every place where a file is read or written.

A pipe that nobody writes to is waited for without end, a device has no end: each is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.trials.hostile.stage import PAINTLESS, Case, Stage

REFUSED = "refused"
STORE_FILES = ("job.json", "request.json", "fallback.json", "naming.json", "shots.json", "frames", "shots")


def _pipe(stage: Stage, path: Path) -> None:
    stage.pipe(path)


def _device(stage: Stage, path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(stage: Stage, path: Path) -> None:
    stage.socket(path)


def _folder(stage: Stage, path: Path) -> None:
    path.mkdir()


KINDS: dict[str, Callable[[Stage, Path], None]] = {
    "pipe": _pipe,
    "device": _device,
    "socket": _socket,
    "folder": _folder,
}
Put = Callable[[Stage, Path], None]


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, put in KINDS.items():
        for place, play in PLACES.items():
            if not (kind == "folder" and place in MAY_BE_FOLDERS):
                yield Case(f"pipes: {kind} as {place}", partial(play, put))
        for name in STORE_FILES:
            if not (kind == "folder" and name in ("frames", "shots")):
                yield Case(f"pipes: {kind} as {name} of unfinished work", partial(_in_store, put, name))
    for name in ("clip.mp4", "style.png", "job.toml"):
        yield Case(f"pipes: /dev/zero itself as {name}", partial(_device_itself, name))
    for flag in ("-o", "--sheet", "--report", "--log-file"):
        for device in ("/dev/full", "/dev/null"):
            yield Case(f"pipes: {device} as {flag}", partial(_device_written, flag, device))
    yield Case("pipes: a pipe among the clips of a folder", _among_clips)


def _put(stage: Stage, put: Put, name: str) -> Path:
    path = stage.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    put(stage, path)
    return path


def _as_clip(put: Put, stage: Stage) -> None:
    clip = _put(stage, put, "in/clip.mp4")
    stage.call("probe", clip, ends=REFUSED)
    stage.call("shots", clip, ends=REFUSED)
    stage.run(clip, ends=REFUSED)


def _as_style(put: Put, stage: Stage) -> None:
    style = _put(stage, put, "in/look.png")
    stage.call("run", stage.clip(), "--style", style, "-o", stage.film, *PAINTLESS, ends=REFUSED)


def _as_job(put: Put, stage: Stage) -> None:
    stage.call("run", _put(stage, put, "in/job.toml"), ends=REFUSED)


def _as_config(put: Put, stage: Stage) -> None:
    config = _put(stage, put, "in/config.toml")
    words = ("run", stage.clip(), "--style", stage.style, "-o", stage.film, "--config", config)
    stage.call(*words, ends=REFUSED)


def _as_config_variable(put: Put, stage: Stage) -> None:
    config = _put(stage, put, "in/config.toml")
    words = ("run", stage.clip(), "--style", stage.style, "-o", stage.film)
    stage.call(*words, ends=REFUSED, named=[config], environment={"STYLEVIDEO_CONFIG": str(config)})


def _as_weights(put: Put, stage: Stage) -> None:
    weights = _put(stage, put, "in/weights.pth")
    words = ("run", stage.clip(), "--style", stage.style, "-o", stage.film, "--weights", weights, "--size", "64")
    stage.call(*words, "--config", "none", ends=REFUSED)


def _as_colour_config(put: Put, stage: Stage) -> None:
    config = _put(stage, put, "in/config.ocio")
    frame = stage.put("in/shot/0001.exr", _exr(stage))
    stage.put("in/shot/0002.exr", _exr(stage))
    environment = {"OCIO": str(config)}
    words = ("run", frame.parent, "--style", stage.style, "-o", stage.out / "####.exr", "--frames", "1-2", *PAINTLESS)
    stage.call(*words, "--view", "Film", ends=REFUSED, environment=environment, named=[config])
    stage.call(*words, ends="done", environment=environment)  # without a view it is not looked at


def _exr(stage: Stage) -> bytes:
    from scripts.trials.hostile.stage import make

    picture = ("-f", "lavfi", "-i", "testsrc2=size=32x32", "-frames:v", "1", "-update", "1", "-pix_fmt", "gbrpf32le")
    return make(stage.root / "frame.exr", *picture).read_bytes()


def _as_frame(put: Put, stage: Stage) -> None:
    stage.put("in/shot/0001.png", stage.stock["frame.png"])
    stage.put("in/shot/0003.png", stage.stock["frame.png"])
    _put(stage, put, "in/shot/0002.png")
    folder = stage.root / "in" / "shot"
    words = ("run", folder, "--style", stage.style, "-o", stage.film, "--strict", *PAINTLESS)
    stage.call(*words, ends="refused|failed")


def _as_only_frames(put: Put, stage: Stage) -> None:
    for number in (1, 2):
        _put(stage, put, f"in/shot/{number:04d}.png")
    folder = stage.root / "in" / "shot"
    stage.call("probe", folder, ends=REFUSED)


def _as_record(put: Put, stage: Stage) -> None:
    _put(stage, put, "out/film.mp4.json")
    stage.run(stage.clip(), ends=REFUSED)


def _as_record_of_clip(put: Put, stage: Stage) -> None:
    """What lies beside a clip in a folder says whether it is one of our films."""
    clip = stage.clip("in/clips/clip.mp4")
    _put(stage, put, "in/clips/clip.mp4.json")
    words = ("run", clip.parent, "--style", stage.style, "--out-dir", stage.out, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="done|refused")


def _as_output(flag: str, name: str, put: Put, stage: Stage) -> None:
    path = _put(stage, put, f"out/{name}")
    film = () if flag == "-o" else ("-o", stage.film)
    words = ("run", stage.clip(), "--style", stage.style, *film, flag, path, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends=REFUSED)


def _as_film(command: str, put: Put, stage: Stage) -> None:
    style = ("--style", stage.style) if command == "evaluate" else ()
    stage.call(command, stage.clip(), _put(stage, put, "in/film.mp4"), *style, ends=REFUSED)


def _as_source(command: str, put: Put, stage: Stage) -> None:
    style = ("--style", stage.style) if command == "evaluate" else ()
    stage.call(command, _put(stage, put, "in/source.mp4"), stage.clip("in/film.mp4"), *style, ends=REFUSED)


def _as_measured_style(put: Put, stage: Stage) -> None:
    style = _put(stage, put, "in/look.png")
    stage.call("evaluate", stage.clip(), stage.clip("in/film.mp4"), "--style", style, ends=REFUSED)


def _as_lock(put: Put, stage: Stage) -> None:
    _put(stage, put, "out/.film.mp4.stylevideo.lock")
    stage.run(stage.clip(), ends="done|refused|failed")


def _as_part(put: Put, stage: Stage) -> None:
    _put(stage, put, "out/.film.part.mp4")
    stage.run(stage.clip(), ends="done|refused|failed")


def _as_store(put: Put, stage: Stage) -> None:
    _put(stage, put, "out/.film.mp4.stylevideo")
    stage.run(stage.clip(), ends="done|refused|failed")


PLACES: dict[str, Callable[[Put, Stage], None]] = {
    "clip": _as_clip,
    "style": _as_style,
    "job file": _as_job,
    "config": _as_config,
    "config of the environment": _as_config_variable,
    "weights": _as_weights,
    "OCIO": _as_colour_config,
    "frame of a sequence": _as_frame,
    "all frames of a sequence": _as_only_frames,
    "record": _as_record,
    "record of a clip": _as_record_of_clip,
    "film": partial(_as_output, "-o", "film.mp4"),
    "sheet": partial(_as_output, "--sheet", "sheet.png"),
    "report": partial(_as_output, "--report", "report.json"),
    "log": partial(_as_output, "--log-file", "run.log"),
    "film to verify": partial(_as_film, "verify"),
    "source to verify by": partial(_as_source, "verify"),
    "film to evaluate": partial(_as_film, "evaluate"),
    "source to evaluate by": partial(_as_source, "evaluate"),
    "style to evaluate by": _as_measured_style,
    "lock": _as_lock,
    "part": _as_part,
    "unfinished work": _as_store,
}
MAY_BE_FOLDERS = ("clip", "unfinished work", "source to verify by", "source to evaluate by", "record of a clip")


def _in_store(put: Put, name: str, stage: Stage) -> None:
    _put(stage, put, f"out/.film.mp4.stylevideo/{name}")
    stage.run(stage.clip(), ends="done|refused|failed")


def _device_itself(name: str, stage: Stage) -> None:
    if name == "clip.mp4":
        stage.run("/dev/zero", ends=REFUSED, named=[Path("/dev/zero")])
    elif name == "style.png":
        words: tuple[str | Path, ...] = ("run", stage.clip(), "--style", "/dev/zero", "-o", stage.film, *PAINTLESS)
        stage.call(*words, ends=REFUSED, named=[Path("/dev/zero")])
    else:
        words = ("run", stage.clip(), "--style", stage.style, "-o", stage.film, "--config", "/dev/zero")
        stage.call(*words, ends=REFUSED, named=[Path("/dev/zero")])


def _device_written(flag: str, device: str, stage: Stage) -> None:
    film = () if flag == "-o" else ("-o", stage.film)
    words = ("run", stage.clip(), "--style", stage.style, *film, flag, device, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="refused|done" if flag == "--log-file" else REFUSED)


def _among_clips(stage: Stage) -> None:
    """Which is no file, and is passed over."""
    clip = stage.clip("in/clips/clip.mp4")
    stage.pipe("in/clips/pipe.mp4")
    words = ("run", clip.parent, "--style", stage.style, "--out-dir", stage.out, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends="done")
