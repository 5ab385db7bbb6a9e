"""What a film says of itself: from what it was made, with which styles and settings.

Studios ask for it, and so do people who wonder whether a picture is real. Hashes name files beyond doubt; paths,
which may say more than their owner wishes, stay out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from stylevideo.errors import InputError, StorageError
from stylevideo.media.hidden import Places
from stylevideo.render.job import Job
from stylevideo.settings.settings import leaves
from stylevideo.store.identity import written_bytes
from stylevideo.store.sidecar import MADE_BY, is_record_of, size_words
from stylevideo.system.files import write_atomically
from stylevideo.version import __version__

CHUNK_BYTES = 1 << 22
SHORT_HASH = 16


def provenance(job: Job) -> dict[str, Any]:
    """From what, with which styles and settings a film is made; JSON values.

    Raises:
        InputError: the source or a style can no longer be read.
    """
    clip = job.clip
    styles = [{"name": read.style.path.name, "weight": read.style.weight, "sha256": read.sha256} for read in job.styles]
    return {
        MADE_BY: __version__,
        "made_by": "a program that repaints footage; it is no recording" if job.paints else "a program, unchanged",
        "film": job.places.name,
        "source": {"name": clip.source.name, "sha256": _sha256(clip.info.source_files())},
        "request": job.request,
        "frames": clip.info.numbers(clip.frames),
        "styles": styles,
        "delivery": job.delivery.name,
        "size": [job.size[1], job.size[0]],
        "torch": torch.__version__,
        "weights_sha256": job.vgg.identity if job.vgg else None,
        "settings": {leaf.name: job.settings.value(leaf.name) for leaf in leaves() if not leaf.is_private},
    }


def comment(values: dict[str, Any]) -> str:
    """The sentence that stands in the film's comment tag."""
    source = values["source"]
    made = f"{source['name']} (sha256 {source['sha256'][:SHORT_HASH]})"
    size = size_words(*values["size"])
    if values["weights_sha256"] is None:
        return f"Passed unchanged through stylevideo {values['stylevideo']} from {made}. {size}"
    styles = ", ".join(f"{style['name']} (sha256 {style['sha256'][:SHORT_HASH]})" for style in values["styles"])
    return f"Repainted by stylevideo {values['stylevideo']} from {made} in the style of {styles}. {size}"


def write_provenance(values: dict[str, Any], job: Job) -> None:
    """Write the file beside a film that is in its place, and how large that is.

    Raises:
        StorageError: it cannot be written.
    """
    numbers = job.clip.info.numbers(job.clip.frames) if job.delivery.is_sequence else None
    values = {**values, "numbers": numbers, "bytes": written_bytes(job.clip.output, numbers)}
    text = json.dumps(values, indent=1, ensure_ascii=False)
    # A name that is not UTF-8 has what JSON writes with a backslash.
    write_atomically(job.places.record, text.encode(errors="backslashreplace"), job.places.work)


def remove_record(places: Places) -> None:
    """Remove the file beside a film that was there before, if there is one: it says how that one was made.

    Raises:
        StorageError: it cannot be removed.
    """
    if not is_record_of(places):
        return
    try:
        places.record.unlink()
    except OSError as error:
        raise StorageError(f"{places.record} cannot be removed ({error.strerror}). Remove it by hand.") from error


def _sha256(files: Sequence[Path]) -> str:
    """Of the files' content, one after another."""
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
        except OSError as error:
            raise InputError(f"{file} can no longer be read ({error.strerror}). Put it back.") from error
    return digest.hexdigest()
