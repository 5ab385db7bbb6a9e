"""The writer of a film and `verify` ask one comparison: what is wrong for one is wrong for the other."""

from __future__ import annotations

import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_fixtures import ffmpeg, make_video, numbered_frame, sine

from stylevideo.media.check import motion
from stylevideo.media.check.compare import compare
from stylevideo.media.check.findings import Finding, Verdict
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.decode.tags import film_tags
from stylevideo.media.encode.delivery import Encoding, choose_delivery
from stylevideo.media.encode.plan import plan_film
from stylevideo.media.film import FilmReport, write_film
from stylevideo.quality.verify import verify
from stylevideo.timeline.selection import Clip, FrameSelection

METADATA = """;FFMETADATA1
title=A
place=here
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=one
scene=7
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1000
title=two
"""
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".mxf")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames that begin at a timecode; a French tone with a title and a mark; tags and chapters."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "tags.txt").write_text(METADATA)
    inputs = [*sine(1.0), "-i", str(folder / "tags.txt")]
    maps = ("-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "2")
    words = ("-metadata:s:a:0", "language=fra", "-metadata:s:a:0", "title=Tone", "-disposition:a:0", "comment")
    timecode = ("-metadata:s:v:0", "timecode=01:00:00:00")
    codecs = ("-c:v", "ffv1", "-c:a", "aac")
    images = [numbered_frame(number) for number in range(24)]
    return make_video(folder / "source.mkv", images, "24", (*codecs, *maps, *words, *timecode), inputs)


@pytest.fixture(scope="module")
def films(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FilmReport]:
    """A film of it in each kind of file, by its suffix."""
    info, folder = probe(source), tmp_path_factory.mktemp("films")
    images = [frame.image for frame in read_frames(FrameSelection(info, range(24)))]
    paths = {suffix: folder / f"film{suffix}" for suffix in SUFFIXES}
    form = {".mxf": "prores-hq"}  # others in MXF take no picture as small as this
    encodings = {suffix: Encoding(choose_delivery(form.get(suffix, "auto"), paths[suffix])) for suffix in SUFFIXES}
    return {
        suffix: write_film(images, Clip(info.path, paths[suffix], FrameSelection(info, range(24))), encodings[suffix])
        for suffix in SUFFIXES
    }


def findings(source: Path, film: Path, decode: bool) -> list[Finding]:
    info, made = probe(source), probe(film)
    plan = plan_film(Clip(info.path, film, FrameSelection(info, range(24))))
    pair = Pair(FrameSelection(info, range(24)), made, plan, film_tags(plan.tags, ""), film.name, frame_count=24)
    return list(compare(pair, decode=decode))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_told_of_a_film_is_what_verify_finds(suffix: str, source: Path, films: dict[str, FilmReport]) -> None:
    """Whoever reads the film alone says the same of it as whoever decodes it; nothing of it is wrong."""
    report = films[suffix]
    plan = plan_film(Clip(source, report.path, FrameSelection(probe(source), range(24))))
    told = [note for note in report.notes if note not in plan.notes and "hold no languages" not in note]
    found = findings(source, report.path, decode=True)
    assert told == [note for finding in found for note in finding.notes]
    assert not any(finding.error for finding in found)
    assert all(check.verdict is not Verdict.WRONG for finding in found for check in finding.checks)
    # A comparison by reading asks nothing that decoding would not.
    whats = {check.what for finding in found for check in finding.checks}
    assert {check.what for finding in findings(source, report.path, decode=False) for check in finding.checks} <= whats


@pytest.mark.parametrize(
    ("change", "said", "what"),
    [
        (["-map", "0:v"], "film.mkv came out with 0 audio tracks instead of 1.", "audio tracks"),
        (["-t", "0.8"], "frames instead of 24. Run it again.", "frames"),
        (["-c:a", "aac"], "Audio track 1 was copied, but its packets are not", "audio track 1: packets"),
        (["-map_chapters", "-1"], "film.mkv came out with 0 chapters instead of 2.", "chapters"),
        (["-metadata", "title=B"], "matroska cannot hold what the source says in the tag title", "tag title"),
        (["-metadata", "title="], "matroska has no place for the source's tag title", "tag title"),
        (["-metadata:s:v:0", "timecode=02:00:00:00"], "The film should begin at the timecode", "timecode"),
        (["-aspect", "3"], "The source's pixels have the shape 1; those of film.mkv are", "sample aspect"),
    ],
)
def test_what_is_wrong_is_wrong_for_the_writer_and_for_verify(
    change: list[str], said: str, what: str, source: Path, films: dict[str, FilmReport], tmp_path: Path
) -> None:
    spoilt = tmp_path / "film.mkv"
    ffmpeg("-i", films[".mkv"].path, "-c", "copy", *change, spoilt)
    found = findings(source, spoilt, decode=False)
    told = [sentence for finding in found for sentence in (finding.error, *finding.notes) if sentence]
    assert said in "".join(told[:1])
    assert any(finding.error for finding in found) == (what in ("frames", "audio tracks"))
    assert what in [check.what for check in verify(source, spoilt).wrong]


def test_a_lost_name_or_mark_of_a_track_is_told_but_not_wrong(
    source: Path, films: dict[str, FilmReport], tmp_path: Path
) -> None:
    bare = tmp_path / "film.mkv"
    ffmpeg("-i", films[".mkv"].path, "-c", "copy", "-metadata:s:a:0", "title=", "-disposition:a:0", "0", bare)
    found = verify(source, bare)
    lost = {check.what: check.source for check in found.checks if check.verdict is Verdict.CHANGED}
    assert lost["audio track 1: title"] == "Tone"
    assert lost["audio track 1: mark"] == "comment"
    assert not found.wrong


def test_verification_decodes_each_picture_once(
    source: Path, films: dict[str, FilmReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Counted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: Any) -> None:
            started.append(command)
            super().__init__(command, **options)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    assert not verify(source, films[".mkv"].path).wrong
    assert sum("rawvideo" in command and "-frames:v" not in command for command in started) == 2
    assert len(started) <= 10


def test_films_that_are_read_in_part_are_no_films(source: Path, films: dict[str, FilmReport]) -> None:
    """A writer that knows how many frames it wrote is told when fewer are there, before all else."""
    info, film = probe(source), films[".mkv"].path
    plan = plan_film(Clip(info.path, film, FrameSelection(info, range(24))))
    pair = Pair(
        FrameSelection(info, range(24)), probe(film), plan, film_tags(plan.tags, ""), "film.mkv", frame_count=25
    )
    first = next(compare(pair, decode=False))
    assert first.error == "film.mkv came out with 24 frames instead of 25. Run it again."
    assert not next(compare(replace(pair, frame_count=24), decode=False)).error


def test_motion_of_long_clips_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared in blocks; whatever their size, the answer is the same."""
    pictures = np.random.default_rng(0).integers(0, 255, (20_000, 18, 32), np.uint8)
    tracemalloc.start()
    try:
        found = motion._compared(pictures, pictures[::-1])
        assert tracemalloc.get_traced_memory()[1] < 60e6, "a fifth of what all at once take"
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(motion, "BLOCK_PICTURES", 10**6)
    for part, whole in zip(found, motion._compared(pictures[:300], pictures[::-1][:300]), strict=True):
        np.testing.assert_allclose(part[:299], whole, rtol=1e-5)
    assert [len(part) for part in motion._compared(pictures[:1], pictures[:1])] == [0, 0, 0]
