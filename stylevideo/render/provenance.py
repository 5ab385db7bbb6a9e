"""What a film says of itself: the record of its manifest in a file beside it, and a sentence of that in the film."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from stylevideo.errors import StorageError
from stylevideo.media.hidden import Places
from stylevideo.render.job import Job, manifest_of
from stylevideo.store.identity import written_bytes
from stylevideo.store.sidecar import is_record_of, size_words
from stylevideo.system.files import write_atomically

SHORT_HASH = 16


def provenance(job: Job) -> dict[str, Any]:
    """From what, with which styles and settings a film is made; JSON values.

    Raises:
        InputError: the source can no longer be read.
    """
    assert job.store is not None, "a film is made of frames that are kept"
    manifest = manifest_of(job)
    source = replace(manifest.source, sha256=job.watch.sha256())
    return replace(manifest, source=source).record


def comment(values: dict[str, Any]) -> str:
    """The sentence that stands in the film's comment tag."""
    source = values["source"]
    made = f"{source['name']} (sha256 {source['sha256'][:SHORT_HASH]})"
    size = size_words(*values["size"])
    if values["weights_sha256"] is None:
        return f"Passed unchanged through stylevideo {values['stylevideo']} from {made}. {size}"
    named = [style for part in (values, *values.get("shots", ())) for style in part["styles"]]
    styles = ", ".join(dict.fromkeys(f"{style['name']} (sha256 {style['sha256'][:SHORT_HASH]})" for style in named))
    return f"Repainted by stylevideo {values['stylevideo']} from {made} in the style of {styles}. {size}"


def write_provenance(values: dict[str, Any], job: Job) -> None:
    """Write the file beside a film that is in its place, and how large that is.

    Raises:
        StorageError: it cannot be written.
    """
    numbers = job.clip.selection.text if job.delivery.is_sequence else None
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
