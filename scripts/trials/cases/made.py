"""The faults of the table of cases, each made anew: its input, the calls, and what is wanted of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from scripts import ROOT
from scripts.formats.footage import BT709, FRAMES, Encoder, Studio, constant, run
from scripts.trials.hostile import links, names, pipes
from scripts.trials.hostile.stage import PAINTLESS, QUICK, Stage, make
from scripts.trials.odd.account import account, frame_times, pictures_decode, pictures_of
from stylevideo.media.ffmpeg import file_url, run_ffmpeg

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "12")
SAME_TIME_S = 0.003
SAME_SYNC_MS = 5.0
SAME_LEVEL = 4.0
MEMORY_LIMITS_MB = (2600, 3000, 3400, 3800, 4100, 4400, 4700)


@dataclass(frozen=True)
class Row:
    """A case of the table.

    Attributes:
        name: short.
        wanted: in words.
        play: makes the input, calls the program, notes what is wrong with the stage, and returns what was seen.
        counts: whether it is of this issue; one that is not is shown all the same.
    """

    name: str
    wanted: str
    play: Callable[[Stage], str]
    counts: bool = True


# -- what is opened, what is written ---------------------------------------------------------------


def with_record(film: Path) -> list[Path]:
    """A film, and the record beside it, in which `verify` looks for its size."""
    return [film, film.with_name(f"{film.name}.json")]


def playlist(stage: Stage) -> str:
    for kind, name in (("mpd", "in/holiday.mp4"), ("sibling.ffconcat", "in/concat.mp4"), ("m3u8", "in/list.m3u8")):
        names._as_clip(kind, name, stage)
    names._as_clip("pipe.ffconcat", "in/hangs.mp4", stage)
    return _said(stage)


def cwd_module(stage: Stage) -> str:
    stage.clip("cwd/a.mp4"), stage.clip("cwd/b.mp4")
    shown = []
    for name, text in (("fileseq.py", 'open("PWNED", "w")\nraise SystemExit\n'), ("queue.py", 'print("mine")\n')):
        stage.put(f"cwd/{name}", text)
        words = ("run", "a.mp4", "b.mp4", "--style", stage.style, "--out-dir", stage.out / name, "--frames", "1-1")
        inputs = [stage.cwd / "a.mp4", stage.cwd / "b.mp4"]
        stage.call(*words, *PAINTLESS, ends="done", named=inputs)
        shown.append(f"{name}: {stage.said[-1]}")
        (stage.cwd / name).unlink()
    gone = stage.root / "gone"
    gone.mkdir()
    clips = [str(stage.cwd / name) for name in ("a.mp4", "b.mp4")]
    batch = ["run", *clips, "--style", str(stage.style), "--out-dir", str(stage.out / "gone"), "--frames", "1-1"]
    code = "import os, sys; os.rmdir(os.getcwd()); from stylevideo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = _process(["-c", code, *batch, *PAINTLESS], gone)
    stage.want(done.returncode == 0 and "Traceback" not in done.stderr, f"removed folder: exit {done.returncode}")
    return "; ".join([*shown, f"removed folder: exit {done.returncode}"])


def part_link(stage: Stage) -> str:
    for link in ("symbolic", "hard"):
        for name in (".film.mp4.json.part", ".sheet.png.part", ".report.json.part", ".film.part.mp4"):
            path = stage.out / name
            links.LINKS[link](stage, path)
            stage.run(stage.clip(), *links._everything(stage), ends="done|refused|failed")
            for left in stage.out.iterdir():
                left.unlink()
    return "the victims are whole" if not stage.wrong else "; ".join(stage.wrong)


def lock_link(stage: Stage) -> str:
    links._film(links._hard, ".film.mp4.stylevideo.lock", "done|refused|failed", stage)
    return _said(stage)


def ffmpeg_args(stage: Stage) -> str:
    clip = stage.clip("cwd/src.mp4")
    stage.precious.append(clip)
    stage.run("src.mp4", "--ffmpeg-args", "src.mp4", ends="refused", named=[clip])
    words = ("--dry-run", "--ffmpeg-args", "-metadata title=My Film.mp4")
    stage.run(stage.clip(), *words, ends="refused")
    stage.run(stage.clip(), "--ffmpeg-args", "-vf eq=1.1", ends="done|refused")
    return _said(stage)


def attach(stage: Stage) -> str:
    secret = stage.victim()
    job = stage.put("in/job.toml", _job(stage, "f.mkv", f'ffmpeg_args="-attach {secret} -metadata:s:t mimetype=a/b"'))
    stage.call("run", job, ends="refused", named=[stage.root / "in"])
    return _said(stage)


def _job(stage: Stage, film: str, line: str) -> str:
    lines = (f'source="{stage.clip()}"', f'styles=["{stage.style}"]', f'output="{stage.out / film}"', "iterations=0")
    return "\n".join(("[[clip]]", *lines, 'frames="1-2"', line, ""))


# -- what is waited for, what has no bound -----------------------------------------------------------


def fifo(stage: Stage) -> str:
    for place in ("record", "weights", "job file"):
        pipes.PLACES[place](pipes._pipe, stage)
    return _said(stage)


def fifo_in_store(stage: Stage) -> str:
    pipes._in_store(pipes._pipe, "job.json", stage)
    return _said(stage)


def sparse_numbers(stage: Stage) -> str:
    for year in (2024, 2025):
        stage.put(f"in/photos/IMG_{year}0101120000.png", stage.stock["frame.png"])
    stage.call("probe", stage.root / "in" / "photos", ends="refused")
    return _said(stage)


def long_comment(stage: Stage) -> str:
    words = stage.put("in/tags", ";FFMETADATA1\ncomment=" + "x" * 200_000 + "\n")
    clip = stage.root / "in" / "long.mp4"
    make(clip, "-i", file_url(stage.clip()), "-i", file_url(words), "-map_metadata", "1", "-map", "0", "-c", "copy")
    stage.run(clip)
    return _said(stage)


def low_memory(stage: Stage) -> str:
    shown = []
    for limit in MEMORY_LIMITS_MB:
        film = stage.out / f"{limit}.mp4"
        words = ["run", str(stage.clip()), "--style", str(stage.style), "-o", str(film), *QUICK, "--allow-smaller"]
        code = f"import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({limit}000000,) * 2); "
        code += "from stylevideo.cli.main import main; sys.exit(main(sys.argv[1:]))"
        done = _process(["-c", code, *words, "--frames", "1-6"], stage.cwd)
        last = (done.stderr.strip().splitlines() or [""])[-1]
        right = done.returncode == 0 or (done.returncode in (1, 2) and "memory" in last and "unexpected" not in last)
        stage.want(right, f"{limit} MB: exit {done.returncode}: {last[:150]}")
        shown.append(f"{limit} MB: exit {done.returncode}")
    return ", ".join(shown)


def escapes(stage: Stage) -> str:
    clip = stage.clip("in/x\x1b[31mRED\x1b]0;title\x07.mp4")
    stage.call("probe", clip, ends="done|refused")
    stage.run(clip, ends="done|refused")
    stage.run(stage.root / "in" / "no\x1b[31mclip.mp4", ends="refused")
    tagged = stage.root / "in" / "tagged.mkv"
    make(tagged, "-i", file_url(stage.clip()), "-c", "copy", "-metadata", "title=\x1b]0;PWNED\x07\x1b[2J")
    stage.call("verify", tagged, stage.clip(), ends="failed|done")
    stage.call("run", stage.put("in/job.toml", '["\\u001b[31mtable"]\n'), ends="refused")
    return _said(stage)


def streams(stage: Stage) -> str:
    stage.run(stage.clip(), closed=[2])
    stage.want(stage.film.exists(), "no film with standard error closed")
    full = stage.out / "full.mp4"
    words = ("run", stage.clip(), "--style", stage.style, "-o", full, "--frames", "1-1", *PAINTLESS)
    seen = stage.call(*words, ends="done|failed", environment={"HOSTILE_STDOUT": "/dev/full"})
    stage.want(full.exists(), "no film with a full standard output")
    stage.want("kept" not in seen.err, f"it is said otherwise: {seen.err[-120:]}")
    return _said(stage)


PUT_BACK = """
import os, shutil, sys
from pathlib import Path
import stylevideo
whole, clip, style, film = map(Path, sys.argv[1:])
settings = stylevideo.preset("draft").with_values(
    size=64, iterations=1, first_iterations=2, coarsest_size=0, new_iterations=0, guard=0.0, detect_cuts=False)
seen = []
def on_event(event):
    if type(event).__name__ == "FrameFinished":
        seen.append(event)
        if len(seen) == 3:
            os.truncate(clip, clip.stat().st_size // 3)
try:
    stylevideo.stylize(clip, [style], film, settings, on_event)
except stylevideo.StyleVideoError as error:
    print("first:", str(error)[:100])
shutil.copy2(whole, clip)
try:
    result = stylevideo.stylize(clip, [style], film, settings)
    print("repaired:", [frame.number for frame in result.frames if frame.repaired])
except stylevideo.StyleVideoError as error:
    print("second:", str(error)[:200])
"""


def source_put_back(stage: Stage) -> str:
    whole = stage.root / "in" / "whole.mp4"
    noisy = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=4,noise=alls=40:allf=t")
    make(whole, *noisy, *X264, "-movflags", "+faststart")
    clip = stage.put("in/clip.mp4", whole.read_bytes())
    done = _process(["-c", PUT_BACK, *map(str, (whole, clip, stage.style, stage.film))], stage.cwd)
    last = (done.stdout.strip().splitlines() or [done.stderr[-200:]])[-1]
    right = last == "repaired: []" or last.startswith("second:")
    stage.want(right, f"with the whole source: {last}")
    return last


def _process(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STYLEVIDEO_CONFIG": ""}
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)


# -- clocks ----------------------------------------------------------------------------------------


def broken_start(stage: Stage) -> str:
    """Cut in a group of pictures; a broadcast says with each group how it is decoded, a file at its beginning alone."""
    studio, shown = Studio(stage.root / "in"), []
    encoder = Encoder((*X264, "-preset", "fast", "-g", "24", "-bf", "3", "-x264-params", "open-gop=1:scenecut=0"))
    whole = {suffix: studio.shoot(f"whole{suffix}", encoder, constant()).path for suffix in (".ts", ".mp4")}
    for name, source, drop in (
        ("cut.ts", ".ts", 5),
        ("bare.ts", ".ts", 1),
        ("cut.mkv", ".mp4", 5),
        ("no.ts", ".mp4", 5),
    ):
        clip = stage.root / "in" / name
        run(["-i", file_url(whole[source]), "-c", "copy", "-bsf:v", rf"noise=drop=lt(n\,{drop})", file_url(clip)])
        if name != "no.ts":
            shown.append(_like_source(stage, clip, name))
            continue
        stage.want(not pictures_decode(clip), "no.ts: ffmpeg decodes something after all")
        stage.run(clip, ends="refused")
        shown.append(f"no.ts: {stage.said[-1]}")
    return "; ".join(shown)


def _like_source(stage: Stage, clip: Path, name: str) -> str:
    """Make a film of a whole clip, and hold its frames, its sound and verify's word to ffmpeg's account of both."""
    film = stage.out / f"{Path(name).stem}-{clip.suffix[1:]}.mkv"
    stage.call("run", clip, "--style", stage.style, "-o", film, *PAINTLESS, ends="done")
    if not film.exists():
        return f"{name}: no film"
    source, made = account(clip), account(film)
    lost = [number for number in source.numbers if number not in made.numbers]
    stage.want(not lost, f"{name}: the frames {lost} are lost")
    apart = [abs(one - two) for one, two in zip(source.sync, made.sync, strict=False)]
    stage.want(len(source.sync) == len(made.sync) and max(apart, default=0) < SAME_SYNC_MS, f"{name}: sync {apart}")
    stage.call("verify", clip, film, ends="done", named=with_record(film))
    return f"{name}: {len(made.times)} frames of {len(source.times)}, sync {max(apart, default=0):.1f} ms off"


def last_duration(stage: Stage) -> str:
    folder, shown = stage.root / "in", []
    whole = Studio(folder).shoot("whole.mp4", Encoder(X264), constant(Fraction(24))).path
    small = ("-map", "0:v", "-vf", "scale=64:36")
    run(["-i", file_url(whole), *small, "-frames:v", "4", "-final_delay", "300", file_url(folder / "hold.gif")])
    run(["-r", "0.2", "-i", file_url(whole), "-map", "0:v", "-frames:v", "1", *X264, file_url(folder / "one.mp4")])
    for name, seconds in (("hold.gif", None), ("one.mp4", 5.0)):
        film = stage.out / f"{name}.mkv"
        stage.call("run", folder / name, "--style", stage.style, "-o", film, *PAINTLESS, ends="done")
        times, durations = frame_times(folder / name)
        wanted = seconds or times[-1] + durations[-1]
        ended = _end(film) if film.exists() else 0.0
        stage.want(abs(ended - wanted) < 0.05, f"{name}: {ended:.2f} s instead of {wanted:.2f}")
        shown.append(f"{name}: {ended:.2f} s of {wanted:.2f}")
    return "; ".join(shown)


def _end(film: Path) -> float:
    times, durations = frame_times(film)
    return times[-1] + durations[-1]


def one_frame_rate(stage: Stage) -> str:
    shown = []
    for rate in (24, 30, 60):
        clip = stage.root / "in" / f"one{rate}.mp4"
        make(clip, "-f", "lavfi", "-i", f"testsrc2=size=96x64:rate={rate}", "-frames:v", "1", *X264)
        shown.append(_rate(stage, clip, rate))
    clip = stage.root / "in" / "cfr24.mp4"
    make(clip, "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=1", *X264)
    shown.append(_rate(stage, clip, 24, "--frames", "1-1"))
    return "; ".join(shown)


def _rate(stage: Stage, clip: Path, rate: int, *more: str) -> str:
    film = stage.out / f"{clip.stem}.mp4"
    stage.call("run", clip, "--style", stage.style, "-o", film, *PAINTLESS, *more, ends="done")
    said = run_ffmpeg(["-i", file_url(film)]).messages
    lasts = frame_times(film)[1][-1] if film.exists() else 0
    stage.want(abs(lasts - 1 / rate) < 1e-5, f"{clip.name}: a frame of {lasts:.5f} s instead of {1 / rate:.5f}")
    stage.call("verify", clip, film, *more, ends="done", named=with_record(film))
    return f"{clip.name}: {next((part for part in said.split(',') if part.endswith(' fps')), '?').strip()}"


def verify_rate(stage: Stage) -> str:
    shown = []
    for rate in ("30000/1003", "1000000/33367", "2997003/100000"):
        clip = stage.root / "in" / f"rate{rate.replace('/', '-')}.mp4"
        source = f"testsrc2=size=96x64:rate={rate}:duration=2"
        make(clip, "-f", "lavfi", "-i", source, *X264, "-video_track_timescale", rate.partition("/")[0])
        film = stage.out / clip.name
        stage.call("run", clip, "--style", stage.style, "-o", film, *PAINTLESS, ends="done")
        stage.call("verify", clip, film, ends="done", named=with_record(film))
        shown.append(f"{rate}: {stage.said[-1]}")
    return "; ".join(shown)


def negative_start(stage: Stage) -> str:
    whole = Studio(stage.root / "in").shoot("whole.mp4", Encoder(X264), constant()).path
    clip = stage.root / "in" / "negative.mkv"
    early = ("-output_ts_offset", "-0.133", "-avoid_negative_ts", "disabled")
    run(["-i", file_url(whole), "-c", "copy", *early, file_url(clip)])
    return _like_source(stage, clip, "negative.mkv")


# -- pictures --------------------------------------------------------------------------------------

MIRRORS = {
    "mirrored left to right": (("-display_hflip",), ()),
    "mirrored top to bottom": (("-display_vflip",), ()),
    "turned and mirrored": (("-display_rotation", "90", "-display_hflip"), ()),
    "turned by an H.264 message": ((), ("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")),
    "mirrored by an H.264 message": ((), ("-bsf:v", "h264_metadata=display_orientation=insert:flip=horizontal")),
}


def mirror(stage: Stage) -> str:
    """The film's first frame is as ffmpeg shows the source's, through both decoders."""
    shown = []
    for index, (name, (before, after)) in enumerate(MIRRORS.items()):
        for bits, pixels in ((8, "yuv420p"), (10, "yuv420p10le")):
            plain = stage.root / "in" / f"plain{bits}.mp4"
            if not plain.exists():
                source = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=0.25")
                make(plain, *source, *X264, "-pix_fmt", pixels)
            clip = stage.root / "in" / f"{index}-{bits}.mp4"
            make(clip, *before, "-i", file_url(plain), "-c", "copy", *after)
            film = stage.out / clip.with_suffix(".mkv").name
            words = ("--delivery", "ffv1", "--depth", "16" if bits > 8 else "8")
            stage.call("run", clip, "--style", stage.style, "-o", film, *PAINTLESS, *words, ends="done")
            error = np.abs(pictures_of(film)[0].astype(int) - pictures_of(clip)[0]).mean() if film.exists() else 255.0
            stage.want(error < SAME_LEVEL, f"{name}, {bits} bits: {error:.0f}/255 from what ffmpeg shows")
            shown.append(f"{error:.1f}")
    return f"mean differences {', '.join(shown)} of 255"


GAMUTS = {"bt2020": ("bt2020", "bt2020-10", "bt2020nc"), "P3": ("smpte432", "bt709", "bt709")}


def wide_gamut(stage: Stage) -> str:
    """A film's colours are its source's, by zscale."""
    shown = []
    for name, (primaries, transfer, matrix) in GAMUTS.items():
        clip = stage.root / "in" / f"{name}.mp4"
        tags = f"setparams=range=tv:color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"
        graph = f"scale=out_color_matrix={'bt2020' if name == 'bt2020' else 'bt709'}:out_range=tv,format=yuv420p,{tags}"
        make(clip, "-f", "lavfi", "-i", "smptebars=size=256x144:rate=24:duration=0.25", "-vf", graph, *X264)
        film = stage.out / f"{name}.mp4"
        stage.call("run", clip, "--style", stage.style, "-o", film, *PAINTLESS, ends="done|refused")
        if not film.exists():
            continue
        to709 = f"zscale=p=709:t=709:m=709:pin={_z(primaries)}:tin={_z(transfer)}:min={_z(matrix)}:r=tv,"
        wanted, made = _patches(clip, to709 + "setparams=" + BT709), _patches(film, "")
        error = float(np.abs(wanted - made).max())
        stage.want(error <= 3, f"{name}: {error:.1f}/255 off")
        shown.append(f"{name}: {error:.1f}/255 off")
    return "; ".join(shown)


def _z(name: str) -> str:
    names = {"bt2020": "2020", "bt2020-10": "2020_10", "bt2020nc": "2020_ncl", "bt709": "709", "smpte432": "smpte432"}
    return names[name]


def _patches(path: Path, graph: str) -> np.ndarray:
    """Mean colours of the seven bars: (7, 3)."""
    end = "scale=in_color_matrix=bt709:out_range=full:flags=accurate_rnd+full_chroma_int,format=rgb24"
    data = run(
        [
            "-i",
            file_url(path),
            "-map",
            "0:v",
            "-frames:v",
            "1",
            "-vf",
            graph.rstrip(",") + ("," if graph else "") + end,
            "-f",
            "rawvideo",
            "-",
        ]
    )
    picture = np.frombuffer(data, np.uint8).reshape(144, 256, 3)
    places = [round((bar + 0.5) * 256 / 7) for bar in range(7)]
    return np.array([picture[20:60, place - 5 : place + 5].mean(axis=(0, 1)) for place in places])


def phone_tags(stage: Stage) -> str:
    """What a telephone says of a film is in the film, or it is said that it is not."""
    keys = {
        "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950/",
        "com.apple.quicktime.make": "Maker",
        "com.apple.quicktime.model": "Model 7",
    }
    clip = stage.root / "in" / "phone.mov"
    tags = [word for key, value in keys.items() for word in ("-metadata", f"{key}={value}")]
    make(clip, "-i", file_url(stage.clip()), "-c", "copy", "-movflags", "+use_metadata_tags", *tags)
    missing = []
    for name in ("film.mov", "film.mp4", "film.mkv"):
        film = stage.out / name
        seen = stage.call("run", clip, "--style", stage.style, "-o", film, *PAINTLESS, ends="done")
        there = run(["-i", file_url(film), "-f", "ffmetadata", "-"]).decode().replace("\\", "").lower()
        kept = [key for key, value in keys.items() if f"{key}={value}".lower() in there]  # Matroska has capitals
        missing += [f"{name}: {key}" for key in keys if key not in kept and key not in seen.err]
    stage.want(not missing, f"lost and not said: {missing}")
    return "all kept or said" if not missing else f"{len(missing)} lost in silence"


# -- words and exit codes --------------------------------------------------------------------------


def weights_text(stage: Stage) -> str:
    weights = stage.put("in/weights.pth", "these are no weights\n")
    words = ("run", stage.clip(), "--style", stage.style, "-o", stage.film, "--weights", weights, "--config", "none")
    stage.call(*words, ends="refused")
    return _said(stage)


def up_to_date(stage: Stage) -> str:
    clip = stage.clip()
    stage.run(clip)
    os.utime(clip)
    before = stage.film.stat().st_mtime
    stage.run(clip, ends="done")
    stage.want(stage.film.stat().st_mtime >= before, "the film is older than its source")
    stage.want(stage.film.stat().st_mtime >= clip.stat().st_mtime, "make would make it again for ever")
    return _said(stage)


def presets(stage: Stage) -> str:
    seen = stage.call("presets", ends="done")
    stage.want("--carry False" not in seen.out and "--no-carry" in seen.out, "--carry False")
    return _said(stage)


def exr_plate(stage: Stage) -> str:
    """With $OCIO set, an EXR plate comes back with its own range."""
    import OpenEXR

    config = stage.put("in/config.ocio", OCIO_CONFIG)
    plate = np.linspace(0, 3, 64 * 48 * 3, dtype=np.float32).reshape(48, 64, 3)
    (stage.root / "in" / "plate").mkdir()
    for number in (1, 2):
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        name = stage.root / "in" / "plate" / f"p.{number:04d}.exr"
        OpenEXR.File(header, {"RGB": plate}).write(str(name))
    output = stage.out / "p.####.exr"
    words = ("run", stage.root / "in" / "plate", "--style", stage.style, "-o", output, *QUICK)
    thirty, environment = ("--first-iterations", "30"), {"OCIO": str(config)}
    stage.call(*words, *thirty, ends="done", environment=environment, named=[config])
    made = stage.out / "p.0001.exr"
    if not made.exists():
        return _said(stage)
    with OpenEXR.File(str(made)) as file:
        most = float(max(channel.pixels.max() for channel in file.channels().values()))
    stage.want(most < 1.2 * plate.max(), f"values up to {most:.1f}, the plate has 3")
    return f"values up to {most:.2f} of the plate's 3"


OCIO_CONFIG = """ocio_profile_version: 1
roles: {default: linear, scene_linear: linear, compositing_log: log}
displays:
  screen:
    - !<View> {name: plain, colorspace: linear}
active_displays: [screen]
active_views: [plain]
colorspaces:
  - !<ColorSpace> {name: linear, bitdepth: 32f}
  - !<ColorSpace>
    name: log
    bitdepth: 32f
    from_reference: !<LogTransform> {base: 100}
"""


def letterbox(stage: Stage) -> str:
    """Bars and black frames stay black."""
    clip = stage.root / "in" / "letterbox.mp4"
    graph = "drawbox=y=0:h=10:color=black:t=fill,drawbox=y=54:h=10:color=black:t=fill,fade=in:0:4"
    make(clip, "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=0.4", "-vf", graph, *X264)
    stage.call("run", clip, "--style", stage.style, "-o", stage.film, *QUICK, "--size", "96", ends="done")
    made = pictures_of(stage.film)
    bars, first = float(made[-1][:18].mean()), float(made[0].mean())
    stage.want(bars < 10 and first < 10, f"the bars have a mean of {bars:.0f}, the black first frame of {first:.0f}")
    return f"bars {bars:.0f}, first frame {first:.0f} of 255"


def _said(stage: Stage) -> str:
    return json.dumps(stage.said[-1][:160])[1:-1] if stage.said else ""


ROWS = (
    Row("playlists", "refused at once, nothing else is opened", playlist),
    Row("modules in the working folder", "a batch runs none of them, also in a folder that is gone", cwd_module),
    Row("links at part names", "what they point to stays", part_link),
    Row("a hard link at the lock's name", "what it points to stays", lock_link),
    Row("--ffmpeg-args as a command line", "refused at once; the clip stays", ffmpeg_args),
    Row("a stranger's job file attaches a file", "refused", attach),
    Row("the source is cut, and put back", "no frame of the cut source is in the film", source_put_back),
    Row("pipes as small files", "a sentence at once", fifo),
    Row("a pipe in unfinished work", "a sentence, or made anew, at once", fifo_in_store),
    Row("sparse numbers", "a sentence at once", sparse_numbers),
    Row("a comment of 200 kB", "a film", long_comment),
    Row("too little memory", "a film, or a sentence that says so", low_memory),
    Row("control characters", "none reaches the terminal", escapes),
    Row("closed and full streams", "a film, and nothing untrue is said", streams),
    Row("broken starts", "each frame that decodes, in time with the sound", broken_start),
    Row("the last frame's duration", "the film is as long as its source", last_duration),
    Row("rates of single frames", "the source's own; verify passes", one_frame_rate),
    Row("rates that a clock cannot hold", "verify passes", verify_rate),
    Row("a negative start", "each frame, in time with the sound", negative_start),
    Row("mirrors and messages", "the film shows what ffmpeg shows", mirror),
    Row("wide gamuts", "within 3/255 of zscale's conversion", wide_gamut),
    Row("a telephone's tags", "kept, or said", phone_tags),
    Row("weights that are a text", "a sentence", weights_text),
    Row("up to date", "exit code 0, as make expects", up_to_date),
    Row("presets", "can be pasted", presets),
    Row("an EXR plate with $OCIO", "the plate's range", exr_plate),
    Row("letterbox and fades", "what is black stays black", letterbox, counts=False),
)
assert FRAMES > 24
