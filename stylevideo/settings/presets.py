"""Named sets of values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stylevideo.errors import SettingsError
from stylevideo.settings.schema import ClipFacts
from stylevideo.settings.settings import Settings, leaves
from stylevideo.text import did_you_mean


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
            "for delivery: more iterations, about three times the work of standard",
            {"iterations": 12, "first_iterations": 160, "coarse_iterations": 60},
        ),
        Preset(
            "classic",
            "the article's recipe: each frame by itself, 1000 iterations (--iterations N for fewer)",
            {
                "carry": False,
                "painter": "gram",
                "style_layers": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
                "second_moment": "channel",
                "normalization": "raw",
                "content_layers": ("relu5_2",),
                "content_weight": 1e3,
                "style_weight": 1e-2,
                "structure_weight": 0.0,
                "tv_weight": 30.0,
                "temporal_weight": 0.0,
                "optimizer": "adam",
                "iterations": 1000,
                "first_iterations": 0,
                "coarsest_size": 0,
                "tolerance": 0.0,
                "guard": 0.0,
                "learning_rate": 5 / 255,
                "beta1": 0.99,
                "beta2": 0.999,
                "epsilon": 0.1 * 255,
                "start_noise": 0.0,
                "stroke_size": 0.8,
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


def without_effect(settings: Settings, clip: ClipFacts) -> Iterator[str]:
    """A sentence for each setting that was given although it changes nothing; what a preset says is not given.

    Args:
        settings: of a job.
        clip: what its clip and delivery are.
    """
    for leaf in leaves():
        value = settings.value(leaf.name)
        of_a_preset = any(entry.values.get(leaf.name) == value for entry in PRESETS.values())
        if leaf.idle and value != leaf.default and not of_a_preset and (why := leaf.idle(settings, clip)):
            yield f"{leaf.flag} has no effect: {why}."
