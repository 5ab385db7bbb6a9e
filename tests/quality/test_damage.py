"""Films that were damaged on purpose: `verify` finds each of them, and nothing in the right ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_fixtures import ffmpeg, make_video, numbered_frame
from sequence_fixtures import save_numbered

from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.film import write_film
from stylevideo.quality.verify import verify
from stylevideo.timeline.selection import Clip, FrameSelection

FRAMES, RATE = 48, "24"
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
KEEP = ("-map", "0", "-map", "-0:d", "-c", "copy")
DETAILS = """;FFMETADATA1
title=A title
[CHAPTER]
TIMEBASE=1/1000
START=0
END=900
title=one
[CHAPTER]
TIMEBASE=1/1000
START=900
END=2000
title=two
"""
SUBTITLES = "1\n00:00:00,300 --> 00:00:00,800\nfirst\n\n2\n00:00:01,200 --> 00:00:01,700\nsecond\n\n"


def noise(seed: int) -> list[str]:
    return ["-f", "lavfi", "-i", f"anoisesrc=duration=2:amplitude=0.3:seed={seed}"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with everything, and its right film."""
    folder = tmp_path_factory.mktemp("damage")
    (folder / "details.txt").write_text(DETAILS)
    (folder / "lines.srt").write_text(SUBTITLES)
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04", "-frames:v", "1", folder / "cover.png")
    inputs = [
        *noise(1),
        *noise(2),
        "-i",
        folder / "lines.srt",
        "-i",
        folder / "details.txt",
        "-i",
        folder / "cover.png",
    ]
    maps = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3", "-map", "5", "-map_metadata", "4"]
    says = ["-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=deu", "-timecode", "01:00:00:00"]
    kinds = [*X264, "-c:v:1", "png", "-disposition:v:1", "attached_pic", "-c:a", "aac", "-c:s", "mov_text"]
    images = [numbered_frame(number) for number in range(FRAMES)]
    source = make_video(folder / "source.mp4", images, RATE, [*maps, "-map_chapters", "4", *says, *kinds], inputs)
    film_of(source, folder / "film.mp4")
    return folder


def film_of(source: Path, film: Path, frames: range | None = None) -> Path:
    info = probe(source)
    frames = frames or range(info.frame_count)
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, frames))),
        Clip(info.path, film, FrameSelection(info, frames)),
    )
    return film


def redrawn(order: Callable[[list[int]], list[int]], *options: str) -> Callable[[Path, Path], None]:
    """The film's picture with its frames in another order; all else is kept."""

    def damage(film: Path, spoilt: Path) -> None:
        shown = [frame.image for frame in read_frames(FrameSelection(probe(film), range(FRAMES)))]
        images = [shown[number] for number in order(list(range(FRAMES)))]
        maps = ["-map", "0:v", "-map", "1:a", "-map", "1:s", "-map", "1:v:1", "-map_metadata", "1", "-c", "copy"]
        clock = [
            "-c:v:0",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            *TAGS,
            "-filter:v:0",
            "scale=out_color_matrix=bt709,setsar=1",
        ]
        says = ["-disposition:v:1", "attached_pic", "-timecode", "01:00:00:00"]
        make_video(spoilt, images, RATE, [*maps, *clock, *says, *options], ["-i", str(film)])

    return damage


def changed(*arguments: str) -> Callable[[Path, Path], None]:
    """The film through ffmpeg; `FOLDER` stands for where it lies."""

    def damage(film: Path, spoilt: Path) -> None:
        ffmpeg("-i", film, *(word.replace("FOLDER", str(film.parent)) for word in arguments), spoilt)

    return damage


def chapters_moved(film: Path, spoilt: Path) -> None:
    (film.parent / "moved.txt").write_text(DETAILS.replace("900", "1100"))
    ffmpeg("-i", film, "-i", film.parent / "moved.txt", *KEEP, "-map_chapters", "1", spoilt)


def truncated(film: Path, spoilt: Path) -> None:
    ffmpeg("-i", film, *KEEP, "-movflags", "+frag_keyframe+empty_moov", film.parent / "fragments.mp4")
    whole = (film.parent / "fragments.mp4").read_bytes()
    spoilt.write_bytes(whole[: len(whole) * 2 // 3])


def swapped(numbers: list[int]) -> list[int]:
    numbers[20], numbers[21] = numbers[21], numbers[20]
    return numbers


SOUND_OF_THE_SECOND = ("-map", "0:v", "-map", "1:a", "-map", "0:s", "-c", "copy")
TEXT_OF_THE_SECOND = ("-map", "0:v", "-map", "0:a", "-map", "1:s", "-c", "copy")
DAMAGES: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "a frame dropped": (redrawn(lambda n: n[:20] + n[21:]), "frames"),
    "a frame twice": (redrawn(lambda n: [*n[:20], n[20], *n[20:]]), "frames"),
    "a frame twice instead of the next": (redrawn(lambda n: [*n[:20], n[19], *n[21:]]), "motion"),
    "a stretch frozen": (redrawn(lambda n: [*n[:20], *[n[20]] * 8, *n[28:]]), "motion"),
    "two frames exchanged": (redrawn(swapped), "order"),
    "one frame early": (redrawn(lambda n: [*n[1:], n[-1]]), "first frame"),
    "one frame late": (redrawn(lambda n: [n[0], *n[:-1]]), "first frame"),
    "another rate": (
        changed(*KEEP, "-bsf:v:0", "setts=pts=PTS*1001/1000:dts=DTS*1001/1000:duration=DURATION*1001/1000"),
        "frames a second",
    ),
    "another pixel shape": (changed(*KEEP, "-c:v:0", "libx264", *TAGS, "-filter:v:0", "setsar=2"), "sample aspect"),
    "another size": (changed(*KEEP, "-c:v:0", "libx264", *TAGS, "-filter:v:0", "scale=96:96,setsar=1"), "size"),
    "no colour tags": (
        changed(
            *(*KEEP, "-c:v:0", "libx264", "-filter:v:0"),
            "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown",
        ),
        "colour matrix",
    ),
    "another matrix": (
        changed(*KEEP, "-bsf:v:0", "h264_metadata=matrix_coefficients=6"),
        "colour matrix of its frames",
    ),
    "another range": (
        changed(*KEEP, "-bsf:v:0", "h264_metadata=video_full_range_flag=1"),
        "colour range of its frames",
    ),
    "other primaries": (
        changed(*KEEP, "-bsf:v:0", "h264_metadata=colour_primaries=9"),
        "colour primaries of its frames",
    ),
    "sound 40 ms late": (
        changed(
            "-itsoffset", "0.04", "-i", "FOLDER/film.mp4", "-map", "0:v", "-map", "1:a", "-map", "0:s", "-c", "copy"
        ),
        "audio track 1 begins",
    ),
    "sound cut short": (
        changed("-t", "1.2", "-i", "FOLDER/film.mp4", *SOUND_OF_THE_SECOND),
        "audio track 1: packets",
    ),
    "the other track's sound": (
        changed(
            "-map",
            "0:v",
            "-map",
            "0:a:1",
            "-map",
            "0:a:0",
            "-map",
            "0:s",
            "-c",
            "copy",
            "-metadata:s:a:0",
            "language=fra",
            "-metadata:s:a:1",
            "language=deu",
        ),
        "audio track 1: packets",
    ),
    "sound encoded once more": (changed(*KEEP, "-c:a", "aac"), "audio track 1: packets"),
    "silence": (changed(*KEEP, "-c:a", "aac", "-af", "volume=0"), "audio track 1: sounds"),
    "subtitles late": (
        changed(
            "-itsoffset", "0.3", "-i", "FOLDER/film.mp4", "-map", "0:v", "-map", "0:a", "-map", "1:s", "-c", "copy"
        ),
        "subtitle track 1: times",
    ),
    "a chapter moved": (chapters_moved, "chapters begin"),
    "a tag lost": (changed(*KEEP, "-metadata", "title="), "tag title"),
    "a language lost": (changed(*KEEP, "-metadata:s:a:0", "language=und"), "audio track 1: language"),
    "no cover": (changed(*KEEP, "-map", "-0:v:1"), "cover tracks"),
    "another timecode": (changed(*KEEP, "-timecode", "01:00:00:01"), "timecode"),
    "cut off": (truncated, "audio track 2: packets"),
}


def wrong(source: Path, film: Path, frames: str = "") -> list[str]:
    return [check.what for check in verify(source, film, frames).wrong]


def test_the_right_film_is_right(folder: Path) -> None:
    assert wrong(folder / "source.mp4", folder / "film.mp4") == []
    redrawn(list)(folder / "film.mp4", folder / "again.mp4")
    assert wrong(folder / "source.mp4", folder / "again.mp4") == []


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found(name: str, folder: Path) -> None:
    damage, what = DAMAGES[name]
    damage(folder / "film.mp4", folder / "spoilt.mp4")
    assert what in wrong(folder / "source.mp4", folder / "spoilt.mp4")


@pytest.mark.parametrize(
    ("sound", "what"),
    [
        (("-c", "copy"), ""),
        (("-c:a", "aac"), "audio track 1: packets"),
        (("-c:a", "aac", "-af", "adelay=40:all=1"), "audio track 1: place"),
        (("-c:a", "aac", "-af", "volume=0"), "audio track 1: sounds"),
        (("-c:a", "aac", "-t", "0.5"), "audio track 1: length"),
    ],
)
def test_sound_of_a_stretch(sound: tuple[str, ...], what: str, folder: Path) -> None:
    film, spoilt = film_of(folder / "source.mp4", folder / "stretch.mp4", range(12, 36)), folder / "spoilt.mp4"
    only = folder / "sound.mp4"
    ffmpeg("-i", film, "-map", "0:a", *sound, only)
    maps = ("-map", "0:v", "-map", "1:a", "-map", "0:s", "-c", "copy", "-timecode", "01:00:00:12")
    ffmpeg("-i", film, "-i", only, *maps, spoilt)
    found = wrong(folder / "source.mp4", spoilt, "13-36")
    assert what in found if what else found == []


@pytest.mark.parametrize("damage", ["missing", "small", "cut off"])
def test_damaged_sequences(damage: str, tmp_path: Path) -> None:
    save_numbered(tmp_path / "in", "a.{:04d}.png", range(1, 13))
    save_numbered(tmp_path / "out", "b.{:04d}.png", range(1, 13))
    paths = (tmp_path / "in" / "a.####.png", tmp_path / "out" / "b.####.png")
    assert wrong(*paths) == []
    one = tmp_path / "out" / "b.0007.png"
    if damage == "missing":
        one.unlink()
    elif damage == "small":
        cv2.imwrite(str(one), np.zeros((8, 8, 3), np.uint8))
    else:
        one.write_bytes(one.read_bytes()[:60])
    assert wrong(*paths) == ["frames" if damage == "missing" else "files"]
