"""Opening a job: everything that is checked, decided and read before work on a clip begins, once for all that follows.

A job is opened to make a film, to check one, to join in one, or to paint frames that are not written. Where frames
are kept, and by what they are known again, is found out here and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from stylevideo.errors import InputError, Problems, SettingsError
from stylevideo.media.decode.reader import check_decodable, check_whole, open_clip
from stylevideo.media.decode.vectors import VectorSource, find_vectors
from stylevideo.media.encode.delivery import DELIVERIES, Delivery, Encoding, choose_delivery
from stylevideo.media.encode.plan import FilmPlan, plan_film
from stylevideo.media.encode.stretch import stretch_of_time
from stylevideo.media.encode.trial import check_film
from stylevideo.media.hidden import REQUEST_NAME, Places, finished_frames
from stylevideo.media.images.pictures import Reading
from stylevideo.media.images.vectors import VectorReading
from stylevideo.media.images.view import SRGB, sequence_view, shown_by
from stylevideo.models.raft import RAFT, load_raft
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.flow import DISFlow, MotionSource
from stylevideo.motion.raft import RaftFlow
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge
from stylevideo.planning.keyed_looks import with_looks_blended
from stylevideo.planning.keys import settings_over
from stylevideo.planning.request import ClipRequest, shot_place
from stylevideo.planning.shots import check_places
from stylevideo.planning.style_clips import Following
from stylevideo.render.disk import check_space
from stylevideo.render.footage.painted import read_painted
from stylevideo.render.job import Comparison, Job, encoding_of, manifest_of
from stylevideo.render.memory import FALLBACK_NAME, changed_parts, in_words, with_tile
from stylevideo.render.outputs import check_names, check_replaced, refuse_into, written_files
from stylevideo.render.styles import (
    LookSource,
    ReadStyle,
    ShotLook,
    contents,
    directions_of,
    each_picture,
    find_looks,
    palette_of,
    read_styles,
    seen_through,
)
from stylevideo.settings.over_time import ShotTable, told
from stylevideo.settings.presets import without_effect
from stylevideo.settings.schema import ClipFacts
from stylevideo.settings.sections import FootageSettings
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.agreement import differing
from stylevideo.store.checkpoint import PAINTED_NAME, changed_painted, read_shots, settle_painted
from stylevideo.store.frames import FrameStore, accept_changes, find_store, painted_with, read_note
from stylevideo.store.identity import weights_hash
from stylevideo.store.kept import ASKED_NAME, Kept
from stylevideo.store.manifest import OF_FRAMES, Asked
from stylevideo.store.notes import WHOLE_NAME, find_notes
from stylevideo.store.watch import SourceWatch
from stylevideo.system.device import choose_device, convolution_dtype
from stylevideo.system.folders import check_folder
from stylevideo.text import counted
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import Clip, FrameSelection

MOST_FRAMES = 100_000
MOST_REPEATS = 100
"""A film of constant rate may have so many frames, or so many for each of the source's."""
UNWRITTEN = DELIVERIES["png"]
"""Frames that are not written are kept as for this: 8 bits, or 16 where the source has more."""


class Mode(Enum):
    """What a job is opened for."""

    RENDER = "render"
    """To make the film: its folder is there, its names are checked, and no other run works on it."""
    CHECK = "check"
    """To tell whether the film can be made: nothing is written, and the film's folder need not be there."""
    JOIN = "join"
    """To paint shots into the unfinished work of another process."""
    FRAMES = "frames"
    """To paint frames that are written nowhere; the request's output does not count."""


@dataclass(frozen=True)
class Attempt:
    """One of those that a film needs where memory is too small, or where its source is touched.

    Attributes:
        given_up: settings' values that take the place of those asked for.
        anew: whether what an interrupted run left is thrown away.
        only_written: whether the source counts as touched only where it was written to.
    """

    given_up: Mapping[str, Any]
    anew: bool
    only_written: bool = False

    @classmethod
    def first(cls, request: ClipRequest, anew: bool) -> Attempt:
        """The first one, which gives up what an interrupted run gave up whose frames are kept."""
        return cls({} if anew else read_note(request.places, FALLBACK_NAME) or {}, anew)


def open_job(
    request: ClipRequest, mode: Mode, attempt: Attempt | None = None, to_be_made: Collection[Path] = ()
) -> Job:
    """Check all that can be checked before any work, and find out, once, what the work needs.

    Args:
        request: the clip.
        mode: what for.
        attempt: the first one if not given.
        to_be_made: where names are checked, folders that will be there too when the film is made.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        ResumeError: an interrupted run's frames were made from something else; or there is nothing to join.
        StorageError: the disk is too full.
    """
    request = with_looks_blended(request)
    if mode is Mode.FRAMES:
        return _read(request, request.settings, mode)
    if mode is Mode.CHECK:
        check_names(request, check_folder(request.output) | frozenset(to_be_made))
    attempt = attempt or Attempt.first(request, mode is not Mode.JOIN and request.settings.output.restart)
    settings = request.settings.with_values(**attempt.given_up)
    made_with = None if attempt.anew else painted_with(request.places)
    job = _read(request, settings, mode, made_with)
    if made_with is not None and _has_changed(job, made_with):
        job = _read(request, settings, mode)  # which paints again what is now asked for otherwise
    job = _in_former_shots(job, attempt)
    job.watch.only_written = attempt.only_written
    if attempt.given_up:
        job = replace(job, notes=(*job.notes, in_words(attempt.given_up)))
    return replace(job, store=_open_store(job, mode, attempt))


def _in_former_shots(job: Job, attempt: Attempt) -> Job:
    """The same, where a clip's shots are known to unfinished work that this one goes on from."""
    found = find_notes(job.places.work) if job.tables and not attempt.anew else None
    if found is None or not OF_FRAMES.issuperset(differing(found[1], manifest_of(job).resume_key)):
        return job
    shots = read_shots(job.places)
    return job.in_shots(shots) if shots else job


def _has_changed(job: Job, made_with: Mapping[str, Any]) -> bool:
    """Whether frames are to be painted again although all were painted; what must not be is refused later."""
    if changed_painted(read_note(job.places, PAINTED_NAME), job.clip.selection, _painted_files(job)):
        return True
    may_change = job.settings.output.keep_frames or read_note(job.places, WHOLE_NAME)
    return bool(may_change and differing(made_with, manifest_of(job).resume_key))


def _painted_files(job: Job) -> dict[int, str]:
    """SHA-256 of painted frames' files, by the frames' indices."""
    return {index: seen.sha256 for index, seen in job.painted.items()}


def _open_store(job: Job, mode: Mode, attempt: Attempt) -> FrameStore | None:
    """The film's unfinished work; None where there is none, and none is begun."""
    places, resume_key = job.places, manifest_of(job).resume_key
    painted = _painted_files(job)
    if mode is Mode.JOIN:
        store = FrameStore(places, resume_key, join=True)
        settle_painted(store, job.clip.selection, painted, may_drop=False)
        return store
    check_space(job, 0 if attempt.anew else finished_frames(places))
    asked = asked_of(job)
    kept = None if attempt.anew else Kept.find(places, resume_key, asked, OF_FRAMES)
    if mode is Mode.CHECK:
        return None if attempt.anew or kept else find_store(places, resume_key)
    if (changed := changed_parts(attempt.given_up)) and not attempt.anew:  # killed before `_make_way` could say so
        accept_changes(places, changed)
    if kept:
        kept.change(resume_key, asked)
    remembered = {FALLBACK_NAME: dict(attempt.given_up)} if attempt.given_up else {}
    store = FrameStore(places, resume_key, attempt.anew, remembered)
    settle_painted(store, job.clip.selection, painted, may_drop=True)
    store.write_note(REQUEST_NAME, job.asked.key)
    remember_asked(store, job)
    return store


def asked_of(job: Job) -> tuple[str, ...]:
    """What each frame is asked for; none where that does not say what it looks like, or is not known yet.

    A looped film's end depends on its beginning, and what lies before a painted frame on that.
    """
    if not job.settings.output.keep_frames or job.settings.temporal.loop or job.painted:
        return ()
    if job.tables and not job.by_shot:
        return ()
    asked = list(chain.from_iterable(_told_of(job, look, frames) for look, frames in job.stretches))
    if job.looks is not None:
        asked = [f"{own} {mattes}" for own, mattes in zip(asked, job.looks.told(), strict=True)]
    begin = job.clip.frames.start
    for turn in job.look_turns:  # each of its frames depends on all of them
        turning = slice(turn.first - begin, turn.begin - begin)
        together = hashlib.sha256(" ".join(asked[turn.first - begin : turn.begin - begin + 1]).encode()).hexdigest()
        asked[turning] = [hashlib.sha256(f"{own} {together}".encode()).hexdigest() for own in asked[turning]]
    return tuple(asked)


def _told_of(job: Job, look: ShotLook, frames: range) -> Iterator[str]:
    weights = [style.weight for style in each_picture(look.styles)]
    asked = told(look.over_time, frames, weights)
    if look.table is None:
        return asked
    own = repr((contents(look.styles), weights_hash(look.settings.strokes.field_path)))
    return (f"{text} {hashlib.sha256(own.encode()).hexdigest()[:16]}" for text in asked)


def remember_asked(store: FrameStore, job: Job) -> None:
    """Have a film's work remember what each frame is asked for, where its frames are to stay.

    Raises:
        StorageError: it cannot be written.
    """
    if job.settings.output.keep_frames:
        store.write_note(ASKED_NAME, asked_of(job))


def _read(request: ClipRequest, settings: Settings, mode: Mode, made_with: Mapping[str, Any] | None = None) -> Job:
    """A job without its unfinished work.

    Args:
        request: the clip.
        settings: those that it is made with.
        mode: what for.
        made_with: the resume key by which all frames were painted, perhaps elsewhere; None while any is missing.
    """
    device = torch.device("cpu") if made_with is not None else choose_device(settings.optimizer.device)
    writes, footage = mode is not Mode.FRAMES, settings.footage
    delivery = request.delivery if writes else UNWRITTEN
    clip = _open_clip(request, footage, writes)
    info, selection = clip.info, clip.selection
    pictures, liked = _read_pictures(request, settings, info)
    watch, written = SourceWatch(selection), tuple[Path, ...]()
    if writes:
        written = written_files(request, selection)
        check_replaced(request, info, written)
    size = film_size(info, settings.scales.size)
    facts = _facts(info, delivery, any(read.told for read in pictures.values()))
    bits = _bits(footage, info, delivery, facts)
    reading = choose_reading(footage, info, delivery.has_alpha, bits)
    if info.is_linear or 32 in delivery.depths:
        view = sequence_view(reading.view)
        pictures = dict(zip(pictures, seen_through(tuple(pictures.values()), view), strict=True))
        liked = seen_through(liked, view)
    every = (request.styles, *(table.styles for table in request.shot))
    styles, *of_tables = (tuple(pictures[style] for style in each) for each in every)
    if reading.is_displayed and facts.shows_light(settings.output.sheet):
        shown_by(reading.display, reading.display_view, reading.view)
    _check_pictures(clip, reading, footage)
    painted = read_painted(settings, selection, size, reading)
    tile = None if made_with is None else made_with["tile"]
    settings = settings.with_values(tile=tile) if tile else with_tile(settings, size, device)
    weights = [read.style.weight for read in styles]
    over_time = settings_over(settings, weights, selection, [read.course for read in styles])
    tables = _tables(request.shot, [own or styles for own in of_tables], settings, selection)
    plan = _plan(clip, delivery, settings, reading, size) if writes else None
    comparison = _comparison(request, clip, settings, bits, size) if writes else None
    vgg = None
    if settings.optimizer.iterations:
        _require_directions([settings, *(table.settings for table in tables)])
    if settings.optimizer.iterations and made_with is None:
        dtype = convolution_dtype(settings.optimizer.precision, device)
        vgg = _network(settings.weights.weights, device, dtype)
    looks, of_looks = None, tuple[str, ...]()
    if settings.optimizer.iterations:
        looks, of_looks = find_looks(each_picture(styles), selection, settings, over_time, size)
    if looks and painted:
        _refuse_painted(looks)
    of_shots = [(table, contents(own)) for table, own in zip(request.shot, of_tables, strict=True)]
    asked = Asked.of(
        watch.identity, contents(styles), request.settings, [style.matte for style in request.styles], of_shots
    )
    vectors, of_vectors = _vectors(settings, clip, size)
    of_pictures = (read.note for read in (*pictures.values(), *liked))
    colors = dict.fromkeys(filter(None, (*of_pictures, *(seen.note for seen in painted.values()))))
    notes = (*colors, *selection.notes, *info.notes, *of_vectors, *of_looks, *without_effect(settings, facts))
    return Job(
        clip=clip,
        styles=styles,
        settings=settings,
        over_time=over_time,
        size=size,
        reading=reading,
        bits=bits,
        delivery=delivery,
        places=request.places if writes else Places(clip.source, clip.source.name),
        written=written,
        device=device,
        vgg=vgg,
        watch=watch,
        plan=plan,
        asked=asked,
        notes=notes,
        comparison=comparison,
        palette=palette_of(liked[0]) if liked else None,
        find_motion=DISFlow if made_with is not None else _finder(settings, device),
        vectors=vectors,
        painted=painted,
        painted_with=made_with,
        looks=looks,
        tables=tables,
    )


def _require_directions(every: Iterable[Settings]) -> None:
    for settings in every:
        directions_of(settings.strokes)  # which refuses what is none


def _read_pictures(
    request: ClipRequest, settings: Settings, info: VideoInfo
) -> tuple[dict[Style, ReadStyle], tuple[ReadStyle, ...]]:
    """All styles of a film and its shots, as they are named, and the picture whose palette they are fitted to."""
    named = tuple(dict.fromkeys(request.all_styles)) if request.styles else ()
    pictures = read_styles(named, Following.of(settings.direction.style_clip, info))
    every = (settings, *(table.settings(settings) for table in request.shot))
    palette = next((file for each in every if (file := each.colors.palette_file)), None)
    return dict(zip(named, pictures, strict=True)), read_styles([Style(palette)]) if palette else ()


def _tables(
    tables: Sequence[ShotTable], styles: Sequence[tuple[ReadStyle, ...]], settings: Settings, selection: FrameSelection
) -> tuple[ShotLook, ...]:
    """What some shots are painted like instead, each with its styles, of a clip of these settings."""
    problems, looks = Problems(), list[ShotLook]()
    with problems.noted():
        check_places(tables, selection)
    for place, (table, read) in enumerate(zip(tables, styles, strict=True), 1):
        with problems.noted(shot_place(place)):
            own = table.settings(settings)
            weights, courses = [each.style.weight for each in read], [each.course for each in read]
            over_time = settings_over(own, weights, selection, courses)
            looks.append(ShotLook(read, own, over_time, table))
    problems.raise_all()
    return tuple(looks)


def _refuse_painted(looks: LookSource) -> None:
    """Refuse painted frames where what is painted differs from place to place."""
    if looks.mattes:
        raise SettingsError(
            "--painted frames are whole frames, and --matte paints parts of them. Leave one of the two out, or paint "
            "the parts as two films and lay one over the other."
        )
    flags = " and ".join(f"--{name.replace('_', '-')}" for name in looks.fields)
    raise SettingsError(
        f"--painted frames stay as they are painted, in all of the picture, and {flags} would have that differ from "
        "place to place. Leave one of the two out."
    )


def _vectors(settings: Settings, clip: Clip, size: tuple[int, int]) -> tuple[VectorSource | None, tuple[str, ...]]:
    """A renderer's vectors, if they are named and of use, and sentences on them."""
    options = settings.motion
    if not (options.vectors_path and settings.temporal.carry and settings.optimizer.iterations):
        return None, ()
    reading = VectorReading(options.vectors_format, options.vectors_scale, options.vectors_y)
    found, notes = find_vectors(options.vectors_path, reading, clip.selection)
    return VectorSource(found, size), notes


def _finder(settings: Settings, device: torch.device) -> Callable[[], MotionSource]:
    """Makes what finds motion in pictures."""
    weights = settings.motion.weights_file
    if settings.motion.motion == "dis" or weights is None:
        return DISFlow
    network = _raft(weights, device)
    return lambda: RaftFlow(network, network.name, device)


@lru_cache(maxsize=1)
def _raft(weights: Path, device: torch.device) -> RAFT:
    return load_raft(weights, device)


def _open_clip(request: ClipRequest, footage: FootageSettings, writes: bool) -> Clip:
    """The clip and which of its frames are meant; a film that is written is not among the frames of its source."""
    source = request.source
    info = open_clip(source, Fraction(footage.rate))
    selection = select_frames(info, footage.frames, footage.start, footage.end, footage.handles)
    if source.is_dir():
        if writes:
            refuse_into(source, request.output, request.delivery)
        source = info.path
    return Clip(source, request.output if writes else source, selection)


def _check_pictures(clip: Clip, reading: Reading, footage: FootageSettings) -> None:
    """Refuse pictures that cannot be read as they are to be read."""
    refuse_hdr(clip.info, footage)
    check_decodable(clip.selection, reading)
    if footage.strict:
        check_whole(clip.selection, reading)


def _plan(clip: Clip, delivery: Delivery, settings: Settings, reading: Reading, size: tuple[int, int]) -> FilmPlan:
    """What the film gets from its source; a film is tried with it, an image sequence needs no trial."""
    if delivery.is_sequence:
        return plan_film(clip)
    _check_length(clip.selection, settings.output.variable_rate == "keep")
    plan = plan_film(clip)
    channels = 4 if reading.alpha != "drop" and delivery.has_alpha else 3
    check_film(clip, encoding_of(delivery, settings), plan, ((*size, channels), reading.bits))
    return plan


def _comparison(
    request: ClipRequest, clip: Clip, settings: Settings, bits: int, size: tuple[int, int]
) -> Comparison | None:
    """The film for comparison, tried as the film itself; of an image sequence it is what such a name stands for."""
    if request.comparison is None:
        return None
    own, kind = replace(clip, output=request.comparison), settings.output.compare
    if request.delivery.is_sequence:
        _check_length(clip.selection, keep_timestamps=False)
        encoding, bits = Encoding(choose_delivery("auto", own.output)), 8
    else:
        encoding = encoding_of(request.delivery, settings)
    plan = plan_film(own)
    height, width = size
    check_film(own, encoding, plan, ((height, 2 * width if kind == "side" else width, 3), bits))
    return Comparison(kind, own, encoding, plan, bits)


@lru_cache(maxsize=1)
def _network(weights: str, device: torch.device, dtype: torch.dtype) -> VGG19:
    """The last one is kept: the next clip of a batch most likely needs the same."""
    return load_vgg19(weights, device, dtype)


def _bits(footage: FootageSettings, info: VideoInfo, delivery: Delivery, facts: ClipFacts) -> int:
    """Bits a channel that finished frames are kept with."""
    depth = footage.depth
    if depth != "auto" and 32 not in delivery.depths:
        return int(depth) if facts.takes_depth(depth) else delivery.depths[0]
    bits = delivery.depths[-1] if info.bits > 8 else delivery.depths[0]
    # From a logarithmic view to screens a step of 8 bits would become several.
    return max(bits, 16) if info.is_linear and sequence_view(footage.view) is not SRGB else bits


def _facts(info: VideoInfo, delivery: Delivery, has_style_clip: bool) -> ClipFacts:
    return ClipFacts(
        is_sequence=info.is_sequence,
        is_still=info.is_still,
        has_alpha=info.has_alpha,
        is_hdr=info.is_hdr,
        is_linear=info.is_linear,
        variable_rate=info.variable_rate,
        long_edge_px=max(info.width, info.height),
        delivery=delivery.name,
        is_film=not delivery.is_sequence,
        writes_light=32 in delivery.depths,
        depths=delivery.depths,
        has_crf=delivery.crf is not None,
        has_style_clip=has_style_clip,
    )


def choose_reading(footage: FootageSettings, info: VideoInfo, alpha: bool, bits: int) -> Reading:
    """How a source is read.

    Args:
        footage: what the user asked for.
        info: of the source.
        alpha: whether the film can hold an alpha channel.
        bits: a channel, at most.
    """
    dropped = not info.has_alpha or (footage.alpha == "keep" and not alpha)
    return Reading(
        bits=bits,
        alpha="drop" if dropped else footage.alpha,
        deinterlace=footage.deinterlace,
        tonemap=footage.tonemap and info.is_hdr,
        view=footage.view,
        display=footage.display,
        display_view=footage.display_view,
    )


def _check_length(selection: FrameSelection, keep_timestamps: bool) -> None:
    """Damaged times would make a film of days, in which a frame is repeated for hours; or one without any."""
    info, shown = selection.info, len(selection.frames)
    if stretch_of_time(selection).length == 0:
        raise InputError(
            f"{info.path.name}: by the times in the file {counted(shown, 'frame')} would last no time at all. "
            "Convert the clip first, or choose other --frames."
        )
    count = sum(selection.repeats)
    if keep_timestamps or 0 < count <= max(MOST_FRAMES, MOST_REPEATS * shown):
        return
    raise InputError(
        f"{info.path.name}: by the times in the file {counted(shown, 'frame')} would be "
        f"{counted(count, 'frame')} of a film of {float(info.rate):g} a second. If the times are right, "
        "add --variable-rate keep; if not, convert the clip first, or choose other --frames."
    )


def refuse_hdr(info: VideoInfo, footage: FootageSettings) -> None:
    """Refuse HDR footage that is not to be brought down.

    Raises:
        InputError: with what to do about it.
    """
    if info.is_hdr and not footage.tonemap:
        raise InputError(
            f"{info.path.name} is HDR ({info.transfer}), which would look flat and grey. "
            "Add --tonemap to bring it down to bt709, or grade it to SDR first."
        )


def film_size(info: VideoInfo, long_edge: int) -> tuple[int, int]:
    """Height and width of the film: the source's, or reduced to a long edge and then even."""
    height, width = reduced_size(info.height, info.width, long_edge)
    if min(height, width) < LEAST_EDGE_PX:
        raise InputError(
            f"{info.path.name}: {width}x{height} pixels are too small for VGG-19. "
            f"The short edge must have at least {LEAST_EDGE_PX} pixels: use a larger clip or a larger --size."
        )
    return height, width


def reduced_size(height: int, width: int, long_edge: int) -> tuple[int, int]:
    """A source's height and width, reduced to a long edge and then even; as they are where that is 0 or larger."""
    if 0 < long_edge < max(height, width):
        height, width = (max(2, round(edge / 2) * 2) for edge in fit_long_edge(height, width, long_edge))
    return height, width
