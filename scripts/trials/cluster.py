"""Try a Dask cluster on 127.0.0.1 whose processes are killed or halted, and compare with what `run` makes.

    python -m scripts.trials cluster [undisturbed worker host halt client once twice]

A scheduler, and two workers with a nanny each, which count as two hosts; a film of four scenes, too short for more
than two shots, and a short one. Once frames are there a worker, or all processes of a host, or the command itself is
killed, a host is halted, the command hears Ctrl-C once or twice; what is missing then, `run` without a cluster makes.
In the end who is halted goes on, for some seconds. Prints Markdown with the seconds that it took, and how many were
lost where `undisturbed` came before; the exit code is 1 if a bar is unmet. Linux only.
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.trials.batch import (
    Finding,
    Trials,
    carry_out,
    choose_from,
    contents,
    done,
    make_clips,
    marked,
    parent,
    processes,
    run,
    strays,
    wait_for_none,
)

THREADS = 1
"""Of each worker, and of `run` beside it: their number decides the last bit of a gradient."""
HOSTS = 2
START_S = 60
LOOK_S = 0.1
WAKE_S = 5.0
"""So long who was halted may do harm before all is ended."""


@dataclass(frozen=True)
class Cluster:
    """A scheduler with its address, and the processes that stand for hosts, each with a nanny and a worker."""

    address: str
    scheduler: subprocess.Popen[bytes]
    hosts: tuple[subprocess.Popen[bytes], ...]

    def of_host(self, number: int, mark: str) -> list[int]:
        """The numbers of all processes of a host, the oldest first."""
        found = {self.hosts[number].pid}
        known = sorted(processes(mark))
        for _ in known:
            found |= {process for process in known if parent(process) in found}
        return sorted(found)


def signal_all(numbers: Iterable[int], what: signal.Signals) -> None:
    """Send a signal to processes."""
    for number in numbers:
        with suppress(OSError):
            os.kill(number, what)


def start(mark: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a process of Dask's."""
    quiet = subprocess.DEVNULL
    command = [
        sys.executable,
        "-m",
        f"distributed.cli.{words[0]}",
        *words[1:],
        "--no-dashboard",
        "--dashboard-address",
        "127.0.0.1:0",
    ]
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=marked(mark))


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster of this machine, with a folder for its own files."""
    from distributed import Client

    mark = str(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = start(mark, "dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-show")
    own = ["--nthreads", str(THREADS), "--local-directory", str(folder / "dask"), "--host", "127.0.0.1"]
    hosts = tuple(start(mark, "dask_worker", address, *own, "--name", f"host{number}") for number in range(HOSTS))
    try:
        with Client(address, timeout=START_S, set_as_default=False) as client:
            client.wait_for_workers(HOSTS, timeout=START_S)
        yield Cluster(address, scheduler, hosts)
    finally:
        signal_all(processes(mark), signal.SIGKILL)
        for begun in (scheduler, *hosts):
            begun.wait()


Act = Callable[[Cluster, str, "subprocess.Popen[bytes]"], None]
"""Something that happens in the middle; is told the mark of all processes, and who asked."""


class Place:
    """Clips, and the films that `run` makes of them.

    Args:
        folder: for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.clips = folder / "clips"
        make_clips(self.clips / "cut", 1, frames=5, shots=4)[0].rename(self.clips / "cut.mp4")
        make_clips(self.clips / "short", 1, frames=4)[0].rename(self.clips / "short.mp4")
        assert done(self.command(folder / "whole")).returncode == 0
        self.whole = contents(folder / "whole")
        self.undisturbed_s: float | None = None

    def command(self, out: Path, *more: str) -> list[str]:
        films = [self.clips / "cut.mp4", self.clips / "short.mp4"]
        return run(films, out, "-q", "--first-iterations=6", f"--threads={THREADS}", *more)

    def try_with(self, place: Path, what: str, act: Act | None, code: int) -> Iterator[Finding]:
        """Make the films on a cluster, to which something happens in the middle; `run` finishes what that leaves.

        Args:
            place: for the films.
            what: is tried.
            act: what happens once there are frames.
            code: that the run on the cluster shall end with.
        """
        mark, out, quiet = str(place), place / "out", subprocess.DEVNULL
        with cluster(place) as there:
            began, command = time.monotonic(), self.command(out, "--cluster", there.address)
            asking = subprocess.Popen(command, stdout=quiet, stderr=subprocess.PIPE, env=marked(mark))
            while act and asking.poll() is None and not list(out.glob(".*/frames/*.json")):
                time.sleep(LOOK_S)
            if act:
                act(there, mark, asking)
            said = asking.communicate()[1].decode()
            passed_s = ended_s = time.monotonic() - began
            seen = f"exit code {asking.returncode} after {ended_s:.0f} s"
            if asking.returncode:
                again = done(self.command(out))
                passed_s = time.monotonic() - began
                seen += f", then `run`: exit code {again.returncode} after {passed_s - ended_s:.0f} s"
            if act:
                signal_all(processes(mark), signal.SIGCONT)
                time.sleep(WAKE_S)
        if self.undisturbed_s is not None:
            seen += f"; lost: {passed_s - self.undisturbed_s:.0f} s"
        elif act is None:
            self.undisturbed_s = passed_s
        same, left = contents(out) == self.whole, [*strays(out), *wait_for_none(mark)]
        seen = f"{'byte-identical' if same else 'NOT the same'}, {seen}"
        yield Finding(what, seen, same and asking.returncode == code)
        if left or asking.returncode != code:
            yield Finding("left over, and said", f"{', '.join(left) or 'nothing'}; {said[-400:]}", False)


def kill_worker(there: Cluster, mark: str, _: subprocess.Popen[bytes]) -> None:
    """Kill a Dask worker; its nanny starts another one."""
    nanny = there.hosts[0].pid
    workers = [process for process, line in processes(mark).items() if parent(process) == nanny and "spawn" in line]
    os.kill(workers[0], signal.SIGKILL)


def signal_host(number: signal.Signals) -> Act:
    """Send a signal to all processes of a host."""

    def act(there: Cluster, mark: str, _: subprocess.Popen[bytes]) -> None:
        signal_all(there.of_host(0, mark), number)

    return act


def signal_client(number: signal.Signals, times: int = 1) -> Act:
    """Send a signal to who asked, perhaps twice."""

    def act(there: Cluster, mark: str, asking: subprocess.Popen[bytes]) -> None:
        for _ in range(times):
            asking.send_signal(number)
            time.sleep(1)

    return act


@cache
def place() -> Place:
    """The clips, and the films of `run`, of all trials."""
    kept = tempfile.mkdtemp(prefix="stylevideo-trials-")
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    return Place(Path(kept))


def trial(what: str, act: Act | None, code: int) -> Callable[[Path, argparse.Namespace], Iterator[Finding]]:
    """A trial; see `Place.try_with`."""

    def try_it(folder: Path, _: argparse.Namespace) -> Iterator[Finding]:
        return place().try_with(folder, what, act, code)

    try_it.__doc__ = f"With {what}."
    return try_it


TRIALS: Trials = {
    "undisturbed": trial("nothing that happens", None, 0),
    "worker": trial("a worker killed, which its nanny starts again", kill_worker, 0),
    "host": trial("all processes of a host killed", signal_host(signal.SIGKILL), 0),
    "halt": trial("all processes of a host halted", signal_host(signal.SIGSTOP), 0),
    "client": trial("the command killed", signal_client(signal.SIGKILL), -signal.SIGKILL),
    "once": trial("Ctrl-C", signal_client(signal.SIGINT), 130),
    "twice": trial("Ctrl-C twice", signal_client(signal.SIGINT, 2), 130),
}


def choose(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says; see `choose_from`."""
    return choose_from("cluster", str(__doc__), TRIALS, 0, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials that are asked for."""
    return carry_out(TRIALS, choose(arguments))
