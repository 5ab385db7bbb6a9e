"""The shot "balloon": two balloons cross an autumn hillside while the camera pans, with exact motion.

Each layer is a painted sheet that moves by a similarity transform; the hillside lies at the back. Places in
the scene are given in picture widths from the picture's centre, x right and y down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.samples.frames import RenderedFrame, is_inside, pixel_grid, to_bytes
from scripts.samples.noise import FloatArray, blend, colour, fractal_noise, smoothstep

Transform = NDArray[np.float64]

OVERSAMPLING = 3
SHEET_WIDTH, SHEET_HEIGHT = 2000, 1120
SPRITE_WIDTH, SPRITE_HEIGHT = 600, 860
SUBPIXELS = 4
AIR = colour("d6c3b4")


@dataclass(frozen=True)
class Pose:
    """Place of a sheet's centre, its width (both in picture widths) and its turn in radians."""

    x: float
    y: float
    width: float
    turn: float = 0.0


@dataclass(frozen=True)
class Sheet:
    """A painted layer: (H, W, 4) float32, colours premultiplied by the alpha in the last channel."""

    paint: FloatArray

    def placed(self, pose: Pose, width: int, height: int) -> Transform:
        """The (3, 3) transform from sheet pixels to pixels of a picture of the given size."""
        scale = pose.width * width / self.paint.shape[1]
        cosine, sine = scale * np.cos(pose.turn), scale * np.sin(pose.turn)
        middle_x, middle_y = (self.paint.shape[1] - 1) / 2, (self.paint.shape[0] - 1) / 2
        shift_x = pose.x * width + (width - 1) / 2 - cosine * middle_x + sine * middle_y
        shift_y = pose.y * width + (height - 1) / 2 - sine * middle_x - cosine * middle_y
        return np.array([[cosine, -sine, shift_x], [sine, cosine, shift_y], [0.0, 0.0, 1.0]])

    def shrunk(self, factor: int) -> Sheet:
        """The sheet at 1/factor of its resolution, for pictures that are much smaller than it."""
        if factor <= 1:
            return self
        rows, columns = (side // factor for side in self.paint.shape[:2])
        return Sheet(cv2.resize(self.paint, (columns, rows), interpolation=cv2.INTER_AREA))


def poses_at(frame: int) -> tuple[Pose, Pose, Pose]:
    """Poses of the hillside, the far balloon and the near balloon."""
    hillside = Pose(x=0.042 - 0.0026 * frame, y=0.004 - 0.0003 * frame, width=1.25)
    far = Pose(x=0.315 - 0.0052 * frame, y=-0.135 + 0.0008 * frame, width=0.088, turn=0.0012 * frame)
    near = Pose(
        x=-0.215 + 0.0098 * frame,
        y=0.050 - 0.0024 * frame,
        width=0.245 * 1.0045**frame,
        turn=0.09 * float(np.sin(0.11 * frame - 1.2)),
    )
    return hillside, far, near


def render_balloon(frames: int, width: int, height: int, both_ways: bool = False) -> Iterator[RenderedFrame]:
    """Frames of the balloon shot. Flow is that of the frontmost layer covering at least half the pixel."""
    sheets = paint_sheets()
    previous: list[Transform] | None = None
    for frame in range(frames):
        poses = poses_at(frame)
        image = compose(sheets, poses, width, height)
        placed = [sheet.placed(pose, width, height) for sheet, pose in zip(sheets, poses, strict=True)]
        flow = np.zeros((height, width, 2), np.float32)
        visible = np.zeros((height, width), bool)
        forth = np.zeros_like(flow) if both_ways else None
        if previous is not None:
            flow, visible = trace_motion(sheets, placed, previous, width, height)
            if both_ways:
                forth, _ = trace_motion(sheets, previous, placed, width, height)
        yield RenderedFrame(to_bytes(image), flow, visible, forth)
        previous = placed


def balloon_mattes(frames: int, width: int, height: int) -> Iterator[FloatArray]:
    """How much of each pixel the near balloon covers, (H, W) in [0, 1], in each frame of the shot."""
    *_, sheet = paint_sheets()
    for frame in range(frames):
        *_, pose = poses_at(frame)
        fine = (width * OVERSAMPLING, height * OVERSAMPLING)
        placed = sheet.placed(pose, *fine)
        covered = cv2.warpAffine(sheet.paint[..., 3], placed[:2], fine, flags=cv2.INTER_LINEAR)
        yield cv2.resize(covered, (width, height), interpolation=cv2.INTER_AREA)


def compose(sheets: tuple[Sheet, ...], poses: tuple[Pose, ...], width: int, height: int) -> FloatArray:
    """The picture, (H, W, 3) in [0, 1]: the sheets laid over one another, the first at the back."""
    fine_width, fine_height = width * OVERSAMPLING, height * OVERSAMPLING
    picture: FloatArray = np.zeros((fine_height, fine_width, 3), np.float32)
    for sheet, pose in zip(sheets, poses, strict=True):
        fitted = sheet.shrunk(round(sheet.paint.shape[1] / (pose.width * fine_width)))
        placed = fitted.placed(pose, fine_width, fine_height)
        layer = cv2.warpAffine(fitted.paint, placed[:2], (fine_width, fine_height), flags=cv2.INTER_LINEAR)
        picture = picture * (1.0 - layer[..., 3:]) + layer[..., :3]
    # A lens this soft leaves nothing finer than the pixels can carry: no edge crawls as it moves.
    picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * OVERSAMPLING)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def trace_motion(
    sheets: tuple[Sheet, ...], now: list[Transform], before: list[Transform], width: int, height: int
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Flow to the frame before and where it is visible there, as in RenderedFrame."""
    columns, rows = pixel_grid(width, height)
    fronts_now = front_sheets(sheets, now, columns, rows)
    flow = np.zeros((height, width, 2), np.float32)
    for number, (placed, earlier) in enumerate(zip(now, before, strict=True)):
        back = earlier @ np.linalg.inv(placed)
        old_columns = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
        old_rows = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
        covers = fronts_now == number
        flow[covers] = np.stack([old_columns - columns, old_rows - rows], axis=-1)[covers]
    at_columns, at_rows = columns + flow[..., 0], rows + flow[..., 1]
    unhidden = front_sheets(sheets, before, at_columns, at_rows) == fronts_now
    return flow, is_inside(at_columns, at_rows, width, height) & unhidden


def front_sheets(
    sheets: tuple[Sheet, ...], placed: list[Transform], columns: FloatArray, rows: FloatArray
) -> NDArray[np.int_]:
    """Number of the frontmost opaque sheet at places in the picture (pixels)."""
    front = np.zeros(columns.shape, int)
    for number, (sheet, transform) in enumerate(zip(sheets, placed, strict=True)):
        into = np.linalg.inv(transform)
        x = (into[0, 0] * columns + into[0, 1] * rows + into[0, 2]).astype(np.float32)
        y = (into[1, 0] * columns + into[1, 1] * rows + into[1, 2]).astype(np.float32)
        alpha = cv2.remap(sheet.paint[..., 3], x, y, cv2.INTER_LINEAR)
        front[alpha >= 0.5] = number
    return front


# --- Painting the sheets ----------------------------------------------------------------------------------


@cache
def paint_sheets() -> tuple[Sheet, Sheet, Sheet]:
    """The hillside, the far balloon and the near balloon."""
    rng = np.random.default_rng(31)
    near_colours = ["b3261e", "f4e3b5", "e08a1e", "173f5f"]
    far_colours = ["f2c94c", "2a6f77", "f7ecd0", "c8553d"]
    return (
        Sheet(paint_hillside(rng)),
        Sheet(paint_balloon([colour(code) for code in far_colours], 14, rng)),
        Sheet(paint_balloon([colour(code) for code in near_colours], 16, rng)),
    )


def paint_hillside(rng: np.random.Generator) -> FloatArray:
    """An autumn wood climbing to a ridge, a meadow with flowers at its foot; (H, W, 4)."""
    canvas = paint_backdrop(rng)
    ridge = 0.25 + 0.08 * fractal_noise((1, SHEET_WIDTH), 700, 4, rng)[0]
    ridge += 0.05 * np.linspace(1.0, -1.0, SHEET_WIDTH)
    scatter_trees(canvas, ridge.astype(np.float32) * SHEET_HEIGHT, rng)
    grow_meadow(canvas, rng)
    shade = 1.0 + 0.12 * fractal_noise(canvas.shape[:2], 260, 3, rng)
    painted = np.clip(canvas * shade[..., None], 0.0, 1.0)
    return np.dstack([painted, np.ones(painted.shape[:2], np.float32)])


def paint_backdrop(rng: np.random.Generator) -> FloatArray:
    """Evening sky with distant ranges, (H, W, 3)."""
    rows = np.linspace(0.0, 1.0, SHEET_HEIGHT, dtype=np.float32)[:, None]
    tall = np.repeat(rows, SHEET_WIDTH, axis=1)
    canvas = blend(colour("6aa7da"), colour("ffdfa6"), smoothstep(0.02, 0.24, tall))
    clouds = fractal_noise((SHEET_HEIGHT, SHEET_WIDTH // 3), 110, 6, rng)
    clouds = cv2.resize(clouds, (SHEET_WIDTH, SHEET_HEIGHT), interpolation=cv2.INTER_CUBIC)
    canvas = blend(canvas, colour("fff6e6"), 0.9 * smoothstep(0.0, 0.35, clouds))
    for depth, code in enumerate(("b3b9cf", "8b95b8")):
        crest = 0.165 + 0.035 * depth + 0.07 * fractal_noise((1, SHEET_WIDTH), 400, 6, rng)
        canvas = blend(canvas, colour(code), smoothstep(0.0, 0.0015, tall - crest))
    return canvas


def scatter_trees(canvas: FloatArray, ridge: FloatArray, rng: np.random.Generator) -> None:
    """Paint the wood from the ridge (a row per column) down: tree after tree, nearer ones over farther."""
    foot = 0.91 * SHEET_HEIGHT
    leafy = [colour(code) for code in ("3f6f3a", "5f8a35", "8f9a38", "c8a53a", "d98f2f", "b8602c", "94452c")]
    conifer = [colour(code) for code in ("1f4a42", "2c5a48", "23444f")]
    groves = fractal_noise((SHEET_HEIGHT, SHEET_WIDTH), 300, 3, rng)
    autumn = fractal_noise((SHEET_HEIGHT, SHEET_WIDTH), 240, 3, rng)
    nearness = 0.0
    while nearness < 1.0:
        size = 22.0 + 66.0 * nearness
        for x in np.arange(-size, SHEET_WIDTH + size, 0.95 * size) + rng.uniform(-0.5, 0.5) * size:
            column = int(np.clip(x, 0, SHEET_WIDTH - 1))
            y = ridge[column] + (foot - ridge[column]) * nearness**1.15 + rng.uniform(-0.3, 0.3) * size
            row = int(np.clip(y, 0, SHEET_HEIGHT - 1))
            at = x + rng.uniform(-0.4, 0.4) * size, y
            if groves[row, column] + rng.uniform(-0.2, 0.2) > 0.20:
                paint_conifer(canvas, at, size * rng.uniform(0.8, 1.25), conifer[rng.integers(3)], nearness, rng)
            else:
                turned = int(3.2 + 7.0 * autumn[row, column] + rng.normal(0.0, 0.9))
                paint_crown(canvas, at, size * rng.uniform(0.6, 0.9), leafy[np.clip(turned, 0, 6)], nearness, rng)
        nearness += 0.46 * size / foot


def in_air(tints: FloatArray, nearness: float) -> FloatArray:
    """Colours, (3,) or (n, 3), seen through the haze of their distance (0 far to 1 near)."""
    haze = 0.05 + 0.55 * (1.0 - nearness) ** 1.3
    return np.clip(tints + (AIR - tints) * np.float32(haze), 0.0, 1.0).astype(np.float32)


def dab(canvas: FloatArray, x: float, y: float, radius: float, tint: list[float]) -> None:
    """One round touch of paint; place and radius in sheet pixels."""
    fine = 1 << SUBPIXELS
    cv2.circle(canvas, (round(x * fine), round(y * fine)), round(radius * fine), tint, -1, cv2.LINE_8, SUBPIXELS)


def paint_crown(
    canvas: FloatArray,
    at: tuple[float, float],
    size: float,
    tint: FloatArray,
    nearness: float,
    rng: np.random.Generator,
) -> None:
    """A broad-leaved tree as a heap of leaf dabs, dark below left and sunlit above right."""
    x, y = at
    dab(canvas, x - 0.1 * size, y + 0.25 * size, 0.85 * size, in_air(0.38 * tint, nearness).tolist())
    count = 20 + int(36 * nearness)
    angle, distance = rng.uniform(0.0, 2 * np.pi, count), size * np.sqrt(rng.uniform(0.0, 1.0, count))
    across, down = distance * np.cos(angle), 0.95 * distance * np.sin(angle)
    light = 0.5 + 0.5 * (0.62 * across - 0.78 * down) / size
    strength = 0.45 + 0.80 * light + rng.uniform(-0.10, 0.10, count)
    warmth = 1.0 + light[:, None] * np.array([0.22, 0.08, -0.08])
    leaves = in_air((tint * strength[:, None] * warmth).astype(np.float32), nearness).tolist()
    radii = (size * rng.uniform(0.12, 0.21, count)).tolist()
    for leaf in np.argsort(light + rng.uniform(-0.12, 0.12, count)).tolist():
        dab(canvas, x + across[leaf], y + down[leaf], radii[leaf], leaves[leaf])


def paint_conifer(
    canvas: FloatArray,
    at: tuple[float, float],
    size: float,
    tint: FloatArray,
    nearness: float,
    rng: np.random.Generator,
) -> None:
    """A fir as tiers of branches, each lit on its right."""
    x, y = at
    fine = 1 << SUBPIXELS
    tiers = 7 + int(4 * nearness)
    strengths = np.array([0.72, 1.5 + 0.3 * rng.uniform()])[:, None] * [[0.95, 1.0, 1.1], [1.2, 1.05, 0.85]]
    shaded, lit = in_air((tint * strengths).astype(np.float32), nearness).tolist()
    for tier in range(tiers):
        share = 1.0 - tier / tiers
        level = y + 0.7 * size - 2.3 * size * tier / tiers
        for side, leaf in ((-1.0, shaded), (1.0, lit)):
            reach = 0.66 * size * share * rng.uniform(0.85, 1.1) + 1.0
            corners = [
                (x, level - 0.62 * size),
                (x + side * reach, level + 0.1 * size),
                (x, level + 0.04 * size),
            ]
            points = np.round(np.array(corners) * fine).astype(np.int32)
            cv2.fillPoly(canvas, [points], leaf, cv2.LINE_8, SUBPIXELS)


def grow_meadow(canvas: FloatArray, rng: np.random.Generator) -> None:
    """Cover the foot of the sheet with blades of grass and flowers."""
    fine = 1 << SUBPIXELS
    grasses = [colour(code) for code in ("5d7a24", "86962f", "b3a53c", "3f5f22", "d0b556")]
    flowers = [colour(code) for code in ("f7e9c8", "e8502a", "f2b632", "b05fa8")]
    top = 0.865 * SHEET_HEIGHT + 16.0 * np.sin(np.linspace(0.5, 7.0, SHEET_WIDTH))
    for level in np.arange(0.0, 1.0, 0.022):
        for x in rng.uniform(0, SHEET_WIDTH, 300):
            y = top[int(x)] + level * (SHEET_HEIGHT - top[int(x)]) + rng.uniform(-5, 5)
            length = (12.0 + 30.0 * level) * rng.uniform(0.6, 1.3)
            tip = x + rng.uniform(-0.5, 0.3) * length, y - length
            width = 1.5 + 3.0 * level
            blade = np.array([(x - width, y + 8.0), tip, (x + width, y + 8.0)])
            strength = np.float32(0.6 + 0.5 * rng.uniform() + 0.1 * level)
            tint = grasses[rng.integers(len(grasses))] * strength
            cv2.fillPoly(canvas, [np.round(blade * fine).astype(np.int32)], tint.tolist(), cv2.LINE_8, SUBPIXELS)
            if rng.uniform() < 0.035:
                bloom = flowers[int(x / 170 + rng.uniform(0, 1.6)) % len(flowers)]
                dab(canvas, *tip, 2.5 + 4.0 * level, bloom.tolist())


def paint_balloon(tints: list[FloatArray], gores: int, rng: np.random.Generator) -> FloatArray:
    """A balloon with `gores` patterned strips all round, and its basket; (H, W, 4) premultiplied."""
    columns, rows = pixel_grid(SPRITE_WIDTH, SPRITE_HEIGHT)
    middle, top, mouth = (SPRITE_WIDTH - 1) / 2, 24.0, 640.0
    level = np.clip((rows - top) / (mouth - top), 0.0, 1.0)
    radius = envelope_radius(level) * 272.0
    across = (columns - middle) / np.maximum(radius, 1.0)
    paint = np.zeros((SPRITE_HEIGHT, SPRITE_WIDTH, 4), np.float32)
    hang_basket(paint, middle, mouth)
    envelope = smoothstep(-1.0, 1.0, radius - np.abs(columns - middle))
    envelope *= smoothstep(top - 1.0, top + 1.0, rows) * smoothstep(mouth + 1.0, mouth - 1.0, rows)
    cloth = dye_cloth(np.clip(across, -1.0, 1.0), level, tints, gores)
    cloth *= light_cloth(np.clip(across, -1.0, 1.0), level, rng)
    cloth = np.clip(cloth, 0.0, 1.0)
    balloon: FloatArray = (
        paint * (1.0 - envelope[..., None]) + np.dstack([cloth, np.ones_like(level)]) * envelope[..., None]
    )
    return balloon


def envelope_radius(level: FloatArray) -> FloatArray:
    """Outline of the envelope: its radius, at most 1, at levels from 0 (crown) to 1 (mouth)."""
    widest = 0.40
    dome = np.sqrt(np.clip(1.0 - ((level - widest) / widest) ** 2, 0.0, 1.0))
    fall = np.clip((level - widest) / (1.0 - widest), 0.0, 1.0)
    skirt = 1.0 - 0.82 * (0.5 - 0.5 * np.cos(np.pi * fall**1.12))
    return np.where(level < widest, dome, skirt).astype(np.float32)


def dye_cloth(across: FloatArray, level: FloatArray, tints: list[FloatArray], gores: int) -> FloatArray:
    """Pattern of the envelope: striped gores with a belt of diamonds and a toothed crown."""
    strip = (np.arcsin(across) / np.pi + 0.5) * gores / 2
    within = np.abs(strip % 1.0 - 0.5) * 2.0
    odd = (np.floor(strip).astype(int) % 2).astype(np.float32)
    cloth = blend(tints[0], tints[1], odd)
    crown = (level < 0.16 + 0.07 * (1.0 - within)).astype(np.float32)
    cloth = blend(cloth, blend(tints[2], tints[3], odd), crown)
    belt = (np.abs(level - 0.45) < 0.105).astype(np.float32)
    diamond = (np.abs(level - 0.45) / 0.085 + within < 1.0).astype(np.float32)
    cloth = blend(cloth, tints[3], belt)
    cloth = blend(cloth, tints[2], diamond)
    core = (np.abs(level - 0.45) / 0.085 + within < 0.45).astype(np.float32)
    cloth = blend(cloth, tints[1], core)
    trim = ((np.abs(np.abs(level - 0.45) - 0.112) < 0.008) | (np.abs(level - 0.80) < 0.012)).astype(np.float32)
    cloth = blend(cloth, tints[2], trim)
    skirt = (level > 0.88).astype(np.float32)
    cloth = blend(cloth, blend(tints[3], tints[2], odd), skirt)
    seams = smoothstep(0.90, 0.99, within)
    return cloth * (1.0 - 0.35 * seams[..., None])


def light_cloth(across: FloatArray, level: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Light on the envelope, (H, W, 3): evening sun from the upper right, with the folds of the cloth."""
    normal_y = np.clip((level - 0.42) * 1.9, -1.0, 0.8)
    normal_x = across * np.sqrt(1.0 - 0.6 * normal_y**2)
    normal_z = np.sqrt(np.clip(1.0 - normal_x**2 - 0.6 * normal_y**2, 0.0, 1.0))
    lambert = np.clip(0.66 * normal_x - 0.50 * normal_y + 0.56 * normal_z, 0.0, 1.0)
    folds = 1.0 + 0.05 * fractal_noise(across.shape, 60, 4, rng)
    warm, cool = np.array([1.05, 0.95, 0.76], np.float32), np.array([0.30, 0.33, 0.43], np.float32)
    gloss = np.clip(lambert, 0.0, 1.0) ** 16 * 0.20
    return ((lambert * folds)[..., None] * warm + cool + gloss[..., None]).astype(np.float32)


def hang_basket(paint: FloatArray, middle: float, mouth: float) -> None:
    """Ropes and a woven basket below the mouth, painted opaque into (H, W, 4)."""
    fine = 1 << SUBPIXELS
    top, bottom, half = mouth + 95.0, mouth + 175.0, 52.0
    for side in (-1.0, -0.4, 0.4, 1.0):
        ends = np.array([(middle + side * 46.0, mouth - 6.0), (middle + side * half * 0.96, top)])
        points = np.round(ends * fine).astype(np.int32)
        cv2.line(paint, points[0], points[1], (0.16, 0.11, 0.07, 1.0), 4, cv2.LINE_8, SUBPIXELS)
    weave_columns, weave_rows = np.meshgrid(np.arange(-half, half), np.arange(top, bottom))
    weave = 0.5 + 0.25 * np.sin(weave_columns * 0.55) * np.sign(np.sin(weave_rows * 0.4))
    light = 0.55 + 0.55 * (weave_columns / half * 0.5 + 0.5)
    straw = colour("b07a3a") * (light * (0.55 + weave))[..., None]
    taper = np.abs(weave_columns) < half * (1.0 - 0.16 * (weave_rows - top) / (bottom - top))
    woven = np.dstack([np.clip(straw, 0.0, 1.0), np.ones(straw.shape[:2])]).astype(np.float32)
    left, first = round(middle - half), round(top)
    patch = paint[first : first + woven.shape[0], left : left + woven.shape[1]]
    patch[taper] = woven[taper]
    rim = [(round(middle - half), round(top - 4)), (round(middle + half), round(top + 8))]
    cv2.rectangle(paint, rim[0], rim[1], (0.30, 0.17, 0.08, 1.0), -1)
