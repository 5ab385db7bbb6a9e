"""Verification finds nothing in a right film, and names what is wrong in a wrong one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from cases import some_of_all
from conftest import STYLE
from media_fixtures import ffmpeg, make_video, numbered_frame, shared, sine
from sequence_fixtures import save_numbered

from stylevideo.cli.main import main
from stylevideo.media.check.findings import Check, Verdict
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.encode.delivery import Encoding
from stylevideo.media.film import write_film
from stylevideo.quality.verify import verify
from stylevideo.render.stylize import stylize
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import Clip, FrameSelection

H264 = ("-c:v", "libx264", "-preset", "ultrafast")
CHAPTERS = """;FFMETADATA1
title=A \\= B\\; C
artist=stylevideo
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=one
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1000
title=two
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """24 numbered frames at 24000/1001 with a French tone, a title and two chapters."""
    tags = tmp_path / "tags.txt"
    tags.write_text(CHAPTERS)
    images = [numbered_frame(number) for number in range(24)]
    told = ("-metadata:s:a:0", "language=fra", "-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "2")
    inputs = [*sine(1.0), "-i", str(tags)]
    return make_video(tmp_path / "source.mp4", images, "24000/1001", (*H264, "-c:a", "aac", *told), inputs)


def film_of(source: Path, film: Path, frames: range | None = None, keep: bool = False) -> Path:
    info = probe(source)
    frames = frames or range(info.frame_count)
    images = (frame.image for frame in read_frames(FrameSelection(info, frames)))
    write_film(images, Clip(info.path, film, FrameSelection(info, frames)), Encoding(variable_rate=keep))
    return film


def wrong(checks: Sequence[Check]) -> list[str]:
    return [check.what for check in checks if check.verdict is Verdict.WRONG]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_right_film_is_found_right(source: Path, tmp_path: Path, suffix: str) -> None:
    found = verify(source, film_of(source, tmp_path / f"film{suffix}"))
    assert wrong(found.checks) == []
    by_name = {check.what: check for check in found.checks}
    assert by_name["frames"].film == "24"
    assert by_name["frames a second"].film == "24000/1001"
    assert by_name["audio track 1: packets"].verdict is Verdict.SAME
    assert by_name["audio track 1: language"].film == "fra"
    assert by_name["tag title"].film == "A = B; C"
    assert by_name["chapters"].film == "one; two"


def test_a_stretch_is_compared_with_that_stretch(source: Path, tmp_path: Path) -> None:
    film = film_of(source, tmp_path / "film.mp4", range(12, 24))
    found = verify(source, film, "13-24")
    assert wrong(found.checks) == []
    assert {check.what: check.film for check in found.checks}["chapters"] == "two"
    assert "frames" in wrong(verify(source, film).checks)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (["-map", "0:v", "-c", "copy"], "audio tracks"),
        (["-map", "0", "-c", "copy", "-frames:v", "20"], "frames"),
        (["-map", "0", "-c", "copy", "-c:a", "aac", "-b:a", "64k"], "audio track 1: packets"),
        (["-map", "0", "-c", "copy", "-metadata:s:a:0", "language=deu"], "audio track 1: language"),
        (["-map", "0", "-c", "copy", "-metadata", "title=other"], "tag title"),
        (["-map", "0", "-c", "copy", "-map_chapters", "-1"], "chapters"),
        (["-map", "0", "-c:a", "copy", "-vf", "setsar=2"], "sample aspect"),
        (["-map", "0", "-c:a", "copy", "-r", "25"], "frames a second"),
    ],
)
def test_what_is_wrong_is_named(source: Path, tmp_path: Path, change: list[str], what: str) -> None:
    film, spoilt = film_of(source, tmp_path / "film.mp4"), tmp_path / "spoilt.mp4"
    ffmpeg("-i", film, *change, spoilt)
    assert what in wrong(verify(source, spoilt).checks)


def test_an_even_stretch_of_kept_times_is_right(tmp_path: Path) -> None:
    """Eight frames, 50 ms each, and then uneven ones."""
    times = ("-vf", "settb=1/1000,setpts=50*N+13*gt(N\\,8)*N", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    source = make_video(tmp_path / "source.mkv", [numbered_frame(k) for k in range(12)], "24", (*times, "-c:v", "ffv1"))
    info, film = probe(source), tmp_path / "film.mp4"
    assert info.variable_rate
    film_of(source, tmp_path / "whole.mp4", keep=True)
    assert not verify(source, tmp_path / "whole.mp4").wrong
    film_of(source, film, range(8), keep=True)
    assert not probe(film).variable_rate
    assert main(["verify", str(source), str(film), "--frames", "3-6", "--handles", "2"]) == 0
    assert main(["verify", str(source), str(film), "--end", "0.4"]) == 0
    assert main(["verify", str(source), str(film), "--start", "0.05", "--end", "0.4"]) == 1


def test_times_of_a_sequence_are_counted_at_its_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_numbered(tmp_path / "in", "a.{:04d}.png", range(1, 61))
    save_numbered(tmp_path / "out", "b.{:04d}.png", range(16, 31))
    films = [str(tmp_path / "in" / "a.####.png"), str(tmp_path / "out" / "b.####.png")]
    assert main(["verify", *films, "--start", "0.5", "--end", "1", "--rate", "30"]) == 0, capsys.readouterr().err
    assert main(["verify", *films, "--start", "0.5", "--end", "1"]) == 1
    assert not verify(*films, start="0.5", end="1", rate="30").wrong


def test_a_lost_track_is_not_taken_for_another(source: Path, tmp_path: Path) -> None:
    two, film = tmp_path / "two.mp4", tmp_path / "film.mkv"
    german = ("-c:a:1", "aac", "-metadata:s:a:1", "language=deu")
    ffmpeg("-i", source, *sine(1.0, 880), "-map", "0", "-map", "1", "-c:v", "copy", "-c:a:0", "copy", *german, two)
    ffmpeg("-i", film_of(two, tmp_path / "both.mp4"), "-map", "0:v", "-map", "0:a:1", "-c", "copy", film)
    assert wrong(verify(two, film).checks) == ["audio tracks"]


@pytest.mark.parametrize(("sound_s", "picture_s"), [("0.01", "0"), ("0", "0.01")])
def test_sound_out_of_place_is_noticed(source: Path, tmp_path: Path, sound_s: str, picture_s: str) -> None:
    film, shifted = film_of(source, tmp_path / "film.mp4"), tmp_path / "shifted.mp4"
    inputs = ["-itsoffset", sound_s, "-i", film, "-itsoffset", picture_s, "-i", film]
    ffmpeg(*inputs, "-map", "1:v", "-map", "0:a", "-c", "copy", shifted)
    assert "audio track 1 begins" in wrong(verify(source, shifted).checks)


def test_what_a_container_cannot_hold_is_told_but_not_wrong(source: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.mkv"
    ffmpeg("-i", source, "-c:v", "copy", "-c:a", "wmav2", raw)
    found = verify(raw, film_of(raw, tmp_path / "film.mp4"))
    assert wrong(found.checks) == []
    assert any(check.verdict is Verdict.CHANGED and check.source == "wmav2" for check in found.checks)
    assert any(check.what == "note" and "re-encoded as aac" in check.source for check in found.checks)


@pytest.mark.parametrize("name", ["alate.mp4", "alpha.mov", "cfr.mp4", "rot90.mp4", "sar.mp4", "src.mov", "vfr.mp4"])
def test_films_of_odd_files_are_found_right(name: str, tmp_path: Path) -> None:
    path = shared(f"edge/{name}")
    assert wrong(verify(path, film_of(path, tmp_path / "film.mkv")).checks) == []


def test_the_command_says_what_differs(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, mute = film_of(source, tmp_path / "film.mp4"), tmp_path / "mute.mp4"
    assert main(["verify", str(source), str(film)]) == 0
    assert "same     frames: 24" in capsys.readouterr().out
    ffmpeg("-i", film, "-an", "-c", "copy", mute)
    assert main(["verify", str(source), str(mute)]) == 1
    captured = capsys.readouterr()
    assert "wrong    audio tracks: 1 -> 0" in captured.out
    assert "mute.mp4 differs in: audio tracks" in captured.err
    assert main(["verify", str(source), str(tmp_path / "none.mp4")]) == 2


def test_a_shape_in_whole_pixels_is_right(source: Path, tmp_path: Path) -> None:
    """WebM keeps the width at which a picture is shown, in whole pixels."""
    oblong, film = tmp_path / "oblong.mkv", tmp_path / "film.webm"
    ffmpeg("-i", source, "-vf", "setsar=16/15", "-c:v", "libx264", oblong)
    info = probe(oblong)
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, range(24)))),
        Clip(info.path, film, FrameSelection(info, range(24))),
    )
    assert probe(film).sample_aspect != info.sample_aspect
    assert not verify(oblong, film).wrong


def test_noise_in_place_of_silence_is_found(tmp_path: Path) -> None:
    source, spoilt = tmp_path / "source.mkv", tmp_path / "spoilt.mkv"
    silence = ("-f", "lavfi", "-i", "anullsrc=duration=1")
    make_video(
        source, [numbered_frame(number) for number in range(24)], "24", ("-c:v", "libx264", "-c:a", "aac"), silence
    )
    info = probe(source)
    film = tmp_path / "film.mkv"
    write_film(
        (frame.image for frame in read_frames(FrameSelection(info, range(24)))),
        Clip(info.path, film, FrameSelection(info, range(24))),
    )
    assert not verify(source, film).wrong
    noise = ("-f", "lavfi", "-i", "anoisesrc=duration=1:amplitude=0.1")
    ffmpeg("-i", film, *noise, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", spoilt)
    assert "sounds" in " ".join(check.what for check in verify(source, spoilt).wrong)


def moving_clip(path: Path, frames: int = 24) -> Path:
    """A soft spot on its way across a soft ground, dim at its end."""
    across, down = np.meshgrid(np.linspace(0, 1, 128), np.linspace(0, 1, 96))
    images = []
    for number in range(frames):
        spot = np.exp(-((across - 0.1 - 0.03 * number) ** 2 + (down - 0.5) ** 2) / 0.02)
        grey = 90 + 40 * np.sin(5 * across) * np.cos(4 * down) + (80 - 2.5 * number) * spot
        images.append(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))
    return make_video(path, images, "24", ("-c:v", "ffv1"))


LOOKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda image: image,
    "pale": lambda image: (80 + 0.4 * image).astype(np.uint8),
    "blocks": lambda image: image[::8, ::8].repeat(8, axis=0).repeat(8, axis=1),
    "reversed": lambda image: 255 - image,
}


@pytest.mark.parametrize(("look", "swapped"), some_of_all(3, LOOKS, [None, 0, 9, 22]))
def test_two_neighbours_that_changed_places_are_found(look: str, swapped: int | None, tmp_path: Path) -> None:
    info, film = probe(moving_clip(tmp_path / "source.mkv")), tmp_path / "film.mkv"
    images = [LOOKS[look](frame.image) for frame in read_frames(FrameSelection(info, range(24)))]
    if swapped is not None:
        images[swapped], images[swapped + 1] = images[swapped + 1], images[swapped]
    write_film(images, Clip(info.path, film, FrameSelection(info, range(24))))
    found = {check.what: check.film for check in verify(info.path, film).wrong}
    if swapped is None or look == "reversed":  # whose order nothing tells
        assert found == {}
    else:
        assert found == {"order": f"is exchanged at {swapped + 2}"}


def test_still_frames_between_steps_of_reversed_colours_are_in_order(tmp_path: Path) -> None:
    """As of drawings that are shown twice each."""
    once = probe(moving_clip(tmp_path / "once.mkv", 12))
    twice = [frame.image for frame in read_frames(FrameSelection(once, range(12))) for _ in range(2)]
    info, film = probe(make_video(tmp_path / "source.mkv", twice, "24", ("-c:v", "ffv1"))), tmp_path / "film.mkv"
    write_film((255 - image for image in twice), Clip(info.path, film, FrameSelection(info, range(24))))
    assert not verify(info.path, film).wrong


@pytest.mark.parametrize("frames", [23, 24])
@pytest.mark.parametrize("begin", [0, 1])
def test_drawings_that_are_held_are_in_order(frames: int, begin: int, tmp_path: Path) -> None:
    """At the ends, too, where one step lies beside them and not two."""
    info, film = probe(moving_clip(tmp_path / "source.mkv", frames)), tmp_path / "film.mkv"
    images = [frame.image for frame in read_frames(FrameSelection(info, range(frames)))]
    for late in (0, 1):
        held = [min((place + begin) // 2 * 2 + late, frames - 1) for place in range(frames)]
        write_film([images[place] for place in held], Clip(info.path, film, FrameSelection(info, range(frames))))
        assert "order" not in wrong(verify(info.path, film).checks)


@pytest.mark.parametrize("named", ["film.mp4", "other.mp4"])
def test_another_size_than_is_said_is_found(named: str, source: Path, tmp_path: Path) -> None:
    """By the record beside the film, or by what the film says itself."""
    film, spoilt = tmp_path / "film.mp4", tmp_path / "in" / named
    settings = Settings().with_values(iterations=0, detect_cuts=False, size=96)
    stylize(source, [STYLE], film, settings)
    assert not verify(source, film).wrong
    spoilt.parent.mkdir()
    ffmpeg("-i", film, "-map", "0", "-c:a", "copy", "-vf", "scale=64:48", spoilt)
    shutil.copy(f"{film}.json", spoilt.parent)
    assert wrong(verify(source, spoilt).checks) == ["size"]


@pytest.mark.parametrize(
    ("suffix", "had", "has", "verdict"),
    [
        (".mp4", "deu", "eng", Verdict.WRONG),
        (".mp4", None, "eng", Verdict.WRONG),
        (".mp4", "deu", None, Verdict.WRONG),
        (".mp4", "deu", "ger", Verdict.CHANGED),
        (".mov", "jpn", None, Verdict.WRONG),
        (".mov", "deu", None, Verdict.CHANGED),
        (".mkv", "xyz", None, Verdict.WRONG),
        (".mkv", "fra", "fra", Verdict.SAME),
    ],
)
def test_languages_are_the_sources_where_the_film_can_say_them(
    suffix: str, had: str | None, has: str | None, verdict: Verdict, source: Path, tmp_path: Path
) -> None:
    whole, film, other = tmp_path / "whole.mkv", tmp_path / f"film{suffix}", tmp_path / f"other{suffix}"
    both = ("-map", "0:v", "-map", "0:a", "-c", "copy", "-metadata:s:a:0")
    ffmpeg("-i", source, *both, f"language={had or ''}", whole)
    ffmpeg("-i", film_of(whole, film), *both, f"language={has or ''}", other)
    found = [check.verdict for check in verify(whole, other).checks if check.what == "audio track 1: language"]
    assert found == [verdict]
