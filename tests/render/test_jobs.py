"""A clip becomes a film: complete, with its sound, gone on with after a crash, and refused in time if it must be."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import LIGHT, QUICK, SHALLOW, STYLE, check_job, flags_of
from media_fixtures import make_video, shared, stream_hashes
from sequence_fixtures import save_numbered
from store_fixtures import kept_frames, state_number

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.cli.main import main
from stylevideo.errors import DeviceError, EncodeError, InputError, ResumeError, SettingsError, Stopped, StorageError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import Reading
from stylevideo.motion.frame import Frame
from stylevideo.ops.regions import Regions
from stylevideo.planning.request import ClipRequest
from stylevideo.render import painter
from stylevideo.render.disk import bytes_needed, state_bytes
from stylevideo.render.estimate import estimate_clip
from stylevideo.render.footage.source import as_frame
from stylevideo.render.job import Job, manifest_of
from stylevideo.render.painter import Painter
from stylevideo.reports.events import Checked, Event, Forecast, FrameFinished, Planned
from stylevideo.reports.warnings import source_warnings
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.frames import FrameStore, find_store
from stylevideo.system.device import MOST_MOTION_THREADS, is_fast_with_bf16
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

FAST = Settings().with_values(**LIGHT)
SMALL = FAST.with_values(size=64)


def pictures(film: Path) -> list[np.ndarray]:
    info = probe(film)
    return [frame.image for frame in read_frames(FrameSelection.whole(info))]


@pytest.fixture(scope="module")
def film(two_shot_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip stylised in one go, with a sheet and a report beside it."""
    folder = tmp_path_factory.mktemp("film")
    settings = FAST.with_values(sheet=str(folder / "sheet.png"), report=str(folder / "report.json"))
    return stylevideo.stylize(two_shot_clip, [STYLE], folder / "film.mp4", settings).output


def test_the_film_has_the_sources_frames_rate_size_and_sound(two_shot_clip: Path, film: Path) -> None:
    source, made = probe(two_shot_clip), probe(film)
    assert made.frame_count == source.frame_count == 20
    assert made.rate == source.rate == Fraction(24)
    assert (made.width, made.height) == (96, 64)
    assert made.color_matrix == "bt709"
    assert stream_hashes(film) == stream_hashes(two_shot_clip)


def test_the_film_is_repainted_and_still_shows_the_source(two_shot_clip: Path, film: Path) -> None:
    for source, made in zip(pictures(two_shot_clip), pictures(film), strict=True):
        difference = np.abs(source.astype(float) - made).mean()
        assert difference > 8, "the style changes every frame"
        correlation = np.corrcoef(source.mean(2).ravel(), made.mean(2).ravel())[0, 1]
        assert correlation > 0.4, "the content stays"


def test_nothing_is_left_beside_the_film(film: Path) -> None:
    assert sorted(path.name for path in film.parent.iterdir()) == [
        "film.mp4",
        "film.mp4.json",
        "report.json",
        "sheet.png",
    ]


def test_the_report_says_what_was_done(film: Path) -> None:
    (report,) = json.loads((film.parent / "report.json").read_text())["clips"]
    assert report["status"] == "made"
    assert report["sha256"]["film"] == hashlib.sha256(film.read_bytes()).hexdigest()
    assert report["shots"] == [[1, 10], [11, 20]]
    assert [frame["number"] for frame in report["frames"]] == list(range(1, 21))
    assert report["evaluations"] == sum(frame["iterations"] for frame in report["frames"]) == 2 * 10 + 18 * 2
    assert report["settings"]["iterations"] == 2
    assert report["mean_loss"] == pytest.approx(np.mean([f["losses"]["appearance"] for f in report["frames"]]))


def test_nothing_is_carried_over_a_cut(two_shot_clip: Path) -> None:
    """What is made of the second shot alone is what is made of it behind the first, pixel by pixel before encoding."""
    short = SMALL.with_values(min_shot_frames=4)
    alone = list(stylevideo.stylize_frames(two_shot_clip, [STYLE], short.with_values(frames="11-14")))
    both = list(stylevideo.stylize_frames(two_shot_clip, [STYLE], short.with_values(frames="7-14")))
    assert [result.index for result in alone] == list(range(10, 14))
    for one, other in zip(alone, both[4:], strict=True):
        assert torch.equal(one.image, other.image)


def test_events_come_in_order(two_shot_clip: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    settings = FAST.with_values(frames="9-12")
    stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", settings, events.append)
    assert isinstance(events[0], Checked)
    assert isinstance(events[1], Planned)
    assert (len(events[1].shots), events[1].finished, events[1].width) == (2, 0, 96)
    assert isinstance(events[2], Forecast), "as soon as the first frame is painted"
    assert [event.record.number for event in events if isinstance(event, FrameFinished)] == [9, 10, 11, 12]


def test_kill_and_resume_gives_the_same_film_byte_for_byte(
    two_shot_clip: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is killed in the first shot, goes on over the cut, is killed again in the second, and is then finished.

    Each time it has frames that are newer than the last state, of which nothing counts.
    """
    output = tmp_path / "film.mp4"
    arguments = ["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(output), *flags_of(LIGHT)]
    command = [sys.executable, "-m", "stylevideo", *arguments]
    for turn in range(2):
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        state = Places.of(output).work / "frames" / f"{4 + 9 * turn:08d}.png"
        deadline = time.monotonic() + 120
        while not state.exists():
            assert running.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        running.kill() if os.name == "nt" else running.send_signal(signal.SIGKILL)
        running.wait()
        assert not output.exists()
        newer = [number for number in kept_frames(output) if number > max(10 * turn, state_number(output, turn))]
        assert newer, "killed too early to be a test"
        (Places.of(output).work / "frames" / f"{newer[-1]:08d}.png").write_bytes(b"spoilt")
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "of them already made" in printed.err
    assert printed.out.strip() == str(output)
    assert output.read_bytes() == film.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "film.mp4.json"]


def test_a_shot_whose_state_is_spoilt_is_painted_again(
    two_shot_clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From its own start, so the film is the same, by the usual painter; what was kept of other shots stays."""
    settings, film = Settings().with_values(**QUICK, **SHALLOW, size=48, frames="10-14"), tmp_path / "film.mp4"
    events: list[Event] = []

    def is_in_second_shot() -> bool:
        return sum(isinstance(event, FrameFinished) for event in events) >= 2

    with pytest.raises(Stopped):
        stylevideo.stylize(two_shot_clip, [STYLE], film, settings, events.append, is_in_second_shot)
    state = Places.of(film).work / "shots" / "00001.pt"
    data = state.read_bytes()
    for damaged in (data[:-99] + bytes([data[-99] ^ 1]) + data[-98:], b"", bytes(64) + data[64:]):
        state.write_bytes(damaged)
        caplog.clear()
        assert estimate_clip(ClipRequest(two_shot_clip, (Style(STYLE),), film, settings)).frames == 5
        assert "00001.pt is damaged" in caplog.text
        assert "Its shot is painted again, from frame 11 on." in caplog.text
    events.clear()
    stylevideo.stylize(two_shot_clip, [STYLE], film, settings, events.append)
    assert [event.record.number for event in events if isinstance(event, FrameFinished)] == [11, 12, 13, 14]
    whole = stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "whole.mp4", settings)
    assert film.read_bytes() == whole.output.read_bytes()


def test_a_frame_that_is_not_finite_is_not_saved_and_those_before_are_kept(
    two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, film = as_frame, tmp_path / "film.mp4"
    command = ["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(film), "--frames=1-3", "--size=64"]
    command += flags_of(LIGHT)

    def spoilt(job: Job, source: SourceFrame, shot: Shot, regions: Regions | None) -> Frame:
        frame = real(job, source, shot, regions)
        if frame.index == 2:
            frame.image[0, 1, 8, 8] = math.nan
        return frame

    monkeypatch.setattr("stylevideo.render.painter.as_frame", spoilt)
    assert main(command) == 1
    said = capsys.readouterr().err
    assert f"{two_shot_clip.name}, frame 3: its loss" in said
    assert "--restart with --precision fp32" in said
    assert "The finished frames are kept" in said
    assert kept_frames(film) == [1, 2]
    monkeypatch.undo()
    assert main(command) == 0
    assert "2 of them already made" in capsys.readouterr().err


def test_raft_finds_motion_in_one_thread(two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a card, whose memory each thread would take; DIS runs beside it."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    job = replace(check_job(two_shot_clip, tmp_path / "film.mp4", SMALL), device=torch.device("cuda"))
    assert painter._motion_threads(job) == MOST_MOTION_THREADS
    raft = SMALL.with_values(motion="raft", raft_weights="raft.pth")
    assert painter._motion_threads(replace(job, settings=raft)) == 1


def test_a_disk_that_is_full_after_the_last_frame_ends_no_film(
    two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is left is to write the film."""
    free = iter([1 << 40])  # when work begins
    monkeypatch.setattr("stylevideo.render.disk.shutil.disk_usage", lambda _: SimpleNamespace(free=next(free, 0)))
    plain = SMALL.with_values(iterations=0)
    stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "still.mp4", plain.with_values(frames="10"))
    with pytest.raises(StorageError, match="nearly full"):
        free = iter([1 << 40])
        stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", plain.with_values(frames="10-11"))
    monkeypatch.undo()
    job = check_job(two_shot_clip, tmp_path / "other.mp4", SMALL.with_values(frames="1-2"))
    assert bytes_needed(job, finished=2) < state_bytes(job) < bytes_needed(job, finished=1)


def test_a_film_stopped_long_after_the_source_came_to_rest_is_the_same(tmp_path: Path) -> None:
    """The next frame that moves is compared with the last that did, farther back than any reference."""
    rested = 52
    moving = [frame.image for frame in render_shot("flight", 8, 96, 64)][::3]
    chance = np.random.default_rng(1)
    still = [
        np.clip(moving[1] + chance.integers(-1, 2, moving[1].shape), 0, 255).astype(np.uint8) for _ in range(rested)
    ]
    encoder = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p")
    clip = make_video(tmp_path / "rests.mkv", [*moving[:2], *still, moving[2]], "24", encoder)

    class Stop(Exception):
        pass

    def stop_at_rest(event: Event) -> None:
        if isinstance(event, FrameFinished) and event.record.number == rested:
            raise Stop

    whole = stylevideo.stylize(clip, [STYLE], tmp_path / "whole.mp4", SMALL)
    assert [record.iterations > 0 for record in whole.frames] == [True, True, *[False] * rested, True]
    with pytest.raises(Stop):
        stylevideo.stylize(clip, [STYLE], tmp_path / "film.mp4", SMALL, stop_at_rest)
    events: list[Event] = []
    stylevideo.stylize(clip, [STYLE], tmp_path / "film.mp4", SMALL, events.append)
    assert (tmp_path / "film.mp4").read_bytes() == whole.output.read_bytes()
    (forecast,) = [event for event in events if isinstance(event, Forecast)]
    assert forecast.seconds == 0, "told by the first frame that was painted, the last one"


def test_other_settings_are_refused_for_an_interrupted_film(two_shot_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"

    class Stop(Exception):
        pass

    def stop_after_a_frame(event: Event) -> None:
        if isinstance(event, FrameFinished):
            raise Stop

    with pytest.raises(Stop):
        stylevideo.stylize(two_shot_clip, [STYLE], output, FAST, stop_after_a_frame)
    changed = FAST.with_values(style_weight=2.0, frames="1-2")
    with pytest.raises(ResumeError, match=r"frames was '.*' and is '1-2', style_weight was 1\.0 and is 2\.0"):
        stylevideo.stylize(two_shot_clip, [STYLE], output, changed)
    result = stylevideo.stylize(two_shot_clip, [STYLE], output, changed.with_values(restart=True))
    assert len(result.frames) == 2


def filter_that_goes_away(film: Any) -> list[str]:
    """A filter of ffmpeg's that works in the trial before work, and is gone when the film is written."""
    return ["null"] if film.part.stem == "trial" else ["nosuchfilter"]


def test_a_failing_encoder_keeps_the_frames_and_says_how_to_go_on(
    two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg is given a filter that it does not have, which ends the painting; later it is given the right one."""
    output = tmp_path / "film.mp4"
    settings = SMALL.with_values(frames="1-10")
    monkeypatch.setattr("stylevideo.media.encode.command._filters", filter_that_goes_away)
    with pytest.raises(EncodeError, match="run the same command again to go on"):
        stylevideo.stylize(two_shot_clip, [STYLE], output, settings)
    assert not output.exists()
    monkeypatch.undo()
    events: list[Event] = []
    result = stylevideo.stylize(two_shot_clip, [STYLE], output, settings, events.append)
    assert isinstance(events[1], Planned)
    assert 1 <= events[1].finished < 10
    made = [event.record.number for event in events if isinstance(event, FrameFinished)]
    assert made == list(range(events[1].finished + 1, 11))
    assert len(result.frames) == 10


def test_frames_are_saved_and_encoded_while_others_are_painted(two_shot_clip: Path, tmp_path: Path) -> None:
    """Left in the middle: what was handed over is kept, and the encoder and its hidden files are gone."""
    output = tmp_path / "film.####.png"
    encoded: list[int] = []

    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        if isinstance(event, FrameFinished):
            encoded.append(len(list(Places.of(output).work.glob("part-*/film*"))))
            if event.record.number == 4:
                raise Stop

    with pytest.raises(Stop):
        stylevideo.stylize(two_shot_clip, [STYLE], output, SMALL.with_values(frames="1-10"), stop)
    assert encoded[-1] >= 1, "the film grows with its frames"
    assert [path.name for path in tmp_path.iterdir()] == [Places.of(output).work.name]
    assert not {"delivery", "write-behind", "read-ahead"} & {thread.name for thread in threading.enumerate()}
    kept = sorted(path.stem for path in (Places.of(output).work / "frames").glob("*.png"))
    assert len(kept) >= 5, "the fifth was handed over when the fourth was told"
    assert kept == [f"{number:08d}" for number in range(1, len(kept) + 1)]
    waits = stylevideo.stylize(two_shot_clip, [STYLE], output, SMALL.with_values(frames="1-10")).waits
    assert 0 < waits.for_frames + waits.for_saving + waits.for_film < waits.of
    assert len(list(tmp_path.glob("film.*.png"))) == 10


def test_no_frame_is_kept_after_one_that_could_not_be(
    two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, tried = FrameStore.save, []

    def save_two(store: FrameStore, number: int, *rest: Any) -> None:
        tried.append(number)
        if number == 3:
            raise StorageError("The disk is full.")
        save(store, number, *rest)

    monkeypatch.setattr(FrameStore, "save", save_two)
    told: list[Event] = []
    with pytest.raises(StorageError, match=r"The disk is full\. The finished frames are kept"):
        stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", SMALL.with_values(frames="1-10"), told.append)
    assert tried == [1, 2, 3]
    assert all(event.record.number < 3 for event in told if isinstance(event, FrameFinished))


def test_the_resume_key_names_device_precision_and_weights_as_they_are_used(
    two_shot_clip: Path, tmp_path: Path
) -> None:
    """`--device cpu` after `auto` on the same CPU is the same job; another precision is another job."""
    output, told = tmp_path / "film.mp4", list[Event]()
    usual, other = ("bf16", "fp32") if is_fast_with_bf16(torch.device("cpu")) else ("fp32", "bf16")
    settings = FAST.with_values(frames="1-4", device="cpu", precision=usual)
    with pytest.raises(Stopped):
        stop = lambda: any(isinstance(event, FrameFinished) for event in told)  # noqa: E731
        stylevideo.stylize(two_shot_clip, [STYLE], output, settings, told.append, stop)
    with pytest.raises(ResumeError, match=f"convolution_dtype was .* add --precision {usual}; or leave the rest"):
        stylevideo.stylize(two_shot_clip, [STYLE], output, settings.with_values(precision=other))
    result = stylevideo.stylize(two_shot_clip, [STYLE], output, settings.with_values(device="auto", precision="auto"))
    assert len(result.frames) == 4


def test_a_very_wide_clip_and_a_very_small_stroke_size_work(tmp_path: Path) -> None:
    images = [np.roll(np.tile(np.arange(0, 240, dtype=np.uint8)[None, :, None], (32, 2, 3)), k, 1) for k in range(3)]
    source = make_video(tmp_path / "wide.mkv", images, encoder=("-c:v", "ffv1"))
    settings = FAST.with_values(stroke_size=0.5, iterations=1, first_iterations=1)
    result = stylevideo.stylize(source, [STYLE], tmp_path / "film.mp4", settings)
    assert (result.width, result.height, len(result.frames)) == (480, 32, 3)


def test_frames_by_themselves_are_made_once(two_shot_clip: Path) -> None:
    settings = FAST.with_values(carry=False, guard=1e-6, first_iterations=1, coarsest_size=0, frames="1-3")
    assert [r.iterations for r in stylevideo.stylize_frames(two_shot_clip, [STYLE], settings)] == [1, 1, 1]


def test_a_smaller_film_has_even_sizes_and_never_exceeds_its_source(two_shot_clip: Path, tmp_path: Path) -> None:
    for size, expected in ((71, (72, 48)), (500, (96, 64))):
        settings = FAST.with_values(frames="1-1", size=size)
        result = stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / f"{size}.mp4", settings)
        assert (result.width, result.height) == expected
        assert (probe(result.output).width, probe(result.output).height) == expected


def test_an_odd_size_is_kept(tmp_path: Path) -> None:
    images = [np.full((45, 67, 3), 40 * k + 40, np.uint8) for k in range(3)]
    source = make_video(tmp_path / "odd.mkv", images, encoder=("-c:v", "ffv1"))
    result = stylevideo.stylize(source, [STYLE], tmp_path / "film.mp4", FAST)
    assert (probe(result.output).width, probe(result.output).height) == (67, 45)
    assert probe(result.output).frame_count == 3


def test_a_damaged_clip_is_stylised_to_its_end_and_says_so(tmp_path: Path) -> None:
    source = shared("edge/corrupt.mp4")
    settings = FAST.with_values(frames="73-80", size=64, detect_cuts=False)
    result = stylevideo.stylize(source, [STYLE], tmp_path / "film.mp4", settings)
    assert probe(result.output).frame_count == 8
    assert [record.number for record in result.frames if record.repaired] == [76, 77, 78]
    assert any("could not be decoded" in warning for warning in result.warnings)


def test_a_deeper_source_is_warned_about(tmp_path: Path) -> None:
    settings = FAST.with_values(frames="1-1", size=64)
    result = stylevideo.stylize(shared("edge/x264_10.mp4"), [STYLE], tmp_path / "film.mp4", settings)
    assert any("has 10 bits a channel" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("pixel_format", "deep"),
    [("yuv420p", 0), ("nv12", 0), ("yuv410p", 0), ("gray", 0), ("yuv420p10le", 1), ("yuv422p12le", 1), ("p010le", 1),
     ("gray16le", 1), ("rgb48le", 1), ("rgba64be", 1), ("gbrpf32le", 1), ("yuva444p16le", 1)],
)  # fmt: skip
def test_depth_is_told_from_the_pixel_format(two_shot_clip: Path, pixel_format: str, deep: int) -> None:
    info = replace(probe(two_shot_clip), pixel_format=pixel_format)
    assert sum("bits a channel" in warning for warning in source_warnings(info, Reading(), 8, False)) == deep


def test_styles_are_read_with_their_weights(tmp_path: Path) -> None:
    assert Style.parse("a.jpg") == Style(Path("a.jpg"), 1.0)
    assert Style.parse("a.jpg:0.25") == Style(Path("a.jpg"), 0.25)
    assert Style.parse(r"C:\pictures\a.jpg") == Style(Path(r"C:\pictures\a.jpg"), 1.0)
    odd = tmp_path / "a:2"
    odd.write_bytes(b"")
    assert Style.parse(str(odd)) == Style(odd, 1.0)
    with pytest.raises(SettingsError, match="above 0"):
        Style.parse("a.jpg:0")


def test_devices_weights_and_styles_are_looked_for_first(two_shot_clip: Path, tmp_path: Path) -> None:
    """What else is refused stands in `test_bad_input.py`, where nothing is painted."""
    sham, small = tmp_path / "vgg19-00000000.pth", tmp_path / "small.pth"
    sham.write_bytes(b"x")
    torch.save({"features.0.weight": torch.zeros(2, 3, 3, 3), "features.0.bias": torch.zeros(2)}, small)
    refusals = [({"weights": str(sham)}, InputError, "SHA-256"), ({"weights": str(small)}, InputError, "does not hold")]
    if not torch.cuda.is_available():
        refusals.append(({"device": "cuda"}, DeviceError, "no CUDA GPU"))
    for values, error, message in refusals:
        with pytest.raises(error, match=message):
            stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", FAST.with_values(**values))
    with pytest.raises(InputError, match="No style"):
        stylevideo.stylize(two_shot_clip, [], tmp_path / "film.mp4", FAST)
    assert sorted(tmp_path.iterdir()) == [small, sham]


class StandsStill:
    """A source of motion in which nothing moves, and which counts how often it is asked."""

    name = "nothing moves"
    asked = 0

    def flow(self, frame: Frame, other: Frame) -> torch.Tensor:
        StandsStill.asked += 1
        return torch.zeros_like(frame.image[:, :2])


def test_frames_of_another_motion_are_refused_by_name(two_shot_clip: Path, tmp_path: Path) -> None:
    """And a job is painted with the motion that its unfinished work is known by; without any, none counts."""
    settings = FAST.with_values(frames="1-3", iterations=1, first_iterations=1, coarsest_size=0)
    usual = check_job(two_shot_clip, tmp_path / "film.mp4", settings)
    other = replace(usual, find_motion=StandsStill)
    with Painter(other, [Shot(0, 0, 3)], None) as painter:
        assert len(list(painter.paint(Shot(0, 0, 3)))) == 3
    assert StandsStill.asked
    FrameStore(usual.places, manifest_of(usual).resume_key)
    with pytest.raises(ResumeError, match="motion was 'DIS' and is 'nothing moves'"):
        find_store(other.places, manifest_of(other).resume_key)
    apart = [replace(job, settings=settings.with_values(carry=False)) for job in (usual, other)]
    assert manifest_of(apart[0]) == manifest_of(apart[1])


def test_what_decides_how_frames_look_is_in_the_resume_key(tmp_path: Path) -> None:
    """A picture in the middle, the frames that a time means at a rate, the channel that is read along."""
    settings = FAST.with_values(iterations=0, start="0.125", device="cpu")

    def key_of(**changed: str) -> dict[str, object]:
        output = tmp_path / "film.####.png"
        return manifest_of(check_job(tmp_path / "a.####.png", output, settings.with_values(**changed))).resume_key

    save_numbered(tmp_path, "a.{:04d}.png", range(1, 8))
    before = key_of()
    assert key_of() == before
    assert key_of(rate="48")["frames"] != before["frames"]
    picture = (tmp_path / "a.0004.png").read_bytes()
    (tmp_path / "a.0004.png").write_bytes(picture[:-4] + b"else")
    assert key_of()["source"] != before["source"]
