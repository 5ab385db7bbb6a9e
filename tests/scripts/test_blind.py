"""Blind pairs hide who made what, until the key is opened; then every choice counts for who made it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmark.__main__ import main
from scripts.benchmark.blind import interval
from stylevideo.media.images.pictures import read_picture, write_png

HEIGHT, WIDTH = 18, 32
CLIPS, STYLES, FRAMES = ("flower", "stream"), ("woodblock", "scream"), 12
FIRST, SECOND = (200, 60, 60), (60, 60, 200)
"""Colours of all that either made."""


def films(folder: Path, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[list[str], list[str]]:
    """The folders of two methods, as the benchmark lays them out: STYLE/frames/CLIP/METHOD."""
    made: dict[str, list[str]] = {"match": [], "gram": []}
    for place in (folder / style / "frames" / clip for style in STYLES for clip in CLIPS):
        for method, colour in (("match", FIRST), ("gram", SECOND)):
            (place / method).mkdir(parents=True)
            (place / method / "made.json").write_text("{}")
            made[method].append(str(place / method))
            for index in range(FRAMES):
                picture = np.full((*size, 3), colour, np.uint8)
                picture[:, :, 1] = 10 * index
                write_png(place / method / f"{index:06d}.png", picture)
    return made["match"], made["gram"]


def make(folder: Path, *more: str, prefix: str = "") -> Path:
    first, second = films(folder / f"films{prefix}")
    output = folder / f"blind{prefix}"
    main(["blind", "--first", *first, "--second", *second, "--output", str(output), *more])
    return output


def redder_side(picture: np.ndarray, row: int) -> str:
    """Where a pair shows the first's red."""
    one, other = np.array_split(picture.astype(int), 2, axis=0 if row > 1 else 1)
    return "left" if (one[..., 0] - one[..., 2]).sum() > (other[..., 0] - other[..., 2]).sum() else "right"


@pytest.mark.parametrize(("row", "count"), [(1, 40), (4, 12)])
def test_who_sees_the_first_on_each_side_prefers_it_always(
    row: int, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = make(tmp_path, f"--row={row}", f"--pairs={count}")
    files = sorted(output.glob("pair-*.png"))
    assert len(files) == count
    sides = [redder_side(read_picture(file), row) for file in files]
    assert sides.count("left") == count // 2
    choices = tmp_path / "choices.txt"
    choices.write_text("\n".join(f"{file.stem[-3:]} {side}" for file, side in zip(files, sides, strict=True)))
    main(["blind", "--score", str(choices), "--output", str(output)])
    lines = capsys.readouterr().out.splitlines()
    (whole,) = [line for line in lines if line.startswith("| all |")]
    assert whole.startswith(f"| all | {count} | {count} | 0 | 0 | 100 |")
    for name in (*CLIPS, *STYLES):
        assert f"| {name} | {count // 2} | {count // 2} | 0 | 0 | 100 |" in "\n".join(lines)
    for style in STYLES:
        assert f"| {style}/flower | {count // 4} |" in "\n".join(lines)


def test_the_page_names_nobody_and_needs_nothing_else(tmp_path: Path) -> None:
    output = make(tmp_path, "--pairs=40")
    page = (output / "pairs.html").read_text()
    assert page.count('<img src="data:image/jpeg;base64,') == 40
    assert not any(word in page for word in ("match", "gram", "films", "http", *CLIPS, *STYLES))
    shown = read_picture(output / "pair-001.png")
    assert shown.shape[1] >= 2 * 2 * WIDTH, "enlarged"


def test_order_and_sides_are_those_of_the_seed(tmp_path: Path) -> None:
    keys = [
        json.loads((make(tmp_path, "--pairs=16", f"--seed={seed}", prefix=str(index)) / "key.json").read_text())
        for index, seed in enumerate((1, 1, 2))
    ]
    told = [[(pair["first is"], pair["label"], pair["first"][0][-10:]) for pair in k["pairs"].values()] for k in keys]
    assert told[0] == told[1] != told[2]
    assert all(sorted(label for _, label, _ in each) == sorted(4 * [*{x[1] for x in each}]) for each in told)


def test_several_judges_and_equal_choices_are_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = make(tmp_path, "--pairs=8")
    key = json.loads((output / "key.json").read_text())["pairs"]
    other = {"left": "right", "right": "left"}
    (tmp_path / "a.txt").write_text("".join(f"{number} {pair['first is']}\n\n" for number, pair in key.items()))
    (tmp_path / "b.txt").write_text(f"1 EQUAL\n002 {other[key['002']['first is']]}\n")
    main(["blind", "--score", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "--output", str(output)])
    printed = capsys.readouterr().out
    assert "| all | 10 | 8 | 1 | 1 | 85 |" in printed
    assert "8 of 8 pairs were judged" in printed


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    output = make(tmp_path, "--pairs=2")
    before = (output / "key.json").read_bytes()
    (first, *_), (second, *_) = films(tmp_path / "others")
    with pytest.raises(SystemExit, match="holds a key already"):
        main(["blind", "--first", first, "--second", second, "--pairs=2", "--seed=5", "--output", str(output)])
    assert (output / "key.json").read_bytes() == before


def test_films_of_different_sizes_are_shown_at_the_smaller(tmp_path: Path) -> None:
    (_, small), (large, _) = films(tmp_path / "s"), films(tmp_path / "l", (3 * HEIGHT, 3 * WIDTH))
    output = tmp_path / "blind"
    arguments = ["--pairs=2", "--enlarged=1", "--output", str(output)]
    main(["blind", "--first", large[0], "--second", small[0], *arguments])
    height, _, _ = read_picture(output / "pair-001.png").shape
    assert HEIGHT < height < 2 * HEIGHT + 10


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("001 up", "line 1: '001 up' is no choice between the 8 pairs"),
        ("001 left\n009 left", "line 2: '009 left' is no choice"),
        ("001 left right", "is no choice"),
        ("001", "is no choice"),
        ("001 left\n1 right", "line 2: pair 001 was chosen from before"),
        ("\n", "has no choices"),
    ],
)
def test_choices_that_are_none_are_refused(written: str, says: str, tmp_path: Path) -> None:
    output = make(tmp_path, "--pairs=8")
    (tmp_path / "choices.txt").write_text(written)
    with pytest.raises(SystemExit, match=says):
        main(["blind", "--score", str(tmp_path / "choices.txt"), "--output", str(output)])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--score", "missing.txt"], "key.json cannot be read"),
        (["--first", "A", "B", "--second", "A"], "--first names 2 folders and --second 1"),
        (["--first", "A"], "--first names 1 folders and --second 0"),
        ([], "--first names 0 folders"),
        (["--first", "A", "--second", "empty"], "hold no pictures of the same names"),
        (["--first", "A", "--second", "B", "--pairs", "13"], "There are 12 pairs, and --pairs asks for 13"),
        (["--first", "A", "--second", "B", "--row", "5", "--pairs", "3"], "There are 2 pairs, and --pairs asks for 3"),
    ],
)
def test_what_makes_no_pairs_is_refused_and_nothing_written(words: list[str], says: str, tmp_path: Path) -> None:
    (first, *_), (second, *_) = films(tmp_path / "films")
    places = {"A": first, "B": second, "empty": str(tmp_path / "empty")}
    output = tmp_path / "blind"
    with pytest.raises(SystemExit, match=says):
        main(["blind", *(places.get(word, word) for word in words), "--output", str(output)])
    assert not output.exists()


@pytest.mark.parametrize(
    ("chosen", "count", "low", "high"), [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (28, 40, 0.546, 0.819)]
)
def test_intervals_are_those_of_the_tables(chosen: int, count: int, low: float, high: float) -> None:
    assert interval(chosen / count, count) == pytest.approx((low, high), abs=1e-3)


@given(st.integers(1, 200).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_an_interval_holds_the_share_and_mirrors(pair: tuple[int, int]) -> None:
    share, count = pair[0] / pair[1], pair[1]
    low, high = interval(share, count)
    assert 0 <= low <= share + 1e-9 and share - 1e-9 <= high <= 1
    assert interval(1 - share, count) == pytest.approx((1 - high, 1 - low))
    wider = interval(share, count)[1] - low
    narrower = interval(share, 4 * count)
    assert narrower[1] - narrower[0] < wider
