"""Ranges, times and timecodes mean what editors mean by them; wrong ones are refused in words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.errors import InputError, SettingsError
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.timecode import timecode_after, timecode_frames


def clip(count: int = 100, rate: Fraction = Fraction(24), first_number: int = 1) -> VideoInfo:
    return VideoInfo(
        path=Path("clip.mov"),
        width=64,
        height=64,
        frame_count=count,
        rate=rate,
        time_base=1 / rate,
        pts=tuple(range(count)),
        variable_rate=False,
        sample_aspect=Fraction(1),
        rotation=0,
        codec="h264",
        pixel_format="yuv420p",
        color_matrix="bt709",
        streams=(),
        first_number=first_number,
    )


@given(first=st.integers(1, 100), more=st.integers(0, 99), start=st.sampled_from([1, 1001]))
def test_a_range_of_numbers_reads_back_as_written(first: int, more: int, start: int) -> None:
    info = clip(200, first_number=start)
    text = f"{first + start - 1}-{first + start - 1 + more}" if more else str(first + start - 1)
    selection = select_frames(info, text)
    assert (selection.frames.start, len(selection.frames)) == (first - 1, more + 1)
    assert selection.text == text


@given(first=st.integers(1, 60), more=st.integers(0, 40), step=st.integers(2, 9))
def test_every_nth_frame_keeps_its_number_and_its_time(first: int, more: int, step: int) -> None:
    info = clip(100)
    selection = select_frames(info, f"{first}-{first + more}x{step}")
    numbers = [selection.number(index) for index in selection.frames]
    assert numbers == list(selection.numbers) == list(range(first, first + more + 1, step))
    assert [selection.time(index) * info.rate for index in selection.frames] == [number - 1 for number in numbers]
    repeats = selection.repeats
    after = min(numbers[-1] + step, 101)
    assert sum(repeats) == after - first, "each frame is shown until the next one would be"
    assert set(repeats[:-1]) <= {step}


@given(st.sets(st.integers(1, 100), min_size=1), st.randoms())
def test_a_list_means_its_frames_in_whatever_order_it_is_written(numbers: set[int], random: Random) -> None:
    info, written = clip(100), [*map(str, numbers)]
    random.shuffle(written)
    selection = select_frames(info, ",".join(written))
    chosen = sorted(numbers)
    assert [selection.number(index) for index in selection.frames] == chosen
    again = select_frames(info, selection.text)
    assert [again.number(index) for index in again.frames] == chosen, "what is told can be typed"
    assert list(selection.repeats) == [*(b - a for a, b in pairwise(chosen)), 1], (
        "each is shown until the next, the last once"
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("1,20,31-40", "1,20,31-40"),
        ("40,31-39, 1", "1,31-40"),
        ("1-3,2-5", "1-5"),
        ("1-9x4,20", "1,5,9,20"),
        ("7,7", "7"),
    ],
)
def test_a_list_is_told_as_short_as_it_can_be(written: str, told: str) -> None:
    selection = select_frames(clip(100), written)
    assert selection.text == told


def test_handles_widen_one_range_alone() -> None:
    assert len(select_frames(clip(100), "10-12,13-19", handles=5).frames) == 20
    with pytest.raises(SettingsError, match="Leave --handles out"):
        select_frames(clip(100), "10,20", handles=5)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "5-",
        "-5",
        "1-2-3",
        "9-3",
        "1.5",
        "1-5x0",
        "1-5x",
        "5x2",
        "1,",
        ",1",
        "1,,2",
        "1;2",
        "1-5,9-3",
        "1,2-",
        "9" * 5000,
    ],
)
def test_malformed_ranges_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        select_frames(clip(), text)


@pytest.mark.parametrize("text", ["0-3", "90-101", "101", "1000", "1,101", "200-300,5"])
def test_a_range_outside_the_clip_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(InputError, match=r"clip\.mov: frames? .* outside the clip, which has frames 1-100\."):
        select_frames(clip(), text)


@pytest.mark.parametrize(
    ("start", "end", "first", "count"),
    [
        ("", "", 0, 100),
        ("1", "", 24, 76),
        ("", "1.5", 0, 36),
        ("0:01", "0:00:02", 24, 24),
        ("1.01", "1.02", None, 0),
        ("00:00:01:12", "00:00:02:00", 36, 12),
        ("4.2", "", None, 0),
    ],
)
def test_times(start: str, end: str, first: int | None, count: int) -> None:
    if first is None:
        with pytest.raises(InputError, match="no frame lies between"):
            select_frames(clip(), start=start, end=end)
        return
    frames = select_frames(clip(), start=start, end=end).frames
    assert (frames.start, len(frames)) == (first, count)


def test_a_timecode_counts_from_the_sources_own() -> None:
    info = replace(clip(), timecode="01:00:00:00")
    assert select_frames(info, start="01:00:01:00", end="01:00:02:00").frames == range(24, 48)
    with pytest.raises(InputError, match="before the clip and begins at 01:00:00:00"):
        select_frames(info, start="00:59:59:00")


@pytest.mark.parametrize("text", ["abc", "1:2:3:4:5", "-1", "00:00:00:24"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        select_frames(clip(), start=text)


def test_frames_and_times_together_are_refused() -> None:
    with pytest.raises(SettingsError, match="in two ways"):
        select_frames(clip(), "1-5", start="1")


def test_handles_widen_the_range_as_far_as_there_is_footage() -> None:
    assert select_frames(clip(), "20-30", handles=8).frames == range(11, 38)
    short = select_frames(clip(), "5-97", handles=8)
    assert short.frames == range(0, 100)
    assert short.notes == ("Of 8 handle frames the clip has only 4 before and 3 after the range.",)


RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])


@given(rate=RATES, frames=st.integers(0, 80_000), more=st.integers(0, 5_000))
def test_timecodes_count_frames(rate: Fraction, frames: int, more: int) -> None:
    start = timecode_after("00:00:00:00", frames, rate)
    assert timecode_frames(start, rate) == frames
    assert timecode_frames(timecode_after(start, more, rate), rate) == frames + more


@pytest.mark.parametrize(
    ("start", "frames", "after"),
    [
        ("00:00:59;28", 2, "00:01:00;02"),
        ("00:09:59;29", 1, "00:10:00;00"),
        ("01:00:00:00", 36, "01:00:01:06"),
        ("23:59:59:29", 1, "00:00:00:00"),
        ("01:00:00;02", 0, "01:00:00;02"),
    ],
)
def test_drop_frame_timecode_skips_two_numbers_a_minute(start: str, frames: int, after: str) -> None:
    """SMPTE ST 12-1: not in every tenth minute; with colons nothing is dropped."""
    assert timecode_after(start, frames, Fraction(30000, 1001)) == after


@pytest.mark.parametrize(
    ("start", "rate", "written"),
    [
        ("01:00:00;12", Fraction(25), "01:00:00:12"),
        ("01:00:00;12", Fraction(30), "01:00:00:12"),
        ("01:00:00;59", Fraction(60000, 1001), "01:00:00;59"),
        ("01:00:00:5", Fraction(8), "01:00:00:5"),
        ("01:00:00:119", Fraction(120), "01:00:00:119"),
        ("01:00:00:25", Fraction(25), None),
        ("24:00:00:00", Fraction(25), None),
    ],
)
def test_a_timecode_is_written_as_its_rate_allows(start: str, rate: Fraction, written: str | None) -> None:
    if written is None:
        with pytest.raises(SettingsError, match="is no timecode at 25 frames a second"):
            timecode_after(start, 0, rate)
        return
    assert timecode_after(start, 0, rate) == written
    assert timecode_frames(written, rate) == timecode_frames(start, rate)
