"""The command `doctor`: whether all that the program needs is there and works, to be pasted into a report of a fault.

Tries things instead of believing that they are installed. Paths in the user's home begin with ~.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stylevideo.cli.parser import Commands, add_common, add_json, set_command
from stylevideo.errors import InstallationError, Problems, StyleVideoError
from stylevideo.media.encode.delivery import DELIVERIES, Encoding
from stylevideo.media.ffmpeg import ffmpeg_version
from stylevideo.planning.jobfile import CONFIG_VARIABLE, NO_FILE, read_user_file, user_file
from stylevideo.planning.naming import USUAL_DELIVERY
from stylevideo.system.environment import has_left_its_folder
from stylevideo.system.files import temporary_place
from stylevideo.system.streams import print_json, print_line
from stylevideo.text import bytes_in_words, counted
from stylevideo.version import __version__

TRIAL_SIZE = (144, 256)
LITTLE_SPACE_BYTES = 2_000_000_000
OLDEST_OPENCV = (4, 13)
EXTRAS = {
    "exr": ("OpenEXR", "OpenEXR", "EXR files"),
    "ocio": ("PyOpenColorIO", "opencolorio", "OpenColorIO views"),
    "cluster": ("distributed", "distributed", "clusters of Dask"),
}
"""Of each extra: the module, the package, what it is for."""


class State(StrEnum):
    """What was found of a thing."""

    OK = "ok"
    NO = "no"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        state: NO is for what the program cannot work without, NOTE for what some uses of it want.
        what: was looked at.
        said: what was found.
    """

    state: State
    what: str
    said: str


def add_parsers(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("doctor", help="check that everything needed is there and works")
    set_command(parser, "doctor", _doctor)
    add_json(parser)
    add_common(parser)


def _doctor(options: argparse.Namespace) -> None:
    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print_line(f"{finding.state:<4} {finding.what}: {finding.said}")
            sys.stdout.flush()
    if options.json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    missing = dict.fromkeys(finding.what for finding in findings if finding.state is State.NO)
    if missing:
        raise InstallationError(f"Something that the program cannot work without is wrong: {', '.join(missing)}.")


def examine() -> Iterator[Finding]:
    """Look at everything, one thing after the other; takes some seconds."""
    yield Finding(State.OK, "stylevideo", __version__)
    yield Finding(State.OK, "Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    for what, look in _LOOKS.items():
        yield from _examined(what, look)


def _examined(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        for finding in look():
            yield Finding(finding.state, finding.what, _without_home(finding.said))
    except StyleVideoError as error:
        yield Finding(State.NO, what, _without_home(str(error)))
    except Exception as error:  # whatever is broken, the rest is looked at
        yield Finding(State.NO, what, _without_home(f"{type(error).__name__}: {error}. Install stylevideo again."))


def _torch() -> Iterator[Finding]:
    import torch

    yield Finding(State.OK, "torch", f"{torch.__version__}, {counted(torch.get_num_threads(), 'thread')}")


def _devices() -> Iterator[Finding]:
    import torch

    from stylevideo.system.device import choose_device, convolution_dtype, describe, idle_card

    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    for name in [*cuda, *mps, "cpu"]:
        device = choose_device(name)
        precision = "bf16" if convolution_dtype("auto", device) == torch.bfloat16 else "fp32"
        memory = f", {bytes_in_words(torch.cuda.mem_get_info(device)[1])}" if device.type == "cuda" else ""
        yield Finding(State.OK, "device", f"{describe(device)}{memory}, {precision} is fast")
    if not cuda and not mps:
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        yield Finding(State.NOTE, "device", idle_card() or f"no GPU was found ({built}): frames take long")


def _opencv() -> Iterator[Finding]:
    import cv2

    numbers = tuple(int(part) for part in cv2.__version__.split(".")[:2])
    if numbers < OLDEST_OPENCV:
        oldest = ".".join(map(str, OLDEST_OPENCV))
        yield Finding(State.NO, "OpenCV", f"{cv2.__version__} shows wrong colours. Install opencv-python>={oldest}.")
    else:
        yield Finding(State.OK, "OpenCV", cv2.__version__)


def _ffmpeg() -> Iterator[Finding]:
    chosen = ", chosen by IMAGEIO_FFMPEG_EXE" if os.environ.get("IMAGEIO_FFMPEG_EXE") else ""
    yield Finding(State.OK, "ffmpeg", ffmpeg_version().removeprefix("ffmpeg version ") + chosen)


def _deliveries() -> Iterator[Finding]:
    """Each encodes a frame."""
    from stylevideo.media.encode.trial import check_encoding  # loads NumPy

    usable, unusable = [], []
    for delivery in DELIVERIES.values():
        if delivery.is_sequence:
            continue
        try:
            film = Path(f"film{delivery.suffixes[0]}")
            check_encoding(Encoding(delivery), film, TRIAL_SIZE, Fraction(24), delivery.depths[0])
            usable.append(delivery.name)
        except StyleVideoError:
            unusable.append(delivery.name)
    if usable:
        yield Finding(State.OK, "deliveries", ", ".join(usable))
    if unusable:
        state = State.NO if USUAL_DELIVERY in unusable else State.NOTE
        yield Finding(state, "deliveries", f"this ffmpeg cannot write {', '.join(unusable)}")


def _weights() -> Iterator[Finding]:
    from stylevideo.models.weights import INSTALLED_SHA256, load_vgg19

    load_vgg19()
    yield Finding(State.OK, "weights", f"VGG-19 loads; the file's SHA-256 is right ({INSTALLED_SHA256[:12]}…)")


def _extras() -> Iterator[Finding]:
    for extra, (module, package, purpose) in EXTRAS.items():
        try:
            importlib.import_module(module)
            yield Finding(State.OK, extra, f"{package} {version(package)}: {purpose}")
        except (ImportError, PackageNotFoundError) as error:
            why = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be loaded ({error})"
            yield Finding(State.NOTE, extra, f"{package} {why}, so no {purpose}: pip install 'stylevideo[{extra}]'")


def _disk() -> Iterator[Finding]:
    here = {} if has_left_its_folder() else {"this folder": Path()}
    if not here:
        yield Finding(State.NOTE, "disk", "this folder is gone, or cannot be looked up. Change to one that is there")
    for what, folder in {**here, "temporary files": temporary_place()}.items():
        free = shutil.disk_usage(folder).free
        state = State.NOTE if free < LITTLE_SPACE_BYTES else State.OK
        writable = "" if os.access(folder, os.W_OK) else ", but it cannot be written to"
        yield Finding(State.NOTE if writable else state, "disk", f"{bytes_in_words(free)} free for {what}{writable}")


def _user_file() -> Iterator[Finding]:
    named = os.environ.get(CONFIG_VARIABLE)
    path = user_file() if named is None else Path(named)
    if named in NO_FILE:
        yield Finding(State.OK, "user file", f"none is read: {CONFIG_VARIABLE} is {named!r}")
    elif not path.exists() and named is None:
        yield Finding(State.OK, "user file", f"there is none at {path}")
    else:
        problems = Problems()
        said = read_user_file(problems)
        problems.raise_all()
        keys = [*said.settings, *(name for name in ("styles", "preset", "out_dir", "name") if getattr(said, name))]
        yield Finding(State.OK, "user file", f"{path} sets {', '.join(keys) or 'nothing'}")


_LOOKS = {
    "torch": _torch,
    "device": _devices,
    "OpenCV": _opencv,
    "ffmpeg": _ffmpeg,
    "deliveries": _deliveries,
    "weights": _weights,
    "extras": _extras,
    "disk": _disk,
    "user file": _user_file,
}


def _without_home(text: str) -> str:
    """The text on one line, without the name of its user."""
    home = str(Path.home())
    shortened = text.replace(home, "~") if len(home) > 1 else text
    return " ".join(shortened.split())
