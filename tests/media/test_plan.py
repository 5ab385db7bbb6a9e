"""What a film gets from its source is found out before work begins, and ffmpeg is not asked twice."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
from conftest import STYLE
from media_fixtures import ffmpeg, numbered_frame, numbered_video, sine

from stylevideo import stylize, verify
from stylevideo.cli.main import main
from stylevideo.errors import InputError, TimeLimitError
from stylevideo.media import ffmpeg as starter
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.tags import read_tags
from stylevideo.media.encode.plan import plan_film
from stylevideo.media.encode.trial import run_trial
from stylevideo.media.ffmpeg import ffmpeg_path
from stylevideo.media.film import write_film
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import Clip, FrameSelection

QUICK = Settings().with_values(iterations=0, detect_cuts=False)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The commands of all ffmpegs that are started, as in a process of its own."""
    found: list[str] = []
    real: Any = subprocess.Popen

    class Counted(real):
        def __init__(self, command: Any, *others: Any, **named: Any) -> None:
            if ffmpeg_path() in command:
                found.append(" ".join(map(str, command)))
            super().__init__(command, *others, **named)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    starter._introduction.cache_clear()
    starter.ffmpeg_version.cache_clear()
    yield found


def test_a_film_takes_five_starts_of_ffmpeg(tmp_path: Path, starts: list[str]) -> None:
    """What ffmpeg can do, the source, a trial, the film, the film read back."""
    source = numbered_video(tmp_path / "clip.mp4", 4, "24")
    starts.clear()
    starter._introduction.cache_clear()
    stylize(source, [STYLE], tmp_path / "film.mp4", QUICK)
    assert len(starts) == 5, "\n".join(starts)


def test_sound_takes_three_more_and_verify_asks_no_question_twice(tmp_path: Path, starts: list[str]) -> None:
    """Which tracks have something in these frames, what the container holds, the packets of all tracks."""
    tones = [word for _ in range(3) for word in sine(0.2)]
    maps = ["-map", "3:v", "-map", "0:a", "-map", "1:a", "-map", "2:a"]
    source, film = tmp_path / "sounding.mp4", tmp_path / "film.mp4"
    ffmpeg(*tones, "-i", numbered_video(tmp_path / "clip.mp4", 4, "24"), *maps, "-c:a", "aac", source)
    starts.clear()
    starter._introduction.cache_clear()
    assert stylize(source, [STYLE], film, QUICK).warnings == ()
    assert len(starts) == 8, "\n".join(starts)
    starts.clear()
    assert not verify(source, film).wrong
    assert len(starts) == len(set(starts)), "\n".join(starts)


def test_without_room_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clips are opened and films read back all the same; a new film is refused before work, and not for its clip."""
    source, out = tmp_path / "clip.mkv", tmp_path / "out"
    ffmpeg(*sine(0.2), "-i", numbered_video(tmp_path / "plain.mkv", 4, "24"), "-map", "1:v", "-map", "0:a", source)
    out.mkdir()
    info = probe(source)
    clip, images = (
        Clip(source, out / "film.mkv", FrameSelection(info, range(4))),
        [numbered_frame(number) for number in range(4)],
    )
    plan = plan_film(clip)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    assert replace(probe(source), said=None) == replace(info, said=None)
    assert write_film(images, clip, plan=plan).notes == ()
    for given in (source, tmp_path / "plain.mkv"):
        for film in ("new.mkv", "new.mp4"):
            assert main(["run", str(given), "--style", str(STYLE), "-o", str(out / film), "--iterations", "0"]) == 1
            said = capsys.readouterr().err
            assert f"No folder for temporary files can be made in {tmp_path / 'full'} (No such file" in said
            assert "set the variable TMPDIR" in said
    assert [path.name for path in out.iterdir()] == ["film.mkv"]
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what it says helps
    monkeypatch.setattr(tempfile, "tempdir", None)
    stylize(source, [STYLE], out / "new.mkv", QUICK)


def test_tags_that_are_too_large_are_refused_before_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tags").write_bytes(b";FFMETADATA1\na=" + b"x" * 9_000_000 + b"\nb=" + b"y" * 9_000_000 + b"\n")
    plain, source = numbered_video(tmp_path / "plain.mkv", 2, "24"), tmp_path / "clip.mkv"
    ffmpeg("-i", plain, "-i", tmp_path / "tags", "-map", "0", "-map_metadata", "1", "-c", "copy", source)
    assert probe(source).frame_count == 2, "for all else they are no matter"
    out = tmp_path / "out"
    out.mkdir()
    assert main(["run", str(source), "--style", str(STYLE), "-o", str(out / "film.mkv"), "--iterations", "0"]) == 2
    assert "clip.mkv: ffmpeg has more to say of it than the 16,777,216 bytes" in capsys.readouterr().err
    assert not list(out.iterdir())


def test_what_no_muxer_writes_is_refused_before_work(tmp_path: Path) -> None:
    """QuickTime's timecodes have no thousand frames a second; Matroska's are texts."""
    source = numbered_video(tmp_path / "clip.mkv", 4, "1000", ["-c:v", "libx264", "-timecode", "01:00:00:00"])
    assert probe(source).timecode == "01:00:00:00"
    for suffix in (".mp4", ".mov"):
        with pytest.raises(InputError, match="cannot write this film with the clip's tracks, tags and timecode"):
            stylize(source, [STYLE], tmp_path / f"film{suffix}", QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]
    stylize(source, [STYLE], tmp_path / "film.mkv", QUICK)
    assert probe(tmp_path / "film.mkv").timecode == "01:00:00:000"


def test_covers_that_are_too_large_are_refused_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All together; and what is advised helps."""
    picture, plain, source = tmp_path / "a.png", numbered_video(tmp_path / "plain.mkv", 2, "24"), tmp_path / "clip.mkv"
    cv2.imwrite(str(picture), numbered_frame(1))
    kind = ("mimetype=image/png", "-metadata:s:t:1", "mimetype=image/png")
    ffmpeg("-i", plain, "-attach", picture, "-attach", picture, "-metadata:s:t:0", *kind, "-c", "copy", source)
    film, size = tmp_path / "out" / "film.mkv", picture.stat().st_size
    film.parent.mkdir()
    monkeypatch.setattr("stylevideo.media.encode.track_arguments.COVERS_BYTES", 2 * size)
    assert len(plan_film(Clip(source, film, FrameSelection(probe(source), range(2)))).covers) == 2
    monkeypatch.setattr("stylevideo.media.encode.track_arguments.COVERS_BYTES", 2 * size - 1)
    with pytest.raises(
        InputError, match=r"clip\.mkv has covers of more than [\d,]+ bytes\. Copy it without"
    ) as refusal:
        stylize(source, [STYLE], film, QUICK)
    assert not list(film.parent.iterdir())
    advised = str(refusal.value).partition("ffmpeg ")[2].split()
    ffmpeg(*({"CLIP": str(source), "COPY": str(tmp_path / "copy.mkv")}.get(word, word) for word in advised))
    copy = tmp_path / "copy.mkv"
    assert plan_film(Clip(copy, film, FrameSelection(probe(copy), range(2)))).covers == ()


def test_a_trial_does_not_copy_all_sound_of_a_long_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, sizes = tmp_path / "clip.mkv", []
    ffmpeg(*sine(60), "-i", numbered_video(tmp_path / "plain.mkv", 2, "24"), "-c:a", "pcm_s16le", source)

    def fail(arguments: Any, trial: Path, more_s: float = 0.0) -> str:
        assert not run_trial(arguments, trial, more_s)
        sizes.append(trial.stat().st_size)
        return "it failed"

    monkeypatch.setattr("stylevideo.media.encode.trial.run_trial", fail)
    monkeypatch.setattr("stylevideo.media.encode.trial.TRIAL_BYTES", 500_000, raising=False)
    with pytest.raises(InputError, match="it failed"):
        stylize(source, [STYLE], tmp_path / "film.mkv", QUICK)
    assert len(sizes) == 3 and max(sizes) < 1_000_000  # a second, some bytes, and the picture alone


def test_a_trial_that_takes_too_long_names_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(arguments: object, timeout_s: float) -> None:
        raise TimeLimitError(f"{timeout_s:.0f} seconds")

    monkeypatch.setattr("stylevideo.media.encode.trial.run_ffmpeg", wait)
    assert "150 seconds" in run_trial([], tmp_path / "trial.mkv", 30.0)


def test_a_tag_of_a_chapter_can_be_set(tmp_path: Path) -> None:
    """The trial has the film's chapters."""
    (tmp_path / "tags").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=80\ntitle=c\n")
    plain, source, film = numbered_video(tmp_path / "plain.mkv", 2, "25"), tmp_path / "clip.mkv", tmp_path / "film.mkv"
    ffmpeg("-i", plain, "-i", tmp_path / "tags", "-map", "0", "-map_metadata", "1", "-c", "copy", source)
    stylize(source, [STYLE], film, QUICK.with_values(ffmpeg_args="-metadata:c:0 title=mine"))
    assert [chapter.title for chapter in read_tags(probe(film)).chapters] == ["mine"]
    with pytest.raises(InputError, match="or mend --ffmpeg-args"):
        stylize(source, [STYLE], tmp_path / "b.mkv", QUICK.with_values(ffmpeg_args="-metadata:c:7 title=mine"))
