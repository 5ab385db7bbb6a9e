"""Measure what stylevideo claims, in one run on one machine.

    python -m scripts.benchmark methods [--clips flight bikes] [--methods standard] [--baseline-ends]
    python -m scripts.benchmark look [--methods NAME=PRESET,SETTING=VALUE ...] [--clips friday] [--styles PICTURE ...]
    python -m scripts.benchmark steady [--methods NAME=PRESET,SETTING=VALUE ...] [--clips friday] [--styles PICTURE ...]
    python -m scripts.benchmark evaluations [--methods NAME=PRESET,SETTING=VALUE ...] [--styles PICTURE ...] [--every 4]
    python -m scripts.benchmark sizes [--lines 240 480] [--clips friday] [--styles PICTURE ...]
    python -m scripts.benchmark strength [--strengths 0 0.25 0.5 0.75 1] [--clips friday] [--styles PICTURE ...]
    python -m scripts.benchmark strokes [--clips bigbuckbunny] [--styles PICTURE ...]
    python -m scripts.benchmark keys [--clips bigbuckbunny] [--other-style PICTURE] [--styles PICTURE ...]
    python -m scripts.benchmark painted [--clips balloon bikes] [--other-style PICTURE] [--styles PICTURE ...]
    python -m scripts.benchmark still
    python -m scripts.benchmark uncovered
    python -m scripts.benchmark borders
    python -m scripts.benchmark shots
    python -m scripts.benchmark memory CLIP STYLE [--frames 48 132]
    python -m scripts.benchmark line CLIP STYLE [--sizes 256 640]
    python -m scripts.benchmark disk CLIP STYLE [--deliveries h264 png16]
    python -m scripts.benchmark speed [--methods NAME=PRESET,SETTING=VALUE ...] [--sizes 256 640] [--frames 8]
    python -m scripts.benchmark iteration [--methods NAME=PRESET,SETTING=VALUE ...] [--sizes 512x288] [--precision bf16]
    python -m scripts.benchmark tiles [--sizes 512x288] [--tiles off 96 128 256] [--set iterations=20] [--most-gib 6]
    python -m scripts.benchmark mattes [--clips balloon bikes] [--styles PICTURE PICTURE] [--size 256] [--frames 4]
    python -m scripts.benchmark ramps [--clips bikes balloon] [--styles PICTURE ...] [--strength 0.8] [--size 128]
    python -m scripts.benchmark color [--clips flight bikes] [--styles PICTURE ...] [--size 256] [--frames 4]
    python -m scripts.benchmark rest [--size 1920x1080] [--frames 4] [--set first_iterations=20]
    python -m scripts.benchmark motion [--clip bigbuckbunny] [--sizes 1920x1080 3840x2160] [--frames 4] [--ways 1x1 2x2]
    python -m scripts.benchmark fades [--clip CLIP] [--size 160] [--set first_iterations=24]
    python -m scripts.benchmark forecast [--runs bigbuckbunny=standard,256,40 ...]
    python -m scripts.benchmark gpu [--dry] [--parts iterations films]
    python -m scripts.benchmark blind --first FOLDER ... --second FOLDER ... [--pairs 40] [--row 4] [--enlarged 3]
    python -m scripts.benchmark blind --score choices.txt

`methods` compares our presets with frames made one by one by the same losses, with the previous output unwarped, and
warped without Adam's moments: cost, loss, warping error, sharpness, drift, all measured alike on the finished 8-bit
frames. `look` asks judges that are no network's how films look in several styles: patches like the style's, copied
motifs, dirt, edges, width of strokes. `steady` asks judges that know neither VGG-19 nor the painter's flow how steady
the same films are: speed of strokes against speed of things, flicker in JOD, a soft surface that boils. `evaluations`
counts what frame by frame needs to reach a carried film's loss. `sizes` compares first frames
of one picture at several sizes, all seen at the fewest lines: width of strokes, likeness to the style. `strength`
makes films of several strengths: content, style, what the eye sees of each step. `strokes` asks whether strokes are
as wide, run and live as they are told. `keys` asks whether films whose
settings change, or whose style is a clip that is followed, are as steady as those of which nothing does. `mattes` asks
how near two looks in two mattes are to their styles, and whether what no matte covers is the source, `ramps` how mattes
of strength and of the size of strokes take a picture from their one end to the other. `painted` spreads frames that
were painted over, and asks what is left of them five frames away. `still` looks at
300 identical frames, and at as many with grain, `uncovered` behind the man in bikes, `borders` at what a camera's pan
and zoom bring in, `shots` for traces over cuts, `memory` at the peak memory of a short and a long run, `line` at how
much of its time the painting waits for decoding, flow, saving or encoding, `disk` at what lies on the disk until a film
is complete, beside what was foreseen, `speed` at the seconds of frames that follow another, several methods by turns,
`iteration` at the time of an iteration in times of its bare network's, `tiles` at the memory of a frame painted in
tiles, and at its picture beside that of one painted whole, `rest` at a locked-off shot in which a fifth moves: what
frames cost beside frames of which nothing rests, their losses, and the borders of what is painted, `motion` at the
seconds of a frame's motion by their parts, `fades` at bars, black frames, a flash and a fade-in, `forecast` at what
films take beside what a dry run says, `gpu` at a CUDA card: iterations, whole films, resumption, likeness of runs,
waits and tests, `blind` makes pairs of two methods' pictures without names, to be chosen from, and opens the key once
the choices are written down.
All results lie in `--output`; a run that was interrupted goes on when it is started again. Run
it in the environment that `scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts import ROOT, STYLE
from scripts.benchmark import look as looks
from scripts.benchmark.blind import KEY, PAGE, make_pairs, score
from scripts.benchmark.checks import ALL_ROUND, RIGHT, check_borders, check_line, check_memory, check_shots, check_still
from scripts.benchmark.choices import read_method, read_setting
from scripts.benchmark.clips import (
    CARD,
    CLIPS,
    BenchmarkClip,
    MissingClipError,
    load_clip,
    pan_clip,
    six_shots,
    still_clip,
    zoom_clip,
)
from scripts.benchmark.color import check_color
from scripts.benchmark.direction import STRENGTHS, check_keys, check_strength
from scripts.benchmark.disk import check_disk
from scripts.benchmark.evaluations import check_evaluations
from scripts.benchmark.fades import check_fades
from scripts.benchmark.flames import draw_flames
from scripts.benchmark.forecast import FILMS, Film, check_forecast
from scripts.benchmark.gpu import PARTS, check_gpu
from scripts.benchmark.iteration import check_iteration, flame_of_iteration
from scripts.benchmark.mattes import check_mattes
from scripts.benchmark.methods import STANDARD, Method, Workbench, methods
from scripts.benchmark.motion import LONG_ENOUGH, check_motion
from scripts.benchmark.painted import check_painted
from scripts.benchmark.pictures import crops, windows
from scripts.benchmark.ramps import check_ramps
from scripts.benchmark.report import Findings, Machine, method_bars, publish, tables, to_json
from scripts.benchmark.rest import check_rest
from scripts.benchmark.sizes import check_sizes, load_sizes
from scripts.benchmark.speed import AS_IT_WAS, CHOSEN, UNTIMED, check_speed
from scripts.benchmark.steady import check_steady
from scripts.benchmark.strokes import check_strokes
from scripts.benchmark.tiles import check_tiles
from scripts.benchmark.uncovered import check_uncovered
from scripts.samples.scenes import render_shot
from stylevideo.errors import StyleVideoError
from stylevideo.media.encode.delivery import DELIVERIES
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.render.styles import read_styles, style_targets
from stylevideo.system.device import choose_device, convolution_dtype, describe
from stylevideo.system.files import write_atomically
from stylevideo.system.memory import freed_memory_stays

ONE_BY_ONE_ITERATIONS = 60
GRAIN = 3 / 255
"""Of the second still clip: a camera at rest, since identical frames are not painted again."""
METHODS = "NAME=PRESET,SETTING=VALUE,... each; others are compared with the first; not given: "
MATTE_STYLES = [STYLE, STYLE.with_name("woodblock.jpg")]
TIMES_THE_FILM = 8
"""Size of the still picture that a camera moves over."""


class Run:
    """One start of the script: its options, and what all its methods and clips share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.methods = methods(options.iterations, dict(options.set), options.baseline_ends)
        settings = self.methods[STANDARD].settings
        device = choose_device(settings.optimizer.device)
        self.machine = Machine(ROOT, describe(device))
        if options.restart:
            shutil.rmtree(options.output / "frames", ignore_errors=True)
        options.output.mkdir(parents=True, exist_ok=True)
        vgg = load_vgg19(settings.weights.weights, device, convolution_dtype(settings.optimizer.precision, device))
        self.bench = Workbench(options.output, vgg, read_styles([options.style]), settings, self.machine.started)

    def conclude(self, name: str, findings: Sequence[Findings]) -> None:
        title = f"`scripts.benchmark {self.options.command}`: {self.options.style.name}, {self.options.size} pixels."
        publish(self.options.output, name, title, findings, self.machine)


def compare_methods(run: Run) -> None:
    options, rows, findings = run.options, {}, []
    for clip in _chosen_clips(options):
        name = clip.name
        rows[name] = [run.bench.run(clip, run.methods[method]) for method in options.methods]
        columns = {"source": clip.image, **{row.method.name: row.film.shown for row in rows[name]}}
        pictures = {f"crops-{name}": crops(name, columns, windows(clip))}
        findings.append(Findings(tables(name, rows[name]), method_bars(name, rows[name]), pictures))
    bars = [bar for found in findings for bar in found.bars]
    write_atomically(options.output / "benchmark.json", to_json(rows, bars, run.machine).encode())
    run.conclude("benchmark", findings)


def _chosen_clips(options: argparse.Namespace) -> Iterator[BenchmarkClip]:
    """Those that are on this machine."""
    for name in options.clips:
        try:
            yield load_clip(name, options.size, options.frames_per_clip, options.media)
        except MissingClipError as error:
            print(f"{name} is skipped: {error}", flush=True)


def still(run: Run) -> None:
    options = run.options
    clips = (still_clip(options.size, options.frames, options.media, grain) for grain in (0.0, GRAIN))
    run.conclude("still", [check_still(run.bench, clip, run.methods) for clip in clips])


def uncovered(run: Run) -> None:
    clip = load_clip("bikes", run.options.size, None, run.options.media)
    run.conclude("uncovered", [check_uncovered(run.bench, clip, run.methods)])


def borders(run: Run) -> None:
    size, count = run.options.size, run.options.frames
    picture = next(render_shot("flight", 1, TIMES_THE_FILM * size, TIMES_THE_FILM * size * 9 // 16)).image
    moves = (
        (pan_clip("pan-by-4-pixels", picture, size, count, 4.0), RIGHT),
        (pan_clip("pan-by-3.3-pixels", picture, size, count, 3.3), RIGHT),
        (zoom_clip("zoom-by-2-percent", picture, size, count), ALL_ROUND),
    )
    run.conclude("borders", [check_borders(run.bench, clip, border, run.methods) for clip, border in moves])


def shots(run: Run) -> None:
    clip = six_shots(run.options.size, run.options.frames)
    run.conclude("shots", [check_shots(run.bench, clip, run.methods)])


def look(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings, judged = [], []
    for bench, clip in _by_style(options, chosen, machine):
        found, films = looks.check_look(bench, clip, chosen)
        findings.append(found)
        judged += films
    title = f"`scripts.benchmark look`: {options.size} pixels, {options.frames} frames."
    publish(options.output, "look", title, [*findings, *looks.sum_up(judged)], machine)


def steady(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings = [check_steady(bench, clip, chosen) for bench, clip in _by_style(options, chosen, machine)]
    title = f"`scripts.benchmark steady`: {options.size} pixels, {options.frames} frames."
    publish(options.output, "steady", title, findings, machine)


def evaluations(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings = [
        check_evaluations(bench, clip, method, options.every)
        for bench, clip in _by_style(options, chosen, machine)
        for method in chosen
    ]
    title = f"`scripts.benchmark evaluations`: {options.size} pixels, one of {options.every} frames by itself."
    publish(options.output, "evaluations", title, findings, machine)


def sizes(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings = []
    for name in options.clips:
        if clips := list(_sizes_of(name, options)):
            findings += [check_sizes(bench, clips, chosen) for bench in _benches(options, chosen, machine)]
    publish(options.output, "sizes", "`scripts.benchmark sizes`: first frames.", findings, machine)


def strength(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings = [
        check_strength(bench, clip, method, sorted(options.strengths))
        for bench, clip in _by_style(options, chosen, machine)
        for method in chosen
    ]
    publish(options.output, "strength", f"`scripts.benchmark strength`: {options.size} pixels.", findings, machine)


def strokes(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    options.styles = options.styles or [STYLE, options.media.parent / "paintings" / "van_gogh_starry_night_1889.jpg"]
    machine, pairs = _machine_of(chosen), []
    for bench in _benches(options, chosen, machine):
        for clip in _chosen_clips(options):
            start = looks.CLIPS.get(clip.name, 0)
            pairs.append((bench, replace(clip, frames=clip.frames[start : start + options.frames])))
    findings = [check_strokes(bench, clip, method) for bench, clip in pairs for method in chosen]
    publish(options.output, "strokes", f"`scripts.benchmark strokes`: {options.size} pixels.", findings, machine)


def keys(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings = [
        check_keys(bench, clip, method, options.other_style)
        for bench, clip in _by_style(options, chosen, machine)
        for method in chosen
    ]
    publish(options.output, "keys", f"`scripts.benchmark keys`: {options.size} pixels.", findings, machine)


def painted(options: argparse.Namespace) -> None:
    chosen = options.methods or [read_method("standard=standard")]
    machine = _machine_of(chosen)
    findings = [
        check_painted(bench, clip, method, options.other_style)
        for bench, clip in _by_style(options, chosen, machine)
        for method in chosen
    ]
    publish(options.output, "painted", f"`scripts.benchmark painted`: {options.size} pixels.", findings, machine)


def _sizes_of(name: str, options: argparse.Namespace) -> Iterator[BenchmarkClip]:
    try:
        yield from load_sizes(name, options.lines, options.media)
    except MissingClipError as error:
        print(f"{name} is skipped: {error}", flush=True)


def _machine_of(chosen: Sequence[Method]) -> Machine:
    return Machine(ROOT, describe(choose_device(chosen[0].settings.optimizer.device)))


def _vgg_of(chosen: Sequence[Method]) -> VGG19:
    settings = chosen[0].settings
    device = choose_device(settings.optimizer.device)
    return load_vgg19(settings.weights.weights, device, convolution_dtype(settings.optimizer.precision, device))


def _by_style(
    options: argparse.Namespace, chosen: Sequence[Method], machine: Machine
) -> Iterator[tuple[Workbench, BenchmarkClip]]:
    """Each clip, with a workbench for each style."""
    benches = _benches(options, chosen, machine)
    for whole in _chosen_clips(options):
        clip = looks.choose_frames(whole, options.frames)
        yield from ((bench, clip) for bench in benches)


def _benches(options: argparse.Namespace, chosen: Sequence[Method], machine: Machine) -> list[Workbench]:
    """One for each style; the first method's settings are the yardstick."""
    settings, vgg = chosen[0].settings, _vgg_of(chosen)
    styles = options.styles or looks.painted_styles(options.media.parent / "paintings", STYLE.parent)
    return [
        Workbench(options.output / style.stem, vgg, read_styles([style]), settings, machine.started) for style in styles
    ]


def memory(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    print(check_memory(options.clip, options.style, tuple(options.frames), options.size), flush=True)
    print(machine)


def line(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    for said in check_line(options.clip, options.style, options.frames, options.sizes, options.iterations):
        print(said, flush=True)
    print(machine)


def disk(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    for said in check_disk(options.clip, options.style, options.frames, options.size, options.deliveries):
        print(said, flush=True)
    print(machine)


def speed(options: argparse.Namespace) -> None:
    chosen = options.methods or list(map(read_method, CHOSEN))
    machine, vgg, styles = _machine_of(chosen), _vgg_of(chosen), read_styles([options.style])
    for size in options.sizes:
        whole = load_clip(options.clip, size, None, options.media)
        clip = looks.choose_frames(whole, options.frames + UNTIMED)
        for said in check_speed(vgg, styles, clip, chosen):
            print(said, flush=True)
    print(machine)


def iteration(options: argparse.Namespace) -> None:
    chosen = options.methods or list(map(read_method, (CHOSEN[1], f"gram=standard,{AS_IT_WAS}")))
    machine, styles = _machine_of(chosen), read_styles([options.style])
    weights, device = chosen[0].settings.weights.weights, choose_device(chosen[0].settings.optimizer.device)
    for precision in options.precision:
        vgg = load_vgg19(weights, device, convolution_dtype(precision, device))
        for width, height in options.sizes:
            for said in check_iteration(vgg, styles, (height, width), chosen, options.rounds):
                print(said, flush=True)
        if options.flames:
            width, height = options.sizes[0]
            draw_flames({precision: flame_of_iteration(vgg, styles, (height, width), chosen[0])}, options.flames)
    print(machine)


def tiles(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    for width, height in options.sizes:
        values = dict(options.set)
        for said in check_tiles((height, width), options.tiles, options.style, values, options.most_gib):
            print(said, flush=True)
    print(machine)


def color(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    options.output.mkdir(parents=True, exist_ok=True)
    styles, values = options.styles or [STYLE], dict(options.set)
    clips = (looks.choose_frames(whole, options.frames) for whole in _chosen_clips(options))
    findings = [check_color(clip, styles, values) for clip in clips]
    title = f"`scripts.benchmark color`: {options.size} pixels, {options.frames} frames."
    publish(options.output, "color", title, findings, machine)


def rest(options: argparse.Namespace) -> None:
    method = read_method("standard=standard")
    settings = method.settings.with_values(**dict(options.set))
    machine, vgg = _machine_of([method]), _vgg_of([method])
    targets = style_targets(read_styles([options.style]), vgg, settings)
    width, height = options.size
    with freed_memory_stays():
        for said in check_rest(vgg, targets, (height, width), options.frames, settings, options.output):
            print(said, flush=True)
    print(machine)


def motion(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("cpu")))
    for width, height in options.sizes:
        for said in check_motion(options.clip, options.media, (height, width), options.frames, options.ways):
            print(said, flush=True)
    print(machine)


def mattes(options: argparse.Namespace) -> None:
    machine, styles = Machine(ROOT, describe(choose_device("auto"))), tuple(options.styles)
    options.output.mkdir(parents=True, exist_ok=True)
    clips = (load_clip(name, options.size, options.frames, options.media) for name in options.clips)
    findings = [check_mattes(clip, styles, dict(options.set)) for clip in clips]
    publish(options.output, "mattes", f"`scripts.benchmark mattes`: {options.size} pixels.", findings, machine)


def ramps(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    options.output.mkdir(parents=True, exist_ok=True)
    clips = [load_clip(name, options.size, options.frames, options.media) for name in options.clips]
    findings = [
        check_ramps(clip, style, options.strength, dict(options.set)) for clip in clips for style in options.styles
    ]
    publish(options.output, "ramps", f"`scripts.benchmark ramps`: {options.size} pixels.", findings, machine)


def fades(options: argparse.Namespace) -> None:
    machine, values = Machine(ROOT, describe(choose_device("auto"))), dict(options.set)
    for said in check_fades(options.clip, options.style, options.size, options.media, values, options.output):
        print(said, flush=True)
    print(machine)


def forecast(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    for said in check_forecast(options.runs, options.style, options.media):
        print(said, flush=True)
    print(machine)


def gpu(options: argparse.Namespace) -> None:
    machine = Machine(ROOT, describe(choose_device("auto")))
    for said in check_gpu(options.media, options.dry, options.parts):
        print(said, flush=True)
    print(machine)


def blind(options: argparse.Namespace) -> None:
    if options.score:
        print(score(options.output / KEY, options.score), flush=True)
        return
    sizes = (options.pairs, options.row, options.enlarged, options.seed)
    make_pairs(options.first, options.second, options.output, *sizes)
    print(f"{options.output / PAGE} and {options.pairs} pictures beside it are to be chosen from; {KEY} is the key.")


PLAIN: dict[str, Callable[[argparse.Namespace], None]] = {
    "memory": memory,
    "line": line,
    "disk": disk,
    "speed": speed,
    "iteration": iteration,
    "tiles": tiles,
    "color": color,
    "mattes": mattes,
    "ramps": ramps,
    "rest": rest,
    "motion": motion,
    "fades": fades,
    "forecast": forecast,
    "gpu": gpu,
    "blind": blind,
    "look": look,
    "steady": steady,
    "evaluations": evaluations,
    "sizes": sizes,
    "strength": strength,
    "strokes": strokes,
    "keys": keys,
    "painted": painted,
}
"""What is printed alone, or chooses its clips and styles by itself."""
COMMANDS: dict[str, tuple[Callable[[Run], None], int, int | None]] = {
    "methods": (compare_methods, 256, None),
    "still": (still, 160, 300),
    "uncovered": (uncovered, 256, None),
    "borders": (borders, 160, 16),
    "shots": (shots, 160, 4),
}
"""What each command does, its size in pixels, and its frames, of the clip or of each shot."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    try:
        if options.command in PLAIN:
            PLAIN[options.command](options)
        else:
            COMMANDS[options.command][0](Run(options))
    except (StyleVideoError, MissingClipError) as error:
        sys.exit(f"benchmark: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m scripts.benchmark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    manner: dict[str, Any] = {"formatter_class": argparse.ArgumentDefaultsHelpFormatter, "allow_abbrev": False}
    for name, (_, size, frames) in COMMANDS.items():
        command = commands.add_parser(name, **manner)
        _add_common(command, size)
        if name == "methods":
            _add_choices(command)
        elif frames is not None:
            command.add_argument("--frames", type=int, default=frames, help="of the clip, or of each shot")
    for name in PLAIN:
        command = commands.add_parser(name, **manner)
        if name in OWN_OPTIONS:
            OWN_OPTIONS[name](command)
            continue
        command.add_argument("clip", type=Path)
        command.add_argument("style", type=Path)
        if name == "disk":
            command.add_argument("--size", type=int, default=256, help="long edge, pixels")
            command.add_argument("--frames", type=int, default=6)
            command.add_argument("--deliveries", nargs="+", choices=DELIVERIES, default=[], help="all if not given")
        elif name == "memory":
            command.add_argument("--size", type=int, default=256, help="long edge, pixels")
            command.add_argument("--frames", type=int, nargs=2, default=(48, 132), help="short and long")
        else:
            command.add_argument("--sizes", type=int, nargs="+", default=(256, 640), help="long edges, pixels")
            command.add_argument("--frames", type=int, default=24)
            command.add_argument("--iterations", type=int, default=4, help="of each frame: fewer than anyone uses")
    return parser


def _add_common(command: argparse.ArgumentParser, size: int) -> None:
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--size", type=int, default=size, help="long edge, pixels")
    command.add_argument("--iterations", type=int, default=ONE_BY_ONE_ITERATIONS, help="of frame by frame")
    command.add_argument("--output", type=Path, default=Path("benchmark"), help="folder for everything that is made")
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")
    command.add_argument("--restart", action="store_true", help="make again what earlier runs have made")
    command.add_argument(
        "--set", type=read_setting, action="append", default=[], metavar="NAME=VALUE", help="a setting, for all methods"
    )
    command.set_defaults(baseline_ends=False)


def _add_look(command: argparse.ArgumentParser) -> None:
    _add_judged(command, "look")
    command.add_argument("--size", "--long-edge", type=int, default=256, help="pixels")
    command.add_argument("--frames", type=int, default=16, help="of each clip")
    command.set_defaults(frames_per_clip=None)


def _add_sizes(command: argparse.ArgumentParser) -> None:
    _add_judged(command, "sizes")
    command.add_argument("--lines", type=_positive, nargs="+", default=(240, 480))


def _add_strength(command: argparse.ArgumentParser) -> None:
    _add_look(command)
    command.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS, help="0..1")
    command.set_defaults(clips=["bigbuckbunny", "stream"], frames=3, output=Path("strength"))


def _add_strokes(command: argparse.ArgumentParser) -> None:
    _add_look(command)
    command.set_defaults(clips=["bigbuckbunny"], frames=7, size=192, output=Path("strokes"))


def _add_keys(command: argparse.ArgumentParser) -> None:
    _add_look(command)
    _add_other_style(command, "a film turns into it")
    command.set_defaults(clips=["bigbuckbunny"], frames=24, output=Path("keys"))


def _add_other_style(command: argparse.ArgumentParser, help: str) -> None:
    other = STYLE.with_name("woodblock.jpg")
    command.add_argument("--other-style", type=Path, default=other, metavar="PICTURE", help=help)


def _add_painted(command: argparse.ArgumentParser) -> None:
    _add_look(command)
    _add_other_style(command, "one frame is painted in it")
    command.set_defaults(clips=["balloon", "bikes"], styles=[STYLE], frames=17, output=Path("painted"))


def _add_judged(command: argparse.ArgumentParser, output: str) -> None:
    command.add_argument("--methods", type=read_method, nargs="+", default=[], help=f"{METHODS}standard=standard")
    command.add_argument("--clips", nargs="+", choices=(*CLIPS, CARD), default=looks.CLIPS)
    command.add_argument("--styles", type=Path, nargs="+", default=[], help="not given: the paintings beside --media")
    command.add_argument("--output", type=Path, default=Path(output), help="folder for everything that is made")
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")


def _add_evaluations(command: argparse.ArgumentParser) -> None:
    _add_look(command)
    command.add_argument("--every", type=_positive, default=4, help="one of so many frames is made by itself too")
    command.set_defaults(clips=["bigbuckbunny"], frames=48, output=Path("evaluations"))


def _add_speed(command: argparse.ArgumentParser) -> None:
    presets = f"{METHODS}standard and draft beside what they were with Gram matrices"
    command.add_argument("--methods", type=read_method, nargs="+", default=[], help=presets)
    command.add_argument("--clip", choices=CLIPS, default="bigbuckbunny")
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--sizes", type=_positive, nargs="+", default=(256, 640), help="long edges, pixels")
    command.add_argument("--frames", type=_positive, default=8, help="that are timed")
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")


def _add_iteration(command: argparse.ArgumentParser) -> None:
    presets = f"{METHODS}standard, and with Gram matrices"
    command.add_argument("--methods", type=read_method, nargs="+", default=[], help=presets)
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--sizes", type=_size, nargs="+", default=((512, 288),), help="WIDTHxHEIGHT, pixels")
    command.add_argument("--precision", choices=("fp32", "bf16"), nargs="+", default=("fp32",))
    command.add_argument("--rounds", type=_positive, default=5)
    command.add_argument(
        "--flames", type=Path, help="a picture of where the first method's time goes at the first size"
    )


def _add_tiles(command: argparse.ArgumentParser) -> None:
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--sizes", type=_size, nargs="+", default=((512, 288),), help="WIDTHxHEIGHT, pixels")
    command.add_argument(
        "--tiles", nargs="+", default=("off", "96", "128", "256"), help="the first is what others are compared with"
    )
    command.add_argument("--most-gib", type=float, default=0.0, help="peak memory that is allowed; 0: any")
    command.add_argument("--set", type=read_setting, action="append", default=[], metavar="NAME=VALUE")


def _add_color(command: argparse.ArgumentParser) -> None:
    command.add_argument("--clips", nargs="+", choices=(*CLIPS, CARD), default=("flight", "bikes"))
    command.add_argument("--styles", type=Path, nargs="+", default=[], help=f"not given: {STYLE.name}")
    command.add_argument("--size", type=_positive, default=256, help="long edge, pixels")
    command.add_argument("--frames", type=_positive, default=4, help="of each clip, at least two")
    command.add_argument("--output", type=Path, default=Path("color"), help="folder for everything that is made")
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")
    command.add_argument("--set", type=read_setting, action="append", default=[], metavar="NAME=VALUE")
    command.set_defaults(frames_per_clip=None)


def _add_rest(command: argparse.ArgumentParser) -> None:
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--size", type=_size, default=(1920, 1080), help="WIDTHxHEIGHT, pixels")
    command.add_argument("--frames", type=_positive, default=4, help="that follow the first")
    command.add_argument("--output", type=Path, default=Path("rest"), help="folder for the difference picture")
    command.add_argument("--set", type=read_setting, action="append", default=[], metavar="NAME=VALUE")


def _add_motion(command: argparse.ArgumentParser) -> None:
    command.add_argument("--clip", choices=LONG_ENOUGH, default="bigbuckbunny")
    command.add_argument("--sizes", type=_size, nargs="+", default=((1920, 1080), (3840, 2160)), help="WIDTHxHEIGHT")
    command.add_argument("--frames", type=_positive, default=4, help="that have all references")
    ways = "cores and frames at once: 2x4 finds the motion of four frames at once, with two threads an operation"
    command.add_argument("--ways", type=_size, nargs="+", default=((1, 1), (2, 1), (2, 2)), help=ways)
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return _positive(width), _positive(height)


def _add_gpu(command: argparse.ArgumentParser) -> None:
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")
    command.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    command.add_argument("--dry", action="store_true", help="small and on the CPU, to try the trial itself")


def _add_blind(command: argparse.ArgumentParser) -> None:
    command.add_argument("--first", type=Path, nargs="+", default=[], help="folders of pictures: FRAMES/*/match")
    command.add_argument("--second", type=Path, nargs="+", default=[], help="as many, in their order: FRAMES/*/gram")
    command.add_argument("--score", type=Path, nargs="+", default=[], help="choices that were made: the key is opened")
    command.add_argument("--output", type=Path, default=Path("blind"), help="folder of the pairs and their key")
    command.add_argument("--pairs", type=_positive, default=40)
    command.add_argument("--row", type=_positive, default=1, help="frames of each film in a pair")
    command.add_argument("--enlarged", type=_positive, default=2, help="times")
    command.add_argument("--seed", type=int, default=1, help="of the order and the sides")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _add_choices(command: argparse.ArgumentParser) -> None:
    names = list(methods(ONE_BY_ONE_ITERATIONS, {}))
    command.add_argument("--clips", nargs="+", choices=CLIPS, default=CLIPS)
    command.add_argument("--methods", nargs="+", choices=names, default=names)
    command.add_argument("--frames-per-clip", type=int, help="only so many from each clip's first")
    command.add_argument(
        "--baseline-ends", action="store_true", help="frame by frame only for the first and last five frames"
    )


def _add_forecast(command: argparse.ArgumentParser) -> None:
    chosen, form = list(map(Film.parse, FILMS)), "CLIP=PRESET,SIZE,FRAMES"
    command.add_argument("--runs", nargs="+", type=Film.parse, default=chosen, metavar=form, help="films to be made")
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")


def _add_fades(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--clip", type=Path, help="letterboxed, with black frames and a flash; not given: a rendered one"
    )
    command.add_argument("--style", type=Path, default=STYLE)
    command.add_argument("--size", type=_positive, default=160, help="long edge, pixels")
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")
    command.add_argument("--set", type=read_setting, action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--output", type=Path, default=Path("fades"), help="folder of all frames, source above film")


def _add_mattes(command: argparse.ArgumentParser) -> None:
    command.add_argument("--styles", type=Path, nargs=2, default=MATTE_STYLES, help="of the matte, and of its inverse")
    _add_matte_clips(command)
    command.set_defaults(clips=["balloon", "bikes"], size=256, frames=4, output=Path("mattes"))


def _add_ramps(command: argparse.ArgumentParser) -> None:
    command.add_argument("--styles", type=Path, nargs="+", default=MATTE_STYLES, help="each by itself")
    command.add_argument("--strength", type=float, default=0.8, help="where the matte is white")
    _add_matte_clips(command)
    command.set_defaults(clips=["bikes", "balloon"], size=128, frames=1, output=Path("ramps"))


def _add_matte_clips(command: argparse.ArgumentParser) -> None:
    command.add_argument("--clips", nargs="+", choices=CLIPS)
    command.add_argument("--size", type=_positive, help="long edge, pixels")
    command.add_argument("--frames", type=_positive)
    command.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media" / "clips")
    command.add_argument("--set", type=read_setting, action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--output", type=Path, help="folder of the figures and the sheets")


OWN_OPTIONS = {
    "fades": _add_fades,
    "forecast": _add_forecast,
    "iteration": _add_iteration,
    "tiles": _add_tiles,
    "color": _add_color,
    "mattes": _add_mattes,
    "ramps": _add_ramps,
    "rest": _add_rest,
    "motion": _add_motion,
    "gpu": _add_gpu,
    "speed": _add_speed,
    "blind": _add_blind,
    "look": _add_look,
    "steady": _add_look,
    "evaluations": _add_evaluations,
    "sizes": _add_sizes,
    "strength": _add_strength,
    "strokes": _add_strokes,
    "keys": _add_keys,
    "painted": _add_painted,
}


if __name__ == "__main__":
    main()
