"""From command line, job file and user file to clips: sources, precedence, names, and every fault at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path

import platformdirs
import pytest
from conftest import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stylevideo.errors import InputError, SettingsError, StyleVideoError
from stylevideo.planning.inputs import find_sources
from stylevideo.planning.naming import DEFAULT_NAME, FIELDS, fill
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.planning.template import write_job_file
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.presets import preset as preset_settings
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import Style

STYLED = Overrides(styles=("waves.jpg",), out_dir=Path("films"))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(text: str, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_sources(text, folder)]


def write_job(folder: Path, text: str) -> str:
    (folder / "job.toml").write_text(text, encoding="utf-8")
    return str(folder / "job.toml")


# Sources


def test_a_folder_means_its_videos_and_sequences(tmp_path: Path) -> None:
    touch(tmp_path, "b.mov", "a.MP4", ".hidden.mp4", "notes.txt", "thumb_01.jpg", "deeper/c.mp4", ".x.0001.png")
    touch(tmp_path, "plate2-0001.png", "plate2-0002.png", "shot.1001.exr", "shot.1002.exr", "shot.1004.exr")
    touch(tmp_path, "made.mp4", "other.mp4", "other.mp4.json")
    (tmp_path / "made.mp4.json").write_text(json.dumps({"stylevideo": "0.1", "request": "", "film": "made.mp4"}))
    assert found(".", tmp_path) == ["a.MP4", "b.mov", "other.mp4", "plate2-####.png", "shot.####.exr"]
    assert found("deeper/", tmp_path) == ["deeper/c.mp4"]
    assert found("deeper/../b.mov", tmp_path) == ["b.mov"]


def test_a_folder_with_one_sequence_is_that_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "shot.1001.png", "shot.1002.png", "thumb_1.png", "notes.txt")
    assert found(".", tmp_path) == ["shot.####.png"]


def test_globs_are_expanded_by_the_program(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "a1.mp4",
        "a2.mp4",
        "b1.mov",
        "a3.txt",
        "clip[1].mp4",
        "shots/x/1.mov",
        "shots/y/0001.png",
        "shots/y/0002.png",
    )
    touch(tmp_path, "take[2].0001.png", ".a4.mp4", "odd.r3d", "[old] {new}/in.mov")
    assert found("a*", tmp_path) == ["a1.mp4", "a2.mp4"]
    assert found("clip[1].mp4", tmp_path) == ["clip[1].mp4"]
    assert found("take[2].####.png", tmp_path) == ["take[2].####.png"]
    assert found("shots/*", tmp_path) == ["shots/x/1.mov", "shots/y/####.png"]
    assert found("**/*.mov", tmp_path) == ["[old] {new}/in.mov", "b1.mov", "shots/x/1.mov"]
    assert found("*.r3d", tmp_path) == ["odd.r3d"]
    assert found("*.mov", tmp_path / "[old] {new}") == ["in.mov"]
    assert found("missing.mp4", tmp_path) == ["missing.mp4"]  # whoever opens it says so


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("empty", "holds no video and no picture"),
        ("*.mov", r"No clip fits .*\*\.mov\. Check the name"),
        ("x" * 300, "too long"),
        ("", "'' names no file"),
    ],
)
def test_what_means_no_clip_is_refused(text: str, message: str, tmp_path: Path) -> None:
    touch(tmp_path, "empty/notes.txt", "shot.0001.png", "shot.0002.png")
    with pytest.raises(InputError, match=message):
        find_sources(text, tmp_path)


# Names of films


@pytest.mark.parametrize(
    ("source", "values", "name", "film"),
    [
        ("take 1.mov", {}, DEFAULT_NAME, "take 1_waves+ink_draft.mp4"),
        ("a.b.mov", {"delivery": "prores-hq"}, DEFAULT_NAME, "a.b_waves+ink_draft.mov"),
        ("shot_####.exr", {"delivery": "png16"}, DEFAULT_NAME, "shot_waves+ink_draft.####.png"),
        ("sh010/####.png", {}, "{name}.{ext}", "sh010.mp4"),
        ("sh010/plate.####.png", {}, "{folder}/{name}-{delivery}.{ext}", "sh010/plate-h264.mp4"),
        ("a.mov", {}, "{name}_{delivery}.webm", "a_vp9.webm"),
        ("a.mov", {}, "{{{name}}}.mkv", "{a}.mkv"),
    ],
)
def test_films_are_named_by_the_template(
    source: str, values: dict[str, str], name: str, film: str, tmp_path: Path
) -> None:
    asked = Overrides(values, ("waves.jpg:0.5", "ink.png"), preset="draft", out_dir=tmp_path / "out", name=name)
    (request,) = plan_requests([str(tmp_path / source)], asked)
    assert request.output == tmp_path / "out" / film


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{nam}.mp4", r"no field \{nam\}\. Did you mean name\? Choose from: name, folder, style"),
        ("{}.mp4", r"no field \{\}"),
        ("{name!r}.mp4", r"no field \{name!r\}"),
        ("{name.suffix}.mp4", "no field"),
        ("{name:>9}.mp4", "no field"),
        ("{name.mp4", "no template .*A brace itself is written twice"),
    ],
)
def test_templates_with_unknown_fields_are_refused(template: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fill(template, dict.fromkeys(FIELDS, "x"))


def test_two_clips_never_share_a_file(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.mp4", "b/x.mp4", "a/y.mp4")
    one, other, third = (str(tmp_path / name) for name in ("a/x.mp4", "b/x.mp4", "a/y.mp4"))
    with pytest.raises(
        SettingsError, match=r"x_waves_standard\.mp4 would be written from .*a.x\.mp4, .*b.x\.mp4\. Give"
    ):
        plan_requests([one, other], STYLED)
    with pytest.raises(SettingsError, match=r"film\.mp4 would be written from .*--out-dir"):
        plan_requests([one, third], Overrides(styles=("waves.jpg",), output=Path("film.mp4")))
    sheet = Overrides({"sheet": "sheet.png"}, ("waves.jpg",), out_dir=tmp_path)
    with pytest.raises(SettingsError, match=r"sheet\.png would be written from .*--sheet \{name\}"):
        plan_requests([one, third], sheet)
    sheet_names = [str(Path.cwd() / name) for name in ("x-waves.png", "y-waves.png")]
    sheets = Overrides({"sheet": "{name}-{style}.png"}, ("waves.jpg",), out_dir=tmp_path)
    assert [r.settings.output.sheet for r in plan_requests([one, third], sheets)] == sheet_names
    onto = Overrides(styles=("waves.jpg",), out_dir=tmp_path / "a", name="{name}.mp4")
    with pytest.raises(
        InputError, match=r"2 things are wrong(.|\n)*x\.mp4 is the clip itself(.|\n)*y\.mp4 is the clip itself"
    ):
        plan_requests([one, third], onto)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("styles/{name}.png", {}, "ink.png is a style"),
        ("{name}.mp4", {"sheet": "weights.png"}, "weights.png is the weights file"),
        ("{name}.mp4", {"sheet": "{style}.toml"}, "job.toml is the job file"),
        ("{name}.mp4", {"sheet": "other.toml"}, "other.toml is the user file"),
        ("{name}.mp4", {"sheet": "still.png"}, "still.png is a clip of this batch"),
        ("{name}.mp4", {"sheet": "plates/b.0007.png"}, "b.0007.png is a picture of a clip of this batch"),
        ("plates/b.%04d.png", {}, "b.%04d.png is a clip of this batch"),
    ],
)
def test_no_clip_takes_the_place_of_what_another_is_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, settings: dict[str, str], said: str
) -> None:
    """Whatever kind of file it is, and whichever of a clip's files would be written there, also with -y."""
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "ink.mp4", "still.png", "plates/b.0001.png", "plates/b.0002.png", "styles/ink.png", "job.png")
    touch(tmp_path, "weights.png", "other.toml")
    text = """
    [defaults]
    weights = "weights.png"
    [[clip]]
    source = "plates/b.####.png"
    styles = ["styles/ink.png"]
    output = "b.mp4"
    [[clip]]
    source = "still.png"
    styles = ["styles/ink.png"]
    output = "made.png"
    [[clip]]
    source = "ink.mp4"
    styles = ["job.png"]
    """
    job = write_job(tmp_path, f"{text}output = '{name.format(name='ink')}'\n")
    if "sheet" in settings:
        Path(job).write_text(Path(job).read_text() + f"sheet = '{settings['sheet'].format(style='job')}'\n")
    with pytest.raises(InputError, match=re.escape(said)):
        plan_requests([job], Overrides({"overwrite": True}), "other.toml")


def test_the_same_clip_is_made_once_unless_the_films_differ(tmp_path: Path) -> None:
    touch(tmp_path, "x.mp4")
    requests = plan_requests([str(tmp_path / "x.mp4"), str(tmp_path), str(tmp_path / "*.mp4")], STYLED)
    assert [request.source for request in requests] == [tmp_path / "x.mp4"]
    job = write_job(
        tmp_path,
        """
        [[clip]]
        source = "x.mp4"
        styles = ["ink.png"]
        [[clip]]
        source = "x.mp4"
        styles = ["waves.jpg"]
        """,
    )
    requests = plan_requests([job, job], Overrides(out_dir=tmp_path))
    assert [request.output.name for request in requests] == ["x_ink_standard.mp4", "x_waves_standard.mp4"]


# Job files


def test_a_job_file_is_read_whole(tmp_path: Path) -> None:
    touch(tmp_path, "plates/a.mov", "plates/b.mov", "extra.mp4")
    job = write_job(
        tmp_path,
        """\ufeff
        [defaults]
        styles = ["../art/waves.jpg:0.5", "~/ink.png"]
        out_dir = "films"
        size = 640
        style_layers = ["relu1_1", "relu2_1"]
        sheet = "{name}_{style}.png"
        weights = "vgg.pth"

        [[clip]]
        source = "plates/*.mov"
        preset = "fine"
        content_weight = 1

        [[clip]]
        source = "plates/a.mov"
        styles = ["bold.png"]
        output = "bold.mov"
        frames = "1001-1050"
        weights = "torchvision"
        """,
    )
    a, b, bold, extra = plan_requests([job, str(tmp_path / "extra.mp4")], Overrides())
    blend = (Style(tmp_path.parent / "art" / "waves.jpg", 0.5), Style(Path.home() / "ink.png"))
    assert (a.source, a.styles, a.preset) == (tmp_path / "plates" / "a.mov", blend, "fine")
    assert a.output == tmp_path / "films" / "a_waves+ink_fine.mp4"
    assert a.settings == preset_settings("fine").with_values(
        size=640,
        style_layers=("relu1_1", "relu2_1"),
        content_weight=1,
        sheet=str(tmp_path / "a_waves+ink.png"),
        weights=str(tmp_path / "vgg.pth"),
    )
    assert b.output == tmp_path / "films" / "b_waves+ink_fine.mp4"
    assert (bold.styles, bold.output) == ((Style(tmp_path / "bold.png"),), tmp_path / "bold.mov")
    assert (bold.settings.footage.frames, bold.settings.weights.weights) == ("1001-1050", "torchvision")
    assert (extra.output.name, extra.settings.scales.size) == ("extra_waves+ink_standard.mp4", 640)


def test_everything_that_is_wrong_with_a_job_file_is_said_at_once(tmp_path: Path) -> None:
    job = write_job(
        tmp_path,
        """
        [defaults]
        stiles = ["a.png"]
        size = "big"
        preset = "fien"
        source = "x.mp4"
        rate = "fast"

        [[clip]]
        source = "a.mp4"
        contentweight = 1.0
        styles = "a.png"
        output = "a.mp4"
        name = "{nmae}.mp4"

        [[clip]]
        styles = ["a.png:0"]
        iterations = true
        """,
    )
    with pytest.raises(SettingsError) as caught:
        plan_requests([job], Overrides())
    first, *lines = str(caught.value).splitlines()
    assert first == "11 things are wrong."
    expected = [
        r"\[defaults\]: There is no setting 'stiles'\. Did you mean styles\?",
        r"\[defaults\]: --size takes a whole number, not 'big'",
        r"\[defaults\]: There is no preset 'fien'\. Did you mean fine\?",
        r"\[defaults\]: source is a clip's own",
        r"\[defaults\]: --rate 'fast' is no rate",
        r"\[\[clip\]\] 1: There is no setting 'contentweight'\. Did you mean content_weight\?",
        r"\[\[clip\]\] 1: styles takes a list such as .*, not 'a\.png'",
        r"\[\[clip\]\] 1: .*Did you mean name\?",
        r"\[\[clip\]\] 2: --style .*the weight must be above 0",
        r"\[\[clip\]\] 2: --iterations takes a whole number, not True",
        r"\[\[clip\]\] 2: There is no source",
    ]
    for line, pattern in zip(lines, expected, strict=True):
        assert re.match(rf"  job\.toml, {pattern}", line), line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size = 640", r"job\.toml: size stands before the first table\. Put it into \[defaults\]"),
        ("[default]", r"There is no table \[default\]\. Did you mean defaults\?"),
        ("[clip]", r"write \[\[clip\]\], with two brackets"),
        ("defaults = 1", r"write \[defaults\]"),
        ("[defaults]\nsize = 12 px", r"job\.toml is not valid TOML: .*line 2"),
        ("[defaults]", r"job\.toml: It has no \[\[clip\]\]"),
        ('[[clip]]\nsource = "a.mp4"', r"job\.toml, \[\[clip\]\] 1: There is no style\."),
        ("[[clip]]\nsource = 3", r"source takes words between quotation marks"),
        ('[[clip]]\nsource = "*.mov"\nstyles = ["a.png"]\nout_dir = "x"', r"\[\[clip\]\] 1: No clip fits"),
        ('[[clip]]\nsource = "a.mov"\nstyles = ["a.png"]', r"\[\[clip\]\] 1: There is no place for the film"),
        ('[[clip]]\nsource = "a.mov"\noutput = "a.mp4"\nout_dir = "x"', r"-o \(output\) names the film itself"),
        (
            '[defaults]\nstyles = ["a.png"]\nout_dir = "x"\n[[clip]]\nsource = "a.mov"\noptimizer = "lbfgs"',
            r"\[\[clip\]\] 1: --optimizer lbfgs has no moments",
        ),
        (
            '[defaults]\nstyles = ["a.png"]\n[[clip]]\nsource = "a.mov"\noutput = "a.mp4"\ndelivery = "vp9"\n'
            '[[clip]]\nsource = "b.mov"\noutput = "a.xyz"',
            r"a\.xyz: \.xyz files are not supported",
        ),
    ],
)
def test_a_job_file_that_makes_no_sense_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(StyleVideoError, match=message):
        plan_requests([write_job(tmp_path, text)], Overrides())


KEYS = st.sampled_from(["source", "output", "out_dir", "name", "styles", "preset", *(leaf.name for leaf in leaves())])
WORDS = st.text() | st.sampled_from(["a.mov", "x/../*", "{name}.mp4", "~/x.mkv", "a\0b", "[", "film.####.exr", "draft"])
VALUES = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS


@settings(max_examples=100)
@given(*[st.dictionaries(KEYS, VALUES | st.lists(VALUES, max_size=3))] * 2)
def test_any_job_file_is_understood_or_refused(defaults: dict[str, object], clip: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = f"[defaults]\n{table(defaults)}[[clip]]\n{table({'source': 'a.mov', **clip})}"
        with suppress(StyleVideoError):
            plan_requests([write_job(Path(folder), text)], STYLED)


def test_what_is_wrong_on_the_command_line_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        plan_requests([str(tmp_path), str(tmp_path / "*.mov")], STYLED)
    first, second = map(str.strip, str(caught.value).splitlines()[1:])
    assert first.startswith(f"{tmp_path} holds no video")
    assert second.startswith("No clip fits")
    with pytest.raises(InputError, match=r"(?s)3 thin.*gone\.toml cannot.*There is no preset 'fien'.*no\.toml cannot"):
        plan_requests([str(tmp_path / "no.toml"), "a.mov"], Overrides(preset="fien"), str(tmp_path / "gone.toml"))
    with pytest.raises(SettingsError, match="names the film itself"):
        plan_requests(["a.mov"], Overrides(output=Path("a.mp4"), out_dir=Path("films")))
    with pytest.raises(SettingsError, match=r"^There is no style\. [^\n]*$"):  # once, not for each
        plan_requests(["a.mov", "b.mov"], Overrides())
    jobs = [write_job(tmp_path, "[defaults]"), str(tmp_path / "JOB2.TOML")]
    (tmp_path / "JOB2.TOML").touch()
    with pytest.raises(SettingsError, match="not clear whose defaults"):
        plan_requests([*jobs, "a.mov"], STYLED)
    job = write_job(tmp_path, "[defaults]\nsise = 1\nstile = 2\n[[clip]]")
    with pytest.raises(SettingsError, match=r"(?s)^4 things.*'fien'.*'sise'.*'stile'.*no source\.[^\n]*$"):
        plan_requests([job], Overrides(preset="fien"))


def test_braces_in_a_job_files_folder_are_no_fields(tmp_path: Path) -> None:
    folder = tmp_path / "{name} [1]"
    touch(folder, "a.mov")
    job = '[[clip]]\nsource = "*.mov"\nstyles = ["s.png"]\nout_dir = "."\nsheet = "{name}.png"\n'
    (request,) = plan_requests([write_job(folder, job)], Overrides())
    assert (request.source, request.output) == (folder / "a.mov", folder / "a_s_standard.mp4")
    assert request.settings.output.sheet == str(folder / "a.png")


# Precedence

PLACES = ("command line", "clip", "defaults", "user file")


def table(values: dict[str, object]) -> str:
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def plan_from(places: dict[str, dict[str, object]], folder: Path) -> ClipRequest:
    """The one request, where each place says what it says."""
    clip = {"source": "a.mov", **places["clip"]}
    text = f'[defaults]\nout_dir = "films"\n{table(places["defaults"])}[[clip]]\n{table(clip)}'
    (folder / "user.toml").write_text(table({"styles": ["waves.jpg"], **places["user file"]}), encoding="utf-8")
    own = dict(places["command line"])
    asked = Overrides(preset=own.pop("preset", None), settings=own)
    (request,) = plan_requests([write_job(folder, text)], asked, str(folder / "user.toml"))
    return request


SAID = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(list(PRESETS)),
        "size": st.integers(0, 4000),
        "content_weight": st.floats(0, 10),
        "carry": st.booleans(),
        "crf": st.integers(0, 50),
    },
)


@settings(max_examples=60)
@given(st.fixed_dictionaries(dict.fromkeys(PLACES, SAID)))
@example({"command line": {"preset": "draft"}, "clip": {}, "defaults": {}, "user file": {"size": 999}})
def test_the_highest_place_that_says_something_counts(places: dict[str, dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        request = plan_from(places, Path(folder))
    said = {name: value for place in reversed(PLACES) for name, value in places[place].items()}
    chosen = str(said.pop("preset", "standard"))
    assert request.preset == chosen
    assert request.settings == Settings().with_values(**{**PRESETS[chosen].values, **said})


@pytest.mark.parametrize(
    ("command", "clip", "defaults", "user", "film"),
    [
        ({}, {}, {}, {"out_dir": "u"}, "u/a_s_standard.mp4"),
        ({}, {}, {"out_dir": "d"}, {"out_dir": "u", "name": "{name}.mov"}, "d/a.mov"),
        ({}, {"output": "c.mp4"}, {"out_dir": "d"}, {"name": "{name}.mov"}, "c.mp4"),
        ({"out_dir": "o"}, {"output": "c.mp4"}, {"out_dir": "d"}, {}, "o/a_s_standard.mp4"),
        ({"name": "n.mkv"}, {"output": "c.mp4"}, {"out_dir": "d"}, {}, "d/n.mkv"),
        ({"output": "o.mp4"}, {"name": "{name}"}, {"out_dir": "d"}, {}, "o.mp4"),
    ],
)
def test_the_highest_place_decides_where_the_film_goes(
    command: dict[str, str],
    clip: dict[str, str],
    defaults: dict[str, str],
    user: dict[str, str],
    film: str,
    tmp_path: Path,
) -> None:
    job = write_job(
        tmp_path, f'[defaults]\nstyles = ["s.png"]\n{table(defaults)}[[clip]]\nsource = "a.mov"\n{table(clip)}'
    )
    (tmp_path / "user.toml").write_text(table(user))
    paths = {key: tmp_path / value for key, value in command.items() if key != "name"}
    asked = Overrides(name=command.get("name"), **paths)
    (request,) = plan_requests([job], asked, str(tmp_path / "user.toml"))
    assert request.output == tmp_path / film


def test_the_user_file_is_found_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = str(tmp_path / "a.mov")
    (tmp_path / "mine").mkdir()
    mine = tmp_path / "mine" / "config.toml"
    mine.write_text('styles = ["s.png"]\nout_dir = "films"\n')
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name, appauthor: mine.parent)
    monkeypatch.delenv("STYLEVIDEO_CONFIG")
    (request,) = plan_requests([clip], Overrides())
    assert (request.styles[0].path, request.output.parent) == (mine.with_name("s.png"), mine.parent / "films")
    with pytest.raises(SettingsError, match="no style"):
        plan_requests([clip], Overrides(), config="")
    mine.write_text("[defaults]\nsize = 1\n")
    with pytest.raises(SettingsError, match=r"config\.toml: There is no setting 'defaults'"):
        plan_requests([clip], STYLED)
    monkeypatch.setenv("STYLEVIDEO_CONFIG", "")
    assert plan_requests([clip], STYLED)
    with pytest.raises(InputError, match=r"gone\.toml cannot be read"):
        plan_requests([clip], STYLED, config=str(tmp_path / "gone.toml"))


def test_planning_loads_no_torch() -> None:
    code = (
        "import sys\nfrom stylevideo.planning.plan import plan_requests\n"
        "from stylevideo.planning.request import Overrides\n"
        "from pathlib import Path\n"
        "plan_requests(['a.mov'], Overrides(styles=('s.png',), out_dir=Path('x')))\n"
        "assert not {'torch', 'cv2', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# A job file to begin with


def test_the_job_file_to_begin_with_names_every_setting_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    write_job_file(path)
    (request,) = plan_requests([str(path)], Overrides())
    assert (request.source, request.output) == (tmp_path / "clip.mp4", tmp_path / "films" / "clip_style_standard.mp4")
    assert request.settings == Settings()
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub("(?m)^#(?=[^ #\n])", "", text), encoding="utf-8")
    assert {leaf.name for leaf in leaves()} < set(tomllib.loads(path.read_text(encoding="utf-8"))["defaults"])
    first, second = plan_requests([str(path)], Overrides())
    assert first == request
    assert second.settings == Settings().with_values(frames="1001-1050")
    assert (second.output, len(second.styles)) == (tmp_path / "shot.mov", 2)
    with pytest.raises(InputError, match="already there"):
        write_job_file(path)
    with pytest.raises(InputError, match="folder does not exist"):
        write_job_file(tmp_path / "gone" / "new.toml")


def test_the_job_file_in_the_documents_works(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "batch.md").read_text(encoding="utf-8"), re.DOTALL)
    touch(tmp_path, "plates/sh010.mov", "plates/sh015.mov")
    requests = plan_requests([write_job(tmp_path, text)], Overrides())
    names = [request.output.relative_to(tmp_path).as_posix() for request in requests]
    assert names == ["films/sh010_waves+ink_fine.mov", "films/sh015_waves+ink_fine.mov", "sh020_v003.mov"]


def test_the_documents_name_every_field() -> None:
    for name in FIELDS:
        assert f"| `{{{name}}}` | " in (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
