"""What is painted on comes from light and becomes light again, whatever was brighter than white or out of gamut."""

from __future__ import annotations

import logging
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stylevideo.errors import InputError
from stylevideo.media.images.view import SRGB, choose_view, shown_by

LIGHT = st.floats(-65504, 65504, width=32, allow_subnormal=False)
BUILT_IN = "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"


def gray(*values: float) -> np.ndarray:
    """(1, N, 3) float32."""
    return np.repeat(np.array(values, np.float32)[None, :, None], 3, axis=-1)


def config_with(*roles: str) -> str:
    """A config of a linear space, a curve of its own, and a look that cannot be undone."""
    lines = "\n".join(f"  {role}" for role in roles)
    return f"""ocio_profile_version: 2
roles:
{lines}
file_rules:
  - !<Rule> {{name: Default, colorspace: lin}}
colorspaces:
  - !<ColorSpace> {{name: lin}}
  - !<ColorSpace>
    name: Film Log
    from_scene_reference: !<ExponentTransform> {{value: [0.5, 0.5, 0.5, 1], style: mirror}}
  - !<ColorSpace>
    name: Clamped
    from_scene_reference: !<RangeTransform> {{min_in_value: 0, max_in_value: 0.5, min_out_value: 0, max_out_value: 0.5}}
"""


@pytest.fixture(autouse=True)
def no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


@given(arrays(np.float32, (2, 3, 3), elements=LIGHT))
def test_light_comes_back(linear: np.ndarray) -> None:
    encoded, gain = SRGB.encode(linear)
    back = SRGB.decode(encoded, gain)
    assert (encoded.dtype, gain.dtype, back.dtype) == (np.float32,) * 3
    assert encoded.shape == (2, 3, 3) and gain.shape == (2, 3)
    assert encoded.max() <= 1 and gain.min() >= 1
    np.testing.assert_allclose(back, linear, rtol=2e-6, atol=1e-30)


def test_the_curve_is_that_of_the_standard() -> None:
    codes = np.arange(256) / 255
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    encoded, gain = SRGB.encode(gray(*light, *-light))
    np.testing.assert_allclose(encoded[0, :, 0], [*codes, *-codes], atol=1e-7)
    assert (gain == 1).all()
    assert SRGB.encode(gray(0.5))[0][0, 0, 0] == pytest.approx(0.735357, abs=1e-6)


def test_highlights_keep_their_hue_and_their_energy() -> None:
    bright = np.array([[[8, 4, 2]]], np.float32)
    encoded, gain = SRGB.encode(bright)
    np.testing.assert_array_equal(encoded, SRGB.encode(bright / 8)[0])
    white = np.ones_like(encoded)
    np.testing.assert_array_equal(SRGB.decode(white, gain), 8 * white)
    np.testing.assert_array_equal(SRGB.decode(white, np.ones_like(gain)), white)


def test_the_largest_values_come_back() -> None:
    """Damaged pixels have them; below zero they are not scaled by the gain."""
    largest = np.finfo(np.float32).max
    linear = np.array([[[-largest, 0, 1], [-3e38, 3e38, 1]]], np.float32)
    np.testing.assert_allclose(SRGB.decode(*SRGB.encode(linear)), linear, rtol=1e-4)


def test_encoding_leaves_the_plate_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", BUILT_IN)
    plate = np.random.default_rng(0).random((5, 12, 3)).astype(np.float32)[:, ::2] * 3
    for view in (SRGB, choose_view("ACEScct")):
        kept = plate.copy()
        encoded, gain = view.encode(plate)
        kept_encoded = encoded.copy()
        np.testing.assert_allclose(view.decode(encoded, gain), plate, rtol=1e-5)
        np.testing.assert_array_equal(plate, kept)
        np.testing.assert_array_equal(encoded, kept_encoded)


@pytest.mark.parametrize("config", ["", BUILT_IN, "ocio://nope"])
def test_auto_is_srgb_whatever_the_config(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", config)
    assert choose_view("auto") is SRGB and choose_view("srgb") is SRGB


def test_a_role_is_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", BUILT_IN)
    view = choose_view("compositing_log")
    assert view.name == "ACEScct"
    assert view.identity == choose_view("ACEScct").identity != choose_view("ACEScc").identity
    # S-2016-001, equation 4: ACEScct of 18 % gray, of white, and of black.
    np.testing.assert_allclose(view.encode(gray(0.18, 1, 0))[0][0, :, 0], [0.4135884, 0.5547945, 0.0729055], atol=1e-6)


def test_a_painted_picture_is_nowhere_brighter_than_the_plate(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 in ACEScct is 222 times white."""
    monkeypatch.setenv("OCIO", BUILT_IN)
    plate = np.array([[[3, 2, 0.5], [0.18, 0.18, 0.18]]], np.float32)
    for name in ("ACEScct", "ACEScc", "srgb"):
        view = choose_view(name)
        _, gain = view.encode(plate)
        light = view.decode(np.ones_like(plate), gain)
        np.testing.assert_allclose(light[0].max(axis=-1), [3, 1], rtol=1e-5)


def test_styles_go_through_the_same_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture for screens is seen as the plate would be that shows the same."""
    monkeypatch.setenv("OCIO", BUILT_IN)
    picture = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
    for name in ("ACEScct", "srgb"):
        view = choose_view(name)
        seen = view.of_screen(picture)
        assert seen.dtype == np.float32
        np.testing.assert_allclose(view.displayed(seen, np.ones((4, 5), np.float32)), picture, atol=1e-4)
    assert choose_view("ACEScct").of_screen(gray(1)).max() == pytest.approx(0.5547945, abs=1e-5)


AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
REC2020 = (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329)
REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)


@pytest.mark.parametrize(
    "chromaticities",
    [
        AP1,
        REC2020,
        REC709,
        None,
        (0.3,) * 8,
        (math.nan, *REC2020[1:]),
        (*REC2020[:6], 0.3, math.inf),
        (1.0, 0.0),
        "none",
        "8letters",
    ],
)
def test_a_plates_own_primaries_come_back(chromaticities: object) -> None:
    plate = np.random.default_rng(0).random((6, 7, 3)).astype(np.float32) * 4
    light = SRGB.light(plate, chromaticities)
    assert light.dtype == np.float32
    assert np.array_equal(light, plate) == (chromaticities not in (AP1, REC2020))
    np.testing.assert_allclose(SRGB.stored(light, chromaticities), plate, atol=1e-5)
    np.testing.assert_allclose(SRGB.light(gray(0, 0.18, 1), chromaticities), gray(0, 0.18, 1), atol=1e-6)


def test_aces_light_is_as_opencolorio_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", BUILT_IN)  # its scene-linear space is ACEScg
    plate = np.random.default_rng(0).random((6, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(SRGB.light(plate, AP1), choose_view("ACEScct").to_srgb_light(plate), atol=2e-4)


def test_what_cannot_be_undone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "config.ocio"
    place.write_text(config_with("scene_linear: lin"))
    monkeypatch.setenv("OCIO", str(place))
    choose_view("Clamped")
    assert (
        'The view "Clamped" cannot be undone exactly: colours come back wrong by up to 50.0 % of white.' in caplog.text
    )


def test_light_of_unknown_primaries_is_shown_as_it_is_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "config.ocio"
    place.write_text(config_with("scene_linear: lin", "color_timing: Film Log"))
    monkeypatch.setenv("OCIO", str(place))
    view = choose_view("color_timing")
    light = np.array([[[0.5, 0.25, 0], [2, -1, 1]]], np.float32)
    shown = view.displayed(view.forward(light), np.ones((1, 2), np.float32))
    np.testing.assert_allclose(shown, SRGB.forward(light.clip(0, 1)), atol=1e-6)
    (note,) = view.display_notes
    assert "config.ocio does not say what its scene-linear colours are" in note
    assert not SRGB.display_notes


@pytest.mark.parametrize("name", ["ACEScct", "sRGB - Texture", "sRGB - Display", "srgb_tx"])
def test_light_comes_back_from_a_color_space(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OCIO", BUILT_IN)
    view = choose_view(name)
    light = np.geomspace(1e-6, 65504, 500, dtype=np.float32)
    for linear in (gray(*light), gray(*-light[light < 1]), np.array([[[5, -0.01, 0.2]]], np.float32)):
        encoded, gain = view.encode(linear)
        loss = np.abs(view.decode(encoded, gain) - linear) / gain[..., None]
        assert loss.max() < 1e-6
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_refusals_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r'"ACEScct".*\$OCIO names none\. Set OCIO'):
        choose_view("ACEScct")
    monkeypatch.setenv("OCIO", BUILT_IN)
    with pytest.raises(InputError, match=r'no colour space "acescctt"\. The nearest ones are: ACEScct,'):
        choose_view("acescctt")
    for nowhere in ("ocio://nope", str(tmp_path / "none.ocio")):
        monkeypatch.setenv("OCIO", nowhere)
        with pytest.raises(InputError, match=r"named by \$OCIO, cannot be read"):
            choose_view("ACEScct")
    place = tmp_path / "config.ocio"
    place.write_text(config_with("color_timing: Film Log"))
    monkeypatch.setenv("OCIO", str(place))
    with pytest.raises(InputError, match=r'The view "Film Log" cannot be made with .*config\.ocio'):
        choose_view("Film Log")
    monkeypatch.setitem(sys.modules, "PyOpenColorIO", None)
    with pytest.raises(InputError, match=r'pip install "stylevideo\[ocio\]"'):
        choose_view("ACEScct")
    assert choose_view("srgb") is SRGB


def test_a_display_rolls_off_what_is_brighter_than_white() -> None:
    """The config that is built in serves where $OCIO names none."""
    light = gray(0, 0.18, 1, 4, 16)
    shown = shown_by("sRGB - Display", "", "auto")(light)[0, :, 1]
    assert (np.diff(shown) > 0.01).all() and shown.max() <= 1
    plain = shown_by("sRGB - Display", "Un-tone-mapped", "auto")(light)[0, :, 1]
    np.testing.assert_allclose(plain, SRGB.forward(light.clip(0, 1))[0, :, 1], atol=1e-3)
    np.testing.assert_array_equal(shown_by("", "Un-tone-mapped", "srgb")(light)[0, :, 1], plain)


def test_a_display_knows_whose_light_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a view of the config its scene-linear primaries, ACEScg's; of sRGB those of bt709."""
    monkeypatch.setenv("OCIO", BUILT_IN)
    light = np.array([[[0.5, 0.2, 0.1]]], np.float32)
    acescg = choose_view("ACEScct").from_srgb_light(light)
    first, second = (
        shown_by("sRGB - Display", "", view)(each) for view, each in (("srgb", light), ("ACEScct", acescg))
    )
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_displays_that_are_not_there_are_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        InputError, match=r'ocio://default has no display "srgb"\. The nearest ones are: sRGB - Display,'
    ):
        shown_by("srgb", "", "auto")
    with pytest.raises(
        InputError, match=r'"sRGB - Display" of ocio://default has no view "untonemapped".*Un-tone-mapped'
    ):
        shown_by("sRGB - Display", "untonemapped", "auto")
    monkeypatch.setitem(sys.modules, "PyOpenColorIO", None)
    with pytest.raises(InputError, match=r'The display "none" needs OpenColorIO.*pip install "stylevideo\[ocio\]"'):
        shown_by("none", "", "auto")
