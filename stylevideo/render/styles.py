"""The style pictures a user names: read, checked, and made into what the optimiser aims for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from stylevideo.engine.strokes.directions import Directions
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.errors import InputError
from stylevideo.media.images.bars import border_of
from stylevideo.media.images.pictures import (
    Picture,
    fit_picture,
    read_as_srgb,
    read_picture,
    to_floats,
    to_image,
)
from stylevideo.media.images.view import SRGB, View
from stylevideo.models.vgg import VGG19
from stylevideo.ops.color import Palette, fitted_to
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge
from stylevideo.settings.settings import Settings
from stylevideo.settings.strokes import ANGLE_WORDS, StrokeSettings
from stylevideo.settings.style import Style
from stylevideo.store.identity import content_hash
from stylevideo.store.manifest import StyleContent
from stylevideo.text import did_you_mean, quoted
from stylevideo.timeline.clip import Shot

PALETTE_EDGE_PX = 320
"""Long edge at which a frame's colours are looked at."""


@dataclass(frozen=True, eq=False)
class ReadStyle:
    """A style with its picture, (H, W, 3), RGB: uint8, or float32 through a view; and the SHA-256 of its file.

    `note`: what was done about the picture's colours, as a sentence, if anything.
    """

    style: Style
    picture: np.ndarray
    sha256: str
    note: str = ""

    @property
    def content(self) -> StyleContent:
        """What a manifest says of it."""
        pixels = hashlib.sha256(self.picture.tobytes()).hexdigest()
        return StyleContent(self.style.path.name, self.style.weight, self.sha256, pixels)


def read_styles(styles: Sequence[str | Path | Style]) -> tuple[ReadStyle, ...]:
    """Read the pictures of styles.

    Args:
        styles: at least one picture, `PICTURE:WEIGHT`, or `Style(path, weight)`.
    Raises:
        InputError: there is none, or one cannot be read or is too small for the network.
        SettingsError: a weight is not above zero.
    """
    chosen = tuple(map(Style.of, styles))
    if not chosen:
        raise InputError("No style picture was given. Name at least one with --style PICTURE.")
    return tuple(map(_read_style, chosen))


def seen_through(styles: Sequence[ReadStyle], view: View) -> tuple[ReadStyle, ...]:
    """Styles as a view shows them, which a plate's light is painted through: its pictures are not sRGB either."""
    if view is SRGB:
        return tuple(styles)
    return tuple(replace(read, picture=view.of_screen(to_floats(read.picture))) for read in styles)


class ShotPalettes:
    """Gathers how a clip's colours are spread in each shot, from all of its frames, small.

    Args:
        together: whether all shots have one palette.
    """

    def __init__(self, together: bool = False) -> None:
        self._together = together
        self._found: dict[int, Palette | None] = {}

    def look(self, index: int, picture: Picture) -> None:
        """See a frame, by its index; what is transparent, bars at its sides and blank frames do not count."""
        border = border_of(picture.image)
        if border is None:
            self._found[index] = None
            return
        part = border.inner(picture.image.shape[:2])
        alpha = None if picture.alpha is None else picture.alpha[part.rows, part.columns]
        shown = replace(picture, image=picture.image[part.rows, part.columns], alpha=alpha)
        small = shown.fitted(fit_long_edge(*part.size, min(PALETTE_EDGE_PX, max(part.size))))
        opacity = None if small.alpha is None else torch.from_numpy(to_floats(small.alpha))[None, None].clamp(0, 1)
        self._found[index] = Palette.of(to_image(small.image).clamp(0, 1), opacity)

    def of(self, shots: Sequence[Shot]) -> tuple[Palette | None, ...]:
        """One for each shot; None where nothing counts."""
        film = range(shots[0].start, shots[-1].stop)
        stretches = [film] * len(shots) if self._together else [range(shot.start, shot.stop) for shot in shots]
        each = ([self._found[index] for index in stretch] for stretch in stretches)
        return tuple(Palette.together(seen) if (seen := list(filter(None, found))) else None for found in each)


def palette_of(read: ReadStyle) -> Palette | None:
    """How the colours of a picture are spread."""
    height, width = read.picture.shape[:2]
    small = fit_picture(read.picture, fit_long_edge(height, width, min(PALETTE_EDGE_PX, max(height, width))))
    return Palette.of(to_image(small).clamp(0, 1))


def style_targets(
    styles: Sequence[ReadStyle], vgg: VGG19, settings: Settings, palette: Palette | None = None
) -> StyleTargets:
    """What frames should look like, by the settings' style layers and stroke size, on the network's device.

    Args:
        styles: with their pictures.
        vgg: the network.
        settings: of the frames.
        palette: that the pictures' colours are fitted to, as far as the settings ask for it; None leaves them.
    """
    device = next(vgg.buffers()).device
    images = [to_image(read.picture) for read in styles]
    if palette is not None:
        images = [fitted_to(palette, image, settings.colors.color_amount) for image in images]
    pictures = [StylePicture(image.to(device), read.style.weight) for image, read in zip(images, styles, strict=True)]
    directions = directions_of(settings.strokes)
    return StyleTargets(vgg, pictures, settings.losses, settings.strokes.stroke_size, directions)


def directions_of(strokes: StrokeSettings) -> Directions | None:
    """Which way strokes should run; None for as in the styles.

    Raises:
        InputError: the picture of directions cannot be read, or is grey.
    """
    path = strokes.field_path
    if path is None:
        by_motion = strokes.stroke_angle == "motion"
        return Directions(strokes.degrees, by_motion=by_motion) if strokes.stroke_angle else None
    if not path.exists():
        raise InputError(
            f"--stroke-angle: there is no picture {quoted(str(path))}.{did_you_mean(str(path), ANGLE_WORDS)} "
            "Give degrees, gradient, motion, or a picture of directions."
        )
    picture = read_picture(path)
    if (picture == picture[..., :1]).all():
        raise InputError(
            f"--stroke-angle: {path} is grey, and holds no directions. Red must be the angle's cosine, green its sine, "
            "both as 0.5 + 0.5 of it."
        )
    return Directions(picture=2 * to_image(picture)[:, :2] - 1)


def _read_style(style: Style) -> ReadStyle:
    path = style.path
    picture, note = read_as_srgb(path)
    if min(picture.shape[:2]) < LEAST_EDGE_PX:
        raise InputError(
            f"{path} is too small for VGG-19: {picture.shape[1]}x{picture.shape[0]} pixels. "
            f"Use a picture of at least {LEAST_EDGE_PX} pixels each way."
        )
    return ReadStyle(style, picture, content_hash(path), note)
