"""How each method's films look on each clip and in each style, by judges that are no network's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import Film, Method, Workbench, code_hash, remembered
from scripts.benchmark.pictures import WHOLE, crops
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.media.images.pictures import to_image
from stylevideo.quality.look import Look, judge_film, mean_of_known
from stylevideo.quality.metrics import ratio
from stylevideo.quality.regions import by_farneback

CLIPS = {"bigbuckbunny": 32, "friday": 0, "stream": 0, "flower": 0, "flight": 0, "balloon": 0}
"""Their first frames: as much as possible is to move."""
CODE = code_hash(
    *(f"quality/{name}.py" for name in ("look", "patches", "regions", "traits")), "motion", "ops", "engine/targets.py"
)
HARD, MOST_OF_HARD = ("moving", "plain"), 0.92
"""Regions where a painter should come nearer to the style, and how near, times the first method's distance."""
MOST_COPIED, MOST_DIRT = 0.1, 1.3


@dataclass(frozen=True)
class Judged:
    """A film's look beside that of the first method's film of the same clip in the same style."""

    method: str
    look: Look
    first: Look

    def times_the_first(self) -> dict[str, float]:
        """Distances and stroke width over the first method's, by the heading of their column."""
        look, first = self.look, self.first
        ratios = {name: ratio(value, first.to_style[name]) for name, value in look.to_style.items()}
        ratios |= {f"style's, {size}": ratio(value, first.from_style[size]) for size, value in look.from_style.items()}
        return {**ratios, "stroke width": ratio(look.stroke_width, first.stroke_width)}

    def distances(self) -> dict[str, float]:
        """The same, not divided."""
        look = self.look
        of_style = {f"style's, {size}": value for size, value in look.from_style.items()}
        return {**look.to_style, **of_style, "stroke width": look.stroke_width}

    def traits(self) -> dict[str, float]:
        """What is compared with the source, by the heading of its column."""
        look = self.look
        return {
            "copied": look.copied,
            "dirt": look.dirt_ratio,
            "of the style's": look.dirt_ratio_to_style,
            "legible": look.legibility,
            "precise": look.edge_precision,
        }


def painted_styles(folder: Path, samples: Path) -> list[Path]:
    """The paintings in a folder, or four of the samples' styles."""
    found = sorted(folder.glob("*.jpg"))
    return found or [samples / f"{name}.jpg" for name in ("impasto", "expressionist", "stained-glass", "woodblock")]


def choose_frames(clip: BenchmarkClip, count: int) -> BenchmarkClip:
    """So many of a clip's frames, where it is worth a look; from earlier on where there are not so many left."""
    start = max(0, min(CLIPS.get(clip.name, 0), len(clip.frames) - count))
    return replace(clip, frames=clip.frames[start : start + count])


def check_look(bench: Workbench, clip: BenchmarkClip, methods: Sequence[Method]) -> tuple[Findings, list[Judged]]:
    """Make each method's film in the workbench's style, and judge it."""
    films = [bench.make(clip, method) for method in methods]
    looks = [_look(bench, film, method) for film, method in zip(films, methods, strict=True)]
    judged = [Judged(method.name, look, looks[0]) for method, look in zip(methods, looks, strict=True)]
    name = f"{clip.name}, {bench.styles[0].style.path.stem}"
    heading = f"## {name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}"
    columns = {"source": clip.image, **{m.name: film.picture for m, film in zip(methods, films, strict=True)}}
    sheet = crops(clip.name, columns, [(clip.frames[at].index, WHOLE) for at in (0, -1)])
    pictures = {f"look-{clip.name}-{bench.styles[0].style.path.stem}": sheet}
    return Findings(f"{heading}\n\n{_table(judged)}", (), pictures), judged


def sum_up(judged: Sequence[Judged]) -> list[Findings]:
    """The means of each method over all clips and styles, and what is asked of them; none where nothing is judged."""
    if not judged:
        return []
    by_method: dict[str, list[Judged]] = {}
    for found in judged:
        by_method.setdefault(found.method, []).append(found)
    rows, bars = [], []
    for method, films in by_method.items():
        ratios = _means([film.times_the_first() for film in films])
        traits = _means([film.traits() for film in films])
        rows.append([method, *map(number, (*ratios.values(), *traits.values()))])
        compared = ratios if rows[1:] else {}  # the first is itself what the others are compared with
        bars += _bars(method, compared, max(film.look.copied for film in films), traits["dirt"])
    headings = [f"means over {len(judged) // len(by_method)} films, times the first method's", *ratios, *traits]
    return [Findings(f"## All\n\n{table(headings, rows)}", tuple(bars), {})]


def _bars(method: str, ratios: Mapping[str, float], copied: float, dirt: float) -> list[Bar]:
    patches = [
        Bar(f"{method}: patches, {name}", value, most=MOST_OF_HARD if name.endswith(HARD) else 1.0)
        for name, value in ratios.items()
        if name.partition(",")[0] in ("7 px", "13 px", "style's")
    ]
    copies = Bar(f"{method}: largest motif copied, in parts of the style's width", copied, most=MOST_COPIED)
    return [*patches, copies, Bar(f"{method}: dirt in colour, times the source's", dirt, most=MOST_DIRT)]


def _look(bench: Workbench, film: Film, method: Method) -> Look:
    """What the judges say, or what they said of these very pictures."""
    scale, clip = method.settings.strokes.stroke_size, film.clip
    (read,) = bench.styles
    picture = hashlib.sha256(read.picture.tobytes()).hexdigest()
    depends_on = {"code": CODE, "made": film.started, "frames": len(clip.frames), "style": picture, "scale": scale}

    def judge() -> dict[str, object]:
        source, made = zip(*film.pairs(), strict=True)
        return asdict(
            judge_film(
                source,
                made,
                to_image(read.picture),
                stroke_size=scale,
                between=clip.exact or by_farneback,
            )
        )

    return Look(**remembered(film.folder / "look.json", depends_on, judge))


def _table(judged: Sequence[Judged]) -> str:
    """The first method's figures, and the others' in parts of them; what the source is the measure of for all alike."""
    rows = [
        [
            found.method,
            *map(number, (found.times_the_first() if index else found.distances()).values()),
            *map(number, found.traits().values()),
        ]
        for index, found in enumerate(judged)
    ]
    headings = [*judged[0].distances(), *judged[0].traits()]
    return table([f"{judged[0].method} in units of Lab, others times it", *headings], rows)


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: mean_of_known([value[name] for value in values]) for name in values[0]}
