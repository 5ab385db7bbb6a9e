"""A contact sheet shows what it was given, where it belongs, and is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stylevideo.errors import InputError, ShapeError, StorageError
from stylevideo.reports.sheet import BACKGROUND, COLUMNS, WIDEST_SHEET, write_sheet

RED, BLUE = (220, 30, 20), (10, 40, 230)


def plain(color: tuple[int, int, int], width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def read_rgb(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def test_source_stands_above_result(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png", [(plain(RED, 80, 60), plain(BLUE, 40, 30))] * 3, ["1", "2", "3"])
    sheet = read_rgb(tmp_path / "sheet.png")
    for color, count in ((RED, 3), (BLUE, 3)):
        assert np.all(sheet == color, axis=-1).sum() == count * 40 * 30
    red_rows = np.flatnonzero(np.all(sheet == RED, axis=-1).any(axis=1))
    blue_rows = np.flatnonzero(np.all(sheet == BLUE, axis=-1).any(axis=1))
    assert red_rows.max() < blue_rows.min()
    assert (sheet[-1] == BACKGROUND).all() and (sheet[:, 0] == BACKGROUND).all()


def test_each_column_has_its_label(tmp_path: Path) -> None:
    pair = (plain(RED, 80, 60), plain(BLUE, 80, 60))
    write_sheet(tmp_path / "a.png", [pair, pair], ["1", "2"])
    write_sheet(tmp_path / "b.png", [pair, pair], ["1", "48"])
    first, second = read_rgb(tmp_path / "a.png"), read_rgb(tmp_path / "b.png")
    changed = np.argwhere((first != second).any(axis=-1))
    assert len(changed) and changed[:, 0].max() < 40 and changed[:, 1].min() > 80


def test_many_frames_wrap_into_rows_and_stay_narrow(tmp_path: Path) -> None:
    count = COLUMNS + 2
    pairs = [(plain(RED, 960, 540), plain(BLUE, 960, 540))] * count
    write_sheet(tmp_path / "sheet.png", pairs, [str(i) for i in range(count)])
    sheet = read_rgb(tmp_path / "sheet.png")
    assert sheet.shape[1] <= WIDEST_SHEET
    blue_in_column = np.all(sheet == BLUE, axis=-1)
    starts_down = np.diff(blue_in_column[:, 60].astype(int)).clip(0).sum()
    starts_across = np.diff(blue_in_column[blue_in_column.any(axis=1).argmax()].astype(int)).clip(0).sum()
    assert (starts_down, starts_across) == (2, COLUMNS)


def test_results_of_any_size_fit(tmp_path: Path) -> None:
    for width, height in ((1, 1), (33, 7), (3000, 20)):
        write_sheet(tmp_path / "sheet.png", [(plain(RED, 50, 50), plain(BLUE, width, height))], ["7"])
        assert read_rgb(tmp_path / "sheet.png").shape[1] <= WIDEST_SHEET


def test_refusals_leave_nothing_behind(tmp_path: Path) -> None:
    pair = (plain(RED, 8, 8), plain(BLUE, 8, 8))
    with pytest.raises(InputError, match=r"sheet\.jpg: a contact sheet is a PNG"):
        write_sheet(tmp_path / "sheet.jpg", [pair], ["1"])
    with pytest.raises(StorageError, match="cannot be written"):
        write_sheet(tmp_path / "nowhere" / "sheet.png", [pair], ["1"])
    for pairs, labels in (([], []), ([pair], []), ([pair], ["1", "2"])):
        with pytest.raises(ShapeError):
            write_sheet(tmp_path / "sheet.png", pairs, labels)
    assert not list(tmp_path.iterdir())
