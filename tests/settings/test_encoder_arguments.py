"""`--ffmpeg-args`: options for the encoder, of which none can open a file, add a track or leave the film."""

from __future__ import annotations

import argparse
import errno
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import STYLE
from hypothesis import given
from hypothesis import strategies as st
from media_fixtures import numbered_frame, numbered_video

from stylevideo.cli.main import build_parser, main
from stylevideo.errors import InputError, KilledError, SettingsError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.encode.delivery import X265_THREADS, Encoding
from stylevideo.media.ffmpeg import run_ffmpeg, start_ffmpeg
from stylevideo.quality.verify import verify
from stylevideo.settings.encoder_arguments import MOST_CHARACTERS, read_encoder_arguments, split_arguments
from stylevideo.settings.encoder_options import (
    ENCODERS,
    FLAGS,
    INSTEAD,
    KNOWN,
    PARAMETERS,
    PLAIN,
    endless_function,
    names,
)
from stylevideo.settings.filter_chain import FILTERS, OPTIONS, read_filters
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import FrameSelection

HARMLESS_TEXT = names(
    "angle a alpha alpha_expr b b_expr blue blue_expr cb cb_expr cr cr_expr c0_expr all boxborderw brightness c "
    "color contrast end_pts fillcolor font fontcolor_expr fontsize g g_expr gamma gamma_b gamma_g gamma_r gamma_weight "
    "green green_expr h H height lum lum_expr m master ow oh p0 p1 p2 p3 planes r r_expr red red_expr "
    "reds yellows greens cyans blues magentas whites neutrals blacks s saturation start_pts t text thickness timecode "
    "x x0 x1 x2 x3 y y0 y1 y2 y3 w width level partitions deblock psy-rd preset profile tune vendor "
    "luma_radius lr luma_power chroma_radius cr alpha_radius ar u v y c0 c1 c2 c3 sizes box_source drop amount"
)
"""Options with text for a value, of filters and encoders that can be used: none of them names a file."""
OF_A_FILTER = r"^ {1,4}(\w+) +(<\w+>) "
PLAIN_KINDS = {f"<{kind}>" for kind in names("int int64 float double boolean flags color duration rational")}
FILES = (
    "-attach x",
    "-i x",
    "-map 0",
    "-report x",
    "-/filter:v x",
    "-dump_attachment:t x",
    "-passlogfile x",
    "-f null",
)


@cache
def options_by_section() -> dict[str, dict[str, str]]:
    """All that ffmpeg says it knows: by section, the options with their kinds of value."""
    sections: dict[str, dict[str, str]] = {}
    name = ""
    for line in run_ffmpeg(["-h", "full"]).output.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            name = line.removesuffix(":").removesuffix(" AVOptions")
        elif match := re.match(r" {0,3}-?([A-Za-z0-9][\w-]*)(?:\[[^]]*\])? +(<\w+>)?", line):
            sections.setdefault(name, {})[match[1]] = match[2] or ""
    return sections


def test_of_all_options_of_ffmpeg_those_in_the_table_alone_pass() -> None:
    listed = {option for options in options_by_section().values() for option in options}
    assert len(listed) > 2500 and PLAIN & listed
    for option in [*listed, *(option for option in INSTEAD)]:
        if option not in KNOWN and option not in ("codec", "vcodec", "vf", "vtag", "vbsf", "qscale"):
            for text in (f"-{option} x", f"-{option}:v x", f"-{option}"):
                with pytest.raises(SettingsError, match="none of the encoder's options"):
                    read_encoder_arguments(text)


def filters_of_ffmpeg() -> dict[str, dict[str, str]]:
    """The options of all filters, with their kinds of value, also of those that share them with others."""
    listed = run_ffmpeg(["-filters"]).output
    known = re.findall(r"^ [T.][S.]C? +(\w+)", listed, re.MULTILINE)
    asked = [name for name in known if name in FILTERS and name not in options_by_section()]
    own = {name: re.findall(OF_A_FILTER, run_ffmpeg(["-h", f"filter={name}"]).output, re.MULTILINE) for name in asked}
    return {name: dict(own[name]) if name in own else options_by_section().get(name, {}) for name in known}


def test_of_all_filters_and_their_options_those_that_name_no_file_alone_pass() -> None:
    """A new ffmpeg may have an option that does."""
    filters, passed = filters_of_ffmpeg(), set()
    assert len(filters) > 400 and set(filters) >= FILTERS and filters["lutyuv"] and filters["dilation"]
    for name, options in filters.items():
        for option in (*options, "file", "filename"):
            try:
                read_filters(f"{name}={option}=1")
            except SettingsError:
                continue
            passed.add((name, option))
    assert {name for name, _ in passed} == {name for name in FILTERS if filters[name]}
    texts = {(name, o) for name, o in passed if filters[name][o] not in PLAIN_KINDS}
    assert len(texts) > 80 and {option for _, option in texts} <= HARMLESS_TEXT
    assert OPTIONS - {option for _, option in passed} == {"enable"}, "which every filter has"


@pytest.mark.parametrize("chain", ["eq=/contrast={}", "eq=1:/brightness={}", "/eq={}", "curves=/all={}", "lut=/y={}"])
def test_values_of_filters_are_not_taken_from_files(chain: str, tmp_path: Path) -> None:
    """With a slash before its name, ffmpeg takes an option's value from a file."""
    named = tmp_path / "value"
    try:
        written = read_filters(chain.format(named))
    except SettingsError:
        return
    grey = ["-f", "lavfi", "-i", "color=size=64x64:rate=24"]
    messages = [
        run_ffmpeg(["-v", "debug", *grey, "-vf", written, "-frames:v", "1", "-f", "null", "-"]).messages
        for value in ("nonsense", "1")
        if named.write_text(value)
    ]
    assert "nonsense" not in messages[0] and "Error" in messages[1]


def test_options_of_encoders_name_no_file() -> None:
    sections = options_by_section()
    unknown = set()
    for name in ENCODERS:
        section = next((s for s in sections if s.split(" ")[0] == name), "")
        kinds = sections.get(section, {})
        unknown |= {(name, o) for o, kind in kinds.items() if kind in ("<string>", "<dictionary>") and o in PLAIN}
    assert {(name, option) for name, option in unknown if option not in HARMLESS_TEXT} == set()
    assert unknown, "the sections of the help were not found"


REFUSED = {
    "src.mp4": r"'src.mp4' is no option, and no value of one\. Options begin with a dash",
    "-metadata title=My Film.mp4": r"'Film\.mp4' is no option.*-metadata 'title=My Film\.mp4'",
    "-attach /etc/passwd": r"-attach is none of the encoder's options.*come along",
    "-preset": "-preset lacks its value",
    "-preset -tune grain": "-preset takes a number or a word, not '-tune'",
    "-prset slow": "Did you mean preset",
    "-c:a aac": "-c:a cannot be used here.*re-encode them, in the finished film",
    "-c copy": "-c cannot be 'copy' here",
    "-c:v libx246": r"Did you mean libx26\d\? Choose from",
    "-crf:v:1 3": "for other tracks than the picture",
    "-x264-params stats=/tmp/x": "-x264-params cannot have stats here",
    "-x264-params keyint=24:dump_yuv=x": "cannot have dump_yuv here",
    "-x264opts qpfile=/tmp/x": "cannot have qpfile here",
    "-x265-params csv=/tmp/x": "cannot have csv here",
    "-x265-params keyint=2:analysis-save=x": "cannot have analysis-save here",
    "-svtav1-params stats-report=1": "cannot have stats-report here",
    r"-x264-params 'keyint=1\:stats=x'": r"takes key=value:key=value, not 'keyint=1\\\\'",
    "-flags +pass1": "-flags cannot be 'pass1' here",
    "-flags 512": "-flags cannot be '512' here",
    "-movflags +rtphint": "cannot be 'rtphint' here",
    "-bsf:v dump_extra": "-bsf:v cannot be 'dump_extra' here",
    "-bsf:v h264_metadata=crop_left=8": "cannot have crop-left here",
    "-pass 1": "one pass",
    "-vf movie=x": "The filter 'movie' cannot be used here",
    "-vf eq,subtitles=x": "Subtitles of the source come along",
    "-vf scale=640:-1": "Use --size",
    "-vf lut3d=look.cube": "cannot be used here",
    "-vf drawtext=textfile=/etc/passwd": "cannot have textfile here",
    "-vf drawtext=/etc/font.ttf": "wants each option by its name",
    "-vf drawtext=/text=/etc/passwd": "wants each option by its name",
    "-vf drawtext=font=/etc/font.ttf": "must be the name of a font",
    "-vf curves=psfile=x": "cannot have psfile here",
    "-vf curves=vintage:x:x:x:x:x:x": "wants each option by its name",
    "-vf rotate=1:ow=9": "changes the size",
    "-vf [in]eq[out]": "no single chain",
    "-vf split[a][b];[a][b]blend": "cannot be used here|no single chain",
    r"-vf drawtext=text=%{eif\\\\:1\\\\:d\\\\:2000000000}": "numbers of so many digits",
    "-vf geq=lum='while(1,1)'": r"while\(\)",
    "-vf geq=lum='taylor(taylor(taylor(1,X),Y),N)'": r"taylor\(\)",
    r"-vf geq=lum='ro\ot (ld(0)-1,9)'": r"root\(\)",
    r"-vf rotate=a=if(gt(n\\,5)\\,print(1))": r"print\(\)",
    r"-vf drawtext=text=%{eif\\\\:while(1\\,1)\\\\:d}": r"while\(\)",
    "-vf eq -filter:v hue": "-vf stands there twice",
    "-filter_complex eq": "Use -vf with a chain",
    "-timecode now": "takes a timecode such as",
    "-metadata title": "takes name=value",
    "-disposition:v:0 attached_pic": "other tracks",
    "-disposition:a:0 attached_pic": "cannot be 'attached_pic' here",
    "-force_key_frames expr:while(1,1)": r"while\(\)",
    "-metadata title=" + "x" * MOST_CHARACTERS: f"Write at most {MOST_CHARACTERS}",
    "-metadata title=\0": "zero byte",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_is_said(text: str) -> None:
    with pytest.raises(SettingsError, match=REFUSED[text]) as told:
        Settings().with_values(ffmpeg_args=text)
    assert str(told.value).startswith("--ffmpeg-args: ") and str(told.value).endswith(".")


@pytest.mark.parametrize("text", [*FILES, "film.mp4", "-metadata title=My Film.mp4", "-vf movie=x"])
def test_it_is_refused_on_the_command_line_and_in_job_files_and_nothing_is_written(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clip = numbered_video(tmp_path / "film.mp4", 2)
    before = clip.read_bytes()
    words = ["run", "film.mp4", "--style", str(STYLE), "-o", "o.mkv", "--iterations", "0"]
    assert main([*words, "--ffmpeg-args", text]) == 2
    assert capsys.readouterr().err.startswith("stylevideo: --ffmpeg-args: ")
    job = tmp_path / "job.toml"
    job.write_text(f"[[clip]]\nsource = 'film.mp4'\nstyles = ['{STYLE}']\noutput = 'o.mkv'\nffmpeg_args = '{text}'\n")
    assert main(["run", "job.toml"]) == 2
    assert "job.toml, [[clip]] 1: --ffmpeg-args: " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "job.toml"]
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", ()),
        ("-preset slow -tune grain", ("-preset:v:0", "slow", "-tune:v:0", "grain")),
        ("-metadata:s:a:0 language=deu", ("-metadata:s:a:0", "language=deu")),
        ("-metadata 'title=My Film.mp4'", ("-metadata", "title=My Film.mp4")),
        ("-movflags write_colr", ("-movflags", "+write_colr")),
        ("-disposition:a:1 default+dub", ("-disposition:a:1", "default+dub")),
        ("-b:a 128k -b:v 5M", ("-b:a", "128k", "-b:v:0", "5M")),
        ("-qdiff -1 -vcodec hevc_nvenc", ("-qdiff:v:0", "-1", "-c:v:0", "hevc_nvenc")),
        ("-bsf:v h264_metadata=level=4.1", ("-bsf:v:0", "h264_metadata=level=4.1")),
        (
            "-x264opts no-deblock:rc_lookahead=8:psy-rd=1,0.15",
            ("-x264opts:v:0", "no-deblock:rc_lookahead=8:psy-rd=1,0.15"),
        ),
    ],
)
def test_what_passes_is_for_the_picture_alone(text: str, options: tuple[str, ...]) -> None:
    assert read_encoder_arguments(text).options == options


def test_an_encoder_of_ones_own_has_none_of_the_deliverys_options() -> None:
    nvenc = Encoding(extra=read_encoder_arguments("-c:v h264_nvenc -cq 19"))
    assert nvenc.arguments("mp4") == []
    assert nvenc.last_arguments() == ["-c:v:0", "h264_nvenc", "-cq:v:0", "19"]
    threads = Encoding(extra=read_encoder_arguments("-preset fast -x265-params keyint=24"))
    assert threads.last_arguments()[-1] == f"{X265_THREADS}:keyint=24", "films must not depend on the machine"


@pytest.mark.parametrize(("section", "known"), [*PARAMETERS.items(), *FLAGS.items()])
def test_lists_have_no_names_of_files(section: str, known: frozenset[str]) -> None:
    assert not [name for name in known if re.search("file|stats$|path|log$|csv|yuv|save|load|clbin|recon|report", name)]


@given(
    st.dictionaries(
        st.sampled_from(sorted(OPTIONS)),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        max_size=3,
    )
)
def test_filters_mean_the_same_when_they_are_written_anew(options: dict[str, str]) -> None:
    quoted = {
        name: "".join(
            f"\\\\\\{c}" if c in "\\'" else f"'\\{c}'" if c.isspace() else f"\\\\{c}" if c == ":" else f"\\{c}"
            for c in value
        )
        for name, value in options.items()
    }
    if any(map(endless_function, options.values())):
        return
    text = "null=" + ":".join(f"{name}={value}" for name, value in quoted.items()) if options else "null"
    once = read_filters(text)
    assert read_filters(once) == once


@pytest.mark.parametrize(
    "value", ["a:b", "it's", r"back\slash", "a,b;[c]=d", " spaced ", "%{frame_num}", "ä 日本", "a=b/c"]
)
def test_ffmpeg_reads_a_filter_as_it_was_understood(value: str) -> None:
    escaped = "".join(
        f"\\\\\\{c}" if c in "\\'" else f"\\\\{c}" if c in ": " else f"\\{c}" if c in ",;[]" else c for c in value
    )
    chain = read_filters(f"drawtext=text={escaped}:x=1")
    grey = ["-f", "lavfi", "-i", "color=size=64x64:rate=24"]
    said = run_ffmpeg(["-v", "debug", *grey, "-vf", chain, "-frames:v", "1", "-f", "null", "-"]).messages
    assert f"Setting 'text' to value '{value}'" in said
    assert "Setting 'x' to value '1'" in said


def test_filters_go_upon_the_finished_picture(tmp_path: Path) -> None:
    """They were once instead of the film's own, which took its colours away."""
    source = numbered_video(tmp_path / "source.mp4", 3)
    film = tmp_path / "film.mp4"
    words = ["run", str(source), "--style", str(STYLE), "-o", str(film), "--iterations", "0"]
    assert main([*words, "--ffmpeg-args", "-vf negate -c:v mpeg4 -q:v 2 -metadata title=-vf"]) == 0
    made = open_clip(film)
    assert (made.codec, made.color_matrix, made.frame_count) == ("mpeg4", "bt709", 3)
    image = next(iter(read_frames(FrameSelection(made, range(3))))).picture.image
    negative = 255 - numbered_frame(0)
    assert np.abs(image.astype(int) - negative)[32:].mean() < 8
    assert not verify(source, film).wrong


def test_any_value_is_taken_by_any_flag_that_takes_one() -> None:
    parser = build_parser()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    run = commands.choices["run"]
    flags = [flag for flag, action in run._option_string_actions.items() if action.nargs is None]
    assert len(flags) > 50
    for flag in flags:
        for value in ("-vf eq=1.1", "-1", "-x.jpg", "-oops", "-yes", "-", "-- a"):
            joined = f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}"
            assert run.join_values(["a.mp4", flag, value, "-v"]) == ["a.mp4", joined, "-v"]
    for words in (
        ["--style", "--size", "30"],
        ["--", "--style", "-x"],
        ["--sise", "-3"],
        ["--quiet", "-x"],
        ["--style"],
    ):
        assert run.join_values(words) == words
    read = parser.parse_args(["run", "a.mp4", "--ffmpeg-args", "-vf eq=1.1", "--style", "-x.jpg", "-o", "-v.mp4"])
    assert (read.ffmpeg_args, read.style, read.output) == ("-vf eq=1.1", ["-x.jpg"], Path("-v.mp4"))


@pytest.mark.parametrize(
    ("number", "kind", "advice"),
    [
        (errno.E2BIG, InputError, "shorten names"),
        (errno.EACCES, InputError, "chmod"),
        (errno.ENOENT, InputError, "Reinstall imageio-ffmpeg"),
        (errno.ENOEXEC, InputError, "Reinstall imageio-ffmpeg"),
        (errno.ENOMEM, KilledError, "end some, and run again"),
        (errno.EMFILE, KilledError, "end some, and run again"),
    ],
)
def test_advice_goes_with_the_reason_why_ffmpeg_does_not_start(
    number: int, kind: type[Exception], advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("stylevideo.media.ffmpeg.subprocess.Popen", refuse)
    with pytest.raises(kind, match=f"cannot be run: {os.strerror(number)}.*{advice}"):
        start_ffmpeg(["ffmpeg"])


def test_reports_that_the_user_wants_of_ffmpeg_are_not_written_by_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FFREPORT", f"file={tmp_path / 'report.log'}")
    monkeypatch.setenv("AV_LOG_FORCE_COLOR", "1")
    clip = numbered_video(tmp_path / "clip.mp4", 2)
    (tmp_path / "report.log").unlink(missing_ok=True)  # of the fixture's own ffmpeg
    assert probe(clip).frame_count == 2
    assert not (tmp_path / "report.log").exists()


@pytest.mark.parametrize(
    ("text", "posix", "windows"),
    [
        ("-preset slow  -tune grain", ("-preset", "slow", "-tune", "grain"), ("-preset", "slow", "-tune", "grain")),
        (r"-passlogfile C:\logs\a", ("-passlogfile", "C:logsa"), ("-passlogfile", r"C:\logs\a")),
        (r'-i "C:\my logs\a" x="1 2"', ("-i", r"C:\my logs\a", "x=1 2"), ("-i", r"C:\my logs\a", "x=1 2")),
        (r"-x a\ b # c", ("-x", "a b", "#", "c"), ("-x", "a\\", "b", "#", "c")),
        ("", (), ()),
    ],
)
def test_arguments_are_split_as_the_system_does(text: str, posix: tuple[str, ...], windows: tuple[str, ...]) -> None:
    assert split_arguments(text, backslash_escapes=True) == posix
    assert split_arguments(text, backslash_escapes=False) == windows
