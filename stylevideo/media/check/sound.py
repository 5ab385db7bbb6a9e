"""Whether a film's sound is the source's, in its place, by what ffmpeg's decoders give of both."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from stylevideo.media.check.findings import Check, agree
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.account import SOUND_HZ, decoded_sound
from stylevideo.timeline.clip import StreamInfo

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


def check_sound(pair: Pair, what: str, source: StreamInfo, film: StreamInfo) -> Iterator[Check]:
    """Decode both and compare them from the first picture on: silence, likeness, place and end.

    Args:
        pair: the film and its source.
        what: the track, in words.
        source, film: of the track.
    """
    info, made, cut = pair.info, pair.made, pair.cut
    begin = info.start_time if cut.is_whole else cut.start
    due = _from(decoded_sound(info, source), begin - info.zero_of([source]))
    heard = _from(decoded_sound(made, film), made.start_time - made.zero_of([film]))
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
