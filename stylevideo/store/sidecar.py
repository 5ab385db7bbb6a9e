"""The JSON files beside a film, by which the film, or a report, is known as one of ours.

Knows names and keys; what the files say is the business of whoever writes them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from stylevideo.errors import InputError
from stylevideo.media.hidden import Places
from stylevideo.system.files import JSON_BYTES, read_begin, read_file

MADE_BY = "stylevideo"
"""The key by which a JSON file is known as one of ours: it may be replaced by its like."""

PLOT_MARK = "stylevideo evaluate"
"""What a plot says of who made it, by which it is known likewise."""
_SIZE = re.compile(r"Its pictures are (\d+x\d+)\.")
_BEGIN_BYTES = 1024
_REPORT_BEGIN = re.compile(rf'\{{\s*"{MADE_BY}":\s*"[^"]*",\s*"schema":\s*[0-9]+,'.encode())


def size_words(width: int, height: int) -> str:
    """What a film's comment says of its size."""
    return f"Its pictures are {width}x{height}."


def told_size(film: Path, comment: str) -> str:
    """A film's width and height, such as "640x360", by the file beside it, else by its comment; "" if neither says."""
    places = Places.of(film)
    size = read_values(places.record).get("size") if is_record_of(places) else None
    if isinstance(size, list):
        return "x".join(map(str, size))
    told = _SIZE.findall(comment)
    return str(told[-1]) if told else ""


def is_report(path: Path) -> bool:
    """Whether a JSON file is a report that this program wrote, however long it is."""
    return bool(_REPORT_BEGIN.match(_begin(path)))


def is_plot(path: Path) -> bool:
    """Whether a picture is a plot that this program drew."""
    return f"Software\0{PLOT_MARK}".encode() in _begin(path)


def is_record(path: Path) -> bool:
    """Whether a JSON file says from what this program made a film."""
    return {MADE_BY, "request", "film"} <= read_values(path).keys()


def is_record_of(places: Places) -> bool:
    """Whether the file beside a film is its record, and not that of a film of another name."""
    return is_record(places.record) and read_values(places.record)["film"] == places.name


def _begin(path: Path) -> bytes:
    try:
        return read_begin(path, _BEGIN_BYTES)
    except OSError:
        return b""


def read_values(path: Path) -> dict[str, Any]:
    """What a JSON file says by name; nothing where it cannot be read, or is of another shape."""
    try:
        values = json.loads(read_file(path, JSON_BYTES))
    except (OSError, ValueError, RecursionError, InputError):
        return {}
    return values if isinstance(values, dict) else {}
