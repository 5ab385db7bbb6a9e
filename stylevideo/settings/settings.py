"""Everything a user can set as one value: sections, checks, and which settings decide how frames look.

Each field carries its help, unit and range, and the command line is made from them, so that the two
cannot drift apart. Leaf names are unique over all sections: `content_weight` is `--content-weight`.
Imports nothing heavy; parses no arguments.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from stylevideo.errors import Problems, SettingsError
from stylevideo.settings.curves import KEY, LOOK, LookTurn, as_texts, name_of, read_keys, read_look_keys, shown
from stylevideo.settings.direction import USUAL_STRENGTH, DirectionSettings, style_number, weighted_by
from stylevideo.settings.motion import MotionSettings
from stylevideo.settings.places import PAINTED, PaintedPlace, painted_texts
from stylevideo.settings.schema import LARGEST_NUMBER, VGG19_LAYERS, Affects, Leaf, check_value, least_tile_px, reach_of
from stylevideo.settings.sections import (
    ColorSettings,
    FootageSettings,
    LossSettings,
    OptimizerSettings,
    OutputSettings,
    ScaleSettings,
    ShotSettings,
    TemporalSettings,
    WeightsSettings,
)
from stylevideo.settings.strokes import StrokeSettings
from stylevideo.settings.style import FIELD_MATTES
from stylevideo.text import did_you_mean

REPLACED = {"style_scale": " It has become --stroke-size, whose 1 is what 1.25 was: 0.8 times as much is the same."}
"""Settings that there were, and what is to be done."""


@dataclass(frozen=True)
class Settings:
    """All settings of a job; made by `Settings()`, `preset(name)` or `with_values`, and valid once made.

    Raises:
        SettingsError: a value is of the wrong kind, out of its range, or does not go with another.
    """

    direction: DirectionSettings = field(default_factory=DirectionSettings)
    strokes: StrokeSettings = field(default_factory=StrokeSettings)
    losses: LossSettings = field(default_factory=LossSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    weights: WeightsSettings = field(default_factory=WeightsSettings)
    scales: ScaleSettings = field(default_factory=ScaleSettings)
    colors: ColorSettings = field(default_factory=ColorSettings)
    temporal: TemporalSettings = field(default_factory=TemporalSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    shots: ShotSettings = field(default_factory=ShotSettings)
    footage: FootageSettings = field(default_factory=FootageSettings)
    output: OutputSettings = field(default_factory=OutputSettings)

    def __post_init__(self) -> None:
        for leaf in leaves():
            check_value(leaf, self.value(leaf.name))
        check_keys(self.direction.key)
        if self.optimizer.optimizer == "lbfgs" and self.temporal.carry:
            raise SettingsError("--optimizer lbfgs has no moments to carry. Add --no-carry, or use --optimizer adam.")
        if self.temporal.loop and not self.optimizer.iterations:
            raise SettingsError("--loop turns strokes, and --iterations 0 paints none. Leave one of the two out.")
        if self.temporal.loop and not self.temporal.carry:
            raise SettingsError(
                "--loop carries the first frame's strokes back to the last ones, and --no-carry (which the preset "
                "classic contains) carries nothing. Leave one of the two out."
            )
        self._check_painted()
        if self.motion.motion == "raft" and not self.motion.raft_weights:
            raise SettingsError(
                "--motion raft needs --raft-weights FILE: nothing is downloaded. torchvision says where its file is: "
                "torchvision.models.optical_flow.Raft_Small_Weights.DEFAULT.url (or Raft_Large_Weights)."
            )
        if not (self.losses.layers_of_style or self.losses.content_layers):
            flags = "--match-layers" if self.losses.painter == "match" else "--style-layers"
            raise SettingsError(f"Neither {flags} nor --content-layers names a layer. Name at least one.")
        self._check_tile()

    def _check_painted(self) -> None:
        if not self.direction.painted:
            return
        if not (self.optimizer.iterations and self.temporal.carry):
            raise SettingsError(
                f"--{PAINTED} spreads strokes from frame to frame, and --iterations 0 or --no-carry (which the preset "
                "classic contains) carries none. Leave one of the two out."
            )
        if self.temporal.loop:
            raise SettingsError(
                f"--loop turns the last frames into the first, and --{PAINTED} says what they become. Leave one of the "
                "two out."
            )
        if self.strokes.hold_strokes > 1:
            raise SettingsError(
                f"--hold-strokes holds strokes for some frames, and between --{PAINTED} frames they change in every "
                "one, on the way from the one to the other. Leave one of the two out."
            )
        if self.colors.color == "source":
            raise SettingsError(
                f"--{PAINTED} spreads a picture's own colours, and --color source keeps the source's. Leave one of the "
                "two out."
            )

    def _check_tile(self) -> None:
        layers, tile = self.losses.layers, self.optimizer.tile_px
        if 0 < tile < (least := least_tile_px(layers)):
            raise SettingsError(
                f"--tile {tile} is too small: VGG-19 sees {reach_of(layers)} pixels around each tile at its layer "
                f"{max(layers, key=VGG19_LAYERS.index)}. Choose at least {least}, or auto."
            )

    @property
    def painted_places(self) -> tuple[PaintedPlace, ...]:
        """The frames that somebody has painted."""
        return tuple(map(PaintedPlace.parse, self.direction.painted))

    @property
    def field_mattes(self) -> tuple[str, ...]:
        """The mattes of how something is painted that are named."""
        return tuple(filter(None, map(self.value, FIELD_MATTES)))

    def value(self, name: str) -> Any:
        """The value of the leaf with this name, such as `content_weight`."""
        return getattr(getattr(self, _leaf(name).section), name)

    def at(self, frame: int) -> Settings:
        """What a frame is asked for, by its index among those that are meant: the one way by which the engine asks.

        Strength has become weights, but where a matte says what part of it a place has: see `SourceShares` of the
        engine. Every frame is asked for the same: what has keys changes within a clip, see `SettingsOverTime`.
        """
        if self.direction.strength == USUAL_STRENGTH or self.direction.strength_matte:
            return self
        losses = weighted_by(self.direction.strength, self.losses)
        return dataclasses.replace(
            self, losses=losses, direction=dataclasses.replace(self.direction, strength=USUAL_STRENGTH)
        )

    def changes_at(self, frame: int) -> bool:
        """Whether a frame is asked for something else than the one before it: none is, see `at`."""
        return False

    def turns(self, frames: range) -> tuple[LookTurn, ...]:
        """Where whole looks begin among frames: nowhere, all are asked for the same."""
        return ()

    def with_values(self, **values: Any) -> Settings:
        """A copy with these leaves changed, named as in `--help` but with underscores.

        Raises:
            SettingsError: an unknown name (the nearest known one is proposed) or a bad value.
        """
        sections: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            value = as_texts(value) if name == KEY else painted_texts(value) if name == PAINTED else value
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
        return {leaf.name: self.value(leaf.name) for leaf in leaves() if leaf.affects is Affects.FRAMES}


def leaves() -> Iterator[Leaf]:
    """All settings, section by section."""
    yield from _leaves_by_name().values()


def instead_of(name: str) -> str:
    """What took the place of a setting that there was, as a sentence behind a blank; empty if there was none."""
    return REPLACED.get(name, "")


@cache
def _leaves_by_name() -> dict[str, Leaf]:
    return {
        leaf.name: Leaf(name=leaf.name, section=section.name, default=leaf.default, **leaf.metadata)
        for section in dataclasses.fields(Settings)
        for leaf in dataclasses.fields(cast("type[Any]", section.default_factory))
        if leaf.metadata
    }


def _leaf(name: str) -> Leaf:
    known = _leaves_by_name()
    if name not in known:
        raise SettingsError(f"There is no setting {name!r}.{instead_of(name) or did_you_mean(name, known)}")
    return known[name]


def as_flag(name: str, value: Any) -> list[str]:
    """A setting's value as the words of a command line."""
    flag = name.replace("_", "-")
    if name == KEY:
        return [word for text in value for word in (f"--{flag}", *text.split(" ", 1))]
    if name == PAINTED:
        return [word for text in value for word in (f"--{flag}", text)]
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", ",".join(value) if isinstance(value, tuple) else str(value)]


def check_keys(texts: Sequence[str]) -> None:
    """Refuse all that is wrong with keys, whatever the clip and its styles are.

    Raises:
        SettingsError: see `stylevideo.settings.curves.read_keys`; or a setting cannot have keys, or not this value.
    """
    problems, names = Problems(), Counter(map(name_of, texts))
    for text in texts:
        with problems.noted():
            name = name_of(text)
            _require_keyable(name)
            if names[name] > 1:
                raise SettingsError(f"{shown(name)} is given {names[name]} times. Give all its keys at once.")
            if name == LOOK:
                read_look_keys(text)
                continue
            for key in read_keys(text).keys:
                with problems.noted(f"{shown(name)} at {key.place}"):
                    _check_key_value(name, key.value)
    problems.raise_all()


def _require_keyable(name: str) -> None:
    """Refuse keys of what has none."""
    if style_number(name) or name == LOOK:
        return
    known = _leaves_by_name()
    if name not in known:
        near = did_you_mean(name, [LOOK, *(leaf.name for leaf in known.values() if not leaf.why_constant)])
        raise SettingsError(f"{shown(name)}: there is no such setting.{near}")
    if why := known[name].why_constant:
        raise SettingsError(f"{shown(name)}: {known[name].flag} cannot change within a film: {why}.")


def _check_key_value(name: str, value: float) -> None:
    if not style_number(name):
        check_value(_leaf(name), value)
    elif not 0 <= value <= LARGEST_NUMBER:
        raise SettingsError(f"a style's weight must be at least 0, not {value:g}.")
