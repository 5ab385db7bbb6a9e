"""Words for people: counted nouns, lists, sizes and times; foreign text made harmless, the nearest of some names.

Knows no files and prints nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from reprlib import Repr

from stylevideo.limits import LINE_SIGNS

INDENT = "\n  "
"""Begins each further line of a message of ours; a line's end without it is foreign."""
_CONTROL = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\udc80-\\udc9f\\u2028\\u2029"
    "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]"  # turn the order of what stands behind them
)

_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?", re.ASCII)


def printable(text: str, keep: str = "") -> str:
    r"""A foreign text as a terminal may show it: control characters, and marks of direction, as escapes such as `\x1b`.

    Args:
        text: of a file's name, a tag, a message of another program. Lone surrogates stay: names that are not UTF-8;
            but not those that stand for bytes which some terminals take for control characters.
        keep: control characters that stay as they are, such as a line's end.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def counted(number: int, noun: str) -> str:
    """How many of something: `1 frame`, `2 frames`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(things: Sequence[object], most: int) -> str:
    """The first of some things, and how many there are beside them: `1, 2, 3 and 4 more`.

    Args:
        things: in the order in which they are named.
        most: how many are named.
    """
    more = len(things) - most
    return ", ".join(map(str, things[:most])) + (f" and {more} more" if more > 0 else "")


def bytes_in_words(size: int) -> str:
    """A size in bytes, for people."""
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "bytes" else f"{value:.1f} {units[0]}"


def duration(seconds: float) -> str:
    """A time in seconds, for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def seconds_of(text: str) -> float:
    """A time such as 2h, 90m, 1h30m or 3600s, in seconds.

    Raises:
        ValueError: it is none, or nothing.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = (
        sum(float(part) * unit for part, unit in zip(found.groups("0"), (3600, 60, 1), strict=True)) if found else 0
    )
    if not seconds:
        raise ValueError(f"{quoted(text)} is no time. Write it like 2h, 90m, 1h30m or 3600s.")
    return seconds


def printable_message(text: str) -> str:
    """A message of ours with foreign text in it: printable, but for the ends of its own lines; none is very long."""
    return INDENT.join(_shortened(printable(part)) for part in text.split(INDENT))


def _shortened(line: str) -> str:
    """A line without its middle, if it has more than `LINE_SIGNS`: what to do stands at its end."""
    half = LINE_SIGNS // 2
    return line if len(line) <= LINE_SIGNS else f"{line[:half]} … {line[-half:]}"


def quoted(value: object) -> str:
    """A foreign value as Python writes it, shortened where it is long."""
    short = Repr()
    short.maxstring = short.maxother = 200
    return short.repr(value)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def did_you_mean(name: str, known: Iterable[str], before: str = "") -> str:
    """A question about the nearest of the known names, to go behind a sentence; nothing if none is near.

    Args:
        name: as it was written.
        known: all that there are.
        before: what stands before each and makes none more alike, such as `--`.
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {before}{near[0]}?" if near else ""
