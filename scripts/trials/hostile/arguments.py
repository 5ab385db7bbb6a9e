"""Cases: what is typed, or stands in a job file that somebody else wrote.

Options for the encoder that are a command line, templates that climb, names with control characters, numbers without
end, deeply nested files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from scripts.trials.hostile.stage import PAINTLESS, Case, Stage

REFUSED = "refused"
ENCODER_ARGUMENTS = (
    *(
        "{victim}",
        "{victim} -y",
        "-i {victim}",
        "-attach {victim}",
        "-metadata title=My Film.mp4",
        "-f mp4 {out}/b.mp4",
    ),
    *("-vf movie={victim}", "-vf subtitles={victim}", "-filter_complex movie={victim}[x]", "-lavfi color", "-dump"),
    *("-passlogfile {out}/log", "-vstats_file {out}/stats", "-progress {out}/p", "-report", "-sdp_file {out}/x"),
    *(
        "-map 0:a",
        "-map_metadata 0",
        "-t 99999999",
        "-ss 5",
        "-fs 10",
        "-shortest",
        "-protocol_whitelist a",
    ),
    *("-f tee {out}/a.mp4|{out}/b.mp4", "-f segment {out}/%d.mp4", "-f hls", "-hls_segment_filename {out}/%d.ts"),
    *("-x264-params stats={out}/stats:pass=1", "-x264opts dump-yuv={out}/y", "-vf drawtext=textfile={victim}"),
    *("-vf lut3d={victim}", "-vf metadata=mode=print:file={out}/m", "-vf ssim=stats_file={out}/s", "-/vf {victim}"),
    *("-filter_script:v {victim}", "-vpre {victim}", "-fpre {victim}", "-init_hw_device cuda", "-loglevel debug -y"),
    *(
        "tcp://127.0.0.1:9/x",
        "pipe:1",
        "-",
        "--",
        "'",
        '"unclosed',
        "\\",
        "-metadata",
        "-vf",
        "-n",
        "-stats",
        "-h full",
    ),
    *(
        "-bsf:v dump_extra,trace_headers",
        "-vf null,movie=filename={victim},null",
        "-vf zmq",
        "-af azmq",
        "-vf sendcmd=f={victim}",
    ),
)
GOOD_ARGUMENTS = ("-preset ultrafast", "-tune grain", "-vf eq=1.1", "-metadata title=Film", "-crf 30 -g 12")
NUMBERS = (
    *(("--size", text) for text in ("-1", "1e400", "99999999999999999999", "nan", "0x10", "1_0", "\u0663")),
    *(("--style-weight", text) for text in ("inf", "nan", "-1", "1e400", "1e-400")),
    *(("--crf", text) for text in ("999", "-2", "nan")),
    *(("--threads", text) for text in ("-1", "1000000000")),
    *(
        ("--frames", text)
        for text in ("0-0", "5-1", "1-99999999999999999999", "1-12x0", "-5--1", "1-2x999999999999", "a")
    ),
    *(("--start", text) for text in ("nan", "inf", "-1e400", "99:99:99:99", "1e300", "-5")),
    *(("--rate", text) for text in ("0", "1/0", "-24", "inf", "1e400", "999999999999/1", "1/99999999999999")),
    *(("--handles", text) for text in ("-1", "99999999999999999999")),
    *(("--stroke-size", text) for text in ("0", "-1", "inf", "1e9")),
    *(("--stall-minutes", text) for text in ("nan", "-1", "inf")),
    *(("--workers", text) for text in ("-1", "1000000000", "nan")),
    *(("--retry", text) for text in ("-1", "nan")),
)
BIG_IS_FINE = ("1e400", "1e-400", "1-2x999999999999", "1e300", "inf", "\u0663", "1_0", "999999999999/1")
TEMPLATES = (
    *(
        "{name.__class__}.mp4",
        "{0}.mp4",
    ),
    *(
        "{name!r:>99999999}.mp4",
        "{name:>99999999}.mp4",
        "{missing}.mp4",
        "",
        "..",
        "a\0b.mp4",
        "{name}\n.mp4",
    ),
    *("x" * 300 + ".mp4", "{name", "{name}}.mp4", "\x1b[31m{name}.mp4"),
)
NAMES = {
    "with a newline": b"a\nb.mp4",
    "with an escape": b"a\x1b[31mb.mp4",
    "with a return": b"a\rb.mp4",
    "with a bell": b"a\x07b.mp4",
    "with a C1 control": "a\u009bb.mp4".encode(),
    "with a direction": "a\u202egpj.mp4".encode(),
    "not UTF-8": b"a\xff\xfeb.mp4",
    "of 251 bytes": b"a" * 247 + b".mp4",
    "with a leading dash": b"-y.mp4",
    "with a colon": b"http:a.mp4",
    "with percents": b"%d%s%n.mp4",
    "with braces": b"{name}{0}.mp4",
    "with brackets": b"[ab]*?.mp4",
    "with quotes": b"'a\"b$(id)`id`.mp4",
    "of spaces": b"   .mp4",
}
JOB_LINES = {
    "weights of the environment": 'weights="/proc/self/environ"',
    "a device as weights": 'weights="/dev/zero"',
    "a sheet elsewhere": 'sheet="{victim}"',
    "a report elsewhere": 'report="{victim}"',
    "a list for a word": 'preset=["draft"]',
    "a table for a number": "size={{a=1}}",
    "infinity": "style_weight=inf",
    "not a number": "style_weight=nan",
    "a date": "frames=1979-05-27",
    "a long number": "size=" + "9" * 5000,
    "a null sign": 'name="a\\u0000b.mp4"',
    "an escape": 'preset="\\u001b[31mdraft"',
    "an escape in a key": '"\\u001b[31mkey"=1',
    "nested lists": "styles=" + "[" * 5000 + "]" * 5000,
    "nested tables": "a" + ".a" * 3000 + "=1",
}


def cases() -> Iterator[Case]:
    """All of them."""
    for text in ENCODER_ARGUMENTS:
        yield Case(f"arguments: --ffmpeg-args {text!r}", partial(_encoder, text, "refused"))
    for text in GOOD_ARGUMENTS:
        yield Case(f"arguments: --ffmpeg-args {text!r}, which may be", partial(_encoder, text, "done"))
    for flag, text in NUMBERS:
        ends = "refused|done" if text in BIG_IS_FINE else REFUSED
        yield Case(f"arguments: {flag} {text}", partial(_number, flag, text, ends))
    for text in TEMPLATES:
        yield Case(f"arguments: --name {text[:30]!r}", partial(_template, text))
    for story, name in NAMES.items():
        yield Case(f"arguments: a name {story}", partial(_name, name))
    for story, line in JOB_LINES.items():
        yield Case(f"arguments: a job file with {story}", partial(_job, line))
    for story, job in WHOLE_JOBS.items():
        yield Case(f"arguments: a job file that is {story}", partial(_whole_job, job))
    yield Case("arguments: an empty word as clip", partial(_clip_word, ""))
    yield Case("arguments: a name of 4000 bytes as clip", partial(_clip_word, "a" * 4000))
    yield Case("arguments: a folder of links that go round", _round)


WHOLE_JOBS: dict[str, bytes] = {
    "empty": b"",
    "random": bytes(range(256)) * 20,
    "a million lists": b"a=" + b"[" * 1_000_000,
    "a hundred thousand tables": b"[[clip]]\n" * 100_000,
    "UTF-16": "[[clip]]".encode("utf-16"),
    "a hundred megabytes": b"#" * 100_000_000,
    "full of zeros": bytes(1000),
}


def _encoder(text: str, ends: str, stage: Stage) -> None:
    words = text.format(victim=stage.victim(), out=stage.out) if "{" in text else text
    stage.run(stage.clip(), "--ffmpeg-args", words, ends=ends)


def _number(flag: str, text: str, ends: str, stage: Stage) -> None:
    words = ("run", stage.clip(), "--style", stage.style, "-o", stage.film, *PAINTLESS)
    stage.call(*words, f"{flag}={text}", ends=ends)


def _template(text: str, stage: Stage) -> None:
    words = ("run", stage.clip(), "--style", stage.style, "--out-dir", stage.out, f"--name={text.replace(chr(0), '')}")
    stage.call(*words, "--frames", "1-2", *PAINTLESS, ends="refused|done")


def _name(name: bytes, stage: Stage) -> None:
    clip = os.fsencode(stage.root / "in") + b"/" + name
    with open(clip, "wb") as file:  # noqa: PTH123
        file.write(stage.stock["clip.mp4"])
    stage.call("probe", clip, ends="done|refused")
    stage.run(clip, ends="done|refused")
    words = ("run", stage.clip(), "--style", stage.style, "-o", os.fsencode(stage.out) + b"/" + name, "--frames", "1-2")
    stage.call(*words, *PAINTLESS, ends="done|refused")


def _job(line: str, stage: Stage) -> None:
    own = line.format(victim=stage.victim(), out=stage.out) if "{" in line else line
    keys = (f'source="{stage.clip()}"', "iterations=0", 'device="cpu"', 'frames="1-2"')
    styles = () if "styles" in line else (f'styles=["{stage.style}"]',)
    output = () if "out_dir" in line else (f'output="{stage.film}"',)
    job = stage.put("in/job.toml", "\n".join(("[[clip]]", *keys, *styles, *output, own, "")))
    words = ("run", job, "--config", "none")
    ends = "done|refused" if "weights" in line else REFUSED  # which are not read where nothing is painted
    stage.call(*words, ends=ends, named=[stage.root / "in"], outputs=[stage.film])


def _whole_job(text: bytes, stage: Stage) -> None:
    stage.call("run", stage.put("in/job.toml", text), ends=REFUSED)


def _clip_word(word: str, stage: Stage) -> None:
    stage.run(word, ends=REFUSED)


def _round(stage: Stage) -> None:
    folder = stage.root / "in" / "round"
    folder.mkdir()
    (folder / "again").symlink_to(folder)
    (folder / "self.mp4").symlink_to("self.mp4")
    stage.run(folder, ends=REFUSED)
    stage.run(folder / "self.mp4", ends=REFUSED)
    stage.run(folder / "**" / "*.mp4", ends=REFUSED)
