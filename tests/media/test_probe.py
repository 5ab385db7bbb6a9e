"""What `probe` says of a file is exact, and what it cannot read it refuses in plain words."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_fixtures import ffmpeg, make_video, numbered_frame, numbered_video, shared, sine

from stylevideo.errors import InputError, KilledError
from stylevideo.media.decode.account import shown_colors
from stylevideo.media.decode.ffmpeg import decode_with_ffmpeg
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.streams import parse_pixel_format
from stylevideo.media.encode.extras import picture_notes
from stylevideo.media.images.pictures import Reading
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.rates import STANDARD_RATES, constant_rate, film_rate
from stylevideo.timeline.selection import FrameSelection

H264 = ("-c:v", "libx264", "-preset", "ultrafast")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    "end", ["kill -9 $$", "kill -15 $$", "echo 'Exiting normally, received signal 15.' >&2; exit 255"]
)
def test_an_ffmpeg_that_was_killed_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """As by a system that is short of memory, or one that is shut down; another attempt may succeed."""
    path = numbered_video(tmp_path / "a.mp4", 2, "24")
    fake = tmp_path / "ffmpeg"
    fake.write_text(f"#!/bin/sh\n{end}\n")
    fake.chmod(0o755)
    monkeypatch.setattr("stylevideo.media.ffmpeg.ffmpeg_path", lambda: str(fake))
    with pytest.raises(KilledError, match="ffmpeg was killed"):
        probe(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "30", "60000/1001", "12"])
def test_rate_is_exact_in_every_time_base(tmp_path: Path, suffix: str, rate: str) -> None:
    info = probe(numbered_video(tmp_path / f"clip{suffix}", 20, rate))
    assert info.rate == Fraction(rate)
    assert (info.frame_count, info.variable_rate) == (20, False)


@given(
    rate=st.sampled_from([rate for rate in STANDARD_RATES if rate >= 6]),
    count=st.integers(3, 3000),
    time_base=st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 24000), Fraction(1, 600)]),
    start=st.integers(0, 5000),
)
def test_rounded_times_give_back_the_rate(rate: Fraction, count: int, time_base: Fraction, start: int) -> None:
    if rate * time_base > Fraction(1, 5):
        return  # a time base this coarse cannot tell the frames apart
    pts = [round((start + i) / (rate * time_base)) for i in range(count)]
    assert constant_rate(pts, time_base, [f"{float(rate):.2f}"]) == rate


def test_unusual_rates_are_found_too() -> None:
    milliseconds = Fraction(1, 1000)
    assert constant_rate([round(i * 1000 / 17) for i in range(500)], milliseconds) == 17
    assert constant_rate([i * 1801 for i in range(90)], Fraction(1, 54000)) == Fraction(54000, 1801)


def test_long_film_without_a_stated_rate() -> None:
    pts = [round(i * 1001 / 24) for i in range(100_000)]
    assert constant_rate(pts, Fraction(1, 1000)) == Fraction(24000, 1001)


def test_a_dropped_frame_makes_it_variable() -> None:
    assert constant_rate([0, 1, 2, 4, 5, 6], Fraction(1, 25)) is None
    assert film_rate([0, 1, 2, 4, 5, 6], Fraction(1, 25)) == 25


@given(
    gaps=st.lists(st.integers(9, 400), min_size=2, max_size=80),
)
def test_a_variable_rate_film_shows_every_frame_in_time(gaps: list[int]) -> None:
    pts = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    time_base = Fraction(1, 1000)
    rate = film_rate(pts, time_base)
    info = _info(pts, time_base, rate)
    repeats = FrameSelection(info, range(len(pts))).repeats
    assert min(repeats) >= 1
    for k in range(len(pts)):
        late = sum(repeats[:k]) / rate - (pts[k] - pts[0]) * time_base
        assert abs(late) <= Fraction(1, 2) / rate


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=50), st.data())
def test_repeats_add_up_over_any_stretch(gaps: list[int], data: st.DataObject) -> None:
    pts = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    info = _info(pts, Fraction(1, 1000), Fraction(24))
    start = data.draw(st.integers(0, len(pts) - 2))
    stop = data.draw(st.integers(start + 1, len(pts) - 1))
    assert sum(FrameSelection(info, range(start, stop)).repeats) == round((pts[stop] - pts[start]) * Fraction(24, 1000))


def test_clips_of_the_shared_media() -> None:
    flower = probe(shared("clips/flower.mp4"))
    assert (flower.width, flower.height, flower.frame_count) == (960, 540, 150)
    assert (flower.rate, flower.color_matrix, flower.pixel_format) == (
        Fraction(30000, 1001),
        "smpte170m",
        "yuv420p",
    )
    friday = probe(shared("clips/friday.mp4"))
    assert [stream.codec for stream in friday.audio()] == ["aac"]
    assert friday.audio()[0].index == 0


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        (" (High), yuv420p(tv, bt709, progressive), 640x480", ("yuv420p", "bt709", "bt709", False)),
        (" (High 4:4:4), yuv444p(tv, top coded first (swapped)), 128x96, 24 fps", ("yuv444p", None, None, True)),
        (" (Main), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 64x64", ("yuv420p10le", "bt2020nc", "smpte2084", False)),
        (" (Main), yuv420p(tv, bottom first), 720x576 [SAR 16:15 DAR 4:3]", ("yuv420p", None, None, True)),
        (" (RGB[24] / 0x18424752), rgb24, 64x64", ("rgb24", None, None, False)),
        (" (mp4v), yuv420p, 64x64", ("yuv420p", None, None, False)),
        (", none, q=2-31", ("unknown", None, None, False)),
    ],
)
def test_what_ffmpeg_says_of_pictures(detail: str, expected: tuple[str, str | None, str | None, bool]) -> None:
    found = parse_pixel_format(detail)
    assert (found.format, found.matrix, found.transfer, found.interlaced) == expected


def test_edge_rotation() -> None:
    info = probe(shared("edge/rot90.mp4"))
    assert (info.width, info.height, info.rotation) == (240, 320, 90)


def test_edge_variable_rate_loses_no_frame() -> None:
    info = probe(shared("edge/vfr.mp4"))
    assert (info.variable_rate, info.rate, info.frame_count) == (True, 24, 150)
    assert set(FrameSelection(info, range(150)).repeats) == {1, 2}


def test_edge_truncated_file_counts_what_is_there() -> None:
    assert probe(shared("edge/trunc.mp4")).frame_count == 75


def test_edge_sample_aspect_and_depth() -> None:
    assert probe(shared("edge/sar.mp4")).sample_aspect == Fraction(16, 15)
    assert probe(shared("edge/cfr.mp4")).sample_aspect == 1
    assert probe(shared("edge/x264_10.mp4")).pixel_format == "yuv420p10le"


def test_edge_streams_with_their_languages() -> None:
    info = probe(shared("edge/src.mov"))
    found = [(stream.index, stream.kind, stream.codec, stream.language) for stream in info.streams[:3]]
    assert found == [
        (1, "audio", "aac", "eng"),
        (2, "audio", "aac", "fra"),
        (3, "subtitle", "mov_text", "eng"),
    ]


def test_frames_before_an_edit_list_do_not_count(tmp_path: Path) -> None:
    whole = numbered_video(tmp_path / "whole.mp4", 24, "24", (*H264, "-g", "24"))
    ffmpeg("-ss", "0.5", "-i", whole, "-c", "copy", tmp_path / "cut.mp4")
    assert probe(tmp_path / "cut.mp4").frame_count == 12


def test_start_time_counts_from_the_earliest_stream(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mkv", 12)
    ffmpeg("-i", clip, "-c", "copy", "-output_ts_offset", "3", tmp_path / "shifted.mkv")
    assert probe(tmp_path / "shifted.mkv").start_time == 0
    ffmpeg("-itsoffset", "0.5", "-i", clip, *sine(1), "-c:v", "copy", tmp_path / "late.mkv")
    assert float(probe(tmp_path / "late.mkv").start_time) == pytest.approx(0.5, abs=0.03)


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mp4", 12)
    ffmpeg("-i", clip, "-frames:v", "1", tmp_path / "cover.png")
    cover = ["-map", "0:v", "-map", "1:v", "-c", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", tmp_path / "cover.png", "-i", clip, *cover, tmp_path / "covered.mp4")
    info = probe(tmp_path / "covered.mp4")
    assert (info.codec, info.frame_count) == ("h264", 12)
    assert [stream.kind for stream in info.streams] == ["cover"]


def test_frames_that_all_have_the_same_time(tmp_path: Path) -> None:
    """Such times say nothing; what the container states stands in."""
    at_once = ("-vf", "setpts=0", "-fps_mode", "passthrough", "-c:v", "ffv1")
    clip = make_video(tmp_path / "clip.mkv", [numbered_frame(k) for k in range(4)], "24", at_once)
    info = probe(clip)
    assert (info.frame_count, info.variable_rate, info.timed) == (4, False, False)
    assert info.duration == 4 / info.rate


def test_a_single_frame(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "one.mp4", [numbered_frame(0)], "30000/1001"))
    assert (info.frame_count, info.rate, info.variable_rate) == (1, Fraction(30000, 1001), False)


def test_a_file_without_time_stamps(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mp4", 12, "25", ("-c:v", "libx264", "-bf", "2"))
    ffmpeg("-i", clip, "-c", "copy", tmp_path / "clip.avi")
    info = probe(tmp_path / "clip.avi")
    assert (info.frame_count, info.rate, info.timed) == (12, 25, False)


SAYINGS = (
    *("about max_streams", "Format not on whitelist", "Not detecting m3u8/hls", "Skipped opening external track"),
    *("moov atom not found", "a\u2028Stream mapping:", "a\x85Output #0, x", "a\x1cInput #0, hls, from", "Output #0"),
    *("a\n  Stream #0:7: Audio: aac", "a\n[x] Format not on whitelist", "a\nStream mapping:\nOutput #0"),
    *("side data - HDR Dynamic Metadata", "color_range:pc color_space:gbr color_primaries:film color_trc:linear"),
    *("[Parsed_showinfo_0 @ 0x1] config in time_base: 1/1", "[Parsed_showinfo_0 @ 0x1] n:   0 pts:      7 "),
    *("out of memory", "Cannot allocate memory", "timecode : 01:00:00:00", "alpha_mode : 1"),
)


@pytest.mark.parametrize("words", SAYINGS)
def test_what_a_clip_says_of_itself_is_no_message_of_ffmpegs(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.system.memory.memory_is_limited", lambda: True)
    plain, said = numbered_video(tmp_path / "plain.mkv", 2, "25"), tmp_path / "said.mkv"
    tags = [part for place in ("", ":s:v:0") for part in (f"-metadata{place}", f"title={words}")]
    ffmpeg("-i", plain, "-c", "copy", *tags, said)
    info, known = probe(said), probe(plain)
    assert (info.pts, info.streams, info.timecode, info.has_alpha) == (known.pts, known.streams, None, False)
    assert not list(picture_notes(info))
    assert shown_colors(info) == shown_colors(known)
    assert [index for index, _ in decode_with_ffmpeg(info, Reading(), 0)] == [0, 1]


@pytest.mark.parametrize(
    "name",
    [
        "with spaces.mp4",
        "it's.mp4",
        "frame%03d.mp4",
        "a:b.mp4",
        "Zoë 映画.mp4",
        "-y.mp4",
        'double"quote.mp4',
        "[0].mp4",
    ],
)
def test_any_file_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered_video(tmp_path / name, 3)
    assert probe(tmp_path / name).frame_count == 3
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).frame_count == 3


def test_refusals_name_the_file_and_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.txt").write_text("shopping list\n" * 50)
    (tmp_path / "notes.mp4").write_text("shopping list\n" * 50)
    ffmpeg(*sine(1), tmp_path / "song.m4a")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04", "-frames:v", "1", tmp_path / "still.png")
    expected = {
        "missing.mp4": "there is no such file",
        "empty.mp4": "empty.mp4 is empty",
        "notes.txt": "notes.txt is not a video that ffmpeg can read: it is text",
        "notes.mp4": "notes.mp4 is not a video that ffmpeg can read: .*Invalid data.* Check the file",
        "song.m4a": r"song.m4a has no video stream; it holds audio \(aac\)",
        "still.png": "still.png is a still picture",
    }
    for name, message in expected.items():
        with pytest.raises(InputError, match=message):
            probe(tmp_path / name)
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)


def _info(pts: list[int], time_base: Fraction, rate: Fraction) -> VideoInfo:
    return VideoInfo(
        path=Path("clip.mkv"),
        width=64,
        height=48,
        frame_count=len(pts),
        rate=rate,
        time_base=time_base,
        pts=tuple(pts),
        variable_rate=True,
        sample_aspect=Fraction(1),
        rotation=0,
        codec="h264",
        pixel_format="yuv420p",
        color_matrix=None,
        streams=(),
    )
