"""The JSON files beside a film, by which the film, or a report, is known as one of ours.

Knows names and keys; what the files say is the business of `stylevideo.provenance` and `stylevideo.report`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stylevideo.media.pattern import plain_name

MADE_BY = "stylevideo"
"""The key by which a JSON file is known as one of ours: it may be replaced by its like."""


def provenance_path(output: Path) -> Path:
    """Where the file beside a film is: `film.mp4.json`, or `shot.####.png.json`."""
    return output.with_name(f"{plain_name(output)}.json")


def is_report(path: Path) -> bool:
    """Whether a JSON file is a report that this program wrote."""
    return {MADE_BY, "schema", "clips"} <= read_values(path).keys()


def is_record(path: Path) -> bool:
    """Whether a JSON file says from what this program made a film."""
    return {MADE_BY, "request", "film"} <= read_values(path).keys()


def is_record_of(output: Path) -> bool:
    """Whether the file beside a film is its record, and not that of a film of another name."""
    path = provenance_path(output)
    return is_record(path) and read_values(path)["film"] == plain_name(output)


def read_values(path: Path) -> dict[str, Any]:
    """What a JSON file says by name; nothing where it cannot be read, or is of another shape."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
