"""Pictures come upright and unmirrored as the file says it, in whatever way it says it, through both decoders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from media_fixtures import SIZE, ffmpeg, numbered_frame, numbered_video

from stylevideo.cli.inspect import as_lines
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.ffmpeg import ffmpeg_path, file_url
from stylevideo.media.images.pictures import Reading, to_8_bits
from stylevideo.media.orientation import Orientation, read_orientation
from stylevideo.timeline.selection import FrameSelection

DECODERS = {"opencv": Reading(), "ffmpeg": Reading(bits=16)}
"""Of footage of ten bits."""
TEN_BITS = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video(tmp_path_factory.mktemp("lying") / "clip.mp4", 3, encoder=TEN_BITS)


def shown_by_ffmpeg(clip: Path, size: tuple[int, int]) -> np.ndarray:
    """The first frame as ffmpeg itself shows it, (H, W, 3)."""
    command = [ffmpeg_path(), "-v", "error", "-i", file_url(clip), "-frames:v", "1", "-pix_fmt", "rgb24"]
    data = subprocess.run([*command, "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)


def require_alike(clip: Path) -> None:
    """Both decoders give what ffmpeg shows."""
    info = probe(clip)
    wanted = shown_by_ffmpeg(clip, (info.width, info.height)).astype(int)
    for name, reading in DECODERS.items():
        frames = [to_8_bits(frame.image) for frame in read_frames(FrameSelection(info, range(3)), reading)]
        assert all(frame.shape == wanted.shape for frame in frames), name
        assert np.abs(frames[0].astype(int) - wanted).mean() < 3, name
        assert np.abs(frames[2].astype(int) - frames[0]).mean() < 30, name  # only the number differs


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("flips", [(), ("-display_hflip",), ("-display_vflip",)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_containers_matrix(lying: Path, tmp_path: Path, degrees: int, flips: tuple[str, ...], suffix: str) -> None:
    clip = tmp_path / f"clip.{suffix}"
    ffmpeg("-display_rotation", str(degrees), *flips, "-i", lying, "-c", "copy", clip)
    require_alike(clip)
    info = probe(clip)
    if suffix == "mp4":  # ffmpeg writes no mirrors into Matroska
        assert info.mirrored == bool(flips)
        assert (", mirrored" in " ".join(as_lines(info))) == bool(flips)
    if not flips:
        assert info.rotation == degrees


@pytest.mark.parametrize("flip", ["", ":flip=horizontal", ":flip=vertical"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_message_in_the_stream(lying: Path, tmp_path: Path, degrees: int, flip: str) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg(
        "-i", lying, "-c", "copy", "-bsf:v", f"h264_metadata=display_orientation=insert:rotate={degrees}{flip}", clip
    )
    assert probe(clip).mirrored == bool(flip)
    require_alike(clip)


def test_pixels_that_are_not_square_are_turned_too(lying: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg(
        "-display_rotation", "90", "-i", lying, "-c", "copy", "-bsf:v", "h264_metadata=sample_aspect_ratio=4/3", clip
    )
    info = probe(clip)
    assert (info.width, info.height, info.sample_aspect) == (SIZE[1], SIZE[0], 3 / 4)


def test_a_slight_turn_is_left_out_and_said(lying: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg("-display_rotation", "3", "-i", lying, "-c", "copy", clip)
    info = probe(clip)
    assert (info.width, info.height, info.rotation, info.mirrored) == (*SIZE, 0, False)
    (note,) = info.notes
    assert "turned by 3.0 degrees" in note
    for reading in DECODERS.values():
        (frame,) = (to_8_bits(frame.image) for frame in read_frames(FrameSelection(info, range(1)), reading))
        assert np.abs(frame.astype(int) - numbered_frame(0)).mean() < 4


def test_what_cannot_be_decoded_lies_as_it_is(tmp_path: Path) -> None:
    info = probe(numbered_video(tmp_path / "clip.mp4"))
    info.path.write_bytes(b"no film")
    assert read_orientation(info, 10) == Orientation()
