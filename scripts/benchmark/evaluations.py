"""How many evaluations frame by frame needs until each frame's loss is down to what it is in a carried film.

A picture's loss here is its appearance (all terms by the method's weights but the temporal one),
of the finished 8-bit picture without its margin, with places' targets found anew for this very picture: the same
measure for both, and neither is held to targets that were found for another.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import Method, Workbench, code_hash, remembered
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.engine.optimizer import REMATCH_EVERY, CarriedState, FrameOptimizer
from stylevideo.engine.targets import StyleTargets
from stylevideo.media.images.pictures import to_image, to_picture
from stylevideo.models.vgg import VGG19
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import with_margin, without_margin
from stylevideo.quality.metrics import frame_losses
from stylevideo.render.styles import style_targets
from stylevideo.settings.settings import Settings

LEAST_TIMES = 12
"""Times the film's evaluations that frame by frame should need."""
MOST_EVALUATIONS = 600
"""Of a frame by itself, after which it is given up."""
CODE = code_hash("quality/metrics.py") + hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Reached:
    """What a frame by itself took.

    Attributes:
        index: of the frame.
        wanted: the film's loss.
        loss: that was reached, at most the wanted one but where the frame was given up.
        evaluations: until then.
    """

    index: int
    wanted: float
    loss: float
    evaluations: int


def check_evaluations(bench: Workbench, clip: BenchmarkClip, method: Method, every: int) -> Findings:
    """Make a method's film, or take it as it is there; then its frames one by one, as far as their loss asks for.

    Args:
        every: one of so many frames is made by itself; the others count as these do on average.
    """
    film = bench.make(clip, method)
    # Not the first, which is made by itself in the film too.
    frames = clip.frames[every - 1 :: every] or clip.frames[-1:]

    def reach() -> list[dict[str, float]]:
        alone = Alone(bench.vgg, style_targets(bench.styles, bench.vgg, method.settings), method.settings)
        return [asdict(alone.reach(frame, film.picture(frame.index))) for frame in frames]

    depends_on = {"code": CODE, "made": film.started, "frames": [frame.index for frame in frames]}
    found = [Reached(**reached) for reached in remembered(film.folder / "alone.json", depends_on, reach)]
    of_alone, of_film = len(clip.frames) * statistics.fmean(r.evaluations for r in found), film.evaluations
    name = f"{clip.name}, {bench.styles[0].style.path.stem}, {method.name}"
    heading = f"## {name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}"
    total = f"Evaluations: the film {of_film}, frame by frame {of_alone:.0f} (from {len(found)} of its frames)."
    bar = Bar(f"{name}: times fewer VGG evaluations than frame by frame", of_alone / of_film, least=LEAST_TIMES)
    return Findings(f"{heading}\n\n{_table(found)}\n\n{total}", (bar,), {})


def _table(found: Sequence[Reached]) -> str:
    rows = [
        [
            str(reached.index),
            number(reached.wanted),
            number(reached.loss),
            str(reached.evaluations) + (" and more" if reached.loss > reached.wanted else ""),
        ]
        for reached in found
    ]
    return table(["frame", "loss in the film", "by itself", "after evaluations"], rows)


class Alone:
    """Makes frames by themselves from a cold start at full size, as far as their loss asks for.

    Args:
        vgg: the network.
        targets, settings: of the method; what it carries is left out.
    """

    def __init__(self, vgg: VGG19, targets: StyleTargets, settings: Settings) -> None:
        self._vgg, self._targets = vgg, targets
        self._settings = settings.with_values(tolerance=0.0)

    def reach(self, frame: Frame, picture: Tensor) -> Reached:
        """Paint a frame until its loss is at most that of a picture of it.

        The number of iterations of one run that does it: whole turns from one search for targets to the next, each
        going on exactly where the last ended, then the last turn by bisection.
        """
        wanted = self._loss(frame, picture)
        before = start = CarriedState.fresh(self._source(frame))
        done, loss = 0, self._loss(frame, frame.image)
        while loss > wanted and done < MOST_EVALUATIONS:
            before, (start, loss) = start, self._painted(frame, start, REMATCH_EVERY)
            done += REMATCH_EVERY
        if loss > wanted or done == 0:
            return Reached(frame.index, wanted, loss, done)
        too_few, enough = 0, REMATCH_EVERY
        while enough - too_few > 1:
            tried = (too_few + enough) // 2
            _, found = self._painted(frame, before, tried)
            if found > wanted:
                too_few = tried
            else:
                enough, loss = tried, found
        return Reached(frame.index, wanted, loss, done - REMATCH_EVERY + enough)

    def _painted(self, frame: Frame, start: CarriedState, iterations: int) -> tuple[CarriedState, float]:
        """What becomes of a picture, and the loss of that."""
        optimizer = FrameOptimizer(self._vgg, self._targets, self._settings)
        state = optimizer.optimize(self._source(frame), start, None, iterations).state
        return state, self._loss(frame, to_image(to_picture(without_margin(state.image))))

    def _source(self, frame: Frame) -> Tensor:
        """As the optimiser sees it, on its device."""
        return with_margin(frame.image.to(next(self._vgg.buffers()).device))

    def _loss(self, frame: Frame, picture: Tensor) -> float:
        return frame_losses(self._vgg, frame, picture, self._targets, self._settings).appearance
