"""Which frames of a clip are meant: `1001-1050`, `1-100x2`, `1,20,31-40`, times, timecodes, handles.

Numbers and times are the user's words; what comes out are indices. Reads no files.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import chain

from stylevideo.errors import InputError, SettingsError
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection
from stylevideo.timeline.timecode import TIMECODE, timecode_frames

_RANGE = re.compile(r"\s*([0-9]{1,18})\s*(?:-\s*([0-9]{1,18})\s*(?:x\s*([0-9]{1,18})\s*)?)?")
_SECONDS = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")


def select_frames(
    info: VideoInfo, frames: str = "", start: str = "", end: str = "", handles: int = 0
) -> FrameSelection:
    """Find the frames that a user means.

    Args:
        info: of the whole clip.
        frames: `7`, `1001-1050` or `1-100x2` (every second one), by number, both ends included; or several of these
            with commas, in any order; all if empty.
        start: the first moment, as seconds, `[[HH:]MM:]SS[.fraction]`, from the clip's first frame, or as the
            source's timecode `HH:MM:SS:FF`; the beginning if empty.
        end: the first moment that is not meant any more, likewise; the end if empty.
        handles: so many frames more before and after, as far as there are any.
    Raises:
        SettingsError: something is not written as it should be, or does not go together.
        InputError: the clip does not have these frames.
    """
    if frames and (start or end):
        raise SettingsError("--frames and --start or --end say the same in two ways. Use one of them.")
    if not frames:
        return _with_handles(FrameSelection(info, _between(info, start, end)), handles)
    stretches = [_indices(info, numbers) for numbers in parse_numbers(frames)]
    if len(stretches) > 1:
        return _listed(info, sorted(set(chain(*stretches))), handles)
    return _with_handles(FrameSelection(info, stretches[0]), handles)


def parse_numbers(text: str) -> tuple[range, ...]:
    """The numbers that are written `7`, `1-48` or `1-48x2`, or several of these with commas.

    Raises:
        SettingsError: they are written otherwise.
    """
    return tuple(map(_parse_range, text.split(",")))


def _parse_range(text: str) -> range:
    match = _RANGE.fullmatch(text)
    step = int(match[3] or 1) if match else 0
    if match is None or step == 0:
        raise SettingsError(
            f"--frames {text!r} is not a range of frames. Write it like 1-48, 1-48x2 for every second, 7 for one, or "
            "1,20,31-40 for a list."
        )
    first = int(match[1])
    last = int(match[2]) if match[2] else first
    if last < first:
        raise SettingsError(f"--frames {text!r} runs backwards. Write the smaller number first: {last}-{first}.")
    return range(first, last + 1, step)


def _indices(info: VideoInfo, numbers: range) -> range:
    """Of the frames with these numbers."""
    chosen = range(numbers.start - info.first_number, numbers.stop - info.first_number, numbers.step)
    if chosen.start < 0 or chosen.stop > info.frame_count:
        last = numbers.stop - 1
        shown = f"frames {numbers.start}-{last} are" if last > numbers.start else f"frame {last} is"
        raise InputError(
            f"{info.path.name}: {shown} outside the clip, which has frames "
            f"{FrameSelection.whole(info).text}. Choose --frames within that."
        )
    return chosen


def _listed(info: VideoInfo, chosen: list[int], handles: int) -> FrameSelection:
    """Frames of a list, by their indices, ascending."""
    whole = range(chosen[0], chosen[-1] + 1)
    if len(whole) == len(chosen):
        return _with_handles(FrameSelection(info, whole), handles)
    if handles:
        raise SettingsError("--handles widen one range of --frames, and several are given. Leave --handles out.")
    return FrameSelection(info, tuple(chosen))


def frame_at(info: VideoInfo, place: str, flag: str) -> int:
    """The index of the frame at a place of a clip.

    Args:
        info: of the whole clip.
        place: a frame's number; or a moment as for `select_frames`, of which the frame is the first that begins
            there or later. Seconds may be written `1.5s`; they must be where they are whole, as `12s`. The moment at
            which the clip ends is its last frame.
        flag: to be shown.
    Raises:
        SettingsError: it is not written as it should be.
        InputError: it lies outside the clip.
    """
    if place.isdecimal():
        index = int(place) - info.first_number
        if 0 <= index < info.frame_count:
            return index
        whole = FrameSelection.whole(info).text
        raise InputError(
            f"{info.path.name}: {flag}: frame {place} is outside the clip, which has frames {whole}. Choose one of "
            "them."
        )
    moment = _moment(flag, info, place.removesuffix("s"))
    if moment > info.duration + _rounding(info):
        raise InputError(
            f"{info.path.name}: {flag} {place} is behind the clip's end. "
            f"The clip lasts {float(info.duration):.3f} s{_from_timecode(info)}."
        )
    begins = ((time - info.pts[0]) * info.time_base for time in info.pts)
    after = (index for index, time in enumerate(begins) if time >= moment - _rounding(info))
    return next(after, info.frame_count - 1)


def _between(info: VideoInfo, start: str, end: str) -> range:
    """The frames that begin from one moment on and before another."""
    begin = _moment("--start", info, start) if start else Fraction(0)
    stop = _moment("--end", info, end) if end else None
    times = [(time - info.pts[0]) * info.time_base for time in info.pts]
    rounding = _rounding(info)
    chosen = [
        i for i, time in enumerate(times) if time >= begin - rounding and (stop is None or time < stop - rounding)
    ]
    if not chosen:
        raise InputError(
            f"{info.path.name}: no frame lies between {start or 'the beginning'} and {end or 'the end'}. "
            f"The clip lasts {float(info.duration):.3f} s{_from_timecode(info)}."
        )
    return range(chosen[0], chosen[-1] + 1)


def _rounding(info: VideoInfo) -> Fraction:
    """By so many seconds a frame may begin earlier than the moment that is meant."""
    return min(info.time_base / 2, 1 / (20 * info.rate))


def _moment(flag: str, info: VideoInfo, text: str) -> Fraction:
    """Seconds from the clip's first frame."""
    if TIMECODE.fullmatch(text.strip()):
        frames = timecode_frames(text.strip(), info.rate) - (
            timecode_frames(info.timecode, info.rate) if info.timecode else 0
        )
        if frames < 0:
            raise InputError(f"{info.path.name}: {flag} {text} is before the clip{_from_timecode(info)}.")
        return frames / info.rate
    match = _SECONDS.fullmatch(text.strip())
    if match is None:
        raise SettingsError(
            f"{flag} {text!r} is no time. Write seconds (12.5), minutes (1:05), hours (1:00:05.5), "
            "or a timecode with frames (01:00:00:12)."
        )
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + Fraction(match[3])


def _from_timecode(info: VideoInfo) -> str:
    return f" and begins at {info.timecode}" if info.timecode else ""


def _with_handles(selection: FrameSelection, handles: int) -> FrameSelection:
    frames, counted = selection.frames, selection.counted
    wider = range(max(0, frames.start - handles), min(len(counted), frames.stop + handles))
    before, after = frames.start - wider.start, wider.stop - frames.stop
    note = f"Of {handles} handle frames the clip has only {before} before and {after} after the range."
    notes = () if before == after == handles else (note,)
    return FrameSelection(selection.info, counted[wider.start : wider.stop], notes)
