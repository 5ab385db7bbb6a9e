"""Clips for batches, some of which end the process that reads them, and what is left of processes afterwards."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

from media_fixtures import make_video, numbered_frame, sine

KILLER = textwrap.dedent(
    """
    import os, signal, subprocess

    # A clip with this name crashes the process that has ffmpeg look at it, as a broken decoder would.
    _init = subprocess.Popen.__init__

    def _fatal(self, args, *rest, **options):
        if any("killer" in os.fsdecode(part) for part in args if isinstance(part, (str, os.PathLike))):
            if "stylevideo.worker" not in args:
                os.kill(os.getpid(), getattr(signal, os.environ.get("KILLER_SIGNAL", "SIGSEGV")))
        _init(self, args, *rest, **options)

    subprocess.Popen.__init__ = _fatal
    """
)


def killing_environment(folder: Path) -> str:
    """A value for PYTHONPATH with which a clip called `killer…` ends the process that reads it."""
    (folder / "sitecustomize.py").write_text(KILLER)
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))


def make_clip(path: Path, frames: int = 4) -> Path:
    """A small clip of numbered frames with sound."""
    images = [numbered_frame(k) for k in range(frames)]
    return make_video(path, images, "24", ("-c:a", "aac"), sine(frames / 24))


def run_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "stylevideo", "run", *map(str, arguments)]


def processes_that_mention(text: str) -> list[str]:
    """Command lines of processes other than our own; Linux only."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = (folder / "stat").read_text()
        except OSError:
            continue
        if text in line and int(folder.name) != os.getpid() and " Z " not in parent:
            found.append(line)
    return found


def wait_until(condition: object, timeout_s: float = 60.0) -> None:
    """Wait for something that another process does."""
    assert callable(condition)
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def hashes(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
