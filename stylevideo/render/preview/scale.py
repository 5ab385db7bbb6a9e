"""How large a preview's pictures are, and with how many iterations they are painted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stylevideo.ops.pyramid import LEAST_EDGE_PX
from stylevideo.render.opening import reduced_size
from stylevideo.settings.settings import Settings

SCALES = (
    *((1920, 1.0), (1280, 1.0), (960, 1.0), (640, 1.0), (512, 1.0), (448, 0.7), (384, 0.5), (320, 0.5)),
    *((320, 0.35), (288, 0.3), (256, 0.3), (224, 0.25), (192, 0.25), (160, 0.2), (128, 0.2)),
)
"""Long edges, in pixels, with parts of the iterations that are asked for; the best first."""


@dataclass(frozen=True)
class Scale:
    """How a preview is painted.

    Attributes:
        long_edge: of the largest picture, pixels; the others are as much smaller as their films are.
        iterations: part of those that are asked for, 0..1.
    """

    long_edge: int
    iterations: float


def scales_for(size: tuple[int, int]) -> tuple[Scale, ...]:
    """How films of this height and width may be shown, the best first: as they are asked for, or with less work."""
    long_edge = max(size)
    smaller = (Scale(min(edge, long_edge), part) for edge, part in SCALES)
    large_enough = (scale for scale in smaller if min(reduced_size(*size, scale.long_edge)) >= LEAST_EDGE_PX)
    return tuple(dict.fromkeys((Scale(long_edge, 1.0), *large_enough)))


def scaled(settings: Settings, size: tuple[int, int], largest: int, scale: Scale) -> Settings:
    """A film's settings for its preview.

    Args:
        settings: of the film.
        size: its height and width.
        largest: long edge of the largest film that is shown beside it.
        scale: how that one is shown.
    """
    optimizer, values = settings.optimizer, dict[str, object]()
    if scale.long_edge < largest:
        # No smaller than the network needs, whatever is shown beside it.
        least = math.ceil(LEAST_EDGE_PX * max(size) / min(size))
        values["size"] = min(max(size), max(least, round(max(size) * scale.long_edge / largest)))
    for name in ("iterations", "first_iterations"):
        values[name] = math.ceil(getattr(optimizer, name) * scale.iterations)
    values["coarse_iterations"] = max(1, math.ceil(settings.scales.coarse_iterations * scale.iterations))
    return settings.with_values(**values, loop=False)
