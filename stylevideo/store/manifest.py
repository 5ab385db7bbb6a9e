"""From what a film is made: one list of all that counts, each item with the questions that it answers.

Three answers come of it. The *request key* says whether a film that is there is what is asked for; it is known without
decoding a frame and without PyTorch, so that a finished batch is known again at once. The *resume key* says whether
unfinished frames are gone on from, and names what differs. The *record* is what a film says of itself: studios ask for
it, and so do people who wonder whether a picture is real. Hashes name files beyond doubt; paths, which may say more
than their owner wishes, stay out of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import Flag, auto
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stylevideo.errors import InputError, SettingsError
from stylevideo.media.decode.probe import require_file
from stylevideo.media.images.style_files import is_style_clip, style_files
from stylevideo.media.pattern import is_sequence, list_sequence, list_vectors
from stylevideo.settings.curves import KEY
from stylevideo.settings.over_time import ShotTable
from stylevideo.settings.places import PAINTED
from stylevideo.settings.schema import Affects, Leaf
from stylevideo.settings.sections import ColorSettings
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import FIELD_MATTES, MatteName, Style, look_numbers
from stylevideo.store.identity import content_hash, read_source, weights_hash
from stylevideo.timeline.ranges import select_frames
from stylevideo.version import __version__

REPAINTED = "a program that repaints footage; it is no recording"
UNCHANGED = "a program, unchanged"
NAMED = "a file"
"""Stands for the name of a file."""


class Use(Flag):
    """What an item is for."""

    REQUEST = auto()
    """It decides whether a film that is there is what is asked for."""
    FILM = auto()
    """It decides what the frames show: whoever makes a film of unfinished work must agree in it."""
    PAINTING = auto()
    """It decides the last digits of what is painted, or more: whoever paints more of it must agree in it, too."""
    RECORD = auto()
    """A film says it of itself."""
    RESUME = FILM | PAINTING
    """Unfinished work of another value is not painted on."""


EVERY = Use.REQUEST | Use.FILM | Use.RECORD
_LEAVES: dict[Use, Callable[[Leaf], bool]] = {
    Use.REQUEST: lambda leaf: leaf.affects is not Affects.RUN,
    Use.RECORD: lambda leaf: not leaf.is_private,
}
"""Which settings are for what; for resuming they say it themselves."""


def item(uses: Use, is_told_empty: bool = True, default: Any = MISSING) -> Any:
    """A field with what it is for, and whether it is told of also where there is nothing of it."""
    return field(default=default, metadata={"uses": uses, "is_told_empty": is_told_empty})


@dataclass(frozen=True)
class SourceFile:
    """A clip by name, with the SHA-256 of all that its files hold, one after another; "" before that is read."""

    name: str
    sha256: str


@dataclass(frozen=True)
class StyleContent:
    """A style.

    Attributes:
        name, weight: of the style.
        sha256: as of `style_hash`.
        pixels: SHA-256 of what was decoded of it, as the painter sees it, of a clip with what its pictures count over
            time; "" before it is decoded.
        look: number of its look among those of the film; None where all styles are one look everywhere.
    """

    name: str
    weight: float
    sha256: str
    pixels: str = ""
    look: int | None = None


@dataclass(frozen=True)
class PaintedContent:
    """A frame that somebody has painted: its place in the clip, as written, and the SHA-256 of its file."""

    place: str
    sha256: str


@dataclass(frozen=True)
class ShotContent:
    """What some shots are asked for instead of what their clip is.

    Attributes:
        where: which shots these are, in words.
        styles: their own; none where they have the clip's.
        values: of settings, by their names.
        stroke_field: as of `Asked`.
    """

    where: str
    styles: tuple[StyleContent, ...]
    values: Mapping[str, Any]
    stroke_field: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """From what a film is asked to be made: all that is known without opening the job.

    Attributes:
        stylevideo: the version of this program.
        torch_package: PyTorch's version, as its package says.
        source: the identity of the files that are read; see `stylevideo.store.identity.read_source`.
        styles: with their files' hashes.
        settings: that are asked for.
        view: what of OpenColorIO decides how light looks, if the settings name it.
        weights: SHA-256 of the weights' file, or the word that the settings have for them.
        raft_weights: of RAFT's file, if the settings name one.
        palette: whose colours the styles' are fitted to, of a picture its file's SHA-256; "" where they are not.
        vectors: the identity of the files of motion vectors, likewise; all that their pattern means.
        mattes: likewise of each style's matte, with how it is read; none where no style has any. Behind them, where any
            is named, those of `FIELD_MATTES`.
        painted: frames that somebody has painted. Unfinished work does not depend on them as a whole: only the shots do
            that they are in, see `stylevideo.render.footage.painted`.
        stroke_field: SHA-256 of the picture of directions, likewise.
        shots: what some shots are asked for instead.
    """

    stylevideo: str = item(EVERY)
    torch_package: str = item(Use.REQUEST)
    source: str = item(Use.REQUEST | Use.FILM)
    styles: tuple[StyleContent, ...] = item(EVERY)
    settings: Settings = item(Use.REQUEST)
    view: str = item(Use.REQUEST)
    weights: str = item(Use.REQUEST | Use.FILM)
    raft_weights: str = item(Use.REQUEST | Use.FILM)
    palette: str = item(EVERY)
    vectors: str = item(EVERY)
    mattes: tuple[str, ...] = item(EVERY)
    painted: tuple[PaintedContent, ...] = item(Use.REQUEST | Use.RECORD)
    stroke_field: str = item(EVERY)
    shots: tuple[ShotContent, ...] = item(EVERY, is_told_empty=False, default=())

    @classmethod
    def of(
        cls,
        source: str,
        styles: Sequence[StyleContent],
        settings: Settings,
        mattes: Sequence[str] = (),
        shots: Sequence[tuple[ShotTable, Sequence[StyleContent]]] = (),
    ) -> Asked:
        """What is asked for now, by this version of the program.

        Args:
            source: its identity.
            styles: as they were read.
            settings: of the job.
            mattes: of the styles, as they are named; "" of one without.
            shots: what some shots are asked for instead, with their styles as they were read.
        """
        own = [table.settings(settings) for table, _ in shots]
        return cls(
            stylevideo=__version__,
            torch_package=version("torch"),
            source=source,
            styles=tuple(styles),
            settings=settings,
            view=_view_identity(settings.footage.view),
            weights=weights_hash(settings.weights.file) if settings.weights.file else settings.weights.weights,
            raft_weights=weights_hash(settings.motion.weights_file),
            palette=next(filter(None, (_palette_identity(each.colors) for each in (settings, *own))), ""),
            vectors=_vectors_identity(settings.motion.vectors_path),
            mattes=_mattes_identity(mattes, settings),
            painted=painted_contents(settings),
            stroke_field=weights_hash(settings.strokes.field_path),
            shots=tuple(
                ShotContent(table.where, tuple(read), _values(table, each), weights_hash(each.strokes.field_path))
                for (table, read), each in zip(shots, own, strict=True)
            ),
        )

    @property
    def key(self) -> str:
        """The request key, a SHA-256: where the job runs and what else it writes does not count."""
        told = dict(_items(self, Use.REQUEST))
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """From what a film is made: what is asked for, and what that comes to.

    Attributes:
        asked: what is asked for.
        form_of_unfinished_work: that this version of the program keeps.
        margin_px: that is painted along around a frame.
        torch, opencv, ffmpeg: versions, as the libraries say.
        film: its name.
        source: the clip.
        frames: numbers of those that are made, as `--frames` takes them.
        first_index: of the first of them, from which the engine counts; another where files come to lie before it.
        delivery: its name.
        size: width and height of the film.
        device_kind, threads: that paint.
        convolution_dtype, weights_sha256: of the network; "none" and None where nothing is painted.
        motion: name of the source of motion; "none" where nothing is carried. What is asked for says which weights and
            which motion, also to who paints nothing and loads no network.
        bits: a channel, that finished frames are kept with.
        reading: how the source's frames are read.
        view: what decides how the source's light looks; "none" where it has none.
        settings: that it is made with; others than those asked for where memory was too small.
    """

    asked: Asked
    form_of_unfinished_work: int = item(Use.FILM)
    margin_px: int = item(Use.PAINTING)
    torch: str = item(Use.PAINTING | Use.RECORD)
    opencv: str = item(Use.PAINTING)
    ffmpeg: str = item(Use.PAINTING)
    film: str = item(Use.RECORD)
    source: SourceFile = item(Use.RECORD)
    frames: str = item(Use.FILM | Use.RECORD)
    first_index: int = item(Use.FILM)
    delivery: str = item(Use.RECORD)
    size: tuple[int, int] = item(Use.RECORD)
    device_kind: str = item(Use.PAINTING)
    threads: int | str = item(Use.PAINTING)
    convolution_dtype: str = item(Use.PAINTING)
    weights_sha256: str | None = item(Use.PAINTING | Use.RECORD)
    motion: str = item(Use.PAINTING)
    bits: int = item(Use.FILM)
    reading: str = item(Use.FILM)
    view: str = item(Use.FILM)
    settings: Settings = item(Use.FILM | Use.RECORD)

    @property
    def request_key(self) -> str:
        """By what a film that is there is known to be what is asked for."""
        return self.asked.key

    @property
    def resume_key(self) -> dict[str, Any]:
        """Everything that decides how frames look, by name; JSON values. See also `PAINTING`."""
        told = {**dict(_items(self.asked, Use.RESUME)), **dict(_items(self, Use.RESUME))}
        settings = told.pop("settings")
        return {**told, **settings}

    @property
    def record(self) -> dict[str, Any]:
        """What a film says of itself, by name; JSON values."""
        told = {**dict(_items(self.asked, Use.RECORD)), **dict(_items(self, Use.RECORD))}
        return {**told, "made_by": REPAINTED if self.weights_sha256 else UNCHANGED, "request": self.request_key}


OF_PAINTER = frozenset(entry.name for entry in fields(Manifest)[1:] if Use.PAINTING in entry.metadata["uses"])
PAINTING = OF_PAINTER | {"tile"}
"""Names of the resume key's values that only those who paint must agree in: they are of a machine and of what is
installed there. A tile is, too: it is chosen by a machine's memory."""


_PRIVATE = frozenset(leaf.name for leaf in leaves() if leaf.is_private)
OF_FRAMES = frozenset({KEY, "mattes", "shots"} | {leaf.name for leaf in leaves() if not leaf.why_constant})
"""Names of the resume key's values that may differ from frame to frame."""


def read_asked(source: Path, styles: Sequence[Style], settings: Settings, shots: Sequence[ShotTable] = ()) -> Asked:
    """Find out what is asked for, without decoding a frame.

    Args:
        source: a video file, or the pattern or folder of an image sequence, of which the frames asked for count.
        styles: with their weights.
        settings: of the job.
        shots: what some shots are asked for instead.
    Raises:
        InputError: the source or a style cannot be read, or the sequence does not have these frames.
        SettingsError: the frames are not written as they should be.
    """
    footage = settings.footage
    if is_sequence(source):
        listed = list_sequence(source, Fraction(footage.rate))
        selection = select_frames(listed, footage.frames, footage.start, footage.end, footage.handles)
        files = selection.files
    else:
        require_file(source)
        files = (source,)
    of_shots = [(table, _contents(table.styles)) for table in shots]
    mattes = [style.matte for style in styles]
    return Asked.of(read_source(files).identity, _contents(styles), settings, mattes, of_shots)


def _contents(styles: Sequence[Style]) -> list[StyleContent]:
    looks = look_numbers(styles) or [None] * len(styles)
    return [
        StyleContent(style.path.name, style.weight, style_hash(style.path), look=look)
        for style, look in zip(styles, looks, strict=True)
    ]


def style_hash(path: Path) -> str:
    """The SHA-256 of a style's file; of a clip or an image sequence, of all that its files hold, one after another.

    Where that is large, or files of a sequence are missing, it is the clip's identity instead; see `read_source`.

    Raises:
        InputError: it cannot be read.
    """
    if not is_style_clip(path):
        return content_hash(path)
    files = style_files(path)
    content = read_source(files)
    return content.identity if None in files or not content.sha256 else content.sha256


def painted_contents(settings: Settings) -> tuple[PaintedContent, ...]:
    """By what a clip's painted frames are known again.

    Raises:
        InputError: one cannot be read.
    """
    return tuple(PaintedContent(painted.place, content_hash(painted.path)) for painted in settings.painted_places)


def _items(part: Asked | Manifest, use: Use) -> Iterator[tuple[str, Any]]:
    """The items that are for something, by name, as JSON values."""
    for entry in fields(part):
        value = getattr(part, entry.name)
        if use & entry.metadata.get("uses", Use(0)) and (entry.metadata["is_told_empty"] or value):
            yield entry.name, _said(value, use)


def _said(value: Any, use: Use) -> Any:
    """An item's value as it is said where it is for something."""
    match value:
        case Settings() if use is Use.RESUME:
            return {leaf.name: _value(leaf, value) for leaf in leaves() if leaf.name in value.fingerprint()}
        case Settings():
            return {leaf.name: _value(leaf, value) for leaf in leaves() if _LEAVES[use](leaf)}
        case SourceFile():
            return {"name": value.name, "sha256": value.sha256}
        case StyleContent() if use is Use.RECORD:
            return {"name": value.name, "weight": float(value.weight), "sha256": value.sha256}
        case StyleContent():
            pixels = value.sha256 if use is Use.REQUEST else value.pixels
            return [pixels, float(value.weight), *([] if value.look is None else [value.look])]
        case ShotContent():
            hidden = _PRIVATE if use is Use.RECORD else frozenset()
            return {
                "shots": value.where,
                "styles": _said(value.styles, use),
                "settings": {name: own for name, own in value.values.items() if name not in hidden},
                "stroke_field": value.stroke_field,
            }
        case PaintedContent():
            return [value.place, value.sha256]
        case tuple():
            return [_said(entry, use) for entry in value]
    return value


def _value(leaf: Leaf, settings: Settings) -> Any:
    """A setting's value; 1, as a job file may have it, is 1.0, as the command line has it.

    What files hold are items of their own; where they lie does not count.
    """
    value = settings.value(leaf.name)
    if leaf.names_a_file(value) or (leaf.name == PAINTED and value):
        return NAMED
    return float(value) if isinstance(leaf.default, float) else value


def _values(table: ShotTable, own: Settings) -> dict[str, Any]:
    """What a table of shots says, of which these are the settings."""
    return {leaf.name: _value(leaf, own) for leaf in leaves() if leaf.name in table.values}


def _palette_identity(colors: ColorSettings) -> str:
    """As of `Asked`; also "" where a picture cannot be read, which a run says."""
    if colors.color != "match":
        return ""
    with suppress(InputError):
        return style_hash(colors.palette_file) if colors.palette_file else colors.palette
    return ""


def _vectors_identity(pattern: Path | None) -> str:
    """Of all files that a pattern means; "" where none is named, or it means none, which a run says."""
    if pattern is None:
        return ""
    try:
        return read_source(list_vectors(pattern).files).identity
    except InputError:
        return ""


def _mattes_identity(of_styles: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """As of `Asked`."""
    fields = [settings.value(name) for name in FIELD_MATTES] if settings.field_mattes else []
    return tuple(map(_matte_identity, (*of_styles, *fields))) if any(of_styles) or fields else ()


def _matte_identity(text: str) -> str:
    """Of all files that a matte means, and how they are read; "" where none is named, or it means none."""
    files = matte_files(text)
    if not files:
        return ""
    try:
        return f"{read_source(files).identity} {replace(MatteName.parse(text), path=Path('matte'))}"
    except InputError:  # a run says so
        return ""


def matte_files(text: str) -> tuple[Path | None, ...]:
    """All that a matte means; none where it means none, which a run says."""
    if not text:
        return ()
    try:
        path = MatteName.parse(text).path
        return list_sequence(path, Fraction(1)).files if is_sequence(path) else (path,)
    except (InputError, SettingsError):
        return ()


def _view_identity(view: str) -> str:
    """What of OpenColorIO decides how light looks; it is asked where it is named only."""
    if view in ("auto", "srgb"):
        return "none"
    from stylevideo.media.images.view import sequence_view

    try:
        return sequence_view(view).identity
    except InputError:  # a run says so, if it needs the view
        return "none"
