"""A wedge sheet: looks in rows, values in columns, as one picture and as one page that needs nothing else.

Draws what it is given; knows neither clips nor settings.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stylevideo.media.images.pictures import write_png
from stylevideo.system.files import write_atomically
from stylevideo.text import printable

LEAST_WIDTH_PX, MOST_WIDTH_PX = 280, 480
"""Of a picture on the sheet."""
WIDEST_SHEET_PX = 4000
MARGIN_PX, GAP_PX, ROW_GAP_PX = 28, 6, 26
STYLE_PX, NO_STYLE_PX = 84, 30
"""Height of a row's style pictures, and of its name where there are none."""
TITLE_PT, LABEL_PT, TEXT_PT = 26, 19, 15
LINE_PX = 24
PAPER, INK, FAINT = (24, 24, 26), (236, 236, 232), (158, 158, 154)
JPEG_QUALITY = 94


@dataclass(frozen=True)
class WedgeCell:
    """A look of a row.

    Attributes:
        label: its column.
        pictures: (H, W, 3) uint8, RGB, below one another; None where one was not painted.
        caption: stands below them.
        command: that a click copies; empty for the source.
    """

    label: str
    pictures: tuple[np.ndarray | None, ...]
    caption: str = ""
    command: str = ""


@dataclass(frozen=True)
class WedgeRow:
    """A row.

    Attributes:
        label: its name.
        styles: pictures that stand beside it.
        cells: as many as in every other row.
    """

    label: str
    styles: tuple[np.ndarray, ...]
    cells: tuple[WedgeCell, ...]


@dataclass(frozen=True)
class Wedge:
    """A whole sheet; at least one row, and one cell in it.

    Attributes:
        title: stands above it.
        subtitle: stands below that.
        lines: names of the pictures of a cell, from above; empty where each has one.
        rows: from above.
        notes: stand at the end.
    """

    title: str
    subtitle: str
    lines: tuple[str, ...]
    rows: tuple[WedgeRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width of the largest picture, which all are shown at."""
        sizes = [
            (image.shape[0], image.shape[1])
            for row in self.rows
            for cell in row.cells
            for image in cell.pictures
            if image is not None
        ]
        return max(sizes, key=lambda size: size[0] * size[1])


def write_wedge(wedge: Wedge, sheet: Path, page: Path) -> None:
    """Write a wedge as a PNG and as an HTML page, each whole or not at all.

    Raises:
        StorageError: one cannot be written.
    """
    write_png(sheet, draw_wedge(wedge))
    write_atomically(page, "".join(page_lines(wedge)).encode(errors="backslashreplace"))


def draw_wedge(wedge: Wedge) -> np.ndarray:
    """The sheet as a picture, (H, W, 3) uint8, RGB."""
    return _Drawing(wedge).drawn()


class _Drawing:
    """A sheet that is being drawn."""

    def __init__(self, wedge: Wedge) -> None:
        self._wedge = wedge
        columns, names = len(wedge.rows[0].cells), [*wedge.lines, ""]
        self._gutter = max(round(_font(TEXT_PT).getlength(name)) for name in names)
        self._gutter += 14 if self._gutter else 0
        height, width = wedge.picture_size
        room = (WIDEST_SHEET_PX - 2 * MARGIN_PX - self._gutter) // columns - GAP_PX
        shown = min(room, max(LEAST_WIDTH_PX, min(MOST_WIDTH_PX, width)))
        self._width, self._height = shown, max(1, round(shown * height / width))
        tall = len(wedge.rows[0].cells[0].pictures) * (self._height + GAP_PX)
        rows = [_band(row) + LINE_PX + 12 + tall + LINE_PX + ROW_GAP_PX for row in wedge.rows]
        notes = [part for note in wedge.notes for part in _wrapped(note, self._across(columns) - 2 * MARGIN_PX)]
        self._notes = notes
        top = MARGIN_PX + 2 * LINE_PX + 32
        size = (self._across(columns), top + sum(rows) + LINE_PX * len(notes) + MARGIN_PX)
        self._sheet = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._sheet)
        self._tops = [top, *(top + below for below in accumulate(rows))]

    def drawn(self) -> np.ndarray:
        wedge, right = self._wedge, self._sheet.width - 2 * MARGIN_PX
        self._write(MARGIN_PX, MARGIN_PX, wedge.title, TITLE_PT, INK, right)
        self._write(MARGIN_PX, MARGIN_PX + LINE_PX + 14, wedge.subtitle, TEXT_PT, FAINT, right)
        for row, top in zip(wedge.rows, self._tops, strict=False):
            self._draw_row(row, top)
        for place, line in enumerate(self._notes):
            self._write(MARGIN_PX, self._tops[-1] + place * LINE_PX, line, TEXT_PT, FAINT, right)
        return np.asarray(self._sheet)

    def _across(self, columns: int) -> int:
        """Width of a sheet; never less than its title needs to be read."""
        wanted = 2 * MARGIN_PX + self._gutter + columns * (self._width + GAP_PX) - GAP_PX
        return max(wanted, 2 * MARGIN_PX + round(_font(TEXT_PT).getlength(self._wedge.subtitle)) // 2, 640)

    def _draw_row(self, row: WedgeRow, top: int) -> None:
        left = MARGIN_PX
        for style in row.styles:
            width = max(1, round(style.shape[1] * STYLE_PX / style.shape[0]))
            self._paste(style, left, top, width, STYLE_PX)
            left += width + 14
        self._write(
            left, top + _band(row) // 2 - 14, row.label, LABEL_PT + 3, INK, self._sheet.width - left - MARGIN_PX
        )
        top += _band(row) + 12
        for place, cell in enumerate(row.cells):
            x = MARGIN_PX + self._gutter + place * (self._width + GAP_PX)
            self._write(x, top, cell.label, TEXT_PT + 1, INK, self._width)
            for line, picture in enumerate(cell.pictures):
                y = top + LINE_PX + line * (self._height + GAP_PX)
                if picture is None:
                    self._draw.rectangle((x, y, x + self._width - 1, y + self._height - 1), outline=(70, 70, 70))
                    self._write(x + 10, y + 8, "not painted", TEXT_PT, FAINT, self._width)
                else:
                    self._paste(picture, x, y, self._width, self._height)
            below = top + LINE_PX + len(cell.pictures) * (self._height + GAP_PX)
            self._write(x, below, cell.caption, TEXT_PT, FAINT, self._width)
        for line, name in enumerate(self._wedge.lines):
            y = top + LINE_PX + line * (self._height + GAP_PX)
            self._write(MARGIN_PX, y + self._height // 2 - 9, name, TEXT_PT, FAINT, self._gutter)

    def _paste(self, picture: np.ndarray, left: int, top: int, width: int, height: int) -> None:
        larger = width > picture.shape[1]
        how = cv2.INTER_LANCZOS4 if larger else cv2.INTER_AREA
        self._sheet.paste(Image.fromarray(cv2.resize(picture, (width, height), interpolation=how)), (left, top))

    def _write(self, left: int, top: int, text: str, size: int, color: tuple[int, int, int], room: int) -> None:
        """A line of text, cut off where there is no more room."""
        self._draw.text((left, top), _cut(printable(text), _font(size), room), fill=color, font=_font(size))


def _band(row: WedgeRow) -> int:
    return STYLE_PX if row.styles else NO_STYLE_PX


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu, which comes with matplotlib and knows most letters."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _cut(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"


def _wrapped(text: str, room: float) -> Iterator[str]:
    line = ""
    for word in printable(text).split():
        longer = f"{line} {word}".strip()
        if line and _font(TEXT_PT).getlength(longer) > room:
            yield line
            longer = word
        line = longer
    yield line


_STYLE = """
:root { color-scheme: dark }
body { background: rgb(24 24 26); color: #ecece8; font: 15px/1.45 system-ui, sans-serif; margin: 28px 28px 96px }
h1 { font-size: 24px; font-weight: 600; margin: 0 }
p { color: #9e9e9a; margin: 4px 0 24px }
section { margin: 0 0 34px }
h2 { align-items: center; display: flex; font-size: 20px; font-weight: 500; gap: 14px; margin: 0 0 10px }
h2 img { height: 84px; border-radius: 2px }
.cells { display: flex; gap: 8px; overflow-x: auto; padding: 3px }
.cell { background: none; border: 0; border-radius: 4px; color: inherit; flex: 1 1 0; font: inherit; margin: 0;
  max-width: 640px; min-width: 200px; padding: 0; text-align: left }
.cell figure { margin: 0 0 6px; position: relative }
.cell img { display: block; width: 100% }
.cell figcaption { background: rgb(0 0 0 / 55%); bottom: 0; font-size: 12px; left: 0; padding: 1px 7px;
  position: absolute }
.cell small { color: #9e9e9a; font-size: 13px }
.none { aspect-ratio: 16 / 9; border: 1px solid #464646; color: #9e9e9a; padding: 8px }
button.cell { cursor: pointer }
button.cell:hover, button.cell:focus-visible, button.cell.copied { outline: 3px solid #e8b04a; outline-offset: 1px }
#command { background: #101012; border-top: 1px solid #3a3a3d; bottom: 0; left: 0; padding: 12px 28px; position: fixed;
  right: 0 }
#command code { display: block; font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; user-select: all }
#command span { color: #e8b04a }
"""
_SCRIPT = """
const bar = document.getElementById("command"), said = bar.querySelector("span"), code = bar.querySelector("code");
function byHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
async function copy(text) {
  if (byHand(text)) return true;  // asks for no permission, and works for files too
  try { await navigator.clipboard.writeText(text); return true; } catch { return false; }
}
for (const cell of document.querySelectorAll("button.cell")) {
  cell.addEventListener("click", async () => {
    code.textContent = cell.dataset.command;
    const done = await copy(cell.dataset.command);
    said.textContent = done ? "Copied: " : "Copy this: ";
    document.querySelectorAll(".copied").forEach((other) => other.classList.remove("copied"));
    cell.classList.add("copied");
    cell.focus();
  });
}
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page_lines(wedge: Wedge) -> Iterator[str]:
    """The sheet as a page: pictures stand in it, and a click on a cell copies its command."""
    yield f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(wedge.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_text(wedge.title)}</h1>
<p>{_text(wedge.subtitle)} A click on a picture copies the command that makes its film.</p>
"""
    for row in wedge.rows:
        styles = "".join(f'<img src="{_data_uri(style)}" alt="">' for style in row.styles)
        yield f'<section>\n<h2>{styles}{_text(row.label)}</h2>\n<div class="cells">\n'
        for cell in row.cells:
            yield from _cell_lines(row, cell, wedge.lines)
        yield "</div>\n</section>\n"
    for note in wedge.notes:
        yield f"<p>{_text(note)}</p>\n"
    yield '<div id="command" role="status"><span>Choose a picture.</span><code></code></div>\n'
    yield f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def _cell_lines(row: WedgeRow, cell: WedgeCell, lines: Sequence[str]) -> Iterator[str]:
    if cell.command:
        yield f'<button type="button" class="cell" data-command="{html.escape(cell.command)}">\n'
    else:
        yield '<div class="cell">\n'
    yield f"<div>{_text(cell.label)}&nbsp;</div>\n"
    for place, picture in enumerate(cell.pictures):
        name = lines[place] if lines else ""
        caption = f"<figcaption>{_text(name)}</figcaption>" if name else ""
        about = html.escape(" ".join(filter(None, (row.label, cell.label, name))))
        shown = '<div class="none">not painted</div>'
        if picture is not None:
            shown = f'<img src="{_data_uri(picture)}" alt="{about}">'
        yield f"<figure>{shown}{caption}</figure>\n"
    yield f"<small>{_text(cell.caption)}</small>\n"
    yield "</button>\n" if cell.command else "</div>\n"


def _text(text: str) -> str:
    return html.escape(printable(text))


def _data_uri(picture: np.ndarray) -> str:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
    coded, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert coded, "JPEG takes any picture of 8 bits"
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
