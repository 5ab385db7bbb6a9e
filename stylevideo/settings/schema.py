"""One setting, and all that others must know of it: its flag, its check, what it affects, when it has no effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from stylevideo.errors import SettingsError
from stylevideo.text import did_you_mean, quoted

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)


VGG19_LAYERS = tuple(
    f"relu{block}_{layer}" for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, 1) for layer in range(1, count + 1)
)
"""The ReLU outputs of VGG-19, from the picture inwards (Simonyan and Zisserman 2015, table 1, column E)."""


def shrink_of(layer: str) -> int:
    """Pixels of the picture, each way, for one place of a layer's features: each block begins with a pooling of 2x2."""
    return 1 << int(layer.removeprefix("relu").split("_")[0]) - 1


def reach_of(layers: Sequence[str]) -> int:
    """Pixels around a place's own that decide its features: each convolution of 3x3 sees one place further."""
    deepest = max(VGG19_LAYERS.index(layer) for layer in layers)
    return sum(map(shrink_of, VGG19_LAYERS[: deepest + 1]))


def least_tile_px(layers: Sequence[str]) -> int:
    """The smallest edge of a tile: at least a quarter of what it sees is its own then."""
    return math.ceil(2 * reach_of(layers) / TILE_STEP_PX) * TILE_STEP_PX


DELIVERY_NAMES = (
    *("h264", "h265-10", "prores-hq", "prores-4444", "dnxhr-hqx", "ffv1", "vp9", "av1"),
    *("png", "png16", "tiff16", "jpeg", "exr"),
)


LARGEST_NUMBER = 1e15
OF_THE_FILM = "it is of the whole film"
TILE_STEP_PX = 16
"""Edges of tiles that are chosen are multiples of it."""


class Affects(Enum):
    """What a setting decides."""

    FRAMES = "frames"
    """How a frame looks: unfinished work of another value is not resumed."""
    FILM = "film"
    """What the film is, or is made of; what it comes to, such as the frames of a range, may decide how frames look."""
    RUN = "run"
    """Where a run takes place and what it writes beside the film: a film that is made stays up to date."""


@dataclass(frozen=True)
class ClipFacts:
    """What a clip and its delivery are, as far as that decides whether a setting has an effect.

    Attributes:
        is_sequence, is_still, has_alpha, is_hdr, is_linear, variable_rate: of the source.
        long_edge_px: of the source.
        delivery: its name.
        is_film: whether it is one file.
        writes_light: whether it holds scene-linear light.
        depths: bits a channel that its files may have.
        has_crf: whether it has such a quality.
        has_style_clip: whether a style is a clip.
    """

    is_sequence: bool
    is_still: bool
    has_alpha: bool
    is_hdr: bool
    is_linear: bool
    variable_rate: bool
    long_edge_px: int
    delivery: str
    is_film: bool
    writes_light: bool
    depths: tuple[int, ...]
    has_crf: bool
    has_style_clip: bool

    def takes_depth(self, depth: str) -> bool:
        """Whether frames kept with this `--depth` go into it: a film's encoder takes any, files their own."""
        return depth == "auto" or self.is_film or int(depth) in self.depths

    def shows_light(self, sheet: str) -> bool:
        """Whether light is shown as on screens: in the film, or in the sheet beside it, if there is one."""
        return self.is_linear and (not self.writes_light or bool(sheet))


Idle = Callable[[Any, ClipFacts], str]
"""(settings, facts): why a setting has no effect on such a clip; empty where it has one."""


def setting(  # noqa: PLR0913 - as `dataclasses.field`, by name
    default: Any,
    help: str,
    *,
    unit: str = "",
    metavar: str = "",
    choices: tuple[str, ...] = (),
    minimum: float = -math.inf,
    maximum: float = math.inf,
    affects: Affects = Affects.FRAMES,
    no_files: tuple[str, ...] | None = None,
    commands: tuple[str, ...] = (),
    check: Callable[[Any], object] | None = None,
    idle: Idle | None = None,
    constant: str = "",
    by_shot: bool = False,
    repeated: bool = False,
) -> Any:
    """A dataclass field with all that is known of a setting.

    Args:
        default: its value where nobody says otherwise; its type is the setting's.
        help, unit, metavar, choices: for the command line.
        minimum, maximum: of a number; both may be reached.
        affects: what it decides.
        no_files: given for a setting that names a file: the words that do not; numbers do not either.
        commands: that take it, beside `run`.
        check: refuses values with a `SettingsError`, beyond the range and the choices.
        idle: says when it has no effect.
        constant: of a number that decides how frames look: why it cannot change within a film, if it cannot.
        by_shot: whether shots of one film may have different values of it although it cannot change within a shot.
        repeated: of a list: whether its flag takes one entry and may be given several times.
    """
    known = {name: value for name, value in locals().items() if name != "default"}
    return field(default=default, metadata=known)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", tuple: "a list of names"}
"""The kinds of values, as people call them."""


@dataclass(frozen=True)
class Leaf:
    """One field of `Settings`, with all that is known of it; see `setting`."""

    name: str
    section: str
    default: Any
    help: str
    unit: str
    metavar: str
    choices: tuple[str, ...]
    minimum: float
    maximum: float
    affects: Affects
    no_files: tuple[str, ...] | None
    commands: tuple[str, ...]
    check: Callable[[Any], object] | None
    idle: Idle | None
    constant: str
    by_shot: bool
    repeated: bool

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return type(self.default) in (int, float)

    @property
    def why_constant(self) -> str:
        """Why it cannot have keys, as the end of a sentence; empty where it can."""
        if not self.is_number:
            return "it is no number"
        return self.constant if self.affects is Affects.FRAMES else OF_THE_FILM

    @property
    def why_of_film(self) -> str:
        """Why it cannot differ from shot to shot, as the end of a sentence; empty where it can."""
        if self.by_shot or not self.why_constant:
            return ""
        return self.constant or OF_THE_FILM

    @property
    def is_private(self) -> bool:
        """Whether its value stays out of what a film says of itself: it is of the run, or a path."""
        return self.affects is Affects.RUN or self.no_files is not None

    def names_a_file(self, value: Any) -> bool:
        """Whether this value is a path."""
        is_path = self.no_files is not None and isinstance(self.default, str)
        return is_path and bool(value) and value not in (self.no_files or ()) and the_number(value) is None

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return "--" + self.name.replace("_", "-")


def the_number(text: str) -> float | None:
    """What a text says that is a finite number; else None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def check_value(leaf: Leaf, value: Any) -> None:
    """Refuse a value that a setting cannot have, whatever the others are.

    Raises:
        SettingsError: with what it can have.
    """
    wanted = type(leaf.default)
    number_for_float = wanted is float and type(value) is int
    if type(value) is not wanted and not number_for_float:
        raise SettingsError(f"{leaf.flag} takes {_WORDS[wanted]}, not {quoted(value)}.")
    for word in value if isinstance(value, tuple) else (value,):
        if leaf.choices and word not in leaf.choices:
            near = did_you_mean(word, leaf.choices) if isinstance(word, str) else ""
            raise SettingsError(f"{leaf.flag} cannot be {quoted(word)}.{near} Choose from: {', '.join(leaf.choices)}.")
    if isinstance(value, int | float) and not leaf.minimum <= value <= min(leaf.maximum, LARGEST_NUMBER):
        has_bound = leaf.maximum < math.inf or value > LARGEST_NUMBER
        bounds = f"at least {leaf.minimum:g}"
        bounds += f" and at most {min(leaf.maximum, LARGEST_NUMBER):g}" if has_bound else ""
        raise SettingsError(f"{leaf.flag} must be {bounds}, not {quoted(value)}.")
    if leaf.check is not None:
        leaf.check(value)
