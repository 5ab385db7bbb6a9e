"""Shots of one film in different looks, and whole looks by key."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from conftest import LEAST, STYLE
from media_fixtures import make_video

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.cli.main import main
from stylevideo.engine.sequence import PaintedFrame
from stylevideo.errors import InputError, ResumeError, SettingsError, Stopped, StyleVideoError
from stylevideo.media.decode.probe import probe
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.planning.shots import tables_of
from stylevideo.render.estimate import estimate_clip
from stylevideo.render.opening import Mode, open_job
from stylevideo.reports.events import FrameFinished
from stylevideo.settings.over_time import ShotTable
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.manifest import read_asked
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

OTHER = STYLE.with_name("woodblock.jpg")
SMALL = Settings().with_values(**LEAST, size=48, overwrite=True, provenance=False)
SHOTS = ((1, 8), (9, 14))
"""Of the clip, as frames are numbered."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shots = (("flight", 8), ("balloon", 6))
    images = [scene.image for name, count in shots for scene in render_shot(name, count, 48, 32)]
    return make_video(tmp_path_factory.mktemp("tables") / "clip.mkv", images, "24", ("-c:v", "ffv1"))


def painted(
    clip: Path, settings: Settings, styles: Sequence[Path] = (STYLE,), shot: Sequence[ShotTable] = ()
) -> list[PaintedFrame]:
    return list(stylevideo.stylize_frames(clip, styles, settings, shot))


def shot_of(frames: Sequence[PaintedFrame], number: int) -> torch.Tensor:
    first, last = SHOTS[number - 1]
    return torch.stack([frame.image for frame in frames[first - 1 : last]])


@pytest.fixture(scope="module")
def plain(clip: Path) -> list[PaintedFrame]:
    return painted(clip, SMALL)


def test_a_shot_in_another_style_is_that_of_a_film_in_it_to_the_last_bit(clip: Path, plain: list[PaintedFrame]) -> None:
    """The other shot is as it was."""
    made = painted(clip, SMALL, shot=[ShotTable(number=2, styles=(Style(OTHER),))])
    wholly = painted(clip, SMALL, styles=[OTHER])
    assert torch.equal(shot_of(made, 1), shot_of(plain, 1))
    assert torch.equal(shot_of(made, 2), shot_of(wholly, 2))
    assert not torch.equal(shot_of(made, 2), shot_of(plain, 2))


@pytest.mark.parametrize(
    "values",
    [
        {"color": "source", "stroke_angle": "45"},
        {"color": "match", "stroke_size": 1.0, "key": {"strength": {9: 0.2, 14: 0.9}}, "anchor": 0.2},
    ],
)
def test_what_shots_may_differ_in_is_as_in_a_film_of_that(
    clip: Path, plain: list[PaintedFrame], values: dict[str, object]
) -> None:
    made = painted(clip, SMALL, shot=[ShotTable(number=1, values=values)])
    assert torch.equal(shot_of(made, 1), shot_of(painted(clip, SMALL.with_values(**values)), 1))
    assert torch.equal(shot_of(made, 2), shot_of(plain, 2))


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        ({"number": 1}, [0]),
        ({"frame": 8}, [0]),
        ({"frame": "9"}, [1]),
        ({"frame": "0:00.5"}, [1]),
        ({"frames": "8-14"}, [1]),
        ({"frames": "5-12"}, [1]),
        ({"frames": "3-14"}, [0, 1]),
        ({"frames": "0s-0:00.25"}, [0]),
    ],
)
def test_shots_are_meant_by_number_by_a_frame_and_by_most_of_their_frames(
    clip: Path, where: dict[str, str], meant: list[int]
) -> None:
    selection = FrameSelection.whole(probe(clip))
    shots = [Shot(0, 0, 8), Shot(1, 8, 14)]
    assert [
        place for place, table in enumerate(tables_of([ShotTable(**where)], shots, selection)) if table == 0
    ] == meant


def film_of(clip: Path, film: Path, settings: Settings, *shot: ShotTable) -> set[int]:
    """Make a film; the numbers of the frames that were painted."""
    numbers = set()

    def note(event: object) -> None:
        if isinstance(event, FrameFinished):
            numbers.add(event.record.number)

    stylevideo.stylize(clip, [STYLE], film, settings, note, shot=shot)
    return numbers


def test_a_changed_table_repaints_its_own_shot_alone(clip: Path, tmp_path: Path) -> None:
    """And the film is that of a run that begins anew; what decides a picture is part of what it is known by."""
    said = SMALL.with_values(provenance=True, report=str(tmp_path / "report.json"))
    kept, film = said.with_values(keep_frames=True), tmp_path / "film.mkv"
    second = ShotTable(number=2, styles=(Style(OTHER),))
    assert film_of(clip, film, kept) == set(range(1, 15))
    assert film_of(clip, film, kept, second) == set(range(9, 15))
    stronger = dataclasses.replace(second, values={"strength": 0.9})
    assert film_of(clip, film, kept, stronger) == set(range(9, 15))
    assert film_of(clip, film, kept, dataclasses.replace(stronger, number=None, frame=12)) == set()
    anew = tmp_path / "anew.mkv"
    film_of(clip, anew, said, stronger)
    assert film.read_bytes() == anew.read_bytes()
    (report,) = json.loads((tmp_path / "report.json").read_text())["clips"]
    for name, style in (("style 1", STYLE), ("shot 2, style 1", OTHER)):
        assert report["sha256"][name] == hashlib.sha256(style.read_bytes()).hexdigest()
    with pytest.raises(InputError, match="There is no shot 3: the frames that are made have 2 shots"):
        film_of(clip, film, kept, ShotTable(number=3))
    assert film.read_bytes() == anew.read_bytes()


def test_frames_of_other_tables_are_not_gone_on_from(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with pytest.raises(Stopped):
        stylevideo.stylize(clip, [STYLE], film, SMALL, stop=lambda: True)
    with pytest.raises(ResumeError, match="shots"):
        film_of(clip, film, SMALL, ShotTable(number=2, values={"strength": 0.9}))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([{"number": 3}, {"number": 4}], "There is no shot 3.*There is no shot 4"),
        ([{"number": 2}, {"frame": 12}], r"2: It means shot 2 \(frames 9-14\), as table 1 does"),
        ([{"frames": "5-11"}], r"No shot lies in frames 5-11 by more than half, not even shot 1 \(frames 1-8\)"),
    ],
)
def test_tables_that_mean_no_shot_or_the_same_are_refused_when_shots_are_known(
    clip: Path, tmp_path: Path, tables: list[dict[str, str]], message: str
) -> None:
    """All at once, before anything is painted; nothing stays."""
    with pytest.raises(InputError, match=f"(?s){message}"):
        film_of(clip, tmp_path / "film.mkv", SMALL, *(ShotTable(**table) for table in tables))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"frame": 15}, "frame 15 is outside the clip, which has frames 1-14"),
        ({"frame": 2}, "It means frame 2, and the frames that are made are 3,5,9-14"),
        ({"frames": "6-8"}, "It means frames 6-8, and the frames that are made are"),
        ({"frames": "9-4"}, "runs backwards"),
        ({"frame": "0:09"}, "behind the clip's end"),
    ],
)
def test_frames_that_are_not_made_are_refused_before_work(clip: Path, where: dict[str, str], message: str) -> None:
    settings = SMALL.with_values(frames="3,5,9-14")
    request = ClipRequest(clip, (Style(STYLE),), Path("film.mkv"), settings, shot=(ShotTable(**where),))
    with pytest.raises(StyleVideoError, match=re.escape("[[clip.shot]] 1: ") + f".*{message}"):
        open_job(request, Mode.CHECK)


def write_job(folder: Path, clip: Path, of_clip: str, defaults: str = "") -> Path:
    job = folder / "job.toml"
    job.write_text(
        f'[defaults]\nstyles = ["{STYLE.as_posix()}"]\n{defaults}\n[[clip]]\nsource = "{clip.as_posix()}"\n'
        f'output = "film.mkv"\n{of_clip}\n',
        encoding="utf-8",
    )
    return job


def write_look(folder: Path, name: str, text: str) -> None:
    (folder / "looks").mkdir(exist_ok=True)
    (folder / "looks" / f"{name}.toml").write_text(text, encoding="utf-8")


def test_what_a_table_says_stands_between_the_command_line_and_its_clip(clip: Path, tmp_path: Path) -> None:
    write_look(tmp_path, "ink", f'styles = ["{OTHER.as_posix()}"]\nstrength = 0.8\nstroke_size = 2.0')
    tables = '[[clip.shot]]\nnumber = 2\nlook = "ink"\ntv_weight = 0.1\n[[clip.shot]]\nframe = 3\nanchor = 0.2'
    job = write_job(tmp_path, clip, f"tv_weight = 0.3\nkey.strength = {{ 1 = 0.3 }}\n{tables}", "boil = 0.1")
    (request,) = plan_requests([str(job)], Overrides({"guard": 0.0}))
    second, first = request.shot
    film = Settings().with_values(boil=0.1, guard=0.0)
    assert request.settings == film.with_values(tv_weight=0.3, key={"strength": {1: 0.3}})
    assert second.settings(request.settings) == film.with_values(tv_weight=0.1, strength=0.8, stroke_size=2.0)
    assert (second.styles, first.styles) == ((Style(OTHER),), ())
    assert first.settings(request.settings) == request.settings.with_values(anchor=0.2)
    (above,) = plan_requests([str(job)], Overrides({"strength": 0.4}, (str(STYLE),)))
    assert [table.settings(above.settings).direction.strength for table in above.shot] == [0.4, 0.4]
    assert [table.styles for table in above.shot] == [(), ()]


def test_all_that_is_wrong_with_tables_is_said_at_once(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = (
        "",
        "number = 1\nframe = 3",
        "number = -1",
        'frame = "x"',
        "number = 2\nsizes = 3",
        "number = 2\npreset = 'fine'",
    )
    job = write_job(tmp_path, clip, "\n".join(f"[[clip.shot]]\n{text}" for text in faulty))
    assert main(["run", str(job)]) == 2
    told = capsys.readouterr().err
    assert "6 things are wrong." in told and "Traceback" not in told
    for number, message in enumerate(
        (
            "It does not say what it means. Give one of number = 2",
            "It says which shots it means by number and frame",
            "number takes a shot's number from 1 on, not -1",
            "'x' is no place of a clip",
            "There is no setting 'sizes'. Did you mean size",
            "There is no setting 'preset'",
        ),
        1,
    ):
        assert f"job.toml, [[clip]] 1, [[clip.shot]] {number}: {message}" in told.replace("frame: ", "")
    tables = "[[clip.shot]]\nnumber = 1\nlook = 'oli'\n[[clip.shot]]\nnumber = 2\nsize = 96\niterations = 7"
    assert main(["run", str(write_job(tmp_path, clip, tables))]) == 2
    assert "[[clip.shot]] 1: There is no look 'oli'. Did you mean oil" in capsys.readouterr().err
    assert main(["run", str(write_job(tmp_path, clip, tables.replace("oli", "oil")))]) == 2
    told = capsys.readouterr().err
    assert "[[clip.shot]] 2: --size cannot differ from shot to shot: all frames of a film have one size" in told
    assert "[[clip.shot]] 2: --iterations cannot differ from shot to shot" in told
    assert not (tmp_path / "film.mkv").exists()


def test_an_estimate_tells_what_each_shot_is_given(clip: Path, tmp_path: Path) -> None:
    """And refuses a table that means no shot, as a run would."""
    job = write_job(tmp_path, clip, "size = 48\n[[clip.shot]]\nnumber = 2\nlook = 'window'")
    (request,) = plan_requests([str(job)], Overrides())
    assert estimate_clip(request, closely=True).shots == (
        "shot 1, frames 1-8: impasto, as the clip",
        "shot 2, frames 9-14: stained-glass, strength 0.8, stroke_size 1.6",
    )
    with pytest.raises(InputError, match="There is no shot 3"):
        estimate_clip(dataclasses.replace(request, shot=(ShotTable(number=3),)), closely=True)


@pytest.mark.parametrize("command", ["preview {job}", "farm export slurm {job} --out-dir films -o jobs"])
def test_commands_that_take_no_tables_say_so(
    clip: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = write_job(tmp_path, clip, "[[clip.shot]]\nnumber = 2\nstrength = 0.9")
    assert main([str(job) if word == "{job}" else word for word in command.split()]) == 2
    assert "tables of shots" in capsys.readouterr().err


def test_a_farm_paints_shots_in_their_own_looks(clip: Path, tmp_path: Path) -> None:
    """And makes the film that a run makes."""
    quick = "\n".join(f"{name} = {list(v) if isinstance(v, tuple) else v!r}" for name, v in LEAST.items())
    settings = f"size = 48\nthreads = 1\nprovenance = false\noverwrite = true\n{quick}"
    table = '[[clip.shot]]\nframe = 9\nlook = "dots"\nstroke_size = 0.7'
    assert main(["farm", "plan", str(write_job(tmp_path, clip, f"{table}\n[[clip.shot]]\nnumber = 3", settings))]) == 2
    job = str(write_job(tmp_path, clip, table, settings))
    assert main(["run", job]) == 0
    film = tmp_path / "film.mkv"
    by_one = film.read_bytes()
    film.unlink()
    for words in (["plan"], ["paint", "--part", "2/2"], ["paint", "--part", "1/2"], ["assemble"]):
        assert main(["farm", *words, job]) == 0
    assert film.read_bytes() == by_one


def test_one_look_turns_into_another(clip: Path, tmp_path: Path) -> None:
    """It becomes keys of all that the looks say; at the keys frames are asked for what the looks ask for."""
    write_look(tmp_path, "a", f'styles = ["{STYLE.as_posix()}"]\nstrength = 0.2\nstroke_size = 0.5')
    write_look(
        tmp_path,
        "b",
        f'styles = ["{OTHER.as_posix()}", "{STYLE.as_posix()}:3"]\nanchor = 0.1\nstroke_size = 0.5\ntv_weight = 0.3',
    )
    job = write_job(tmp_path, clip, 'tv_weight = 0.1\nkey.look = { 2 = "a", 6 = "b:smooth" }', "strength = 0.7")
    (request,) = plan_requests([str(job)], Overrides())
    assert request.styles == (Style(STYLE), Style(OTHER), Style(STYLE)), "each look has styles of its own"
    assert request.settings == Settings().with_values(
        stroke_size=0.5,
        strength=0.2,
        tv_weight=0.1,
        key={
            "style_1": {2: 1, 6: "0:smooth"},
            "style_2": {2: 0, 6: "0.25:smooth"},
            "style_3": {2: 0, 6: "0.75:smooth"},
            "strength": {2: 0.2, 6: "0.7:smooth"},
            "anchor": {2: 0.55, 6: "0.1:smooth"},
        },
    )


def test_frames_before_a_turn_are_those_of_the_first_look(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, strokes at an angle too; behind it nothing is left of the first in a shot that begins there."""
    monkeypatch.chdir(tmp_path)
    for name, style, strength in (("a", STYLE, 0.5), ("b", OTHER, 0.8)):
        write_look(tmp_path, name, f'styles = ["{style.as_posix()}"]\nstrength = {strength}')
    settings = SMALL.with_values(stroke_angle="45")
    keyed = painted(clip, settings.with_values(key={"look": {1: "a", 9: "b:hold"}}), styles=())
    assert torch.equal(shot_of(keyed, 1), shot_of(painted(clip, settings), 1))
    wholly = painted(clip, settings.with_values(strength=0.8), styles=[OTHER])
    assert torch.equal(shot_of(keyed, 2), shot_of(wholly, 2))


@pytest.mark.parametrize(
    ("looks", "words", "message"),
    [
        ("1=oli,5=storm", [], "--key look 1: There is no look 'oli'. Did you mean oil"),
        ("1=oil,01=storm", [], "--key look has two keys at 1"),
        ("1=oil,0:00=storm", [], "two keys for frame 1: 1 and 0:00"),
        ("1=oil,99=storm", [], "frame 99 is outside the clip"),
        ("1=oil,5=print", [], "the looks differ in --stroke-size, 1.2 (oil) and 1.0 (print), which cannot change"),
        ("1=oil,5=storm", ["--key", "strength", "1=0.3"], "the look storm says --strength, and so does --key strength"),
        ("1=oil,5=storm", ["--key", "style_1", "1=0.3"], "says what styles weigh, and so does --key style_1"),
        ("1=oil,5=storm:fast", [], "there is no easing 'fast'"),
        ("1=,5=storm", [], "there is no look's name"),
        ("1=plain,5=storm", [], "--key look 1=plain: There is no style."),
        ("1=matted,5=oil", [], "matted has a style with a matte"),
        ("1=keyed,5=oil", [], "A look cannot have keys of looks"),
    ],
)
def test_keys_of_looks_that_make_no_sense_are_refused(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    looks: str,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_look(tmp_path, "plain", "strength = 0.3")
    write_look(
        tmp_path, "matted", f'styles = [{{ picture = "{STYLE.as_posix()}", matte = "m.png" }}]\nstroke_size = 1.2'
    )
    write_look(tmp_path, "keyed", 'key.look = { 1 = "oil" }')
    assert main(["run", str(clip), "-o", "film.mkv", "--key", "look", looks, *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "film.mkv").exists()


def test_python_cannot_give_styles_beside_looks_that_have_some(clip: Path) -> None:
    with pytest.raises(SettingsError, match="the look oil has styles, and the clip has others"):
        painted(clip, SMALL.with_values(key={"look": {1: "oil", 5: "storm"}}))


@pytest.mark.parametrize(
    ("matte", "of_film", "of_shot", "message"),
    [
        ("left.png", {}, {"key": {"style_1": {1: 0.5}}}, "keys of its styles' weights"),
        ("", {"stroke_size": 2.0, "stroke_size_matte": "left.png"}, {"stroke_size": 3.0}, "beside --stroke-size-matte"),
    ],
)
def test_what_mattes_share_out_in_all_of_a_film_cannot_differ_from_shot_to_shot(
    matte: str, of_film: dict[str, object], of_shot: dict[str, object], message: str
) -> None:
    settings, table = Settings().with_values(**of_film), ShotTable(number=2, values=of_shot)
    with pytest.raises(SettingsError, match=message):
        ClipRequest(Path("clip.mp4"), (Style(STYLE, matte=matte),), Path("film.mkv"), settings, shot=(table,))


def test_a_whole_number_in_a_table_is_the_same_as_with_a_point(clip: Path) -> None:
    keys = {
        read_asked(clip, [Style(STYLE)], Settings(), [ShotTable(number=2, values={"strength": one})]).key
        for one in (1, 1.0)
    }
    assert len(keys) == 1


def test_a_dry_run_tells_of_a_clip_that_is_the_style_of_a_shot(clip: Path) -> None:
    shot = (ShotTable(number=2, styles=(Style(clip),)),)
    estimate = estimate_clip(ClipRequest(clip, (Style(STYLE),), Path("film.mkv"), SMALL, shot=shot))
    assert any(clip.name in told for told in estimate.style_clips)
