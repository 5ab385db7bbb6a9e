"""The shot "flight": over a mountain lake towards the evening sun, with exact motion.

The camera neither rolls nor pitches (the picture is framed by shifting the lens), so every picture column is
a vertical plane through the height field, and a ray's first hit is a search in that column's profile. The
light is baked into the ground's texture and the clouds stand at infinity: nothing changes but the view.

Lengths are in world units (a grown fir is about two units high); x points right, y up, z into the picture,
and the lake lies at y = 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.samples.frames import RenderedFrame, is_inside, pixel_grid, to_bytes
from scripts.samples.noise import FloatArray, blend, colour, fractal_noise, smoothstep, value_noise

IndexArray = NDArray[np.intp]

SEED = 21
LEFT, RIGHT, NEAR, FAR = -120.0, 130.0, 0.0, 250.0
LIGHT_AZIMUTH, LIGHT_SLOPE = np.radians(72.0), 0.34
SUN_AZIMUTH, SUN_SLOPE = np.radians(17.0), 0.155
HAZE_LENGTH = 190.0
OVERSAMPLING = 2
DETAIL_TEXEL, DETAIL_SIZE = 0.025, 1024
SKY_WIDTH, SKY_HEIGHT, SKY_HALF_ANGLE, SKY_TOP_SLOPE = 2048, 768, np.radians(50.0), 0.75


@dataclass(frozen=True)
class Camera:
    """A level camera; yaw in radians to the right, picture sizes in pixels."""

    x: float
    y: float
    z: float
    yaw: float
    width: int
    height: int

    @property
    def focal(self) -> float:
        return 0.87 * self.width

    @property
    def horizon(self) -> float:
        """Row of the horizon, in pixels from the centre of the top row."""
        return 0.43 * self.height

    def slopes(self, columns: FloatArray) -> FloatArray:
        """Sideways travel of the rays through `columns` per unit of depth."""
        return ((columns - (self.width - 1) / 2) / self.focal).astype(np.float32)

    def ground(self, columns: FloatArray, depths: FloatArray) -> tuple[FloatArray, FloatArray]:
        """World x and z of the points at `depths` on the rays through `columns`."""
        slopes = self.slopes(columns)
        sine, cosine = np.float32(np.sin(self.yaw)), np.float32(np.cos(self.yaw))
        x = np.float32(self.x) + depths * (sine + slopes * cosine)
        z = np.float32(self.z) + depths * (cosine - slopes * sine)
        return x, z

    def project(self, x: FloatArray, y: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Column, row and depth of world points."""
        right, ahead = x - self.x, z - self.z
        depth = right * np.sin(self.yaw) + ahead * np.cos(self.yaw)
        sideways = right * np.cos(self.yaw) - ahead * np.sin(self.yaw)
        column = (self.width - 1) / 2 + self.focal * sideways / depth
        row = self.horizon + self.focal * (self.y - y) / depth
        return column, row, depth


class Landscape(NamedTuple):
    """Everything that stands still.

    Heights and lit colours have a sample every `texel` world units, rows along z and columns along x. The
    detail, a grain that repeats endlessly, lends near ground the roughness the colours are too coarse for.
    Colours and detail are pyramids, each level half as fine as the one before.
    """

    texel: float
    heights: FloatArray
    colours: list[FloatArray]
    detail: list[FloatArray]
    sky: FloatArray


class Sighting(NamedTuple):
    """What rays meet: where (depth; infinite for the sky) and by which way (over the lake's mirror or not).

    For mirrored rays `depth` is that of the mirrored point, seen straight on below the water.
    """

    depth: FloatArray
    mirrored: NDArray[np.bool_]


def camera_at(frame: int, width: int, height: int) -> Camera:
    """The camera of one frame, gliding forward and down with a slight turn."""
    return Camera(
        x=-3.0 + 0.045 * frame,
        y=6.0 - 0.022 * frame,
        z=1.0 + 0.34 * frame,
        yaw=float(np.radians(1.0 - 0.04 * frame)),
        width=width,
        height=height,
    )


def render_flight(frames: int, width: int, height: int, both_ways: bool = False) -> Iterator[RenderedFrame]:
    """Frames of the flight. Flow on the lake is that of the mirrored things, which its pixels show."""
    # Small pictures need no finer ground; it is made in a quarter of the time.
    land = build_landscape(0.1 if width > 320 else 0.2)
    previous: Columns | None = None
    for frame in range(frames):
        camera = camera_at(frame, width, height)
        image = shade(land, camera)
        columns = Columns(land, camera, 1)
        flow = np.zeros((height, width, 2), np.float32)
        visible = np.zeros((height, width), bool)
        forth = np.zeros_like(flow) if both_ways else None
        if previous is not None:
            flow, visible = trace_motion(columns, previous)
            if both_ways:
                forth, _ = trace_motion(previous, columns)
        yield RenderedFrame(to_bytes(image), flow, visible, forth)
        previous = columns


# --- The height field -------------------------------------------------------------------------------------


@cache
def build_landscape(texel: float) -> Landscape:
    """Model, light and paint the landscape with a sample every `texel` world units."""
    for_ground, for_trees, for_paint, for_detail, for_sky = np.random.default_rng(SEED).spawn(5)
    bare = raise_ground(texel, for_ground)
    trees = plant_trees(bare, texel, for_trees)
    heights = bare + trees
    lit = paint_ground(bare, trees, texel, for_paint)
    lit *= light_ground(heights, texel)
    colours = halvings(np.clip(lit, 0.0, 1.0, out=lit), 7)
    return Landscape(texel, heights, colours, halvings(grain_detail(for_detail), 6), paint_sky(for_sky))


def halvings(picture: FloatArray, count: int) -> list[FloatArray]:
    """The picture at full size, half, a quarter, ..."""
    levels = [picture]
    while len(levels) < count:
        columns, rows = levels[-1].shape[1] // 2, levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (columns, rows), interpolation=cv2.INTER_AREA))
    return levels


def grain_detail(rng: np.random.Generator) -> FloatArray:
    """Brightness factors around 1 of a patch of rough ground whose opposite edges match."""
    spectrum = np.fft.rfft2(rng.standard_normal((DETAIL_SIZE, DETAIL_SIZE)))
    pitch = np.hypot(np.fft.fftfreq(DETAIL_SIZE)[:, None], np.fft.rfftfreq(DETAIL_SIZE)[None, :])
    # Weaker the finer, but nothing so coarse that the repetition would strike the eye.
    spectrum *= (pitch / (pitch**2 + 0.012**2)) ** 1.0 * np.exp(-((pitch / 0.22) ** 2))
    grain = np.fft.irfft2(spectrum)
    factors: FloatArray = (1.0 + 0.17 * np.clip(grain / grain.std(), -2.2, 2.2)).astype(np.float32)
    return factors


def ground_grid(texel: float) -> tuple[FloatArray, FloatArray]:
    """World x and z of the height field's samples."""
    x = np.arange(LEFT, RIGHT, texel, dtype=np.float32)
    z = np.arange(NEAR, FAR, texel, dtype=np.float32)
    grid_x, grid_z = np.meshgrid(x, z)
    return grid_x, grid_z


def raise_ground(texel: float, rng: np.random.Generator) -> FloatArray:
    """Heights without trees: rolling shores, a lake basin and a range of mountains behind it."""
    x, z = ground_grid(texel)
    shape = x.shape
    hills = fractal_noise(shape, 28.0 / texel, 7, rng, gain=0.45)
    crests = fractal_noise(shape, 52.0 / texel, 8, rng, gain=0.47, ridged=True)
    bend = 9.0 * value_noise(shape, 33.0 / texel, rng)
    # Distance from the lake's middle, in lake radii; the noise makes bays and headlands.
    basin = np.hypot((x - 6.0 + 0.8 * bend) / 43.0, (z - 66.0 + bend) / 42.0) + 0.10 * hills
    shore = smoothstep(0.86, 1.7, basin)
    mountains = smoothstep(92.0, 190.0, z + 0.9 * np.abs(x - 12.0)) * (8.0 + 46.0 * crests**1.5)
    # A gap in the range for the sun to set in.
    mountains *= 1.0 - 0.72 * np.exp(-(((np.arctan2(x, z) - SUN_AZIMUTH) / 0.15) ** 2))
    flanks = smoothstep(28.0, 85.0, np.abs(x - 4.0)) * (4.0 + 17.0 * crests)
    ground = (0.4 + 2.6 * (hills + 0.6)) * smoothstep(0.9, 1.25, basin) + shore * (mountains + flanks)
    return (ground - 1.2 * (1.0 - smoothstep(0.80, 0.95, basin))).astype(np.float32)


def plant_trees(ground: FloatArray, texel: float, rng: np.random.Generator) -> FloatArray:
    """Heights of firs above the ground: ragged cones, in woods that thin out uphill."""
    trees = np.zeros_like(ground)
    woods = fractal_noise(ground.shape, 16.0 / texel, 3, rng)
    slope = np.hypot(*ground_slopes(ground, texel))
    count = 52000
    places = rng.uniform((LEFT + 4.0, NEAR + 4.0), (RIGHT - 4.0, FAR - 4.0), (count, 2))
    sizes = rng.uniform(0.7, 1.0, count) ** 1.5
    for (x, z), size in zip(places.tolist(), sizes.tolist(), strict=True):
        row, column = round((z - NEAR) / texel), round((x - LEFT) / texel)
        height = ground[row, column]
        if not 0.35 < height < 15.0 + 4.0 * woods[row, column] or slope[row, column] > 1.3:
            continue
        in_the_way = z < 32.0 and -7.5 < x < 10.0
        if woods[row, column] > 0.02 + 0.02 * height and not in_the_way:
            add_fir(trees, row, column, 2.5 * size / texel, 0.75 * size / texel)
    trees *= texel
    boughs = 0.42 * value_noise(ground.shape, 0.17 / texel, rng) * np.minimum(trees, 1.0)
    return np.maximum(trees + boughs, 0.0)


def add_fir(trees: FloatArray, row: int, column: int, height: float, radius: float) -> None:
    """Raise one fir in the field of tree heights, all in units of its samples' distance."""
    reach = int(np.ceil(radius))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    angle = np.arctan2(dy, dx)
    lobes = 1.0 + 0.16 * np.sin(7.0 * angle + column) + 0.1 * np.sin(4.0 * angle + row)
    cone = height * (1.0 - np.hypot(dx, dy) * lobes / radius)
    patch = trees[row - reach : row + reach + 1, column - reach : column + reach + 1]
    np.maximum(patch, cone, out=patch)


def paint_ground(ground: FloatArray, trees: FloatArray, texel: float, rng: np.random.Generator) -> FloatArray:
    """Surface colours (rows, columns, 3) before lighting."""
    size = ground.shape[1], ground.shape[0]
    # Half the resolution will do for the soil: light, trees and detail bring the finer structure.
    soil = paint_soil(cv2.resize(ground, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 2 * texel, rng)
    colours = cv2.resize(soil, size, interpolation=cv2.INTER_LINEAR)
    tinge = fractal_noise(ground.shape, 1.2 / texel, 3, rng, gain=0.8)
    tinge += 0.7 * value_noise(ground.shape, 0.25 / texel, rng)
    wooded = trees > 0.02
    needles = blend(colour("173024"), colour("6f8a34"), smoothstep(-0.9, 0.9, tinge[wooded]))
    colours[wooded] = blend(colours[wooded], needles, smoothstep(0.03, 0.15, trees[wooded]))
    return colours


def paint_soil(ground: FloatArray, texel: float, rng: np.random.Generator) -> FloatArray:
    """Colours of meadow, heath, rock, sand and snow by height, steepness and chance."""
    shape = ground.shape
    patches = fractal_noise(shape, 12.0 / texel, 5, rng, gain=0.6)
    grain = fractal_noise(shape, 1.0 / texel, 3, rng, gain=0.8)
    strata = np.sin(ground * 1.7 + 9.0 * patches).astype(np.float32)
    steepness = np.hypot(*ground_slopes(ground, texel))
    meadow = blend(colour("6f8a2e"), colour("c9a23a"), smoothstep(-0.35, 0.45, patches + 0.35 * grain))
    heath = blend(meadow, colour("9a4f2c"), smoothstep(0.12, 0.5, patches - 0.3 * grain + 0.015 * ground))
    rock = blend(colour("6d5a5c"), colour("b08d78"), smoothstep(-1.1, 1.1, 0.6 * strata + 1.1 * grain))
    soil = blend(heath, rock, smoothstep(0.75, 1.15, steepness + 0.25 * grain + 0.012 * ground))
    sand = blend(colour("5b5a50"), colour("cdb184"), smoothstep(0.0, 0.22, ground + 0.06 * grain))
    soil = blend(soil, sand, smoothstep(0.42, 0.16, ground + 0.14 * grain))
    snow = smoothstep(15.5, 19.0, ground + 3.0 * patches + 1.2 * grain - 3.0 * (steepness - 0.9))
    return blend(soil, colour("fbf3ee"), snow)


def ground_slopes(heights: FloatArray, texel: float) -> tuple[FloatArray, FloatArray]:
    """Slope along x and along z of a height field with samples `texel` apart."""
    slope_x = cv2.Sobel(heights, cv2.CV_32F, 1, 0, scale=1 / (8 * texel))
    slope_z = cv2.Sobel(heights, cv2.CV_32F, 0, 1, scale=1 / (8 * texel))
    return slope_x, slope_z


def light_ground(heights: FloatArray, texel: float) -> FloatArray:
    """Colour of the light (rows, columns, 3) on the ground: low warm sun with soft shadows, blue sky.

    The light comes from further to the side than the sun stands in the picture: light across the view
    models the slopes, light along it would leave them flat.
    """
    slope_x, slope_z = ground_slopes(heights, texel)
    steep = np.sqrt(1.0 + slope_x**2 + slope_z**2)
    light_x, light_z = np.sin(LIGHT_AZIMUTH), np.cos(LIGHT_AZIMUTH)
    norm = np.sqrt(1.0 + LIGHT_SLOPE**2)
    lambert = (LIGHT_SLOPE - slope_x * light_x - slope_z * light_z) / (norm * steep)
    sun = np.clip(lambert, 0.0, 1.0) * (1.0 - cast_shadows(heights, texel))
    openness = 0.55 + 0.45 / steep
    warm, cool = np.array([2.05, 1.52, 0.95], np.float32), np.array([0.40, 0.47, 0.68], np.float32)
    light: FloatArray = (sun[..., None] * warm + openness[..., None] * cool).astype(np.float32)
    return light


def cast_shadows(heights: FloatArray, texel: float) -> FloatArray:
    """Share of the sun, 0 to 1, hidden from each ground sample."""
    shadow = np.zeros_like(heights)
    size = heights.shape[1], heights.shape[0]
    distances = 0.25 * 1.13 ** np.arange(46)
    for distance in distances:
        shift_x = distance * np.sin(LIGHT_AZIMUTH) / texel
        shift_z = distance * np.cos(LIGHT_AZIMUTH) / texel
        move = np.array([[1, 0, shift_x], [0, 1, shift_z]], np.float32)
        towards_sun = cv2.warpAffine(
            heights,
            move,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        excess = towards_sun - heights - np.float32(distance * LIGHT_SLOPE)
        np.maximum(shadow, excess / np.float32(0.08 + 0.05 * distance), out=shadow)
    return np.clip(shadow, 0.0, 1.0)


def paint_sky(rng: np.random.Generator) -> FloatArray:
    """The sky as a panorama: azimuth across, slope above the horizon upwards from the bottom row."""
    azimuth = np.linspace(-SKY_HALF_ANGLE, SKY_HALF_ANGLE, SKY_WIDTH, dtype=np.float32)[None, :]
    slope = np.linspace(SKY_TOP_SLOPE, -0.05, SKY_HEIGHT, dtype=np.float32)[:, None]
    shape = (SKY_HEIGHT, SKY_WIDTH)
    tall = np.broadcast_to(slope, shape)
    sky = blend(colour("ffcf86"), colour("f2a27e"), smoothstep(0.0, 0.12, tall))
    sky = blend(sky, colour("a98fb0"), smoothstep(0.08, 0.25, tall))
    sky = blend(sky, colour("4f74ad"), smoothstep(0.18, 0.42, tall))
    sky = blend(sky, colour("26497f"), smoothstep(0.36, 0.75, tall))
    from_sun = np.hypot(azimuth - SUN_AZIMUTH, slope - SUN_SLOPE).astype(np.float32)
    glow = np.exp(-from_sun / 0.05) * 0.5 + np.exp(-from_sun / 0.16) * 0.7 + np.exp(-from_sun / 0.5) * 0.35
    sky += glow[..., None] * np.array([0.55, 0.36, 0.10], np.float32)
    sky = lay_clouds(sky, tall, glow, rng)
    disc = smoothstep(0.031, 0.023, from_sun)
    return np.clip(blend(sky, colour("fff8d2"), disc), 0.0, 1.0)


def lay_clouds(sky: FloatArray, slope: FloatArray, glow: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Long clouds over the sky, lit from below and gilded near the sun."""
    # Noise stretched sideways and squeezed towards the horizon, as banks of cloud recede.
    stretched = fractal_noise((SKY_HEIGHT, SKY_WIDTH // 3), 110, 7, rng, gain=0.52)
    stretched = cv2.resize(stretched, (SKY_WIDTH, SKY_HEIGHT), interpolation=cv2.INTER_CUBIC)
    source_rows = (SKY_HEIGHT - 1) * (1.0 - np.clip(slope / SKY_TOP_SLOPE, 0.0, 1.0) ** 0.6)
    columns = np.broadcast_to(np.arange(SKY_WIDTH, dtype=np.float32), slope.shape)
    source = np.ascontiguousarray(columns), source_rows.astype(np.float32)
    density = cv2.remap(stretched, *source, cv2.INTER_LINEAR)
    above = cv2.remap(np.roll(stretched, 22, axis=0), *source, cv2.INTER_LINEAR)
    cover = smoothstep(-0.02, 0.34, density + 0.05) * smoothstep(0.0, 0.10, slope)
    lit = np.clip(0.55 + 1.5 * (density - above), 0.0, 1.0)
    shade = blend(colour("8c6f96"), colour("ffb98a"), lit.astype(np.float32))
    shade += (0.35 * glow)[..., None] * np.array([0.8, 0.5, 0.15], np.float32)
    return blend(sky, shade, 0.88 * cover)


# --- Casting rays -----------------------------------------------------------------------------------------


class Columns:
    """The landscape's profile under every picture column, ready to be searched for what a ray hits first.

    Profiles hold, for a row of growing depths, the picture row at which the surface appears, and for the
    mirrored profiles its image in the lake (negated: a mirrored ray rises as its row sinks).
    """

    def __init__(self, land: Landscape, camera: Camera, oversampling: int) -> None:
        self.land, self.camera, self.oversampling = land, camera, oversampling
        steps = 500 + camera.width * 3 // 2
        self.depths = np.geomspace(2.0, 235.0, steps).astype(np.float32)
        centres = (np.arange(camera.width * oversampling) + 0.5) / oversampling - 0.5
        heights = surface_heights(land, *camera.ground(centres.astype(np.float32), self.depths[:, None]))
        dry = np.maximum(heights, 0.0)
        scale = np.float32(camera.focal) / self.depths[:, None]
        self.direct = range_minima(camera.horizon + scale * (camera.y - dry))
        self.mirror = range_minima(-(camera.horizon + scale * (camera.y + dry)))

    def look(self, columns: FloatArray, rows: FloatArray, clearance: float = 0.0) -> Sighting:
        """What rays through places in the picture (pixels) meet, in arrays of the places' shape.

        With a clearance the rays pass that many pixels above what they would graze.
        """
        camera = self.camera
        index = np.rint((columns + 0.5) * self.oversampling - 0.5).astype(np.intp)
        index = np.clip(index, 0, self.direct[0].shape[1] - 1)
        ground = self._first_hit(self.direct, index, rows - clearance, np.zeros_like(index))
        below = rows > camera.horizon + 1e-3
        lake = camera.focal * camera.y / np.where(below, rows - camera.horizon, 1.0)
        height = surface_heights(self.land, *camera.ground(columns, np.minimum(ground, FAR).astype(np.float32)))
        wet = below & np.isfinite(ground) & (height < 0.0)
        depth = ground.copy()
        # From the sample after next on: rounding could let the water's own surface seem to be hit.
        start = np.searchsorted(self.depths, lake[wet]).astype(np.intp) + 1
        depth[wet] = self._first_hit(self.mirror, index[wet], -(rows[wet] + clearance), start)
        return Sighting(depth, wet)

    def _first_hit(
        self, minima: list[FloatArray], index: IndexArray, rows: FloatArray, start: IndexArray
    ) -> FloatArray:
        """Depth at which the profiles, searched from sample `start` on, first reach up to the rows."""
        count, width = minima[0].shape
        place = start.copy()
        for power in reversed(range(len(minima))):
            span = 1 << power
            fits = place + span <= count
            lowest = minima[power].ravel()[np.minimum(place, len(minima[power]) - 1) * width + index]
            place += np.where(fits & (lowest > rows), span, 0)
        profile = minima[0].ravel()
        hit = np.clip(place, 1, count - 1)
        near, far = self.depths[hit - 1], self.depths[hit]
        # Heights, not picture rows, run straight between samples: hence the weighting by depth.
        gap_near = np.maximum(profile[(hit - 1) * width + index] - rows, 0.0) * near
        gap_far = np.minimum(profile[hit * width + index] - rows, 0.0) * far
        share = gap_near / np.maximum(gap_near - gap_far, 1e-9)
        return np.where(place < count, near + share * (far - near), np.inf).astype(np.float32)


def range_minima(profile: FloatArray) -> list[FloatArray]:
    """Minima over 1, 2, 4, ... successive rows of a profile: entry k holds those over 2**k rows."""
    minima = [np.ascontiguousarray(profile, np.float32)]
    while 2 * (span := 1 << (len(minima) - 1)) <= len(profile):
        minima.append(np.minimum(minima[-1][:-span], minima[-1][span:]))
    return minima


def surface_heights(land: Landscape, x: FloatArray, z: FloatArray) -> FloatArray:
    """Heights at world places; beyond the modelled ground its edge goes on."""
    return cv2.remap(
        land.heights,
        ((x - LEFT) / land.texel).astype(np.float32),
        ((z - NEAR) / land.texel).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(x.shape)


def trace_motion(now: Columns, before: Columns) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Flow to the frame before and where it is visible there, as in RenderedFrame."""
    camera, earlier = now.camera, before.camera
    columns, rows = pixel_grid(camera.width, camera.height)
    seen = now.look(columns, rows)
    # The sky gets a finite but enormous depth, at which the camera's travel no longer shows.
    depth = np.where(np.isfinite(seen.depth), seen.depth, 1e7).astype(np.float64)
    slopes = camera.slopes(columns).astype(np.float64)
    x = camera.x + depth * (np.sin(camera.yaw) + slopes * np.cos(camera.yaw))
    z = camera.z + depth * (np.cos(camera.yaw) - slopes * np.sin(camera.yaw))
    y = camera.y - (rows - camera.horizon) / camera.focal * depth
    old_columns, old_rows, old_depth = earlier.project(x, y, z)
    flow = np.stack([old_columns - columns, old_rows - rows], axis=-1).astype(np.float32)
    inside = is_inside(old_columns, old_rows, camera.width, camera.height)
    old = before.look(
        np.where(inside, old_columns, 0.0).astype(np.float32),
        np.where(inside, old_rows, 0.0).astype(np.float32),
        clearance=0.6,
    )
    unhidden = (old.mirrored == seen.mirrored) & (old.depth > 0.97 * old_depth - 0.1)
    return flow, inside & unhidden


# --- Colours ----------------------------------------------------------------------------------------------


def shade(land: Landscape, camera: Camera) -> FloatArray:
    """The picture, (H, W, 3) in [0, 1]."""
    width, height = camera.width * OVERSAMPLING, camera.height * OVERSAMPLING
    fine_columns, fine_rows = pixel_grid(width, height)
    columns = (fine_columns + 0.5) / OVERSAMPLING - 0.5
    rows = (fine_rows + 0.5) / OVERSAMPLING - 0.5
    seen = Columns(land, camera, OVERSAMPLING).look(columns, rows)
    air = air_colours(land, camera, columns, rows)
    image = air.copy()
    solid = np.isfinite(seen.depth)
    depth = np.where(solid, seen.depth, np.float32(FAR))
    clarity = np.exp(-((depth[solid] / HAZE_LENGTH) ** 1.5))
    ground = texture_ground(land, camera, columns, depth)[solid]
    haze = 0.75 * air[solid] + 0.25 * colour("a9a3c4")
    image[solid] = blend(haze, ground, clarity.astype(np.float32))
    image = tint_lake(image, seen.mirrored, (rows - camera.horizon) / camera.focal)
    # A lens this soft leaves nothing finer than the pixels can carry: no edge crawls as it moves.
    image = cv2.GaussianBlur(image, (0, 0), 0.36 * OVERSAMPLING)
    return cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)


def air_colours(land: Landscape, camera: Camera, columns: FloatArray, rows: FloatArray) -> FloatArray:
    """Colour of the sky in each pixel's direction; below the horizon, of the sky mirrored there."""
    slopes = camera.slopes(columns)
    azimuth = np.arctan(slopes) + camera.yaw
    slope = np.abs(rows - camera.horizon) / camera.focal / np.sqrt(1.0 + slopes**2)
    source_x = (azimuth + SKY_HALF_ANGLE) / (2 * SKY_HALF_ANGLE) * (SKY_WIDTH - 1)
    source_y = (SKY_TOP_SLOPE - slope) / (SKY_TOP_SLOPE + 0.05) * (SKY_HEIGHT - 1)
    return cv2.remap(
        land.sky,
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def texture_ground(land: Landscape, camera: Camera, columns: FloatArray, depth: FloatArray) -> FloatArray:
    """Lit ground colours at the given depths, filtered to the size of a pixel on the ground."""
    across = depth / (camera.focal * OVERSAMPLING)
    along = np.abs(np.gradient(depth, axis=0))
    footprint = np.sqrt(across * np.clip(along, across, 5.0 * across))
    level = np.clip(np.log2(footprint / land.texel), 0.0, len(land.colours) - 1.0)
    x, z = camera.ground(columns, depth)
    colours = np.zeros((*depth.shape, 3), np.float32)
    for number, texture in enumerate(land.colours):
        weight = np.maximum(1.0 - np.abs(level - number), 0.0)
        used = weight > 0
        texel = land.texel * 2**number
        sampled = sample_texture(texture, (x[used] - LEFT) / texel, (z[used] - NEAR) / texel)
        colours[used] += weight[used][:, None] * sampled
    return roughen(colours, land.detail, x, z, footprint)


def roughen(
    colours: FloatArray, detail: list[FloatArray], x: FloatArray, z: FloatArray, footprint: FloatArray
) -> FloatArray:
    """Multiply near ground's colours by the detail; where pixels outgrow its grain it fades away."""
    level = np.clip(np.log2(footprint / DETAIL_TEXEL), 0.0, len(detail))
    factors = np.maximum(level - (len(detail) - 1), 0.0).astype(np.float32)
    for number, texture in enumerate(detail):
        weight = np.maximum(1.0 - np.abs(level - number), 0.0)
        used = weight > 0
        texel, size = DETAIL_TEXEL * 2**number, DETAIL_SIZE >> number
        # The added row and column let samples run over the patch's edge onto its next repetition.
        endless = cv2.copyMakeBorder(texture, 0, 1, 0, 1, cv2.BORDER_WRAP)
        factors[used] += weight[used] * sample_texture(endless, (x[used] / texel) % size, (z[used] / texel) % size)
    rough: FloatArray = colours * factors[..., None]
    return rough


def sample_texture(texture: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Bilinear samples (n, ...) of a texture at n places."""
    count = len(x)
    if count == 0:
        return np.zeros((0, *texture.shape[2:]), np.float32)
    # A remap takes at most 32767 rows: fold the list of places into a picture of 1024 columns.
    padding = -count % 1024
    at_x, at_y = (np.pad(values.astype(np.float32), (0, padding)).reshape(-1, 1024) for values in (x, y))
    found = cv2.remap(texture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, *texture.shape[2:])[:count]


def tint_lake(image: FloatArray, lake: NDArray[np.bool_], steepness: FloatArray) -> FloatArray:
    """Darken the mirrored picture towards the water's own colour where one looks down into it."""
    depth_of_view = smoothstep(0.0, 0.5, steepness) * 0.62 + 0.08
    tinted = blend(image, colour("22365c"), depth_of_view.astype(np.float32))
    return np.where(lake[..., None], tinted, image).astype(np.float32)
