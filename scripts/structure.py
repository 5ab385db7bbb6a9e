"""Print how the code hangs together: `python -m scripts.structure imports`, or `... run` for a film of four frames.

`imports` lists the packages by rank with modules and lines, and every import that the order forbids: a package
imports from lower ranks only, wherever it does so, and nobody imports private names of another package. `run` makes
a film of four frames and counts what runs for it: modules, the depth of calls from the command line to the loss, starts
of ffmpeg (with `-v` their commands), hashes of the source. The exit code is 1 if something is out of order.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from scripts import ROOT

RANKS = {
    "limits": 0,
    "rectangle": 0,
    "work": 0,
    "text": 0.5,
    "errors": 1,
    "version": 1,
    "ops": 2,
    "settings": 2,
    "system": 2,
    "timeline": 2,
    "media": 3,
    "media.images": 3.1,
    "media.decode": 3.2,
    "media.encode": 3.3,
    "media.check": 3.4,
    "media.film": 3.5,
    "models": 3,
    "motion": 3,
    "engine": 4,
    "store": 5,
    "planning": 6,
    "reports": 6,
    "render": 7,
    "batch": 8,
    "quality": 8,
    "farm": 8.5,
    "cli": 9,
    "": 10,
    "__main__": 10,
}
"""Packages and single modules; "" is `stylevideo/__init__`. The floors of `media` stand on each other."""
MOST_PACKAGES, MOST_MODULES, MOST_ARROWS = 16, 14, 120
MANY_PARAMETERS = 7


@dataclass(frozen=True)
class Import:
    """A module's import of another of ours.

    Attributes:
        importer, imported: modules, without `stylevideo.`.
        name: what is imported of it; "" for the module itself.
    """

    importer: str
    imported: str
    name: str


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Our modules by name, without `stylevideo.`; "" is the package itself."""
    package = root / "stylevideo"
    found = {".".join(path.relative_to(package).with_suffix("").parts): path for path in package.rglob("*.py")}
    return {
        name.removesuffix("__init__").rstrip(".") if name != "__init__" else "": path for name, path in found.items()
    }


def imports(root: Path = ROOT) -> Iterator[Import]:
    """Every import between our modules, also those inside functions and for type checking."""
    known = modules(root)
    for importer, path in known.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == "stylevideo":
                        yield Import(importer, alias.name.removeprefix("stylevideo").lstrip("."), "")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stylevideo":
                home = (node.module or "").removeprefix("stylevideo").lstrip(".")
                for alias in node.names:
                    inner = f"{home}.{alias.name}".lstrip(".")
                    yield Import(importer, inner, "") if inner in known else Import(importer, home, alias.name)


def package_of(module: str) -> str:
    """The room of `RANKS` that a module belongs to."""
    parts = module.split(".")
    inner = ".".join(parts[:2])
    return inner if inner in RANKS else parts[0]


def faults(root: Path = ROOT) -> Iterator[str]:
    """What the order forbids, as sentences."""
    for found in imports(root):
        importer, imported = package_of(found.importer), package_of(found.imported)
        if importer == imported:
            continue
        where = f"stylevideo.{found.importer} imports {found.name or 'all'} of stylevideo.{found.imported}"
        if RANKS[imported] >= RANKS[importer]:
            yield f"{where}, which does not lie below it."
        if found.name.startswith("_") and not found.name.startswith("__"):
            yield f"{where}, which is private."
    folders = Counter(path.parent for path in modules(root).values() if path.name != "__init__.py")
    for folder, count in folders.items():
        if count > MOST_MODULES and folder.name != "stylevideo":
            yield f"{folder.relative_to(root)} has {count} modules, more than {MOST_MODULES}."
    floors = {folder.relative_to(root / "stylevideo").parts[0] for folder in folders if folder.name != "stylevideo"}
    if len(floors) > MOST_PACKAGES:
        yield f"There are {len(floors)} packages, more than {MOST_PACKAGES}."
    if len(arrows(root)) > MOST_ARROWS:
        yield f"There are {len(arrows(root))} arrows between packages, more than {MOST_ARROWS}."


def arrows(root: Path = ROOT) -> set[tuple[str, str]]:
    """Which package imports which, `media` taken as one, single modules of rank 1 and below left out."""
    pairs = {tuple(package_of(name).split(".")[0] for name in (i.importer, i.imported)) for i in imports(root)}
    alone = {
        name for name in modules(root) if "." not in name and not (root / "stylevideo" / name / "__init__.py").exists()
    }
    return {(a, b) for a, b in pairs if a != b and not {a, b} & (alone | {""})}


def print_imports() -> int:
    """The packages, and what is out of order."""
    known = modules()
    for package, rank in sorted(RANKS.items(), key=lambda item: -item[1]):
        own = [name for name in known if package_of(name) == package and name != package]
        if own:
            below = sorted(
                {
                    b
                    for a, b in ((package_of(i.importer), package_of(i.imported)) for i in imports())
                    if a == package and b != a
                }
            )
            lines = sum(len(known[name].read_text(encoding="utf-8").splitlines()) for name in own)
            print(f"{rank:4} {package:13} {len(own):3} modules {lines:5} lines  imports {', '.join(below)}")
    between = {(i.importer, i.imported) for i in imports() if package_of(i.importer) != package_of(i.imported)}
    late = sum(1 for _ in _own_imports_in_functions())
    print(f"\n{len(arrows())} arrows between packages (most: {MOST_ARROWS}), {len(between)} between their modules;")
    many = list(_with_many_parameters())
    print(
        f"{late} imports of our own inside functions; {len(many)} functions with {MANY_PARAMETERS} parameters or more"
        f"{': ' if many else ''}{', '.join(many)}"
    )
    found = list(faults())
    print(*found, sep="\n")
    return bool(found)


def _own_imports_in_functions() -> Iterator[ast.ImportFrom]:
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield from (
                    inner
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("stylevideo")
                )


def _with_many_parameters() -> Iterator[str]:
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = node.args
                named = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
                if len([name for name in named if name not in ("self", "cls")]) >= MANY_PARAMETERS:
                    yield node.name


class Tracer:
    """Counts what runs in our package, in every thread.

    Attributes:
        ran: modules of which a function ran.
        calls: of functions, by name.
        depth: the longest chain of our functions at the call of the loss.
    """

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.depth = 0
        self._package = str(ROOT / "stylevideo")
        self._names: dict[CodeType, str] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """For `sys.setprofile`."""
        if event != "call" or not frame.f_code.co_filename.startswith(self._package):
            return
        code = frame.f_code
        if code.co_name == "<module>":
            return
        self.ran.add(code.co_filename)
        self.calls[code.co_name] += 1
        if code.co_name == "gram_matrix":
            self.depth = max(self.depth, sum(1 for _ in self._ours(frame)))

    def _ours(self, frame: FrameType | None) -> Iterator[FrameType]:
        while frame is not None:
            if frame.f_code.co_filename.startswith(self._package) and not frame.f_code.co_name.startswith("<"):
                yield frame
            frame = frame.f_back


def print_run(with_commands: bool = False) -> int:
    """What runs for one film of four frames; on demand with the commands of ffmpeg."""
    from stylevideo.cli.main import main

    tracer, started = Tracer(), []
    popen: Callable[..., Any] = subprocess.Popen.__init__

    def counted(self: Any, command: Any, *arguments: Any, **options: Any) -> None:
        popen(self, command, *arguments, **options)
        started.append(" ".join(map(str, command)) if isinstance(command, list | tuple) else str(command))

    style = ROOT / "samples" / "styles" / "impasto.jpg"
    quick = (
        "--iterations=1",
        "--first-iterations=1",
        "--coarsest-size=0",
        "--size=64",
        "--device=cpu",
        "--config=none",
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.Popen.__init__ = counted  # type: ignore[assignment, method-assign]
        threading.setprofile(tracer)
        sys.setprofile(tracer)
        try:
            film = str(Path(folder) / "film.mp4")
            status = main(
                [
                    "run",
                    str(ROOT / "samples" / "lake.mp4"),
                    "-o",
                    film,
                    "--frames=1-4",
                    "-q",
                    *quick,
                    "--style",
                    str(style),
                ]
            )
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            subprocess.Popen.__init__ = popen  # type: ignore[method-assign]
    ffmpeg = [command for command in started if "ffmpeg" in command]
    print(f"exit code {status}")
    print(f"modules that run: {len(tracer.ran)}")
    print(f"depth of calls from the command line to the loss: {tracer.depth}")
    print(f"starts of ffmpeg: {len(ffmpeg)}")
    for name in ("choose_delivery", "read_source", "whole_hash", "content_hash", "plain_name"):
        print(f"calls of {name}: {tracer.calls[name]}")
    if with_commands:
        print(*ffmpeg, sep="\n")
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the first word asks for.

    Returns:
        The exit code: 1 if something is out of order, or the film failed.
    """
    description, _, details = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser("python -m scripts.structure", description=description, epilog=details)
    parser.add_argument("what", choices=("imports", "run"))
    parser.add_argument("-v", "--verbose", action="store_true", help="of a run, with the commands of ffmpeg")
    options = parser.parse_args(arguments)
    return print_imports() if options.what == "imports" else print_run(options.verbose)


if __name__ == "__main__":
    sys.exit(main())
