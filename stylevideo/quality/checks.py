"""One respect in which a film was compared with its source, and how that came out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a film compares with its source in one respect."""

    SAME = "same"
    CHANGED = "changed"
    WRONG = "wrong"


@dataclass(frozen=True)
class Check:
    """One respect in which a film was compared.

    Attributes:
        what: in words, such as "audio track 1".
        source: what it should be.
        film: what it is; empty for a note on what the container cannot hold.
        verdict: whether that is the same, changed as it has to be, or wrong.
    """

    what: str
    source: str
    film: str
    verdict: Verdict


def same(what: str, source: str, film: str) -> Check:
    """What has to be equal."""
    return agree(what, source, film, source == film)


def agree(what: str, source: str, film: str, agrees: bool) -> Check:
    """What is the same or wrong."""
    return Check(what, source, film, Verdict.SAME if agrees else Verdict.WRONG)
