"""The workers of a Dask cluster: found, held against this machine and each other before work begins, and watched.

A worker that comes later, such as one that Dask has started again, or was busy with something else, is looked at as
well, and used if it is like the others. Knows nothing of tasks.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import version
from operator import methodcaller
from pathlib import Path
from typing import Any

from distributed import Client, Future

from stylevideo.errors import InputError, Problems, SettingsError
from stylevideo.system.heartbeat import end_if_asked
from stylevideo.system.process import PROCESS_MARK, is_gone, process_mark
from stylevideo.system.threads import start_thread
from stylevideo.text import listed, printable, quoted
from stylevideo.version import __version__

logger = logging.getLogger(__name__)

HOST = "stylevideo.farm.host"
"""Imported by workers, through Python's own functions."""
CONNECT_S = 5.0
ANSWER_S = 60.0
"""So long all workers are waited for. Who answers later is used from then on."""
LOOK_S = 1.0
LOST_S = 60.0
"""A worker of which the scheduler has not heard for so long, by our clock, counts as gone; so does a scheduler."""
MOST_NAMED = 4
AS_HERE = ("stylevideo", "torch")
"""Of these this machine has the same versions: it knows a finished film by them."""
_ADDRESS = re.compile(r"(tcp|tls)://\S+:[0-9]{1,5}")
_MARK = ".stylevideo-"
"""Begins the name of a file that all workers must see; whose it is comes next."""
_SWEPT = re.compile(rf"{re.escape(_MARK)}({PROCESS_MARK})-.*")


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A connection to a scheduler, inside; in the end the scheduler lets go of all that is still asked of it.

    Args:
        address: such as tcp://HEAD:8786; of tls:// Dask's own configuration names the certificates.
    Raises:
        SettingsError: it is no address of a scheduler.
        InputError: no scheduler answers there within seconds.
    """
    if not _ADDRESS.fullmatch(address):
        raise SettingsError(
            f"--cluster {quoted(address)} is no address of a Dask scheduler. Name one such as tcp://HEAD:8786, or one "
            "that begins with tls://."
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # of versions, which are compared here
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # of sockets, of TLS, of whatever else may listen there
        raise InputError(
            f"No Dask scheduler answers at {address} ({_in_a_line(error)}). Start one with `dask scheduler`, or name "
            "another one."
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=CONNECT_S)


def _in_a_line(error: BaseException) -> str:
    first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return printable(first).rstrip(".")


@dataclass(frozen=True)
class Member:
    """A worker of the cluster.

    Attributes:
        address: by which the scheduler knows it.
        host: its machine's name.
        taken: of the resources that it offers, what a task takes.
        module: our module there.
        has: what decides how it paints, by name.
    """

    address: str
    taken: Mapping[str, float]
    host: str = ""
    module: Future[Any] | None = None
    has: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.host or 'a machine'} ({self.address})"

    @property
    def lacking(self) -> str:
        """The kinds of device that are asked for and are not there: "no cuda"."""
        return " and ".join(kind for kind in self.has["device"].split(" and ") if kind.startswith("no "))


class Roster:
    """The workers that may do tasks; a context, inside of which they are watched.

    Args:
        dask: the connection to their scheduler.
        files: that each of them must see; absolute.
        folders: of which each of them must see what is made in them here.
        devices: that the films' settings name. Unless that is the CPU alone, workers that offer the resource GPU are
            taken alone, if there are any.
        threads: whether the number of a CPU's threads is left to them.
    Raises:
        InputError: there are no workers, or some are unlike, or do not see what is shared: a sentence for each.
        Stopped: this thread's work is to be broken off.
    """

    def __init__(
        self, dask: Client, files: Sequence[Path], folders: Sequence[Path], devices: Collection[str], threads: bool
    ) -> None:
        self._scheduler = str(dask.scheduler_info(n_workers=0)["address"])
        self._dask, self._wants_gpu = dask, set(devices) != {"cpu"}
        self._wishes = json.dumps({"devices": sorted(devices), "threads": threads})
        self._files, self._folders = [str(file) for file in files], folders
        self._change, self._end = threading.Lock(), threading.Event()
        self._members: dict[str, Member] = {}
        self._looked_at: set[str] = set()
        self._refused: dict[str, str] = {}
        self._norm: dict[str, str] | None = None
        self._is_open = False
        self._heard: dict[str, tuple[float, float]] = {}
        self._answered_at = time.monotonic()

    def __enter__(self) -> Roster:
        try:
            self._find()
        except BaseException:
            self._end.set()
            raise
        start_thread(self._watch, name="cluster")
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _find(self) -> None:
        """Look at all workers that there are, and refuse the lot if one is wrong."""
        for folder in self._folders:
            _sweep(folder)
        self._look()
        if not self._looked_at:
            raise InputError(
                f"The scheduler at {self._scheduler} has no workers. Start some: `dask worker {self._scheduler}`."
            )
        until = time.monotonic() + ANSWER_S
        while len(self._members) + len(self._refused) < len(self._looked_at) and time.monotonic() < until:
            end_if_asked(is_kept=False)
            time.sleep(LOOK_S / 10)
        with self._change:
            self._agree()
        self._raise_problems()
        self._is_open = True

    @property
    def ready(self) -> tuple[Member, ...]:
        """Those that are there, and alike."""
        return tuple(member for member in list(self._members.values()) if self.is_there(member))

    def is_there(self, member: Member) -> bool:
        """Whether the scheduler has heard of a worker lately, and our module is there: a broken connection takes it."""
        heard = self._heard.get(member.address)
        if member.module is not None and member.module.status != "finished":
            return False
        return self.is_reachable and heard is not None and time.monotonic() - heard[1] < LOST_S

    @property
    def is_reachable(self) -> bool:
        """Whether the scheduler answers."""
        return time.monotonic() - self._answered_at < LOST_S

    def _watch(self) -> None:
        while not self._end.wait(LOOK_S):
            with suppress(Exception):  # no answer: `is_reachable` tells, or there will be room for a thread later
                self._look()

    def _look(self) -> None:
        """Hear of all workers from the scheduler, and have a look at new ones."""
        workers = self._dask.scheduler_info()["workers"]
        now = self._answered_at = time.monotonic()
        self._heard = {
            address: (told["last_seen"], self._heard[address][1])
            if address in self._heard and self._heard[address][0] == told["last_seen"]
            else (told["last_seen"], now)
            for address, told in workers.items()
        }
        with self._change:
            for address, member in list(self._members.items()):
                if member.module is not None and member.module.status != "finished":  # it is looked at anew
                    del self._members[address]
                    self._looked_at.discard(address)
        with_gpu = {address for address, told in workers.items() if told["resources"].get("GPU", 0) >= 1}
        by_gpu = self._wants_gpu and bool(with_gpu)
        for address in sorted((with_gpu if by_gpu else workers.keys()) - self._looked_at):
            self._looked_at.add(address)
            start_thread(self._look_at, Member(address, {"GPU": 1} if by_gpu else {}))

    def _look_at(self, member: Member) -> None:
        """Ask a worker what it is, however long it takes to answer, and take it in if all is well."""
        try:
            member = replace(member, host=printable(self._ask(member, socket.gethostname)))
            module = self._submit(member, import_module, HOST)
            try:
                module.result()
            except ImportError as error:
                raise InputError(
                    f"{member} cannot load stylevideo ({_in_a_line(error)}). Install stylevideo {__version__} there: "
                    'pip install "stylevideo[cluster]".'
                ) from error
            member = replace(member, module=module)
            self._require_shared(member)
            member = replace(member, has=json.loads(self._ask(member, methodcaller("describe", self._wishes), module)))
            if lacking := member.lacking:
                raise InputError(f"{member} has {lacking}, which --device asks for. Have such a device on all workers.")
            with self._change:
                self._members[member.address] = member
                if self._norm is not None:
                    self._agree()
        except InputError as error:
            self._refuse(member, str(error))
        except Exception as error:
            self._refuse(member, f"{member} cannot say what it paints with ({_in_a_line(error)}). See to its log.")

    def _submit(self, member: Member, *work: Any) -> Future[Any]:
        return self._dask.submit(*work, workers=[member.address], pure=False, retries=0)

    def _ask(self, member: Member, *work: Any) -> Any:
        return self._submit(member, *work).result()

    def _require_shared(self, member: Member) -> None:
        """Refuse a worker that does not see the clips, or what is made in the films' folders here.

        Raises:
            InputError: it does not.
        """
        with ExitStack() as marks:
            made = {}
            for folder in self._folders:
                with suppress(OSError):  # whoever makes the film says so
                    name = f"{_MARK}{process_mark()}-"
                    mark = marks.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix=name))
                    made[mark.name] = str(folder)
            asked = json.dumps([*made, *self._files])
            unseen = json.loads(self._submit(member, methodcaller("unseen", asked), member.module).result(ANSWER_S))
        if unseen:
            named = listed(list(dict.fromkeys(made.get(path, path) for path in unseen)), MOST_NAMED)
            raise InputError(f"{member} does not see {named} of this machine. Share it with all, under the same path.")

    def _agree(self) -> None:
        """Leave those out that would paint otherwise: than this machine in what it knows films by, or than most."""
        members = list(self._members.values())
        if self._norm is None:
            names = dict.fromkeys(name for member in members for name in member.has)
            most = {name: Counter(member.has.get(name, "") for member in members) for name in names}
            self._norm = {name: counts.most_common(1)[0][0] for name, counts in most.items()}
            self._norm |= {"stylevideo": __version__, "torch": version("torch")}
        for member in members:
            for name, usual in self._norm.items():
                if member.has.get(name) != usual:
                    who = "this machine has" if name in AS_HERE else "the others have"
                    has = printable(f"{name} {member.has.get(name) or 'unknown'}")
                    del self._members[member.address]
                    self._refuse(member, f"{member} has {has}, and {who} {usual}. Have the same on all.")
                    break

    def _refuse(self, member: Member, reason: str) -> None:
        self._refused[member.address] = reason
        if self._is_open and not self._end.is_set():
            logger.warning("A worker is not used. %s", reason)

    def _raise_problems(self) -> None:
        problems = Problems()
        for reason in sorted(self._refused.values()):
            with problems.noted():
                raise InputError(reason)
        problems.raise_all()
        silent = sorted(self._looked_at - self._members.keys())
        if not self._members:
            raise InputError(
                f"No worker of {self._scheduler} answers within {ANSWER_S:g} s: they are halted, or busy with other "
                "work. Wait for that, or start others."
            )
        if silent:
            logger.warning("Workers that do not answer yet are used once they do: %s.", listed(silent, MOST_NAMED))


def _sweep(folder: Path) -> None:
    """Remove the marks of commands of this machine that were killed."""
    with suppress(OSError):
        for path in folder.iterdir():
            if (mark := _SWEPT.fullmatch(path.name)) and is_gone(mark[1]):
                path.unlink()
