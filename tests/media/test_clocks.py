"""Frames and their times are those that ffmpeg's own decoder gives, whatever a file begins, ends or counts with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import some_of_all
from media_fixtures import SIZE, decoded_sound, ffmpeg, make_video, number_in, numbered_frame, numbered_video, sine

from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.encode.delivery import Encoding
from stylevideo.media.encode.matroska import picture_header, stream_header
from stylevideo.media.ffmpeg import ffmpeg_path
from stylevideo.media.film import write_film
from stylevideo.media.framecrc import parse_framecrc
from stylevideo.quality.verify import verify
from stylevideo.system.process import collect
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.rates import constant_rate
from stylevideo.timeline.selection import Clip, FrameSelection

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
GROUPS = ("-x264-params", "keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0")
OPEN_GROUPS = (GROUPS[0], f"{GROUPS[1]}:open-gop=1")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params")
HEVC = "log-level=error:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0"
PACKET, HEAD_PACKETS = 188, 3
"""Bytes of a transport stream's packet; packets at the beginning that say what is in it."""


def clip(path: Path, *encoder: str, rate: str = "25", frames: int = 40) -> Path:
    """Numbered frames with a tone."""
    images = [numbered_frame(number) for number in range(frames)]
    return make_video(path, images, rate, (*encoder, "-c:a", "mp2"), sine(frames / float(Fraction(rate))))


def cut_out(path: Path, share: float = 0.3) -> Path:
    """The rest of a transport stream, as a receiver records that is switched on in the middle."""
    whole = path.read_bytes()
    begin = int(len(whole) * share) // PACKET * PACKET
    path.write_bytes(whole[: HEAD_PACKETS * PACKET] + whole[begin:])
    return path


def copied(path: Path, source: Path, *arguments: str, before: tuple[str, ...] = ()) -> Path:
    ffmpeg(*before, "-i", source, "-c", "copy", *arguments, path)
    return path


def edited(folder: Path) -> Path:
    """Its edit list begins between key frames."""
    return copied(folder / "edited.mp4", clip(folder / "a.mp4", *X264, *GROUPS), before=("-ss", "0.7"))


def joined(folder: Path) -> Path:
    """Two recordings in one file; the clock jumps by a hundred seconds."""
    first = clip(folder / "a.ts", *X264, *GROUPS, frames=20)
    later = copied(folder / "b.ts", first, "-output_ts_offset", "100")
    path = folder / "joined.ts"
    path.write_bytes(first.read_bytes() + later.read_bytes())
    return path


KINDS: dict[str, Callable[[Path], Path]] = {
    "ts cut in a group": lambda folder: cut_out(clip(folder / "a.ts", *X264, *GROUPS)),
    "ts cut, open groups": lambda folder: cut_out(clip(folder / "a.ts", *X264, *OPEN_GROUPS)),
    "ts cut, HEVC, open groups": lambda folder: cut_out(clip(folder / "a.ts", *X265, f"{HEVC}:open-gop=1")),
    "ts cut, HEVC, closed with leading pictures": lambda folder: cut_out(
        clip(folder / "a.ts", *X265, f"{HEVC}:open-gop=0:radl=2")
    ),
    "ts cut, MPEG-2": lambda folder: cut_out(clip(folder / "a.ts", "-c:v", "mpeg2video", "-q:v", "2", "-bf", "2")),
    "ts whose clock wraps": lambda folder: copied(
        folder / "b.ts", clip(folder / "a.ts", *X264, *GROUPS), "-output_ts_offset", "95443"
    ),
    "ts joined of two": joined,
    "mp4 with an edit list": edited,
    "mkv that begins late": lambda folder: copied(
        folder / "b.mkv", clip(folder / "a.mkv", *X264, *GROUPS), before=("-ss", "0.7")
    ),
    "raw h264": lambda folder: numbered_video(folder / "a.h264", 40, "25", (*X264, *GROUPS)),
    "avi with B-frames": lambda folder: clip(folder / "a.avi", "-c:v", "mpeg4", "-q:v", "2", "-bf", "2"),
    "flv": lambda folder: numbered_video(folder / "a.flv", 40, "25", (*X264, *GROUPS)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_and_times_are_those_of_ffmpegs_decoder(kind: str, tmp_path: Path) -> None:
    path = KINDS[kind](tmp_path)
    info = probe(path)
    decoding = ("-map", "0:V:0", "-fps_mode", "passthrough", "-enc_time_base", "demux")
    # ffmpeg's clock begins with the first of the streams that are used.
    all_used = ("-map", "0:a?", "-c", "copy", "-f", "null", "-")
    decoded = parse_framecrc(ffmpeg("-i", path, *decoding, "-f", "framecrc", "-", *all_used))
    assert decoded is not None
    due = [row.pts * decoded.time_base for row in decoded.rows if row.pts is not None]
    assert [float(time * info.time_base) for time in info.pts] == pytest.approx([float(time) for time in due], abs=1e-3)
    assert info.rate == 25
    frames = list(read_frames(FrameSelection.whole(info)))
    assert not any(frame.repaired for frame in frames)
    numbers = [number_in(frame.image) for frame in frames]
    count = 20 if kind == "ts joined of two" else 40
    assert numbers == [(numbers[0] + place) % count for place in range(len(due))]


@pytest.mark.parametrize("kind", ["ts joined of two", "ts cut in a group", "avi with B-frames"])
def test_whoever_may_read_a_whole_clip_has_the_time_for_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, limits = KINDS[kind](tmp_path), []

    def noted(process: Any, limit_s: float, *others: Any) -> Any:
        if any(str(path) in word for word in process.args):
            limits.append(limit_s)
        return collect(process, limit_s, *others)

    monkeypatch.setattr("stylevideo.media.ffmpeg.collect", noted)
    monkeypatch.setattr("stylevideo.media.ffmpeg.SLOWEST_BYTES_PER_SECOND", 1)
    probe(path)
    assert len(limits) > 1
    assert min(limits) > path.stat().st_size


@pytest.mark.parametrize(
    ("b_frames", "early_s", "sound_early_s"),
    some_of_all(5, ["0", "2"], ["0.033", "0.133", "0.3"], ["0", "0.02", "0.133", "0.5"]),
)
def test_a_picture_that_begins_below_zero_keeps_its_frames_and_its_sound(
    b_frames: str, early_s: str, sound_early_s: str, tmp_path: Path
) -> None:
    """Matroska's negative times, of which ffmpeg shows none; of sound it counts them back."""
    whole = clip(tmp_path / "a.mp4", *X264, "-bf", b_frames, rate="30", frames=60)
    early, film = tmp_path / "early.mkv", tmp_path / "film.mkv"
    inputs = ("-itsoffset", f"-{early_s}", "-i", whole, "-itsoffset", f"-{sound_early_s}", "-i", whole)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-avoid_negative_ts", "disabled", early)
    info = probe(early)
    assert (info.frame_count, info.rate, info.variable_rate) == (60, 30, False)
    distance = float(sound_begins(whole) - probe(whole).start_time) + float(early_s) - float(sound_early_s)
    assert float(sound_begins(early) - info.start_time) == pytest.approx(distance, abs=0.003)
    shown = list(read_frames(FrameSelection(info, range(60))))
    assert [number_in(frame.image) for frame in shown] == list(range(60))
    write_film((frame.image for frame in shown), Clip(info.path, film, FrameSelection(info, range(60))))
    begins = [float(probe(film).start_time), float(sound_begins(film)), float(sound_begins(early))]
    assert begins[1] - begins[0] == pytest.approx(distance, abs=0.003)


COARSE: dict[str, tuple[Any, ...]] = {
    "a.mp4": (60, *X264, "-bf", "2", "-video_track_timescale", "60"),
    "a.nut": (60, "-c:v", "mpeg4"),
    "a.gif": (100, "-c:v", "gif"),
    "a.mkv": (1000, *X264, "-bf", "2"),
}


@pytest.mark.parametrize("name", COARSE)
@pytest.mark.parametrize(
    "times", ["if(lt(N,100),N,2*N-100)/60", "if(lt(N,40),N,2*N-40)/60", "(N-gt(N,10))/30+eq(N,11)/CLOCK"]
)
def test_a_clock_of_few_units_is_no_clock_that_stands_still(name: str, times: str, tmp_path: Path) -> None:
    """Rates that change, and frames a unit apart, begin when the file says."""
    path, (clock, *encoder) = tmp_path / name, COARSE[name]
    at = times.replace("CLOCK", str(clock))
    picture = ("-f", "lavfi", "-i", f"testsrc2=size=96x64:rate=1000,trim=end_frame=290,setpts='({at})/TB'")
    ffmpeg(*picture, "-fps_mode", "passthrough", "-enc_time_base", f"1:{clock}", *encoder, path)
    info = probe(path)
    decoding = ("-map", "0:v", "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc", "-")
    decoded = parse_framecrc(ffmpeg("-i", path, *decoding))
    assert decoded is not None
    due = [row.pts * decoded.time_base for row in decoded.rows if row.pts is not None]
    assert [time * info.time_base for time in info.pts] == due and due[0] == 0
    assert info.timed and info.variable_rate


def sound_begins(path: Path) -> Fraction:
    listing = parse_framecrc(ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "framecrc", "-"))
    assert listing is not None and listing.rows[0].pts is not None
    return listing.rows[0].pts * listing.time_base


@pytest.mark.parametrize("late", ["picture", "sound"])
@pytest.mark.parametrize("frames", [range(40), range(10, 40)])
def test_a_broadcasts_sound_keeps_its_distance(frames: range, late: str, tmp_path: Path) -> None:
    """In a transport stream, whichever begins first; ffmpeg counts from the first of the streams that are used."""
    shift = ("-itsoffset", "0.4") if late == "picture" else ("-itsoffset", "-0.4")
    whole, source, film = clip(tmp_path / "a.mkv", *X264, *GROUPS), tmp_path / "b.ts", tmp_path / "film.mkv"
    click = ("-f", "lavfi", "-i", "aevalsrc=sin(2000*t)*between(t\\,0.9\\,0.95):d=2")
    ffmpeg(*shift, "-i", whole, *click, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "mp2", source)
    info = probe(source)
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, frames))),
        Clip(info.path, film, FrameSelection(info, frames)),
    )
    heard = np.flatnonzero(np.abs(decoded_sound(film)) > 0.3)[0] / 8000
    first_shown = (0.4 if late == "picture" else -0.4) + frames.start / 25
    assert heard - float(probe(film).start_time) == pytest.approx(0.9 - first_shown, abs=0.005)


@pytest.mark.parametrize(
    ("late", "frames", "suffix"),
    [
        ("sound", range(80), ".mkv"),
        ("picture", range(80), ".mp4"),
        ("sound", range(48, 80), ".mp4"),
        ("picture", range(20, 60), ".mkv"),
    ],
)
def test_sound_keeps_its_distance_across_a_jump_of_the_clock(
    late: str, frames: range, suffix: str, tmp_path: Path
) -> None:
    """Whichever comes first after it: ffmpeg joins the two recordings by that, among the streams that are used."""
    whole, parts = clip(tmp_path / "a.mkv", *X264, *GROUPS), [tmp_path / "a.ts", tmp_path / "b.ts"]
    click = ("-f", "lavfi", "-i", "aevalsrc=sin(2000*t)*between(t\\,1.2\\,1.25):d=1.6")
    shift = ("-itsoffset", "0.05") if late == "picture" else ()
    for part, offset in zip(parts, ("0", "100"), strict=True):
        maps = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-output_ts_offset", offset)
        ffmpeg(*shift, "-i", whole, *click, *maps, part)
    source, film = tmp_path / "joined.ts", tmp_path / f"film{suffix}"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    info = probe(source)
    assert info.jumps and "clock jumps" in info.notes[-1]
    shown = list(read_frames(FrameSelection(info, frames)))
    assert [number_in(frame.image) for frame in shown] == [index % 40 for index in frames]
    write_film(
        (frame.image for frame in shown),
        Clip(info.path, film, FrameSelection(info, frames)),
        Encoding(variable_rate=True),
    )
    made = probe(film)
    by_its_times = ("-af", "aresample=8000:async=1:min_hard_comp=0.002:first_pts=0", "-ac", "1", "-f", "s16le")
    samples = subprocess.run(
        [ffmpeg_path(), "-v", "error", "-i", str(film), "-map", "0:a", *by_its_times, "-"],
        capture_output=True,
        check=True,
    ).stdout
    loud = np.flatnonzero(np.abs(np.frombuffer(samples, np.int16)) > 6000) / 8000
    heard = [loud[0], *(after for before, after in pairwise(loud) if after - before > 0.5)]
    due = []
    for first in (0, 40):  # the frame that is shown when the click comes, and how long before
        clicks = 1.2 - (0.05 if late == "picture" else 0)
        index = first + int(clicks * 25)
        if index in frames:
            at = made.pts[index - frames.start] * made.time_base
            due.append(float(at) + clicks - (index - first) / 25)
    assert heard == pytest.approx(due, abs=0.005)
    assert not verify(source, film, f"{frames.start + 1}-{frames.stop}").wrong


def held(path: Path, times: list[int], lasts: int, *encoder: str, clock_hz: int = 100) -> Path:
    """Numbered frames at these times, in units of the clock, the last one shown for so long."""
    raw = [stream_header(*SIZE, "rgb24")]
    for number, (begin, end) in enumerate(pairwise([*times, times[-1] + lasts])):
        pixels = numbered_frame(number).tobytes()
        raw += [picture_header(Fraction(begin, clock_hz), Fraction(end - begin, clock_hz), len(pixels)), pixels]
    clock = ("-fps_mode", "passthrough", "-enc_time_base:v", f"1:{clock_hz}")
    command = [ffmpeg_path(), "-v", "error", "-y", "-f", "matroska", "-i", "-", *clock, *encoder, str(path)]
    subprocess.run(command, input=b"".join(raw), check=True)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
@pytest.mark.parametrize(
    ("times", "lasts", "repeats"),
    [
        ([0, 100, 300], 300, (1, 2, 3)),
        ([0, 10, 20, 30], 250, (1, 1, 1, 25)),
        ([0], 500, (5,)),
    ],
)
def test_the_last_frame_lasts_as_long_as_the_file_says(
    suffix: str, times: list[int], lasts: int, repeats: tuple[int, ...], tmp_path: Path
) -> None:
    encoder = ("-c:v", "gif") if suffix == ".gif" else (*X264, "-bf", "0")
    info = probe(held(tmp_path / f"a{suffix}", times, lasts, *encoder))
    assert info.duration == Fraction(times[-1] + lasts, 100)
    assert FrameSelection(info, range(len(times))).repeats == repeats
    for keep in (False, True):
        film = tmp_path / f"film{keep}.mp4"
        images = (frame.image for frame in read_frames(FrameSelection.whole(info)))
        write_film(images, Clip(info.path, film, FrameSelection.whole(info)), Encoding(variable_rate=keep))
        made = probe(film)
        assert made.duration == info.duration
        assert made.frame_count == (len(times) if keep else sum(repeats))
        assert [number_in(frame.image) for frame in read_frames(FrameSelection.whole(made))][-1] == len(times) - 1


RATES = ["24", "24000/1001", "25", "30", "30000/1001", "50", "60000/1001", "60"]


@pytest.mark.parametrize(("suffix", "rate"), some_of_all(3, [".mp4", ".mkv", ".ts", ".mov"], RATES))
def test_one_frame_has_the_rate_that_its_file_states(suffix: str, rate: str, tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / f"one{suffix}", [numbered_frame(0)], rate, X264))
    assert (info.frame_count, info.rate, info.variable_rate) == (1, Fraction(rate), False)


@pytest.mark.parametrize(
    ("lasts", "time_base", "stated", "rate"),
    [
        (Fraction(42, 1000), Fraction(1, 1000), ["24"], Fraction(24)),
        (Fraction(42, 1000), Fraction(1, 1000), ["23.98"], Fraction(24000, 1001)),
        (Fraction(512, 12288), Fraction(1, 12288), ["24", "24"], Fraction(24)),
        (Fraction(1001, 24000), Fraction(1, 24000), ["24"], Fraction(24000, 1001)),
        (Fraction(0), Fraction(1, 25), ["24"], Fraction(24)),
        (Fraction(0), Fraction(1, 25), [], Fraction(25)),
        (Fraction(3, 2), Fraction(1, 1000), ["24"], Fraction(2)),
    ],
)
def test_the_rate_of_one_frame(lasts: Fraction, time_base: Fraction, stated: list[str], rate: Fraction) -> None:
    assert constant_rate([0], time_base, stated, lasts) == rate


def test_a_stretch_ends_with_its_last_frame(tmp_path: Path) -> None:
    """The frame that is held is not in it."""
    info: VideoInfo = probe(held(tmp_path / "a.mp4", [0, 10, 20, 30], 250, *X264, "-bf", "0"))
    assert FrameSelection(info, range(3)).repeats == (1, 1, 1)
    assert FrameSelection(info, range(2, 4)).repeats == (1, 25)
    every_second = FrameSelection(info, range(0, 4, 2))
    assert every_second.repeats == (2, 26)
    assert sum(map(every_second.length, every_second.frames)) == info.duration


@pytest.mark.parametrize("frames", ["1,8", "3-4,6,8", "2-5x3"])
def test_the_film_of_some_frames_of_a_variable_rate_ends_with_their_time(tmp_path: Path, frames: str) -> None:
    times = [0, 37, 82, 114, 144, 195, 315, 380, 440, 587]
    source, film = held(tmp_path / "a.mkv", times, 60, *X264, "-bf", "0", clock_hz=1000), tmp_path / "film.mp4"
    selection = select_frames(probe(source), frames)
    write_film(map(numbered_frame, selection.chosen), Clip(source, film, selection))
    assert not verify(source, film, frames).wrong


def odd_rate(path: Path) -> Path:
    """Thirty frames a second by a telephone's clock, which no usual rate fits."""
    return held(path, list(range(0, 120, 3)), 3, *X264, "-bsf:v", "setts=pts=PTS*2999/3000:dts=DTS*2999/3000")


RIGHT: dict[str, Callable[[Path], Path]] = {
    "ts cut, open groups": KINDS["ts cut, open groups"],
    "avi with B-frames": KINDS["avi with B-frames"],
    "ts joined of two": joined,
    "mp4 with an edit list": edited,
    "a last frame that is held": lambda folder: held(folder / "a.mp4", [0, 10, 20, 30], 250, *X264, "-bf", "0"),
    "one frame": lambda folder: numbered_video(folder / "a.mp4", 1, "24"),
    "a rate that no clock holds": lambda folder: odd_rate(folder / "a.mkv"),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_right_films_of_odd_clips_are_found_right(kind: str, tmp_path: Path) -> None:
    path, film = RIGHT[kind](tmp_path), tmp_path / "film.mp4"
    info = probe(path)
    write_film(
        (frame.image for frame in read_frames(FrameSelection.whole(info))),
        Clip(info.path, film, FrameSelection.whole(info)),
    )
    assert [(check.what, check.source, check.film) for check in verify(path, film).wrong] == []
