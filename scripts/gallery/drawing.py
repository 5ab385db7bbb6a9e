"""Pictures of labelled frames, still and moving; and what somebody would have drawn by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scripts import ROOT
from scripts.gallery.chapters import DISSOLVE_FRAMES, HILLSIDE_FRAME, SOURCE, Cell, Chapter
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


def place_of(file: str, folder: Path) -> Path:
    """Where a cell's file is: samples are the checkout's, the rest was made in the folder."""
    return ROOT / file if file == SOURCE else folder / file


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


def draw(chapter: Chapter, folder: Path, path: Path) -> None:
    """Write a chapter's picture from the films and pictures in the folder."""
    if path.suffix == ".webp":
        _write_moving(chapter, folder, path)
        return
    rows = [[(cell.label, frame_of(place_of(cell.file, folder), cell.frame)) for cell in row] for row in chapter.rows]
    picture = Image.fromarray(grid(rows, chapter.cell_width))
    picture.save(path, quality=JPEG_QUALITY, optimize=True)


def _write_moving(chapter: Chapter, folder: Path, path: Path) -> None:
    """A picture that moves and begins anew for ever, at the best quality that keeps it small."""
    films: Mapping[Cell, list[np.ndarray]] = {
        cell: [
            cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            for frame in list(read_film(place_of(cell.file, folder)))[:: chapter.step]
        ]
        for row in chapter.rows
        for cell in row
    }
    count = min(map(len, films.values()))
    rate = probe(place_of(SOURCE, folder)).rate
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
