"""A film that the workers of a Dask cluster make is, byte for byte, what `run` makes; what cannot go there is refused.

The workers live in the tests' own process, and have processes of ours as on any machine; `python -m scripts.trials
cluster` kills and halts real ones.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from batch_fixtures import wait_until, workers
from conftest import STYLE
from farm_fixtures import TINY, contents, farm_words

from stylevideo.cli.main import main
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import write_png
from stylevideo.system.process import process_mark

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'stylevideo[cluster]'")
from stylevideo.farm import cluster, host, roster  # noqa: E402  which need it

Start = Callable[[int], Any]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Starts a cluster with so many workers."""
    for name in host.THREAD_VARIABLES:
        monkeypatch.setenv(name, "1")  # put back in the end
    with ExitStack() as clusters:

        def begin(workers: int) -> Any:
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=torch.get_num_threads(),
                processes=False,
                protocol="tcp",
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address=None,
                local_directory=str(tmp_path / "dask"),
                silence_logs=50,
            )
            return clusters.enter_context(cluster)

        yield begin
    for key, (_, rest) in list(host._resting.items()):
        host._close(key, rest)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "films" / "film.mp4"


def test_two_workers_of_which_one_is_lost_make_the_film_of_run(
    start: Start,
    tiny_clip: Path,
    tiny_film: Path,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is lost once frames are there; that takes no attempt."""
    monkeypatch.setattr(roster, "LOST_S", 10.0)  # where the scheduler does not notice its end
    cluster, report, frames = start(2), tmp_path / "report.json", Places.of(film).work / "frames"

    def lose() -> None:
        wait_until(lambda: any(frames.glob("*.json")))
        first = next(iter(cluster.workers.values()))
        cluster.sync(first.close, timeout=0, executor_wait=False)

    losing = threading.Thread(target=lose, daemon=True)
    losing.start()
    words = ["run", *farm_words(tiny_clip, film), "--cluster", cluster.scheduler_address, "--report", str(report)]
    assert main(words) == 0, capfd.readouterr().err
    losing.join()
    said = capfd.readouterr()
    assert said.out == f"{film}\n"
    assert "1 clip in " in said.err and "1 made" in said.err
    assert contents(film.parent) == contents(tiny_film)
    (told,) = json.loads(report.read_text())["clips"]
    assert (told["status"], told["attempts"], len(told["frames"])) == ("made", 1, 9)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--cluster=head:8786"], "--cluster 'head:8786' is no address of a Dask scheduler."),
        (["--cluster=tcp://127.0.0.1:1"], "No Dask scheduler answers at tcp://127.0.0.1:1 ("),
        (["--cluster=tcp://127.0.0.1:1", "--workers=2"], "--workers does not go with --cluster"),
        (["--cluster=tcp://127.0.0.1:1", "--dry-run"], "--dry-run does not go with --cluster"),
    ],
)
def test_what_cannot_go_to_a_cluster_is_refused(
    more: list[str],
    sentence: str,
    tiny_clip: Path,
    film: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(roster, "CONNECT_S", 0.5)
    assert main(["run", *farm_words(tiny_clip, film), *more]) == 2
    complaint = capfd.readouterr().err
    assert sentence in complaint and "Traceback" not in complaint
    assert not film.parent.exists()


def test_without_dask_it_is_said_what_to_install(
    tiny_clip: Path, film: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("stylevideo.farm.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["run", *farm_words(tiny_clip, film), "--cluster=tcp://127.0.0.1:1"]) == 1
    assert 'pip install "stylevideo[cluster]"' in capfd.readouterr().err


def test_a_cluster_without_workers_is_refused(
    start: Start, tiny_clip: Path, film: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    address = start(0).scheduler_address
    assert main(["run", *farm_words(tiny_clip, film), "--cluster", address]) == 2
    assert f"The scheduler at {address} has no workers." in capfd.readouterr().err


def test_what_is_lost_in_the_middle_costs_no_frame(
    start: Start,
    tiny_clip: Path,
    tiny_film: Path,
    film: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The only worker is halted, and goes on; it is lost, and another one comes; the scheduler is lost for good."""
    monkeypatch.setattr(roster, "LOST_S", 4.0)
    here, frames, painters = start(1), Places.of(film).work / "frames", set[int]()
    (first,) = here.workers.values()
    told, warn = list[str](), cluster.logger.warning

    def note(message: str, *values: object) -> None:
        warn(message, *values)
        told.append(message)

    monkeypatch.setattr(cluster.logger, "warning", note)

    def halted_after_more_frames() -> int:
        before = len(list(frames.glob("*.json")))
        wait_until(lambda: len(list(frames.glob("*.json"))) > before)
        (painter,) = workers()  # never two side by side
        os.kill(painter, signal.SIGSTOP)
        painters.add(painter)
        return painter

    def go_on(painter: int) -> None:
        os.kill(painter, signal.SIGCONT)
        wait_until(lambda: bool(host._resting))  # it has ended what it was at

    def disturb() -> None:
        painter, heartbeat = halted_after_more_frames(), first.periodic_callbacks["heartbeat"]
        first.loop.add_callback(heartbeat.stop)
        wait_until(lambda: all(task.state != "executing" for task in list(first.state.tasks.values())))
        go_on(painter)
        first.loop.add_callback(heartbeat.start)
        painter = halted_after_more_frames()
        here.sync(first.close, timeout=0, executor_wait=False)
        go_on(painter)
        wait_until(lambda: len(told) > 1)  # else the next worker helps the one that is gone
        here.scale(2)
        painter = halted_after_more_frames()
        monkeypatch.setattr(cluster, "NOBODY_S", roster.LOST_S + 1)
        here.shutdown_scheduler = False  # in the end once more
        here.sync(here.scheduler.close)
        os.kill(painter, signal.SIGCONT)

    disturbing = threading.Thread(target=disturb, daemon=True)
    disturbing.start()
    assert main(["run", *farm_words(tiny_clip, film), "--cluster", here.scheduler_address]) == 1
    disturbing.join()
    said = capfd.readouterr().err
    assert said.count(f"The worker {socket.gethostname()} ({first.address}) is gone.") >= 2, said
    assert said.count(" is gone. What it was at is given to another.") >= 3
    assert f"{tiny_clip.name}: The scheduler does not answer.\n" in said and "Traceback" not in said
    assert len(painters) == 1, "it is kept for the next task"
    assert 3 <= len(list(frames.glob("*.json"))) < 9
    assert main(["run", *farm_words(tiny_clip, film), "-q"]) == 0
    assert contents(film.parent) == contents(tiny_film)


def test_workers_that_are_unlike_are_named(
    start: Start, tiny_clip: Path, film: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """All of them at once, and before anything is written; what commands that were killed have left goes, too."""
    address = start(2).scheduler_address
    machine, place = process_mark().partition("-")[0], film.parent.parent
    for ending in (f"{machine}-1-1-killed", "00000000-1-1-elsewhere", "own"):
        (place / f".stylevideo-{ending}").touch()

    def refused(*more: str) -> list[str]:
        assert main(["run", *farm_words(tiny_clip, film), "--cluster", address, *more]) == 2
        first, *others = capfd.readouterr().err.splitlines()
        assert first == "stylevideo: 2 things are wrong." and len(others) == 2
        left = {path.name for path in place.glob(".stylevideo-*")}
        assert not film.parent.exists() and left == {".stylevideo-00000000-1-1-elsewhere", ".stylevideo-own"}
        return others

    name = f"{socket.gethostname()} (tcp://127.0.0.1:"
    with monkeypatch.context() as other:
        other.setattr(host, "__version__", "0.0")
        assert all(name in line and "has stylevideo 0.0, and this machine has " in line for line in refused())
    with monkeypatch.context() as other:
        other.setattr(roster, "HOST", "stylevideo.farm.of_another_version")
        assert all(name in line and "cannot load stylevideo (No module named" in line for line in refused())
    with monkeypatch.context() as other:
        other.setattr(host, "unseen", lambda asked: json.dumps([str(tiny_clip)]))
        assert all(f"does not see {tiny_clip} of this machine" in line for line in refused())
    with monkeypatch.context() as other:
        other.setattr(host, "nvidia_card", lambda: "")
        assert all("has no cuda, which --device asks for." in line for line in refused("--device=cuda"))


@pytest.mark.parametrize(
    ("device", "card", "build", "visible", "kind"),
    [
        ("auto", "", "12.8", None, "cpu"),
        ("auto", "H200", "12.8", None, "cuda"),
        ("auto", "H200", None, None, "cpu"),
        ("auto", "H200", "12.8", "-1", "cpu"),
        ("cuda:1", "H200", "12.8", "0,1", "cuda"),
        ("cuda:1", "H200", "12.8", "", "no cuda"),
        ("cuda", "", "12.8", None, "no cuda"),
        ("cpu", "H200", "12.8", None, "cpu"),
    ],
)
def test_a_worker_says_what_it_would_paint_on(
    device: str, card: str, build: str | None, visible: str | None, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "nvidia_card", lambda: card)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert host._kind(device, {"cuda": build}) == kind


def test_files_that_shots_looks_and_mattes_name_reach_the_workers(
    start: Start, tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Named relative to the job file, its looks, and where the command is given; `run` knows the film there."""
    job, here, asked = tmp_path / "job", tmp_path / "here", set[str]()
    for folder in (job / "looks", here):
        folder.mkdir(parents=True)
    styles = [job / name for name in ("clip.jpg", "shot.jpg", "look.jpg")]
    mattes = [job / "strength.png", here / "size.png"]
    for style, name in zip(styles, ("impasto.jpg", "woodblock.jpg", "pointillism.jpg"), strict=True):
        shutil.copy(STYLE.with_name(name), style)
    for matte in mattes:
        write_png(matte, np.full((48, 64, 3), 160, np.uint8))
    (job / "looks" / "own.toml").write_text('styles = ["../look.jpg"]')
    (job / "job.toml").write_text(
        f"""
        [[clip]]
        source = {json.dumps(str(tiny_clip))}
        styles = ["clip.jpg"]
        strength_matte = "strength.png"
        [[clip.shot]]
        number = 1
        styles = ["shot.jpg"]
        [[clip.shot]]
        number = 3
        look = "own"
        """
    )
    monkeypatch.chdir(here)
    words = ["run", str(job / "job.toml"), *TINY, "--stroke-size=2", "--stroke-size-matte=size.png"]
    words += ["--out-dir", str(tmp_path / "films")]

    def note(paths: str) -> str:
        asked.update(json.loads(paths))
        return "[]"

    monkeypatch.setattr(host, "unseen", note)
    assert main([*words, "--cluster", start(1).scheduler_address]) == 0, capfd.readouterr().err
    assert asked >= {str(path) for path in (tiny_clip, *styles, *mattes)}
    assert main(words) == 0
    assert "is already made from the same clip, styles and settings." in capfd.readouterr().err


def test_a_worker_begins_nothing_beside_what_it_has_not_ended() -> None:
    class Worker:
        pass

    worker = Worker()
    with host._turn(worker, lambda: False) as is_first:
        looks = iter((False, True))
        with host._turn(worker, lambda: next(looks)) as is_second, host._turn(Worker(), lambda: False) as is_other:
            assert (is_first, is_second, is_other) == (True, False, True)
    with host._turn(worker, lambda: False) as is_first:
        assert is_first


def test_a_worker_looks_for_what_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "LOOK_FOR_S", 0.1)
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.touch()
    assert json.loads(host.unseen(json.dumps([str(there), str(gone)]))) == [str(gone)]
