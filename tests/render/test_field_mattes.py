"""Mattes of strength and of the size of strokes: from the source to the style, from fine to coarse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import QUICK, STYLE

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.errors import ResumeError, Stopped, StyleVideoError
from stylevideo.farm.export import farm_jobs
from stylevideo.media.images.pictures import read_picture
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import Overrides
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.reports.results import ClipResult
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

HEIGHT, WIDTH = 48, 64
SHALLOW = {"painter": "gram", "style_layers": ("relu1_1", "relu2_1"), "content_layers": ("relu2_1",)}
"""Two blocks of the network, since where is painted, not what, is asked."""
SETTINGS = Settings().with_values(
    **QUICK, **SHALLOW, detect_cuts=False, device="cpu", overwrite=True, coarsest_size=0, strength=0.8
)
EDGE_PX = 4


def save(path: Path, *mattes: np.ndarray) -> str:
    """A sequence of pictures, from number 1001 on; its pattern."""
    for number, matte in enumerate(mattes, 1001):
        cv2.imwrite(str(path.with_name(f"{path.name}.{number}.png")), matte)
    return f"{path}.####.png"


def half(white: slice) -> np.ndarray:
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    matte[:, white] = 255
    return matte


LEFT, RIGHT = half(slice(0, WIDTH // 2)), half(slice(WIDTH // 2, WIDTH))


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of a rendered shot, from number 1001 on."""
    folder = tmp_path_factory.mktemp("shot")
    save(folder / "a", *(frame.image[..., ::-1] for frame in render_shot("flight", 4, WIDTH, HEIGHT)))
    return folder


def paint(
    shot: Path,
    out: Path,
    settings: Settings,
    on_event: Callable[[Event], None] = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
    matte: str = "",
) -> ClipResult:
    styles = [Style(STYLE, matte=matte)]
    return stylevideo.stylize(shot / "a.####.png", styles, out / "b.####.png", settings, on_event, stop)


def pictures(folder: Path, name: str = "b") -> list[np.ndarray]:
    return [read_picture(path).astype(float) for path in sorted(folder.glob(f"{name}.*.png"))]


def away(shot: Path, out: Path, index: int = 0) -> np.ndarray:
    """How far a frame is from its source, pixel by pixel."""
    distance: np.ndarray = np.abs(pictures(out)[index] - pictures(shot, "a")[index]).mean(axis=2)
    return distance


def test_along_a_ramp_a_picture_goes_from_its_source_to_the_full_strength(tmp_path: Path) -> None:
    """And at both ends it is as a whole frame of that strength."""
    save(tmp_path / "a", *(frame.image[..., ::-1] for frame in render_shot("balloon", 1, WIDTH, HEIGHT)))
    ramp = np.rint(255 * ((np.arange(WIDTH) - 8) / (WIDTH - 16)).clip(0, 1)).astype(np.uint8)
    matte = save(tmp_path / "ramp", np.repeat(ramp[None], HEIGHT, 0))
    layers, found = {"painter": "mixed", "match_layers": ("relu2_1",)}, dict[str, np.ndarray]()
    settings = SETTINGS.with_values(frames="1001", first_iterations=30, **layers)
    for name, values in {
        "ramp": {"strength_matte": matte},
        "none": {"strength": 0.0},
        "full": {},
    }.items():
        paint(tmp_path, tmp_path / name, settings.with_values(**values))
        found[name] = np.array([part.mean() for part in np.array_split(away(tmp_path, tmp_path / name), 8, axis=1)])
    part = (found["ramp"] - found["none"]) / (found["full"] - found["none"])
    assert (np.diff(part) > -0.03).all() and 0.1 < part[3] < 0.8
    assert part[0] == pytest.approx(0, abs=0.05) and part[-1] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_matte_that_moves_leaves_nothing_behind(shot: Path, tmp_path: Path, steps: int) -> None:
    """At once or by shades: what was painted goes, and what was not is painted nearly as if it had always been."""
    still = Path(save(tmp_path / "a", *[cv2.imread(str(shot / "a.1001.png"))] * (steps + 2))).parent
    third, left, right = WIDTH // 3, slice(0, WIDTH // 3 - EDGE_PX), slice(2 * WIDTH // 3 + EDGE_PX, WIDTH)
    first, last = (half(part).astype(float) for part in (slice(0, third), slice(WIDTH - third, WIDTH)))
    shades = [np.rint(first + (last - first) * place / steps) for place in (*range(steps + 1), steps)]
    settings = SETTINGS.with_values(first_iterations=30, new_iterations=40)
    matte = save(tmp_path / "m", *(shade.astype(np.uint8) for shade in shades))
    result = paint(still, tmp_path / "film", settings.with_values(strength_matte=matte))
    paint(still, tmp_path / "full", settings.with_values(frames="1001"))
    before, after = away(still, tmp_path / "film", 0), away(still, tmp_path / "film", steps)
    assert after[:, left].mean() < 0.1 * before[:, left].mean()
    assert before[:, right].mean() < 0.1 * after[:, right].mean()
    assert after[:, right].mean() > 0.6 * away(still, tmp_path / "full")[:, right].mean()
    assert result.frames[steps + 1].iterations == 0, "it stands still"


def test_strength_by_place_goes_with_mattes_of_looks_and_with_keys(shot: Path, tmp_path: Path) -> None:
    whole = np.full((HEIGHT, WIDTH), 255, np.uint8)
    whole[: HEIGHT // 2] = 0
    looks, strength = save(tmp_path / "look", *[whole] * 4), save(tmp_path / "m", *[RIGHT] * 4)
    keyed = SETTINGS.with_values(strength_matte=strength, key={"strength": {1001: 0.1, 1003: 0.9}}, temporal_weight=1.0)
    keyed = keyed.with_values(iterations=12)
    paint(shot, tmp_path / "film", keyed, matte=looks)
    first, last = away(shot, tmp_path / "film", 0), away(shot, tmp_path / "film", 3)
    assert not last[: HEIGHT // 2].any(), "no matte covers it"
    white, black = (slice(HEIGHT // 2, HEIGHT), slice(WIDTH // 2 + EDGE_PX, WIDTH)), (slice(0, None), slice(0, 28))
    assert last[white].mean() > 2 * first[white].mean()
    assert last[black].mean() < 0.2 * last[white].mean()


def test_black_is_stroke_size_1_and_white_what_is_asked_for(shot: Path, tmp_path: Path) -> None:
    settings = SETTINGS.with_values(frames="1001", first_iterations=12, strength=0.5)
    sized, made = settings.with_values(stroke_size=3.0), dict[str, np.ndarray]()
    for name, chosen in {
        "black": sized.with_values(stroke_size_matte=save(tmp_path / "black", half(slice(0)))),
        "white": sized.with_values(stroke_size_matte=save(tmp_path / "white", half(slice(0, WIDTH)))),
        "one": settings,
        "three": sized,
    }.items():
        said = paint(shot, tmp_path / name, chosen).warnings
        assert any("all strokes have size 1" in text for text in said) == (name == "black")
        made[name] = pictures(tmp_path / name)[0]
    assert np.abs(made["black"] - made["one"]).mean() < 1 < np.abs(made["three"] - made["one"]).mean()
    assert np.abs(made["white"] - made["three"]).mean() < 1


def test_a_changed_matte_repaints_what_follows_it(shot: Path, tmp_path: Path) -> None:
    """Of kept frames; work that was stopped is not gone on from in another one."""
    images = [frame.image[..., ::-1] for name in ("flight", "balloon") for frame in render_shot(name, 3, WIDTH, HEIGHT)]
    save(tmp_path / "a", *images)
    matte = save(tmp_path / "m", *[LEFT] * 6)
    settings = SETTINGS.with_values(
        detect_cuts=True, min_shot_frames=2, provenance=False, first_iterations=2, strength_matte=matte
    )
    kept, painted = settings.with_values(keep_frames=True), list[Event]()
    with pytest.raises(Stopped):
        paint(tmp_path, tmp_path / "stopped", settings, painted.append, lambda: bool(painted))
    painted.clear()
    paint(tmp_path, tmp_path / "film", kept)
    save(tmp_path / "m", LEFT, LEFT, LEFT, LEFT, RIGHT, RIGHT)
    paint(tmp_path, tmp_path / "film", kept, lambda event: painted.extend([event] * isinstance(event, FrameFinished)))
    assert len(painted) == 3, "the second shot"
    paint(tmp_path, tmp_path / "anew", settings)
    film, anew = ([path.read_bytes() for path in sorted((tmp_path / kind).glob("b.*"))] for kind in ("film", "anew"))
    assert film == anew
    with pytest.raises(ResumeError, match="mattes was"):
        paint(tmp_path, tmp_path / "stopped", settings)


def refused(shot: Path, **values: object) -> str:
    with pytest.raises(StyleVideoError) as told:
        paint(shot, shot / "refused", SETTINGS.with_values(**values))
    assert not (shot / "refused").exists()
    return str(told.value)


def test_what_is_wrong_is_said_at_once_before_work(shot: Path, tmp_path: Path) -> None:
    short, high = save(tmp_path / "short", LEFT), save(tmp_path / "high", *[np.full((64, 64), 255, np.uint8)] * 4)
    said = refused(shot, strength_matte=short, stroke_size_matte=high)
    assert "3 things are wrong" in said
    assert "none for 3 frames of a.####.png: 1002-1004" in said
    assert "has 64x64 pixels, another aspect" in said
    assert "1 too, so that it would do nothing: add --stroke-size" in said
    assert "has no channel alhpa" in refused(shot, strength_matte=f"{save(tmp_path / 'm', *[LEFT] * 4)}:alhpa")
    with pytest.raises(StyleVideoError, match=r"--strength-matte m\.exr:R:G names two channels"):
        SETTINGS.with_values(strength_matte="m.exr:R:G")
    painted = refused(shot, strength_matte=save(tmp_path / "m", *[LEFT] * 4), painted=(f"1001={shot / 'a.1001.png'}",))
    assert "--strength-matte would have that differ from place to place" in painted
    black = SETTINGS.with_values(strength_matte=save(tmp_path / "black", half(slice(0))), frames="1001")
    warnings = paint(shot, tmp_path / "film", black).warnings
    assert any("nothing is painted more than at --strength 0" in text for text in warnings)


def test_a_farm_is_told_where_mattes_are_and_no_film_takes_their_place(shot: Path, tmp_path: Path) -> None:
    matte = save(tmp_path / "m", *[LEFT] * 4)
    given = {"strength_matte": f"{matte}:inverted", "stroke_size_matte": f"{matte}:R", "stroke_size": 2.0}
    asked = Overrides(settings=given, styles=(str(STYLE),), output=tmp_path / "b.####.png")
    (request,) = plan_requests([str(shot / "a.####.png")], asked, "none")
    (job,) = farm_jobs([request], 2, 0)
    paths = dict[str, Path]()

    def parameter(name: str, path: Path) -> str:
        return f"<{paths.setdefault(name, path) and name}>"

    words = job.words("paint", parameter)
    assert words[words.index("--strength-matte") + 1] == "<StrengthMatte>:inverted"
    assert words[words.index("--stroke-size-matte") + 1] == "<StrokeSizeMatte>:R"
    assert paths["StrengthMatte"] == Path(matte)
    with pytest.raises(StyleVideoError, match="is a matte that is read"):
        plan_requests([str(shot / "a.####.png")], Overrides(given, (str(STYLE),), output=Path(matte)), "none")
