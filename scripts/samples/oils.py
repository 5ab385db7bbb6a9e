"""Two sample paintings in oil: a swirling impasto and an angular expressionist village."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scripts.samples.brushes import (
    Brush,
    Canvas,
    Place,
    below,
    crest,
    follow,
    mask,
    outline,
    pick,
    scatter,
    sweep,
    vary,
)
from scripts.samples.noise import FloatArray, blend, colour, fractal_noise, smoothstep

WIDTH, HEIGHT = 1024, 768
SIZE = (HEIGHT, WIDTH)


def layers(
    canvas: Canvas, base: FloatArray, angles: FloatArray, brushes: list[Brush], rng: np.random.Generator
) -> None:
    """Paint a composition (H, W, 3) in layers of strokes along a field of angles, coarse brushes first.

    The finer brushes touch only where the composition has detail that coarser ones lose.
    """
    for number, brush in enumerate(brushes):
        smooth = cv2.GaussianBlur(base, (0, 0), 0.35 * brush.width)
        places = scatter(SIZE, 0.62 * brush.width, rng)
        if number >= 2:
            coarse = cv2.GaussianBlur(base, (0, 0), 0.8 * brushes[number - 1].width)
            detail = np.abs(coarse - base).max(axis=2)
            wanted = pick(detail, places) + 0.05 * rng.uniform(0.0, 1.0, len(places))
            places = places[wanted > 0.048]
        steps = 9
        step = brush.width * brush.length / steps
        lines = follow(angles, places, steps, step)
        sweep(canvas, lines, vary(pick(smooth, places), 0.035, 0.10, rng), brush, rng)


# --- Impasto ----------------------------------------------------------------------------------------------


def paint_impasto() -> FloatArray:
    """Wheat under a turning evening sky: thick strokes that follow the currents of air and land."""
    rng = np.random.default_rng(11)
    base, angles = compose_wheatfield(rng)
    canvas = Canvas.primed(base)
    brushes = [Brush(38, 3.2, 9), Brush(22, 4.2, 8), Brush(13, 4.6, 6), Brush(8, 4.5, 4), Brush(5, 4.0, 3)]
    layers(canvas, base, angles, brushes, rng)
    return canvas.lit(0.62)


def compose_wheatfield(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Colours (H, W, 3) and stroke directions (H, W) of the impasto."""
    base, angles = compose_currents(rng)
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    for level, swing, code, lit in (
        (395, 95, "2b3f8f", "8fa5dc"),
        (455, 85, "1b4468", "58b0a0"),
        (520, 60, "17452f", "a8b83a"),
    ):
        line = crest(WIDTH, level, swing, 300, 3, rng)
        inside = mask(SIZE, below(line, HEIGHT))
        under = rows - line[None, :]
        folds = 26.0 * np.sin(columns / 31.0 + under / 40.0) + 14.0 * np.sin(columns / 13.0 - under / 25.0)
        tint = blend(colour(lit), colour(code), smoothstep(-8.0, 62.0, under + folds))
        base = blend(base, tint, inside)
        slope = np.arctan(np.gradient(cv2.GaussianBlur(line[None], (0, 0), 12)[0]))[None, :]
        angles = np.where(inside > 0, slope + 0.8 * np.sin(columns / 31.0 + under / 40.0), angles)
    base, angles = sow_wheat(base, angles, rng)
    base, angles = plant_poplars(base, angles, rng)
    return base, angles.astype(np.float32)


def compose_currents(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """The sky: colours banded by a stream function, strokes along its contours, a low sun amid rings."""
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    sun = np.hypot(columns - 690.0, rows - 265.0)
    stream = 1.5 * fractal_noise(SIZE, 230, 2, rng, gain=0.35) + rows / 170.0
    for x, y, reach, turn in (
        (215, 175, 110, 2.0),
        (430, 330, 70, -1.3),
        (930, 120, 90, 1.6),
        (480, 80, 60, -1.1),
    ):
        stream += turn * np.exp(-(((columns - x) ** 2 + (rows - y) ** 2) / reach**2))
    stream += 4.2 * np.exp(-sun / 95.0)
    ribbons = 0.5 + 0.5 * np.sin(5.2 * stream)
    deep = blend(colour("14235c"), colour("2f6cc0"), smoothstep(0.1, 0.9, ribbons))
    deep = blend(deep, colour("bfe0dc"), smoothstep(0.80, 1.0, ribbons) * smoothstep(90.0, 420.0, rows) * 0.9)
    rings = 0.5 + 0.5 * np.sin(sun / 11.5)
    halo = blend(colour("f4a21c"), colour("ffe26a"), rings)
    base = blend(deep, colour("63b0a0"), smoothstep(330.0, 190.0, sun) * 0.75)
    base = blend(base, halo, smoothstep(225.0, 110.0, sun + 22.0 * ribbons))
    base = blend(base, colour("fff6c4"), smoothstep(66.0, 58.0, sun))
    flow_x, flow_y = cv2.Sobel(stream, -1, 0, 1), -cv2.Sobel(stream, -1, 1, 0)
    return base, np.arctan2(flow_y, flow_x)


def sow_wheat(base: FloatArray, angles: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A golden field in rows that run to a vanishing point, with a path and red poppies."""
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    line = crest(WIDTH, 548, 14, 420, 3, rng)
    inside = mask(SIZE, below(line, HEIGHT))
    away = np.maximum(rows - 455.0, 20.0)
    across = (columns - 610.0) / away
    furrow = np.sin(9.0 * across + 1.6 * fractal_noise(SIZE, 140, 3, rng))
    wheat = blend(colour("a5651a"), colour("f7c730"), smoothstep(-0.8, 0.8, furrow))
    wheat = blend(wheat, colour("fdf0a0"), 0.9 * smoothstep(0.75, 1.0, furrow))
    path = smoothstep(0.34, 0.24, np.abs(across + 0.25 + 0.22 * np.sin(away / 60.0)))
    wheat = blend(wheat, blend(colour("c58f86"), colour("f3d9a4"), smoothstep(-0.9, 0.9, np.sin(24.0 * across))), path)
    poppies = fractal_noise(SIZE, 26, 2, rng) + 0.4 * fractal_noise(SIZE, 160, 2, rng)
    wheat = blend(wheat, colour("cf2f1c"), smoothstep(0.44, 0.52, poppies) * (1.0 - path))
    toward = np.arctan2(rows - 455.0, columns - 610.0) + 0.22 * np.sin(columns / 60.0 + rows / 45.0)
    return blend(base, wheat, inside), np.where(inside > 0, toward, angles)


def plant_poplars(base: FloatArray, angles: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Three dark poplars, painted upwards in flames."""
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    for x, foot, tall, wide in ((120, 640, 400, 46), (196, 610, 300, 34), (268, 592, 220, 26)):
        share = np.clip((foot - rows) / tall, 0.0, 1.0)
        lean = x + 14.0 * np.sin(3.6 * share + x)
        half = wide * np.sqrt(np.clip(np.sin(np.pi * share**0.75), 0.0, 1.0)) * (1.0 + 0.16 * np.sin(26.0 * share + x))
        inside = smoothstep(1.0, -1.0, np.abs(columns - lean) - half) * ((rows < foot) & (rows > foot - tall))
        light = (columns - lean) / np.maximum(half, 1.0) + 0.7 * np.sin(columns / 6.0 + 18.0 * share)
        leaf = blend(colour("0f2b2b"), colour("3f7a35"), smoothstep(-0.5, 0.9, light))
        leaf = blend(leaf, colour("e0a93a"), smoothstep(0.9, 1.5, light))
        base = blend(base, leaf, inside.astype(np.float32))
        upward = -np.pi / 2 + 0.45 * np.sin(columns / 17.0 + rows / 38.0)
        angles = np.where(inside > 0.5, upward, angles)
    return base, angles


# --- Expressionist ----------------------------------------------------------------------------------------


@dataclass
class Drawing:
    """A composition of slabs laid over one another: colours, stroke directions and black contours."""

    base: FloatArray
    angles: FloatArray
    ink: FloatArray

    def lay(self, corners: Sequence[Place] | FloatArray, tint: FloatArray, angle: float, width: float) -> None:
        """Lay a slab of one colour and stroke direction, its contour `width` pixels wide."""
        inside = mask(SIZE, corners) > 0
        self.base[inside] = tint
        self.angles[inside] = angle
        self.ink[inside] = 0.0
        self.contour([*corners, corners[0]], width)

    def contour(self, corners: Sequence[Place] | FloatArray, width: float) -> None:
        """Draw a line through the corners, swelling and thinning between each two."""
        places = np.asarray(corners, np.float64)
        for start, end in itertools.pairwise(places):
            outline(self.ink, np.linspace(start, end, 9), np.ones(1, np.float32), width)


def paint_expressionist() -> FloatArray:
    """A crooked village under jagged mountains: slabs of red against green, dark contours, square strokes."""
    rng = np.random.default_rng(23)
    drawing = draw_village(rng)
    canvas = Canvas.primed(drawing.base)
    brushes = [
        Brush(44, 1.9, 12, 0.13),
        Brush(26, 2.3, 9, 0.13),
        Brush(15, 2.4, 6, 0.12),
        Brush(8, 2.4, 4, 0.1),
    ]
    layers(canvas, drawing.base, drawing.angles, brushes, rng)
    tremble = 2.4 * np.stack([fractal_noise(SIZE, 24, 3, rng), fractal_noise(SIZE, 24, 3, rng)])
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    ink = cv2.remap(drawing.ink, columns + tremble[0], rows + tremble[1], cv2.INTER_LINEAR)
    dry = smoothstep(-0.75, -0.45, fractal_noise(SIZE, 9, 3, rng))
    canvas.paint = blend(canvas.paint, colour("140d26"), 0.96 * ink * dry)
    canvas.relief += 1.2 * ink
    return canvas.lit(0.55)


def draw_village(rng: np.random.Generator) -> Drawing:
    """The composition of the expressionist picture, back to front."""
    base, angles = facet_sky(rng)
    drawing = Drawing(base, angles, np.zeros(SIZE, np.float32))
    raise_range(drawing, (330.0, 125.0, 8), ("4a2a86", "7a2f9a", "2a2468", "c23a6a"), rng)
    raise_range(drawing, (425.0, 95.0, 7), ("b3172a", "e2421f", "7a1038", "f0702a"), rng)
    raise_range(drawing, (520.0, 60.0, 6), ("0f6b4a", "1f9a55", "0b4a45", "7fbf3a"), rng)
    spread_ground(drawing)
    for place, size, wall, roof in (
        ((452, 606), (92, 108), "f4e6c0", "1c3f9a"),
        ((712, 612), (90, 92), "f6d75a", "a5142f"),
        ((318, 640), (110, 104), "f2c22c", "c4161f"),
        ((574, 652), (124, 118), "e8742a", "0f5a55"),
        ((806, 668), (120, 110), "e9e0d0", "3a2a8a"),
    ):
        build_house(drawing, place, size, colour(wall), colour(roof), rng)
    grow_trunks(drawing, rng)
    return drawing


def facet_sky(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A sky split into shards that fan out from a white-hot sun: colours and stroke directions."""
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    turn = np.arctan2(rows - 165.0, columns - 650.0)
    far = np.hypot(columns - 650.0, rows - 165.0)
    shard = np.floor(turn * 3.8 + 0.5 * np.sign(np.sin(far / 70.0 + turn * 2.0)) + 20.0).astype(int)
    ring = np.floor(far / 95.0 + 0.45 * np.sin(shard * 2.4)).astype(int)
    cold = np.stack([colour(code) for code in ("0f6f6a", "124a8a", "178a6a", "0c2f66", "2f9a8a", "1a3a7a")])
    weights = rng.permutation(97)
    base = cold[weights[(shard * 7 + ring * 13) % 97] % len(cold)]
    warm = np.stack([colour(code) for code in ("f2a01e", "f7c62c", "e9702a")])[(shard + ring) % 3]
    base = blend(base, warm, smoothstep(215.0, 195.0, far + 26.0 * (shard % 3)))
    base = blend(base, colour("fff2b0"), smoothstep(74.0, 66.0, far))
    return base, (turn + np.pi / 2 * (ring % 2)).astype(np.float32)


def raise_range(
    drawing: Drawing,
    form: tuple[float, float, int],
    codes: tuple[str, str, str, str],
    rng: np.random.Generator,
) -> None:
    """One jagged range of (level, swing, peaks): each peak a dark and a lit facet above a common foot."""
    level, swing, peaks = form
    count = 2 * peaks + 1
    across = np.linspace(-60.0, WIDTH + 60.0, count) + rng.uniform(-24.0, 24.0, count)
    rise = np.where(np.arange(count) % 2, -1.0, 0.55) * rng.uniform(0.4, 1.25, count)
    line = np.stack([across, level + swing * rise], axis=1)
    for number in range(1, count, 2):
        left, top, right = line[number - 1 : number + 2]
        foot = top + np.array([rng.uniform(-30.0, 40.0), 2.6 * swing])
        down = [0.0, 1.6 * swing]
        lit = codes[1] if number % 4 == 1 else codes[3]
        drawing.lay([left, top, foot, left + down], colour(codes[0]), np.pi / 2 + 0.55, 7.0)
        drawing.lay([top, right, right + down, foot], colour(lit), np.pi / 2 - 0.55, 7.0)


def spread_ground(drawing: Drawing) -> None:
    """Fields as tilted slabs round a path that staggers up to the village."""
    slabs: tuple[tuple[list[Place], str, float], ...] = (
        ([(-9, 560), (420, 585), (330, 780), (-9, 780)], "1c8a46", 0.25),
        ([(420, 585), (1033, 560), (1033, 780), (330, 780)], "2fa050", -0.2),
        ([(70, 590), (340, 604), (290, 655), (40, 640)], "d8342a", 0.1),
        ([(-9, 655), (270, 672), (200, 780), (-9, 780)], "0b4f3c", -0.3),
        ([(760, 700), (1033, 640), (1033, 780), (720, 780)], "b81f33", -0.35),
        ([(420, 585), (530, 585), (590, 650), (530, 690), (380, 650)], "f09aa0", 1.2),
        ([(400, 668), (540, 688), (700, 780), (300, 780)], "f6cf7a", 1.3),
    )
    for corners, code, angle in slabs:
        drawing.lay(corners, colour(code), angle, 5.0)


def build_house(
    drawing: Drawing,
    place: Place,
    size: tuple[float, float],
    wall: FloatArray,
    roof: FloatArray,
    rng: np.random.Generator,
) -> None:
    """A leaning house: lit front, dark side, steep roof, dark windows."""
    (x, foot), (wide, tall) = place, size
    lean = rng.uniform(-0.14, 0.14) * tall
    eaves = foot - tall
    front = [(x, foot), (x + 0.6 * wide, foot + 6), (x + 0.6 * wide + lean, eaves), (x + lean, eaves)]
    side = [front[1], (x + wide, foot - 12), (x + wide + lean, eaves - 8), front[2]]
    ridge = (
        (x + 0.3 * wide + 1.6 * lean, foot - 1.65 * tall),
        (x + 0.78 * wide + 1.6 * lean, foot - 1.62 * tall),
    )
    drawing.lay(front, wall, 1.5, 6.0)
    drawing.lay(side, wall * np.array([0.45, 0.5, 0.85], np.float32), 1.4, 6.0)
    drawing.lay([front[3], front[2], ridge[0]], wall, 1.0, 6.0)
    drawing.lay([(front[2][0] + 3, eaves + 6), ridge[0], ridge[1], (side[2][0] + 9, side[2][1] + 6)], roof, 0.9, 6.0)
    for across, up, high in ((0.10, 0.58, 0.26), (0.37, 0.58, 0.26), (0.22, 0.0, 0.40)):
        left, bottom = x + across * wide + up * lean, foot - up * tall
        right, top = left + 0.15 * wide, bottom - high * tall
        drawing.lay([(left, bottom), (right, bottom + 1), (right, top), (left, top)], colour("1b1a4a"), 1.5, 3.0)


def grow_trunks(drawing: Drawing, rng: np.random.Generator) -> None:
    """Bare trees at both sides of the foreground, red where the light strikes, green in the shade."""
    for x, lean, wide in ((62, 40, 46), (186, -34, 28), (915, -46, 48), (985, 26, 30)):
        top, bend, foot = np.array([[x + 2.0 * lean, -20.0], [x - 0.6 * lean, 330.0], [x + 0.3 * lean, 790.0]])
        for share in rng.uniform(0.06, 0.5, 5):
            start = top + share * (foot - top) + [(bend - top)[0] * share, 0.0]
            aside = rng.choice([-1.0, 1.0])
            elbow = start + np.array([aside * rng.uniform(40, 80), rng.uniform(-50, -10)])
            tip = elbow + np.array([aside * rng.uniform(10, 60), rng.uniform(-80, -30)])
            drawing.contour([start, elbow, tip], 7.0)
        spine = np.stack([top, bend, foot])
        half = np.array([[0.35 * wide / 2, 0.0], [0.62 * wide / 2, 0.0], [wide / 2, 0.0]])
        drawing.lay([*(spine - half), *spine[::-1]], colour("0c5a52"), 1.45, 6.0)
        drawing.lay([*spine, *(spine + half)[::-1]], colour("e8341f"), 1.45, 6.0)
