"""A margin around the picture that is painted with it and cut off in the end.

Near the border a convolution sees less than elsewhere, and what it makes of that shows: a rim of one to three
pixels, at times in a glaring colour, which a camera that zooms out would draw inwards as a line. Outside the
margin nobody sees it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MARGIN_PX = 8


def painted_size(height: int, width: int) -> tuple[int, int]:
    """The size of a picture of this size with its margin."""
    return height + 2 * MARGIN_PX, width + 2 * MARGIN_PX


def with_margin(image: Tensor) -> Tensor:
    """Mirror a picture at its borders, as far as it reaches.

    Args:
        image: (1, C, H, W), of any type: written with gathers, since some devices do not pad bytes.
    Returns:
        (1, C, H + 2 * MARGIN_PX, W + 2 * MARGIN_PX).
    """
    rows, columns = _positions(image)
    last_row, last_column = image.shape[2] - 1, image.shape[3] - 1
    return _gathered(image, last_row - (last_row - rows.abs()).abs(), last_column - (last_column - columns.abs()).abs())


def extended(values: Tensor) -> Tensor:
    """Repeat the outermost values of a map, such as flow: sizes as for `with_margin`."""
    return F.pad(values, (MARGIN_PX,) * 4, mode="replicate")


def without_margin(image: Tensor) -> Tensor:
    """Cut the margin off: (1, C, H + 2 * MARGIN_PX, W + 2 * MARGIN_PX) becomes (1, C, H, W)."""
    return image[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def _positions(image: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns with the margin's, which lie outside."""
    height, width = image.shape[2:]
    return (
        torch.arange(-MARGIN_PX, height + MARGIN_PX, device=image.device),
        torch.arange(-MARGIN_PX, width + MARGIN_PX, device=image.device),
    )


def _gathered(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Those rows and columns, or the nearest there are."""
    height, width = values.shape[2:]
    return values[..., rows.clamp(0, height - 1)[:, None], columns.clamp(0, width - 1)]
