"""How fast this machine paints: measured once, and kept in the user's cache folder under what it was measured with.

A file that is damaged, was edited, or was measured with something else is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
import torch

from stylevideo.engine.pace import Pace, measure_pace
from stylevideo.errors import StyleVideoError
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.flow import DISFlow
from stylevideo.settings.settings import Settings
from stylevideo.system.device import choose_device, convolution_dtype, cpu_threads, describe, motion_threads
from stylevideo.system.files import JSON_BYTES, read_file, write_atomically
from stylevideo.version import __version__
from stylevideo.work import Work

logger = logging.getLogger(__name__)

FORM = 1
"""Of what is measured; raised when the painter's work for a frame changes."""


@dataclass(frozen=True)
class Calibration:
    """How fast this machine paints by some settings.

    Attributes:
        pace: in seconds.
        measured: when, in words.
        device: that paints.
        threads: of a CPU that paint; 0 on a card.
    """

    pace: Pace
    measured: str
    device: torch.device
    threads: int

    def seconds(self, work: Work) -> float:
        """How long one process takes for work. A CPU finds motion beside the painting where it has a core for that."""
        is_busy = self.threads >= (os.cpu_count() or 1)
        return self.pace.seconds(work, 0 if is_busy else motion_threads(self.device))


class Calibrations:
    """How fast this machine paints: what is kept of earlier measurements, and what is measured where nothing is.

    Args:
        devices: by which the settings' own device is replaced, if there are any: the first.
    """

    def __init__(self, devices: Sequence[str] = ()) -> None:
        self._devices = devices
        self._known: dict[str, Calibration] = {}

    def kept(self, settings: Settings) -> Calibration | None:
        """What was measured before by settings that take as long; None where nothing was."""
        device, dtype = self._place(settings)
        with cpu_threads(settings.optimizer.threads):
            return self._kept(_key(settings, device, dtype), device)

    def of(self, settings: Settings) -> Calibration:
        """The same, measured now if need be, and kept in the user's cache folder."""
        device, dtype = self._place(settings)
        with cpu_threads(settings.optimizer.threads):
            key = _key(settings, device, dtype)
            found = self._kept(key, device)
            if found is None:
                logger.info("Measuring how fast %s paints; that is kept.", describe(device))
                vgg = load_vgg19(settings.weights.weights, device, dtype)
                pace = measure_pace(vgg, settings, DISFlow() if settings.temporal.carry else None)
                now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
                save_calibration(key, {"lines": dict(pace.lines), "measured": now})
                found = Calibration(pace, now, device, _threads(device))
            self._known[str(key)] = found
        return found

    def _kept(self, key: Mapping[str, Any], device: torch.device) -> Calibration | None:
        if str(key) in self._known:
            return self._known[str(key)]
        value = load_calibration(key)
        try:
            pace = Pace({cost: (line[0], line[1]) for cost, line in value["lines"].items()}) if value else None
            return Calibration(pace, str(value["measured"]), device, _threads(device)) if value and pace else None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # of another form
            return None

    def _place(self, settings: Settings) -> tuple[torch.device, torch.dtype]:
        device = choose_device(self._devices[0] if self._devices else settings.optimizer.device)
        return device, convolution_dtype(settings.optimizer.precision, device)


def _key(settings: Settings, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """All that a pace depends on."""
    losses = settings.losses
    layers = (losses.layers_by_gram, losses.layers_transported, losses.layers_matched, losses.content_layers)
    return {
        "program": __version__,
        "form": FORM,
        "torch": torch.__version__,
        "machine": [platform.node(), platform.machine(), os.cpu_count()],
        "device": describe(device),
        "precision": str(dtype),
        "layers": [list(names) for names in layers],
        "terms": [losses.normalization, losses.structure_weight > 0, losses.tv_color > 0],
        "optimizer": [settings.optimizer.optimizer, settings.optimizer.second_moment, settings.temporal.carry],
        "stroke_size": float(settings.strokes.stroke_size),
    }


def _threads(device: torch.device) -> int:
    return torch.get_num_threads() if device.type == "cpu" else 0


def calibration_file(key: Mapping[str, Any]) -> Path:
    """Where what was measured is kept.

    Args:
        key: all that it depends on, values of JSON.
    """
    folder = platformdirs.user_cache_path("stylevideo", appauthor=False)
    return folder / f"pace-{_digest(key)[:16]}.json"


def load_calibration(key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was measured with exactly this, values of JSON; None where nothing is that can be believed."""
    try:
        known = json.loads(read_file(calibration_file(key), JSON_BYTES))
        seal, key_then, value = known["seal"], known["key"], known["value"]
    except (OSError, StyleVideoError, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_whole = key_then == key and isinstance(value, dict) and seal == _digest({"key": key, "value": value})
    return value if is_whole else None


def save_calibration(key: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Keep what was measured; whether that could be done: the cache is no reason to fail."""
    path = calibration_file(key)
    sealed = {"seal": _digest({"key": key, "value": value}), "key": key, "value": value}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(sealed, indent=1).encode())
    except (OSError, StyleVideoError) as error:
        logger.info("What was measured is not kept: %s", error)
        return False
    return True


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
