"""A film has every frame at its time, the source's sound bit by bit, the right colours, or does not exist."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from media_fixtures import (
    SIZE,
    decoded_sound,
    edge_number_in,
    ffmpeg,
    make_video,
    number_in,
    numbered_frame,
    numbered_video,
    shared,
    sine,
    stream_hashes,
)

from stylevideo.errors import EncodeError, InputError, ShapeError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.encode.delivery import DELIVERIES, Encoding, choose_delivery
from stylevideo.media.encode.pipe import encode
from stylevideo.media.ffmpeg import file_url, run_ffmpeg
from stylevideo.media.film import write_film
from stylevideo.media.hidden import Places
from stylevideo.quality.verify import verify
from stylevideo.settings.encoder_arguments import read_encoder_arguments
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import Clip, FrameSelection

H264 = ("-c:v", "libx264", "-preset", "ultrafast")


def numbers(count: int, size: tuple[int, int] = SIZE) -> Iterator[np.ndarray]:
    return (numbered_frame(number, size) for number in range(count))


def images_of(path: Path) -> list[np.ndarray]:
    info = probe(path)
    return [frame.image for frame in read_frames(FrameSelection.whole(info))]


def whole_clip(info: VideoInfo, output: Path) -> Clip:
    return Clip(info.path, output, FrameSelection.whole(info))


@pytest.fixture
def sounding(tmp_path: Path) -> Path:
    """24 numbered frames at 30000/1001 with a tone in AAC."""
    images = [numbered_frame(number) for number in range(24)]
    return make_video(tmp_path / "source.mp4", images, "30000/1001", (*H264, "-c:a", "aac"), sine(0.9))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".m4v"])
def test_rate_frames_and_sound_are_the_sources(tmp_path: Path, sounding: Path, suffix: str) -> None:
    info = probe(sounding)
    output = tmp_path / f"film{suffix}"
    report = write_film(numbers(24), whole_clip(info, output))
    film = probe(output)
    assert (film.rate, film.frame_count, film.variable_rate) == (Fraction(30000, 1001), 24, False)
    assert [number_in(image) for image in images_of(output)] == list(range(24))
    assert stream_hashes(output) == stream_hashes(sounding)
    assert (report.path, report.frames, report.notes) == (output, 24, ())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output.name, sounding.name])


@pytest.mark.parametrize("size", [(130, 98), (129, 96), (128, 97), (131, 99)])
def test_every_pixel_is_kept_at_even_and_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    info = probe(numbered_video(tmp_path / "source.mp4", 4))
    report = write_film(numbers(4, size), whole_clip(info, tmp_path / "film.mp4"))
    film = probe(tmp_path / "film.mp4")
    assert (film.width, film.height) == size
    is_odd = size[0] % 2 == 1 or size[1] % 2 == 1
    assert film.pixel_format == ("yuv444p" if is_odd else "yuv420p")
    assert any("yuv444p" in note for note in report.notes) == is_odd


def test_colours_survive_the_round_trip(tmp_path: Path) -> None:
    info = probe(numbered_video(tmp_path / "source.mp4", 2))
    across, down = np.meshgrid(np.linspace(0, 1, 512), np.linspace(0, 1, 512))
    chart = np.round(np.stack([across, down, 1 - across], axis=-1) * 255).astype(np.uint8)
    write_film([chart, chart], whole_clip(info, tmp_path / "film.mp4"), Encoding(crf=4))
    # ffmpeg names range, then matrix, primaries and transfer in one word where all three agree.
    listing = run_ffmpeg(["-i", file_url(tmp_path / "film.mp4")]).messages
    assert "yuv420p(tv, bt709, progressive)" in listing
    raw = tmp_path / "film.rgb"
    exactly = ["-vf", "zscale=matrix=gbr:range=full,format=gbrp", "-pix_fmt", "rgb24", "-frames:v", "1"]
    ffmpeg("-i", tmp_path / "film.mp4", *exactly, "-f", "rawvideo", raw)
    error = np.fromfile(raw, np.uint8).reshape(chart.shape).astype(int) - chart
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.2
    assert np.percentile(np.abs(error), 99.9) <= 3
    # OpenCV's own conversion rounds down; it costs up to 1.5 on average.
    seen = np.abs(images_of(tmp_path / "film.mp4")[0].astype(int) - chart)
    assert seen.mean() < 1.6
    assert np.percentile(seen, 99) <= 3


def test_the_same_twice_is_byte_identical(tmp_path: Path, sounding: Path) -> None:
    info = probe(sounding)
    for suffix in (".mp4", ".mov", ".mkv"):
        films = []
        for _ in range(2):
            write_film(numbers(24), whole_clip(info, tmp_path / f"film{suffix}"))
            films.append((tmp_path / f"film{suffix}").read_bytes())
        assert films[0] == films[1]


def test_a_film_does_not_depend_on_the_pace_at_which_its_frames_come(tmp_path: Path) -> None:
    """At a low rate an encoder looks far ahead; a rare subtitle must not make sound run ahead of the picture."""
    (tmp_path / "said.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\nhello\n")
    count = 30
    images = [numbered_frame(number, (128, 32)) for number in range(count)]
    inputs = (*sine(count / 2), "-i", str(tmp_path / "said.srt"))
    tracks = ("-map", "0", "-map", "1", "-map", "2", "-c:a", "flac", "-c:s", "srt")
    source = make_video(tmp_path / "source.mkv", images, "2", (*H264, *tracks), inputs)
    sounding = make_video(tmp_path / "sounding.mkv", images, "24", (*H264, "-c:a", "aac"), sine(count / 24))
    uneven = tmp_path / "uneven.mkv"
    ffmpeg("-i", file_url(sounding), "-c", "copy", "-bsf:v", "setts=ts=TS+floor(N/5)*90", file_url(uneven))

    def slowly() -> Iterator[np.ndarray]:
        for place, image in enumerate(images):
            time.sleep(0.2 if place in (1, 20) else 0.005)
            yield image

    keep_timestamps = Encoding(choose_delivery("auto", tmp_path / "film.mp4"), variable_rate=True)
    for clip, suffix, encoding in ((source, ".mp4", None), (source, ".mkv", None), (uneven, ".mp4", keep_timestamps)):
        info, film = probe(clip), tmp_path / f"film{suffix}"
        assert info.variable_rate == (encoding is not None)
        films = []
        for pace in (images, slowly()):
            write_film(pace, whole_clip(info, film), encoding)
            films.append(film.read_bytes())
        assert films[0] == films[1], (clip, suffix)


def test_lower_crf_keeps_more(tmp_path: Path) -> None:
    info = probe(numbered_video(tmp_path / "source.mp4", 4))
    noise = np.random.default_rng(0).integers(0, 255, (4, 96, 128, 3), np.uint8)
    sizes = []
    for crf in (10, 35):
        write_film(noise, whole_clip(info, tmp_path / "film.mp4"), encoding=Encoding(crf=crf))
        sizes.append((tmp_path / "film.mp4").stat().st_size)
    assert sizes[0] > 2 * sizes[1]


@pytest.mark.parametrize(
    ("codec", "source", "suffix", "copied"),
    [
        ("flac", "source.mkv", ".mov", False),
        ("libopus", "source.mkv", ".mov", False),
        ("flac", "source.mkv", ".mp4", True),
        ("pcm_s16le", "source.mov", ".mov", True),
        ("pcm_s16le", "source.mov", ".mkv", True),
        ("wmav2", "source.mkv", ".mp4", False),
        ("wmav2", "source.mkv", ".mkv", True),
        ("libmp3lame", "source.mkv", ".mp4", True),
        ("ac3", "source.mkv", ".mov", True),
    ],
)
def test_sound_is_copied_where_it_can_be_and_re_encoded_with_a_note_where_not(
    tmp_path: Path, codec: str, source: str, suffix: str, copied: bool
) -> None:
    images = [numbered_frame(number) for number in range(24)]
    encoder = (*H264, "-c:a", codec, "-strict", "-2")
    info = probe(make_video(tmp_path / source, images, "24", encoder, ["-ac", "2", *sine(1)]))
    output = tmp_path / f"film{suffix}"
    report = write_film(images, whole_clip(info, output))
    (track,) = probe(output).audio()
    if copied:
        assert stream_hashes(output) == stream_hashes(info.path)
        assert report.notes == ()
    else:
        assert track.codec == "aac"
        (note,) = report.notes
        assert f"({info.audio()[0].codec}) was re-encoded as aac" in note
        assert np.abs(decoded_sound(output)).max() > 0.05


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_aac_of_a_transport_stream_is_copied(tmp_path: Path, suffix: str) -> None:
    """Its packets lose their headers on the way; what they hold is the same."""
    images = [numbered_frame(number) for number in range(24)]
    info = probe(make_video(tmp_path / "source.ts", images, "24", (*H264, "-c:a", "aac"), sine(1)))
    report = write_film(images, whole_clip(info, tmp_path / f"film{suffix}"))
    assert report.notes == ()
    (track,) = probe(tmp_path / f"film{suffix}").audio()
    assert track.codec == "aac"
    assert not verify(info.path, tmp_path / f"film{suffix}").wrong


def test_pcm_in_mp4_is_heard_either_way(tmp_path: Path) -> None:
    images = [numbered_frame(number) for number in range(24)]
    info = probe(make_video(tmp_path / "source.mov", images, "24", (*H264, "-c:a", "pcm_s24le"), sine(1)))
    report = write_film(images, whole_clip(info, tmp_path / "film.mp4"))
    (track,) = probe(tmp_path / "film.mp4").audio()
    assert (track.codec == "pcm_s24le") != any("re-encoded" in note for note in report.notes)
    assert len(decoded_sound(tmp_path / "film.mp4")) == pytest.approx(8000, abs=200)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_edge_all_tracks_chapters_and_tags_come_along(tmp_path: Path, suffix: str) -> None:
    info = probe(shared("edge/src.mov"))
    output = tmp_path / f"film{suffix}"
    small = (numbered_frame(index % 256) for index in range(info.frame_count))
    report = write_film(small, whole_clip(info, output))
    film = probe(output)
    assert [track.language for track in film.audio()] == ["eng", "fra"]
    assert stream_hashes(output) == stream_hashes(info.path)
    subtitles = [stream for stream in film.streams if stream.kind == "subtitle"]
    assert [(stream.codec, stream.language) for stream in subtitles] == [
        ("subrip" if suffix == ".mkv" else "mov_text", "eng")
    ]
    assert any("Subtitle track 1 (mov_text)" in note for note in report.notes) == (suffix == ".mkv")
    tags = ffmpeg("-i", output, "-f", "ffmetadata", "-").lower()
    assert "title=test clip" in tags and "artist=someone" in tags
    assert "title=one" in tags and "title=two" in tags


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_edge_a_stretch_keeps_flash_and_beep_together(tmp_path: Path, suffix: str) -> None:
    info = probe(shared("edge/src.mov"))
    stretch = range(36, 132)  # 1.5 s to 5.5 s: flashes and beeps at 0.5, 1.5, 2.5 and 3.5 s of the film
    output = tmp_path / f"film{suffix}"
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, stretch))),
        Clip(info.path, output, FrameSelection(info, stretch)),
    )
    film = probe(output)
    assert (film.frame_count, film.rate, float(film.start_time)) == (96, 24, 0)
    assert _flashes(output) == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.02)
    assert _beeps(output) == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.03)
    assert ffmpeg("-i", output, "-f", "ffmetadata", "-").count("[CHAPTER]") == 2
    assert len(decoded_sound(output)) / 8000 == pytest.approx(4, abs=0.05)


def test_edge_a_stretch_from_the_start(tmp_path: Path) -> None:
    info = probe(shared("edge/src.mov"))
    stretch = range(0, 60)
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, stretch))),
        Clip(info.path, tmp_path / "film.mp4", FrameSelection(info, stretch)),
    )
    assert probe(tmp_path / "film.mp4").frame_count == 60
    assert _beeps(tmp_path / "film.mp4") == pytest.approx(_beeps(info.path)[:3], abs=0.005)


def test_edge_late_sound_stays_late(tmp_path: Path) -> None:
    info = probe(shared("edge/alate.mp4"))
    output = tmp_path / "film.mp4"
    write_film((frame.image for frame in read_frames(FrameSelection.whole(info))), whole_clip(info, output))
    assert stream_hashes(output) == stream_hashes(info.path)
    assert _beeps(output) == pytest.approx(_beeps(info.path), abs=0.001)
    assert probe(output).start_time == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("rate", ["30000/1001", "24000/1001", "25"])
def test_a_late_picture_stays_late(tmp_path: Path, rate: str, suffix: str) -> None:
    clip = numbered_video(tmp_path / "clip.mp4", 24, rate)
    late = tmp_path / "late.mp4"
    ffmpeg("-itsoffset", "0.437", "-i", clip, *sine(2), "-c:v", "copy", "-c:a", "aac", late)
    info = probe(late)
    assert float(info.start_time) > 0.4
    write_film(numbers(24), whole_clip(info, tmp_path / f"film{suffix}"))
    film = probe(tmp_path / f"film{suffix}")
    assert film.rate == Fraction(rate)
    assert float(film.start_time) == pytest.approx(float(info.start_time), abs=0.0002 if suffix == ".mp4" else 0.001)
    assert stream_hashes(film.path) == stream_hashes(late)


def test_edge_variable_rate_keeps_every_frames_time(tmp_path: Path) -> None:
    info = probe(shared("edge/vfr.mp4"))
    small = [np.ascontiguousarray(frame.image[:96]) for frame in read_frames(FrameSelection.whole(info))]
    report = write_film(small, whole_clip(info, tmp_path / "film.mp4"))
    film = images_of(tmp_path / "film.mp4")
    assert len(film) == report.frames == sum(FrameSelection.whole(info).repeats)
    assert any("constant 24 frames a second" in note for note in report.notes)
    times = [(time - info.pts[0]) * info.time_base for time in info.pts]
    shown = [edge_number_in(image) for image in film]
    assert [Fraction(shown.index(number)) / info.rate for number in range(150)] == times


@pytest.mark.parametrize(
    ("said", "rate", "written", "note"),
    [
        ("01:00:00:30", "25", None, "was left out: '01:00:00:30' is no timecode at 25 frames a second"),
        ("01:00:00;12", "25", "01:00:00:12", "drops none"),
        ("01:00:00;12", "30000/1001", "01:00:00;12", None),
        ("01:00:00:119", "120", "01:00:00:119", None),
    ],
)
def test_a_timecode_that_does_not_fit_is_told(
    said: str, rate: str, written: str | None, note: str | None, tmp_path: Path
) -> None:
    info = replace(probe(numbered_video(tmp_path / "source.mp4", 4, rate)), timecode=said)
    report = write_film(numbers(4), whole_clip(info, tmp_path / "film.mov"))
    assert probe(report.path).timecode == written
    assert [note in found for found in report.notes] == [True] if note else report.notes == ()


def test_a_timecode_that_is_lost_is_told(tmp_path: Path, sounding: Path) -> None:
    info = replace(probe(sounding), timecode="01:00:00:00")
    lost = Encoding(extra=read_encoder_arguments("-timecode 02:00:00:00"))
    (note,) = write_film(numbers(24), whole_clip(info, tmp_path / "film.mp4"), lost).notes
    assert note == "The film should begin at the timecode 01:00:00:00, but says 02:00:00:00."


def test_an_unusual_sample_aspect_is_passed_on_exactly(tmp_path: Path, sounding: Path) -> None:
    info = replace(probe(sounding), sample_aspect=Fraction(118, 81))
    write_film(numbers(24), whole_clip(info, tmp_path / "film.mp4"))
    assert probe(tmp_path / "film.mp4").sample_aspect == Fraction(118, 81)


def test_a_container_without_a_place_for_sample_aspect_is_told(tmp_path: Path, sounding: Path) -> None:
    info = replace(probe(sounding), sample_aspect=Fraction(16, 15))
    encoding = Encoding(DELIVERIES["dnxhr-hqx"])
    images = [cv2.resize(numbered_frame(k), (256, 120)) for k in range(2)]
    report = write_film(images, Clip(info.path, tmp_path / "film.mxf", FrameSelection(info, range(2))), encoding)
    assert any("pixels have the shape 16/15; those of film.mxf are 1" in note for note in report.notes)


def test_edge_sample_aspect_is_passed_on(tmp_path: Path) -> None:
    info = probe(shared("edge/sar.mp4"))
    write_film(numbers(info.frame_count), whole_clip(info, tmp_path / "film.mp4"))
    assert probe(tmp_path / "film.mp4").sample_aspect == Fraction(16, 15)


def test_edge_rotated_source_makes_an_upright_film(tmp_path: Path) -> None:
    info = probe(shared("edge/rot90.mp4"))
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, range(4)))),
        Clip(info.path, tmp_path / "film.mp4", FrameSelection(info, range(4))),
    )
    film = probe(tmp_path / "film.mp4")
    assert (film.width, film.height, film.rotation) == (240, 320, 0)


def test_attachments_stay_in_mkv_and_are_noted_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    clip = numbered_video(tmp_path / "clip.mp4", 4)
    attach = ["-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf"]
    ffmpeg("-i", clip, *attach, "-c", "copy", tmp_path / "source.mkv")
    info = probe(tmp_path / "source.mkv")
    assert [stream.kind for stream in info.streams] == ["attachment"]
    assert write_film(numbers(4), whole_clip(info, tmp_path / "film.mkv")).notes == ()
    assert [stream.kind for stream in probe(tmp_path / "film.mkv").streams] == ["attachment"]
    (note,) = write_film(numbers(4), whole_clip(info, tmp_path / "film.mp4")).notes
    assert "Attachment track 1" in note and "left out" in note


def test_any_file_name(tmp_path: Path, sounding: Path) -> None:
    for name in ("a:b.mp4", "film%03d.mp4", "Zoë 映画.mp4", "it's [0].mkv", "-y.mp4"):
        folder = tmp_path / "odd: % names"
        folder.mkdir(exist_ok=True)
        source = folder / f"source {name.replace('.mkv', '.mp4')}"
        source.write_bytes(sounding.read_bytes())
        write_film(numbers(24), Clip(source, folder / name, FrameSelection(probe(source), range(24))))
        assert probe(folder / name).frame_count == 24
        assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("film.avi", r"\.avi files are not supported .*\.mp4, \.m4v, \.mov, \.mkv"),
        ("film", "a name without a suffix is not supported"),
        ("nowhere/film.mp4", "does not exist"),
        ("folder.mp4", "is a folder"),
    ],
)
def test_bad_outputs_are_refused_early(tmp_path: Path, sounding: Path, name: str, message: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match=message):
        write_film(numbers(24), Clip(sounding, tmp_path / name, FrameSelection(probe(sounding), range(24))))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.mp4", "source.mp4"]


def test_the_source_is_never_overwritten(tmp_path: Path, sounding: Path) -> None:
    before = sounding.read_bytes()
    with pytest.raises(InputError, match="is the source itself"):
        write_film(numbers(24), Clip(sounding, sounding, FrameSelection(probe(sounding), range(24))))
    assert sounding.read_bytes() == before


def test_failures_leave_an_earlier_film_and_nothing_else(tmp_path: Path, sounding: Path) -> None:
    info, output = probe(sounding), tmp_path / "film.mp4"
    output.write_bytes(b"an earlier film")

    def interrupted(error: BaseException) -> Iterator[np.ndarray]:
        yield from numbers(5)
        raise error

    for error in (KeyboardInterrupt(), OSError("store is gone"), ValueError("x")):
        with pytest.raises(type(error)):
            write_film(interrupted(error), whole_clip(info, output))
    with pytest.raises(EncodeError, match="only 5 of 24 frames"):
        write_film(numbers(5), whole_clip(info, output))
    with pytest.raises(EncodeError, match="more than the 24 frames"):
        write_film(numbers(25), whole_clip(info, output))
    with pytest.raises(EncodeError, match="no frame to write"):
        write_film([], whole_clip(info, output))
    with pytest.raises(EncodeError, match=r"ffmpeg could not write film\.mp4:\n.*"):
        wrong = Encoding(extra=read_encoder_arguments("-preset no-such-preset"))
        write_film(numbers(24), whole_clip(info, output), wrong)
    with pytest.raises(InputError, match=r"test_writer\.py could not be examined by ffmpeg"):
        write_film(
            numbers(24),
            whole_clip(replace(info, path=Path(__file__), streams=(), said=None), output),
        )
    with pytest.raises(InputError, match="no longer there"):
        write_film(
            numbers(24),
            whole_clip(replace(info, path=tmp_path / "gone.mp4"), output),
        )
    with pytest.raises(InputError, match="are not supported"):
        write_film(numbers(24), whole_clip(info, tmp_path / "film.foo"), Encoding())
    assert output.read_bytes() == b"an earlier film"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "source.mp4"]


def test_images_must_be_of_one_shape(tmp_path: Path, sounding: Path) -> None:
    info = probe(sounding)
    images = [numbered_frame(0), numbered_frame(1, (64 * 2, 64))]
    for bad in (images, [np.zeros((96, 128), np.uint8)], [np.zeros((96, 128, 3), np.float32)]):
        with pytest.raises(ShapeError):
            write_film(bad, whole_clip(info, tmp_path / "film.mp4"))
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to play a full disk")
def test_an_encoder_that_hangs_can_be_ended_from_another_thread(tmp_path: Path) -> None:
    stop, began = threading.Event(), time.monotonic()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(EncodeError):
        encode([sys.executable, "-c", "import time; time.sleep(60)"], [], tmp_path / "film.mp4", stop)
    assert time.monotonic() - began < 30


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be removed there")
def test_an_ffmpeg_that_survived_its_run_does_not_write_into_the_next_film(tmp_path: Path) -> None:
    info = probe(numbered_video(tmp_path / "source.mp4", 4))
    output = tmp_path / "film.mp4"
    write_film(numbers(4), whole_clip(info, output))
    before = output.read_bytes()
    part = Places.of(output).work / "part-0123abcd" / output.name
    part.parent.mkdir(parents=True)
    with part.open("wb", buffering=0) as left_over:

        def disturbed() -> Iterator[np.ndarray]:
            yield from numbers(4)
            left_over.write(b"x" * 1000)

        write_film(disturbed(), whole_clip(info, output))
    assert output.read_bytes() == before


def test_a_full_disk_is_named(tmp_path: Path, sounding: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def encode_onto_a_full_disk(command: Sequence[str], *rest: Any) -> None:
        Path(command[-1].removeprefix("file:")).symlink_to("/dev/full")
        encode(command, *rest)

    monkeypatch.setattr("stylevideo.media.film.encode", encode_onto_a_full_disk)
    info = probe(sounding)
    with pytest.raises(EncodeError, match="the disk is full"):
        write_film(numbers(24), whole_clip(info, tmp_path / "film.mkv"))
    assert not (tmp_path / "film.mkv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_ffmpeg_and_removes_the_part(tmp_path: Path, sounding: Path) -> None:
    script = f"""
import signal, sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from media_fixtures import numbered_frame
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells take it from what they run in the background
from stylevideo.media.ffmpeg import file_url, run_ffmpeg
from stylevideo.media.encode.delivery import Encoding, choose_delivery
from stylevideo.media.decode.probe import probe
from stylevideo.media.film import write_film
from stylevideo.timeline.selection import Clip, FrameSelection
source = Path({str(sounding)!r})
def slow():
    for number in range(24):
        yield numbered_frame(number)
        print(number, flush=True)
        time.sleep(0.2)
write_film(slow(), Clip(source, Path({str(tmp_path / "film.mkv")!r}), FrameSelection.whole(probe(source))))
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout is not None
    assert [child.stdout.readline() for _ in range(3)] == [b"0\n", b"1\n", b"2\n"]
    child.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert child.wait(timeout=20) != 0
    child.stdout.close()
    assert time.monotonic() - started < 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.mp4"]


def _flashes(path: Path) -> list[float]:
    """Seconds at which the picture turns white."""
    info = probe(path)
    bright = [image.mean() > 128 for image in images_of(path)]
    starts = [i for i, now in enumerate(bright) if now and (i == 0 or not bright[i - 1])]
    return [float(info.start_time + i / info.rate) for i in starts]


def _beeps(path: Path) -> list[float]:
    """Seconds at which the sound begins after silence."""
    loud = np.abs(decoded_sound(path)) > 0.02
    at = np.flatnonzero(loud)
    return [float(t) / 8000 for i, t in enumerate(at) if i == 0 or t - at[i - 1] > 1600]
