"""Numbers, sizes, times and lists are put into words in one place, and read well."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

from stylevideo.text import bytes_in_words, counted, duration, listed


def test_nouns_are_counted() -> None:
    assert [counted(number, "clip") for number in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
    code = [path.read_text(encoding="utf-8") for path in (ROOT / "stylevideo").rglob("*.py")]
    plain = re.compile(r"\{[^{}]*(?:len\(|count|frames|threads)[^{}]*\} (?:frames|clips|films|shots|threads|tracks)\b")
    assert not [found for text in code for found in plain.findall(text)], "a noun is not counted by `counted`"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (12_345_678, "12 MB"), (2.5e9, "2.5 GB"), (7e15, "7000 TB")],
)
def test_sizes(size: int, words: str) -> None:
    assert bytes_in_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "1 s"), (20, "20 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_times(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(0, ""), (1, "1"), (3, "1, 2, 3"), (4, "1, 2, 3 and 1 more")])
def test_lists(count: int, words: str) -> None:
    assert listed(range(1, count + 1), 3) == words


def test_nobody_else_has_words_for_them() -> None:
    own = re.compile(r"[a-z]Bs?\b.*:\.\df|/ (?:1e9|1e6|3600)\b|/ 60:|join\(.*\[:[A-Z_]+\]\)|, …")
    modules = {path: path.read_text(encoding="utf-8") for path in (ROOT / "stylevideo").rglob("*.py")}
    assert [path.name for path, code in modules.items() if own.search(code)] == ["text.py"]
