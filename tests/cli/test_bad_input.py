"""Odd input on the command line: a right film, or one clear sentence; nothing half-made stays anywhere.

Nothing is painted here (`--iterations 0`): what goes wrong does so before or after.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import STYLE
from media_fixtures import edge_number_in, ffmpeg, make_video, number_in, numbered_frame, shared, sine
from sequence_fixtures import cut_short, save, save_numbered

from stylevideo.cli.main import main
from stylevideo.errors import StorageError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.hidden import Places
from stylevideo.timeline.selection import FrameSelection

NAMES = ["with  spaces", 'it\'s "quoted"', "frame%03d", "a:b", "Zoë 映画 🎬", "[0]{*}?", "-dash", "50% #1, take=2;"]
posix = pytest.mark.skipif(os.name == "nt", reason="no such files on Windows")


@dataclass(frozen=True)
class Said:
    """What the command line gave: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """A run that paints nothing."""

    def run(source: Path, output: Path, *flags: str | Path, style: str | Path = STYLE) -> Said:
        capsys.readouterr()
        given = ["run", str(source), "--style", str(style), "-o", str(output), "--iterations", "0", *map(str, flags)]
        code = main(given)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(run: Callable[..., Said]) -> Callable[..., None]:
    """A run that ends with one clear sentence, and leaves everything as it was."""

    def refused(says: str, source: Path, output: Path, *flags: str | Path, style: str | Path = STYLE) -> None:
        before = contents(output.parent)
        said = run(source, output, "-q", *flags, style=style)
        assert is_clear(said, code=2), said
        assert re.search(says, said.err), said.err
        assert contents(output.parent) == before

    return refused


def is_clear(said: Said, code: int) -> bool:
    """Whether the end is one sentence of ours, and not that something unforeseen happened."""
    foreign = ("Traceback", "unexpected", "Error:", "None")
    ours = said.err.startswith("stylevideo: ") and said.err.rstrip().endswith((".", "--ffmpeg-args."))
    return ours and (said.code, said.out) == (code, "") and not any(word in said.err for word in foreign)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with what it holds, hidden ones too."""
    files = sorted(folder.rglob("*")) if folder.is_dir() else []
    return {str(file.relative_to(folder)): b"" if file.is_dir() else file.read_bytes() for file in files}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for the film."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


# -- clips -----------------------------------------------------------------------------------------


def written(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def no_clip(folder: Path) -> Path:
    return folder / "missing.mp4"


def no_streams(folder: Path) -> Path:
    header = b"LIST" + struct.pack("<I", 68) + b"hdrlavih" + struct.pack("<I", 56) + bytes(56)
    body = b"AVI " + header + b"LIST" + struct.pack("<I", 4) + b"movi"
    return written("hollow.avi", b"RIFF" + struct.pack("<I", len(body)) + body)(folder)


def at_once(folder: Path) -> Path:
    """The first two frames have the same time, and so has the third."""
    times = ("-vf", "settb=1/1000,setpts=gte(N\\,3)*N*40", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    return make_video(folder / "once.mkv", [numbered_frame(k) for k in range(6)], encoder=(*times, "-c:v", "ffv1"))


def sound_alone(folder: Path) -> Path:
    ffmpeg(*sine(0.2), folder / "sound.mp4")
    return folder / "sound.mp4"


def sound_with_cover(folder: Path) -> Path:
    picture = save(folder / "cover.png", numbered_frame(1))
    maps = ["-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg(*sine(0.2), "-i", picture, *maps, folder / "song.mp4")
    return folder / "song.mp4"


def still_picture(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        return save(folder / f"still{suffix}", numbered_frame(1)).rename(folder / "still.mp4")

    return make


def without_its_index(folder: Path) -> Path:
    """A recording that was cut off: MP4 has its index at the end."""
    clip = make_video(folder / "cut.mp4", [numbered_frame(k) for k in range(6)])
    cut_short(clip)
    return clip


def blank_pictures(folder: Path) -> Path:
    images = [np.full((64, 96, 3), 40 * k, np.uint8) for k in range(3)]
    data = make_video(folder / "good.mov", images, encoder=("-c:v", "mjpeg")).read_bytes()
    start = data.index(b"mdat") + 4
    stop = data.index(b"moov") if data.index(b"moov") > start else len(data)
    return written("blank.mov", data[:start] + bytes(stop - start) + data[stop:])(folder)


def tiny(folder: Path) -> Path:
    return make_video(folder / "tiny.mkv", [np.zeros((24, 90, 3), np.uint8)] * 2, encoder=("-c:v", "ffv1"))


def hdr(folder: Path) -> Path:
    tags = "format=yuv420p10le,setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084"
    return make_video(folder / "hdr.mp4", [numbered_frame(1)] * 2, encoder=("-vf", tags, "-c:v", "libx264"))


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.mp4")
    return folder / "pipe.mp4"


def empty_folder(folder: Path) -> Path:
    (folder / "shots").mkdir()
    return folder / "shots"


def two_sequences(folder: Path) -> Path:
    save_numbered(folder / "shots", "a.{}.png", range(1, 3))
    save_numbered(folder / "shots", "b.{}.png", range(1, 3))
    return folder / "shots"


def two_sizes(folder: Path) -> Path:
    save_numbered(folder / "shots", "a.{:04d}.png", range(1, 5))
    for number in (3, 4):
        save(folder / "shots" / f"a.{number:04d}.png", numbered_frame(number, (128, 64)))
    return folder / "shots"


def damaged_sequence(folder: Path) -> Path:
    for file in save_numbered(folder / "shots", "a.{}.png", range(1, 3)):
        file.write_bytes(file.read_bytes()[:60])
    return folder / "shots"


def damaged_exr(folder: Path) -> Path:
    (folder / "shots").mkdir()
    return written("shots/a.1.exr", b"\x76\x2f\x31\x01" + bytes(200))(folder).parent


def days_apart(folder: Path) -> Path:
    """A jump in the times, as a recorder makes whose clock is set anew."""
    images = [numbered_frame(k) for k in range(4)]
    jump = ("-vf", "setpts=PTS+gte(N\\,2)*80000/TB", "-fps_mode", "passthrough")
    return make_video(folder / "jump.mkv", images, encoder=(*jump, "-c:v", "ffv1"))


CLIPS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (no_clip, r"missing\.mp4: there is no such file\. Check the spelling"),
    "an empty file": (written("empty.mp4", b""), r"empty\.mp4 is empty \(0 bytes\)\. Copy or record it again"),
    "text": (written("notes.mp4", b"hello\n" * 50), r"notes\.mp4 is not a video that ffmpeg can read"),
    "rubbish": (written("x.mp4", bytes(range(256)) * 40), r"x\.mp4 is not a video that ffmpeg can read"),
    "no streams": (no_streams, r"hollow\.avi has no video stream; it holds nothing\. Choose a file with"),
    "sound alone": (sound_alone, r"sound\.mp4 has no video stream; it holds audio \(aac\)"),
    "sound with a cover": (sound_with_cover, r"song\.mp4 has no video stream; it holds .*Choose a file with a moving"),
    "a PNG named .mp4": (still_picture(".png"), r"still\.mp4 is a still picture, not a video"),
    "a JPEG named .mp4": (still_picture(".jpg"), r"still\.mp4 is a still picture, not a video"),
    "a TIFF named .mp4": (still_picture(".tif"), r"still\.mp4 is a still picture, not a video"),
    "no index": (without_its_index, r"cut\.mp4 was not recorded or copied to its end: its index is missing\."),
    "blank pictures": (blank_pictures, r"No frame of blank\.mov can be decoded \(codec mjpeg.*Convert it first"),
    "too small": (tiny, "90x24 pixels are too small for VGG-19.*at least 32"),
    "HDR": (hdr, r"hdr\.mp4 is HDR \(smpte2084\).*Add --tonemap"),
    "a jump in its times": (days_apart, r"jump\.mkv: by the times in the file 4 frames would be 1920004"),
    "an empty folder": (empty_folder, "shots holds no (video and no picture|numbered pictures)"),
    "two sequences": (two_sequences, "would be written from .*a.#.png, .*b.#.png. Give each film a name of its own"),
    "two sizes": (
        two_sizes,
        r"a\.0003\.png is 128x64, but a\.####\.png begins with 128x96\. Make all .* of one size\.$",
    ),
    "damaged pictures": (damaged_sequence, r"a\.#\.png: the first pictures cannot be decoded.*Make or copy it again"),
    "a damaged EXR": (damaged_exr, r"a\.1\.exr: the picture cannot be decoded.*damaged"),
}


@pytest.mark.parametrize("name", CLIPS)
def test_clips_that_no_film_can_be_made_of(name: str, tmp_path: Path, out: Path, refused: Callable[..., None]) -> None:
    make, says = CLIPS[name]
    refused(says, make(tmp_path), out / "film.mp4")


def test_a_jump_in_the_times_is_kept_on_request(tmp_path: Path, out: Path, run: Callable[..., Said]) -> None:
    assert run(days_apart(tmp_path), out / "film.mkv", "--variable-rate", "keep", "-q").code == 0
    assert shown(out / "film.mkv") == [0, 1, 2, 3]
    assert probe(out / "film.mkv").duration > 80_000


def test_frames_that_pass_too_soon_are_kept_on_request(
    tmp_path: Path, out: Path, run: Callable[..., Said], refused: Callable[..., None]
) -> None:
    """A stretch that is shorter than a frame of the film."""
    dense = ("-vf", "settb=1/1000,setpts=N+2*gte(N\\,2)", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    images = [numbered_frame(k) for k in range(4)]
    clip = make_video(tmp_path / "dense.mkv", images, encoder=(*dense, "-c:v", "ffv1"))
    says = r"dense\.mkv: by the times in the file 2 frames would be 0 frames of a film of 120 a second"
    refused(says, clip, out / "film.mp4", "--frames", "1-2")
    assert run(clip, out / "film.mkv", "--frames", "1-2", "--variable-rate", "keep", "-q").code == 0
    assert shown(out / "film.mkv") == [0, 1]


@pytest.mark.parametrize("times", ["constant", "keep"])
def test_frames_that_last_no_time(times: str, tmp_path: Path, out: Path, refused: Callable[..., None]) -> None:
    says = r"once\.mkv: by the times in the file 2 frames would last no time at all\. Convert the clip first"
    refused(says, at_once(tmp_path), out / "film.mp4", "--frames", "1-2", "--variable-rate", times)


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path, out: Path, refused: Callable[..., None]) -> None:
    refused(r"pipe\.mp4 is not an ordinary file", a_pipe(tmp_path), out / "film.mp4")


@pytest.mark.parametrize("name", ["an empty file", "text", "sound alone", "no index", "an empty folder"])
def test_probe_says_the_same(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, says = CLIPS[name]
    said = Said(main(["probe", str(make(tmp_path))]), *capsys.readouterr())
    assert is_clear(said, code=2), said
    assert re.search(says, said.err), said.err


EDGE_FILES = {
    "cfr.mp4": ("1-4", ""),
    "vfr.mp4": ("73-78", "rate varies; the film has a constant 24 frames a second"),
    "rot90.mp4": ("1-3", ""),
    "corrupt.mp4": ("73-79", r"3 frames could not be decoded; the last good frame stands in: 76, 77, 78\."),
    "trunc.mp4": ("72-75", r"1 frame could not be decoded; the last good frame stands in: 75\."),
    "alate.mp4": ("5-9", ""),
    "sar.mp4": ("1-4", ""),
    "src.mov": ("1-4", ""),
    "x264_10.mp4": ("1-4", "has 10 bits a channel"),
    "alpha.mov": ("1-3", "has an alpha channel; the film has none"),
}
NUMBERED = ("cfr.mp4", "corrupt.mp4", "trunc.mp4")


@pytest.mark.parametrize("name", EDGE_FILES)
def test_edge_files_become_films(name: str, out: Path, run: Callable[..., Said]) -> None:
    source, (frames, note) = shared(f"edge/{name}"), EDGE_FILES[name]
    said = run(source, out / "film.mov", "--frames", frames)
    assert (said.code, said.out.strip()) == (0, str(out / "film.mov")), said
    assert "Traceback" not in said.err and re.search(note, said.err), said.err
    assert names(out) == ["film.mov", "film.mov.json"]
    first, last = map(int, frames.split("-"))
    whole, film = probe(source), probe(out / "film.mov")
    assert (film.width, film.height, film.sample_aspect) == (whole.width, whole.height, whole.sample_aspect)
    assert [s.codec for s in film.streams if s.kind != "data"] == [s.codec for s in whole.streams if s.kind != "data"]
    assert film.frame_count == sum(FrameSelection(whole, range(first - 1, last)).repeats)
    if name in NUMBERED:
        kept, made = (
            [edge_number_in(frame.image) for frame in read_frames(FrameSelection(info, wanted))]
            for info, wanted in ((whole, range(first - 1, last)), (film, range(film.frame_count)))
        )
        assert made == kept


def test_no_edge_file_is_forgotten() -> None:
    assert names(shared("edge")) == sorted(EDGE_FILES)


def test_a_stretch_without_sound_or_subtitles(
    tmp_path: Path, out: Path, run: Callable[..., Said], capsys: pytest.CaptureFixture[str]
) -> None:
    """MP4 has no empty tracks; others keep them."""
    (tmp_path / "words.srt").write_text("1\n00:00:00,700 --> 00:00:00,900\nHello\n")
    inputs = ["-itsoffset", "0.5", *sine(0.5), "-i", str(tmp_path / "words.srt")]
    images = [numbered_frame(number) for number in range(24)]
    clip = make_video(tmp_path / "late.mkv", images, "24", ("-c:a", "aac", "-c:s", "srt"), inputs)
    said = run(clip, out / "film.mp4", "--frames", "3-6")
    assert said.code == 0, said
    for track in ("Audio track 1 (aac)", "Subtitle track 1 (subrip)"):
        assert f"{track} was left out: nothing of it lies in these frames, and mp4 has no empty tracks." in said.err
    assert (probe(out / "film.mp4").streams, shown(out / "film.mp4")) == ((), [2, 3, 4, 5])
    assert main(["verify", str(clip), str(out / "film.mp4"), "--frames", "3-6"]) == 0
    assert run(clip, out / "film.mkv", "--frames", "3-6").code == 0
    assert [stream.codec for stream in probe(out / "film.mkv").streams] == ["aac", "subrip"]
    assert run(clip, out / "whole.mp4").code == 0
    assert [stream.codec for stream in probe(out / "whole.mp4").streams] == ["aac", "mov_text"]


# -- what is asked for -----------------------------------------------------------------------------

FLAGS = {
    "a range beyond the end": (("--frames", "15-21"), "frames 15-21 are outside the clip, which has frames 1-20"),
    "a range before the beginning": (("--frames", "0-3"), "outside the clip"),
    "no range": (("--frames", "all"), "not a range of frames. Write it like 1-48"),
    "a range backwards": (("--frames", "5-4"), r"'5-4' runs backwards\. Write the smaller number first: 4-5"),
    "no time at all": (
        ("--start", "0.5", "--end", "0.5"),
        r"no frame lies between 0\.5 and 0\.5\. The clip lasts 0\.8",
    ),
    "a time after the end": (("--start", "2", "--end", "2"), "no frame lies between 2 and 2"),
    "times backwards": (("--start", "0.5", "--end", "0.2"), r"no frame lies between 0\.5 and 0\.2"),
    "no time": (("--start", "soon"), r"--start 'soon' is no time\. Write seconds"),
    "no timecode": (("--start", "00:00:00:99"), "is no timecode at 24 frames a second"),
    "frames and times": (("--frames", "1-2", "--end", "1"), "say the same in two ways"),
    "too small": (("--size", "40"), "too small for VGG-19"),
    "no such delivery": (("--delivery", "vhs"), "--delivery cannot be 'vhs'. Choose from: "),
    "a delivery for other files": (("--delivery", "ffv1"), r"film\.mp4: --delivery ffv1 goes into \.mkv files"),
    "arguments that ffmpeg does not know": (
        ("--ffmpeg-args", "-no-such-option 1"),
        "-no-such-option is none of the encoder's options",
    ),
    "arguments that the encoder does not know": (("--ffmpeg-args", "-preset slowish"), "or mend --ffmpeg-args"),
    "an unclosed quotation": (("--ffmpeg-args", "-preset 'slow"), "cannot be read .*Close every quotation mark"),
    "a sheet of another kind": (("--sheet", "sheet.jpg"), r"must end in \.png"),
    "a folder for a sheet": (("--sheet", "folder.png"), r"folder\.png is a folder\. Give a file name"),
    "a report in no folder": (("--report", "no/where.json"), "does not exist. Make it first"),
}


@pytest.mark.parametrize("name", FLAGS)
def test_what_cannot_be_done_as_asked(
    name: str, two_shot_clip: Path, out: Path, refused: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(out)
    (out / "folder.png").mkdir()
    flags, says = FLAGS[name]
    refused(says, two_shot_clip, out / "film.mp4", *flags)


STYLES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (lambda folder: folder / "no.jpg", r"no\.jpg: the picture cannot be read \(No such file"),
    "a film": (without_its_index, r"cut\.mp4 is no picture, and no clip .*its index is missing"),
    "text": (written("style.jpg", b"hello"), r"style\.jpg is not a picture"),
    "an empty file": (written("style.png", b""), r"style\.png is not a picture"),
    "a folder": (empty_folder, r"shots is a folder, not an ordinary file\. Name a file"),
    "a small picture": (lambda folder: save(folder / "s.png", np.zeros((9, 9, 3), np.uint8)), r"9x9 pixels\. Use a"),
    "no weight": (lambda folder: Path(f"{STYLE}:0"), "the weight must be above 0"),
}


@pytest.mark.parametrize("name", STYLES)
def test_styles_that_are_no_pictures(
    name: str, two_shot_clip: Path, tmp_path: Path, out: Path, refused: Callable[..., None]
) -> None:
    make, says = STYLES[name]
    refused(says, two_shot_clip, out / "film.mp4", style=make(tmp_path))


# -- where it goes ---------------------------------------------------------------------------------


OUTPUTS = {
    "a file for a folder": (
        "taken.mp4/film.mp4",
        r"the folder .*taken\.mp4 cannot be made \(.*\)\. Choose another place",
    ),
    "a folder": ("folder.mp4", r"folder\.mp4 is a folder\. Give a file name"),
    "a kind that is not written": ("film.xyz", r"film\.xyz: \.xyz files are not supported for films\. Use one of"),
    "no suffix": ("film", "a name without a suffix is not supported"),
    "there already": ("taken.mp4", r"taken\.mp4 is already there\. Replace it with -y"),
    "one picture for a film": ("film.png", r"one picture, and 20 frames .*\. Write it like film\.####\.png, or .* 1\."),
    "a sequence that is there": ("a.####.png", r"a\.0001\.png is already there, with 1 more\. Replace them with -y"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_places_that_cannot_be_written_to(
    name: str, two_shot_clip: Path, out: Path, refused: Callable[..., None]
) -> None:
    (out / "taken.mp4").write_bytes(b"precious")
    (out / "folder.mp4").mkdir()
    save_numbered(out, "a.{:04d}.png", range(1, 3))
    output, says = OUTPUTS[name]
    refused(says, two_shot_clip, out / output)
    assert (out / "taken.mp4").read_bytes() == b"precious"


@pytest.mark.parametrize("output", ["new/deeper/film.mp4", "new/a.####.png"])
def test_what_is_refused_leaves_no_new_folder(output: str, out: Path, refused: Callable[..., None]) -> None:
    (out / "text.mp4").write_text("no video")
    refused(r"text\.mp4", out / "text.mp4", out / output)


@pytest.fixture
def read_only(out: Path) -> Iterator[Path]:
    """A folder that cannot be written to, by root neither."""
    out.chmod(0o555)
    with DiskOrSkip(out, "4m") if os.access(out, os.W_OK) else NoDisk() as disk:
        disk.remount("ro")
        yield out
    out.chmod(0o755)


def test_a_folder_that_cannot_be_written_to(two_shot_clip: Path, read_only: Path, refused: Callable[..., None]) -> None:
    refused("cannot be written to .*Choose another place", two_shot_clip, read_only / "film.mp4")
    refused("cannot be written to .*Choose another place", two_shot_clip, read_only / "a.####.png")


class TestTheSourceStays:
    """Whatever name the film has, it does not take its source's place."""

    def refused_onto(self, source: Path, output: Path, run: Callable[..., Said]) -> None:
        before = contents(output.parent)
        said = run(source, output, "-y", "-q")
        assert is_clear(said, code=2) and "is the clip itself. Choose another output" in said.err, said
        assert contents(output.parent) == before

    def test_itself(self, two_shot_clip: Path, run: Callable[..., Said]) -> None:
        self.refused_onto(two_shot_clip, two_shot_clip, run)
        self.refused_onto(two_shot_clip, two_shot_clip.parent / ".." / two_shot_clip.parent.name / "two shots.mp4", run)

    @posix
    def test_a_link_to_it(self, two_shot_clip: Path, tmp_path: Path, out: Path, run: Callable[..., Said]) -> None:
        clip = tmp_path / "clip.mp4"
        shutil.copy(two_shot_clip, clip)
        (out / "link.mp4").symlink_to(clip)
        os.link(clip, out / "hard.mp4")
        self.refused_onto(clip, out / "link.mp4", run)
        self.refused_onto(clip, out / "hard.mp4", run)
        self.refused_onto(out / "link.mp4", clip, run)

    def test_a_sequence(self, tmp_path: Path, run: Callable[..., Said]) -> None:
        save_numbered(tmp_path / "shots", "a.{:04d}.png", range(1, 3))
        self.refused_onto(tmp_path / "shots", tmp_path / "shots" / "a.####.png", run)
        self.refused_onto(tmp_path / "shots" / "a.%04d.png", tmp_path / "shots" / "a.@@@@.png", run)

    @posix
    def test_a_sequence_through_a_link(self, tmp_path: Path, run: Callable[..., Said]) -> None:
        save_numbered(tmp_path / "shots", "a.{:04d}.png", range(1, 3))
        (tmp_path / "link").symlink_to(tmp_path / "shots")
        self.refused_onto(tmp_path / "shots", tmp_path / "link" / "a.####.png", run)


class TestNothingElseIsReplaced:
    """Files beside the film are outputs too: they take nobody's place, and each has a place of its own."""

    @pytest.mark.parametrize(
        ("flag", "name"), [("--sheet", "sheet.png"), ("--report", "report.json"), ("", "a.mp4.json")]
    )
    def test_a_file_that_is_there(
        self, flag: str, name: str, two_shot_clip: Path, out: Path, refused: Callable[..., None]
    ) -> None:
        (out / name).write_bytes(b"[1]")
        refused(f"{name} is already there", two_shot_clip, out / "a.mp4", *((flag, out / name) if flag else ()))

    def test_a_report_replaces_a_report(self, two_shot_clip: Path, out: Path, run: Callable[..., Said]) -> None:
        for film in ("a.mp4", "b.mp4"):
            assert run(two_shot_clip, out / film, "-q", "--report", out / "report.json").code == 0
        assert json.loads((out / "report.json").read_text())["clips"][0]["output"].endswith("b.mp4")

    def test_a_style(self, two_shot_clip: Path, out: Path, refused: Callable[..., None]) -> None:
        style = Path(shutil.copy(STYLE, out / "style.png"))
        refused("style.png is a style", two_shot_clip, out / "a.mp4", "-y", "--sheet", style, style=style)

    def test_a_frame_of_the_source(self, out: Path, refused: Callable[..., None]) -> None:
        save_numbered(out, "a.{:04d}.png", range(1, 3))
        refused("is the clip itself", out / "a.####.png", out / "a.mp4", "-y", "--sheet", out / "a.0002.png")

    def test_one_name_twice(self, two_shot_clip: Path, out: Path, refused: Callable[..., None]) -> None:
        refused("would be written twice", two_shot_clip, out / "a.mp4", "--report", out / "a.mp4.json")

    def test_a_name_with_no_room_for_a_hidden_one(
        self, two_shot_clip: Path, out: Path, refused: Callable[..., None]
    ) -> None:
        refused("this name is too long", two_shot_clip, out / f"{'a' * 248}.mp4")
        refused(r"cannot be opened \(File name too long\)", out / f"{'a' * 300}.mp4", out / "a.mp4")


def test_a_run_that_failed_after_naming_the_film_goes_on(
    two_shot_clip: Path, out: Path, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr("stylevideo.render.assemble.write_provenance", fails)
    assert run(two_shot_clip, out / "film.mp4", "-q").code == 1
    assert (out / "film.mp4").exists()
    monkeypatch.undo()
    assert run(two_shot_clip, out / "film.mp4", "-q").code == 0
    assert names(out) == ["film.mp4", "film.mp4.json"]


@posix
def test_a_link_to_nowhere_is_a_missing_picture(out: Path, run: Callable[..., Said]) -> None:
    save_numbered(out, "a.{:04d}.png", range(1, 4))
    (out / "a.0002.png").unlink()
    (out / "a.0002.png").symlink_to(out / "nowhere")
    said = run(out / "a.####.png", out / "film.mp4")
    assert said.code == 0, said.err
    assert shown(out / "film.mp4") == [1, 1, 3]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_for_clip_style_and_film(name: str, tmp_path: Path, run: Callable[..., Said]) -> None:
    folder = tmp_path / f"{name} folder"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip(f"this system has no files named {name}")
    clip = make_video(folder / f"{name}.mp4", [numbered_frame(k) for k in range(2)], "24", ("-c:a", "aac"), sine(0.1))
    style = shutil.copy(STYLE, folder / f"{name}.jpg")
    for output in (folder / f"{name} film.mp4", folder / f"{name} film.####.png"):
        said = run(clip, output, "-q", style=style)
        assert (said.code, said.err, said.out.strip()) == (0, "", str(output))
    made = ["mp4", "mp4.json", "####.png.json", "0001.png", "0002.png"]
    assert names(folder) == sorted([f"{name}.jpg", clip.name, *(f"{name} film.{rest}" for rest in made)])
    assert shown(folder / f"{name} film.mp4") == shown(folder / f"{name} film.####.png") == [0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_for_a_folder_of_pictures(name: str, tmp_path: Path, out: Path, run: Callable[..., Said]) -> None:
    try:
        escaped = name.replace("{", "{{").replace("}", "}}")
        save_numbered(tmp_path / name, f"{escaped}.{{:04d}}.png", range(1, 3))
    except OSError:
        pytest.skip(f"this system has no files named {name}")
    for source, film in ((tmp_path / name, "a.mp4"), (tmp_path / name / f"{name}.####.png", "b.mp4")):
        said = run(source, out / film, "-q")
        assert (said.code, said.err) == (0, "")
        assert shown(out / film) == [1, 2]


@posix
def test_a_name_that_is_not_utf_8(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """As old archives have them."""
    try:
        clip = make_video(tmp_path / "caf\udce9.mp4", [numbered_frame(k) for k in range(2)])
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system has only names in UTF-8")
    style = shutil.copy(STYLE, tmp_path / "styl\udce9.jpg")
    for film in (tmp_path / "film\udce9.mp4", tmp_path / "film\udce9.####.png"):
        code = main(["run", str(clip), "--style", str(style), "-o", str(film), "--iterations", "0"])
        printed = capfdbinary.readouterr()
        assert (code, printed.out.strip()) == (0, os.fsencode(film)), printed
        assert shown(film) == [0, 1]


def shown(clip: Path) -> list[int]:
    """The numbers that a clip shows."""
    info = open_clip(clip)
    return [number_in(frame.image) for frame in read_frames(FrameSelection.whole(info))]


# -- sequences with holes --------------------------------------------------------------------------


def test_gaps_are_filled_and_named(tmp_path: Path, out: Path, run: Callable[..., Said]) -> None:
    files = save_numbered(tmp_path / "shots", "a.{:04d}.png", (1001, 1002, 1004, 1006, 1007, 1008))
    cut_short(files[4])
    said = run(tmp_path / "shots", out / "film.mp4")
    assert said.code == 0
    assert "2 frames had no file; the last good frame stands in: 1003, 1005." in said.err
    assert "1 frame could not be decoded; the last good frame stands in: 1007." in said.err
    drawn = [number % 256 for number in (1001, 1002, 1002, 1004, 1004, 1006, 1006, 1008)]
    assert shown(out / "film.mp4") == drawn


def test_gaps_are_refused_on_request(tmp_path: Path, out: Path, refused: Callable[..., None]) -> None:
    save_numbered(tmp_path / "shots", "a.{:04d}.png", (1001, 1002, 1004, 1006))
    says = r"a\.####\.png: 2 frames cannot be read \(1003, 1005\), and --strict asks for all"
    refused(says, tmp_path / "shots", out / "film.mp4", "--strict")


def test_another_size_later_on_keeps_the_frames_before(tmp_path: Path, out: Path, run: Callable[..., Said]) -> None:
    said = run(two_sizes(tmp_path), out / "film.mp4", "--no-detect-cuts", "-q")
    assert is_clear(said, code=1), said
    assert "a.0003.png is 128x64, but a.####.png begins with 128x96." in said.err
    assert "The finished frames are kept in" in said.err
    assert names(out) == [".film.mp4.stylevideo"]
    assert names(Places.of(out / "film.mp4").work / "frames")[::2] == ["00000001.json", "00000002.json"]


# -- on the way ------------------------------------------------------------------------------------


class NoDisk:
    """Stands for a folder that is as it should be."""

    def __enter__(self) -> NoDisk:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def remount(self, options: str) -> None:
        pass


class DiskOrSkip(NoDisk):
    """A disk of its own for a folder, of any size; needs root on Linux, else the test is skipped."""

    def __init__(self, folder: Path, size: str) -> None:
        self.folder, self.size = folder, size

    def __enter__(self) -> DiskOrSkip:
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            pytest.skip("only root on Linux can make a disk")
        command = ["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", str(self.folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"no disk can be made here: {made.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.folder)], check=True)


@pytest.fixture
def loud_clip(tmp_path: Path) -> Path:
    """Ten frames with a megabyte of sound."""
    images = [numbered_frame(k) for k in range(10)]
    sound = ("-f", "lavfi", "-i", "anoisesrc=duration=0.4:sample_rate=192000")
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_f64le", "-ac", "2")
    return make_video(tmp_path / "loud.mov", images, "24", encoder, sound)


def test_a_disk_that_is_full_from_the_beginning(loud_clip: Path, out: Path, run: Callable[..., Said]) -> None:
    with DiskOrSkip(out, "16k"):
        said = run(loud_clip, out / "film.mov", "-q")
        assert is_clear(said, code=1), said
        assert re.search("out has [0-9.]+ kB left, and loud.mov needs about [0-9]+ kB until its film", said.err), said
        assert not names(out)


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of the disk beforehand, as where others fill it."""
    monkeypatch.setattr("stylevideo.render.disk.REFUSE_BELOW", 0)
    monkeypatch.setattr("stylevideo.render.disk.SPARE_FRAMES", 0)


def test_a_disk_that_becomes_full(loud_clip: Path, out: Path, run: Callable[..., Said]) -> None:
    with DiskOrSkip(out, "170k") as disk:
        said = run(loud_clip, out / "film.mov", "-q")
        assert is_clear(said, code=1), said
        assert "is nearly full" in said.err
        assert "run the same command again to go on" in said.err
        disk.remount("size=64m")
        assert run(loud_clip, out / "film.mov", "-q").code == 0


@pytest.mark.usefixtures("unforeseen")
@pytest.mark.parametrize(("size", "finished"), [("100k", False), ("700k", True)])
def test_a_full_disk(loud_clip: Path, out: Path, size: str, finished: bool, run: Callable[..., Said]) -> None:
    """It is full while frames are kept, or when the film is written; with more room, the same command goes on."""
    with DiskOrSkip(out, size) as disk:
        said = run(loud_clip, out / "film.mov", "-q")
        assert is_clear(said, code=1), said
        assert re.search("disk is full|No space left on device", said.err)
        assert "run the same command again to go on" in said.err
        kept = len(list((Places.of(out / "film.mov").work / "frames").glob("*.json")))
        assert names(out) == [".film.mov.stylevideo"]
        assert kept and (kept == 10) == finished
        disk.remount("size=64m")
        said = run(loud_clip, out / "film.mov")
        assert said.code == 0, said
        assert f"{kept if finished else kept - 1} of them already made" in said.err or f"{kept} of them" in said.err
        assert names(out) == ["film.mov", "film.mov.json"]
        assert shown(out / "film.mov") == list(range(10))


@pytest.mark.usefixtures("unforeseen")
def test_a_full_disk_under_a_sequence(loud_clip: Path, out: Path, run: Callable[..., Said]) -> None:
    with DiskOrSkip(out, "260k") as disk:
        said = run(loud_clip, out / "a.####.tif", "-q")
        assert is_clear(said, code=1), said
        assert "No space left on device" in said.err
        assert names(out) == [".a.####.tif.stylevideo"]
        disk.remount("size=64m")
        assert run(loud_clip, out / "a.####.tif", "-q").code == 0
        assert shown(out / "a.####.tif") == list(range(10))


def test_a_full_disk_for_temporary_files_costs_no_track(
    loud_clip: Path, tmp_path: Path, out: Path, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a container can hold is found out by trying; a full disk is no answer."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with DiskOrSkip(tmp_path / "tmp", "40k") as disk:
        said = run(loud_clip, out / "film.mov", "-q")
        assert is_clear(said, code=1), said
        assert f"The disk for temporary files, {tmp_path / 'tmp'}, is full. Free some space.\n" in said.err
        disk.remount("size=64m")
        assert run(loud_clip, out / "film.mov", "-q").code == 0
    assert [stream.codec for stream in probe(out / "film.mov").audio()] == ["pcm_f64le"]


OUT_OF_MEMORY: dict[str, Callable[[], object]] = {
    "numpy": lambda: np.empty(1 << 52),
    "PyTorch": lambda: torch.empty(1 << 52),
    "OpenCV": lambda: cv2.copyMakeBorder(np.zeros((2, 2), np.uint8), 0, 1 << 25, 0, 1 << 25, cv2.BORDER_CONSTANT),
}


@pytest.mark.parametrize("who", OUT_OF_MEMORY)
def test_too_little_memory(
    who: str, two_shot_clip: Path, out: Path, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object) -> object:
        return OUT_OF_MEMORY[who]()

    monkeypatch.setattr("stylevideo.render.footage.source.read_frames", too_large)
    said = run(two_shot_clip, out / "film.mp4", "-q")
    assert is_clear(said, code=1) and "too little memory for 96x64 pixels. Choose a smaller --size" in said.err, said
    assert not names(out)
    monkeypatch.setattr("stylevideo.render.opening.check_decodable", too_large)
    said = run(two_shot_clip, out / "film.mp4", "-q")
    assert is_clear(said, code=1) and "too little memory for two shots.mp4. Reduce it first" in said.err, said


def interrupted(source: Path, film: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Said]) -> Said:
    """A run whose source vanishes once all frames are made."""
    from stylevideo.render.assemble import FinishedFrames, deliver
    from stylevideo.render.job import Job

    def deliver_late(job: Job, finished: FinishedFrames) -> object:
        finished.picture(job.clip.frames[-1])
        source.rename(source.with_name("elsewhere"))
        return deliver(job, finished)

    monkeypatch.setattr("stylevideo.render.pipeline.deliver", deliver_late)
    said = run(source, film, "-q")
    monkeypatch.undo()
    source.with_name("elsewhere").rename(source)
    return said


@pytest.mark.parametrize("film", ["film.mp4", "a.####.png"])
def test_a_source_that_vanishes_before_the_film_is_written(
    film: str, loud_clip: Path, out: Path, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = interrupted(loud_clip, out / film, monkeypatch, run)
    assert is_clear(said, code=1), said
    assert "loud.mov can no longer be read: it is gone. Put it back." in said.err
    assert "run the same command again" in said.err
    assert names(out) == [f".{film}.stylevideo"]
    said = run(loud_clip, out / film)
    assert said.code == 0 and "10 of them already made" in said.err
    assert shown(out / film) == list(range(10))


def test_frames_that_were_made_from_something_else(
    loud_clip: Path, out: Path, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    film = out / "film.mp4"
    interrupted(loud_clip, film, monkeypatch, run)
    before = contents(out)
    said = run(loud_clip, film, "-q", "--frames", "1-2")
    assert is_clear(said, code=2), said
    assert "frames was '1-10' and is '1-2'. Go on with the former values. To begin anew, and throw away " in said.err
    assert " finished frames, add --restart." in said.err
    assert contents(out) == before
    assert run(loud_clip, film, "-q", "--frames", "1-2", "--restart").code == 0
    assert names(out) == ["film.mp4", "film.mp4.json"]
    assert shown(film) == [0, 1]
