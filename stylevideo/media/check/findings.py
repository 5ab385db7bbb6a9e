"""What a comparison of a film with its source finds: checks to be listed, and sentences for whoever makes the film."""

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


@dataclass(frozen=True)
class Finding:
    """One matter in which a film was compared.

    Attributes:
        checks: every respect of it.
        notes: what the film's owner may want to know, as sentences.
        error: why this is not the film that was to be written, as a sentence; "" where it may be.
    """

    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def same(what: str, source: str, film: str) -> Check:
    """What has to be equal."""
    return agree(what, source, film, source == film)


def agree(what: str, source: str, film: str, agrees: bool) -> Check:
    """What is the same or wrong."""
    return Check(what, source, film, Verdict.SAME if agrees else Verdict.WRONG)
