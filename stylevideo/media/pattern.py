"""The names of image sequences: `shot.####.png`, `shot.%04d.exr`, `shot.1001-1050#.tif`, read by fileseq.

One `#` or `@` stands for one digit, at least; `shot.#.png` is `shot.1.png`, `shot.10.png` and so on. Knows names, and
which of them a folder has; opens no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fileseq.constants import PAD_STYLE_HASH1
from fileseq.exceptions import FileSeqException
from fileseq.filesequence import FileSequence

from stylevideo.errors import InputError

_SIGNS = re.compile(r"#+|@+|%\d*d")
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
# Stands for a dash while fileseq groups names: it would take the one of `shot-0001.png` for a minus.
_DASH = "\ue000"


@dataclass(frozen=True)
class Pattern:
    """File names that differ only in a number.

    Attributes:
        folder: where the files are.
        before, after: what stands around the number; `after` has the suffix.
        digits: a number has at least so many, filled up with zeros.
    """

    folder: Path
    before: str
    digits: int
    after: str

    @property
    def name(self) -> str:
        """The pattern as it is shown: `shot.####.png`."""
        return f"{self.before}{'#' * self.digits}{self.after}"

    @property
    def suffix(self) -> str:
        """In lower case, with its dot."""
        return Path(f"name{self.after}").suffix.lower()

    def file(self, number: int) -> Path:
        """The file of a number."""
        return self.folder / f"{self.before}{number:0{self.digits}d}{self.after}"


def parse_pattern(path: Path) -> tuple[Pattern, range | None] | None:
    """Understand a name with a pattern.

    Returns:
        The pattern, and the numbers that it states, both ends included, if it does; None where there is no pattern.
    Raises:
        InputError: the numbers are not written `1001-1050`, or there are several places for them.
    """
    try:
        sequence = FileSequence(path.name, pad_style=PAD_STYLE_HASH1)
    except FileSeqException:
        _refuse_two_places(path)
        return None
    before, after, sign = sequence.basename(), sequence.extension(), sequence.padding()
    token = path.name[len(before) : len(path.name) - len(after)]
    # fileseq takes a plain number for a sequence of one, and two signs with a dot for fractions of frames.
    if not sign or sequence.decimalPlaces() or not token.endswith(sign):
        _refuse_two_places(path)
        return None
    stated = token.removesuffix(sign)
    if stated.startswith("-"):
        before, stated = f"{before}-", stated[1:]
    pattern = Pattern(path.parent.absolute(), before, sequence.zfill(), after)
    return pattern, _stated_numbers(path, stated) if stated else None


def _refuse_two_places(path: Path) -> None:
    found = _SIGNS.findall(path.stem)
    if len(found) > 1 and path.stem.endswith(found[-1]):
        raise InputError(
            f"{path} has {len(found)} places that look like numbers: {', '.join(found)}. "
            "Give the folder, or rename the files without the others."
        )


def patterns_in(folder: Path, suffixes: Iterable[str]) -> dict[Pattern, list[int]]:
    """Group a folder's files by their names; hidden ones and those without a number are left out.

    Args:
        folder: it exists.
        suffixes: of the files that count, in lower case, with a dot.
    Returns:
        The numbers that there are of each pattern, ascending.
    Raises:
        InputError: the folder cannot be read.
    """
    wanted = tuple(suffixes)
    names = [name for name in names_in(folder) if name.lower().endswith(wanted) and not name.startswith(".")]
    masked = [name.replace("-", _DASH) for name in names]
    found = {}
    for sequence in FileSequence.findSequencesInList(masked, pad_style=PAD_STYLE_HASH1):
        before, after = (text.replace(_DASH, "-") for text in (sequence.basename(), sequence.extension()))
        if numbers := sequence.frameSet():
            found[Pattern(folder.absolute(), before, sequence.zfill(), after)] = sorted(int(n) for n in numbers)
    return found


def numbers_of(pattern: Pattern, stated: range | None) -> list[int]:
    """The numbers of the files that fit a pattern, ascending.

    Raises:
        InputError: the folder cannot be read; or it has files of the same name whose numbers have other digits.
    """
    shape = re.compile(rf"{re.escape(pattern.before)}([0-9]+){re.escape(pattern.after)}")
    texts = [match[1] for match in map(shape.fullmatch, names_in(pattern.folder)) if match]
    numbers = {int(text) for text in texts if text == f"{int(text):0{pattern.digits}d}"}
    others = {text: int(text) for text in texts if int(text) not in numbers}
    stray = next((text for text in sorted(others) if stated is None or others[text] in stated), None)
    if stray is not None and numbers:
        raise InputError(
            f"{pattern.name}: the number of {pattern.before}{stray}{pattern.after} has another count of digits. "
            "Give a pattern with as many # as the numbers have digits, or rename the files alike."
        )
    return sorted(numbers)


def names_in(folder: Path) -> list[str]:
    """The names of everything in a folder.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read ({error.strerror}). Check the name.") from error


def _stated_numbers(path: Path, text: str) -> range:
    match = _RANGE.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if last < first:
        raise InputError(
            f"{path.name}: {text!r} is not a range of numbers. Write it like 1001-1050; "
            "every second frame is --frames 1001-1050x2."
        )
    return range(first, last + 1)
