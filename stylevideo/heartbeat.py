"""Counts steps of work, so that a process that goes on can be told from one that hangs."""

from __future__ import annotations

_steps = 0


def beat() -> None:
    """A step is made: an iteration, a decoded frame, a frame of a film. From any thread."""
    global _steps
    _steps += 1  # two threads may count as one: it differs from what it was, which is all that matters


def steps() -> int:
    """A number that differs from the last one if a step was made in between."""
    return _steps
