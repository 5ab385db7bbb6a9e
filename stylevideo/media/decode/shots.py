"""Where a clip is cut, and what of each shot is a picture: nothing of one shot may bleed into the next.

PySceneDetect's adaptive detector judges the frames; it compares each change with those around it, so that a
fast camera is not taken for a cut. Where one shot dissolves into the next (`stylevideo.media.images.dissolves`), the
mixed frames are the end of the first. Both are looked for in the clip as it is, whichever of its frames are wanted;
bars and exposures in those alone. All is found while the clip is decoded once.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from scenedetect import AdaptiveDetector, FrameTimecode

from stylevideo.errors import InputError, Stopped
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.images.bars import Bars, Border, bars_of, border_of, may_have
from stylevideo.media.images.dissolves import DissolveFinder
from stylevideo.media.images.exposure import Exposure, exposure_of, full_exposure
from stylevideo.media.images.pictures import Picture, Reading
from stylevideo.settings.sections import ShotSettings
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

logger = logging.getLogger(__name__)

Look = Callable[[int, Picture], object]
"""Shown a frame, by its index in the selection."""
# Cuts show just as well in a small picture, which is several times faster to judge.
JUDGED_LONG_EDGE = 320
LEAST_ACTIVE_PX = 32
"""Short edge of a picture between bars: VGG-19 sees nothing in less."""
MARGIN = 2
"""So many times the shortest shot is looked at before and after a stretch: a change is judged by those around it."""


def detect_shots(
    selection: FrameSelection,
    settings: ShotSettings | None = None,
    reading: Reading | None = None,
    stop: Callable[[], bool] = lambda: False,
    size: tuple[int, int] | None = None,
    look: Look | None = None,
) -> tuple[Shot, ...]:
    """Divide a stretch of a video into its shots, and find the picture in each.

    Args:
        selection: the frames to be divided. What lies between them in the clip is looked at too, and before and after
            them `MARGIN` times as much as the shortest shot.
        settings: whether cuts, bars and fades are looked for at all (if none is, nothing is decoded), how far a cut
            must stand out, and how soon after the last one it may come; the defaults if not given.
        reading: how the frames are read, with 8 bits; plainly if not given.
        stop: asked before each frame whether to end early.
        size: height and width of the pictures that shots' active parts are those of; the source's if not given.
        look: shown each frame of the selection, by its index, on the same way through the clip, or on one of its own
            where no cuts are looked for; a frame that could not be used may be shown again.
    Returns:
        The shots in order; together they cover the selection exactly.
    Raises:
        DecodeError: no frame can be decoded.
        Stopped: because of `stop`.
    """
    options = settings or ShotSettings()
    ends, views = _looked_at(selection, options, reading, stop, look)
    shots = tuple(_with_pictures(_shots_between(selection.frames, ends), views, options, size))
    logger.info("%s: %d shots", selection.info.path.name, len(shots))
    return shots


@dataclass(frozen=True)
class _View:
    """What a frame shows, as far as that decides what of it is a picture.

    Attributes:
        size: its height and width.
        border: what lies at its sides; None where all of it has one colour.
        exposure: of what lies between.
    """

    size: tuple[int, int]
    border: Border | None
    exposure: Exposure

    @classmethod
    def of(cls, image: np.ndarray) -> _View:
        """Of a frame, (H, W, 3) uint8."""
        border, size = border_of(image), (image.shape[0], image.shape[1])
        inner = border.inner(size) if border else None
        return cls(size, border, exposure_of(image[inner.rows, inner.columns] if inner else image))


def _shots_between(frames: range, ends: Mapping[int, int]) -> tuple[Shot, ...]:
    edges = [frames.start, *sorted(ends), frames.stop]
    return tuple(
        Shot(i, start, stop, dissolving=min(stop - ends.get(stop, stop), stop - start - 1))
        for i, (start, stop) in enumerate(pairwise(edges))
    )


def _with_pictures(
    shots: Sequence[Shot], views: Sequence[_View], settings: ShotSettings, size: tuple[int, int] | None
) -> Iterator[Shot]:
    """The shots with what of them is a picture.

    Args:
        shots: all.
        views: of their frames, in order; none where nobody has looked.
        settings: what is asked for.
        size: as of `detect_shots`.
    """
    if not views:
        yield from shots
        return
    begin = shots[0].start
    of_shots = [views[shot.start - begin : shot.stop - begin] for shot in shots]
    bars = _bars_of_shots(of_shots) if settings.bars == "keep" else [None] * len(shots)
    for shot, own, found in zip(shots, of_shots, bars, strict=True):
        active = found.active.fitted(own[0].size, size or own[0].size) if found else None
        if active and min(active.size) < LEAST_ACTIVE_PX:  # nothing that could be painted by itself
            active = None
        if active:
            logger.info("Shot %d: between bars lies %s.", shot.index + 1, active)
        exposures = [view.exposure for view in own if not view.exposure.is_blank] if settings.fades == "keep" else []
        light, shade = ([getattr(exposure, name) for exposure in exposures] for name in ("light", "shade"))
        yield replace(shot, active=active, full_light=full_exposure(light), full_shade=full_exposure(shade))


def _bars_of_shots(of_shots: Sequence[Sequence[_View]]) -> list[Bars | None]:
    """Each shot's bars; one that shows no edge, as in the dark, has those that most frames of the clip have."""
    sizes = {view.size for views in of_shots for view in views}
    if len(sizes) > 1:  # such as pictures of several sizes, which will be refused
        return [None] * len(of_shots)
    (size,) = sizes
    borders = [[view.border for view in views if view.border] for views in of_shots]
    found = [bars_of(own, size) if own else None for own in borders]
    lengths = Counter[Bars]()
    for bars, own in zip(found, borders, strict=True):
        if bars:
            lengths[bars] += len(own)
    if not lengths:
        return found
    usual = max(lengths, key=lambda bars: lengths[bars])
    return [bars or (usual if may_have(usual, own, size) else None) for bars, own in zip(found, borders, strict=True)]


def _looked_at(
    selection: FrameSelection,
    settings: ShotSettings,
    reading: Reading | None,
    stop: Callable[[], bool],
    look: Look | None,
) -> tuple[dict[int, int], list[_View]]:
    """Where shots end, as of `_cuts` but among the chosen frames, each at its place; and what each frame shows.

    The latter are none where nobody asks.
    """
    chosen, info, start = selection.chosen, selection.info, selection.frames.start
    if not settings.detect_cuts or len(chosen) == 1:
        frames = _frames(selection, reading, stop, look) if settings.looks_for_pictures or look else ()
        return {}, [_View.of(frame.image) for frame in frames if settings.looks_for_pictures]

    def look_if_chosen(index: int, picture: Picture) -> None:
        place = bisect_left(chosen, index)
        if look and place < len(chosen) and chosen[place] == index:
            look(start + place, picture)

    margin = MARGIN * settings.min_shot_frames
    wide = range(max(0, chosen[0] - margin), min(info.frame_count, chosen[-1] + 1 + margin))
    try:
        ends, views = _cuts(FrameSelection(info, wide), settings, reading, stop, look_if_chosen)
    except InputError:  # such as pictures of another size around those that are wanted
        return _cuts(selection, settings, reading, stop, look)

    def place(index: int) -> int:
        return start + bisect_left(chosen, index)

    within = {stop: first for stop, first in sorted(ends.items()) if chosen[0] < stop <= chosen[-1]}
    placed = {place(stop): place(first) for stop, first in within.items()}
    return placed, [views[index - wide.start] for index in chosen] if views else []


def _cuts(
    selection: FrameSelection,
    settings: ShotSettings,
    reading: Reading | None,
    stop: Callable[[], bool],
    look: Look | None,
) -> tuple[dict[int, int], list[_View]]:
    """Where shots end, and what each frame shows, unless nobody asks.

    Blank frames are passed over, unless they are painted: a white flash is no cut, and behind black there is one only
    if another picture follows. Within a dissolve there is no cut.

    Returns:
        The index of each shot's first frame, but for the first shot's, with that of the first frame that is a mix of
        it and the shot before, or the same again; and the views.
    """
    rate, cuts, views, dissolves = selection.info.rate, list[int](), list[_View](), DissolveFinder()
    detector = AdaptiveDetector(adaptive_threshold=settings.cut_threshold, min_scene_len=settings.min_shot_frames)
    timecode = FrameTimecode(selection.frames.start, rate)
    for frame in _frames(selection, reading, stop, look):
        timecode = FrameTimecode(frame.index, rate)
        if settings.looks_for_pictures:
            views.append(_View.of(frame.image))
            if settings.fades == "keep" and views[-1].exposure.is_blank:
                dissolves.add(frame.index, None)
                continue
        small = _small_bgr(frame.image)
        dissolves.add(frame.index, small)
        cuts += _indices(detector.process_frame(timecode, small))
    cuts += _indices(detector.post_process(timecode))
    found = dissolves.found()
    ends = {cut: cut for cut in cuts if not any(each.first < cut < each.stop for each in found)}
    return ends | {each.stop: each.first for each in found}, views


def _frames(
    selection: FrameSelection, reading: Reading | None, stop: Callable[[], bool], look: Look | None
) -> Iterator[SourceFrame]:
    for frame in read_frames(selection, reading):
        if stop():
            raise Stopped("It was stopped while cuts were looked for.")
        if look:
            look(frame.index, frame.picture)
        yield frame


def _indices(timecodes: Iterable[FrameTimecode]) -> Iterator[int]:
    for timecode in timecodes:
        yield int(timecode.frame_num)


def _small_bgr(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    factor = min(1.0, JUDGED_LONG_EDGE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
