"""Whether a film's sound and subtitles are the source's, in their place, by what ffmpeg's decoders give of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from stylevideo.media.decode.account import SOUND_HZ, cues, decoded_sound, packet_sums
from stylevideo.media.encode.delivery import CONTAINERS
from stylevideo.media.encode.stretch import Cut
from stylevideo.media.ffmpeg import file_url, run_ffmpeg
from stylevideo.quality.checks import Check, Verdict, agree, same
from stylevideo.system.files import temporary_folder
from stylevideo.timeline.clip import StreamInfo, VideoInfo

SILENT_LEVEL = 30.0
"""Root mean square of 16-bit samples below which nothing is heard."""
LOUD_LEVEL = 4 * SILENT_LEVEL
BLOCK_SECONDS = 4
SEARCH_SECONDS = 0.25
SHIFT_SECONDS = 0.012
NEARLY_AS_GOOD = 0.95
"""A tone is alike to itself a period later; a place is only wrong if another is clearly better."""
LEAST_LIKENESS = 0.5
MOST_STRANGE = 0.25
"""Share of blocks that may sound unlike the source."""
END_SECONDS = 0.12
CUE_SECONDS = Fraction(1, 20)
_TWICE = (
    "alb/sqi arm/hye baq/eus bur/mya chi/zho cze/ces dut/nld fre/fra geo/kat ger/deu gre/ell ice/isl mac/mkd mao/mri "
    "may/msa per/fas rum/ron slo/slk tib/bod wel/cym"
)
SYNONYMS = frozenset(frozenset(pair.split("/")) for pair in _TWICE.split(" "))
"""Languages that have two codes in ISO 639-2."""


def check_sound(
    what: str, source: tuple[VideoInfo, StreamInfo], film: tuple[VideoInfo, StreamInfo], cut: Cut
) -> Iterator[Check]:
    """Decode both and compare them from the first picture on: silence, likeness, place and end.

    Args:
        what: the track, in words.
        source, film: whose sound, and which.
        cut: the stretch that the film shows.
    """
    begin = source[0].start_time if cut.is_whole else cut.start
    due = _from(decoded_sound(*source), begin - source[0].zero_of([source[1]]))
    heard = _from(decoded_sound(*film), film[0].start_time - film[0].zero_of([film[1]]))
    if cut.length is not None:
        due = due[: round(float(cut.length) * SOUND_HZ)]
    late = (len(due) - len(heard)) / SOUND_HZ
    yield agree(
        f"{what}: length", f"{len(due) / SOUND_HZ:.2f} s", f"{len(heard) / SOUND_HZ:.2f} s", late <= END_SECONDS
    )
    likenesses, shifts = _blocks(due, heard)
    if not likenesses:
        if len(due) and _level(due) < SILENT_LEVEL:
            yield agree(f"{what}: sounds", "silent", "loud", _level(heard) < LOUD_LEVEL)
        return
    strange = sum(likeness < LEAST_LIKENESS for likeness in likenesses)
    alike = strange <= MOST_STRANGE * len(likenesses)
    yield agree(f"{what}: sounds", "as the source", "" if alike else "otherwise", alike)
    off = float(np.median(shifts)) if alike else 0.0
    yield agree(f"{what}: place", "+0.0 ms", f"{1000 * off:+.1f} ms", abs(off) <= SHIFT_SECONDS)


def _from(samples: np.ndarray, begin: Fraction) -> np.ndarray:
    """Samples from a moment on; silence before the first one."""
    place = round(float(begin) * SOUND_HZ)
    return samples[place:] if place >= 0 else np.concatenate([np.zeros(-place, samples.dtype), samples])


def _blocks(due: np.ndarray, heard: np.ndarray) -> tuple[list[float], list[float]]:
    """Of each block that is not silent: how alike the two are at best, and how late that is, in seconds."""
    likenesses, shifts = [], []
    size, reach = BLOCK_SECONDS * SOUND_HZ, round(SEARCH_SECONDS * SOUND_HZ)
    for begin in range(0, len(due), size):
        block = due[begin : begin + size].astype(float)
        if len(block) < SOUND_HZ // 10 or _level(block) < SILENT_LEVEL:
            continue
        around = np.zeros(len(block) + 2 * reach)
        first = max(0, begin - reach)
        piece = heard[first : begin + len(block) + reach]
        around[first - begin + reach :][: len(piece)] = piece
        likeness, shift = _best_place(block, around, reach)
        likenesses.append(likeness)
        shifts.append(shift)
    return likenesses, shifts


def _level(samples: np.ndarray) -> float:
    """Their root mean square; 0 of none."""
    return float(np.sqrt((samples.astype(float) ** 2).mean())) if len(samples) else 0.0


def _best_place(block: np.ndarray, around: np.ndarray, reach: int) -> tuple[float, float]:
    """The likeness of a block to the best place around it, and how many seconds later that is."""
    length = 1 << (len(around) + len(block)).bit_length()
    product = np.fft.rfft(around, length) * np.fft.rfft(block, length).conj()
    found = np.fft.irfft(product, length)[: 2 * reach + 1]
    sums = np.concatenate([[0.0], np.cumsum(around**2)])
    energy = sums[len(block) : len(block) + 2 * reach + 1] - sums[: 2 * reach + 1]
    likeness = found / np.sqrt(np.maximum(energy, 1.0) * (block**2).sum())
    near = slice(reach - round(SHIFT_SECONDS * SOUND_HZ), reach + round(SHIFT_SECONDS * SOUND_HZ) + 1)
    best = int(likeness.argmax())
    if likeness[near].max() >= NEARLY_AS_GOOD * likeness[best]:
        best = near.start + int(likeness[near].argmax())
    return float(likeness[best]), (best - reach) / SOUND_HZ


def check_packets(
    what: str, source: tuple[VideoInfo, StreamInfo], film: tuple[VideoInfo, StreamInfo]
) -> Iterator[Check]:
    """Whether every packet of a stretch that was copied is one of the source's; of PCM they are cut anew."""
    if source[1].codec.startswith("pcm"):
        return
    known, found = set(packet_sums(*source)), packet_sums(*film)
    strange = sum(crc not in known for crc in found)
    yield agree(f"{what}: packets", "the source's", f"{strange} of {len(found)} are not", strange == 0)


def check_language(what: str, wanted: str | None, found: str | None, film: Path) -> Iterator[Check]:
    """Whether a film says of a track what the source says, in either of the names that some languages have.

    Args:
        what: the track, in words.
        wanted, found: the source's and the film's, None where nothing is said.
        film: its suffix decides what it can hold.
    """
    if wanted == found:
        if wanted:
            yield same(f"{what}: language", wanted, wanted)
        return
    check = same(f"{what}: language", wanted or "none", found or "none")
    if {wanted, found} in SYNONYMS or (found is None and wanted is not None and not _can_say(wanted, film)):
        check = replace(check, verdict=Verdict.CHANGED)
    yield check


def _can_say(language: str, film: Path) -> bool:
    """Whether such a film can say that a track is in a language; found out by trying, since muxers differ."""
    container = CONTAINERS.get(film.suffix.lower())
    if container is None or not container.audio:
        return True
    with temporary_folder() as folder:
        trial = folder / f"trial{film.suffix}"
        silence = ["-f", "lavfi", "-i", "anullsrc", "-t", "0.1", "-c:a", container.audio[0]]
        run_ffmpeg(["-v", "error", *silence, "-metadata:s:a:0", f"language={language}", file_url(trial)])
        return f"({language})" in run_ffmpeg(["-i", file_url(trial)]).messages


def check_cues(
    what: str, source: tuple[VideoInfo, StreamInfo], film: tuple[VideoInfo, StreamInfo], cut: Cut
) -> Iterator[Check]:
    """Whether each subtitle that begins in the stretch comes when it should, counted from the first picture."""
    there, found = cues(*source), cues(*film)
    if there is None or found is None:
        return
    begin = source[0].start_time if cut.is_whole else cut.start
    due = [come - begin for come, _ in there]
    times = [come - film[0].start_time for come, _ in found]
    if not cut.is_whole:  # one that began before it may be left over
        due = [come for come in due if come >= 0 and (cut.length is None or come < cut.length)]
        times = times[max(0, len(times) - len(due)) :]
    yield same(f"{what}: subtitles", str(len(due)), str(len(times)))
    if len(due) == len(times) and due:
        off = max(abs(time - wanted) for time, wanted in zip(times, due, strict=True))
        yield agree(f"{what}: times", "as they are", f"at most {float(off) * 1000:.0f} ms off", off <= CUE_SECONDS)
