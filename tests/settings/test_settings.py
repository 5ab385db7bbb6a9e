"""Settings refuse what makes no sense, presets are what they say, ranges read as users write them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.errors import SettingsError
from stylevideo.settings.presets import PRESETS, preset
from stylevideo.settings.settings import Settings, leaves

NUMBERS = [leaf for leaf in leaves() if type(leaf.default) in (int, float)]


def test_every_setting_has_a_name_of_its_own_and_help() -> None:
    names = [leaf.name for leaf in leaves()]
    assert len(names) == len(set(names))
    assert all(leaf.help for leaf in leaves())


@given(leaf=st.sampled_from(NUMBERS), data=st.data())
def test_numbers_are_taken_inside_their_range_and_refused_outside(leaf, data) -> None:
    strategy = st.integers(-(10**7), 10**7) if type(leaf.default) is int else st.floats(-1e7, 1e7)
    value = data.draw(strategy)
    if leaf.minimum <= value <= leaf.maximum and (value or leaf.name != "vectors_scale"):
        assert Settings().with_values(**{leaf.name: value}).value(leaf.name) == value
    else:
        with pytest.raises(SettingsError, match=leaf.flag):
            Settings().with_values(**{leaf.name: value})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stile_weight": 1.0}, "Did you mean style_weight"),
        ({"iterations": "many"}, "--iterations takes a whole number"),
        ({"iterations": True}, "--iterations takes a whole number"),
        ({"style_weight": float("nan")}, "--style-weight"),
        ({"vectors_scale": 0.0}, "--vectors-scale 0 leaves no motion"),
        ({"vectors_scale": -0.0}, "--vectors-scale 0 leaves no motion"),
        ({"vectors_scale": float("nan")}, "--vectors-scale must be"),
        ({"vectors_scale": float("inf")}, "--vectors-scale must be"),
        ({"style_layers": ("relu9_9",)}, "--style-layers cannot be 'relu9_9'"),
        ({"optimizer": "sgd"}, "Choose from: adam, lbfgs"),
        ({"optimizer": "lbfgs"}, "--no-carry"),
        ({"painter": "gram", "style_layers": (), "content_layers": ()}, "Neither --style-layers .* at least one"),
        ({"painter": "match", "match_layers": (), "content_layers": ()}, "Neither --match-layers .* at least one"),
        ({"match_layers": (), "style_layers": (), "content_layers": ()}, "at least one"),
    ],
)
def test_what_makes_no_sense_is_refused(values, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings().with_values(**values)


def test_standard_is_the_default() -> None:
    assert preset("standard") == Settings()


def test_classic_is_the_articles_recipe() -> None:
    """The numbers of the recipe; Adam's are for pixels of 0..255, ours for 0..1."""
    classic = preset("classic")
    assert classic.losses.content_layers == ("relu5_2",)
    assert classic.losses.style_layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    assert (classic.losses.content_weight, classic.losses.style_weight, classic.losses.tv_weight) == (1e3, 1e-2, 30)
    assert classic.losses.structure_weight == 0
    assert classic.scales.coarsest_size == 0
    assert classic.optimizer.learning_rate * 255 == pytest.approx(5)
    assert classic.optimizer.beta1 == 0.99
    assert classic.optimizer.epsilon / 255 == pytest.approx(0.1)
    assert classic.optimizer.iterations == 1000
    assert not classic.temporal.carry


def test_unknown_presets_are_refused_with_the_nearest() -> None:
    assert set(PRESETS) == {"draft", "standard", "fine", "classic"}
    with pytest.raises(SettingsError, match="Did you mean classic"):
        preset("clasic")


def test_the_fingerprint_tells_jobs_apart_by_what_changes_frames_only() -> None:
    settings = Settings()
    assert settings.with_values(crf=30, sheet="a.png", overwrite=True).fingerprint() == settings.fingerprint()
    assert settings.with_values(content_weight=0.2).fingerprint() != settings.fingerprint()
    assert settings.with_values(frames="1-2").fingerprint() == settings.fingerprint()  # a job has its frames


@given(strengths=st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted))
def test_the_stronger_a_look_the_less_the_source_counts(strengths: list[float]) -> None:
    weaker, stronger = (Settings().with_values(strength=strength).at(0).losses for strength in strengths)
    for name in ("content_weight", "structure_weight", "source_weight"):
        assert getattr(weaker, name) >= getattr(stronger, name) >= 0
    same = {"content_weight": 0.0, "structure_weight": 0.0, "source_weight": 0.0}
    assert replace(weaker, **same) == replace(stronger, **same)


def test_the_usual_strength_is_the_weights_as_they_are_and_counts_once() -> None:
    settings = Settings().with_values(content_weight=0.3)
    assert settings.at(7) is settings and settings.with_values(strength=0.5) == settings
    strong = settings.with_values(strength=0.75)
    assert strong.at(3).at(3) == strong.at(3)
    assert strong.at(3).losses.content_weight == pytest.approx(0.3 * (1 + 1 / 300) / 2)
    assert strong.fingerprint() != settings.fingerprint()


def test_above_the_usual_strength_the_source_counts_less_by_even_steps() -> None:
    """What is left of the source falls as its weight does: by powers, 0.75 had nearly all that 1 has."""
    content = [Settings().with_values(strength=strength).at(0).losses.content_weight for strength in (0.5, 0.75, 1.0)]
    usual, halfway, strongest = (weight / content[0] for weight in content)
    assert halfway == pytest.approx((usual + strongest) / 2)
    assert strongest == pytest.approx(1 / 300)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), "much"])
def test_a_strength_out_of_its_range_is_refused(strength: Any) -> None:
    with pytest.raises(SettingsError, match="--strength"):
        Settings().with_values(strength=strength)
