"""The report of a run, as JSON: what became of each clip, with which settings, in what time, and by what hashes.

Its form is described in `docs/batch.md` and has a version.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stylevideo.media.hidden import Places
from stylevideo.reports.results import ClipResult, Status
from stylevideo.settings.style import Style
from stylevideo.store.sidecar import MADE_BY, read_values
from stylevideo.system.files import write_atomically
from stylevideo.version import __version__

SCHEMA = 1
PACKAGES = ("torch", "opencv-python", "imageio-ffmpeg", "numpy")


def write_report(path: Path, clips: Sequence[dict[str, Any]], seconds: float, parts: Path | None = None) -> None:
    """Write a report.

    Args:
        path: of the file, which is replaced.
        clips: from `describe_result`, or of clips without a film.
        seconds: that the run took.
        parts: see `write_atomically`.
    Raises:
        StorageError: it cannot be written.
    """
    now = datetime.now(UTC)
    values = {
        MADE_BY: __version__,
        "schema": SCHEMA,
        "begun": (now - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "system": platform.platform(),
        "clips": list(clips),
    }
    write_atomically(path, json.dumps(values, indent=1).encode(), parts)


def describe_result(result: ClipResult, status: Status = Status.MADE, attempts: int = 1) -> dict[str, Any]:
    """A report's part on a film that was made: JSON values; times in seconds, shots by their frames' numbers."""
    return {
        **describe_clip(result.source, result.output, result.styles, status, attempts),
        "width": result.width,
        "height": result.height,
        "rate": str(result.rate),
        "device": result.device,
        "shots": [list(shot) for shot in result.shots],
        "devices": [list(devices) for devices in result.devices],
        **({"looks": list(result.looks)} if result.looks else {}),
        "seconds": round(result.seconds, 3),
        "waits": asdict(result.waits),
        "evaluations": result.evaluations,
        "mean_loss": result.mean_loss,
        "warnings": list(result.warnings),
        "settings": result.settings.to_dict(),
        "frames": [asdict(record) for record in result.frames],
    }


def describe_clip(
    source: Path, output: Path, styles: Sequence[Style], status: Status, attempts: int, reason: str = ""
) -> dict[str, Any]:
    """A report's part on any clip: what was to be made from what, and what became of it."""
    return {
        "status": status.value,
        "reason": reason,
        "attempts": attempts,
        "source": str(source),
        "output": str(output),
        "styles": [
            {"path": str(style.path), "weight": style.weight, **({"matte": style.matte} if style.matte else {})}
            for style in styles
        ],
        "sha256": _hashes(output) if status.has_film else {},
    }


def _hashes(output: Path) -> dict[str, str]:
    """Of the film, where it is one file; and of what it was made from, as far as the file beside it says so."""
    hashes = {}
    with suppress(OSError), output.open("rb") as stream:
        hashes["film"] = hashlib.file_digest(stream, "sha256").hexdigest()
    with suppress(KeyError, TypeError):
        made_from = read_values(Places.of(output).record)
        hashes["source"] = made_from["source"]["sha256"]
        for part in (made_from, *made_from.get("shots", ())):
            where = f"{part['shots']}, " if part is not made_from else ""
            hashes |= {f"{where}style {place}": style["sha256"] for place, style in enumerate(part["styles"], 1)}
    return hashes
