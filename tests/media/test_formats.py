"""The proof of formats measures what it says it does: it sees what is right, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from scripts.benchmark.report import Machine
from scripts.formats import __main__ as formats
from scripts.formats.depth import check_levels, make_clip
from scripts.formats.footage import Encoder, Studio, constant, numbered_picture, run
from scripts.formats.inputs import FFV1, PCM, Format, check_format
from scripts.formats.measures import shown_numbers, sync_errors
from scripts.formats.report import Row, Section, to_json

MAPS = ("-map", "0:v", "-map", "1:a", "-c", "copy")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_format_that_comes_whole(studio: Studio) -> None:
    encoder = Encoder(FFV1, "yuv422p10le", PCM)
    row = check_format(Format("mkv, FFV1", lambda studio: studio.shoot("a.mkv", encoder, constant())), studio)
    assert row.faults == ()
    assert row.figures["frames"] == "48 of 48" and row.figures["rate"] == "24000/1001"
    assert row.figures["bits"] == 10 and row.figures["repaired"] == 0


def test_depth_is_kept_or_missed(studio: Studio) -> None:
    clip = make_clip("ffv1", studio)
    kept = check_levels("ffv1", clip, "png16", studio)
    assert (kept.faults, kept.figures["colours off"], kept.figures["alpha off"]) == ((), 0, 0)
    other = replace(clip, pictures=clip.pictures ^ 1)
    assert check_levels("ffv1", other, "png16", studio).faults == ("colours off by 1", "alpha off by 1")


def test_sound_that_moves_is_seen(studio: Studio) -> None:
    """Film and sound are encoded together, and then once more with the sound 20 ms later."""
    source = studio.shoot("a.mkv", Encoder(("-c:v", "ffv1"), "bgr0", PCM), constant())
    assert max(map(abs, sync_errors(source.path))) < 0.6, "Matroska counts in milliseconds"
    late = studio.folder / "late.mkv"
    run(["-i", str(source.path), "-itsoffset", "0.02", "-i", str(source.path), *MAPS, str(late)])
    assert sync_errors(late) == pytest.approx([20, 20, 20], abs=1.1)


def test_a_frame_out_of_order_is_seen() -> None:
    pictures = [numbered_picture(number, flash=False) for number in (0, 5, 3, 47)]
    assert shown_numbers(np.stack(pictures)) == [0, 5, 3, 47]


def test_every_row_is_told_and_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def check(studio: Studio) -> Iterator[Row]:
        yield Row("good", {"off": 0.5})
        yield Row("bad", {"off": 7}, ("7 off",))

    monkeypatch.setitem(formats.PLANS, "depth", replace(formats.PLANS["depth"], check=check))
    assert formats.main(["depth"]) == 1
    printed = capsys.readouterr().out
    assert "1 of 2 rows meet it: unmet" in printed and "| bad | 7 | **unmet**: 7 off |" in printed


def test_json_has_every_figure() -> None:
    section = Section("depth", "Depth", "none is off", (Row("good", {"off": 0}),))
    (kept,) = json.loads(to_json([section], Machine(ROOT, "cpu")))["sections"]
    assert kept["met"] and kept["rows"] == [{"what": "good", "figures": {"off": 0}, "faults": []}]
