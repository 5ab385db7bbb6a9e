"""Nobody waits for ever for another program, or takes in all that it writes. A script stands for ffmpeg here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from conftest import ROOT, STYLE
from media_fixtures import ffmpeg, numbered_frame, numbered_video, sine

from stylevideo.errors import DecodeError, EncodeError, InputError, TimeLimitError
from stylevideo.media.decode.account import packet_hashes
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.decode.tags import read_tags
from stylevideo.media.encode.pipe import encode
from stylevideo.media.encode.stretch import stretch_of_time
from stylevideo.media.encode.tracks import plan_tracks
from stylevideo.media.ffmpeg import ffmpeg_output, ffmpeg_path, run_ffmpeg
from stylevideo.media.images.files import read_file
from stylevideo.media.images.pictures import Reading
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
Stand = Callable[[str], Path]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Has a script take ffmpeg's place; it notes the process's number."""

    def stand_in(does: str) -> Path:
        script = tmp_path / "ffmpeg.sh"
        abilities = f'case "$*" in *filter=zscale*) exec "{ffmpeg_path()}" "$@";; esac'
        script.write_text(f'#!/bin/sh\n{abilities}\necho $$ >> "{tmp_path}/numbers"\n{does}\n')
        script.chmod(0o755)
        for module in ("ffmpeg", "decode.ffmpeg"):
            monkeypatch.setattr(f"stylevideo.media.{module}.ffmpeg_path", lambda: str(script))
        monkeypatch.setattr("stylevideo.media.ffmpeg._tether", lambda program: ())
        return tmp_path / "numbers"

    return stand_in


def ended(numbers: Path) -> bool:
    """Whether no process is left whose number was noted."""
    for number in numbers.read_text().split():
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            continue
        return False
    return True


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    """With sound."""
    folder = tmp_path_factory.mktemp("clip")
    silent = numbered_video(folder / "silent.mp4")
    ffmpeg(*sine(0.5), "-i", silent, "-map", "1:v", "-map", "0:a", folder / "clip.mp4")
    return probe(folder / "clip.mp4")


def dpx(folder: Path) -> Path:
    cv2.imwrite(str(folder / "a.png"), numbered_frame(1))
    ffmpeg("-i", folder / "a.png", folder / "a.1.dpx")
    return folder / "a.1.dpx"


QUESTIONS: dict[str, Callable[[VideoInfo], object]] = {
    "probe": lambda clip: probe(clip.path),
    "tags": lambda clip: read_tags(replace(clip, said=None)),
    "hash": lambda clip: packet_hashes([(clip, clip.streams[0])]),
    "tracks": lambda clip: plan_tracks(clip, Path("film.mp4"), stretch_of_time(FrameSelection(clip, range(1, 3)))),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_a_limit_of_time(
    name: str, clip: VideoInfo, stand_in: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("decode.account", "decode.probe", "decode.tags", "encode.tracks"):
        monkeypatch.setattr(f"stylevideo.media.{module}.reading_time_s", lambda path: 0.3)
    numbers, began = stand_in("exec sleep 60"), time.monotonic()
    with pytest.raises(TimeLimitError, match=r"^clip\.mp4 could not be read within 0 seconds\. Check the disk or the"):
        QUESTIONS[name](clip)
    assert time.monotonic() - began < 3
    assert ended(numbers)
    assert len(numbers.read_text().split()) == 1, "what has used up its time is not asked in another way"


def test_a_picture_has_a_limit_of_time(tmp_path: Path, stand_in: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylevideo.media.images.files.reading_time_s", lambda path: 0.3)
    picture = dpx(tmp_path)
    numbers = stand_in("exec sleep 60")
    with pytest.raises(InputError, match=r"a\.1\.dpx could not be read within"):
        read_file(picture, Reading())
    assert ended(numbers)


@pytest.mark.parametrize("does", ["exec sleep 60", "exec >&-\nexec sleep 60"])
def test_a_decoder_that_hangs(does: str, clip: VideoInfo, stand_in: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that has closed its output."""
    monkeypatch.setattr("stylevideo.media.decode.ffmpeg.SILENCE_S", 0.3)
    numbers = stand_in(does)
    with pytest.raises(DecodeError, match=r"clip\.mp4: ffmpeg decoded nothing for 0 seconds, and was ended"):
        list(read_frames(FrameSelection(clip, range(3)), Reading(deinterlace=True)))
    assert ended(numbers)


def test_a_decoder_that_speaks_is_waited_for(clip: VideoInfo, stand_in: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylevideo.media.decode.ffmpeg.SILENCE_S", 0.4)
    real = ffmpeg_path()
    stand_in(f'for i in 1 2 3 4 5 6; do echo working >&2; sleep 0.15; done\nexec "{real}" "$@"')
    assert len(list(read_frames(FrameSelection(clip, range(3)), Reading(deinterlace=True)))) == 3


def test_pictures_that_are_not_fetched_are_no_silence(clip: VideoInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The painter takes its time."""
    monkeypatch.setattr("stylevideo.media.decode.ffmpeg.SILENCE_S", 0.3)
    frames = read_frames(FrameSelection(clip, range(3)), Reading(deinterlace=True))
    next(frames)
    time.sleep(0.6)
    assert len(list(frames)) == 2


@pytest.mark.parametrize("does", ["exec sleep 60", "cat >/dev/null\nexec sleep 60"])
def test_an_encoder_that_hangs(does: str, tmp_path: Path, stand_in: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is fed, and when it has everything."""
    monkeypatch.setattr("stylevideo.media.encode.pipe.SILENCE_S", 0.3)
    numbers = stand_in(does)
    with pytest.raises(EncodeError, match=r"ffmpeg made no step in writing film\.mp4 for 1 s, and was ended"):
        encode([str(tmp_path / "ffmpeg.sh")], [bytes(10_000_000)], Path("film.mp4"))
    assert ended(numbers)


def test_what_it_writes_is_bounded(stand_in: Stand) -> None:
    numbers, began = stand_in("exec yes"), time.monotonic()
    with pytest.raises(
        InputError, match=r"^x\.mp4: ffmpeg has more to say of it than the 100,000 bytes that are taken"
    ):
        ffmpeg_output(["-i", "file:/a/x.mp4"], 20, 100_000)
    assert time.monotonic() - began < 3
    assert ended(numbers)


def test_of_endless_messages_the_beginning_and_the_end_are_kept(
    stand_in: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.media.ffmpeg.MESSAGE_BYTES", 10_000)
    stand_in("echo begin >&2\nyes | head -c 5000000 >&2\necho end >&2\nexit 3")
    run = run_ffmpeg(["-version"])
    assert run.status == 3
    assert run.messages.startswith("begin\n") and run.messages.endswith("\nend\n")
    assert len(run.messages) < 100_000


def test_short_answers_are_whole(stand_in: Stand) -> None:
    stand_in("printf 'a\\nb'; printf c >&2; exit 1")
    run = run_ffmpeg([])
    assert (run.status, run.output, run.messages) == (1, "a\nb", "c")


@pytest.mark.parametrize(
    ("question", "number", "within_s"),
    [("framecrc", signal.SIGTERM, 6), ("/film.mp4 -map", signal.SIGINT, 10)],
)
def test_a_wish_to_stop_is_heard_while_ffmpeg_is_asked(
    question: str, number: signal.Signals, within_s: float, clip: VideoInfo, tmp_path: Path
) -> None:
    """At once before work begins; for a film that is nearly there some seconds are left."""
    script = tmp_path / "ffmpeg.sh"
    hang = f'echo $$ >> "{tmp_path}/numbers"; exec sleep 60'
    script.write_text(f'#!/bin/sh\ncase "$*" in *"{question}"*) {hang};; esac\nexec "{ffmpeg_path()}" "$@"\n')
    script.chmod(0o755)
    words = ["run", clip.path, "--style", STYLE, "-o", tmp_path / "film.mp4", "--iterations", "0", "--frames", "1-2"]
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": str(script)}
    process = subprocess.Popen([sys.executable, "-m", "stylevideo", *map(str, words)], env=environment, cwd=ROOT)
    try:
        while not (tmp_path / "numbers").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        began = time.monotonic()
        assert process.wait(20) == 130
        assert time.monotonic() - began < within_s
        assert ended(tmp_path / "numbers")
    finally:
        process.kill()
        process.wait()
