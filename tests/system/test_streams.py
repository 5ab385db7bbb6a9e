"""Standard streams that are closed, full or left by their reader; and foreign text, which is shown harmless."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from batch_fixtures import run_command
from conftest import STYLE
from media_fixtures import ffmpeg, numbered_video

from stylevideo.cli.main import main
from stylevideo.system.files import read_begin
from stylevideo.text import printable, printable_message

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names and no /dev/full")
FULL = Path("/dev/full")
HOSTILE = "x\x1b[31m\x1b]0;t\x07\x9b2J\x7f\r\u202e\u2028\nFORGED"
"""What terminals, and readers of logs, take for more than text: CSI, OSC, C1, a name that turns, a line of its own."""
UNTOUCHED = ["--iterations=0", "--frames=1-1", "--style", str(STYLE)]


def run_with(arguments: list[str], streams: dict[int, str]) -> subprocess.CompletedProcess[bytes]:
    """Run the command line with some of its standard streams (0, 1, 2) closed, full or left; the others are read."""

    def spoil() -> None:
        for number, state in streams.items():
            if state == "closed":
                os.close(number)
            if state == "full":
                os.dup2(os.open(FULL, os.O_RDWR), number)
            if state == "left":
                reader, writer = os.pipe()
                os.dup2(writer, number)
                os.close(reader)

    line = [sys.executable, "-m", "stylevideo", *arguments]
    return subprocess.run(line, capture_output=True, check=False, preexec_fn=spoil, timeout=120)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video(tmp_path_factory.mktemp("clip") / "a.mp4", 3)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("state", ["closed", "full", "left"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_results_that_cannot_be_printed_are_told_and_nothing_else_fails(number: int, state: str) -> None:
    for arguments, code in (["presets"], 0), (["--version"], 0), (["no such command"], 2):
        done = run_with(arguments, {number: state})
        lost = number == 1 and state == "full" and code == 0
        assert done.returncode == (1 if lost else code)
        assert (b"cannot be written (No space left on device)" in done.stderr) == lost
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_results_for_programs_are_whole_or_the_exit_code_says_so(clip: Path) -> None:
    assert run_with(["probe", "--json", str(clip)], {1: "full"}).returncode == 1
    done = run_with(["probe", "--json", str(clip)], {0: "closed", 2: "closed"})
    assert done.returncode == 0
    assert json.loads(done.stdout)["frame_count"] == 3


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_film_is_made_whatever_becomes_of_the_streams(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    arguments = ["run", str(clip), *UNTOUCHED, "-o", str(film), f"--log-file={FULL}"]
    done = run_with(arguments, {0: "closed", 1: "full", 2: "closed"})
    assert done.returncode == 0
    assert film.exists()
    again = run_with([*arguments, "-y", "--restart"], {1: "full"})
    assert again.returncode == 0
    assert b"the work goes on without it" in again.stderr
    assert b"what should stand there is lost" in again.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_batch_with_hostile_names_leaves_the_terminal_alone(clip: Path, tmp_path: Path) -> None:
    """The bars of a terminal move the cursor and clear lines; nothing else does."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    for name in "ab":
        (tmp_path / f"{name}{HOSTILE}.mp4").write_bytes(clip.read_bytes())
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 200))
    with FULL.open("w") as full:
        arguments = run_command(
            *(tmp_path, *UNTOUCHED, "--iterations=1", "--first-iterations=1", "--coarsest-size=0", "--size=64"),
            *("--out-dir", tmp_path / "out"),
        )
        running = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=full, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # the other side is closed
        os.close(ours)
    assert running.wait() == 0
    text = re.sub(r"\r|\x1b\[A", "", shown.decode())
    assert_harmless(text)
    assert "batch: 100%" in text, text
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2


def assert_harmless(text: str) -> None:
    """Nothing but lines, none of them forged, and what was foreign shown in escapes."""
    assert printable(text, "\n") == text
    assert not re.search(r"^\s*FORGED", text, re.MULTILINE)
    assert r"\x1b[31m" in text.replace("\\\\", "\\")


def _file(folder: Path, clip: Path) -> str:
    hostile = folder / f"{HOSTILE}.mp4"
    if not hostile.exists():
        hostile.write_bytes(clip.read_bytes())
    return str(hostile)


def _tagged(folder: Path, clip: Path) -> str:
    tagged = folder / "tagged.mkv"
    ffmpeg("-i", clip, "-map", "0", "-c", "copy", "-metadata", f"title={HOSTILE}", tagged)
    return str(tagged)


def _text_file(text: str) -> Callable[[Path, Path], str]:
    def write(folder: Path, clip: Path) -> str:
        (folder / "job.toml").write_text(text)
        return str(folder / "job.toml")

    return write


_TOML = json.dumps(HOSTILE)
PLACES: dict[str, list[str | Callable[[Path, Path], str]]] = {
    "a clip that is shown": ["probe", _file],
    "a clip that is shown to programs": ["probe", "--json", _file],
    "a clip that is not there": ["probe", HOSTILE],
    "a clip's shots": ["shots", f"no{HOSTILE}"],
    "a tag": ["verify", _tagged, "{clip}"],
    "a tag, for programs": ["verify", "--json", _tagged, "{clip}"],
    "a style": ["run", "{clip}", "--style", HOSTILE, "-o", "o.mp4"],
    "a film": ["run", "{clip}", *UNTOUCHED, "-o", f"no/{HOSTILE}.mp4"],
    "a preset": ["run", "{clip}", *UNTOUCHED, "-o", "o.mp4", "--preset", HOSTILE],
    "a device": ["run", "{clip}", *UNTOUCHED, "-o", "o.mp4", "--device", HOSTILE],
    "a range": ["run", "{clip}", "--style", str(STYLE), "-o", "o.mp4", "--frames", HOSTILE],
    "a flag": ["run", "{clip}", f"--{HOSTILE}"],
    "a number": ["run", "{clip}", "--iterations", HOSTILE],
    "a command": [HOSTILE],
    "a log": ["run", "{clip}", "--log-file", f"no/{HOSTILE}"],
    "a folder": ["cache", "list", f"no/{HOSTILE}"],
    "a new job file": ["init", f"no/{HOSTILE}.toml"],
    "a table": ["run", _text_file(f"[{_TOML}]\n")],
    "a key": ["run", _text_file(f"[defaults]\n{_TOML} = 1\n")],
    "a value": ["run", _text_file(f"[defaults]\npreset = {_TOML}\n[[clip]]\nsource = 'a.mp4'\n")],
    "a configuration": ["run", "{clip}", *UNTOUCHED, "-o", "o.mp4", "--config", HOSTILE],
}


@pytest.mark.parametrize("place", PLACES)
def test_foreign_text_is_shown_with_its_control_characters_escaped(
    place: str, clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word(tmp_path, clip) if callable(word) else word.format(clip=clip) for word in PLACES[place]]
    with pytest.raises(SystemExit):
        sys.exit(main(words))
    printed = capfd.readouterr()
    text = printed.out + printed.err
    if "--json" in words:
        json.loads(printed.out)
        text = text.replace("\\u001b", r"\x1b")
    assert_harmless(text)


def test_foreign_text_is_harmless_on_the_way_too(clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is said while a film is made, its name at the end, and the log."""
    log = tmp_path / "log"
    film = tmp_path / f"film{HOSTILE}.mp4"
    arguments = ["run", _file(tmp_path, clip), *UNTOUCHED, "-o", str(film), f"--log-file={log}"]
    assert main(arguments) == 0
    assert film.exists()
    printed = capfd.readouterr()
    for text in (printed.out, printed.err, log.read_text()):
        assert_harmless(text)
    assert len(printed.out.splitlines()) == 1


def test_a_traceback_is_harmless(clip: Path, tmp_path: Path) -> None:
    done = run_with(["probe", "--debug", str(tmp_path / HOSTILE)], {})
    text = done.stderr.decode()
    assert "Traceback" in text
    assert printable(text, "\n") == text


def test_names_that_are_not_utf_8_are_printed_as_they_are_without_control_bytes() -> None:
    assert printable(os.fsdecode(b"caf\xe9 \x9b2J")) == os.fsdecode(b"caf\xe9 ") + r"\udc9b2J"


def test_a_message_keeps_the_lines_that_are_its_own() -> None:
    assert printable_message("2 things are wrong.\n  a\nb: no\n  c: no") == "2 things are wrong.\n  a\\nb: no\n  c: no"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr", "/dev/fd/2"])
def test_a_log_may_go_to_a_stream(name: str, tmp_path: Path) -> None:
    """Whatever that is: here a pipe, and a file that is no log."""
    script = "import pathlib, sys; from stylevideo.system.log_file import open_log as o; o(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", f"{script}.write('told')", name]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout + said.stderr == "told"
    with (tmp_path / "all.txt").open("w") as file:
        file.write("before, ")
        file.flush()
        subprocess.run(command, stdout=file, stderr=file, check=True)
    assert (tmp_path / "all.txt").read_text() == "before, told"


def test_what_is_harmless_is_not_walked_through() -> None:
    text = "a long line, with lone surrogates \udcff and \u00e4" * 1000
    assert printable(text) is text


def test_a_folder_that_cannot_be_read_like_a_file_leaves_nothing_open(tmp_path: Path) -> None:
    def next_descriptor() -> int:
        descriptor = os.open(__file__, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = next_descriptor()
    with pytest.raises(OSError):
        read_begin(tmp_path, 1)
    assert next_descriptor() == before
