"""The JSON file beside a film, by which the film is known as one of ours.

Knows names and keys; what the file says is the business of `stylevideo.provenance`.
"""

from __future__ import annotations

import json
from pathlib import Path

MADE_BY = "stylevideo"
"""The key by which a JSON file is known as one of ours: it may be replaced by its like."""


def provenance_path(output: Path) -> Path:
    """Where the file beside a film is: `film.mp4.json`."""
    return output.with_name(f"{output.name}.json")


def is_ours(path: Path) -> bool:
    """Whether a JSON file was written by this program."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and MADE_BY in values
