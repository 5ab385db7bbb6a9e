"""A warm process that makes a child for each call of the command line: what is slow to load is loaded once.

Started by `watch`. Reads an order a line, JSON: arguments, folder, environment, stdout, stderr, closed.
Writes the child's process number, then its status and its largest resident memory.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from typing import Any, NoReturn

MARK = "/hostile-end/"
"""A file of this name and the order's number is looked for after each order: a line in the trace to read up to."""
MOST_FILE_BYTES = 1 << 30
ADOPT_ORPHANS = 36
"""PR_SET_CHILD_SUBREAPER: what a child leaves running becomes ours, and is seen."""


def main() -> None:
    import stylevideo.cli.main
    import stylevideo.quality.evaluate
    import stylevideo.quality.plot
    import stylevideo.quality.verify  # noqa: F401

    ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        print(child, flush=True)
        _, status, usage = os.wait4(child, 0)
        with suppress(OSError):
            os.close(os.open(f"{MARK}{number}", os.O_RDONLY))
        print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, flush=True)
        with suppress(ChildProcessError):  # orphans that have ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _become(order: dict[str, Any]) -> NoReturn:
    """What is called as `stylevideo ARGUMENTS`; never returns."""
    code = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        tempfile.tempdir = None
        _redirect(order)
        if stop := order["environment"].get("HOSTILE_STOP_AFTER"):
            _stop_after(int(stop))
        code = _call([os.fsdecode(bytes.fromhex(word)) for word in order["arguments"]])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _redirect(order: dict[str, Any]) -> None:
    """Standard streams to files, as Python would have made them, or to nothing where they are closed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    names = ((0, os.devnull, os.O_RDONLY), (1, order["stdout"], flags), (2, order["stderr"], flags))
    for stream, name, mode in names:
        opened = os.open(name, mode, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    for stream in order["closed"]:
        os.close(stream)
    sys.stdin = None if 0 in order["closed"] else open(0, closefd=False)  # noqa: SIM115
    sys.stdout = None if 1 in order["closed"] else open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = (
        None
        if 2 in order["closed"]
        else open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    )


def _stop_after(frames: int) -> None:
    """Ask to stop, as Ctrl-C does, once so many frames are on the disk."""
    from stylevideo.store.frames import FrameStore

    save, saved = FrameStore.save, iter(range(1, 10**6))

    def save_and_stop(*arguments: Any) -> None:
        save(*arguments)
        if next(saved) == frames:
            os.kill(os.getpid(), signal.SIGINT)

    FrameStore.save = save_and_stop  # type: ignore[method-assign, assignment]


def _call(arguments: list[str]) -> int:
    """The exit code that the process would have; what happens when it ends happens, too."""
    from stylevideo.cli.main import main as stylevideo

    sys.argv = ["stylevideo", *arguments]
    try:
        code = stylevideo(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        if sys.stderr:
            traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:
                stream.flush()
        except OSError:
            code = code or 120  # as Python does
    return code


if __name__ == "__main__":
    main()
