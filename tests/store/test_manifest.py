"""Every item of a manifest changes the answers that it says it is for, and no other."""

from __future__ import annotations

import json
from dataclasses import Field, fields, replace
from typing import Any

import pytest

from stylevideo.settings.schema import Affects, Leaf
from stylevideo.settings.settings import Settings, leaves
from stylevideo.store.manifest import (
    PAINTING,
    Asked,
    Manifest,
    PaintedContent,
    ShotContent,
    SourceFile,
    StyleContent,
    Use,
)

STYLE = StyleContent("style.jpg", 1.0, "file", "pixels")
ASKED = Asked(
    stylevideo="1",
    torch_package="2",
    source="9 bytes, 0",
    styles=(STYLE,),
    settings=Settings(),
    view="none",
    weights="",
    raft_weights="",
    palette="",
    vectors="",
    mattes=("9 bytes, 1 matte", ""),
    painted=(PaintedContent("1", "first"), PaintedContent("9", "other")),
    stroke_field="",
    shots=(ShotContent("shot 1", (STYLE,), {"strength": 0.2}, ""), ShotContent("shot 3", (), {"strength": 0.9}, "")),
)
MADE = Manifest(
    asked=ASKED,
    form_of_unfinished_work=1,
    margin_px=1,
    torch="2+cpu",
    opencv="4",
    ffmpeg="7",
    film="film.mp4",
    source=SourceFile("clip.mp4", "content"),
    frames="1-4",
    first_index=0,
    delivery="h264",
    size=(96, 64),
    device_kind="cpu",
    threads=1,
    convolution_dtype="float32",
    weights_sha256="network",
    motion="DIS",
    bits=8,
    reading="8 bits",
    view="none",
    settings=Settings(),
)


def answers(made: Manifest) -> dict[Use, Any]:
    """Each as JSON: the resume key in its two parts, the record without its own note of the request."""
    record = {name: value for name, value in made.record.items() if name != "request"}
    told: dict[Use, Any] = {Use.REQUEST: made.request_key, Use.RECORD: record}
    told[Use.PAINTING] = {name: value for name, value in made.resume_key.items() if name in PAINTING}
    told[Use.FILM] = {name: value for name, value in made.resume_key.items() if name not in PAINTING}
    return {use: json.dumps(answer) for use, answer in told.items()}


def changed_by(made: Manifest) -> Use:
    """Which answers are others than those of `MADE`."""
    before, now = answers(MADE), answers(made)
    return Use(sum(use.value for use in Use if before[use] != now[use]))


def another(value: Any) -> Any:
    """A value of the same kind that differs in all that it has."""
    match value:
        case Settings():
            return value.with_values(iterations=7, crf=7)
        case SourceFile():
            return SourceFile("other.mp4", "other")
        case tuple() if value == (STYLE,):
            return (StyleContent("other.jpg", 2.0, "other", "other"),)
        case tuple():
            return value[::-1]
        case int():
            return value + 1
    return f"{value} and more"


@pytest.mark.parametrize("entry", fields(Asked), ids=lambda entry: entry.name)
def test_an_item_that_is_asked_for_decides_what_it_says(entry: Field[Any]) -> None:
    asked = replace(ASKED, **{entry.name: another(getattr(ASKED, entry.name))})
    assert changed_by(replace(MADE, asked=asked)) == entry.metadata["uses"] != Use(0)
    assert (asked.key == ASKED.key) is (Use.REQUEST not in entry.metadata["uses"])


@pytest.mark.parametrize("entry", fields(Manifest)[1:], ids=lambda entry: entry.name)
def test_an_item_of_the_job_decides_what_it_says(entry: Field[Any]) -> None:
    made = replace(MADE, **{entry.name: another(getattr(MADE, entry.name))})
    assert changed_by(made) == entry.metadata["uses"] != Use(0)
    assert Use.REQUEST not in entry.metadata["uses"], "it is known before the job is opened"


def test_a_film_without_tables_of_shots_says_nothing_of_them() -> None:
    made = replace(MADE, asked=replace(ASKED, shots=()))
    assert {*MADE.resume_key} - {*made.resume_key} == {*MADE.record} - {*made.record} == {"shots"}


@pytest.mark.parametrize(
    ("style", "uses"),
    [
        (replace(STYLE, name="b.jpg"), Use.RECORD),
        (replace(STYLE, weight=2.0), Use.REQUEST | Use.FILM | Use.RECORD),
        (replace(STYLE, sha256="b"), Use.REQUEST | Use.RECORD),
        (replace(STYLE, pixels="b"), Use.FILM),
    ],
)
def test_a_style_is_resumed_by_its_pixels_and_asked_for_by_its_file(style: StyleContent, uses: Use) -> None:
    assert changed_by(replace(MADE, asked=replace(ASKED, styles=(style,)))) == uses


def test_settings_decide_what_they_affect_and_no_path_is_told() -> None:
    tried = 0
    for leaf in leaves():
        if isinstance(leaf.default, bool) and leaf.name not in ("loop", "carry"):
            settings = Settings().with_values(**{leaf.name: not leaf.default})
        elif leaf.names_a_file("secret/a.json"):
            settings, elsewhere = (
                Settings().with_values(**{leaf.name: f"{place}/a.json"}) for place in ("secret", "b")
            )
            asked = replace(ASKED, settings=settings), replace(ASKED, settings=elsewhere)
            assert asked[0].key == asked[1].key, "where a file lies does not count"
        else:
            continue
        changed, tried = (
            changed_by(replace(MADE, asked=replace(ASKED, settings=settings), settings=settings)),
            tried + 1,
        )
        assert (Use.REQUEST in changed) is (leaf.affects is not Affects.RUN), leaf.name
        assert bool(Use.RESUME & changed) is (leaf.affects is Affects.FRAMES), leaf.name
        assert (Use.RECORD in changed) is not leaf.is_private, leaf.name
    assert tried > 10


@pytest.mark.parametrize(
    "leaf", [leaf for leaf in leaves() if isinstance(leaf.default, float)], ids=lambda leaf: leaf.name
)
def test_a_whole_number_is_the_same_however_it_is_written(leaf: Leaf) -> None:
    """A job file has 1 where the command line has 1.0."""
    number = int(leaf.maximum >= 1)
    whole, exact = (
        replace(ASKED, settings=Settings().with_values(**{leaf.name: kind(number)})).key for kind in (int, float)
    )
    assert whole == exact


def test_a_whole_weight_is_the_same_however_it_is_written() -> None:
    assert replace(ASKED, styles=(replace(STYLE, weight=1),)).key == ASKED.key


def test_no_setting_takes_the_place_of_another_item() -> None:
    told = [
        entry.name
        for part in (ASKED, MADE)
        for entry in fields(part)
        if Use.RESUME & entry.metadata.get("uses", Use(0))
    ]
    assert len(MADE.resume_key) == len(told) - len(["settings"]) + len(Settings().fingerprint())
