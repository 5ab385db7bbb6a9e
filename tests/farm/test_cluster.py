"""A film that the workers of a Dask cluster make is, byte for byte, what `run` makes; what cannot go there is refused.

The workers live in the tests' own process, and have processes of ours as on any machine; `python -m scripts.trials
cluster` kills and halts real ones.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from batch_fixtures import wait_until
from farm_fixtures import contents, farm_words

from stylevideo.cli.main import main
from stylevideo.media.hidden import Places

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'stylevideo[cluster]'")
from stylevideo.farm import host, roster  # noqa: E402  which need it

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
                dashboard_address=None,
                worker_dashboard_address=None,
                local_directory=str(tmp_path / "dask"),
                silence_logs=50,
            )
            return clusters.enter_context(cluster)

        yield begin
    for key, pool in list(host._resting.items()):
        host._close(key, pool)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "films" / "film.mp4"


def test_two_workers_of_which_one_is_lost_make_the_film_of_run(
    start: Start, tiny_clip: Path, tiny_film: Path, film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is lost once frames are there; that takes no attempt."""
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


def test_workers_that_are_unlike_are_named(
    start: Start, tiny_clip: Path, film: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """All of them at once, and before anything is written."""
    address = start(2).scheduler_address

    def refused() -> list[str]:
        assert main(["run", *farm_words(tiny_clip, film), "--cluster", address]) == 2
        first, *others = capfd.readouterr().err.splitlines()
        assert first == "stylevideo: 2 things are wrong." and len(others) == 2
        assert not film.parent.exists() and not list(film.parent.parent.glob(".stylevideo-*"))
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


def test_a_worker_looks_for_what_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "LOOK_FOR_S", 0.1)
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.touch()
    assert json.loads(host.unseen(json.dumps([str(there), str(gone)]))) == [str(gone)]
