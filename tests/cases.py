"""Cases of parametrised tests."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any


def some_of_all(stride: int, *axes: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Every `stride`-th combination of values; if no axis has a length that `stride` divides, each value occurs."""
    return list(product(*axes))[::stride]
