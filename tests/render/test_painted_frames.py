"""A painted frame stays as it is painted, its strokes spread to the frames around it, and nothing of it over a cut."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import LIGHT, STYLE, flags_of
from image_fixtures import noise_image
from media_fixtures import make_video
from sequence_fixtures import deep_frame, save, save_numbered

import stylevideo
from stylevideo.cli.main import build_parser, main
from stylevideo.cli.parser import given_settings
from stylevideo.errors import InputError, ResumeError, SettingsError, Stopped, StyleVideoError
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import to_picture
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.render.opening import Mode, open_job
from stylevideo.render.outputs import check_preview
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings, as_flag
from stylevideo.settings.style import Style

HEIGHT, WIDTH, STEP_PX = 48, 64, 2
SHOT, FRAMES = 6, 12
"""Frames of each of two shots, and of the clip."""
PLAIN = Settings().with_values(**LIGHT, coarsest_size=0, min_shot_frames=5, delivery="png")


@dataclass(frozen=True)
class Scene:
    """Two shots, in which a camera pans by whole pixels, and what somebody painted on three frames."""

    clip: Path
    painted: dict[int, str]

    @property
    def settings(self) -> Settings:
        """With all painted frames."""
        return PLAIN.with_values(painted=self.painted)


def wide_picture(seed: int) -> np.ndarray:
    """What the camera pans over: (HEIGHT, wider, 3) uint8."""
    size = (HEIGHT, WIDTH + STEP_PX * SHOT)
    smooth = torch.nn.functional.interpolate(noise_image(7, 12, seed), size=size, mode="bicubic").clamp(0, 1)
    return (smooth[0].permute(1, 2, 0) * 255).round().byte().numpy()


def painting(seed: int) -> np.ndarray:
    """Large flat shapes with outlines: (HEIGHT, WIDTH, 3) uint8."""
    picture = np.full((HEIGHT, WIDTH, 3), (200, 170, 40 * seed), np.uint8)
    cv2.circle(picture, (20 + 3 * seed, 22), 10, (220, 30, 40), -1)
    cv2.rectangle(picture, (38, 15), (54, 38), (20, 60, 160), 3)
    return picture


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("scene")
    wide = [wide_picture(0) // 2, 255 - wide_picture(1) // 3]
    views = [picture[:, STEP_PX * i : STEP_PX * i + WIDTH] for picture in wide for i in range(SHOT)]
    clip = make_video(folder / "clip.mkv", views, encoder=("-c:v", "ffv1", "-pix_fmt", "bgr0"))
    painted = {number: str(save(folder / f"{number}.png", painting(number % 4))) for number in (2, 5, 9)}
    return Scene(clip, painted)


def run(scene: Scene, folder: Path, settings: Settings, stop_after: int = FRAMES) -> set[int]:
    """Make the film as pictures; the numbers of the frames that were painted for it."""
    numbers = set[int]()

    def note(event: Event) -> None:
        if isinstance(event, FrameFinished):
            numbers.add(event.record.number)

    folder.mkdir(exist_ok=True)
    stylevideo.stylize(
        scene.clip, [STYLE], folder / "film.##.png", settings, note, lambda: len(numbers) >= stop_after < FRAMES
    )
    return numbers


def pictures(folder: Path) -> list[np.ndarray]:
    """A film that was made as pictures."""
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in sorted(folder.glob("film.*.png"))]


@pytest.fixture(scope="module")
def film(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the film with all painted frames, made in one go, whose frames are kept."""
    folder = tmp_path_factory.mktemp("film")
    assert run(scene, folder, scene.settings.with_values(keep_frames=True)) == set(range(1, FRAMES + 1))
    return folder


@pytest.fixture(scope="module")
def plain(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without any."""
    folder = tmp_path_factory.mktemp("plain")
    run(scene, folder, PLAIN)
    return folder


def away(painted: np.ndarray, frame: np.ndarray, frames: int) -> float:
    """Mean difference of a frame so many frames later from a painted one moved along, of what both show, 1/255."""
    step = STEP_PX * abs(frames)
    before, after = (painted[:, step:], frame[:, : WIDTH - step])
    if frames < 0:
        before, after = painted[:, : WIDTH - step], frame[:, step:]
    return float(np.abs(before[6:-6, 6:-6].astype(float) - after[6:-6, 6:-6]).mean())


def test_a_painted_frame_is_the_films_as_it_is(scene: Scene, film: Path) -> None:
    shown = pictures(film)
    for number in scene.painted:
        assert np.array_equal(shown[number - 1], painting(number % 4))


@pytest.mark.parametrize(("number", "frames"), [(2, -1), (5, 1), (9, -2), (9, 3)])
def test_its_strokes_spread_before_and_after_it(film: Path, plain: Path, number: int, frames: int) -> None:
    painted, index = painting(number % 4), number - 1 + frames
    assert away(painted, pictures(film)[index], frames) < 5
    assert away(painted, pictures(plain)[index], frames) > 25


def test_between_two_the_nearer_counts_more(film: Path) -> None:
    shown = pictures(film)
    to_first = [away(painting(2), shown[index], index - 1) for index in (2, 3)]
    to_second = [away(painting(1), shown[index], index - 4) for index in (2, 3)]
    assert to_first[0] < to_second[0] and to_second[1] < to_first[1]


def test_nothing_spreads_over_a_cut(scene: Scene, plain: Path, tmp_path: Path) -> None:
    run(scene, tmp_path, PLAIN.with_values(painted={5: scene.painted[5]}))
    same = [np.array_equal(a, b) for a, b in zip(pictures(tmp_path), pictures(plain), strict=True)]
    assert same == [False] * SHOT + [True] * SHOT


def test_another_painting_repaints_its_own_shot_alone(scene: Scene, film: Path, tmp_path: Path) -> None:
    """And the film is the one that is made anew."""
    before, again = pictures(film), tmp_path / "again"
    shutil.copytree(film, again)
    other = save(tmp_path / "other.png", painting(3))
    changed = scene.settings.with_values(painted={**scene.painted, 9: str(other)})
    keeps = changed.with_values(keep_frames=True, overwrite=True)
    assert run(scene, again, keeps) == set(range(SHOT + 1, FRAMES + 1))
    run(scene, tmp_path / "anew", changed)
    after = pictures(again)
    assert all(map(np.array_equal, after, pictures(tmp_path / "anew")))
    assert all(map(np.array_equal, after[:SHOT], before[:SHOT]))


def test_where_painted_frames_are_taken_away_their_shots_are_painted_as_usual(
    scene: Scene, film: Path, plain: Path, tmp_path: Path
) -> None:
    """Even where all frames of the film were painted, and nothing but them has changed."""
    again = Path(shutil.copytree(film, tmp_path / "again"))
    assert run(scene, again, PLAIN.with_values(overwrite=True)) == set(range(1, FRAMES + 1))
    assert all(map(np.array_equal, pictures(again), pictures(plain)))


def test_killed_and_stopped_on_its_way_back_it_is_the_same_film(scene: Scene, film: Path, tmp_path: Path) -> None:
    output = tmp_path / "film.##.png"
    work = Places.of(output).work
    flags = [*flags_of(LIGHT), "--coarsest-size=0", "--min-shot-frames=5", "--delivery=png"]
    flags += as_flag("painted", scene.settings.direction.painted)
    command = [sys.executable, "-m", "stylevideo", "run", str(scene.clip), "--style", str(STYLE), "-o", str(output)]
    running = subprocess.Popen([*command, *flags], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (work / "backwards" / "00000004.json").exists():
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.kill()
    running.wait()
    for kept in (3, 7):  # a run that stops as soon as this one is made backwards goes on behind it
        with pytest.raises(Stopped):
            stylevideo.stylize(
                *(scene.clip, [STYLE], output, scene.settings),
                stop=lambda kept=kept: (work / "backwards" / f"{kept:08d}.json").exists(),
            )
    assert (work / "shots" / "00000.json").exists() and not list(tmp_path.glob("film.*.png"))
    run(scene, tmp_path, scene.settings, stop_after=FRAMES)
    assert all(map(np.array_equal, pictures(tmp_path), pictures(film)))


def test_an_interrupted_film_is_not_helped_with_by_other_paintings(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(scene, tmp_path, scene.settings, stop_after=1)
    other = scene.settings.with_values(painted={**scene.painted, 2: str(save(tmp_path / "2.png", painting(3)))})
    request = ClipRequest(scene.clip, (Style(STYLE),), tmp_path / "film.##.png", other)
    with pytest.raises(ResumeError, match="painted frames"):
        open_job(request, Mode.JOIN)


def test_what_somebody_painted_on_black_is_shown_and_spreads_nothing(scene: Scene, tmp_path: Path) -> None:
    black, view = np.zeros((HEIGHT, WIDTH, 3), np.uint8), wide_picture(0)[:, :WIDTH]
    clip = make_video(tmp_path / "black.mkv", [black, view, view], encoder=("-c:v", "ffv1", "-pix_fmt", "bgr0"))
    settings = PLAIN.with_values(detect_cuts=False)
    plain = list(stylevideo.stylize_frames(clip, [STYLE], settings))
    shown = list(stylevideo.stylize_frames(clip, [STYLE], settings.with_values(painted={1: scene.painted[2]})))
    assert np.array_equal(to_picture(shown[0].image), painting(2))
    assert all(torch.equal(a.image, b.image) for a, b in zip(shown[1:], plain[1:], strict=True))


def test_command_line_job_file_and_python_say_the_same(scene: Scene, tmp_path: Path) -> None:
    save(tmp_path / "a.png", painting(1))
    job = tmp_path / "job.toml"
    job.write_text(
        f'[[clip]]\nsource = "{scene.clip.as_posix()}"\nstyles = ["{STYLE.as_posix()}"]\noutput = "film.mp4"\n'
        'painted = { 3 = "a.png", "0:00.2" = "a.png" }\n'
    )
    (request,) = plan_requests([str(job)], Overrides())
    python = Settings().with_values(painted={3: tmp_path / "a.png", "0:00.2": tmp_path / "a.png"})
    assert request.settings == python
    options = build_parser().parse_args(["run", "clip.mp4", *as_flag("painted", python.direction.painted)])
    assert Settings().with_values(**given_settings(options)) == python


@pytest.mark.parametrize(
    ("size", "place", "message"),
    [
        ((WIDTH, HEIGHT), 15, "frame 15 is outside the clip, which has frames 1-12"),
        ((WIDTH, HEIGHT), 5, r"frame 5 is not among those that are made \(1-4\)"),
        ((WIDTH, WIDTH), 2, r"64x64 pixels, and the film has 64x48, which is another aspect"),
    ],
)
def test_what_does_not_fit_is_refused(
    scene: Scene, tmp_path: Path, size: tuple[int, int], place: int, message: str
) -> None:
    path = save(tmp_path / "a.png", cv2.resize(painting(1), size))
    settings = PLAIN.with_values(painted={place: str(path)}, frames="1-4")
    with pytest.raises(StyleVideoError, match=message):
        open_job(ClipRequest(scene.clip, (Style(STYLE),), tmp_path / "film.#.png", settings), Mode.CHECK)


def test_all_that_is_wrong_is_said_at_once_before_work(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, glass, broken = tmp_path / "whole.png", tmp_path / "glass.png", tmp_path / "broken.png"
    save(whole, painting(1))
    save(glass, np.dstack((painting(1), np.full((HEIGHT, WIDTH), 128, np.uint8))))
    broken.write_bytes(whole.read_bytes()[:200])
    named = [f"2={whole}", f"0:00.04={whole}", f"3={glass}", f"4={broken}", f"5={tmp_path / 'none.png'}", f"40={whole}"]
    words = [word for text in named for word in ("--painted", text)]
    assert main(["run", str(scene.clip), "--style", str(STYLE), "-o", str(tmp_path / "film.mp4"), *words]) == 2
    told = capsys.readouterr().err
    assert "5 things are wrong." in told
    for sentence in ("frame 2 has two pictures", "transparent", "broken.png is damaged", "none.png", "frame 40"):
        assert sentence in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.png", "glass.png", "whole.png"]


def test_a_frame_in_a_gap_cannot_be_painted_and_another_size_is_said(tmp_path: Path) -> None:
    save_numbered(tmp_path, "a.{}.png", (1, 2, 4))
    large = save(tmp_path / "large.png", cv2.resize(deep_frame(), None, fx=2, fy=2))
    for number in (3, 4):
        settings = PLAIN.with_values(painted={number: str(large)})
        request = ClipRequest(tmp_path / "a.#.png", (Style(STYLE),), tmp_path / "out.#.png", settings)
        if number == 3:
            with pytest.raises(StyleVideoError, match="frame 3 is missing in the sequence"):
                open_job(request, Mode.CHECK)
        else:
            assert any("large.png" in note and "scaled" in note for note in open_job(request, Mode.CHECK).notes)


@pytest.mark.parametrize(
    "values", [{"loop": True}, {"color": "source"}, {"carry": False}, {"iterations": 0}, {"hold_strokes": 2}]
)
def test_what_does_not_go_with_it_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="--painted"):
        Settings().with_values(painted={3: "a.png"}, **values)


def test_no_painted_frame_is_replaced(scene: Scene, tmp_path: Path) -> None:
    """Neither by a film made as pictures of such names, whatever may be replaced, nor by a preview."""
    shutil.copy(scene.painted[2], own := tmp_path / "own.02.png")
    settings = PLAIN.with_values(painted={2: str(own)}, overwrite=True)
    request = ClipRequest(scene.clip, (Style(STYLE),), tmp_path / "own.##.png", settings)
    with pytest.raises(InputError, match=r"own\.02\.png is a painted frame"):
        open_job(request, Mode.CHECK)
    with pytest.raises(InputError, match=r"own\.02\.png is a painted frame"):
        check_preview([own], [request], overwrite=True)
