"""Every format gives every frame, once, in order, in its size; damage never ends the film."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from media_fixtures import SIZE, edge_number_in, ffmpeg, make_video, number_in, numbered_frame, numbered_video, shared

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.colors import reads_as_bt709
from stylevideo.media.decode.ffmpeg import _Clock
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import SourceFrame, check_decodable, open_clip, read_frames
from stylevideo.media.images.pictures import Reading
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

COUNT = 30
FORMATS = {
    "h264.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"),
    "ffv1.mkv": ("-c:v", "ffv1"),
    "prores.mov": ("-c:v", "prores_ks"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "3"),
    "h264.ts": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "3"),
    "raw.h264": ("-c:v", "libx264", "-preset", "ultrafast"),
    "hevc.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "12"),
    "h264.mts": ("-c:v", "libx264", "-preset", "ultrafast"),
    "mpeg2.mxf": ("-c:v", "mpeg2video", "-qscale:v", "2", "-intra_vlc", "1", "-pix_fmt", "yuv422p"),
    "ten bits.mov": ("-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le"),
}
SEQUENCES = ("png", "tif", "jpg")


def clip_of(folder: Path, name: str, rate: str) -> VideoInfo:
    """A clip of numbered frames in one of the formats."""
    if name in FORMATS:
        return open_clip(numbered_video(folder / name, COUNT, rate, FORMATS[name]))
    for number in range(COUNT):
        cv2.imwrite(str(folder / f"shot.{number + 1001}.{name}"), numbered_frame(number)[..., ::-1])
    return open_clip(folder / f"shot.####.{name}", Fraction(rate))


def ways(info: VideoInfo) -> list[Callable[[range], Iterator[SourceFrame]]]:
    """All the ways in which a clip's frames are read: as they are asked for usually, and through ffmpeg's filters."""
    readings = [Reading()] if info.is_sequence else [Reading(), Reading(deinterlace=True)]
    return [lambda frames, reading=reading: read_frames(FrameSelection(info, frames), reading) for reading in readings]


@pytest.mark.parametrize("name", [*FORMATS, *SEQUENCES])
def test_contract_of_every_format(tmp_path: Path, name: str) -> None:
    info = clip_of(tmp_path, name, "30000/1001")
    assert (info.frame_count, info.rate) == (COUNT, Fraction(30000, 1001))
    assert (info.width, info.height) == SIZE
    for read in ways(info):
        frames = list(read(range(COUNT)))
        assert [frame.index for frame in frames] == list(range(COUNT))
        assert [number_in(frame.image) for frame in frames] == list(range(COUNT))
        assert not any(frame.repaired for frame in frames)
        kinds = {(frame.image.shape, frame.image.dtype) for frame in frames}
        assert kinds == {((SIZE[1], SIZE[0], 3), np.dtype("uint8"))}


@pytest.mark.parametrize("name", [*FORMATS, *SEQUENCES])
def test_a_stretch_is_the_same_as_in_the_whole(tmp_path: Path, name: str) -> None:
    info = clip_of(tmp_path, name, "25")
    for read in ways(info):
        whole = [frame.image for frame in read(range(COUNT))]
        for stretch in (range(0, 3), range(7, 19), range(29, 30), range(5, 5)):
            images = [frame.image for frame in read(stretch)]
            assert len(images) == len(stretch)
            assert all(np.array_equal(image, whole[i]) for image, i in zip(images, stretch, strict=True))


def test_avi_without_time_stamps(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mp4", COUNT, "25", ("-c:v", "libx264", "-bf", "2"))
    ffmpeg("-i", clip, "-c", "copy", tmp_path / "clip.avi")
    frames = list(read_frames(FrameSelection(probe(tmp_path / "clip.avi"), range(COUNT))))
    assert [number_in(frame.image) for frame in frames] == list(range(COUNT))
    assert not any(frame.repaired for frame in frames)


@pytest.mark.parametrize(
    ("name", "size", "encoder"),
    [
        ("a.dv", (720, 576), ("-c:v", "dvvideo", "-pix_fmt", "yuv420p")),
        ("a.avi", SIZE, ("-c:v", "mpeg4", "-q:v", "2", "-flags", "+ilme+ildct")),
        ("a.ts", SIZE, ("-c:v", "libx265", "-x265-params", "interlace=tff:log-level=error")),
    ],
)
def test_interlaced_footage_that_does_not_say_so(
    name: str, size: tuple[int, int], encoder: tuple[str, ...], tmp_path: Path
) -> None:
    """OpenCV 5.0 would give garbage."""
    fields = ("-vf", f"scale={size[0]}:{size[1]}:flags=neighbor,setfield=tff", *encoder)
    info = probe(numbered_video(tmp_path / name, 4, "25", fields))
    assert (info.width, info.height) == size and not info.interlaced
    shown = [
        cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA)
        for frame in read_frames(FrameSelection(info, range(4)))
    ]
    assert [number_in(image) for image in shown] == [0, 1, 2, 3]
    assert all(abs(image[40:].astype(int) - numbered_frame(0)[40:]).mean() < 4 for image in shown)


def test_colours_come_as_rgb(tmp_path: Path) -> None:
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = (200, 80, 30)
    info = probe(make_video(tmp_path / "orange.mkv", [image] * 2, encoder=("-c:v", "ffv1", "-pix_fmt", "bgr0")))
    (frame, _) = read_frames(FrameSelection(info, range(2)))
    assert np.array_equal(frame.image, image)


def test_file_names_that_look_like_something_else(tmp_path: Path) -> None:
    for name in ("a:b.mp4", "frame%03d.mp4", "Zoë 映画.mp4", "with 'quotes'.mp4", "[0].mp4"):
        info = probe(numbered_video(tmp_path / name, 3))
        assert [number_in(frame.image) for frame in read_frames(FrameSelection(info, range(3)))] == [0, 1, 2]


def test_frames_before_an_edit_list_are_not_shown(tmp_path: Path) -> None:
    whole = numbered_video(tmp_path / "whole.mp4", 24, "24", ("-c:v", "libx264", "-g", "24"))
    ffmpeg("-ss", "0.5", "-i", whole, "-c", "copy", tmp_path / "cut.mp4")
    frames = read_frames(FrameSelection(probe(tmp_path / "cut.mp4"), range(12)))
    assert [number_in(frame.image) for frame in frames] == list(range(12, 24))


def test_edge_rotation_is_applied() -> None:
    info = probe(shared("edge/rot90.mp4"))
    (frame,) = read_frames(FrameSelection(info, range(7, 8)))
    assert frame.image.shape == (320, 240, 3)
    upright = np.rot90(frame.image, -1)
    assert edge_number_in(upright) == 7


def test_edge_variable_rate() -> None:
    info = probe(shared("edge/vfr.mp4"))
    assert [edge_number_in(frame.image) for frame in read_frames(FrameSelection(info, range(150)))] == list(range(150))


@pytest.mark.parametrize("reading", [Reading(), Reading(deinterlace=True)], ids=["opencv", "ffmpeg"])
def test_edge_corrupt_file_keeps_its_length_and_order(reading: Reading) -> None:
    info = probe(shared("edge/corrupt.mp4"))
    frames = list(read_frames(FrameSelection(info, range(150)), reading))
    assert [frame.index for frame in frames] == list(range(150))
    assert [frame.index for frame in frames if frame.repaired] == [75, 76, 77]
    assert [edge_number_in(frame.image) for frame in frames[:75]] == list(range(75))
    assert all(np.array_equal(frame.image, frames[74].image) for frame in frames[75:78])


def test_edge_corrupt_file_reads_alike_from_within_the_hole() -> None:
    info = probe(shared("edge/corrupt.mp4"))
    (frame,) = read_frames(FrameSelection(info, range(76, 77)))
    assert (frame.index, frame.repaired, edge_number_in(frame.image)) == (76, True, 74)


def test_edge_truncated_file_ends_with_its_last_good_frame() -> None:
    info = probe(shared("edge/trunc.mp4"))
    frames = list(read_frames(FrameSelection(info, range(75))))
    assert [edge_number_in(frame.image) for frame in frames] == [*range(74), 73]
    assert [frame.index for frame in frames if frame.repaired] == [74]
    (last,) = read_frames(FrameSelection(info, range(74, 75)))
    assert edge_number_in(last.image) == 73


def test_a_damaged_beginning_shows_the_next_good_frame(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.avi", 12, "24", ("-c:v", "mjpeg", "-q:v", "3"))
    data = bytearray(clip.read_bytes())
    first_picture = data.index(b"\xff\xd8\xff")
    second_picture = data.index(b"\xff\xd8\xff", first_picture + 3)
    data[first_picture : second_picture - 8] = bytes(second_picture - 8 - first_picture)
    clip.write_bytes(data)
    frames = list(read_frames(FrameSelection(probe(clip), range(12))))
    assert [number_in(frame.image) for frame in frames] == [1, *range(1, 12)]
    assert [frame.repaired for frame in frames] == [True] + [False] * 11


def test_a_film_of_rubbish_is_refused(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mov", 12, "24", FORMATS["prores.mov"])
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4])
    data[start : start - 8 + size] = b"\xff" * (size - 8)
    clip.write_bytes(data)
    info = probe(clip)
    with pytest.raises(InputError, match=r"No frame of clip.mov can be decoded \(codec prores"):
        check_decodable(FrameSelection.whole(info))
    with pytest.raises(DecodeError, match=r"No frame of clip.mov can be decoded"):
        list(read_frames(FrameSelection(info, range(3, 5))))


def test_a_good_film_is_decodable(tmp_path: Path) -> None:
    check_decodable(FrameSelection.whole(probe(numbered_video(tmp_path / "clip.mp4", 3))))


@pytest.mark.parametrize(
    ("name", "encoder"),
    [("hd.mp4", ("-c:v", "libx264", "-crf", "5", "-preset", "ultrafast")), ("hd.mkv", ("-c:v", "ffv1"))],
)
def test_untagged_hd_is_read_as_bt709(name: str, encoder: tuple[str, ...], tmp_path: Path) -> None:
    image = np.empty((720, 1280, 3), np.uint8)
    image[:] = (200, 60, 40)
    untag = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=unknown"
    shape = ("-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{untag}")
    info = probe(make_video(tmp_path / name, [image] * 6, encoder=(*encoder, *shape)))
    assert info.color_matrix is None
    for read in ways(info):
        frames = list(read(range(2, 6)))
        assert [frame.index for frame in frames] == [2, 3, 4, 5]
        difference = np.abs(frames[0].image.astype(int) - image)[100:-100, 100:-100]
        assert difference.max() <= 3
    wrongly = next(read_frames(FrameSelection(replace(info, color_matrix="smpte170m"), range(1)))).image
    assert np.abs(wrongly.astype(int) - image).max() > 8


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started meanwhile."""
    processes: list[subprocess.Popen[bytes]] = []

    class Remembered(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            processes.append(self)

    monkeypatch.setattr("subprocess.Popen", Remembered)
    return processes


def test_a_decoder_that_dies_is_no_damage(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    info = probe(numbered_video(tmp_path / "clip.mkv", 200, "25", ("-c:v", "ffv1")))
    frames = read_frames(FrameSelection(info, range(200)), Reading(deinterlace=True))
    assert number_in(next(frames).image) == 0
    started[-1].kill()
    with pytest.raises(DecodeError, match=r"(?s)clip\.mkv: ffmpeg .* while it decoded:\n.*run again") as error:
        for frame in frames:
            assert number_in(frame.image) == frame.index and not frame.repaired
    assert "showinfo" not in str(error.value)


def test_footage_that_ffmpeg_cannot_go_on_with_says_up_to_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind tagged HDR comes something else, for which a filter that is told nothing has no way."""
    encoder = ("-c:v", "libx265", "-x265-params")
    hdr = "log-level=error:bframes=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    begin = make_video(
        tmp_path / "a.ts", [numbered_frame(k) for k in range(5)], "25", ("-pix_fmt", "yuv420p10le", *encoder, hdr)
    )
    other = ("-output_ts_offset", "0.2", "-pix_fmt", "gbrp10le", *encoder, "log-level=error:bframes=0:colormatrix=gbr")
    end = make_video(tmp_path / "b.ts", [numbered_frame(k, (64, 64)) for k in range(5)], "25", other)
    clip = tmp_path / "clip.ts"
    clip.write_bytes(begin.read_bytes() + end.read_bytes())
    info, reading = probe(clip), Reading(tonemap=True)
    assert not any(frame.repaired for frame in read_frames(FrameSelection.whole(info), reading))
    monkeypatch.setattr(
        "stylevideo.media.decode.ffmpeg.conversion", lambda *_: "zscale=transfer=linear,format=gbrpf32le"
    )
    with pytest.raises(DecodeError, match=r"(?s)cannot go on after frame 5:.*Choose --frames up to 5, or convert"):
        list(read_frames(FrameSelection.whole(info), reading))
    assert [frame.repaired for frame in read_frames(FrameSelection(info, range(5)), reading)] == [False] * 5


@pytest.mark.parametrize("width", [640, 1280])
def test_a_hole_in_a_file_without_times_shifts_no_later_frame(tmp_path: Path, width: int) -> None:
    """Untagged HD is decoded by ffmpeg, smaller pictures by OpenCV; B-frames in AVI have no times."""
    sizes = ("-s", f"{width}x{width * 3 // 4}")
    clip = numbered_video(tmp_path / "clip.avi", 12, "25", (*sizes, "-c:v", "libx264", "-x264-params", "bframes=2"))
    packets = ffmpeg("-i", clip, "-map", "0:v", "-c", "copy", "-f", "framecrc", "-").splitlines()
    lengths = [int(line.split(",")[4]) for line in packets if not line.startswith("#")]
    ffmpeg("-i", clip, "-map", "0:v", "-c", "copy", "-f", "data", tmp_path / "packets")
    packet = (tmp_path / "packets").read_bytes()[sum(lengths[:5]) : sum(lengths[:6])]
    assert clip.read_bytes().count(packet) == 1
    clip.write_bytes(clip.read_bytes().replace(packet, b"\xff" * len(packet)))
    info = probe(clip)
    frames = list(read_frames(FrameSelection(info, range(12))))
    assert not info.timed and reads_as_bt709(info) == (width == 1280)
    assert sum(frame.repaired for frame in frames) == 1
    shrunk = [cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA) for frame in frames]
    assert [number_in(image) for image in shrunk[8:]] == [8, 9, 10, 11]


def test_a_lost_message_shifts_no_frame() -> None:
    """Where pictures change their size, ffmpeg makes its filters anew and counts from 0 again."""
    config = "[Parsed_showinfo_0 @ 0x1] config in time_base: 1/10, frame_rate: 10/1\n"
    line = "[Parsed_showinfo_0 @ 0x1] n: {:3} pts: {:6} pts_time:0\n"
    told = [config, line.format(0, 0), f"a word{line.format(2, 2)}", config, line.format(0, 3), line.format(1, "NOPTS")]
    clock = _Clock(io.BytesIO("".join([*told, "the end\n"]).encode()))
    assert [clock.time_ms(number) for number in range(5)] == [0, None, 200, 300, None]
    assert clock.last_words() == "the end"


@pytest.mark.parametrize("order", [("0", "1"), ("1", "0")])
def test_of_two_videos_the_probed_one_is_read(tmp_path: Path, order: tuple[str, str]) -> None:
    numbered_video(tmp_path / "small.mp4", 8)
    make_video(tmp_path / "large.mp4", [numbered_frame(100 + i, (256, 192)) for i in range(12)])
    maps = ["-map", f"{order[0]}:v", "-map", f"{order[1]}:v", "-c", "copy"]
    ffmpeg("-i", tmp_path / "small.mp4", "-i", tmp_path / "large.mp4", *maps, tmp_path / "both.mkv")
    info = probe(tmp_path / "both.mkv")
    first = 0 if order[0] == "0" else 100
    count = 8 if order[0] == "0" else 12
    assert info.frame_count == count
    frames = list(read_frames(FrameSelection(info, range(count))))
    assert [number_in(frame.image) for frame in frames] == list(range(first, first + count))
