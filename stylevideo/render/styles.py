"""The styles a user names, pictures or clips, and where each is painted: read, checked, made into what is aimed for.

Styles of one matte are one *look*, blended by their weights; those without a matte, beside others that have one, are
the look of all that the mattes leave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylevideo.engine.given.legs import Leg
from stylevideo.engine.strokes.directions import Directions
from stylevideo.engine.targets import STYLE_SCALE, StylePicture, StyleTargets
from stylevideo.errors import InputError, Problems, SettingsError
from stylevideo.media.decode.mattes import Matte, MatteReader, find_matte, identity_of, is_black, stamp
from stylevideo.media.images.bars import border_of
from stylevideo.media.images.pictures import (
    Picture,
    fit_picture,
    read_picture,
    to_floats,
    to_image,
)
from stylevideo.media.images.style_files import is_style_clip
from stylevideo.media.images.view import SRGB, View
from stylevideo.models.vgg import VGG19
from stylevideo.ops.color import Palette, fitted_to
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge
from stylevideo.ops.regions import Regions, shares_of_looks, shares_of_sizes
from stylevideo.planning.style_clips import MEAN_OF_CLIPS, ONE_PICTURE, Course, Following
from stylevideo.render.footage.style_clips import pictures_of_clip, style_picture
from stylevideo.settings.curves import LookTurn
from stylevideo.settings.over_time import AsksFrames, ShotTable
from stylevideo.settings.settings import Settings
from stylevideo.settings.strokes import ANGLE_WORDS, StrokeSettings
from stylevideo.settings.style import FIELD_MATTES, MatteName, Style, look_numbers
from stylevideo.store.manifest import StyleContent, style_hash
from stylevideo.text import did_you_mean, quoted
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

OWN_SIZE = 1 / STYLE_SCALE
"""Stroke size at which a picture as large as the film is shown as it is."""
PALETTE_EDGE_PX = 320
"""Long edge at which a frame's colours are looked at."""
_ALL_BLACK = {
    "strength_matte": "The matte {text} of --strength-matte is black in all frames: nothing is painted more than at "
    "--strength 0.",
    "stroke_size_matte": "The matte {text} of --stroke-size-matte is black in all frames: all strokes have size 1.",
}
"""What is said of a matte that has nothing white."""


@dataclass(frozen=True, eq=False)
class ReadStyle:
    """A style with its pictures: one, or some of a clip.

    Attributes:
        style: as it was named.
        pictures: (H, W, 3), RGB: uint8, or float32 through a view; all of one size.
        sha256: as of `style_hash`.
        note: what was done about the picture's colours, as a sentence, if anything.
        course: what each picture counts.
        told: of a clip, how many of its pictures are used and how, as a sentence.
    """

    style: Style
    pictures: tuple[np.ndarray, ...]
    sha256: str
    note: str = ""
    course: Course = ONE_PICTURE
    told: str = ""

    @property
    def picture(self) -> np.ndarray:
        """The first one."""
        return self.pictures[0]


def read_styles(styles: Sequence[str | Path | Style], following: Following = MEAN_OF_CLIPS) -> tuple[ReadStyle, ...]:
    """Read the pictures of styles.

    Args:
        styles: at least one picture or clip, `PICTURE:WEIGHT`, or `Style(path, weight)`.
        following: how clips count; their mean if not given.
    Raises:
        InputError: there is none, or some cannot be read or are too small for the network.
        SettingsError: a weight is not above zero.
    """
    chosen = tuple(map(Style.of, styles))
    if not chosen:
        raise InputError("No style picture was given. Name at least one with --style PICTURE.")
    problems, found = Problems(), list[ReadStyle]()
    for style in chosen:
        with problems.noted():
            found.append(_read_style(style, following))
    problems.raise_all()
    return tuple(found)


def each_picture(styles: Sequence[ReadStyle]) -> list[Style]:
    """Of each picture of each style, in their order, the style with that picture's weight on the whole."""
    return [replace(read.style, weight=read.style.weight * share) for read in styles for share in read.course.mean]


def contents(styles: Sequence[ReadStyle]) -> list[StyleContent]:
    """What a manifest says of styles."""
    looks = look_numbers([read.style for read in styles]) or [None] * len(styles)
    return [
        StyleContent(
            name=read.style.path.name,
            weight=read.style.weight,
            sha256=read.sha256,
            pixels=_pixels_of(read),
            look=look,
        )
        for read, look in zip(styles, looks, strict=True)
    ]


def _pixels_of(read: ReadStyle) -> str:
    digest = hashlib.sha256()
    for picture in read.pictures:
        digest.update(picture.tobytes())
    if len(read.pictures) > 1:
        digest.update(repr(read.course).encode())
    return digest.hexdigest()


def seen_through(styles: Sequence[ReadStyle], view: View) -> tuple[ReadStyle, ...]:
    """Styles as a view shows them, which a plate's light is painted through: its pictures are not sRGB either."""
    if view is SRGB:
        return tuple(styles)
    return tuple(
        replace(read, pictures=tuple(view.of_screen(to_floats(picture)) for picture in read.pictures))
        for read in styles
    )


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
    """How the colours of a picture are spread, or of some of a clip together."""
    height, width = read.picture.shape[:2]
    size = fit_long_edge(height, width, min(PALETTE_EDGE_PX, max(height, width)))
    found = (Palette.of(to_image(fit_picture(picture, size)).clamp(0, 1)) for picture in read.pictures)
    seen = list(filter(None, found))
    return Palette.together(seen) if len(seen) > 1 else next(iter(seen), None)


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
    images = [to_image(picture) for read in styles for picture in read.pictures]
    if palette is not None:
        images = [fitted_to(palette, image, settings.colors.color_amount) for image in images]
    named = each_picture(styles)
    looks = look_numbers(named) or [0] * len(named)
    pictures = [
        StylePicture(image.to(device), style.weight, look)
        for image, style, look in zip(images, named, looks, strict=True)
    ]
    directions = directions_of(settings.strokes)
    strokes = settings.strokes
    return StyleTargets(vgg, pictures, settings.losses, strokes.stroke_size, directions, strokes.sizes)


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


def painted_targets(pictures: Sequence[Tensor], vgg: VGG19, settings: Settings) -> StyleTargets:
    """What frames near painted ones should look like: as those, whose strokes have the film's own size.

    Args:
        pictures: (1, 3, H, W), 0..1, the painted frames.
        vgg: the network.
        settings: of the frames.
    """
    device = next(vgg.buffers()).device
    return StyleTargets(vgg, [StylePicture(image.to(device), 1.0) for image in pictures], settings.losses, OWN_SIZE)


@dataclass(frozen=True, eq=False)
class ShotLook:
    """What the frames of some shots are painted like, or those of the whole clip.

    Attributes:
        styles: with their pictures.
        settings: of these shots.
        over_time: what each frame is asked for.
        table: which shots these are; None for the whole clip.
    """

    styles: tuple[ReadStyle, ...]
    settings: Settings
    over_time: AsksFrames
    table: ShotTable | None = None


@dataclass(frozen=True)
class PaintedLook:
    """What each frame of a leg is asked for whose styles are the painted frames at its ends: the nearer counts more.

    Attributes:
        asked: what the film's frames are asked for.
        leg: between painted frames.
    """

    asked: AsksFrames
    leg: Leg

    def at(self, frame: int) -> Settings:
        """As of `AsksFrames`. The guard rests: what somebody painted may well stand out."""
        settings = self.asked.at(frame).with_values(guard=0.0)
        way = self.leg.way(frame)
        weights = (1 - way, way) if len(self.leg.given) == 2 else ()
        return replace(settings, direction=replace(settings.direction, style_weights=weights))

    def changes_at(self, frame: int) -> bool:
        """As of `AsksFrames`."""
        return self.asked.changes_at(frame)

    def turns(self, frames: range) -> tuple[LookTurn, ...]:
        """As of `AsksFrames`. The painted frames count throughout."""
        return ()


def _read_style(style: Style, following: Following) -> ReadStyle:
    path = style.path
    found = pictures_of_clip(path, following) if is_style_clip(path) else style_picture(path)
    height, width = found.pictures[0].shape[:2]
    if min(height, width) < LEAST_EDGE_PX:
        raise InputError(
            f"{path} is too small for VGG-19: {width}x{height} pixels. "
            f"Use a picture of at least {LEAST_EDGE_PX} pixels each way."
        )
    return ReadStyle(style, found.pictures, style_hash(path), found.note, found.course, found.told)


@dataclass(frozen=True)
class LookSource:
    """Where the looks of a clip's frames are, and how strong and how wide their strokes are there.

    Attributes:
        mattes: of each look that has one; without any, all styles are one look everywhere.
        looks: of each style's picture, the number of its look; the look without a matte is the last one.
        weights: of each style's picture, on the whole.
        over_time: what each frame is asked for.
        selection: the clip's frames.
        size: height and width of the film.
        stamps: of the mattes' files as they were at the beginning.
        fields: the mattes of `FIELD_MATTES` that are named, by the settings' names.
        stroke_sizes: how many sizes of strokes each look has.
    """

    mattes: tuple[Matte, ...]
    looks: tuple[int, ...]
    weights: tuple[float, ...]
    over_time: AsksFrames
    selection: FrameSelection
    size: tuple[int, int]
    stamps: dict[Path, tuple[int, int] | None]
    fields: Mapping[str, Matte] = field(default_factory=dict)
    stroke_sizes: int = 1

    @contextmanager
    def reader(self, asked: int | None = None) -> Iterator[Callable[[int], Regions]]:
        """Reads the regions of a frame by its index, in one thread.

        Args:
            asked: index of the frame by whose weights looks share all frames; None for each by its own.
        """
        source = self if asked is None else replace(self, over_time=self.over_time.at(asked))
        with ExitStack() as open_readers:
            readers = [MatteReader(matte, self.size, self.stamps) for matte in (*self.mattes, *self.fields.values())]
            for reader in readers:
                open_readers.enter_context(closing(reader))
            yield _Reading(source, readers).regions

    def told(self) -> Iterator[str]:
        """Of each frame its mattes' identity, in order."""
        with self.reader() as read:
            for index in self.selection.frames:
                yield read(index).identity

    def regions(self, index: int, mattes: Sequence[np.ndarray], identity: str, changes: bool) -> Regions:
        """Those of a frame, by its index, from all that is read for it, as a reader reads it."""
        count = len(self.mattes)
        of_fields = zip(self.fields, mattes[count:], strict=True)
        fields = {name: torch.from_numpy(values)[None, None] for name, values in of_fields}
        parts = self._shares(index, mattes[:count]) if count else torch.ones(1, 1, *self.size)
        if (widths := fields.get("stroke_size_matte")) is not None:
            sizes = shares_of_sizes(widths, self.stroke_sizes)
            parts = (parts[:, :, None] * sizes[:, None]).flatten(1, 2)
        return Regions(parts, identity, changes, fields.get("strength_matte"))

    def _shares(self, index: int, mattes: Sequence[np.ndarray]) -> torch.Tensor:
        """Each look's share of a frame: (1, looks, H, W); see `shares_of_looks`."""
        weights = self.over_time.at(index).direction.style_weights or self.weights
        of_looks = [
            float(sum(own for own, look in zip(weights, self.looks, strict=True) if look == number))
            for number in range(max(self.looks) + 1)
        ]
        count = len(self.mattes)
        rest = of_looks[count] if len(of_looks) > count else None
        return shares_of_looks(torch.from_numpy(np.stack(mattes))[None], of_looks[:count], rest)


class _Reading:
    """Mattes of frames, as they are read."""

    def __init__(self, source: LookSource, readers: Sequence[MatteReader]) -> None:
        self._source, self._readers = source, readers
        self._known = lru_cache(2)(self._identity)

    def regions(self, index: int) -> Regions:
        """Of a frame, by its index in the selection."""
        before = self._known(index - 1) if index > self._source.selection.frames.start else None
        identity = self._known(index)
        return self._source.regions(index, self._read(index), identity, before != identity)

    def _read(self, index: int) -> list[np.ndarray]:
        counted = self._source.selection.counted
        return [reader.read(counted[index]) for reader in self._readers]

    def _identity(self, index: int) -> str:
        return " ".join((identity_of(self._read(index)), *self._source.fields))


def find_looks(
    styles: Sequence[Style],
    selection: FrameSelection,
    settings: Settings,
    over_time: AsksFrames,
    size: tuple[int, int],
) -> tuple[LookSource | None, tuple[str, ...]]:
    """Find the mattes of styles, of strength and of the size of strokes.

    Args:
        styles: of the clip, as of `each_picture`.
        selection: its frames.
        settings: of the clip.
        over_time: what each frame is asked for.
        size: height and width of the film.
    Returns:
        Where the looks are, None where all is painted alike everywhere; and sentences on what is not as it should be.
    Raises:
        InputError, SettingsError: all that is wrong with the mattes; or there is nothing to paint.
    """
    looks, problems = look_numbers(styles), Problems()
    of_fields = {name: text for name in FIELD_MATTES if (text := settings.value(name))}
    if not looks and not of_fields:
        return None, ()
    found, notes, black = dict[str, Matte](), list[str](), list[str]()
    with problems.noted():
        if "stroke_size_matte" in of_fields and settings.strokes.stroke_size == 1:
            raise SettingsError(
                "--stroke-size-matte says where strokes have the --stroke-size that is asked for, and where 1. That is "
                "1 too, so that it would do nothing: add --stroke-size, such as 2, or leave the matte out."
            )
    of_looks = tuple(dict.fromkeys(style.matte for style in styles if style.matte))
    for text in dict.fromkeys((*of_looks, *of_fields.values())):
        with problems.noted():
            matte, own = find_matte(MatteName.parse(text), selection)
            found[text] = matte
            notes += own
            if is_black(matte, selection):
                black.append(text)
    problems.raise_all()
    unpainted = [text for text in of_looks if text in black]
    if looks and len(unpainted) == len(of_looks) == max(looks) + 1:
        raise InputError(
            f"There is nothing to paint: in all frames of {selection.info.path.name} that are meant, "
            f"{' and '.join(unpainted)} {'is' if len(unpainted) == 1 else 'are'} black. Add :inverted, or other "
            "--frames."
        )
    notes += (f"The matte {text} is black in all frames: its style is painted nowhere." for text in unpainted)
    notes += (_ALL_BLACK[name].format(text=text) for name, text in of_fields.items() if text in black)
    stamps = {file: stamp(file) for matte in found.values() for file in matte.files(selection.chosen) if file}
    source = LookSource(
        mattes=tuple(found[text] for text in of_looks),
        looks=looks,
        weights=tuple(style.weight for style in styles),
        over_time=over_time,
        selection=selection,
        size=size,
        stamps=stamps,
        fields={name: found[text] for name, text in of_fields.items()},
        stroke_sizes=len(settings.strokes.sizes),
    )
    return source, tuple(dict.fromkeys(notes))
