"""Two sample pictures after carved and washed originals: a colour wood-block print and an ink wash."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from scripts.samples.brushes import FINE, SUBPIXELS, Place, below, crest, mask, outline
from scripts.samples.noise import FloatArray, blend, colour, fractal_noise, smoothstep

WIDTH, HEIGHT = 1024, 768
# The print is cut at twice its size and scaled down, which smooths its edges.
CUT_WIDTH, CUT_HEIGHT = 2 * WIDTH, 2 * HEIGHT
CUT_SIZE = (CUT_HEIGHT, CUT_WIDTH)

INDIGO, PRUSSIAN, PALE = colour("16264d"), colour("24508a"), colour("9fc0c4")
CREAM, VERMILION, OCHRE, PINE = colour("f2e6c9"), colour("d2402a"), colour("d9a858"), colour("2f5a4a")


def cut_grid() -> tuple[FloatArray, FloatArray]:
    """Column and row of every pixel of the wood-block print before it is scaled down."""
    columns, rows = np.meshgrid(np.arange(CUT_WIDTH, dtype=np.float32), np.arange(CUT_HEIGHT, dtype=np.float32))
    return columns, rows


# --- Wood-block print -------------------------------------------------------------------------------------


def paint_woodblock() -> FloatArray:
    """Mountains over a running sea with a boat and a pine branch: graded flats inside carved contours."""
    rng = np.random.default_rng(8)
    picture = print_sky()
    raise_peaks(picture, rng)
    hang_clouds(picture)
    shape_hills(picture, rng)
    roll_swells(picture, rng)
    reach_branch(picture, rng)
    picture = rub_grain(picture, rng)
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def print_sky() -> FloatArray:
    """Graded sky with the sun's disc."""
    columns, rows = cut_grid()
    picture = blend(INDIGO, colour("7fb0bf"), smoothstep(0.0, 260.0, rows + 22.0 * np.sin(columns / 310.0)))
    picture = blend(picture, CREAM, smoothstep(180.0, 560.0, rows))
    picture = blend(picture, colour("efb58a"), smoothstep(560.0, 900.0, rows))
    disc = smoothstep(171.0, 168.0, np.hypot(columns - 1440.0, rows - 420.0))
    graded = blend(VERMILION, colour("ee8a4a"), smoothstep(300.0, 600.0, rows))
    return blend(picture, graded, disc)


def raise_peaks(picture: FloatArray, rng: np.random.Generator) -> None:
    """Three mountains, snow on the highest, each graded from its top and hatched down its shaded side."""
    peaks = (
        (1650, 560, 640, ("6f93ab", "d9c7a4"), False),
        (330, 470, 600, ("4f7a9c", "d5c9ab"), True),
        (860, 250, 860, ("24508a", "e6cfa8"), True),
    )
    for x, top, half, codes, snowy in peaks:
        draw_peak(picture, (x, top), half, (colour(codes[0]), colour(codes[1])), snowy, rng)


def draw_peak(
    picture: FloatArray,
    summit: Place,
    half: float,
    tints: tuple[FloatArray, FloatArray],
    snowy: bool,
    rng: np.random.Generator,
) -> None:
    """One mountain with concave flanks that spread to `half` at the sea's level."""
    columns, rows = cut_grid()
    foot = 1010.0
    tall = foot - summit[1]
    across = np.arange(CUT_WIDTH, dtype=np.float32)
    share = np.clip(np.abs(across - summit[0]) / half, 0.0, 1.0)
    skyline = summit[1] + tall * share**0.74 + 9.0 * fractal_noise((1, CUT_WIDTH), 70, 4, rng)[0]
    inside = mask(CUT_SIZE, below(skyline, CUT_HEIGHT)) * (rows < foot + 60)
    body = blend(tints[0], tints[1], smoothstep(summit[1] + 0.15 * tall, foot, rows))
    picture[:] = blend(picture, body, inside)
    if snowy:
        teeth = 0.30 * tall + 46.0 * np.abs(((across / 62.0 + 0.35 * np.sin(across / 90.0)) % 1.0) * 2.0 - 1.0)
        line = summit[1] + teeth + 0.12 * tall * np.sin(across / 47.0) * share
        snow = inside * (rows < line[None, :]) * (rows > 0)
        shade = smoothstep(6.0, -6.0, columns - summit[0] - 0.22 * (rows - summit[1]))
        picture[:] = blend(picture, blend(colour("f7efdc"), colour("b9cdd2"), shade), snow)
        near = np.abs(across - summit[0]) < 0.34 * half
        hem = np.stack([across, line], axis=1)[near & (line > skyline)]
        outline(picture, hem[::8], INDIGO, 4.0)
    hatch_flank(picture, summit, half, tall, skyline, rng)
    outline(picture, np.stack([across, skyline], axis=1)[share < 1.0][::10], INDIGO, 8.0)


def hatch_flank(
    picture: FloatArray,
    summit: Place,
    half: float,
    tall: float,
    skyline: FloatArray,
    rng: np.random.Generator,
) -> None:
    """Carved strokes that fan out down the shaded left flank, and a few down the right one."""
    for side, count in ((-1.0, 44), (1.0, 16)):
        for start in np.sort(rng.uniform(0.03, 0.85, count)):
            length = rng.uniform(0.10, 0.22)
            share = np.linspace(start, start + length, 9)
            x = summit[0] + side * half * share * (0.80 + 0.2 * start)
            column = np.clip(x.astype(int), 0, CUT_WIDTH - 1)
            drop = 26.0 + 190.0 * start * rng.uniform(0.1, 1.0)
            y = skyline[column] + drop + np.linspace(0.0, 0.11 * tall, 9)
            outline(picture, np.stack([x, y], axis=1), INDIGO, 5.0)


def hang_clouds(picture: FloatArray) -> None:
    """Bars of mist with round ends, cream and outlined, some before the mountains."""
    bars = (
        (1180, 505, 620, 26),
        (1330, 566, 780, 30),
        (-60, 640, 560, 28),
        (120, 702, 760, 34),
        (820, 792, 700, 26),
    )
    for x, y, length, thick in bars:
        ends = np.array([(x, y), (x + length, y)], float) * FINE
        first, last = ends.round().astype(np.int32)
        for tint, width in ((INDIGO, 2 * thick + 8), (CREAM, 2 * thick)):
            cv2.line(picture, first, last, tint.tolist(), width, cv2.LINE_8, SUBPIXELS)
        inner = np.array([(x + 30, y + 0.45 * thick), (x + 0.8 * length, y + 0.45 * thick)])
        outline(picture, np.linspace(inner[0], inner[1], 20), colour("d8b487"), 4.0)


def shape_hills(picture: FloatArray, rng: np.random.Generator) -> None:
    """Wooded headlands along the far shore, dotted with small pines."""
    _, rows = cut_grid()
    for level, swing, start, end, tint in ((930, 60, 1060, 2048, OCHRE), (975, 45, -80, 760, PINE)):
        line = crest(CUT_WIDTH, level, swing, 340, 3, rng)
        across = np.arange(CUT_WIDTH)
        edge = np.minimum(across - start, end - across) if start > 0 and end < CUT_WIDTH else None
        rise = (across - start if start > 0 else end - across) if edge is None else edge
        line = (1060.0 - (1060.0 - line) * np.clip(rise / 240.0, 0.0, 1.0) ** 0.6).astype(np.float32)
        inside = mask(CUT_SIZE, below(line, CUT_HEIGHT)) * (rows < 1060)
        picture[:] = blend(picture, blend(tint, tint * np.float32(0.55), smoothstep(900.0, 1060.0, rows)), inside)
        land = (rise > 0) & (line < 1050)
        outline(picture, np.stack([across, line], axis=1)[land][::10], INDIGO, 7.0)
        for x in rng.choice(across[land], 46):
            draw_small_pine(picture, float(x), float(line[x]) + rng.uniform(4.0, 70.0), rng.uniform(20.0, 34.0))


def draw_small_pine(picture: FloatArray, x: float, y: float, size: float) -> None:
    """A pine on a far hill: three flat pads of needles over a stem."""
    outline(picture, [(x, y), (x + 0.1 * size, y - 1.3 * size)], INDIGO, 4.0)
    for lift, half in ((0.55, 0.7), (0.95, 0.52), (1.35, 0.32)):
        centre = round(x * FINE), round((y - lift * size) * FINE)
        axes = round(half * size * FINE), round(0.22 * size * FINE)
        cv2.ellipse(picture, centre, axes, 0.0, 0.0, 360.0, (PINE * 0.7).tolist(), -1, cv2.LINE_8, SUBPIXELS)
        cv2.ellipse(picture, centre, axes, 0.0, 180.0, 360.0, INDIGO.tolist(), 3, cv2.LINE_8, SUBPIXELS)


def roll_swells(picture: FloatArray, rng: np.random.Generator) -> None:
    """The sea in rows of swells that grow towards the viewer, each with carved lines and a foaming crest."""
    levels = 1012.0 + 470.0 * np.linspace(0.0, 1.0, 9) ** 1.35
    for number, level in enumerate(levels):
        size = 14.0 + 17.0 * number
        line = swell_line(level, size, number * 1.9, rng)
        print_swell(picture, line, size, number / (len(levels) - 1))
        if number == 3:
            sail_boat(picture, 1290.0, float(line[1290]) + 8.0, 150.0)
        if number >= 2:
            foam_crest(picture, line, size, rng)


def swell_line(level: float, size: float, phase: float, rng: np.random.Generator) -> FloatArray:
    """Crest line (W,) of one row of swells: peaked tops, round troughs."""
    across = np.arange(CUT_WIDTH, dtype=np.float32)
    turn = across / (4.6 * size) + phase + 0.7 * fractal_noise((1, CUT_WIDTH), 500, 2, rng)[0]
    peaked = 1.0 - 2.0 * np.abs(np.sin(turn / 1.5)) ** 0.8
    tall = 0.62 + 0.38 * np.sin(turn / 3.7 + phase)
    line: FloatArray = (level - size * peaked * tall).astype(np.float32)
    return line


def print_swell(picture: FloatArray, line: FloatArray, size: float, nearness: float) -> None:
    """Grade the water under a crest line from pale to dark and carve lines that follow the crest."""
    _, rows = cut_grid()
    under = rows - line[None, :]
    inside = mask(CUT_SIZE, below(line, CUT_HEIGHT))
    light = blend(colour("c9d8c6"), PALE, np.float32(nearness) * np.ones(1, np.float32))[0]
    deep = blend(colour("4f86a4"), INDIGO, np.float32(nearness**0.8) * np.ones(1, np.float32))[0]
    water = blend(light, PRUSSIAN, smoothstep(0.10 * size, 0.9 * size, under))
    water = blend(water, deep, smoothstep(0.6 * size, 2.3 * size, under))
    picture[:] = blend(picture, water, inside)
    across = np.arange(CUT_WIDTH, dtype=np.float32)
    for rank, depth in enumerate((0.34, 0.62, 0.95, 1.4)):
        flat = line + depth * size + 0.22 * (depth * size) * np.sin(across / (2.3 * size) + rank)
        # Carved lines break off here and there, in a rhythm of their own for each depth.
        cut = np.sin(across / (3.1 * size) + 2.1 * rank) > -0.55
        for run in np.split(np.arange(CUT_WIDTH), np.flatnonzero(np.diff(cut)) + 1):
            if cut[run[0]] and len(run) > 20:
                tint = CREAM if rank % 2 == 0 else INDIGO
                outline(picture, np.stack([run, flat[run]], axis=1)[::8], tint, 2.0 + 0.055 * size)
    outline(picture, np.stack([across, line], axis=1)[::8], INDIGO, 4.0 + 0.035 * size)


def foam_crest(picture: FloatArray, line: FloatArray, size: float, rng: np.random.Generator) -> None:
    """Scalloped foam on the peaks of a crest line, and spray thrown off them."""
    smooth = cv2.GaussianBlur(line[None], (0, 0), 3.0)[0]
    tops = np.flatnonzero((smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] <= smooth[2:])) + 1
    for top in tops:
        for offset in np.linspace(-1.5, 1.5, 11):
            x = int(np.clip(top + offset * size, 0, CUT_WIDTH - 1))
            radius = size * 0.19 * (1.15 - 0.42 * abs(offset)) * rng.uniform(0.85, 1.15)
            centre = round((top + offset * size) * FINE), round((float(line[x]) + 0.35 * radius) * FINE)
            for tint, grow in ((INDIGO, 3.0), (colour("f9f3e2"), 0.0)):
                cv2.circle(picture, centre, round((radius + grow) * FINE), tint.tolist(), -1, cv2.LINE_8, SUBPIXELS)
        for _ in range(9):
            aside, lift = rng.normal(0.0, 0.9) * size, rng.uniform(0.35, 1.05) * size
            centre = round((top + aside) * FINE), round((float(line[top]) - lift) * FINE)
            cv2.circle(
                picture,
                centre,
                round(rng.uniform(0.03, 0.07) * size * FINE),
                CREAM.tolist(),
                -1,
                cv2.LINE_8,
                SUBPIXELS,
            )


def sail_boat(picture: FloatArray, x: float, y: float, size: float) -> None:
    """A boat with one square sail, tilted by the sea."""

    def place(across: float, up: float) -> Place:
        return x + size * (across - 0.10 * up), y - size * (up + 0.10 * across)

    hull = [
        place(-0.75, 0.16),
        place(-0.5, -0.12),
        place(0.5, -0.12),
        place(0.85, 0.26),
        place(0.5, 0.08),
        place(-0.5, 0.06),
    ]
    sail = [
        place(-0.34, 0.34),
        place(0.36, 0.30),
        place(0.30, 0.85),
        place(0.26, 1.34),
        place(-0.30, 1.36),
        place(-0.42, 0.85),
    ]
    outline(picture, [place(0.0, 0.0), place(0.0, 1.5)], INDIGO, 9.0)
    for corners, tint in ((sail, CREAM), (hull, VERMILION)):
        picture[mask(CUT_SIZE, corners) > 0] = tint
        closed = np.array([*corners, corners[0]])
        for start, end in itertools.pairwise(closed):
            outline(picture, np.linspace(start, end, 8), INDIGO, 8.0)
    for across in (-0.16, 0.02, 0.19):
        outline(
            picture,
            [place(across, 0.33), place(across * 0.9, 0.85), place(across * 0.85, 1.33)],
            VERMILION,
            6.0,
        )


def reach_branch(picture: FloatArray, rng: np.random.Generator) -> None:
    """A pine branch that hangs into the picture from the upper left."""
    stem = np.array([(-30, 60), (140, 150), (280, 150), (430, 250), (560, 255), (690, 330)], float)
    twigs = [
        (140, 150, 230, 300),
        (280, 150, 420, 90),
        (430, 250, 470, 400),
        (560, 255, 690, 190),
        (60, 105, 60, 290),
    ]
    for start, end in itertools.pairwise(stem):
        outline(picture, np.linspace(start, end, 12), INDIGO, 30.0)
        outline(picture, np.linspace(start, end, 12), colour("8a5a3a"), 18.0)
    fans = [tuple(stem[-1]), (420.0, 240.0), (300.0, 150.0), (150.0, 140.0)]
    for x0, y0, x1, y1 in twigs:
        outline(picture, np.linspace((x0, y0), (x1, y1), 10), INDIGO, 13.0)
        fans += [(float(x1), float(y1)), ((x0 + x1) / 2, (y0 + y1) / 2)]
    for fan in fans:
        spread_needles(picture, fan, rng)


def spread_needles(picture: FloatArray, root: Place, rng: np.random.Generator) -> None:
    """A round fan of needles: a flat of green under carved dark and pale strokes."""
    x, y = root
    centre = round(x * FINE), round((y - 12.0) * FINE)
    cv2.ellipse(picture, centre, (86 * FINE, 56 * FINE), 0, 0, 360, PINE.tolist(), -1, cv2.LINE_8, SUBPIXELS)
    for number, angle in enumerate(np.linspace(0.0, 2 * np.pi, 46, endpoint=False)):
        reach = rng.uniform(0.85, 1.15)
        tip = x + 98.0 * reach * np.cos(angle), y - 12.0 + 64.0 * reach * np.sin(angle)
        tint = colour("8fae6a") if number % 3 == 0 else INDIGO
        outline(picture, np.linspace((x, y - 6.0), tip, 4), tint, 4.0)


def rub_grain(picture: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Grain of the block and fibre of the paper, as they show in printed flats."""
    bend = 26.0 * fractal_noise((HEIGHT, WIDTH), 300, 3, rng)
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None] + bend
    rings = np.sin(rows / 3.1 + 2.0 * np.sin(rows / 17.0)).astype(np.float32)
    paper = fractal_noise((HEIGHT, WIDTH), 5, 3, rng, gain=0.8)
    texture = cv2.resize(0.020 * rings + 0.045 * paper, (CUT_WIDTH, CUT_HEIGHT), interpolation=cv2.INTER_LINEAR)
    rubbed: FloatArray = np.clip(picture * (1.0 + texture[..., None]), 0.0, 1.0).astype(np.float32)
    return rubbed
