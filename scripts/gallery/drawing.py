"""Pictures of labelled frames, still and moving; and what somebody would have drawn by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scripts import ROOT
from scripts.gallery.chapters import DISSOLVE_FRAMES, HILLSIDE_FRAME, MEDIA, SAMPLES, SOURCE, Cell, Chapter
from scripts.samples.balloon import balloon_mattes, poses_at
from scripts.samples.scenes import SHOT_FRAMES
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.ffmpeg import run_ffmpeg
from stylevideo.media.images.pictures import read_picture, write_png
from stylevideo.timeline.selection import FrameSelection

BACKGROUND, INK = 24, 220
GUTTER_PX, LABEL_PX, FONT_PX = 6, 22, 15
JPEG_QUALITY = 88
LARGEST_MOVING_BYTES = 2_900_000
WEBP_QUALITIES = (70, 60, 50, 40, 30)
SECOND_MS = 1000
WIDTH, HEIGHT = 320, 180
"""Of what is drawn by hand, in pixels."""
FIGURE_EDGE_PX = 0.75
"""How soft the matte's edge is, as a standard deviation."""
SHARPER = 4
"""By so much the outline is drawn larger, and then made smaller."""
RABBIT_OUTLINE = """
    48,21.4 51.8,20.7 57.6,23.4 62.4,26.8 65.3,30.6 75.2,33.5 84.5,36.5 96,36.2 100.2,33.5 99.8,27.2 87.7,27.7
    80.3,25.9 78.1,24.3 81.3,21.8 89.3,21.1 96,22.7 102.1,23.4 103,19.8 103.7,16.4 106.2,15.5 108.8,17.6
    113,18.4 117.1,21.8 121.3,24.8 123.2,26.5 126.1,22.1 125.8,18 128.6,15.1 132.8,13.3 136.3,15.1 139.8,18
    141.4,21.8 137.9,24.3 137.6,30.1 136.6,35.1 137.9,41.9 138.6,47.7 141.4,56.9 144.6,63.5 147.8,73.6
    150.4,83.7 152.3,93.8 152.6,103.9 151.4,115.6 147.2,128.9 143,135.5 137.9,141.5 132.8,144.9 134.4,151.6
    128.6,154.8 124.5,154.1 119.7,150.3 115.2,144 112,139.9 107.8,142.4 102.1,147.2 92.8,142.4 86.1,138.1
    83.5,132.3 82.6,120.6 80.3,107.1 80.6,95.4 85.1,85.3 87,75.4 86.1,65.3 82.6,58.7 73.6,52.7 64.3,46.1
    57.6,41.9 51.8,38.5 45.1,36 44.5,30.1 46.7,26.8
"""
"""Its corners x,y in WIDTH times HEIGHT pixels, from the left fist over ear, head and right arm down to the feet."""
CREAM, NIGHT, ROSE = (255, 240, 205), (28, 24, 74), (232, 60, 60)


def read_film(path: Path) -> Iterator[np.ndarray]:
    """Its frames (H, W, 3) uint8; a picture is a film of one frame."""
    if path.suffix == ".png":
        yield read_picture(path)
    else:
        yield from (frame.image for frame in read_frames(FrameSelection.whole(probe(path))))


def frame_of(path: Path, number: int) -> np.ndarray:
    """A frame by its number in the file, from 1."""
    return next(image for place, image in enumerate(read_film(path), 1) if place == number)


@dataclass(frozen=True)
class Folders:
    """Where the files are that commands and cells name.

    Attributes:
        films: what the commands have made.
        media: other footage, `media/` in the commands.
    """

    films: Path
    media: Path

    def find(self, name: str) -> Path:
        """`samples/` is the checkout's, and what is in neither was made."""
        if name.startswith(MEDIA):
            return self.media / name.removeprefix(MEDIA)
        return (ROOT if name.startswith(SAMPLES) else self.films) / name


def grid(rows: Sequence[Sequence[tuple[str, np.ndarray]]], cell_width: int) -> np.ndarray:
    """Frames with their labels above them, on a dark ground: (H, W, 3) uint8."""
    height = max(image.shape[0] * min(1.0, cell_width / image.shape[1]) for row in rows for _, image in row)
    drawn = [np.hstack([_labelled(*cell, cell_width, round(height)) for cell in row]) for row in rows]
    return np.pad(np.vstack(drawn), ((GUTTER_PX, 0), (GUTTER_PX, 0), (0, 0)), constant_values=BACKGROUND)


def _labelled(label: str, image: np.ndarray, width: int, height: int) -> np.ndarray:
    size = (min(width, image.shape[1]), height)
    fitted = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    above = LABEL_PX if label else 0
    cell = Image.new("RGB", (size[0] + GUTTER_PX, height + above + GUTTER_PX), (BACKGROUND,) * 3)
    cell.paste(Image.fromarray(fitted), (0, above))
    font = ImageFont.load_default(FONT_PX)
    ImageDraw.Draw(cell).text((2, 1), label, (INK,) * 3, font)
    return np.asarray(cell)


def draw(chapter: Chapter, folders: Folders, path: Path) -> None:
    """Write a chapter's picture from the films and pictures in the folders."""
    if path.suffix == ".webp":
        _write_moving(chapter, folders, path)
        return
    rows = [[(cell.label, frame_of(folders.find(cell.file), cell.frame)) for cell in row] for row in chapter.rows]
    picture = Image.fromarray(grid(rows, chapter.cell_width))
    picture.save(path, quality=JPEG_QUALITY, optimize=True)


def _write_moving(chapter: Chapter, folders: Folders, path: Path) -> None:
    """A picture that moves and begins anew for ever, at the best quality that keeps it small."""
    films: Mapping[Cell, list[np.ndarray]] = {
        cell: [
            cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            for frame in list(read_film(folders.find(cell.file)))[:: chapter.step]
        ]
        for row in chapter.rows
        for cell in row
    }
    count = min(map(len, films.values()))
    rate = probe(ROOT / SOURCE).rate
    frames = [
        Image.fromarray(grid([[(cell.label, films[cell][at]) for cell in row] for row in chapter.rows], WIDTH))
        for at in range(count)
    ]
    duration = round(SECOND_MS * chapter.step / rate)
    for quality in WEBP_QUALITIES:
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=quality, method=4
        )
        if path.stat().st_size <= LARGEST_MOVING_BYTES:
            return


def write_dissolve(path: Path) -> None:
    """Write the sample clip with a dissolve in the place of its cut, as an editor makes it, without loss."""
    source, cut = ROOT / SOURCE, SHOT_FRAMES["flight"]
    rate = probe(source).rate
    times = f"setpts=PTS-STARTPTS,fps={rate},settb=1/{rate}"
    shots = (f"[0:v]trim=end_frame={cut},{times}[a]", f"[0:v]trim=start_frame={cut},{times}[b]")
    lasts, begins = (float(count / rate) for count in (DISSOLVE_FRAMES, cut - DISSOLVE_FRAMES))
    graph = ";".join((*shots, f"[a][b]xfade=duration={lasts}:offset={begins}"))
    run_ffmpeg(["-i", str(source), "-filter_complex", graph, "-c:v", "ffv1", str(path)])


def draw_matte(path: Path) -> None:
    """Write the near balloon's exact matte."""
    number = HILLSIDE_FRAME - SHOT_FRAMES["flight"]
    *_, matte = balloon_mattes(number, WIDTH, HEIGHT)
    write_png(path, np.dstack([np.rint(255 * matte).astype(np.uint8)] * 3))


def draw_figure_matte(path: Path) -> None:
    """Write a matte of the rabbit with a soft edge, as somebody would draw it on its frame STRETCHING_FRAME."""
    corners = np.array([corner.split(",") for corner in RABBIT_OUTLINE.split()], np.float32)
    drawn = np.zeros((SHARPER * HEIGHT, SHARPER * WIDTH), np.uint8)
    cv2.fillPoly(drawn, [np.rint(SHARPER * corners).astype(np.int32)], 255)
    small = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    write_png(path, np.dstack([cv2.GaussianBlur(small, (0, 0), FIGURE_EDGE_PX)] * 3))


def paint_over(film: Path, path: Path, number: int = HILLSIDE_FRAME) -> None:
    """Write a frame of a film with a face on its near balloon and birds in its sky, as somebody might paint them."""
    picture = frame_of(film, number).copy()
    *_, pose = poses_at(HILLSIDE_FRAME - SHOT_FRAMES["flight"] - 1)
    middle_x, middle_y = (0.5 + pose.x) * WIDTH, 0.5 * HEIGHT + pose.y * WIDTH
    radius = 0.5 * pose.width * WIDTH
    _draw_face(picture, middle_x, middle_y - 0.45 * radius, radius)
    for x, y, size in ((30, 26, 9), (52, 17, 7), (70, 28, 6), (262, 20, 8), (284, 30, 6)):
        for side in (-1, 1):
            _brush(picture, cv2.ellipse2Poly((x + side * size, y), (size, size), 0, 200, 320, 10), NIGHT, 2)
    write_png(path, picture)


def _draw_face(picture: np.ndarray, x: float, y: float, radius: float) -> None:
    """Two eyes and a smile."""
    for side in (-1, 1):
        eye = (round(x + side * 0.30 * radius), round(y - 0.18 * radius))
        cv2.circle(picture, eye, round(0.21 * radius), CREAM, -1, cv2.LINE_AA)
        cv2.circle(picture, (eye[0] + 2, eye[1] + 1), round(0.09 * radius), NIGHT, -1, cv2.LINE_AA)
    around = (round(x), round(y + 0.12 * radius))
    smile = cv2.ellipse2Poly(around, (round(0.42 * radius), round(0.36 * radius)), 0, 15, 165, 5)
    _brush(picture, smile, CREAM, 5)
    _brush(picture, smile, ROSE, 3)


def _brush(picture: np.ndarray, along: Sequence[Sequence[int]], tint: tuple[int, int, int], width: int) -> None:
    cv2.polylines(picture, [np.array(along, np.int32)], False, tint, width, cv2.LINE_AA)
