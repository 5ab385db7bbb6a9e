"""One setting: what its flag, its check and the fingerprint must know of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from stylevideo.errors import SettingsError
from stylevideo.settings.encoder_arguments import read_encoder_arguments
from stylevideo.text import quoted

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)


VGG19_LAYERS = tuple(
    f"relu{block}_{layer}" for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, 1) for layer in range(1, count + 1)
)
"""The ReLU outputs of VGG-19, from the picture inwards (Simonyan and Zisserman 2015, table 1, column E)."""


DELIVERY_NAMES = (
    *("h264", "h265-10", "prores-hq", "prores-4444", "dnxhr-hqx", "ffv1", "vp9", "av1"),
    *("png", "png16", "tiff16", "jpeg", "exr"),
)


LARGEST_NUMBER = 1e15


_RATE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}|/[0-9]{1,9})?", re.ASCII)


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    metavar: str = "",
    choices: tuple[str, ...] = (),
    minimum: float = -math.inf,
    maximum: float = math.inf,
    changes_frames: bool = True,
) -> Any:
    """A dataclass field with what its flag and its check need; `changes_frames` puts it into the fingerprint.

    What a setting comes to, such as the frames of a range, is put there by `stylevideo.store.checkpoint`.
    """
    return field(
        default=default,
        metadata={
            "help": help,
            "unit": unit,
            "metavar": metavar,
            "choices": choices,
            "minimum": minimum,
            "maximum": maximum,
            "changes_frames": changes_frames,
        },
    )


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", tuple: "a list of names"}
"""The kinds of values, as people call them."""


@dataclass(frozen=True)
class Leaf:
    """One field of `Settings`, with what a command line or a document must know of it."""

    name: str
    section: str
    default: Any
    help: str
    unit: str
    metavar: str
    choices: tuple[str, ...]
    minimum: float
    maximum: float
    changes_frames: bool

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return "--" + self.name.replace("_", "-")


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
            raise SettingsError(f"{leaf.flag} cannot be {quoted(word)}. Choose from: {', '.join(leaf.choices)}.")
    if isinstance(value, int | float) and not leaf.minimum <= value <= min(leaf.maximum, LARGEST_NUMBER):
        has_bound = leaf.maximum < math.inf or value > LARGEST_NUMBER
        bounds = f"at least {leaf.minimum:g}"
        bounds += f" and at most {min(leaf.maximum, LARGEST_NUMBER):g}" if has_bound else ""
        raise SettingsError(f"{leaf.flag} must be {bounds}, not {quoted(value)}.")
    if leaf.name == "rate":
        _check_rate(value)
    if leaf.name == "ffmpeg_args":
        read_encoder_arguments(value)


def _check_rate(text: str) -> None:
    try:
        valid = _RATE.fullmatch(text) is not None and Fraction(text) > 0
    except ZeroDivisionError:
        valid = False
    if not valid:
        raise SettingsError(f"--rate {quoted(text)} is no rate. Write it like 24 or 30000/1001.")
