"""`preview` shows looks beside each other in time, and each cell's command makes its film."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT, STYLE
from media_fixtures import make_video, numbered_frame, shared

from stylevideo.cli.main import main
from stylevideo.engine.pace import cold_frame
from stylevideo.media.decode.probe import probe
from stylevideo.planning.preview import find_columns, find_rows, plan_cells
from stylevideo.planning.request import Overrides
from stylevideo.render.preview.paint import Chosen, Progress, paint_preview
from stylevideo.render.preview.scale import scaled, scales_for
from stylevideo.render.preview.stills import chosen_stills
from stylevideo.settings.settings import Settings
from stylevideo.system.environment import command_line
from stylevideo.timeline.clip import Shot

FEW = ["--first-iterations=2", "--coarse-iterations=1", "--iterations=1", "--budget=1h"]
ODD = "it's a & <b>tést"
"""A folder's name that shells and pages must not take for anything else."""
IN_PAGE = """
import json, os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--no-sandbox --disable-gpu"
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtWebEngineCore import QWebEngineSettings
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication
application, view = QApplication([]), QWebEngineView()
LOOK = '''
const cell = document.querySelectorAll("button.cell")[1];
cell.click();
JSON.stringify([[...document.images].map((image) => image.complete && image.naturalWidth), cell.dataset.command]);
'''
def told(text):
    view.page().runJavaScript(
        'document.getElementById("command").textContent',
        lambda said: (print(json.dumps([*json.loads(text), said, application.clipboard().text()])), application.quit()),
    )
def loaded(is_good):
    view.page().runJavaScript(LOOK, lambda text: QTimer.singleShot(1500, lambda: told(text)))
view.loadFinished.connect(loaded)
view.settings().setAttribute(QWebEngineSettings.WebAttribute.JavascriptCanAccessClipboard, True)
view.resize(1000, 800)
view.show()
view.load(QUrl.fromLocalFile(sys.argv[1]))
QTimer.singleShot(60000, application.quit)
application.exec()
"""
"""Opens a page, clicks on its second cell, and says what its pictures are, the cell's command, and what was copied."""


class Page(HTMLParser):
    """The commands and the pictures of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.commands: list[str] = []
        self.pictures: list[np.ndarray] = []
        self.addresses: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "button":
            self.commands.append(given["data-command"])
        self.addresses += [given[name] for name in ("src", "href") if name in given]
        if tag == "img":
            data = base64.b64decode(given["src"].removeprefix("data:image/jpeg;base64,"), validate=True)
            self.pictures.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip and two styles, in a folder of an odd name."""
    place = tmp_path_factory.mktemp("preview") / ODD
    (place / "styles").mkdir(parents=True)
    make_video(place / "clip.mp4", [numbered_frame(number + 85)[:64, :80] for number in range(4)])
    for name in ("one.jpg", "two.jpg"):
        shutil.copy(STYLE, place / "styles" / name)
    return place


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    """A preview of both styles by two strengths on two frames."""
    words = ["--style", str(folder / "styles"), "--vary", "strength=0.2,0.9", "--stills=2", *FEW]
    assert main(["preview", str(folder / "clip.mp4"), *words, "-q"]) == 0
    return folder / "clip_preview.html"


def test_the_sheet_lies_beside_the_clip_and_the_page_needs_nothing_else(page: Path) -> None:
    sheet, read = cv2.imread(str(page.with_suffix(".png"))), Page(page)
    assert sheet.shape[0] > 500 and sheet.shape[1] > 600
    assert len(read.commands) == 4
    assert len(read.pictures) == 2 + 2 * 2 + 4 * 2  # styles, sources, cells
    assert all(picture is not None and min(picture.shape[:2]) >= 64 for picture in read.pictures)
    assert all(address.startswith("data:") for address in read.addresses)
    assert "http" not in read.text.replace("http-equiv", "")
    assert "cell.dataset.command" in read.text and 'document.execCommand("copy")' in read.text
    assert read.text.count("frame 4") and read.text.count("s a frame") == 4


def test_cells_differ_by_what_is_varied(page: Path) -> None:
    cells = Page(page).pictures[3:7]  # of the first row, behind its style and its sources
    assert np.abs(cells[0].astype(int) - cells[2].astype(int)).mean() > 1


def test_the_command_of_a_cell_makes_its_film(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = Page(page).commands
    assert len(set(commands)) == 4
    if sys.platform == "win32":
        pytest.skip("shlex reads no command line of Windows")
    program, *words = shlex.split(commands[1])
    assert program == "stylevideo"
    assert main([*words, "-q"]) == 0
    film = page.parent / "clip_one_strength-0.9.mp4"
    assert probe(film).frame_count == 4
    assert not list(tmp_path.iterdir())


def test_the_page_works_in_a_browser(page: Path) -> None:
    browser = subprocess.run([sys.executable, "-c", "import PySide6.QtWebEngineWidgets"], capture_output=True)
    if browser.returncode:
        pytest.skip("there is no browser: pip install 'PySide6==6.9.3' brings one")
    seen = subprocess.run([sys.executable, "-c", IN_PAGE, page], capture_output=True, text=True, timeout=120)
    assert seen.stdout, seen.stderr
    widths, command, said, copied = json.loads(seen.stdout)
    assert len(widths) == 14 and min(widths) > 0
    assert command == Page(page).commands[1] == copied
    assert command in said


def test_what_is_there_stays_unless_it_may_go(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = page.read_bytes()
    clip, words = str(page.parent / "clip.mp4"), ["--style", str(STYLE), "--stills=1", *FEW, "-q"]
    assert main(["preview", clip, *words]) == 2
    assert "clip_preview.png is already there, with 1 more" in capsys.readouterr().err
    assert main(["preview", clip, *words, "-o", clip]) == 2
    assert "as .png and .html" in capsys.readouterr().err
    style = page.parent / "styles" / "one.png"
    cv2.imwrite(str(style), cv2.imread(str(STYLE)))
    assert main(["preview", clip, "--style", str(style), *FEW, "-q", "-y", "-o", str(style)]) == 2
    assert "is a style" in capsys.readouterr().err
    style.unlink()
    assert page.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "value"), [("strength", "2"), ("strength", "strong"), ("color", "sauce"), ("match_share", "-1")]
)
def test_a_value_is_refused_as_run_refuses_it(name: str, value: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    clip, style = str(folder / "clip.mp4"), str(STYLE)
    flag = f"--{name.replace('_', '-')}"
    said = []
    for words in (["run", clip, f"{flag}={value}", "-o", "film.mp4"], ["preview", clip, "--vary", f"{name}={value}"]):
        try:
            assert main([*words, "--style", style]) == 2
        except SystemExit as end:
            assert end.code == 2
        said.append(re.sub("stylevideo (run|preview)", "stylevideo", capsys.readouterr().err))
    assert said[0] == said[1] and flag in said[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--vary", "strenght=1"], "Did you mean strength?"),
        (["--vary", "strength"], "there are no values"),
        (["--vary", "crf=20"], "it changes no picture"),
        (["--vary", "frames=1,2"], "it chooses frames"),
        (["--vary", "key=1"], "vary the setting itself"),
        (["--vary", "carry=yes"], "--carry takes true or false"),
        (["--vary", "seed=1", "--vary", "seed=2"], "is given twice"),
        (["--vary", "seed=1", "--vary", "tile=1", "--vary", "strength=1"], "a sheet shows 2"),
        (["--stills", "0"], "Choose at least 1"),
        (["--look", "strom"], "Did you mean storm?"),
        (["--style", "nowhere.jpg"], "nowhere.jpg"),
        (["--style", "."], "holds no picture"),
    ],
)
def test_what_cannot_be_shown_is_said(
    words: list[str], says: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    style = [] if "--style" in words else ["--style", str(STYLE)]
    assert main(["preview", str(folder / "clip.mp4"), *style, *words, "-o", "a.png"]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_several_clips_are_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folder / "clip.mp4", tmp_path / "a.mp4")
    shutil.copy(folder / "clip.mp4", tmp_path / "b.mp4")
    assert main(["preview", str(tmp_path), "--style", str(STYLE)]) == 2
    assert "means 2 clips, and a preview is of one" in capsys.readouterr().err


def test_a_stopped_preview_keeps_what_is_painted(folder: Path) -> None:
    rows, columns = find_rows([str(folder / "styles")], []), find_columns([])
    values = {"first_iterations": 2, "coarse_iterations": 1, "iterations": 1}
    cells = plan_cells(str(folder / "clip.mp4"), rows, columns, Overrides(values), "none", folder)
    told: list[Chosen | Progress] = []
    requests = [cell.request for cell in cells]
    preview = paint_preview(requests, 3, 3600, told.append, lambda: Progress(2) in told)
    assert not preview.is_whole
    assert [len(look.pictures) for look in preview.looks] == [1, 1]
    assert preview.numbers == (1, 3, 4) and len(preview.sources) == 3
    assert preview.notes[-1] == "2 of 6 pictures were painted, then it was stopped."


def test_stills_are_the_middle_frames_of_the_longest_shots() -> None:
    shots = tuple(Shot(place, *ends) for place, ends in enumerate([(0, 30), (30, 35), (35, 95), (95, 120), (120, 140)]))
    wanted = chosen_stills(shots, 3)
    assert [index for _, index in wanted] == [64, 14, 107, 129, 32]
    assert all(shot.start <= index < shot.stop for shot, index in wanted)
    assert [index for _, index in chosen_stills(shots[:2], 3)][:3] == [5, 17, 29]
    assert [index for _, index in chosen_stills((Shot(0, 4, 6),), 3)] == [4, 5]


def test_black_and_faded_frames_are_not_shown_where_there_are_others() -> None:
    clip = shared("../cases/fade_letterbox/q_fade_letterbox.mp4")
    given = Overrides({"size": 64, "first_iterations": 1, "coarse_iterations": 1})
    cells = plan_cells(str(clip), find_rows([str(STYLE)], []), find_columns([]), given, "none", Path())
    preview = paint_preview([cell.request for cell in cells], 2, 3600)
    assert preview.numbers == (12, 16)


def test_scales_go_from_what_is_asked_for_to_little_work() -> None:
    settings = Settings()
    for size in ((1080, 1920), (48, 64), (2000, 100), (100, 4000)):
        scales = scales_for(size)
        work = []
        for scale in scales:
            own = scaled(settings, size, max(size), scale)
            edge = own.scales.size or max(size)
            work.append(cold_frame(own, (max(1, size[0] * edge // max(size)), size[1] * edge // max(size))))
        pixels = [each.evaluated_pixels for each in work]
        assert (scales[0].long_edge, scales[0].iterations) == (max(size), 1.0)
        assert pixels == sorted(pixels, reverse=True)
    largest = scales_for((1080, 1920))
    assert scaled(settings.with_values(size=960), (540, 960), 1920, largest[-1]).scales.size == 64


def test_words_are_quoted_for_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["run", "it's a.mp4", 'say "a"', "a&b", "C:\\films\\", "two words\\"]
    assert shlex.split(command_line(words)) == words
    monkeypatch.setattr("stylevideo.system.environment.os.name", "nt")
    quoted = """run "it's a.mp4" "say \\"a\\"" "a&b" C:\\films\\ "two words\\\\\""""
    assert command_line(words) == quoted


def test_the_sample_looks_and_styles_can_be_rows() -> None:
    rows = find_rows([str(ROOT / "samples" / "styles")], ["oil", "storm"])
    assert [row.label for row in rows][-2:] == ["oil", "storm"]
    assert len(rows) == len(list((ROOT / "samples" / "styles").glob("*.jpg"))) + 2
