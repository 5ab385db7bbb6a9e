"""Two methods' pictures in pairs without names, for eyes to choose from, and what the choices say once they are made.

`make_pairs` writes `pair-001.png` and so on, a page `pairs.html` with all of them, and `key.json`, which stays closed
until the choices are written down: a line for each pair, such as `001 left`, `002 right` or `003 equal`.

E. B. Wilson: Probable inference, the law of succession, and statistical inference (1927), for the interval.
"""

from __future__ import annotations

import base64
import html
import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from scripts.benchmark.pictures import grid
from scripts.benchmark.report import table
from stylevideo.errors import InputError
from stylevideo.media.images.pictures import fit_picture, read_picture, write_png
from stylevideo.system.files import write_atomically

SUFFIXES = (".png", ".jpg", ".jpeg")
SIDES = ("left", "right")
EQUAL = "equal"
KEY, PAGE = "key.json", "pairs.html"
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
"""Colour at full size: specks of it are among what is judged."""
NORMAL_95 = 1.959964
"""Standard deviations of a normal distribution, either side, that hold 95 %."""
STYLE = """body{background:#181818;color:#d2d2d2;font:16px sans-serif;margin:2em}img{max-width:100%}
figure{margin:0 0 2.5em}label{margin-right:1.5em}textarea{width:14em;height:20em}"""
SCRIPT = """const told = document.getElementById("choices");
document.addEventListener("change", () => {
  told.value = [...document.querySelectorAll("input:checked")].map(i => i.name + " " + i.value + "\\n").join("");
});"""


@dataclass(frozen=True)
class Question:
    """What is compared: the same frames by the first and by the second, in the same clip and style.

    Attributes:
        label: clip and style, as far as the folders' names tell them.
        first, second: files, in the order of the frames.
    """

    label: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class Votes:
    """How often either was chosen."""

    first: int
    second: int
    equal: int

    @property
    def pairs(self) -> int:
        return self.first + self.second + self.equal

    @property
    def share(self) -> float:
        """Of the first, 0..1: what is equal counts half for either."""
        return (self.first + self.equal / 2) / self.pairs


def make_pairs(
    first: Sequence[Path], second: Sequence[Path], output: Path, count: int, row: int, enlarged: int, seed: int
) -> None:
    """Write the pairs, their page and their key.

    Args:
        first, second: folders of pictures with the same names, as many of one as of the other; each is compared with
            its counterpart, so that several clips and styles make one page.
        output: the folder of it all.
        count: how many pairs, spread over clips and styles.
        row: frames of each film in a pair: 1 for stills, more for short films in a row.
        enlarged: so many times.
        seed: of the order and of the sides; either is left equally often.
    Raises:
        InputError: the folders do not fit together or hold too few pictures, or there is a key already.
    """
    if (output / KEY).exists():
        raise InputError(f"{output} holds a key already, by which choices may wait. Name another folder with --output.")
    chance = random.Random(seed)
    asked = _chosen(list(_questions(first, second, row)), count, chance)
    first_is = [SIDES[index % 2] for index in range(count)]
    chance.shuffle(first_is)
    output.mkdir(parents=True, exist_ok=True)
    numbers = [f"{index + 1:03d}" for index in range(count)]
    figures = []
    for number, question, side in zip(numbers, asked, first_is, strict=True):
        picture = _pair(number, question, side, enlarged)
        write_png(output / f"pair-{number}.png", picture)
        figures.append(_figure(number, picture))
    key = {
        "first": [str(folder) for folder in first],
        "second": [str(folder) for folder in second],
        "pairs": {
            number: {"first is": side, **asdict(question)}
            for number, question, side in zip(numbers, asked, first_is, strict=True)
        },
    }
    write_atomically(output / KEY, json.dumps(key, indent=1).encode())
    write_atomically(output / PAGE, _page(figures).encode())


def score(key: Path, choices: Sequence[Path]) -> str:
    """Open the key and say how often the first was preferred, in all and by clip and style: Markdown.

    Args:
        key: as `make_pairs` wrote it.
        choices: a file of each who judged, of all pairs or of some.
    Raises:
        InputError: a file cannot be read, or a line is no choice.
    """
    try:
        known = json.loads(_text(key))
        pairs: dict[str, dict[str, str]] = known["pairs"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{key} is no key of pairs. Name the folder that holds it with --output.") from None
    given = [choice for path in choices for choice in _read_choices(path, pairs)]
    by_label: dict[str, Counter[str]] = {}
    for number, choice in given:
        pair = pairs[number]
        chosen = EQUAL if choice == EQUAL else "first" if choice == pair["first is"] else "second"
        for label in ("all", *_groups(pair["label"])):
            by_label.setdefault(label, Counter())[chosen] += 1
    votes = {label: Votes(count["first"], count["second"], count[EQUAL]) for label, count in by_label.items()}
    headings = ["", "choices", "first", "second", "equal", "first preferred, %", "95 % interval"]
    rows = [[label, *_cells(found)] for label, found in sorted(votes.items(), key=lambda pair: pair[0] != "all")]
    judged = len({number for number, _ in given})
    names = "\n".join(f"{which}: {', '.join(known[which])}" for which in ("first", "second"))
    return f"{names}\n{judged} of {len(pairs)} pairs were judged; what is equal counts half.\n\n{table(headings, rows)}"


def interval(share: float, count: int) -> tuple[float, float]:
    """Where a share lies by chance, 95 of 100 times, that was found to be `share` of `count` (Wilson's score): 0..1."""
    square = NORMAL_95**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL_95 / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _questions(first: Sequence[Path], second: Sequence[Path], row: int) -> Iterator[Question]:
    """All that could be asked, in order."""
    if len(first) != len(second) or not first:
        raise InputError(
            f"--first names {len(first)} folders and --second {len(second)}. Name a counterpart for each folder."
        )
    folders = list(zip(first, second, strict=True))
    for (one, other), label in zip(folders, _labels(folders), strict=True):
        for inner, names in _common(one, other).items():
            told = "/".join(part for part in (label, inner) if part)
            for start in range(0, len(names) - row + 1, row):
                part = names[start : start + row]
                yield Question(told, *(tuple(str(folder / name) for name in part) for folder in (one, other)))


def _labels(folders: Sequence[tuple[Path, Path]]) -> list[str]:
    """What a folder's path shares with its counterpart's, but not with all others': its clip and style."""
    parts = [(one.absolute().parts, other.absolute().parts) for one, other in folders]
    shared = [[part for part in one if part in other] for one, other in parts]
    everywhere = set.intersection(*map(set, shared))
    return ["/".join(part for part in names if part not in everywhere) for names in shared]


def _common(one: Path, other: Path) -> dict[str, list[str]]:
    """Names of pictures that both folders hold, by the folder inside them."""
    names = sorted(_pictures(one) & _pictures(other))
    if not names:
        raise InputError(f"{one} and {other} hold no pictures of the same names. Name folders of two films of a clip.")
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault("/".join(Path(name).parts[:-1]), []).append(name)
    return found


def _pictures(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES}


def _chosen(questions: Sequence[Question], count: int, chance: random.Random) -> list[Question]:
    """So many by chance and in any order, as evenly over the labels as they allow."""
    if len(questions) < count:
        raise InputError(
            f"There are {len(questions)} pairs, and --pairs asks for {count}. Name more folders, or ask for fewer."
        )
    by_label: dict[str, list[Question]] = {}
    for question in chance.sample(questions, len(questions)):
        by_label.setdefault(question.label, []).append(question)
    turns = [(turn, question) for found in by_label.values() for turn, question in enumerate(found)]
    chosen = [question for _, question in sorted(turns, key=lambda pair: pair[0])[:count]]
    return chance.sample(chosen, count)


def _pair(number: str, question: Question, first_is: str, enlarged: int) -> np.ndarray:
    """The left and the right beside each other, or two rows of frames below each other: (H, W, 3)."""
    films = [[read_picture(Path(file)) for file in files] for files in (question.first, question.second)]
    height, width = min(film[0].shape[:2] for film in films)
    if any(abs(p.shape[1] * height - width * p.shape[0]) > p.shape[0] + p.shape[1] for film in films for p in film):
        raise InputError(f"{question.first[0]} and {question.second[0]} differ in their proportions.")
    shown = [[_enlarged(fit_picture(p, (height, width)), enlarged) for p in film] for film in films]
    left_and_right = shown if first_is == SIDES[0] else shown[::-1]
    if len(question.first) == 1:
        return grid([[picture for (picture,) in left_and_right]], SIDES, [number])
    return grid(left_and_right, [str(i + 1) for i in range(len(question.first))], [f"{number} {s}" for s in SIDES])


def _enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    return cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)


def _figure(number: str, picture: np.ndarray) -> str:
    done, data = cv2.imencode(".jpg", picture[..., ::-1], JPEG)
    assert done
    buttons = "".join(
        f'<label><input type="radio" name="{number}" value="{choice}"> {choice}</label>'
        for choice in (SIDES[0], EQUAL, SIDES[1])
    )
    source = base64.b64encode(data.tobytes()).decode()
    return f'<figure><img src="data:image/jpeg;base64,{source}" alt="{number}"><p>{number}: {buttons}</p></figure>'


def _page(figures: Iterable[str]) -> str:
    body = "\n".join(figures)
    asked = "Which is better painted, the left or the right? Choose for each pair, then copy the lines into a file."
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pairs</title><style>{STYLE}</style></head>'
        f'<body><p>{html.escape(asked)}</p>\n{body}\n<textarea id="choices" readonly></textarea>'
        f"<script>{SCRIPT}</script></body></html>"
    )


def _read_choices(path: Path, pairs: Mapping[str, object]) -> list[tuple[str, str]]:
    """Numbers as the key has them, each with left, right or equal; empty lines do not count."""
    found: dict[str, str] = {}
    for line_number, line in enumerate(_text(path).splitlines(), 1):
        words = line.lower().split()
        if not words:
            continue
        number = words[0].zfill(3)
        if len(words) != 2 or number not in pairs or words[1] not in (*SIDES, EQUAL):
            raise InputError(
                f"{path}, line {line_number}: {line!r} is no choice between the {len(pairs)} pairs. "
                "Write a pair's number and left, right or equal, such as: 001 left"
            )
        if number in found:
            raise InputError(f"{path}, line {line_number}: pair {number} was chosen from before. Leave one line of it.")
        found[number] = words[1]
    if not found:
        raise InputError(f"{path} has no choices. Write a line for each pair, such as: 001 left")
    return list(found.items())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}. Name a text file.") from None


def _groups(label: str) -> list[str]:
    """A label, and each of its parts where there are several: the clip and the style."""
    return list(dict.fromkeys([label, *label.split("/")])) if label else []


def _cells(votes: Votes) -> list[str]:
    low, high = interval(votes.share, votes.pairs)
    counts = (votes.pairs, votes.first, votes.second, votes.equal)
    return [*map(str, counts), f"{100 * votes.share:.0f}", f"{100 * low:.0f} to {100 * high:.0f}"]
