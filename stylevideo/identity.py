"""By what work is known again: the source's identity, and the fingerprint of all that decides how frames look."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import torch

from stylevideo.errors import InputError
from stylevideo.media.ffmpeg import ffmpeg_version
from stylevideo.media.frame_file import sequence_view
from stylevideo.ops.margin import MARGIN_PX
from stylevideo.preparation import Job
from stylevideo.version import __version__

VIDEO_END_BYTES = 1 << 20
PICTURE_END_BYTES = 1 << 12


def fingerprint(job: Job) -> dict[str, Any]:
    """Everything that decides how frames look, by name; JSON values."""
    reading = job.reading
    return {
        "stylevideo": __version__,
        "margin_px": MARGIN_PX,
        "torch": torch.__version__,
        "opencv": cv2.__version__,
        "ffmpeg": ffmpeg_version(),
        "source": source_identity(job.clip.info.source_files()),
        "frames": job.clip.info.numbers(job.clip.frames),
        "styles": [[hashlib.sha256(read.picture.tobytes()).hexdigest(), read.style.weight] for read in job.styles],
        "device_kind": job.device.type,
        "convolution_dtype": str(job.vgg.convolution_dtype) if job.vgg else "none",
        "weights_sha256": job.vgg.identity if job.vgg else "none",
        "bits": job.bits,
        "reading": f"{reading.bits} bits, alpha {reading.alpha}",
        "view": sequence_view(reading.view).identity if job.clip.info.is_linear else "none",
        **job.settings.fingerprint(),
    }


def source_identity(files: list[Path]) -> str:
    """Enough to tell clips apart, quick for large ones: sizes, and the SHA-256 of how each file begins and ends.

    Args:
        files: a video, or the pictures of a sequence; a missing one counts as missing.
    Raises:
        InputError: a file cannot be read.
    """
    digest, total = hashlib.sha256(), 0
    end_bytes = VIDEO_END_BYTES if len(files) == 1 else PICTURE_END_BYTES
    for file in files:
        try:
            size = file.stat().st_size if file.exists() else -1
            digest.update(f"{size};".encode())
            for part in _ends(file, size, end_bytes):
                digest.update(part)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}).") from error
        total += max(0, size)
    return f"{total} bytes, {digest.hexdigest()[:16]}"


def _ends(file: Path, size: int, end_bytes: int) -> Iterator[bytes]:
    if size < 0:
        return
    with file.open("rb") as stream:
        yield stream.read(end_bytes)
        stream.seek(max(0, size - end_bytes))
        yield stream.read(end_bytes)
