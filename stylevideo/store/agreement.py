"""Whether a process may go on with unfinished work that was begun by another run, perhaps on another machine.

What the frames show must be the same for everybody. How they are painted, to the last digit, depends on the machine;
that must be the same for those who paint more of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stylevideo.errors import ResumeError, UnlikeError
from stylevideo.store.manifest import PAINTING
from stylevideo.text import counted, listed

_FLAGS = {"device_kind": "--device", "threads": "--threads", "tile": "--tile", "convolution_dtype": "--precision"}
"""By what one paints as another machine does."""
_PRECISIONS = {"torch.float32": "fp32", "torch.bfloat16": "bf16"}
_OF_DEVICES = frozenset({"threads", "convolution_dtype"})
"""What follows from another kind of device."""


def require_same(
    folder: Path,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    finished: int | None,
) -> None:
    """Refuse to go on with frames that were made from something else, or to paint more of them otherwise.

    Args:
        folder: of the work.
        before: its resume key.
        now: this process's; where nothing is left but to make the film, it agrees in how frames were painted.
        finished: frames that this process would throw away if it were to begin anew; None where it may not.
    Raises:
        ResumeError: with what differs, and what to do.
        UnlikeError: likewise, where it is in how this machine would paint, or in the program's version.
    """
    changed = differing(before, now)
    if "device_kind" in changed:
        changed = [name for name in changed if name not in _OF_DEVICES]
    is_painting = PAINTING.issuperset(changed)
    if not changed:
        return
    differences = ", ".join(f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in changed)
    if is_painting:
        said = (
            f"The frames in {folder} were painted otherwise than they would be here: {differences}. "
            f"To paint here, too, {_as_before(before, changed)}; or leave the rest to machines that paint alike."
        )
    else:
        said = (
            f"An interrupted run left frames in {folder}, but they were made from something else: {differences}. "
            "Go on with the former values."
        )
    if finished is not None:
        lost = f", and throw away {counted(finished, 'finished frame')}" if finished else ""
        said = f"{said} To begin anew{lost}, add --restart."
    raise (UnlikeError if is_painting or "stylevideo" in changed else ResumeError)(said)


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the values in which two resume keys differ, one of which may have been read from a file."""
    now = json.loads(json.dumps(now))
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]


def painted_by(key: Mapping[str, Any]) -> dict[str, Any]:
    """Settings' values by which a machine paints as those do that work was begun by.

    Args:
        key: the work's resume key.
    """
    values = {"device": key["device_kind"], "tile": key["tile"]}
    if isinstance(key["threads"], int):
        values["threads"] = key["threads"]
    if key["convolution_dtype"] in _PRECISIONS:
        values["precision"] = _PRECISIONS[key["convolution_dtype"]]
    return values


def _as_before(before: Mapping[str, Any], changed: Iterable[str]) -> str:
    """How to paint as was done before."""
    flags = [f"{_FLAGS[name]} {_PRECISIONS.get(before[name], before[name])}" for name in changed if name in _FLAGS]
    others = [name for name in changed if name not in _FLAGS]
    told = [f"add {' '.join(flags)}"] if flags else []
    if others:
        told.append(f"have the same {listed(others, len(others))} as there")
    return " and ".join(told)
