"""The view between a plate's scene-linear light and the display-like pictures that are painted.

Knows no files but the OpenColorIO config that `$OCIO` names, and that only for views other than "srgb".

Light has no upper end; a painted picture has white. So each pixel's gain, how much brighter than white its brightest
channel is, is set aside; the rest is encoded, painted, decoded and multiplied with the gain again. Hues stay, painted
white stays white, and highlights keep the plate's energy.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from stylevideo.errors import InputError
from stylevideo.media.primaries import BT709, from_attribute, to_bt709
from stylevideo.system.files import require_ordinary

logger = logging.getLogger(__name__)

Curve = Callable[[np.ndarray], np.ndarray]
"""(H, W, 3) float32 to a new array of the same kind; its argument is left as it was."""

LINEAR_SRGB = "lin_rec709_srgb"
"""The colour space built into OpenColorIO whose light is that of displays."""

DEFAULT_CONFIG = "ocio://default"
"""Built into OpenColorIO; displays are looked for here where `$OCIO` names no config."""

LARGEST_LOSS = 1e-3
"""Parts of white by which a colour may come back wrong before it is worth a warning; half of an 8-bit step is 2e-3."""


@dataclass(frozen=True)
class View:
    """A way from scene-linear light to display-like pictures, and back.

    Args:
        name: as the user knows it: "srgb", or a colour space of the OpenColorIO config.
        identity: differs where the pixels would differ: what a film's manifest needs to have.
        forward: light of 0..1 to display-like values of 0..1. Colours outside the gamut may come out beyond those.
        backward: undoes `forward`.
        to_srgb_light: scene-linear light to the same in the primaries of sRGB, which are those of bt709.
        from_srgb_light: undoes `to_srgb_light`.
        display_notes: what is not as it should be in what `displayed` makes, as sentences.

    >>> encoded, gain = SRGB.encode(np.array([[[4, 2, 0]]], np.float32))
    >>> encoded.round(3), gain
    (array([[[1.   , 0.735, 0.   ]]], dtype=float32), array([[4.]], dtype=float32))
    >>> SRGB.decode(encoded, gain).round(3)
    array([[[4., 2., 0.]]], dtype=float32)
    """

    name: str
    identity: str
    forward: Curve
    backward: Curve
    to_srgb_light: Curve = np.copy
    from_srgb_light: Curve = np.copy
    display_notes: tuple[str, ...] = ()

    def encode(self, linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Make light into a picture to paint on.

        Args:
            linear: (H, W, 3) float32, RGB in the view's scene-linear primaries, finite.
        Returns:
            The picture, (H, W, 3) float32; and the gain, (H, W) float32, 1 where nothing is brighter than white.
        """
        gain = np.maximum(linear.max(axis=-1), np.float32(1))
        return self.forward(linear / gain[..., None]), gain

    def decode(self, encoded: np.ndarray, gain: np.ndarray | None) -> np.ndarray:
        """Make a painted picture into light again.

        Args:
            encoded: (H, W, 3) float32, as from `encode`.
            gain: (H, W) float32, at least 1, of the plate; None where there was none: the picture was for screens.
        Returns:
            (H, W, 3) float32, scene-linear; nowhere brighter than the plate's gain, whatever the curve makes of 1.
        """
        light = self.backward(encoded)
        if gain is not None:
            light = np.minimum(light, np.float32(1)) * gain[..., None]
        return light

    def of_screen(self, picture: np.ndarray) -> np.ndarray:
        """A picture for screens as this view shows what it shows.

        Args:
            picture: (H, W, 3) float32, sRGB.
        """
        return picture if self is SRGB else self.encode(self.from_srgb_light(_srgb_decode(picture)))[0]

    def light(self, stored: np.ndarray, chromaticities: object) -> np.ndarray:
        """A plate's numbers as light in the view's primaries.

        Args:
            stored: (H, W, 3) float32.
            chromaticities: the plate's own, as in OpenEXR's attribute; None for bt709's. A view of OpenColorIO leaves
                them to the config.
        """
        matrix = _matrix(chromaticities) if self is SRGB else None
        return stored if matrix is None else (stored @ matrix.T).astype(np.float32)

    def stored(self, light: np.ndarray, chromaticities: object) -> np.ndarray:
        """Undo `light`."""
        matrix = _matrix(chromaticities) if self is SRGB else None
        return light if matrix is None else (light @ np.linalg.inv(matrix).T).astype(np.float32)

    def displayed(self, encoded: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Make a painted picture into one that screens show, whatever the view's curve and primaries are.

        Args:
            encoded: (H, W, 3) float32, as from `encode`.
            factor: (H, W) float32, by which the light is multiplied.
        Returns:
            (H, W, 3) float32, sRGB; what is brighter than white or out of the gamut is clipped.
        """
        light = self.to_srgb_light((self.backward(encoded) * factor[..., None]).astype(np.float32))
        return _srgb_encode(np.clip(light, 0, 1))


def choose_view(name: str) -> View:
    """Find the view that a user names.

    Args:
        name: "srgb", or "auto", which is the same; or a colour space, role or alias of `$OCIO`'s OpenColorIO config.
    Raises:
        InputError: the config, or the package for it, is missing or unreadable; or it has no such colour space.
    """
    return SRGB if name in ("srgb", "auto") else _color_space_view(_config(name), name)


def sequence_view(name: str) -> View:
    """The view of a sequence's pictures: found once, since an OpenColorIO config takes long to read."""
    return _view(name, os.environ.get("OCIO"))


@cache
def _view(name: str, _config: str | None) -> View:
    return choose_view(name)


def shown_by(display: str, display_view: str, view: str) -> Curve:
    """Find how a display of the OpenColorIO config shows light.

    Args:
        display: its name; the config's default if empty.
        display_view: of its views; its default if empty.
        view: by which the light is known, as for `choose_view`; its primaries are that view's.
    Returns:
        From scene-linear light of any brightness to the display's numbers, 0..1.
    Raises:
        InputError: the config, or the package for it, is missing or unreadable; or there is no such display or view.
    """
    return _shown_by(display, display_view, view, os.environ.get("OCIO"))


@cache
def _shown_by(display: str, display_view: str, view: str, _config_place: str | None) -> Curve:
    what = f'The display "{display or display_view}"'
    place = os.environ.get("OCIO") or DEFAULT_CONFIG
    ocio, config = _ocio(what), _read_config(what, place)
    chosen = display or config.getDefaultDisplay()
    if chosen not in config.getDisplays():
        raise _unknown(chosen, config.getDisplays(), f"{place} has no display")
    chosen_view = display_view or config.getDefaultView(chosen)
    if chosen_view not in config.getViews(chosen):
        raise _unknown(chosen_view, config.getViews(chosen), f'The display "{chosen}" of {place} has no view')
    try:
        to_screen = config.getProcessor(ocio.ROLE_SCENE_LINEAR, chosen, chosen_view, ocio.TRANSFORM_DIR_FORWARD)
        to_scene = None
        if sequence_view(view) is SRGB:
            to_scene = ocio.Config.GetProcessorFromBuiltinColorSpace(LINEAR_SRGB, config, ocio.ROLE_SCENE_LINEAR)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise InputError(
            f"{what} cannot be used with {place} ({error}). Choose another, or name the config's own colour space "
            "with --view."
        ) from error
    first, last = np.copy if to_scene is None else _curve(to_scene, ocio), _curve(to_screen, ocio)
    return lambda light: np.clip(last(first(light)), 0, 1)


def _unknown(name: str, known: Iterable[str], otherwise: str) -> InputError:
    names = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), names, n=3, cutoff=0)
    return InputError(f'{otherwise} "{name}". The nearest ones are: {", ".join(names[each] for each in near)}.')


def _srgb_encode(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, mirrored for negative values so that they come back."""
    size = np.abs(linear)
    encoded = np.where(size <= 0.0031308, 12.92 * np.minimum(size, 1), 1.055 * size ** (1 / 2.4) - 0.055)
    signed: np.ndarray = np.copysign(encoded, linear)
    return signed


def _srgb_decode(encoded: np.ndarray) -> np.ndarray:
    """The inverse of `_srgb_encode`, to 1e-6 of the value: the standard's two pieces do not quite meet."""
    size = np.abs(encoded)
    with np.errstate(over="ignore"):  # the largest values may be rounded beyond what there is
        linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    signed: np.ndarray = np.copysign(np.minimum(linear, np.finfo(np.float32).max), encoded)
    return signed


SRGB = View("srgb", "srgb", _srgb_encode, _srgb_decode)
"""The view that needs no OpenColorIO; a plate's own primaries become bt709's, and those again what they were."""


def _matrix(chromaticities: object) -> np.ndarray | None:
    """From a plate's primaries to bt709's; None where they are those, or none that can be."""
    primaries = from_attribute(chromaticities)
    return None if primaries is None or primaries.is_like(BT709) else to_bt709(primaries)


def _ocio(what: str) -> ModuleType:
    try:
        import PyOpenColorIO
    except ImportError as error:
        raise InputError(
            f"{what} needs OpenColorIO, which is not installed. "
            'Install it with: pip install "stylevideo[ocio]", or leave it out.'
        ) from error
    module: ModuleType = PyOpenColorIO
    return module


def _config(name: str) -> Any:
    """The config that `$OCIO` names: a file, or one built into OpenColorIO, such as `ocio://default`."""
    place = os.environ.get("OCIO")
    if not place:
        raise InputError(
            f'The view "{name}" is a colour space of an OpenColorIO config, and $OCIO names none. '
            'Set OCIO to a config file, or to ocio://default, or choose the view "srgb".'
        )
    return _read_config(f'The view "{name}"', place)


def _read_config(what: str, place: str) -> Any:
    ocio = _ocio(what)
    require_ordinary(Path(place))
    try:
        return ocio.Config.CreateFromFile(place)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise InputError(f"The OpenColorIO config {place}, named by $OCIO, cannot be read ({error}).") from error


def _color_space_view(config: Any, name: str) -> View:
    """The view between the role `scene_linear` and a colour space."""
    space = config.getColorSpace(name)
    if space is None:
        known = (*config.getColorSpaceNames(), *config.getRoleNames())
        raise _unknown(name, known, f"{os.environ['OCIO']} has no colour space")
    ocio = _ocio(f'The view "{name}"')
    try:
        there = config.getProcessor(ocio.ROLE_SCENE_LINEAR, space.getName())
        back = config.getProcessor(space.getName(), ocio.ROLE_SCENE_LINEAR)
        forward, backward = (_curve(processor, ocio) for processor in (there, back))
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise InputError(f'The view "{name}" cannot be made with {os.environ["OCIO"]} ({error}).') from error
    identity = f"{space.getName()} {there.getCacheID()} {back.getCacheID()}"
    view = View(space.getName(), identity, forward, backward, *_srgb_light(config, ocio))
    _warn_of_loss(view)
    return view


def _srgb_light(config: Any, ocio: ModuleType) -> tuple[Curve, Curve, tuple[str, ...]]:
    """The ways to and from the primaries of sRGB, and what is wrong with them."""
    try:
        there = ocio.Config.GetProcessorToBuiltinColorSpace(config, ocio.ROLE_SCENE_LINEAR, LINEAR_SRGB)
        back = ocio.Config.GetProcessorFromBuiltinColorSpace(LINEAR_SRGB, config, ocio.ROLE_SCENE_LINEAR)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        logger.debug("%s", error)
        note = (
            f"{os.environ['OCIO']} does not say what its scene-linear colours are (it has no role aces_interchange): "
            "the result shows them as if they were sRGB's."
        )
        return np.copy, np.copy, (note,)
    return _curve(there, ocio), _curve(back, ocio), ()


def _curve(processor: Any, ocio: ModuleType) -> Curve:
    # The default optimisation has approximate powers and logarithms, which are wrong by 4e-5 of white.
    exact = processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)

    def apply(picture: np.ndarray) -> np.ndarray:
        converted = np.array(picture, np.float32, order="C")
        exact.applyRGB(converted)
        return converted

    return apply


def _warn_of_loss(view: View) -> None:
    """A look or a clamp cannot be undone: measure on a grid of colours what would not come back."""
    steps = np.linspace(0, 1, 9, dtype=np.float32)
    colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
    loss = float(np.abs(view.decode(*view.encode(colors)) - colors).max())
    if not loss <= LARGEST_LOSS:
        logger.warning(
            'The view "%s" cannot be undone exactly: colours come back wrong by up to %.1f %% of white.',
            view.name,
            100 * loss,
        )
