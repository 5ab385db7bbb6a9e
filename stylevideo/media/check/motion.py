"""Whether a film moves as its source does: frames that stand still, changed places, or are those before or after.

A film looks different from its source, but it changes where and when the source changes; tiny grey pictures tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from stylevideo.media.check.findings import Check, agree
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.account import SMALL_HEIGHT, SMALL_WIDTH
from stylevideo.text import listed

MOVING_LEVELS = 2.0
"""Grey levels by which tiny pictures differ on average where something moves for sure."""
FROZEN_SHARE = 0.04
"""Of the source's change from one frame to the next: a film that changes less stands still."""
ALIKE, REVERSED, CLEARER = 0.4, -0.3, 0.25
"""Correlation of the changes in film and source: where they go together, against each other, and clearly better."""
SEEN_LEVELS, CLEARLY_SWAPPED = 0.5, 0.15
"""The same for two neighbours that are exchanged, which three steps tell: less of each is enough."""
SHOWN_PLACES = 5
BLOCK_PICTURES = 4096


def check_motion(pair: Pair, source: np.ndarray, film: np.ndarray) -> Iterator[Check]:
    """Whether frames stand still, are exchanged, or are those before or after, by where source and film change.

    Nothing is said where source or film do not decode whole.

    Args:
        pair: the film and its source.
        source: (n, h, w) uint8, every frame of the whole source that decodes, small and grey.
        film: likewise.
    """
    info, shown = pair.info, pair.shown.chosen
    repeats = (1,) * len(shown) if len(film) == len(shown) else pair.shown.repeats
    if len(source) != info.frame_count or len(film) != sum(repeats):
        return
    kept = np.array(repeats) > 0
    indices = np.array(shown)[kept]
    film = film[(np.cumsum(repeats) - repeats)[kept]]
    changes, film_changes, likeness = _compared(source[indices], film)
    moving = np.flatnonzero(changes >= MOVING_LEVELS)
    still = film_changes <= FROZEN_SHARE * changes
    numbers = indices[1:] + info.first_number
    yield _nowhere("motion", "as the source moves", "stands still", numbers[moving][still[moving]])
    out_of_order = _exchanged(source[indices], film)
    if len(moving) and np.median(likeness[moving]) >= ALIKE:
        out_of_order[moving] |= likeness[moving] <= REVERSED
    yield _nowhere("order", "as in the source", "is exchanged", numbers[out_of_order])
    lag = _lag(source, film, indices)
    found = {-1: "the one before it", 1: "the one after it"}.get(lag, "")
    yield agree("first frame", str(info.number(shown[0])), found, lag == 0)


def _exchanged(source: np.ndarray, film: np.ndarray) -> np.ndarray:
    """Which pictures (n, h, w) of a film changed places with the one before: (n - 1,) bool.

    There the film goes back where the source goes on, and the three steps around go clearly more with the source's if
    these two are exchanged. Where colours are reversed, or little goes with the source, they go neither so nor so.
    """
    along, ahead, behind, film_size, size, onward = _products(source, film)
    before, after = (np.pad(along, (1, 0))[:-1], np.pad(along, (0, 1))[1:])
    right = before + along + after
    swapped = before + np.pad(ahead, (1, 0))[:-1] - along + after + behind
    total = film_size + np.pad(film_size, (1, 0))[:-1] + np.pad(film_size, (0, 1))[1:]
    sizes = size + np.pad(size, (1, 0))[:-1] + np.pad(size, (0, 1))[1:]
    # The steps before and after become the sums of two; at the ends there is but one of them.
    neighbours = np.full(len(size), 2)
    neighbours[:1] -= 1
    neighbours[-1:] -= 1
    swapped_sizes = sizes + neighbours * size + 2 * (np.pad(onward, (1, 0))[:-1] + onward)
    as_it_is = right / np.sqrt(np.maximum(total * sizes, 1e-6))
    exchanged = swapped / np.sqrt(np.maximum(total * swapped_sizes, 1e-6))
    seen = size >= SMALL_HEIGHT * SMALL_WIDTH * SEEN_LEVELS**2
    goes_back = (film_size > 0) & (along <= -CLEARLY_SWAPPED * np.sqrt(film_size * size))  # what stands still does not
    return np.asarray(
        seen & goes_back & (neighbours > 0) & (exchanged >= np.maximum(np.abs(as_it_is) + CLEARLY_SWAPPED, ALIKE))
    )


def _products(source: np.ndarray, film: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each step of film and source with itself and the next: (n - 1,) each.

    Returns:
        Film with source; film with the source's next; the film's next with source; film with film; source with source;
        source with the source's next.
    """
    found = []
    for begin in range(0, max(1, len(source) - 1), BLOCK_PICTURES):
        steps, others = (_steps(pictures[begin : begin + BLOCK_PICTURES + 2]) for pictures in (source, film))
        following, others_following = (np.concatenate([each[1:], np.zeros_like(each[:1])]) for each in (steps, others))
        pairs = ((others, steps), (others, following), (others_following, steps), (others, others), (steps, steps))
        products = [(one * two).sum(axis=1) for one, two in (*pairs, (steps, following))]
        found.append(np.stack(products)[:, :BLOCK_PICTURES])
    return tuple(np.concatenate(found, axis=1))


def _nowhere(what: str, wanted: str, fault: str, numbers: np.ndarray) -> Check:
    """A check that a fault is at no frame."""
    named = listed([int(number) for number in numbers], SHOWN_PLACES)
    return agree(what, wanted, f"{fault} at {named}" if named else "", not named)


def _lag(source: np.ndarray, film: np.ndarray, indices: np.ndarray) -> int:
    """By how many frames (-1, 0, 1) the film changes clearly more like the source at other indices than at these."""
    means = dict.fromkeys((-1, 0, 1), -1.0)
    for lag in means:
        there = (indices + lag >= 0) & (indices + lag < len(source))  # all, or all but one end
        changes, _, likeness = _compared(source[indices[there] + lag], film[there])
        if (moving := changes >= MOVING_LEVELS).any():
            means[lag] = float(likeness[moving].mean())
    best = max(means, key=lambda lag: means[lag])
    # Where colours are reversed all goes against the source, and what moves on goes with the step before.
    return best if means[best] >= max(ALIKE, abs(means[0]) + CLEARER) else 0


def _compared(source: np.ndarray, film: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How each two pictures (n, h, w) differ from those before.

    Returns:
        Of the source and of the film, by how many levels on average; and how alike the two changes are: (n - 1,) each.
    """
    found = []
    for begin in range(0, max(1, len(source) - 1), BLOCK_PICTURES):  # all at once would take gigabytes
        steps, others = (_steps(pictures[begin : begin + BLOCK_PICTURES + 1]) for pictures in (source, film))
        found.append((np.abs(steps).mean(axis=1), np.abs(others).mean(axis=1), _likeness(steps, others)))
    changes, film_changes, likeness = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return changes, film_changes, likeness


def _steps(pictures: np.ndarray) -> np.ndarray:
    """How each picture (n, h, w) differs from the one before: (n - 1, h * w) float."""
    return np.diff(pictures.reshape(len(pictures), math.prod(pictures.shape[1:])).astype(np.float32), axis=0)


def _likeness(steps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The cosine between each two steps; 0 where one is nothing: (n,)."""
    lengths = np.linalg.norm(steps, axis=1) * np.linalg.norm(others, axis=1)
    return np.asarray((steps * others).sum(axis=1) / np.maximum(lengths, 1e-6))
