"""A selection counts, times and names the frames of a clip that are meant, whichever they are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

COUNT = 40
RANGES = st.builds(range, st.integers(0, COUNT - 1), st.just(COUNT), st.integers(1, 9))
CHOSEN = st.one_of(
    st.builds(lambda steps, length: steps[: max(1, length)], RANGES, st.integers(1, COUNT)),
    st.sets(st.integers(0, COUNT - 1), min_size=1).map(lambda indices: tuple(sorted(indices))),
)
GAPS = st.lists(st.integers(1, 150), min_size=COUNT, max_size=COUNT)
"""Milliseconds from one frame to the next."""


def clip(gaps: Sequence[int], files: tuple[Path | None, ...] = ()) -> VideoInfo:
    return VideoInfo(
        path=Path("clip.mkv"),
        width=64,
        height=64,
        frame_count=COUNT,
        rate=Fraction(24),
        time_base=Fraction(1, 1000),
        pts=tuple(accumulate(gaps[:-1], initial=500)),
        variable_rate=True,
        sample_aspect=Fraction(1),
        rotation=0,
        codec="h264",
        pixel_format="yuv420p",
        color_matrix="bt709",
        streams=(),
        last_lasts=Fraction(gaps[-1], 1000),
        files=files,
        first_number=1001,
    )


@given(CHOSEN, GAPS)
def test_frames_follow_each_other_in_index_and_in_time(chosen: Sequence[int], gaps: list[int]) -> None:
    info = clip(gaps)
    selection = FrameSelection(info, chosen)
    assert [selection.number(index) for index in selection.frames] == [1001 + place for place in chosen]
    for before, after in pairwise(selection.frames):
        assert after == before + 1
        assert selection.time(before) + selection.length(before) == selection.time(after)
    last, following = selection.frames[-1], selection.successor(selection.frames[-1])
    end = info.end_time if following is None else info.pts[following] * info.time_base
    assert selection.time(last) + selection.length(last) == end


@given(CHOSEN, st.sets(st.integers(0, COUNT - 1)))
def test_each_frame_is_read_from_its_own_file(chosen: Sequence[int], missing: set[int]) -> None:
    files = tuple(None if place in missing else Path(f"{place}.png") for place in range(COUNT))
    selection = FrameSelection(clip([40] * COUNT, files), chosen)
    assert selection.files == tuple(files[place] for place in chosen)


@given(CHOSEN, GAPS)
def test_no_frame_of_a_film_of_constant_rate_ends_more_than_half_a_frame_off(
    chosen: Sequence[int], gaps: list[int]
) -> None:
    selection = FrameSelection(clip(gaps), chosen)
    first = selection.frames.start
    ends = [selection.time(index) + selection.length(index) - selection.time(first) for index in selection.frames]
    off = [ticks - end * 24 for ticks, end in zip(accumulate(selection.repeats), ends, strict=True)]
    if selection.successor(selection.frames[-1]) is None:  # the clip's own last frame is shown for one at least
        off.pop()
    assert all(abs(frames) <= Fraction(1, 2) for frames in off)
