"""How near a picture's patches are to another's, pixel by pixel in CIE Lab: likeness that is no network's.

Knows pictures (1, 3, H, W), RGB, 0..1; knows neither films nor files.

After V. Kwatra et al.: Texture optimization for example-based synthesis (2005), whose energy is this distance,
D. Simakov et al.: Summarizing visual data using bidirectional similarity (2008), for both directions, and D. G. Lowe:
Distinctive image features from scale-invariant keypoints (2004), section 7.1, for telling a copy from chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from stylevideo.errors import ShapeError

SEARCHED_PLACES = 2048
"""So many patches of a picture are looked for, at most."""
KEPT_PLACES = 1 << 17
"""Among so many patches of the other, at most; up to about 400x330 pixels that is each."""
CHUNK_PLACES = 128
SEED = 18
COPIED_DIFFERENCE = 25.0
"""Root mean square difference, in units of Lab, up to which a patch may be a copy: a motif is recoloured at times."""
UNLIKE_ELSEWHERE = 0.8
"""A copy's difference in parts of that from any other place, at most (Lowe): a plain patch is like many."""
UNSEEN_DIFFERENCE = 1.0
"""In units of Lab: patches that differ by less are the same to the eye."""
SAME_OFFSET_PX = 1.5
"""By how much the offsets of neighbouring patches of one copy may differ, each way, where every place is looked at."""
LEAST_AGREEING = 6
"""Of a patch's 24 neighbours on the grid so many must have its offset: some do by chance."""
BRIDGED_CELLS = 2
"""Neighbours are that many cells of the grid apart at most, so that a copy may have gaps of one cell."""


@dataclass(frozen=True, eq=False)
class NearestPatches:
    """The patches of a picture, on a grid, each with the patch of another picture that is most like it.

    Attributes:
        patch: edge of a patch, pixels.
        centers: (R, C, 2), y and x of the patches' middles.
        offsets: (R, C, 2), from there to the middle of the nearest patch of the other picture.
        differences: (R, C), root mean square over a patch's pixels of ΔE, the distance in CIE Lab (1976).
        elsewhere: (R, C), the same from the most similar patch that does not overlap the nearest; infinite for none.
        spacing: pixels between the other picture's places that were looked at: 1 where that is each.
    """

    patch: int
    centers: np.ndarray
    offsets: np.ndarray
    differences: np.ndarray
    elsewhere: np.ndarray
    spacing: int

    def mean_difference(self, region: np.ndarray | None = None) -> float:
        """The mean over the patches whose middle lies in a region (H, W), bool; NaN where none does."""
        if region is None:
            return float(self.differences.mean())
        inside = region[self.centers[..., 0], self.centers[..., 1]]
        return float(self.differences[inside].mean()) if inside.any() else math.nan


def nearest_patches(image: Tensor, other: Tensor, patch: int) -> NearestPatches:
    """Find the patches of a picture in another one.

    The search is exact among the places that are looked at: of the picture's about 2048 at most, one at random (always
    the same) in each cell of a grid, of the other's about 2¹⁷, likewise. Takes 1 GiB at most.

    Args:
        image, other: (1, 3, H, W), RGB, 0..1, of any two sizes.
        patch: edge of a patch, pixels, odd.
    Raises:
        ShapeError: a picture is smaller than a patch.
    """
    centers, wanted = _patches(_to_lab(image), patch, _spacing(image, patch, SEARCHED_PLACES))
    spacing = _spacing(other, patch, KEPT_PLACES)
    other_centers, known = _patches(_to_lab(other), patch, spacing)
    places = torch.from_numpy(other_centers).flatten(0, 1)  # (M, 2)
    nearest, *squares = _nearest(wanted, known, places, patch)
    offsets = places[nearest].numpy().reshape(centers.shape) - centers
    differences, elsewhere = ((square / patch**2).sqrt().numpy().reshape(centers.shape[:2]) for square in squares)
    return NearestPatches(patch, centers, offsets, differences, elsewhere, spacing)


def _nearest(wanted: Tensor, known: Tensor, places: Tensor, patch: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each wanted row (N, D) the nearest of the known rows (M, D).

    Returns:
        (N,), its index; (N,), the square of its distance; (N,), that of the nearest whose place (M, 2) is a patch or
        more away from its.
    """
    half_squares = torch.linalg.vector_norm(known, dim=1).square() / 2
    found = []
    for some in torch.split(wanted, CHUNK_PLACES):
        apart = torch.addmm(half_squares, some, known.T, alpha=-1)  # half the square, less what is the same in a row
        nearest = apart.argmin(1)
        square = (some - known[nearest]).square().sum(1)
        least = apart.gather(1, nearest[:, None])
        apart[((places - places[nearest][:, None]).abs() < patch).all(2)] = torch.inf
        found.append((nearest, square, square + 2 * (apart.amin(1, keepdim=True) - least)[:, 0]))
    nearest, square, elsewhere = (torch.cat(parts) for parts in zip(*found, strict=True))
    return nearest, square, elsewhere


def copied_extent(nearest: NearestPatches) -> int:
    """The size of the largest part that was copied from one place of the other picture: pixels, 0 for none.

    That is the longest side of what is covered by connected patches whose offsets are the same as those of at least a
    quarter of their 24 neighbours, to 1.5 pixels, which are alike to 25 units of Lab, and a fifth more than to any
    other place: what is plain, or what the other picture repeats, is no motif. A single patch counts.
    """
    labels = _linked(nearest)
    longest = 0
    for label in np.unique(labels[labels >= 0]):
        covered = nearest.centers[labels == label]
        longest = max(longest, int((covered.max(0) - covered.min(0)).max()) + nearest.patch)
    return longest


def _linked(nearest: NearestPatches) -> np.ndarray:
    """(R, C): the same number for patches of one copy, -1 for what is none."""
    copied = nearest.differences <= np.minimum(COPIED_DIFFERENCE, UNLIKE_ELSEWHERE * nearest.elsewhere)
    copied &= nearest.elsewhere > UNSEEN_DIFFERENCE
    rows, columns = copied.shape
    tolerance = SAME_OFFSET_PX + nearest.spacing - 1
    labels = np.where(copied, np.arange(copied.size).reshape(copied.shape), -1)
    links = []
    for down, right in _STEPS:
        here = slice(0, max(0, rows - down)), slice(max(0, -right), columns - max(0, right))
        there = slice(down, rows), slice(max(0, right), columns + min(0, right))
        same = np.abs(nearest.offsets[here] - nearest.offsets[there]).max(-1, initial=0) <= tolerance
        links.append((here, there, same & copied[here] & copied[there]))
    agreeing = np.zeros(copied.shape, int)
    for here, there, linked in links:
        agreeing[here] += linked
        agreeing[there] += linked
    labels[agreeing < LEAST_AGREEING] = -1
    links = [(a, b, linked & (labels[a] >= 0) & (labels[b] >= 0)) for a, b, linked in links]
    while True:
        before = labels.copy()
        for here, there, linked in links:
            least = np.minimum(labels[here], labels[there])
            labels[here] = np.where(linked, least, labels[here])
            labels[there] = np.where(linked, least, labels[there])
        if np.array_equal(before, labels):
            return labels


_STEPS = tuple(
    (down, right)
    for down in range(BRIDGED_CELLS + 1)
    for right in range(-BRIDGED_CELLS, BRIDGED_CELLS + 1)
    if (down, right) > (0, 0)
)


def _to_lab(image: Tensor) -> np.ndarray:
    """(H, W, 3): lightness 0..100, a and b about -127..127."""
    lab: np.ndarray = cv2.cvtColor(image[0].permute(1, 2, 0).contiguous().cpu().numpy(), cv2.COLOR_RGB2LAB)
    return lab


def _spacing(image: Tensor, patch: int, most: int) -> int:
    """Pixels between places, so that there are about so many at most."""
    height, width = (edge - patch + 1 for edge in image.shape[2:])
    if min(height, width) < 1:
        raise ShapeError(f"a picture of {tuple(image.shape[2:])} has no patches of {patch} pixels")
    return max(1, math.ceil(math.sqrt(height * width / most)))


def _patches(picture: np.ndarray, patch: int, spacing: int) -> tuple[np.ndarray, Tensor]:
    """Middles (R, C, 2) of patches on a grid, and the patches (R·C, 3·patch²)."""
    height, width = (edge - patch + 1 for edge in picture.shape[:2])
    top, left = np.meshgrid(np.arange(0, height, spacing), np.arange(0, width, spacing), indexing="ij")
    jitter = np.random.default_rng(SEED).integers(0, spacing, (2, *top.shape))
    top, left = np.minimum(top + jitter[0], height - 1), np.minimum(left + jitter[1], width - 1)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (patch, patch), (0, 1))
    chosen = windows[top.ravel(), left.ravel()].reshape(top.size, -1)
    return np.stack((top, left), -1) + patch // 2, torch.from_numpy(np.ascontiguousarray(chosen))
