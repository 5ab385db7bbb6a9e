"""The names of image sequences and of stills: `shot.####.png`, `shot.%04d.exr`, `shot.1001-1050#.tif`, read by fileseq.

One `#` or `@` stands for one digit, at least; `shot.#.png` is `shot.1.png`, `shot.10.png` and so on. Knows names, and
which of them a folder has; opens no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path

from fileseq.constants import PAD_STYLE_HASH1
from fileseq.exceptions import FileSeqException
from fileseq.filesequence import FileSequence

from stylevideo.errors import InputError
from stylevideo.limits import FRAMES, MISSING_FRAMES, MISSING_SHARE
from stylevideo.system.files import real_path, refuse_address
from stylevideo.text import listed
from stylevideo.timeline.clip import VideoInfo

CODECS = {
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".dpx": "dpx",
    ".exr": "exr",
}
"""The kinds of file that a sequence may have, by their suffix in lower case."""
READABLE_KINDS = "PNG, TIFF, JPEG, DPX or EXR"
NAMES_SHOWN = 4
_STATE_A_PART = "State which numbers are meant, such as shot.1001-1050####.png, or rename the files."
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_LONG_NUMBER = re.compile(r"[0-9]{19}")
_SIGN = re.compile(r"#+|@+|%[0-9]{0,2}d")  # fileseq fills up with as many zeros as it is told
# Characters that mean something to fileseq, and what stands for them meanwhile. It would take the dash of
# `shot-0001.png` for a minus.
_SPECIAL = "-#@%[]{}()*?$~!=;+&'\"<>| ,:"
_MASK = {ord(special): 0xE000 + place for place, special in enumerate(_SPECIAL)}
_UNMASK = {0xE000 + place: special for place, special in enumerate(_SPECIAL)}


@dataclass(frozen=True)
class Pattern:
    """File names that differ only in a number; or the name of one still, which has none.

    Attributes:
        folder: where the files are.
        before, after: what stands around the number; `after` has the suffix.
        digits: a number has at least so many, filled up with zeros; 0 where there is none.
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

    def has_file(self, file: Path) -> bool:
        """Whether a file, which need not be there, is one of these by its name."""
        number = file.name.removeprefix(self.before).removesuffix(self.after)
        is_named = (
            number.isdecimal() and len(number) >= self.digits and file.name == f"{self.before}{number}{self.after}"
        )
        return is_named and real_path(file.parent) == real_path(self.folder)

    def file(self, number: int) -> Path:
        """The file of a number."""
        return self.folder / (f"{self.before}{number:0{self.digits}d}{self.after}" if self.digits else self.name)


def parse_pattern(path: Path) -> tuple[Pattern, range | None] | None:
    """Understand a name with a pattern; of several, the last one counts.

    Returns:
        The pattern, and the numbers that it states, both ends included, if it does; None where there is no pattern.
    Raises:
        InputError: the numbers are not written `1001-1050`.
    """
    found = list(_SIGN.finditer(path.name))
    if not found:
        return None
    stated_from = len(re.sub(r"[-0-9x,:]*[0-9]$", "", path.name[: found[-1].start()]))
    end = found[-1].end()
    name = path.name[:stated_from].translate(_MASK) + path.name[stated_from:end] + path.name[end:].translate(_MASK)
    try:
        sequence = FileSequence(name, pad_style=PAD_STYLE_HASH1)
    except FileSeqException:
        return None
    before, after, sign = sequence.basename(), sequence.extension(), sequence.padding()
    token = name[len(before) : len(name) - len(after)]
    before, after = before.translate(_UNMASK), after.translate(_UNMASK)
    # fileseq takes a plain number for a sequence of one, and two signs with a dot for fractions of frames.
    if not sign or sequence.decimalPlaces() or not token.endswith(sign):
        return None
    stated = token.removesuffix(sign)
    if stated.startswith("-"):
        before, stated = f"{before}-", stated[1:]
    pattern = Pattern(path.parent.absolute(), before, sequence.zfill(), after)
    return pattern, _stated_numbers(path, stated) if stated else None


def as_still(path: Path) -> Pattern:
    """The pattern of a name that is taken as it is."""
    return Pattern(path.parent.absolute(), path.stem, 0, path.suffix)


def plain_name(path: Path) -> str:
    """The one name of a film that can be written in several ways: `shot.%04d.png` is `shot.####.png`.

    Raises:
        InputError: see `parse_pattern`.
    """
    parsed = parse_pattern(path)
    return parsed[0].name if parsed and parsed[0].suffix in CODECS else path.name


def patterns_in(folder: Path, suffixes: Iterable[str]) -> dict[Pattern, list[int]]:
    """Group a folder's files by their names.

    Hidden ones are left out, and those without a number or with one of more digits than any frame has.

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
    names = [name for name in names if not _LONG_NUMBER.search(name)]
    masked = [name.translate(_MASK) for name in names]
    found = {}
    for sequence in FileSequence.findSequencesInList(masked, pad_style=PAD_STYLE_HASH1):
        before, after = (text.translate(_UNMASK) for text in (sequence.basename(), sequence.extension()))
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
        refuse_address(folder)
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


# -- the sequence that is meant ----------------------------------------------------------------------


def is_still(path: Path) -> bool:
    """Whether a path is a picture's file, whatever its name looks like."""
    return path.suffix.lower() in CODECS and path.is_file()


def is_sequence(path: Path) -> bool:
    """Whether a path means pictures: a folder of them, a pattern such as `shot.####.png`, or one still.

    Raises:
        InputError: it has a pattern with numbers that are not written `1001-1050`.
    """
    return is_still(path) or path.is_dir() or (not path.exists() and parse_pattern(path) is not None)


def list_sequence(path: Path, rate: Fraction) -> VideoInfo:
    """What the names of an image sequence's files tell of it: not the size and the kind of its pixels.

    Args:
        path: a folder with one sequence; or a pattern, which may state the numbers: `shot.1001-1050####.tif`; or a
            still, which is a sequence of one file.
        rate: frames a second, which files do not tell.
    Raises:
        InputError: there is no such sequence, or more than one.
    """
    pattern, numbers, stated = _still_or_sequence(path)
    wanted = stated or range(numbers[0], numbers[-1] + 1)
    there = set(numbers)
    _check_extent(pattern, wanted, sum(number in wanted for number in numbers))
    files = tuple(pattern.file(number) if number in there else None for number in wanted)
    return VideoInfo(
        path=pattern.folder / pattern.name,
        width=0,
        height=0,
        frame_count=len(files),
        rate=rate,
        time_base=1 / rate,
        pts=tuple(range(len(files))),
        variable_rate=False,
        sample_aspect=Fraction(1),
        rotation=0,
        codec=CODECS[pattern.suffix],
        pixel_format="",
        color_matrix=None,
        streams=(),
        files=files,
        first_number=wanted.start,
    )


def list_vectors(path: Path) -> VideoInfo:
    """The files that a pattern of vectors, or a folder with one, means.

    Raises:
        InputError: there are none, or they are not EXR files.
    """
    if is_still(path):
        raise InputError(f"{path} is one file. Name the vectors of all frames, such as shot.vec.####.exr.")
    found = list_sequence(path, Fraction(1))  # which has a meaning for pictures alone
    if found.codec != "exr":
        raise InputError(f"{path}: motion vectors are read from EXR files. Write them as EXR.")
    return found


def _still_or_sequence(path: Path) -> tuple[Pattern, list[int], range | None]:
    """What a path means, the numbers that there are, and those that it states."""
    if is_still(path):
        return as_still(path), [1], None
    return _sequence_in(path) if path.is_dir() else _sequence_named(path)


def is_dense(numbers: Sequence[int]) -> bool:
    """Whether ascending numbers are as frames have them: no more are missing between them than are there."""
    return numbers[-1] - numbers[0] + 1 <= 2 * len(numbers)


def _check_extent(pattern: Pattern, wanted: range, there: int) -> None:
    """Refuse numbers that are no frames', such as the times of photographs."""
    count = wanted.stop - wanted.start  # a range that is longer than memory has no length
    missing = count - there
    if missing > max(MISSING_FRAMES, MISSING_SHARE * there):
        raise InputError(
            f"{pattern.name} is no sequence: of the numbers {wanted.start}-{wanted.stop - 1}, {missing:,} are missing "
            f"and only {there:,} are there. {_STATE_A_PART}"
        )
    if count > FRAMES:
        raise InputError(
            f"{pattern.name} has more frames ({count:,}) than a clip may have ({FRAMES:,}). {_STATE_A_PART}"
        )


def _sequence_in(folder: Path) -> tuple[Pattern, list[int], None]:
    """The only sequence in a folder, and its numbers."""
    found = patterns_in(folder, CODECS)
    if not found:
        raise InputError(
            f"{folder} holds no numbered pictures. Name a folder with {READABLE_KINDS} files like shot.1001.png."
        )
    if len(found) > 1:
        raise InputError(
            f"{folder} holds {len(found)} sequences: {listed(sorted(pattern.name for pattern in found), NAMES_SHOWN)}. "
            "Give the pattern of one."
        )
    ((pattern, numbers),) = found.items()
    return pattern, numbers, None


def _sequence_named(path: Path) -> tuple[Pattern, list[int], range | None]:
    """What a pattern means: itself, the numbers that there are, and those that it states."""
    parsed = parse_pattern(path)
    if parsed is None:
        raise InputError(f"{path} is neither a folder nor a pattern. Write a pattern like shot.####.png.")
    pattern, stated = parsed
    if pattern.suffix not in CODECS:
        raise InputError(
            f"{path}: {pattern.suffix or 'this'} is no kind of picture that is read. Use {READABLE_KINDS} files."
        )
    numbers = numbers_of(pattern, stated)
    if not numbers:
        raise InputError(f"{path}: no file is named like {pattern.file(1).name}.{_near(pattern)}")
    if stated and not numbers[0] <= stated.start < stated.stop <= numbers[-1] + 1:
        raise InputError(
            f"{path}: there are only the frames {numbers[0]}-{numbers[-1]} of {pattern.name}. Choose within that."
        )
    return pattern, numbers, stated


def _near(pattern: Pattern) -> str:
    """A sentence about what else the folder has."""
    names = sorted(other.name for other in patterns_in(pattern.folder, CODECS))
    near = get_close_matches(pattern.name, names, n=1)
    if near:
        return f" Did you mean {near[0]}?"
    return f" The folder has {listed(names, NAMES_SHOWN)}." if names else " The folder holds no numbered pictures."
