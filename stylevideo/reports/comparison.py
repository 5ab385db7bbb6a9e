"""Source and painted frame in one picture, for a film that compares them."""

from __future__ import annotations

import numpy as np

from stylevideo.media.images.pictures import WHITE

LINE_SHARE = 1 / 320
"""Width of the line between them, in parts of the picture's."""
LEAST_LINE_PX = 2


def compared(kind: str, source: np.ndarray, painted: np.ndarray, place: float) -> np.ndarray:
    """One frame of a film for comparison.

    Args:
        kind: `side`: the source, and beside it what was painted; `split`: a half of each, with a line between; `wipe`:
            the line goes from the right to the left, and what is painted comes behind it.
        source, painted: (H, W, 3), of one kind: uint8 or uint16.
        place: in the film, from 0 for its first frame to 1 for its last.
    Returns:
        (H, W, 3), or (H, 2 W, 3) for `side`, of the same kind.
    """
    if kind == "side":
        return np.hstack((source, painted))
    width = source.shape[1]
    edge = width // 2 if kind == "split" else round(width * (1 - place))
    line = max(LEAST_LINE_PX, round(width * LINE_SHARE))
    image = painted.copy()
    image[:, :edge] = source[:, :edge]
    if 0 < edge < width:
        begin = edge - line // 2
        image[:, max(0, begin) : begin + line] = WHITE[source.dtype]
    return image
