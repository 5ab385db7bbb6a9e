"""Frames are painted in tiles where memory asks for it: chosen before work starts, halved where it was too small."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from conftest import STYLE

import stylevideo
from stylevideo.errors import DeviceMemoryError, ResumeError, SettingsError, Stopped
from stylevideo.models.vgg import VGG19
from stylevideo.render import memory
from stylevideo.render.memory import memory_needed, smaller_tile, with_tile
from stylevideo.settings.settings import Settings
from stylevideo.system import memory as system_memory

CPU = torch.device("cpu")
SHALLOW: dict[str, Any] = {
    "style_layers": ("relu1_1", "relu2_1"),
    "match_layers": ("relu2_1",),
    "content_layers": ("relu2_1",),
}
"""Whose tiles may be as small as 16 pixels."""
ONCE = {"first_iterations": 2, "iterations": 1, "new_iterations": 0, "coarsest_size": 0, "stroke_size": 0.5}
SMALL = Settings().with_values(**ONCE, **SHALLOW, frames="1-3", device="cpu", precision="fp32")


def chosen(settings: Settings, size: tuple[int, int], gib: float, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiles of a film on a CPU with so much memory."""
    monkeypatch.setattr(memory, "memory_bytes", lambda device: int(gib * 2**30))
    return with_tile(settings, size, CPU).optimizer.tile


def test_tiles_are_as_large_as_the_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, size = Settings(), (2160, 3840)
    assert chosen(settings, size, 1000, monkeypatch) == "off"
    some, fewer = (int(chosen(settings, size, gib, monkeypatch)) for gib in (24, 14))
    assert 256 <= fewer < some < 3840
    assert chosen(settings, size, 1, monkeypatch) == "256", "smaller ones spare little, for much time"
    assert chosen(settings, (144, 256), 24, monkeypatch) == "off"


def test_what_was_asked_for_is_not_chosen_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for tile in ("off", "96"):
        assert chosen(Settings().with_values(tile=tile), (2160, 3840), 1, monkeypatch) == tile
    assert chosen(Settings().with_values(iterations=0), (2160, 3840), 1, monkeypatch) == "auto"


def test_the_choice_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tile = chosen(Settings(), (2160, 3840), 16, monkeypatch)
    assert f"Frames of 3840x2160 are painted in tiles of {tile} pixels" in caplog.text


def test_tiles_and_half_precision_need_less() -> None:
    size, settings = (2160, 3840), Settings().with_values(device="cpu", precision="fp32")
    whole, tiled, half = (
        memory_needed(settings.with_values(**values), size)
        for values in ({"tile": "off"}, {"tile": "512"}, {"tile": "512", "precision": "bf16"})
    )
    assert half < tiled < whole / 2


@pytest.mark.parametrize("tile", ["many", "", "-80", "80.5", "²00"])
def test_what_is_no_tile_is_refused(tile: str) -> None:
    with pytest.raises(SettingsError, match=r"--tile .* is neither auto nor off, nor a number of pixels"):
        Settings().with_values(tile=tile)


@pytest.mark.parametrize(("layers", "least"), [({}, 80), (SHALLOW, 16), ({"style_layers": ("relu5_1",)}, 144)])
def test_a_tile_that_sees_more_than_it_has_is_refused(layers: dict[str, Any], least: int) -> None:
    with pytest.raises(SettingsError, match=rf"--tile {least - 1} is too small: .* at least {least}, or auto"):
        Settings().with_values(**layers, tile=str(least - 1))
    assert Settings().with_values(**layers, tile=str(least)).optimizer.tile_px == least


def test_tiles_are_halved_down_to_the_smallest() -> None:
    settings, found = Settings(), []
    while tile := smaller_tile(settings, (1080, 1920)):
        found.append(tile)
        settings = settings.with_values(tile=str(tile))
    assert found == [960, 480, 240, 112, 80]
    assert smaller_tile(Settings(), (64, 96)) is None, "of a small picture there are no parts"


@pytest.fixture
def short_of_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Make memory too small for pictures of more pixels, as the network sees them; returns what it was shown."""
    shown: list[int] = []

    def limit(pixels: int) -> list[int]:
        real = VGG19.trace

        def trace(vgg: VGG19, image: torch.Tensor, layers: Any) -> Any:
            if image[0, 0].numel() > pixels:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            shown.append(image[0, 0].numel())
            return real(vgg, image, layers)

        monkeypatch.setattr(VGG19, "trace", trace)
        return shown

    return limit


def test_a_frame_that_does_not_fit_is_painted_in_tiles(
    two_shot_clip: Path, tmp_path: Path, short_of_memory: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """In ever smaller ones, as if they had been asked for; it is told once, and nothing is given up."""
    settings = SMALL.with_values(frames="1-2")
    asked = settings.with_values(tile="16")
    stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "asked.####.png", asked)
    assert short_of_memory(1600) == []
    caplog.clear()
    result = stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.####.png", settings)
    told = [record for record in caplog.records if "Going on" in record.message]
    assert [record.levelname for record in told] == ["WARNING"]
    assert told[0].message.endswith(" Going on with --tile 48.")
    assert result.settings.optimizer.tile == "16"
    assert "There was too little memory: frames were painted in tiles of 16 pixels." in result.warnings
    for number in ("0001", "0002"):
        film, wanted = (cv2.imread(str(tmp_path / f"{name}.{number}.png")) for name in ("film", "asked"))
        assert film is not None and wanted is not None and (film == wanted).all()


def test_an_interrupted_run_goes_on_in_the_tiles_that_it_had(
    two_shot_clip: Path, tmp_path: Path, short_of_memory: Any
) -> None:
    shown, film, settings = short_of_memory(1600), tmp_path / "film.mp4", SMALL.with_values(frames="1-2")
    with pytest.raises(Stopped):
        stylevideo.stylize(two_shot_clip, [STYLE], film, settings, stop=lambda: bool(shown))
    most = max(shown)
    shown.clear()
    result = stylevideo.stylize(two_shot_clip, [STYLE], film, settings)
    assert shown and max(shown) == most
    assert result.settings.optimizer.tile == "16"


def test_other_tiles_do_not_go_on_with_frames(two_shot_clip: Path, tmp_path: Path) -> None:
    """What `auto` comes to does, whoever says it."""
    made: list[object] = []
    with pytest.raises(Stopped):
        stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", SMALL, made.append, lambda: len(made) > 3)
    with pytest.raises(ResumeError, match="tile"):
        stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", SMALL.with_values(tile="32"))
    stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", SMALL.with_values(tile="off"))


def test_off_means_off(two_shot_clip: Path, tmp_path: Path, short_of_memory: Any) -> None:
    short_of_memory(1600)
    with pytest.raises(DeviceMemoryError, match=r"too little memory for 96x64 pixels\. Leave out --tile off"):
        stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", SMALL.with_values(tile="off"))


def test_the_machines_memory_is_what_its_groups_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all groups around a process the least counts, in both ways of Linux."""
    machine = system_memory.machine_bytes()
    monkeypatch.setattr(system_memory, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(system_memory, "PROCESS_GROUPS", tmp_path / "own")
    for told, file in (("0::/jobs/one", "jobs/memory.max"), ("4:memory:/one", "memory/memory.limit_in_bytes")):
        (tmp_path / "own").write_text(f"7:cpu:/\n{told}\n")
        limit = tmp_path / "groups" / file
        limit.parent.mkdir(parents=True, exist_ok=True)
        limit.write_text("1000000\n")
        assert system_memory.machine_bytes() == 1_000_000
        limit.write_text("max\n")
        assert system_memory.machine_bytes() >= machine > 2**20
