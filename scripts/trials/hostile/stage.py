"""Where a case is played: a folder of its own, real small media, calls that are watched and judged."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.trials.hostile.judge import Allowed, complaints, snapshot
from scripts.trials.hostile.watch import Seen, Watcher
from stylevideo.media.ffmpeg import file_url, last_lines, run_ffmpeg

PAINTLESS = ("--iterations", "0", "--config", "none", "--device", "cpu", "--no-detect-cuts")
QUICK = (
    *("--preset=draft", "--size=64", "--iterations=1", "--first-iterations=2", "--coarsest-size=0", "--device=cpu"),
    *("--new-iterations=0", "--stroke-size=0.5", "--config=none", "--no-detect-cuts", "--threads=1"),
)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "6")
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=0.5")
SECRET = ("-f", "lavfi", "-i", "color=magenta:size=96x64:rate=24:duration=0.5")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration=0.5")
OUTPUT_FLAGS = ("-o", "--output", "--sheet", "--report", "--log-file")


class Stock:
    """Small media for all cases, made once by the bundled ffmpeg.

    Attributes:
        folder: where they lie: clip.mp4, clip.ts, clip.mkv (twelve frames, with sound), secret.mp4, secret.ts
            (magenta), frame.png, style.png.
        lock: held by who adds to them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.lock = folder, threading.Lock()
        for name in ("clip.mp4", "clip.ts", "clip.mkv"):
            make(folder / name, *PICTURE, *TONE, *H264, "-c:a", "aac", "-shortest")
        for name in ("secret.mp4", "secret.ts"):
            make(folder / name, *SECRET, *H264)
        make(folder / "frame.png", *PICTURE, "-frames:v", "1", "-update", "1")
        make(folder / "secret.png", *SECRET, "-frames:v", "1", "-update", "1")
        make(folder / "style.png", "-f", "lavfi", "-i", "mandelbrot=size=64x64", "-frames:v", "1", "-update", "1")

    def __getitem__(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()


def make(path: Path, *arguments: str) -> Path:
    """Make a file by ffmpeg.

    Raises:
        RuntimeError: ffmpeg's last words.
    """
    run = run_ffmpeg(["-v", "error", "-y", *arguments, file_url(path)])
    if run.status:
        raise RuntimeError(last_lines(run.messages))
    return path


@dataclass
class Stage:
    """A case's own folders, its calls and what was wrong with them.

    `in` is for what is named, `out` for outputs, `private` for what must not be touched; `cwd` is where calls begin,
    `home` and `tmp` are what their names say. What is `precious` must stay, even where it is named as an output.
    """

    watcher: Watcher
    stock: Stock
    root: Path
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    precious: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("in", "out", "private", "cwd", "home", "tmp"):
            (self.root / name).mkdir(parents=True)

    def __getattr__(self, name: str) -> Path:
        if name in ("private", "out", "cwd", "home", "tmp"):
            return self.root / name
        raise AttributeError(name)

    @property
    def film(self) -> Path:
        """Where the film goes."""
        return self.out / "film.mp4"

    def put(self, name: str | Path, content: bytes | str | None = None) -> Path:
        """A file below the root; of the stock where no content is given."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = self.stock[path.name] if content is None else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def clip(self, name: str = "in/clip.mp4") -> Path:
        """A clip as it should be, under some name."""
        return self.put(name, self.stock[f"clip{Path(name).suffix}"])

    @property
    def style(self) -> Path:
        """A style picture as it should be."""
        path = self.root / "in" / "style.png"
        return path if path.exists() else self.put("in/style.png")

    def secret(self, suffix: str = ".mp4") -> Path:
        """A film of somebody's, which was not named."""
        return self.put(f"private/secret{suffix}")

    def run(self, clip: str | Path | bytes, *more: str | Path | bytes, ends: str = "done", **named: object) -> Seen:
        """Make `film` of two frames of a clip without painting; see `call`."""
        words = ("run", clip, "--style", self.style, "-o", self.film, "--frames", "1-2", *PAINTLESS, *more)
        return self.call(*words, ends=ends, **named)  # type: ignore[arg-type]

    def call(
        self,
        *words: str | Path | bytes,
        ends: str,
        named: Sequence[Path] = (),
        outputs: Sequence[Path] = (),
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        closed: Sequence[int] = (),
    ) -> Seen:
        """Call `stylevideo WORDS`, and note what was wrong.

        Args:
            words: its arguments. Those that are files or folders in `in` are named by that, outputs by their flags.
            ends: the right ones, as in "done|refused".
            named: what may be read besides.
            outputs: what may be written besides.
            folder: where it is called, `cwd` if not given.
            environment: variables besides those that every call has.
            closed: standard streams that are closed.
        """
        arguments = [os.fsencode(word) for word in words]
        where = folder or self.cwd
        allowed = self._allowed(arguments, where, ends, named, outputs)
        before, contents = snapshot(self.root), [path.read_bytes() for path in self.precious]
        seen = self.watcher.call(arguments, where, {**self.usual_environment(), **(environment or {})}, closed)
        found = complaints(seen, allowed, before, snapshot(self.root))
        kept = [
            path.is_file() and path.read_bytes() == content
            for path, content in zip(self.precious, contents, strict=True)
        ]
        found += [f"{path} is lost" for path, is_kept in zip(self.precious, kept, strict=True) if not is_kept]
        self.wrong += [text.replace(f"{self.root}{os.sep}", "") for text in found]
        last = [line for line in seen.err.splitlines() if line.strip()][-1:] or [""]
        self.said.append(f"exit {seen.code}: {last[0]}".replace(f"{self.root}{os.sep}", ""))
        return seen

    def victim(self, name: str | Path = "private/victim") -> Path:
        """A file of somebody's that must stay as it is."""
        path = self.root / name
        if path not in self.precious:
            self.put(name, f"precious {name}\n")
            self.precious.append(path)
        return path

    def want(self, met: bool, words: str) -> None:
        """Note what is wrong if it is."""
        if not met:
            self.wrong.append(words)

    def pipe(self, name: str | Path) -> Path:
        """A named pipe that nobody writes to."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        return path

    def socket(self, name: str | Path) -> Path:
        """A socket that nobody serves any more."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as server:
            folder = os.open(path.parent, os.O_RDONLY)
            try:  # a socket's name has little room
                server.bind(f"/proc/self/fd/{folder}/{path.name}")
            finally:
                os.close(folder)
        return path

    def usual_environment(self) -> dict[str, str]:
        """Of a call: folders of its own, and nothing of the user's."""
        folders = {"HOME": self.home, "XDG_CACHE_HOME": self.home / ".cache", "TMPDIR": self.tmp}
        return {**{name: str(path) for name, path in folders.items()}, "STYLEVIDEO_CONFIG": "", "OMP_NUM_THREADS": "1"}

    def _allowed(
        self, arguments: Sequence[bytes], folder: Path, ends: str, named: Sequence[Path], outputs: Sequence[Path]
    ) -> Allowed:
        words = [os.fsdecode(word) for word in arguments]
        films = [folder / words[n + 1] for n, word in enumerate(words[:-1]) if word in OUTPUT_FLAGS]
        made_in = [folder / words[n + 1] for n, word in enumerate(words[:-1]) if word == "--out-dir"]
        every = [*films, *outputs]
        records = [path.with_name(f"{path.name}.json") for path in every]
        read = [folder / word.partition("#")[0] for word in words if self._is_in(folder / word) and word]
        read = [path for path in read if path not in films]
        return Allowed(
            named=[*read, *named],
            outputs=[*every, *records],
            folders=list(dict.fromkeys((self.out, *(path.parent for path in every)))),
            made_in=made_in,
            own=[self.tmp, self.home / ".cache", self.home / ".config"],
            clean=[self.tmp],
            ends=ends.split("|"),
        )

    def _is_in(self, path: Path) -> bool:
        """Whether an argument names something to be read, rather than being some other word."""
        try:
            return str(path).startswith(f"{self.root / 'in'}{os.sep}") and os.path.lexists(path)
        except ValueError:
            return False


Play = Callable[[Stage], None]


@dataclass(frozen=True)
class Case:
    """A hostile input.

    Attributes:
        name: unique.
        play: makes it and calls the program.
    """

    name: str
    play: Play


__all__ = ["PAINTLESS", "QUICK", "Case", "Play", "Stage", "Stock", "make"]
