"""Whether a film says of its tracks what the source says: languages, titles, and marks such as "default"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from stylevideo.media.check.findings import Check, Finding, Verdict, agree
from stylevideo.media.check.pair import Pair
from stylevideo.media.encode.delivery import CONTAINERS
from stylevideo.media.ffmpeg import file_url, run_ffmpeg
from stylevideo.system.files import temporary_folder
from stylevideo.text import printable
from stylevideo.timeline.clip import StreamInfo

_TWICE = (
    "alb/sqi arm/hye baq/eus bur/mya chi/zho cze/ces dut/nld fre/fra geo/kat ger/deu gre/ell ice/isl mac/mkd mao/mri "
    "may/msa per/fas rum/ron slo/slk tib/bod wel/cym"
)
SYNONYMS = frozenset(frozenset(pair.split("/")) for pair in _TWICE.split(" "))
"""Languages that have two codes in ISO 639-2."""


def check_words(pair: Pair, what: str, source: StreamInfo, made: StreamInfo, decode: bool) -> Finding:
    """Compare what is said of a track.

    Args:
        pair: the film and its source.
        what: the track, in words.
        source, made: the track in both.
        decode: whether to find out by trying if the film's container could say a language that it lacks.
    """
    if not pair.says:
        return Finding()
    language = tuple(_check_language(what, source.language, made.language, pair.made.path, decode))
    if source.kind in ("cover", "attachment"):
        return Finding(language)
    checks = (*language, *_check_title(what, source, made), *_check_marks(what, source, made))
    return Finding(checks, tuple(_loss(pair, what, source, made)))


def _loss(pair: Pair, what: str, source: StreamInfo, made: StreamInfo) -> Iterator[str]:
    """What the source says of a track and the film does not; what the user says instead is no matter."""
    lost = [f"title {printable(source.title)!r}"] if source.title and not made.title else []
    lost += [f"language {source.language}"] if source.language and not made.language else []
    lost += [f"mark as {mark}" for mark in source.marks if mark not in made.marks]
    if lost:
        yield f"The {what} lost its {' and its '.join(lost)}: {pair.muxer} has no place for it."


def _check_title(what: str, source: StreamInfo, made: StreamInfo) -> Iterator[Check]:
    if source.title:
        verdict = Verdict.SAME if made.title == source.title else Verdict.CHANGED
        yield Check(f"{what}: title", printable(source.title), printable(made.title) or "none", verdict)


def _check_marks(what: str, source: StreamInfo, made: StreamInfo) -> Iterator[Check]:
    for mark in source.marks:
        is_kept = mark in made.marks
        yield Check(f"{what}: mark", mark, mark if is_kept else "none", Verdict.SAME if is_kept else Verdict.CHANGED)


def _check_language(what: str, wanted: str | None, found: str | None, film: Path, decode: bool) -> Iterator[Check]:
    """In either of the names that some languages have; one that the container cannot say is no fault."""
    if wanted == found is None:
        return
    check = agree(f"{what}: language", wanted or "none", found or "none", wanted == found)
    unsaid = found is None and wanted is not None and not (decode and _can_say(wanted, film.suffix.lower()))
    is_right_otherwise = {wanted, found} in SYNONYMS or unsaid
    yield replace(check, verdict=Verdict.CHANGED) if is_right_otherwise else check


@cache
def _can_say(language: str, suffix: str) -> bool:
    """Whether such a film can say that a track is in a language; found out by trying, since muxers differ."""
    container = CONTAINERS.get(suffix)
    if container is None or not container.audio:
        return True
    with temporary_folder() as folder:
        trial = folder / f"trial{suffix}"
        silence = ["-f", "lavfi", "-i", "anullsrc", "-t", "0.1", "-c:a", container.audio[0]]
        run_ffmpeg(["-v", "error", *silence, "-metadata:s:a:0", f"language={language}", file_url(trial)])
        return f"({language})" in run_ffmpeg(["-i", file_url(trial)]).messages
