"""stylevideo repaints footage in the style of pictures, with strokes that stick to what they paint.

Importing this package is quick: PyTorch is loaded when a name that needs it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stylevideo.version import __version__ as __version__

if TYPE_CHECKING:
    from stylevideo.batch.outcomes import BatchOptions, Outcome
    from stylevideo.batch.run import run_batch
    from stylevideo.engine.sequence import PaintedFrame
    from stylevideo.errors import StyleVideoError
    from stylevideo.media.decode.probe import probe
    from stylevideo.planning.looks import Look, look
    from stylevideo.planning.request import ClipRequest
    from stylevideo.quality.evaluate import Evaluation, evaluate
    from stylevideo.quality.verify import Verification, verify
    from stylevideo.render.stylize import stylize, stylize_frames
    from stylevideo.reports.results import ClipResult
    from stylevideo.settings.over_time import ShotTable
    from stylevideo.settings.presets import preset
    from stylevideo.settings.settings import Settings
    from stylevideo.settings.style import Style

_HOMES = {
    "BatchOptions": "stylevideo.batch.outcomes",
    "ClipRequest": "stylevideo.planning.request",
    "ClipResult": "stylevideo.reports.results",
    "Evaluation": "stylevideo.quality.evaluate",
    "Look": "stylevideo.planning.looks",
    "PaintedFrame": "stylevideo.engine.sequence",
    "Outcome": "stylevideo.batch.outcomes",
    "Settings": "stylevideo.settings.settings",
    "ShotTable": "stylevideo.settings.over_time",
    "Style": "stylevideo.settings.style",
    "StyleVideoError": "stylevideo.errors",
    "Verification": "stylevideo.quality.verify",
    "evaluate": "stylevideo.quality.evaluate",
    "look": "stylevideo.planning.looks",
    "preset": "stylevideo.settings.presets",
    "probe": "stylevideo.media.decode.probe",
    "run_batch": "stylevideo.batch.run",
    "stylize": "stylevideo.render.stylize",
    "stylize_frames": "stylevideo.render.stylize",
    "verify": "stylevideo.quality.verify",
}

__all__ = [
    "BatchOptions",
    "ClipRequest",
    "ClipResult",
    "Evaluation",
    "Look",
    "Outcome",
    "PaintedFrame",
    "Settings",
    "ShotTable",
    "Style",
    "StyleVideoError",
    "Verification",
    "evaluate",
    "look",
    "preset",
    "probe",
    "run_batch",
    "stylize",
    "stylize_frames",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
