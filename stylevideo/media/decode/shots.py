"""Where a clip is cut: nothing of one shot may bleed into the next.

PySceneDetect's adaptive detector judges the frames; it compares each change with those around it, so that a
fast camera is not taken for a cut. Only hard cuts are found: a dissolve stays within its shot. They are
looked for in the clip as it is, whichever of its frames are wanted.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from scenedetect import AdaptiveDetector, FrameTimecode

from stylevideo.errors import InputError, Stopped
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.images.pictures import Picture, Reading
from stylevideo.settings.sections import ShotSettings
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

logger = logging.getLogger(__name__)

Look = Callable[[int, Picture], object]
"""Shown a frame, by its index in the selection."""
# Cuts show just as well in a small picture, which is several times faster to judge.
JUDGED_LONG_EDGE = 320
MARGIN = 2
"""So many times the shortest shot is looked at before and after a stretch: a change is judged by those around it."""


def detect_shots(
    selection: FrameSelection,
    settings: ShotSettings | None = None,
    reading: Reading | None = None,
    stop: Callable[[], bool] = lambda: False,
    look: Look | None = None,
) -> tuple[Shot, ...]:
    """Divide a stretch of a video into its shots.

    Args:
        selection: the frames to be divided. What lies between them in the clip is looked at too, and before and after
            them `MARGIN` times as much as the shortest shot.
        settings: whether cuts are looked for at all (if not, nothing is decoded), how far a cut must stand out, and
            how soon after the last one it may come (which leaves out flashes); the defaults if not given.
        reading: how the frames are read, with 8 bits; plainly if not given.
        stop: asked before each frame whether to end early.
        look: shown each frame of the selection, by its index, on the same way through the clip, or on one of its own
            where no cuts are looked for; a frame that could not be used may be shown again.
    Returns:
        The shots in order; together they cover the selection exactly.
    Raises:
        DecodeError: no frame can be decoded.
        Stopped: because of `stop`.
    """
    options = settings or ShotSettings()
    looks_for_cuts = options.detect_cuts and len(selection.chosen) > 1
    cuts = _cuts_between(selection, options, reading, stop, look) if looks_for_cuts else []
    if look and not looks_for_cuts:
        for frame in _read(selection, reading, stop):
            look(frame.index, frame.picture)
    shots = _shots_between(selection.frames, cuts)
    logger.info("%s: %d shots", selection.info.path.name, len(shots))
    return shots


def _shots_between(frames: range, cuts: Sequence[int]) -> tuple[Shot, ...]:
    edges = [frames.start, *cuts, frames.stop]
    return tuple(Shot(i, start, stop) for i, (start, stop) in enumerate(pairwise(edges)))


def _cuts_between(
    selection: FrameSelection,
    settings: ShotSettings,
    reading: Reading | None,
    stop: Callable[[], bool],
    look: Look | None,
) -> list[int]:
    """The frames that are the first of those chosen after a cut, but for the first of all."""
    chosen, info, start = selection.chosen, selection.info, selection.frames.start

    def look_if_chosen(index: int, picture: Picture) -> None:
        place = bisect_left(chosen, index)
        if look and place < len(chosen) and chosen[place] == index:
            look(start + place, picture)

    margin = MARGIN * settings.min_shot_frames
    wide = range(max(0, chosen[0] - margin), min(info.frame_count, chosen[-1] + 1 + margin))
    try:
        cuts = list(_cuts(FrameSelection(info, wide), settings, reading, stop, look_if_chosen))
    except InputError:  # such as pictures of another size around those that are wanted
        return list(_cuts(selection, settings, reading, stop, look))
    return sorted({start + bisect_left(chosen, cut) for cut in cuts if chosen[0] < cut <= chosen[-1]})


def _cuts(
    selection: FrameSelection,
    settings: ShotSettings,
    reading: Reading | None,
    stop: Callable[[], bool],
    look: Look | None,
) -> Iterator[int]:
    """The index of each shot's first frame, but for the first shot's."""
    rate = selection.info.rate
    detector = AdaptiveDetector(adaptive_threshold=settings.cut_threshold, min_scene_len=settings.min_shot_frames)
    timecode = FrameTimecode(selection.frames.start, rate)
    for frame in _read(selection, reading, stop):
        timecode = FrameTimecode(frame.index, rate)
        if look:
            look(frame.index, frame.picture)
        yield from _indices(detector.process_frame(timecode, _small_bgr(frame.image)))
    yield from _indices(detector.post_process(timecode))


def _read(selection: FrameSelection, reading: Reading | None, stop: Callable[[], bool]) -> Iterator[SourceFrame]:
    for frame in read_frames(selection, reading):
        if stop():
            raise Stopped("It was stopped while cuts were looked for.")
        yield frame


def _indices(timecodes: Iterable[FrameTimecode]) -> Iterator[int]:
    for timecode in timecodes:
        yield int(timecode.frame_num)


def _small_bgr(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    factor = min(1.0, JUDGED_LONG_EDGE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
