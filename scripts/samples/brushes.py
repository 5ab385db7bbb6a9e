"""Brushes for the sample paintings: bristly strokes that leave relief, and drawn outlines.

Pictures are (H, W, 3) float32 RGB in [0, 1]; places are (x, y) in pixels; angles are in radians, x to y.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scripts.samples.noise import FloatArray, fractal_noise

SUBPIXELS = 4
FINE = 1 << SUBPIXELS

Place = tuple[float, float]


@dataclass
class Canvas:
    """Wet paint: its colours and how high it stands."""

    paint: FloatArray
    relief: FloatArray

    @classmethod
    def primed(cls, composition: FloatArray) -> Canvas:
        """A canvas with a composition (H, W, 3) washed in thinly, so that no gap between strokes is bare."""
        wash = cv2.GaussianBlur(composition, (0, 0), 6.0)
        return cls(np.ascontiguousarray(wash), np.zeros(composition.shape[:2], np.float32))

    def lit(self, strength: float) -> FloatArray:
        """The picture as seen with light grazing the paint's relief from the upper left."""
        smooth = cv2.GaussianBlur(self.relief, (0, 0), 0.8)
        slope = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8) + cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)
        light = np.clip(slope * strength, -0.35, 0.45)[..., None]
        gloss = np.clip(slope * strength - 0.25, 0.0, 0.25)[..., None]
        picture: FloatArray = np.clip(self.paint * (1.0 + light) + gloss, 0.0, 1.0).astype(np.float32)
        return picture


@dataclass(frozen=True)
class Brush:
    """A flat brush: width in pixels, length of its strokes in widths, number of bristle bundles."""

    width: float
    length: float
    bristles: int
    streaks: float = 0.10


def follow(angles: FloatArray, starts: FloatArray, steps: int, step: float) -> FloatArray:
    """Lines (n, steps + 1, 2) that run from the starts (n, 2) along a field of angles (H, W)."""
    height, width = angles.shape
    places: FloatArray = starts.astype(np.float32)
    line = [places]
    for _ in range(steps):
        columns = np.clip(places[:, 0].astype(int), 0, width - 1)
        rows = np.clip(places[:, 1].astype(int), 0, height - 1)
        angle = angles[rows, columns]
        places = places + step * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        line.append(places)
    return np.stack(line, axis=1)


def scatter(size: tuple[int, int], spacing: float, rng: np.random.Generator) -> FloatArray:
    """Places (n, 2) spread evenly but irregularly over a picture of size (H, W), in random order."""
    columns, rows = np.meshgrid(np.arange(0.0, size[1], spacing), np.arange(0.0, size[0], spacing))
    places = np.stack([columns.ravel(), rows.ravel()], axis=1)
    places += rng.uniform(0.0, spacing, places.shape)
    inside = (places[:, 0] < size[1]) & (places[:, 1] < size[0])
    return rng.permutation(places[inside]).astype(np.float32)


def pick(field: FloatArray, places: FloatArray) -> FloatArray:
    """Values of a field (H, W, ...) at places (n, 2)."""
    values: FloatArray = field[places[:, 1].astype(int), places[:, 0].astype(int)]
    return values


def sweep(canvas: Canvas, lines: FloatArray, tints: FloatArray, brush: Brush, rng: np.random.Generator) -> None:
    """Paint strokes along lines (n, points, 2) in colours (n, 3), each streaked by the brush's bristles."""
    along = np.gradient(lines, axis=1)
    normals = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    # Narrower at both ends, as the brush touches down and lifts off.
    taper = np.sin(np.linspace(0.35, np.pi - 0.25, lines.shape[1]))[:, None]
    offsets = np.linspace(-0.5, 0.5, brush.bristles) * brush.width
    fibres = lines[:, None] + offsets[None, :, None, None] * normals[:, None] * taper
    fibres = np.round(fibres * FINE).astype(np.int32)
    shades = 1.0 + brush.streaks * rng.standard_normal((len(lines), brush.bristles, 1))
    # Paint piles up at the stroke's two sides.
    ridge = 0.55 + 0.45 * np.abs(np.linspace(-1.0, 1.0, brush.bristles))
    heights = ridge + 0.35 * rng.standard_normal((len(lines), brush.bristles))
    colours = np.clip(tints[:, None] * shades, 0.0, 1.0).tolist()
    thickness = max(round(1.45 * brush.width / brush.bristles), 1)
    for stroke, stroke_colours, stroke_heights in zip(fibres, colours, heights.tolist(), strict=True):
        for fibre, tint, height in zip(stroke, stroke_colours, stroke_heights, strict=True):
            cv2.polylines(canvas.paint, [fibre], False, tint, thickness, cv2.LINE_8, SUBPIXELS)
            cv2.polylines(canvas.relief, [fibre], False, height, thickness, cv2.LINE_8, SUBPIXELS)


def vary(tints: FloatArray, hue: float, light: float, rng: np.random.Generator) -> FloatArray:
    """Colours (n, 3) strayed at random: `hue` shifts the channels apart, `light` all of them together."""
    strayed = tints * (1.0 + light * rng.standard_normal((len(tints), 1)))
    strayed += hue * rng.standard_normal(tints.shape)
    return np.clip(strayed, 0.0, 1.0).astype(np.float32)


def mask(size: tuple[int, int], corners: Sequence[Place] | FloatArray) -> FloatArray:
    """The inside of a polygon as (H, W) of 0 and 1."""
    inside = np.zeros(size, np.float32)
    points = np.round(np.asarray(corners, np.float64) * FINE).astype(np.int32)
    cv2.fillPoly(inside, [points], 1.0, cv2.LINE_8, SUBPIXELS)
    return inside


def outline(picture: FloatArray, line: Sequence[Place] | FloatArray, tint: FloatArray, width: float) -> None:
    """Draw a line whose width swells and thins along its way, as a cut or inked line does."""
    places = np.asarray(line, np.float64)
    count = max(len(places) - 1, 1)
    for number, (start, end) in enumerate(itertools.pairwise(places)):
        swell = 0.65 + 0.35 * np.sin(np.pi * number / count) + 0.15 * np.sin(9.0 * number / count)
        ends = np.round(np.stack([start, end]) * FINE).astype(np.int32)
        thickness = max(round(width * swell), 1)
        cv2.line(picture, ends[0], ends[1], tint.tolist(), thickness, cv2.LINE_8, SUBPIXELS)


def crest(width: int, base: float, swing: float, cell: float, octaves: int, rng: np.random.Generator) -> FloatArray:
    """A skyline: one row per picture column, around `base`, straying by `swing` pixels."""
    line: FloatArray = (base + swing * fractal_noise((1, width), cell, octaves, rng)[0]).astype(np.float32)
    return line


def below(line: FloatArray, height: int) -> FloatArray:
    """The polygon between a skyline (W,) and the foot of a picture of the given height."""
    columns = np.arange(len(line))
    edge = np.stack([columns, line], axis=1)
    feet = np.array([(len(line), height), (0, height)])
    return np.concatenate([edge, feet]).astype(np.float32)
