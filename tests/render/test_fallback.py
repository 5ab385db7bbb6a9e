"""Too little memory: what is given up, in which order, and that no frame is lost over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import STYLE

import stylevideo
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.errors import DeviceMemoryError
from stylevideo.media.decode.probe import probe
from stylevideo.media.hidden import Places
from stylevideo.planning.request import ClipRequest
from stylevideo.render import painter
from stylevideo.render.estimate import estimate_clip
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store import notes
from stylevideo.store.identity import is_made
from stylevideo.store.manifest import read_asked
from stylevideo.system.files import write_atomically

ONCE = {"first_iterations": 1, "iterations": 1, "new_iterations": 0, "coarsest_size": 0, "stroke_size": 0.5}
"""By the usual layers, whose tiles are so large that a small picture has none."""
SMALL = Settings().with_values(**ONCE, painter="gram", frames="1-4", size=64, device="cpu", precision="fp32")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any, int], bool]], list[int]]:
    """Make memory too small for the frames of which a condition on network and width of the picture is false.

    Returns:
        The widths of the frames that were made.
    """
    real = stylize_sequence
    widths: list[int] = []

    def limit(suffices: Callable[[Any, int], bool]) -> list[int]:
        def limited(frames: Any, state: Any, vgg: Any, *rest: Any) -> Iterator[Any]:
            for result, after in real(frames, state, vgg, *rest):
                if result.index >= 2 and not suffices(vgg, result.image.shape[-1]):
                    raise torch.OutOfMemoryError("CUDA out of memory.")
                widths.append(result.image.shape[-1])
                yield result, after

        monkeypatch.setattr(painter, "stylize_sequence", limited)
        return widths

    return limit


def test_precision_goes_first_and_the_finished_frames_stay(
    two_shot_clip: Path, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.render.memory.is_fast_with_bf16", lambda device: True)
    made = memory(lambda vgg, width: vgg.convolution_dtype == torch.bfloat16)
    result = stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", SMALL)
    assert len(made) == 4
    assert probe(tmp_path / "film.mp4").frame_count == 4
    assert is_made(Places.of(tmp_path / "film.mp4"), lambda: read_asked(two_shot_clip, [Style(STYLE)], SMALL).key)
    assert "There was too little memory: convolutions were computed with bf16." in result.warnings


def test_a_smaller_film_is_made_only_if_allowed(
    two_shot_clip: Path, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.render.memory.is_fast_with_bf16", lambda device: False)
    monkeypatch.setattr("stylevideo.render.memory.SMALLEST_EDGE_PX", 48)
    made = memory(lambda vgg, width: width < 64)
    film = tmp_path / "film.mp4"
    real, known = write_atomically, list[Any]()

    def look(path: Path, data: bytes, **options: bytes) -> None:
        real(path, data, **options)
        if path.name == "job.json":
            known.append((path.parent / "fallback.json").exists())

    monkeypatch.setattr(notes, "write_atomically", look)
    with pytest.raises(DeviceMemoryError, match="The finished frames are kept"):
        stylevideo.stylize(two_shot_clip, [STYLE], film, SMALL)
    assert made == [64, 64]
    result = stylevideo.stylize(two_shot_clip, [STYLE], film, SMALL.with_values(allow_smaller=True))
    assert made == [64, 64, 48, 48, 48, 48]
    assert known == [False, True], "whoever is killed just then goes on with the size of what is there"
    assert (result.width, result.height) == (48, 32)
    assert any("the film is smaller, with a long edge of 48 pixels" in warning for warning in result.warnings)
    assert probe(film).width == 48


def test_an_interrupted_run_goes_on_with_what_was_given_up(
    two_shot_clip: Path, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.render.memory.is_fast_with_bf16", lambda device: True)
    made = memory(lambda vgg, width: vgg.convolution_dtype == torch.bfloat16)
    film = tmp_path / "film.mp4"
    with pytest.raises(stylevideo.errors.Stopped):
        stylevideo.stylize(two_shot_clip, [STYLE], film, SMALL, stop=lambda: len(made) == 3)
    assert estimate_clip(ClipRequest(two_shot_clip, (Style(STYLE),), film, SMALL)).finished == 3
    result = stylevideo.stylize(two_shot_clip, [STYLE], film, SMALL)
    assert len(made) == 4
    assert any("bf16" in warning for warning in result.warnings)
