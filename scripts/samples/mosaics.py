"""Two sample pictures built from many small pieces: a stained-glass window and a pointillist shore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.samples.brushes import FINE, SUBPIXELS, Place, below, crest, mask, pick, scatter, vary
from scripts.samples.noise import FloatArray, blend, colour, fractal_noise, smoothstep

WIDTH, HEIGHT = 1024, 768
SIZE = (HEIGHT, WIDTH)

LabelArray = NDArray[Any]


def grid() -> tuple[FloatArray, FloatArray]:
    """Column and row of every pixel."""
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    return columns, rows


# --- Stained glass ----------------------------------------------------------------------------------------


class Window:
    """A window under construction: which region each pixel belongs to, and each region's glass.

    Every region has colours, of which each of its panes gets one, and a typical pane size in pixels.
    """

    def __init__(self) -> None:
        self.regions = np.zeros(SIZE, np.int32)
        self.palettes: list[list[str]] = []
        self.sizes: list[float] = []

    def set_region(self, inside: FloatArray | NDArray[np.bool_], palette: Sequence[str], size: float) -> None:
        """Put a region's glass in front of what is there."""
        self.regions[np.asarray(inside) > 0] = len(self.palettes)
        self.palettes.append(list(palette))
        self.sizes.append(size)


def paint_glass() -> FloatArray:
    """A sun over hills and a river behind tall irises, in jewel-coloured panes between leads."""
    rng = np.random.default_rng(14)
    window = design_window(rng)
    # Panes are cut by hand: bend every edge a little.
    bend = np.stack([fractal_noise(SIZE, 70, 3, rng), fractal_noise(SIZE, 70, 3, rng)]) * 9.0
    panes, tints = cut_panes(window, rng)
    columns, rows = grid()
    places = columns + bend[0], rows + bend[1]
    panes = cv2.remap(panes.astype(np.float32), *places, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE).astype(
        np.int32
    )
    regions = cv2.remap(window.regions.astype(np.float32), *places, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    lead = lead_profile(edges_of(panes), 3.4)
    lead = np.maximum(lead, lead_profile(edges_of(regions.astype(np.int32)), 5.4))
    glass = light_glass(tints[panes], panes, rng)
    return solder(glass, lead, rng)


def design_window(rng: np.random.Generator) -> Window:
    """The window's regions from back to front."""
    columns, rows = grid()
    window = Window()
    sun_x, sun_y = 655.0, 235.0
    far = np.hypot(columns - sun_x, rows - sun_y)
    turn = np.arctan2(rows - sun_y, columns - sun_x)
    window.set_region(np.ones(SIZE), ("123a9c", "1b57c4", "0f2a78", "2a7ad0", "3b2a94"), 60)
    for ray in range(18):
        sector = np.abs((turn - ray * np.pi / 9 + np.pi) % (2 * np.pi) - np.pi) < 0.075 + 0.03 * (ray % 2)
        beam = ("f2a21a", "f7c33a", "e8701c") if ray % 2 else ("2fa8d8", "62c4e0", "1f7fc4")
        window.set_region(sector & (far < 470), beam, 74)
    window.set_region(far < 170, ("e2501a", "ee7a1c", "d03318"), 44)
    window.set_region(far < 122, ("f7a51e", "f9c02c", "f2901c"), 36)
    window.set_region(far < 74, ("ffe27a", "fff0a8"), 34)
    for level, swing, hill in (
        (440, 60, ("4a2a86", "6a3aa8", "7f2f8f")),
        (490, 50, ("0f6a6a", "1b8a80", "12584f")),
        (545, 40, ("2f8a2f", "58a82f", "1f6a3a", "8fb832")),
    ):
        line = crest(WIDTH, level, swing, 330, 2, rng)
        window.set_region(mask(SIZE, below(line, HEIGHT)), hill, 52)
    spread = (rows - 520.0) / 248.0
    middle = 600.0 - 130.0 * np.sin(2.6 * spread) + 90.0 * spread
    river = (rows > 545) & (np.abs(columns - middle) < 22.0 + 190.0 * np.clip(spread, 0.0, 1.0) ** 1.5)
    window.set_region(river, ("1f9ac8", "57c4dc", "136aa8", "a8e0e0", "f2b85a"), 40)
    for x, top, size in (
        (118, 300, 1.15),
        (258, 420, 0.95),
        (905, 350, 1.1),
        (800, 500, 0.8),
        (400, 540, 0.75),
    ):
        grow_iris(window, x, top, 150.0 * size)
    frame = np.minimum.reduce([columns, rows, WIDTH - 1 - columns, HEIGHT - 1 - rows])
    window.set_region(frame < 34, ("8a1530", "b01f3a", "6a0f2a", "c4862a"), 58)
    return window


def grow_iris(window: Window, x: float, y: float, size: float) -> None:
    """An iris: a curved stem, sword leaves, and a flower of three standing and three falling petals."""
    foot = HEIGHT + 10.0
    share = np.linspace(0.0, 1.0, 24)
    bend = x + 0.16 * size * np.sin(3.0 * share)
    stem = np.stack([bend, y + (foot - y) * share], axis=1)
    for side, reach in ((-1.0, 0.95), (1.0, 0.8)):
        tip = np.array([x + side * 0.75 * size, foot - reach * (foot - y) * 0.8])
        root = np.array([x + side * 0.05 * size, foot])
        bow = np.stack([root + (tip - root) * t + [side * 0.2 * size * np.sin(np.pi * t), 0.0] for t in share])
        half = (0.13 * size * np.sin(np.pi * np.clip(share, 0.12, 1.0)) ** 0.7)[:, None] * [1.0, 0.25]
        window.set_region(
            mask(SIZE, np.concatenate([bow - half, (bow + half)[::-1]])), ("1f9a4a", "5fbf3f", "0f6a40"), 80
        )
    half_stem = np.array([0.035 * size + 3.0, 0.0])
    window.set_region(
        mask(SIZE, np.concatenate([stem - half_stem, (stem + half_stem)[::-1]])), ("2fa040", "7fc83a"), 90
    )
    violet, rose = ("7a2fc4", "9a4ae0", "5a1fa0"), ("c43a9a", "e868b8", "a82a8a")
    for angle, length, palette in (
        (-2.15, 0.8, violet),
        (-1.0, 0.8, violet),
        (2.55, 0.85, rose),
        (0.6, 0.85, rose),
        (-1.57, 0.95, violet),
        (1.57, 0.8, rose),
    ):
        window.set_region(petal((x, y), angle, length * size), palette, 46)
    window.set_region(petal((x, y), 1.57, 0.38 * size), ("ffd23a", "ffe88a"), 60)


def petal(root: Place, angle: float, length: float) -> FloatArray:
    """A pointed oval petal as a mask."""
    share = np.linspace(0.0, 1.0, 20)
    half = 0.27 * length * np.sin(np.pi * share**0.8) ** 0.8
    outline = np.concatenate([np.stack([share * length, half], 1), np.stack([share * length, -half], 1)[::-1]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return mask(SIZE, outline @ turn + np.array(root))


def cut_panes(window: Window, rng: np.random.Generator) -> tuple[LabelArray, FloatArray]:
    """Cut every region into panes nearest to scattered points: pane numbers (H, W), colours (panes, 3)."""
    panes = np.zeros(SIZE, np.int32)
    tints: list[FloatArray] = []
    for number, (palette, size) in enumerate(zip(window.palettes, window.sizes, strict=True)):
        inside = window.regions == number
        if not inside.any():
            continue
        nearest, count = nearest_points(scatter(SIZE, size, rng))
        panes[inside] = nearest[inside] + len(tints)
        choices = np.stack([colour(code) for code in palette])[rng.integers(0, len(palette), count)]
        tints.extend(vary(choices, 0.025, 0.10, rng))
    return panes, np.stack(tints)


def nearest_points(points: FloatArray) -> tuple[LabelArray, int]:
    """For every pixel the number of the nearest of the points, and how many numbers there are."""
    empty = np.full(SIZE, 255, np.uint8)
    empty[points[:, 1].astype(int), points[:, 0].astype(int)] = 0
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    return labels, int(labels.max()) + 1


def edges_of(labels: LabelArray) -> NDArray[np.bool_]:
    """Pixels whose right or lower neighbour has another label."""
    edges = np.zeros(SIZE, bool)
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edges[:-1] |= labels[:-1] != labels[1:]
    return edges


def lead_profile(edges: NDArray[np.bool_], half_width: float) -> FloatArray:
    """Height of the lead cames along the edges: 1 on the middle line, 0 beyond `half_width` pixels."""
    distance = cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, 5)
    height: FloatArray = np.clip((half_width + 0.7 - distance) / (half_width + 0.7), 0.0, 1.0).astype(np.float32)
    return height


def light_glass(glass: FloatArray, panes: LabelArray, rng: np.random.Generator) -> FloatArray:
    """Daylight through uneven glass: each pane brightest at its own spot, with streaks and ripples."""
    columns, rows = grid()
    count = int(panes.max()) + 1
    angle = rng.uniform(0.0, np.pi, count)[panes].astype(np.float32)
    phase = rng.uniform(0.0, 6.0, count)[panes].astype(np.float32)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    swirl = 9.0 * fractal_noise(SIZE, 60, 3, rng)
    streaks = np.sin((along + swirl) / 7.0 + phase) * 0.10
    gradient = 0.24 * np.sin(along / 48.0 + phase)
    ripples = 0.13 * fractal_noise(SIZE, 11, 2, rng)
    inner = cv2.distanceTransform((~edges_of(panes)).astype(np.uint8), cv2.DIST_L2, 5)
    rim = -0.42 * np.exp(-inner / 7.0)
    day = 1.18 - 0.22 * np.hypot((columns - 655.0) / WIDTH, (rows - 235.0) / HEIGHT)
    light = day * (1.0 + streaks + gradient + ripples + rim)
    bright = np.clip(light - 1.12, 0.0, 0.5)[..., None] * 0.7
    shining: FloatArray = np.clip(glass * light[..., None] + bright, 0.0, 1.0).astype(np.float32)
    return shining


def solder(glass: FloatArray, lead: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Lay the leads over the glass: dark metal, round, with a dull light on the upper left."""
    slope = cv2.Sobel(lead, -1, 1, 0, scale=1 / 4) + cv2.Sobel(lead, -1, 0, 1, scale=1 / 4)
    metal = 0.085 + 0.16 * np.clip(slope, 0.0, 1.0) + 0.02 * fractal_noise(SIZE, 6, 2, rng)
    grey = metal[..., None] * np.array([1.0, 1.0, 1.12], np.float32)
    glow = cv2.GaussianBlur(glass, (0, 0), 9.0)
    cover = smoothstep(0.10, 0.30, lead)
    leaded: FloatArray = np.clip(blend(glass, grey.astype(np.float32), cover) + 0.10 * glow, 0.0, 1.0).astype(
        np.float32
    )
    return leaded


# --- Pointillism ------------------------------------------------------------------------------------------


def paint_points() -> FloatArray:
    """A shore in evening light, with trees, sails and their shadows, all in dots of divided colour."""
    rng = np.random.default_rng(17)
    base = compose_shore(rng)
    # Dots are drawn at twice their size and scaled down, which makes them round.
    picture = np.full((2 * HEIGHT, 2 * WIDTH, 3), colour("efe2c4"), np.float32)
    for radius, spacing in ((7.5, 7.4), (5.6, 5.8), (4.2, 5.0), (3.2, 6.2)):
        place_dots(picture, base, radius, spacing, rng)
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def place_dots(picture: FloatArray, base: FloatArray, radius: float, spacing: float, rng: np.random.Generator) -> None:
    """One layer of dots, each in the composition's colour, in a neighbour's or in its complement."""
    places = scatter(SIZE, spacing, rng)
    tints = divide(pick(cv2.GaussianBlur(base, (0, 0), 0.4 * radius), places), rng)
    sizes = np.round(2 * radius * rng.uniform(0.75, 1.15, len(places)) * FINE).astype(int)
    centres = np.round(2 * places * FINE).astype(np.int32)
    for centre, tint, size in zip(centres.tolist(), tints.tolist(), sizes.tolist(), strict=True):
        cv2.circle(picture, centre, size, tint, -1, cv2.LINE_8, SUBPIXELS)


def divide(tints: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Break mixed colours (n, 3) into purer ones that mix in the eye: warmer, cooler, and complements."""
    hsv = cv2.cvtColor(tints[None], cv2.COLOR_RGB2HSV)[0]
    choice = rng.uniform(0.0, 1.0, len(tints))
    hue = hsv[:, 0] + rng.normal(0.0, 9.0, len(tints))
    hue += np.where(choice < 0.16, 32.0, 0.0) - np.where((choice > 0.16) & (choice < 0.32), 32.0, 0.0)
    hue += np.where(choice > 0.91, 180.0, 0.0)
    saturation = np.clip(hsv[:, 1] * rng.uniform(0.9, 1.45, len(tints)) + 0.06, 0.0, 1.0)
    value = np.clip(hsv[:, 2] * rng.normal(1.03, 0.10, len(tints)) + np.where(choice > 0.91, 0.10, 0.0), 0.0, 1.0)
    divided = np.stack([hue % 360.0, saturation, value], axis=1).astype(np.float32)
    pure: FloatArray = cv2.cvtColor(divided[None], cv2.COLOR_HSV2RGB)[0]
    return pure


def compose_shore(rng: np.random.Generator) -> FloatArray:
    """The pointillist picture's composition, (H, W, 3)."""
    columns, rows = grid()
    far = np.hypot(columns - 430.0, rows - 268.0)
    base = blend(colour("5a8fd0"), colour("f7d58a"), smoothstep(0.0, 300.0, rows))
    base = blend(base, colour("f59a5a"), smoothstep(340.0, 60.0, far) * 0.7)
    clouds = fractal_noise((HEIGHT, WIDTH // 4), 60, 4, rng)
    clouds = cv2.resize(clouds, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    base = blend(base, colour("e88fa0"), 0.8 * smoothstep(0.05, 0.4, clouds) * smoothstep(310.0, 180.0, rows))
    base = blend(base, colour("fff4b8"), smoothstep(40.0, 36.0, far))
    far_shore = crest(WIDTH, 292, 16, 220, 4, rng)
    base = blend(base, colour("7a6ab0"), mask(SIZE, below(far_shore, HEIGHT)))
    base = flood(base, rng)
    for x, y, size, code in (
        (300, 388, 92, "fbf0dc"),
        (560, 356, 58, "f6d8b8"),
        (655, 430, 120, "fdf6e6"),
        (180, 340, 36, "f2c8a8"),
    ):
        moor_sail(base, (x, y), size, colour(code))
    return grow_bank(base, rng)


def flood(base: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Water below the far shore, with the sun's broken reflection."""
    columns, rows = grid()
    water = blend(colour("f2b878"), colour("3f7fb8"), smoothstep(312.0, 430.0, rows))
    water = blend(water, colour("1f4f94"), smoothstep(420.0, 600.0, rows))
    waves = fractal_noise((HEIGHT, WIDTH // 7), 12, 3, rng)
    waves = cv2.resize(waves, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    water = blend(water, colour("8fd0d0"), 0.6 * smoothstep(0.1, 0.5, waves))
    track = np.exp(-(((columns - 430.0) / (26.0 + 0.26 * np.maximum(rows - 312.0, 0.0))) ** 2)) * smoothstep(
        -0.25, 0.2, waves
    )
    water = blend(water, colour("ffd88a"), (0.95 * track * (rows > 300)).astype(np.float32))
    return blend(base, water, (rows > 312.0).astype(np.float32))


def moor_sail(base: FloatArray, place: Place, size: float, tint: FloatArray) -> None:
    """A sailing boat with its reflection."""
    (x, y), violet = place, colour("4a3f7a")
    main = [(x, y - 1.5 * size), (x + 0.55 * size, y - 0.1 * size), (x, y - 0.1 * size)]
    jib = [
        (x - 0.05 * size, y - 1.25 * size),
        (x - 0.05 * size, y - 0.1 * size),
        (x - 0.42 * size, y - 0.1 * size),
    ]
    hull = [
        (x - 0.55 * size, y - 0.08 * size),
        (x + 0.65 * size, y - 0.08 * size),
        (x + 0.4 * size, y + 0.14 * size),
        (x - 0.4 * size, y + 0.14 * size),
    ]
    for corners, paint in (
        (main, tint),
        (jib, tint * np.array([0.95, 0.75, 0.68], np.float32)),
        (hull, violet),
    ):
        mirrored = [(px, 2 * y + 0.2 * size - 0.75 * (py - y) - y) for px, py in corners]
        shine = mask(SIZE, mirrored) > 0
        base[shine] = 0.5 * base[shine] + 0.5 * paint
        base[mask(SIZE, corners) > 0] = paint


def grow_bank(base: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The near bank: sunlit grass, long violet shadows, flowers, and trees that frame the view."""
    columns, rows = grid()
    line = (560.0 - 0.16 * np.arange(WIDTH) + 40.0 * np.sin(np.arange(WIDTH) / 150.0)).astype(np.float32)
    line += crest(WIDTH, 0, 10, 90, 3, rng)
    inside = mask(SIZE, below(line, HEIGHT))
    under = rows - line[None, :]
    grass = blend(
        colour("d8c84a"),
        colour("5fa03a"),
        smoothstep(0.0, 130.0, under + 50.0 * fractal_noise(SIZE, 90, 3, rng)),
    )
    grass = blend(grass, colour("2f6a4a"), smoothstep(110.0, 300.0, under))
    stripes = np.sin((columns + 1.9 * rows) / 62.0 + 1.5 * fractal_noise(SIZE, 200, 2, rng))
    grass = blend(grass, colour("3a4a8a"), 0.75 * smoothstep(0.35, 0.7, stripes) * smoothstep(10.0, 60.0, under))
    flowers = fractal_noise(SIZE, 16, 2, rng) + 0.5 * fractal_noise(SIZE, 120, 2, rng)
    grass = blend(grass, colour("e8503a"), smoothstep(0.60, 0.68, flowers))
    grass = blend(grass, colour("f8e8f0"), smoothstep(-0.70, -0.78, flowers))
    base = blend(base, blend(grass, colour("f6e2a0"), smoothstep(16.0, 0.0, under)), inside)
    trees = ((900, 700, 400, 165), (112, 705, 470, 128), (772, 590, 215, 82), (1015, 640, 300, 120))
    for x, foot, tall, wide in sorted(trees, key=lambda tree: tree[1]):
        base = grow_tree(base, (x, foot), tall, wide, rng)
    return base


def grow_tree(base: FloatArray, foot: Place, tall: float, wide: float, rng: np.random.Generator) -> FloatArray:
    """A round-crowned tree, gold where it faces the sun and violet in its shade."""
    columns, rows = grid()
    x, y = foot
    trunk = np.abs(columns - x - 8.0 * np.sin((rows - y) / 60.0)) < 0.045 * tall + 3.0 * (rows > y - 20)
    trunk &= (rows < y) & (rows > y - 0.8 * tall)
    base = blend(base, colour("5a2f5a"), trunk.astype(np.float32))
    ragged = 0.42 * fractal_noise(SIZE, 46, 4, rng, gain=0.65)
    across, up = (columns - x) / wide, (rows - (y - tall)) / (0.62 * tall)
    crown = smoothstep(1.0, 0.93, np.hypot(across, up) + ragged)
    light = 0.9 * np.sign(430.0 - x) * across - 0.8 * up + 3.2 * ragged
    leaf = blend(colour("1f3f6a"), colour("2f8a4a"), smoothstep(-0.7, 0.1, light))
    leaf = blend(leaf, colour("f0b83a"), smoothstep(0.35, 1.0, light))
    return blend(base, leaf, crown)
