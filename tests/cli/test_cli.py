"""The command line: quick help, one sentence for bad input, the right exit codes, clean output."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import LIGHT, STYLE, flags_of
from media_fixtures import ffmpeg, make_video, numbered_frame
from sequence_fixtures import save
from store_fixtures import kept_frames, state_number

from stylevideo.cli.main import build_parser, main
from stylevideo.media.hidden import Places
from stylevideo.settings.presets import PRESETS, preset
from stylevideo.settings.settings import Settings, leaves

FAST = flags_of(LIGHT)


def stylevideo(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stylevideo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["evaluate", "--help"], ["presets"], ["--version"]]
)
def test_what_needs_no_network_loads_no_torch(arguments: list[str]) -> None:
    code = (
        "import sys; from stylevideo.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'numpy', 'torchvision', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


def test_run_prints_the_film_on_stdout_and_the_rest_on_stderr(
    two_shot_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "a film.mp4"
    arguments = ["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(film), *FAST]
    assert main([*arguments, "--frames", "1-3"]) == 0
    printed = capfd.readouterr()
    assert printed.out.strip() == str(film)
    assert "96x64, 3 frames, 1 shot, on " in printed.err
    assert "The rest will take about" in printed.err
    assert "14 VGG evaluations" in printed.err
    assert main([*arguments, "--frames", "1-3", "--exit-code-if-nothing=3"]) == 3
    assert "already made" in capfd.readouterr().err
    assert main([*arguments, "--frames", "1-2"]) == 2
    assert "already there" in capfd.readouterr().err
    quiet = stylevideo(*arguments, "--frames", "1-1", "-y", "-q")
    assert (quiet.returncode, quiet.stdout.strip(), quiet.stderr) == (0, str(film), "")


def test_a_list_of_frames_becomes_pictures_with_their_numbers(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are known again, and can be verified and measured."""
    pictures, chosen = tmp_path / "a.####.png", ["--frames", "2, 19,8-9"]
    run = ["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(pictures), *FAST, *chosen]
    assert main(run) == 0
    assert "4 frames, 2 shots" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [f"a.{n:04d}.png" for n in (2, 8, 9, 19)]
    assert main([*run, "--exit-code-if-nothing=3"]) == 3
    assert main(["verify", str(two_shot_clip), str(pictures), *chosen]) == 0
    assert main(["evaluate", str(two_shot_clip), str(pictures), "--style", str(STYLE), "--json", *chosen]) == 0
    printed = capsys.readouterr().out
    values = json.loads(printed[printed.index("{") :])
    assert [frame["number"] for frame in values["frames"]] == [2, 8, 9, 19]
    (tmp_path / "a.0008.png").unlink()
    assert main([*run, "-q"]) == 2, "one is missing, and the others are in the way"


def test_bad_input_gets_one_sentence_and_exit_code_2(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.mp4"
    for arguments, message in (
        ([tmp_path / "no.mp4", "--style", STYLE, "-o", film], "no.mp4"),
        ([two_shot_clip, "--style", tmp_path / "no.jpg", "-o", film], "no.jpg"),
        ([two_shot_clip, "--style", STYLE, "-o", film, "--preset", "finest"], "Did you mean fine?"),
        ([two_shot_clip, "--style", STYLE, "-o", film, "--iterations", "-1"], "--iterations must be at least 0"),
        ([two_shot_clip, "--style", STYLE, "-o", film, "--frames", "1-99"], "1-20"),
    ):
        assert main(["run", *map(str, arguments)]) == 2
        printed = capsys.readouterr()
        assert message in printed.err
        assert "Traceback" not in printed.err
        assert printed.err.count("\n") == 1
        assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_exit_code_2(two_shot_clip: Path) -> None:
    assert stylevideo("run", two_shot_clip).returncode == 2
    assert stylevideo("run", two_shot_clip, "--style", STYLE, "-o", "f.mp4", "--no-such-option").returncode == 2


def test_an_unforeseen_error_is_a_sentence_without_debug(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("stylevideo.render.shots.detect_shots", broken)
    arguments = ["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(tmp_path / "film.mp4")]
    assert main(arguments) == 1
    assert "unexpected ZeroDivisionError: oops" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        main([*arguments, "--debug"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single child")
def test_ctrl_c_is_exit_code_130_and_keeps_the_frames(two_shot_clip: Path, tmp_path: Path) -> None:
    import signal

    film = tmp_path / "film.mp4"
    command = [sys.executable, "-m", "stylevideo", "run", str(two_shot_clip), "--style", str(STYLE), "-o", str(film)]
    running = subprocess.Popen([*command, *FAST], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    while not (Places.of(film).work / "shots" / "00000.pt").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, messages = running.communicate()
    assert running.returncode == 130
    assert "The finished frames are kept" in messages
    assert "Traceback" not in messages
    assert state_number(film) == len(kept_frames(film)), "nothing is painted again"


def test_probe_shows_what_the_file_holds(two_shot_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", str(two_shot_clip)]) == 0
    text = capsys.readouterr().out
    assert "96x64" in text
    assert "20, 24 a second" in text
    assert main(["probe", str(two_shot_clip), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["frame_count"], values["rate"], values["width"]) == (20, "24", 96)
    assert (values["timed"], values["interlaced"], values["transfer"], values["timecode"]) == (True, False, None, None)
    assert [stream["codec"] for stream in values["streams"]] == ["aac"]


def test_probe_shows_what_is_special(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shots").mkdir()
    for number in (1001, 1002, 1004, 1006, 1007):
        save(tmp_path / "shots" / f"a.{number}.png", np.zeros((64, 96, 4), np.uint8))
    assert main(["probe", str(tmp_path / "shots")]) == 0
    text = capsys.readouterr().out
    assert "with alpha" in text
    assert "1001-1007, of which 2 are missing: 1003,1005" in text
    assert main(["probe", str(tmp_path / "shots"), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["first_number"], values["missing"], values["alpha"]) == (1001, [1003, 1005], True)
    tags = "setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084:field_mode=tff"
    encoder = ("-vf", f"format=yuv420p10le,{tags}", "-c:v", "libx264", "-flags", "+ilme+ildct")
    clip = make_video(tmp_path / "a.mov", [numbered_frame(0)] * 3, "24", (*encoder, "-timecode", "01:00:00:00"))
    assert main(["probe", str(clip)]) == 0
    text = capsys.readouterr().out
    assert "yuv420p10le, 10 bits, color matrix bt2020nc, primaries bt2020, HDR (smpte2084), interlaced\n" in text
    assert "timecode  01:00:00:00" in text


def test_shots_shows_the_cuts(two_shot_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shots", str(two_shot_clip)]) == 0
    first, second = "shot 1: frames 1-10 (10), 0.000-0.417 s", "shot 2: frames 11-20 (10), 0.417-0.833 s"
    assert capsys.readouterr().out == f"{first}\n{second}\n"
    assert main(["shots", str(two_shot_clip), "--json"]) == 0
    shot = json.loads(capsys.readouterr().out)[1]
    assert (shot.pop("start_s"), shot.pop("end_s")) == pytest.approx((10 / 24, 20 / 24))
    assert shot == {
        "shot": 2,
        "first": 11,
        "last": 20,
        "frames": 10,
        "timecode": None,
        "picture": None,
        "dissolving": 0,
    }


def test_shots_tells_timecode_and_times_that_run_takes(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, film = tmp_path / "a.mov", tmp_path / "film.mkv"
    ffmpeg("-i", two_shot_clip, "-c:v", "copy", "-an", "-timecode", "01:00:00:20", clip)
    assert main(["shots", str(clip), "--json"]) == 0
    second = json.loads(capsys.readouterr().out)[1]
    assert second["timecode"] == "01:00:01:06"
    for start in (second["timecode"], str(second["start_s"])):
        arguments = ["run", str(clip), "--style", str(STYLE), "-o", str(film), "--iterations=0", "-y"]
        assert main([*arguments, "--start", start]) == 0
        assert json.loads(film.with_name("film.mkv.json").read_text())["frames"] == "11-20"


def test_presets_are_listed_with_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    text = capsys.readouterr().out
    for name in ("draft", "standard", "fine", "classic"):
        assert f"{name}: " in text
    assert "--content-weight 1000.0" in text


def test_what_presets_prints_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    said = re.findall(r"^(\w+): .*(?:\n    (--.*))?$", capsys.readouterr().out, re.MULTILINE)
    assert [name for name, _ in said] == [*PRESETS]
    for name, flags in said:
        given = vars(build_parser().parse_args(["run", "a.mp4", *shlex.split(flags)]))
        values = {leaf.name: given[leaf.name] for leaf in leaves() if leaf.name in given}
        assert Settings().with_values(**values) == preset(name)


@pytest.mark.parametrize(
    ("arguments", "command", "sentence"),
    {
        "a flag that is written alike": (
            "run a.mp4 --iteratons=3",
            "run",
            "There is no flag --iteratons. Did you mean --iterations?",
        ),
        "a flag that is cut short": ("run a.mp4 --styl s.jpg", "run", "There is no flag --styl. Did you mean --style?"),
        "a flag of another program": ("run a.mp4 --watermark", "run", "There is no flag --watermark."),
        "a flag of another command": ("probe a.mp4 --size 3", "probe", "There is no flag --size."),
        "a short flag": ("run a.mp4 -x", "run", "There is no flag -x."),
        "a command": ("rnu a.mp4", "", "There is no command 'rnu'. Did you mean run?"),
        "a command of a command": ("cache lst", "cache", "There is no command 'lst'. Did you mean list?"),
        "no command": ("", "", "The following arguments are required: COMMAND."),
        "a word too many": (
            "probe a.mp4 b.mp4",
            "probe",
            "'b.mp4' is one too many, or stands apart: write what belongs together without flags between.",
        ),
        "no value": ("run a.mp4 --size", "run", "--size: expected one argument."),
    }.values(),
)
def test_a_mistyped_command_line_is_one_sentence_with_the_nearest_name(
    arguments: str, command: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    said = capsys.readouterr().err
    program = " ".join(["stylevideo", *command.split()])
    assert (ended.value.code, said) == (2, f"{program}: {sentence} `{program} --help` lists what there is.\n")


def test_a_size_that_nothing_is_reduced_to_is_told(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(tmp_path / "f.mp4"), "--frames=1", "-y"]
    for flags, told in ((["--size=4000"], True), (["--size=96"], False), (["--preset=draft"], False)):
        assert main([*arguments, "--iterations=0", *flags]) == 0
        assert ("--size has no effect: no film is larger than its clip." in capsys.readouterr().err) == told


def test_evaluate_prints_a_table_or_json(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(two_shot_clip.read_bytes())
    arguments = ["evaluate", str(two_shot_clip), str(film), "--style", str(STYLE)]
    assert main([*arguments, "--frames", "1-3"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "film.mp4 has 20 frames, but --frames 1-3" in printed.err
    short = tmp_path / "short.mp4"
    ffmpeg("-i", film, "-c", "copy", "-frames:v", "3", "-an", short)
    arguments = ["evaluate", str(short), str(short), "--style", str(STYLE)]
    assert main([*arguments, "--plot", str(tmp_path / "plot.png")]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("short.mp4 beside short.mp4: 96x64, 3 frames, 1 shot\n")
    assert "1.00" in printed.out
    assert printed.err == ""
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert main([*arguments, "--json", "--content-weight", "0"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [frame["number"] for frame in values["frames"]] == [1, 2, 3]
    assert values["summary"]["content"] == 0


def test_stopping_what_keeps_no_frames_does_not_say_that_it_does(
    two_shot_clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stylevideo.quality.evaluate.measure_frames", stopped)
    assert main(["evaluate", str(two_shot_clip), str(two_shot_clip), "--style", str(STYLE)]) == 130
    assert capsys.readouterr().err == "Stopped.\n"
