"""The working folder, and the folders in which programs are looked for.

Nothing is taken from the working folder unasked.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from stylevideo.errors import InputError

_PACKAGE = Path(__file__).parent.with_name("__init__.py")
_LEFT = threading.Event()
_PLAIN = re.compile(r"[\w.:\\/+=-]+")
"""What no shell of Windows takes for anything else."""
_START = """
import importlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("stylevideo", sys.argv[1])
sys.modules["stylevideo"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
importlib.import_module(sys.argv[2]).main()
"""


def module_command(name: str, *arguments: str) -> list[str]:
    """The command of a process that calls `main` of one of our modules, which finds the arguments in `sys.argv[3:]`.

    It imports the package that this process has, by its file, and nothing from the working folder.
    """
    return [sys.executable, "-P", "-c", _START, str(_PACKAGE), name, *arguments]


def command_line(words: Iterable[str]) -> str:
    """Words as they are typed in a shell: one of POSIX, or in Windows either of its own."""
    if os.name != "nt":
        return shlex.join(words)
    return " ".join(word if _PLAIN.fullmatch(word) else _in_double_quotes(word) for word in words)


def _in_double_quotes(word: str) -> str:
    """Backslashes before a quotation mark count as many times as they are doubled."""
    return '"' + re.sub(r'(\\*)(["]|$)', lambda found: 2 * found[1] + found[2].replace('"', '\\"'), word) + '"'


def leave_folder_that_is_gone(names: Iterable[str]) -> None:
    """Stand elsewhere where the working folder is gone: some libraries end a process that stands nowhere.

    Args:
        names: of the files that are read and written.
    Raises:
        InputError: one of them leads from the working folder, which is gone or cannot be looked up.
    """
    _LEFT.clear()
    folder = folder_for_children()
    if folder is None:
        return
    for name in names:
        if not (Path(name).is_absolute() or name.startswith("~")):
            raise InputError(
                f"The working folder is gone, or cannot be looked up, and {name} leads from there. Change to one that "
                "is there, or give whole paths."
            )
    os.chdir(folder)
    _LEFT.set()


def has_left_its_folder() -> bool:
    """Whether this process stands elsewhere than it was begun, because that is gone."""
    return _LEFT.is_set()


def folder_for_children() -> str | None:
    """Where processes that we start shall stand: with us (None), unless our folder is gone, which ends some of them."""
    try:
        Path.cwd()
    except OSError:
        return str(Path(sys.executable).anchor)
    return None


def look_in_absolute_folders() -> None:
    """Keep this process, and those that it starts, from finding programs in the working folder."""
    os.environ["PATH"] = _absolute_folders()
    if sys.platform == "win32":
        os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"


def find_program(name: str) -> str | None:
    """Find a program by its name, in the folders of PATH whose names do not depend on the working folder."""
    return shutil.which(name, path=_absolute_folders())


def _absolute_folders() -> str:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if Path(folder).is_absolute())
