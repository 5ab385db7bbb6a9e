"""Motion vectors in OpenEXR files: what each program's channels mean, read as offsets in pixels.

A renderer knows where everything was. How it says so differs: which channels, in which direction, whether y points up,
in pixels or in parts of the picture. `CONVENTIONS` has what the programs' makers say; `docs/motion.md` has the sources,
and says what is a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from stylevideo.errors import InputError
from stylevideo.media.images.exr import read_channels, read_layout
from stylevideo.text import listed

NAMES_SHOWN = 12
Pair = tuple[str, str]
"""Names of an x and a y channel, with `*` for any letters; before those with a dot a layer's name may stand."""
LONGEST_PX = 1e6
"""What is longer says that there is no vector, as the largest number of its kind does; sums of such have no end."""
FAR = 1e10
"""A distance beyond all others, as Blender writes it where there is nothing."""


@dataclass(frozen=True)
class VectorConvention:
    """How a program writes where pixels were and will be.

    Attributes:
        to_previous: the channels, the first that there are count.
        to_next: those that go with each of these; none where the program does not write them.
        sign_to_previous, sign_to_next: 1 where the values lead from this frame to the other one, -1 where back.
        y_up: whether y grows upwards.
        normalized: whether a value v is (v - 0.5) of the picture's width or height, else it is in pixels.
        depth: the channels of the distance from the camera, the first that there is counts.
    """

    to_previous: tuple[Pair, ...]
    to_next: tuple[Pair, ...] = ()
    sign_to_previous: int = 1
    sign_to_next: int = 1
    y_up: bool = True
    normalized: bool = False
    depth: tuple[str, ...] = ()


CONVENTIONS = {
    "plain": VectorConvention((("u", "v"), ("R", "G")), y_up=False, depth=("Z",)),
    "blender": VectorConvention(
        (("Vector.X", "Vector.Y"), ("R", "G")),
        (("Vector.Z", "Vector.W"), ("B", "A")),
        sign_to_next=-1,
        depth=("Depth.Z", "Depth.V"),
    ),
    "nuke": VectorConvention((("backward.u", "backward.v"),), (("forward.u", "forward.v"),)),
    "fusion": VectorConvention(
        (("BackVector.X", "BackVector.Y"), ("XBackVector", "YBackVector")),
        (("Vector.X", "Vector.Y"), ("XVector", "YVector")),
        depth=("Z",),
    ),
    "unreal": VectorConvention(
        (("*MotionVectors.R", "*MotionVectors.G"), ("R", "G")),
        sign_to_previous=-1,
        normalized=True,
        depth=("*WorldDepth.R",),
    ),
}
"""By the names of `--vectors-format`."""


@dataclass(frozen=True)
class VectorReading:
    """How vectors are read.

    Attributes:
        convention: of the program that wrote them.
        scale: they are multiplied with it, so that they are for one frame.
        y: "up" or "down"; "auto" as of the convention.
    """

    convention: str = "plain"
    scale: float = 1.0
    y: str = "auto"


@dataclass(frozen=True, eq=False)
class VectorPicture:
    """Where the pixels of a frame were, and will be.

    Attributes:
        to_previous: (H, W, 2) float32, pixels, x to the right, y down; NaN where nothing is known.
        to_next: likewise; None where it is not said.
        depth: (H, W) float32, the distance from the camera, 0..`FAR`, in any unit; None where it is not said.
    """

    to_previous: np.ndarray
    to_next: np.ndarray | None = None
    depth: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.to_previous.shape[0], self.to_previous.shape[1]

    @property
    def unknown_share(self) -> float:
        """Part of the picture whose vectors to the previous frame are no numbers, 0..1."""
        return float(np.isnan(self.to_previous).any(axis=2).mean())


def read_vectors(path: Path, reading: VectorReading, shown: tuple[int, int] | None = None) -> VectorPicture:
    """Read the vectors of a frame.

    Args:
        path: of their file.
        reading: how they are read.
        shown: height and width of the frame; see `stylevideo.media.images.exr.read_channels`.
    Raises:
        InputError: the file cannot be read, or does not have the convention's channels, or has them twice.
    """
    convention, channels = CONVENTIONS[reading.convention], read_channels(path, shown)
    named = _named_channels(path, convention, reading.convention, channels)
    return VectorPicture(
        _in_pixels(named.to_previous, convention.sign_to_previous, reading, channels),
        _in_pixels(named.to_next, convention.sign_to_next, reading, channels) if named.to_next else None,
        _distance(channels[named.depth]) if named.depth else None,
    )


def vectors_size(path: Path, reading: VectorReading, shown: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a frame's vectors, by their file's header alone.

    Args:
        path, reading, shown: as of `read_vectors`.
    Raises:
        InputError: as of `read_vectors`, as far as the header tells.
    """
    layout = read_layout(path, shown)
    _named_channels(path, CONVENTIONS[reading.convention], reading.convention, layout.names)
    return layout.size


@dataclass(frozen=True)
class _NamedChannels:
    """As a file has them; none, or empty, what it does not have."""

    to_previous: Pair
    to_next: Pair | None
    depth: str


def _named_channels(path: Path, convention: VectorConvention, name: str, channels: Collection[str]) -> _NamedChannels:
    depth = next(filter(None, (_full_name(path, depth, channels) for depth in convention.depth)), "")
    for place, pair in enumerate(convention.to_previous):
        if back := _full_names(path, pair, channels):
            forth = _full_names(path, convention.to_next[place], channels) if convention.to_next else None
            return _NamedChannels(back, forth, depth)
    wanted = " or ".join(f"{x} and {y}" for x, y in convention.to_previous)
    found = listed(sorted(channels), NAMES_SHOWN) or "none of numbers"
    raise InputError(
        f"{path} has no vectors to the previous frame as --vectors-format {name} names them: "
        f"{wanted} (it has: {found}). Choose another --vectors-format."
    )


def _distance(depth: np.ndarray) -> np.ndarray:
    """Without sign, since some programs count it downwards; `FAR` where there is none, as in many a sky."""
    return np.where(np.isfinite(depth), np.abs(depth), np.float32(FAR)).clip(max=FAR)


def _full_names(path: Path, pair: Pair, channels: Collection[str]) -> Pair | None:
    """As the file has them; None where it does not have both."""
    x, y = (_full_name(path, name, channels) for name in pair)
    return (x, y) if x and y else None


def _full_name(path: Path, name: str, channels: Collection[str]) -> str:
    """As the file has it; empty where it does not."""
    patterns = (name, f"*.{name}") if "." in name else (name,)  # a layer's name is what says that these are vectors
    found = sorted(channel for channel in channels if any(fnmatchcase(channel, pattern) for pattern in patterns))
    if len(found) > 1:
        raise InputError(f"{path} has {name} in several layers ({', '.join(found)}). Write the vectors of one layer.")
    return found[0] if found else ""


def _in_pixels(names: Pair, sign: int, reading: VectorReading, channels: Mapping[str, np.ndarray]) -> np.ndarray:
    """(H, W, 2) float32, x to the right, y down, from this frame to the other; NaN where it is none."""
    convention = CONVENTIONS[reading.convention]
    offsets = np.stack([channels[name] for name in names], axis=-1)
    if convention.normalized:
        height, width = offsets.shape[:2]
        offsets = (offsets - 0.5) * np.array((width, height), np.float32)
    y_up = convention.y_up if reading.y == "auto" else reading.y == "up"
    offsets = offsets * np.array((1, -1 if y_up else 1), np.float32) * np.float32(sign * reading.scale)
    are_known = (np.abs(offsets) <= LONGEST_PX).all(axis=2, keepdims=True)  # which NaN is not
    return np.where(are_known, offsets, np.float32(np.nan))
