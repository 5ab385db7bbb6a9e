"""How steady each method's film is, by judges that use neither VGG-19 nor the flow that paints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from scripts.benchmark import flicker as flicker_module
from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.flicker import Flicker, both_ways, flicker
from scripts.benchmark.methods import Film, Method, Workbench, code_hash, remembered
from scripts.benchmark.pictures import Window, crops, part
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.quality.boiling import Boiling, boiling
from stylevideo.quality.measures import motion_by
from stylevideo.quality.tracks import Agreement, agreement, film_tracks

SPANS = (1, 4)
"""Frames from the start of a track to its end."""
MOST_LOST = 0.3
"""JOD by which a film may flicker more than its source."""
MOST_BOILING = 1.5
"""Times the source's own change."""


@dataclass(frozen=True)
class Surface:
    """A soft moving surface of a clip, where it is in two neighbouring frames."""

    name: str
    earlier: int
    later: int
    window: Window


SURFACES = {"bigbuckbunny": Surface("belly", 46, 47, (0.27, 0.42, 0.44, 0.76))}
OF_STEADINESS = (
    *("quality/tracks.py", "quality/boiling.py", "quality/metrics.py"),
    *("motion/flow.py", "motion/visibility.py", "ops/filters.py", "ops/warp.py"),
)
CODE = code_hash(*OF_STEADINESS) + "".join(
    hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] for file in (__file__, flicker_module.__file__)
)


@dataclass(frozen=True)
class Steadiness:
    """What the judges say of a film.

    Attributes:
        tracks: by the frames of a track.
        flicker: JOD.
        surface: of the clip's surface, or None where it has none, or not in these frames.
    """

    tracks: dict[int, Agreement]
    flicker: Flicker
    surface: Boiling | None


def check_steady(bench: Workbench, clip: BenchmarkClip, methods: Sequence[Method]) -> Findings:
    """Judge the films of a clip in the workbench's style, as `look` made them if they are there."""
    films = {method.name: bench.make(clip, method) for method in methods}
    judged = {name: judge(film) for name, film in films.items()}
    name = f"{clip.name}, {bench.styles[0].style.path.stem}"
    heading = f"## {name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}"
    bars = [bar for method, found in judged.items() for bar in _bars(clip.name, f"{name}, {method}", found)]
    return Findings(f"{heading}\n\n{_table(judged)}", tuple(bars), _pictures(bench, clip, films))


def judge(film: Film) -> Steadiness:
    """What the judges say, or what they said of these very pictures."""
    depends_on = {"code": CODE, "made": film.started, "frames": [frame.index for frame in film.clip.frames]}
    found = remembered(film.folder / "steady.json", depends_on, lambda: _judged(film))
    return Steadiness(
        {int(span): Agreement(**tracks) for span, tracks in found["tracks"].items()},
        Flicker(**found["flicker"]),
        found["surface"] and Boiling(**found["surface"]),
    )


def _judged(film: Film) -> dict[str, Any]:
    clip, pairs = film.clip, list(film.pairs())
    between = motion_by(FarnebackFlow()) if clip.exact is None else both_ways(clip.exact)
    surface = _boiling(film)
    return {
        "tracks": {span: asdict(agreement(list(film_tracks(pairs, span, clip.shot_starts)))) for span in SPANS},
        "flicker": asdict(flicker(pairs, between, clip.shot_starts)),
        "surface": surface and asdict(surface),
    }


def _boiling(film: Film) -> Boiling | None:
    surface, frames = SURFACES.get(film.clip.name), {frame.index: frame for frame in film.clip.frames}
    if surface is None or not {surface.earlier, surface.later} <= set(frames):
        return None
    earlier, later = ((frames[index], film.picture(index)) for index in (surface.earlier, surface.later))
    region = torch.zeros_like(later[1][:, :1])
    part(region, surface.window).fill_(1.0)
    return boiling(earlier, later, region)


def _table(judged: dict[str, Steadiness]) -> str:
    tracks = ["tracks", "apart, px: median", "90 %", "> 1 px, %", "speed of strokes over things"]
    headings = [
        "method",
        *(f"{span} {'frame' if span == 1 else 'frames'}: {heading}" for span in SPANS for heading in tracks),
        "JOD: film",
        "source",
        "lost",
        "surface: change, 1/255",
        "times the source's",
        "strokes apart from it, px",
        "it moves by, px",
    ]
    return table(headings, [[name, *_cells(found)] for name, found in judged.items()])


def _cells(found: Steadiness) -> list[str]:
    cells = []
    for agreed in found.tracks.values():
        figures = (agreed.median, agreed.worst_tenth, 100 * agreed.apart, agreed.speed)
        cells += [str(agreed.tracks), *map(number, figures)]
    cells += [f"{jod:.2f}" for jod in (found.flicker.film, found.flicker.source, found.flicker.lost)]
    surface = found.surface
    if surface is None:
        return [*cells, "", "", "", ""]
    return [*cells, *map(number, (255 * surface.film, surface.times_the_source, surface.apart, surface.motion))]


def _bars(clip: str, name: str, found: Steadiness) -> Iterator[Bar]:
    yield Bar(f"{name}: flicker beyond the source's, JOD", found.flicker.lost, most=MOST_LOST)
    if found.surface is not None:
        what = f"{name}: change on the {SURFACES[clip].name}, times the source's"
        yield Bar(what, found.surface.times_the_source, most=MOST_BOILING)


def _pictures(bench: Workbench, clip: BenchmarkClip, films: dict[str, Film]) -> dict[str, Any]:
    """The surface in both frames, for eyes."""
    surface = SURFACES.get(clip.name)
    if surface is None or not {surface.earlier, surface.later} <= {frame.index for frame in clip.frames}:
        return {}
    columns = {"source": clip.image, **{name: film.shown for name, film in films.items()}}
    places = [(index, surface.window) for index in (surface.earlier, surface.later)]
    return {f"{surface.name}-{bench.styles[0].style.path.stem}": crops(clip.name, columns, places)}
