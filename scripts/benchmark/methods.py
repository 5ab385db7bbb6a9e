"""Runs a method on a clip, measures its frames, and remembers both on disk, so that an interrupted run goes on.

What a method makes lies in `frames/CLIP/METHOD/`: a PNG for each frame, `made.json` and `measures.json`. A later run
takes these as they are if nothing has changed that they depend on, and makes them again otherwise.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from scripts import ROOT
from scripts.benchmark.clips import BenchmarkClip
from stylevideo.engine.optimizer import CarriedState
from stylevideo.engine.sequence import PaintedFrame, SequenceState, stylize_sequence
from stylevideo.engine.targets import StyleTargets
from stylevideo.media.images.pictures import read_picture, to_image, to_picture, write_png
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, with_motion
from stylevideo.motion.flow import DISFlow, FarnebackFlow, MotionSource
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import VectorMotion
from stylevideo.quality.measures import (
    END_FRAMES,
    FilmMeasures,
    FrameMeasures,
    MotionBetween,
    measure_frames,
    motion_by,
    summarize,
)
from stylevideo.render.styles import ReadStyle, style_targets
from stylevideo.settings.over_time import AsksFrames
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.schema import Affects
from stylevideo.settings.settings import Settings, leaves
from stylevideo.system.files import write_atomically

PACKAGE = ROOT / "stylevideo"
OF_FRAMES = (
    "engine",
    "models",
    "motion",
    "ops",
    "settings",
    "timeline",
    "media/decode",
    "media/images",
    "render/footage",
    "render/painter.py",
)
"""Packages and modules that decide what a frame looks like: a change in others does not ask for hours of new frames."""
ENGINE_ALONE = (
    *("looks", "matcher", "objective", "optimizer", "places", "sequence", "strokes/directions", "strokes/turning"),
    *("targets", "terms", "transporter"),
)
OPS_ALONE = (
    *("filters", "fine_structure", "losses", "margin", "matching", "orientation", "parts", "pyramid", "regions"),
    *("tiles", "transport"),
)
OF_FRAMES_ALONE = (
    *(f"engine/{name}.py" for name in ENGINE_ALONE),
    *(f"ops/{name}.py" for name in OPS_ALONE),
    "models",
    "media/images",
)
"""The same for a frame that is made by itself; its settings are compared by value."""
OF_MEASURES = ("quality/metrics.py", "motion/flow.py", "motion/visibility.py", "ops/warp.py")
SECTIONS_ALONE = ("direction", "strokes", "losses", "optimizer", "weights", "scales")
SETTINGS_OF_FOLLOWING = ("iterations", "new_iterations", "temporal_weight", "guard")
ALONE, STANDARD, VECTORS = "frame by frame", "standard", "standard, vectors"


def code_hash(*places: str) -> str:
    """Changes when the text of these files and folders of the package does."""
    digest = hashlib.sha256()
    for place in places:
        path = PACKAGE / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


# Taken when the script starts, as the code that runs is: it may be edited while a run goes on for hours.
CODE_OF_FRAMES = code_hash(*OF_FRAMES)
CODE_OF_FRAMES_ALONE = code_hash(*OF_FRAMES_ALONE)
CODE_OF_METHODS = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
CODE_OF_MEASURES = code_hash(*OF_MEASURES)


@dataclass(frozen=True)
class Painted:
    """A finished frame, the VGG evaluations it cost, and the loss that the optimiser saw last, its margin included."""

    index: int
    image: Tensor
    evaluations: int
    loss: float

    @classmethod
    def of(cls, result: PaintedFrame) -> Painted:
        return cls(result.index, result.image, result.iterations, result.losses.appearance)


Stylize = Callable[[BenchmarkClip, VGG19, StyleTargets, Settings], Iterator[Painted]]


@dataclass(frozen=True, eq=False)
class Method:
    """A way to stylise a clip; `ends_only` leaves out all but a clip's first and last five frames."""

    name: str
    settings: Settings
    stylize: Stylize
    ends_only: bool = False

    @property
    def depends_on(self) -> dict[str, Any]:
        """The code and the settings that decide what its frames look like."""
        if self.settings.temporal.carry:
            return {"code": CODE_OF_FRAMES + CODE_OF_METHODS, "settings": self.settings.fingerprint()}
        settings = {
            leaf.name: self.settings.value(leaf.name)
            for leaf in leaves()
            if leaf.affects is Affects.FRAMES
            and leaf.section in SECTIONS_ALONE
            and leaf.name not in SETTINGS_OF_FOLLOWING
        }
        return {"code": CODE_OF_FRAMES_ALONE, "settings": settings}

    @property
    def folder(self) -> str:
        """A name for files."""
        return self.name.replace(",", "").replace(" ", "-") + ("-ends" if self.ends_only else "")

    def clip(self, clip: BenchmarkClip) -> BenchmarkClip:
        """What it makes of the clip."""
        if not self.ends_only or len(clip.frames) <= 2 * END_FRAMES:
            return clip
        first, last = clip.frames[:END_FRAMES], clip.frames[-END_FRAMES:]
        return dataclasses.replace(clip, frames=first + last, shot_starts=(*clip.shot_starts, last[0].index))


def methods(iterations: int, overrides: Mapping[str, Any], baseline_ends: bool = False) -> dict[str, Method]:
    """All methods by name; with the overrides, all strive for the same losses.

    Args:
        iterations: of each frame of `frame by frame`.
        overrides: values of settings, over those of the presets.
        baseline_ends: make only the ends frame by frame.
    """
    presets = {
        name: Settings().with_values(**{**PRESETS[name].values, **overrides}) for name in ("draft", STANDARD, "fine")
    }
    standard = presets[STANDARD]
    alone = standard.with_values(
        carry=False, coarsest_size=0, first_iterations=iterations, tolerance=0.0, start_noise=0.0
    )
    every = (
        Method(ALONE, alone, as_the_product_does, baseline_ends),
        Method("unwarped", standard.with_values(temporal_weight=0.0), with_a_new_adam(none_at_all)),
        Method("warped, no moments", standard, with_a_new_adam(as_found)),
        *(Method(name, settings, as_the_product_does) for name, settings in presets.items()),
        Method(VECTORS, standard, by_vectors),
    )
    return {method.name: method for method in every}


def as_the_product_does(
    clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: AsksFrames
) -> Iterator[Painted]:
    """By the loop that every film of the product goes through."""
    carries = settings.at(clip.frames[0].index).temporal.carry
    yield from _by(DISFlow() if carries else None, clip, vgg, targets, settings)


def by_vectors(clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: Settings) -> Iterator[Painted]:
    """The same, with the vectors that a renderer would write; a clip that was not rendered has none."""
    vectors = dict(enumerate(clip.vectors))
    source = VectorMotion(DISFlow(), vectors.get, range(len(clip.frames)))
    yield from _by(source, clip, vgg, targets, settings)


def _by(
    source: MotionSource | None, clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: AsksFrames
) -> Iterator[Painted]:
    frames = with_motion(clip.frames, source, clip.shot_starts)
    for result, _ in stylize_sequence(frames, None, vgg, targets, settings):
        yield Painted.of(result)


def with_a_new_adam(change: Callable[[Motion], Motion]) -> Stylize:
    """The product's path of a frame, but every frame begins without moments, and with another motion."""

    def stylize(clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: Settings) -> Iterator[Painted]:
        state: SequenceState | None = None
        for frame, motion in with_motion(clip.frames, DISFlow(), clip.shot_starts):
            pair = (frame, change(motion) if motion else None)
            [(result, after)] = stylize_sequence([pair], state, vgg, targets, settings)
            state = dataclasses.replace(after, carried=CarriedState.fresh(after.carried.image))
            yield Painted.of(result)

    return stylize


def none_at_all(motion: Motion) -> Motion:
    """As if every pixel stood still."""
    return Motion(torch.zeros_like(motion.flow_to_previous), torch.ones_like(motion.visible), still=motion.still)


def as_found(motion: Motion) -> Motion:
    """The motion as it was found."""
    return motion


@dataclass(frozen=True, eq=False)
class Film:
    """The finished frames of a method on a clip, as they lie on the disk.

    Attributes:
        clip: what was made of it: the ends only, perhaps.
        folder: of the pictures.
        evaluations, seconds: what they cost, flow and saving included.
        losses: what the optimiser saw last of each frame.
        started: when the run that made them began.
    """

    clip: BenchmarkClip
    folder: Path
    evaluations: int
    seconds: float
    losses: tuple[float, ...]
    started: str

    def picture(self, index: int) -> Tensor:
        """(1, 3, H, W), 0..1, in 256 steps, as a film holds it."""
        return to_image(read_picture(picture_path(self.folder, index)))

    def shown(self, index: int) -> Tensor:
        """The picture, or a black one of a frame that was not to be made."""
        made = any(frame.index == index for frame in self.clip.frames)
        return self.picture(index) if made else torch.zeros_like(self.clip.frames[0].image)

    def pairs(self) -> Iterator[tuple[Frame, Tensor]]:
        """Every source frame with its picture."""
        for frame in self.clip.frames:
            yield frame, self.picture(frame.index)

    def optimized_loss(self, frames_of: Film) -> float:
        """Mean of the losses, over the frames that another film has: one may have a clip's ends only."""
        wanted = {frame.index for frame in frames_of.clip.frames}
        found = zip(self.clip.frames, self.losses, strict=True)
        return statistics.fmean(loss for frame, loss in found if frame.index in wanted)


@dataclass(frozen=True, eq=False)
class Row:
    """A method's film of a clip, and its measures."""

    method: Method
    film: Film
    frames: tuple[FrameMeasures, ...]

    @cached_property
    def summary(self) -> FilmMeasures:
        return summarize(self.frames)

    @property
    def evaluations_per_frame(self) -> float:
        return self.film.evaluations / len(self.frames)


@dataclass(frozen=True, eq=False)
class Workbench:
    """What all methods share.

    Attributes:
        output: the folder of all results.
        vgg, styles: as the product reads them.
        yardstick: by whose terms, weights and style size every method is measured.
        started: when this run began.
    """

    output: Path
    vgg: VGG19
    styles: tuple[ReadStyle, ...]
    yardstick: Settings
    started: str

    def make(self, clip: BenchmarkClip, method: Method) -> Film:
        """Stylise a clip, or take what an earlier run has made."""
        clip = method.clip(clip)
        folder = self.output / "frames" / clip.name / method.folder
        depends_on = self._frames_depend_on(clip, method)
        made = remembered(folder / "made.json", depends_on, lambda: self._make(clip, method, folder))
        return Film(clip, folder, **{**made, "losses": tuple(made["losses"])})

    def run(self, clip: BenchmarkClip, method: Method) -> Row:
        """Stylise a clip and measure its frames, or take what an earlier run has found."""
        film = self.make(clip, method)
        depends_on = {
            "frames": self._frames_depend_on(film.clip, method),
            "made": film.started,
            "yardstick": self.yardstick.fingerprint(),
            "code": CODE_OF_MEASURES,
        }
        found = remembered(film.folder / "measures.json", depends_on, lambda: self._measure_film(film))
        return Row(method, film, tuple(FrameMeasures(**frame) for frame in found))

    def _make(self, clip: BenchmarkClip, method: Method, folder: Path) -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        targets = style_targets(self.styles, self.vgg, method.settings)
        evaluations, losses, began = 0, [], time.perf_counter()
        painted = method.stylize(clip, self.vgg, targets, method.settings)
        for frame in tqdm(painted, f"{clip.name}, {method.name}", len(clip.frames), leave=False, disable=None):
            write_png(picture_path(folder, frame.index), to_picture(frame.image))
            evaluations += frame.evaluations
            losses.append(frame.loss)
        seconds = time.perf_counter() - began
        print(f"{clip.name}, {method.name}: {evaluations} VGG evaluations, {seconds:.0f} s", flush=True)
        return {"evaluations": evaluations, "seconds": seconds, "losses": losses, "started": self.started}

    def targets(self) -> StyleTargets:
        """The styles, by the yardstick."""
        return style_targets(self.styles, self.vgg, self.yardstick)

    def measure(
        self, pairs: Iterable[tuple[Frame, Tensor]], motions: Mapping[str, MotionBetween], shot_starts: Sequence[int]
    ) -> Iterator[FrameMeasures]:
        """Measure frames by the yardstick."""
        return measure_frames(pairs, self.vgg, self.targets(), self.yardstick, motions, shot_starts)

    def _measure_film(self, film: Film) -> list[dict[str, Any]]:
        motions = {"Farneback": motion_by(FarnebackFlow()), "DIS": motion_by(DISFlow())}
        if film.clip.exact is not None:
            motions["exact"] = film.clip.exact
        return [asdict(frame) for frame in self.measure(film.pairs(), motions, film.clip.shot_starts)]

    def _frames_depend_on(self, clip: BenchmarkClip, method: Method) -> dict[str, Any]:
        source = hashlib.sha256()
        for frame in clip.frames:
            source.update(str(frame.index).encode() + to_picture(frame.image).tobytes())
        return {
            **method.depends_on,
            "torch": torch.__version__,
            "weights": self.vgg.identity,
            "styles": [hashlib.sha256(read.picture.tobytes()).hexdigest() for read in self.styles],
            "source": source.hexdigest(),
            "shot_starts": clip.shot_starts,
        }


def picture_path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.png"


def remembered(path: Path, depends_on: Mapping[str, Any], find: Callable[[], Any]) -> Any:
    """What a JSON file holds, if it was found under the same conditions; or find it, and keep it there."""
    conditions = json.dumps(depends_on, sort_keys=True)
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["conditions"] == conditions:
            return kept["found"]
    found = find()
    write_atomically(path, json.dumps({"conditions": conditions, "found": found}).encode())
    return found
