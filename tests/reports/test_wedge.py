"""A wedge sheet shows what it was given; its page needs nothing else, and hides nothing in names."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from stylevideo.reports.wedge import Wedge, WedgeCell, WedgeRow, draw_wedge, page_lines, write_wedge

RED, BLUE, GREEN = (220, 30, 20), (10, 40, 230), (20, 200, 40)
NAME = """it's <b>"bold"</b> & ünïcode"""


def plain(color: tuple[int, int, int], width: int = 320, height: int = 180) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def example(columns: int = 2) -> Wedge:
    source, painted = (plain(BLUE), plain(BLUE)), (plain(RED), None)
    looks = (WedgeCell(f"strength {n}", painted, "1.2 s a frame", f"run '{NAME}' {n}") for n in range(columns))
    row = WedgeRow(NAME, (plain(GREEN, 40, 60),), (WedgeCell("source", source), *looks))
    return Wedge("clip.mp4", "How it was painted.", ("frame 1", "frame 20"), (row, row), ("2 of 4 pictures.",))


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text: str) -> None:
        self.texts.append(text.strip())


def test_every_picture_is_on_the_sheet_in_its_place() -> None:
    sheet = draw_wedge(example())
    shown = {color: np.all(sheet == color, axis=-1) for color in (RED, BLUE, GREEN)}
    assert shown[BLUE].sum() == 4 * 320 * 180
    assert shown[RED].sum() == 4 * 320 * 180
    assert shown[GREEN].any()
    assert np.flatnonzero(shown[BLUE].any(axis=0)).max() < np.flatnonzero(shown[RED].any(axis=0)).min()
    assert np.flatnonzero(shown[GREEN].any(axis=1)).min() < np.flatnonzero(shown[RED].any(axis=1)).min()


def test_many_columns_become_smaller_and_small_pictures_larger() -> None:
    assert draw_wedge(example(columns=40)).shape[1] < 4300
    tiny = Wedge("a", "b", (), (WedgeRow("r", (), (WedgeCell("c", (plain(RED, 64, 36),)),)),))
    assert np.all(draw_wedge(tiny) == RED, axis=-1).any(axis=0).sum() >= 280


def test_the_page_holds_names_and_commands_as_they_are() -> None:
    page = Page("".join(page_lines(example())))
    commands = [attributes["data-command"] for tag, attributes in page.tags if tag == "button"]
    assert commands == [f"run '{NAME}' 0", f"run '{NAME}' 1"] * 2
    assert page.texts.count(NAME) == 2
    assert not [tag for tag, _ in page.tags if tag == "b"]
    links = [value for _, given in page.tags for name, value in given.items() if name in ("src", "href")]
    assert links and all(link and link.startswith("data:image/jpeg;base64,") for link in links)


def test_both_files_are_written(tmp_path: Path) -> None:
    write_wedge(example(), tmp_path / "a.png", tmp_path / "a.html")
    assert cv2.imread(str(tmp_path / "a.png")) is not None
    assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len(list(tmp_path.iterdir())) == 2
