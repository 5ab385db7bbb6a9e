"""Keys read as users write them, and the curve between them goes where its easings say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.errors import SettingsError
from stylevideo.settings.curves import EASINGS, Curve, Key, Keys, LookTurn, as_texts, read_keys, values_over
from stylevideo.settings.over_time import OverShots, SettingsOverTime
from stylevideo.settings.schema import Affects
from stylevideo.settings.settings import Settings, leaves

VALUES = st.floats(0, 1, allow_subnormal=False)
PLACES = st.one_of(
    st.integers(0, 10**6).map(str),
    st.floats(0.1, 1e4).map(lambda seconds: f"{seconds:.3f}s"),
    st.from_regex(r"0[1-9]:[0-5][0-9]:[0-5][0-9]:[01][0-9]", fullmatch=True),
)
KEYS = st.lists(
    st.builds(Key, PLACES, VALUES, st.sampled_from(EASINGS)), min_size=1, max_size=6, unique_by=lambda key: key.place
)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    frames = sorted(draw(st.sets(st.integers(0, 200), min_size=1, max_size=6)))
    return Curve(
        tuple(frames), tuple(Key(str(frame), draw(VALUES), draw(st.sampled_from(EASINGS))) for frame in frames)
    )


@given(keys=KEYS)
def test_keys_are_what_their_text_says(keys: list[Key]) -> None:
    written = Keys("strength", tuple(keys))
    assert read_keys(str(written)) == written
    table = {"strength": {key.place: f"{key.value}:{key.easing}" for key in keys}}
    assert as_texts(table) == as_texts([str(written)]) == (str(written),)


@given(curve=curves(), frame=st.integers(-10, 210))
def test_a_curve_stays_between_its_keys_and_holds_outside(curve: Curve, frame: int) -> None:
    values = [key.value for key in curve.keys]
    if frame <= curve.frames[0]:
        assert curve.at(frame) == values[0]
    elif frame >= curve.frames[-1]:
        assert curve.at(frame) == values[-1]
    else:
        after = next(n for n, key in enumerate(curve.frames) if key > frame)
        low, high = sorted(values[after - 1 : after + 1])
        assert low - 1e-12 <= curve.at(frame) <= high + 1e-12


@given(curve=curves())
def test_a_curve_goes_through_its_keys(curve: Curve) -> None:
    assert [curve.at(frame) for frame in curve.frames] == [key.value for key in curve.keys]


@pytest.mark.parametrize(
    ("easing", "values"),
    [("linear", [0, 0.25, 0.5, 0.75, 1]), ("smooth", [0, 0.15625, 0.5, 0.84375, 1]), ("hold", [0, 0, 0, 0, 1])],
)
def test_easings(easing: str, values: list[float]) -> None:
    curve = Curve((10, 14), (Key("10", 0.0), Key("14", 1.0, easing)))
    assert [curve.at(frame) for frame in range(10, 15)] == values


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["strength 1=0.2,1=0.4"], "--key strength has two keys at 1"),
        (["strength 01=0.2,1=0.4"], "--key strength has two keys at 1"),
        (["strength 1=0.2:smoth"], "no easing 'smoth'. Did you mean smooth"),
        (["strength 1=much"], "--key strength 1: 'much' is no number"),
        (["strength 1"], "'1' is no key"),
        (["strength"], "'' is no key"),
        (["strength x=1"], "'x' is no place of a clip"),
        (["strength -3=1"], "'-3' is no place of a clip"),
        (["strength 1=1.5"], "--key strength at 1: --strength must be at least 0 and at most 1, not 1.5"),
        (["strength 1=nan"], "--key strength at 1: --strength must be at least 0"),
        (["strength 1=1", "strength 2=1"], "--key strength is given 2 times"),
        (["strenght 1=1"], "--key strenght: there is no such setting. Did you mean strength"),
        (["painter 1=1"], "--painter cannot change within a film: it is no number"),
        (["crf 1=1"], "--crf cannot change within a film: it is of the whole film"),
        (["beta1 1=0.5"], "--beta1 cannot change within a film: Adam's moments pass from frame to frame"),
        (["style_0 1=1"], "--key style_0: there is no such setting"),
        (["style_1 1=-1"], "--key style_1 at 1: a style's weight must be at least 0, not -1"),
        ({"strength": 0.3}, "take a table such as"),
        ({"strength": {}}, "take a table such as"),
        ({"strength": {1: True}}, "True is no value"),
        ({"strength": {1: [1]}}, r"\[1\] is no value"),
        (0.3, "--key takes a list of names, not 0.3"),
    ],
)
def test_keys_that_make_no_sense_are_refused(keys: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings().with_values(key=keys)


def test_all_that_is_wrong_with_keys_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings().with_values(key=["strength 1=2,2=3", "anchor x=1,2=0.5:soft", "sead 1=1"])
    assert len(refused.value.sentences) == 5
    assert str(refused.value).startswith("5 things are wrong.")


def test_numbers_that_decide_how_frames_look_can_change_or_say_why_not() -> None:
    for leaf in leaves():
        keys = {leaf.name: {1: leaf.default}}
        if leaf.why_constant:
            with pytest.raises(SettingsError):
                Settings().with_values(key=keys)
        else:
            assert leaf.affects is Affects.FRAMES and isinstance(leaf.default, float)
            assert Settings().with_values(key=keys).direction.key


def test_the_place_that_counts_more_has_its_say_for_each_setting() -> None:
    lower = {"key": ("anchor 1=0.2", "strength 1=0.1", "style_2 1=1", "tv_weight 1=0.1"), "strength": 0.2, "crf": 20}
    higher = {"key": ("strength 5=0.7",), "tv_weight": 0.3}
    assert values_over(higher, lower, has_styles=True) == {
        "key": ("anchor 1=0.2", "strength 5=0.7"),
        "strength": 0.2,
        "crf": 20,
        "tv_weight": 0.3,
    }
    assert values_over({"crf": 1}, {"crf": 2}) == {"crf": 1}


def test_frames_are_asked_for_by_their_numbers_with_what_is_keyed_alone_changed() -> None:
    settings = Settings().with_values(key={"content_weight": {1001: 0.1, 1011: 0.3}, "style_2": {1001: 0, 1011: 1}})
    named = {keys.name: keys.keys for keys in map(read_keys, settings.direction.key)}
    curves = {name: Curve(tuple(int(key.place) for key in keys), keys) for name, keys in named.items()}
    over_time = SettingsOverTime(settings, curves, (2.0, 3.0), lambda index: 1001 + 5 * index)
    first, second, third = (over_time.at(index) for index in range(3))
    assert [look.losses.content_weight for look in (first, second, third)] == pytest.approx([0.1, 0.2, 0.3])
    assert [look.direction.style_weights for look in (first, second, third)] == [(2.0, 0.0), (2.0, 0.5), (2.0, 1.0)]
    assert first.with_values(content_weight=0.1).losses == Settings().losses and first.direction.key == ()
    assert [over_time.changes_at(index) for index in range(4)] == [False, True, True, False]


def over_time(keys: dict[str, dict[int, float | str]], styles: int = 3) -> SettingsOverTime:
    """Frames by their indices, from 0."""
    settings = Settings().with_values(key=keys)
    curves = {
        found.name: Curve(tuple(int(key.place) for key in found.keys), found.keys)
        for found in map(read_keys, settings.direction.key)
    }
    return SettingsOverTime(settings, curves, (0.0,) * styles, lambda index: index)


@pytest.mark.parametrize(
    ("keys", "turns"),
    [
        pytest.param({"style_1": {0: 1, 3: "0:hold"}, "style_2": {0: 0, 3: "0.2:hold"}}, [LookTurn(3)], id="at-once"),
        pytest.param(
            {"style_1": {2: 1, 3: 0, 4: 1}, "style_2": {2: 0, 3: 1, 4: 0}},
            [LookTurn(3), LookTurn(4)],
            id="there-and-back",
        ),
        pytest.param({"style_1": {1: 1, 5: 0}, "style_2": {1: 0, 5: 1}}, [LookTurn(5, (0.25, 0.5, 0.75))], id="evenly"),
        pytest.param(
            {"style_1": {1: 4, 5: 0}, "style_2": {1: 0, 5: 4}}, [LookTurn(5, (0.25, 0.5, 0.75))], id="of-their-sum"
        ),
        pytest.param(
            {"style_1": {1: 1, 5: "0:smooth"}, "style_2": {1: 0, 5: "1:smooth"}},
            [LookTurn(5, (0.15625, 0.5, 0.84375))],
            id="smooth",
        ),
        pytest.param(
            {"style_1": {1: 1, 3: 0}, "style_2": {1: 0, 3: 1, 5: 0}, "style_3": {3: 0, 5: 1}},
            [LookTurn(3, (0.5,)), LookTurn(5, (0.5,))],
            id="one-after-the-other",
        ),
        pytest.param(
            {"style_1": {1: 1, 5: 0}, "style_2": {1: 0, 3: 1, 5: 0}, "style_3": {1: 0, 3: 0, 5: 1}},
            [LookTurn(5, (0.4,))],
            id="by-way-of-another",
        ),
        pytest.param({"style_1": {1: 1, 4: 0}, "style_2": {1: 0, 2: 1}}, [LookTurn(4, (0.6, 0.75))], id="apart"),
        pytest.param(
            {"style_1": {1: 1, 3: 0.5, 5: 0.5, 7: 0}, "style_2": {1: 0, 3: 0.5, 5: 0.5, 7: 1}}, [], id="rests-between"
        ),
        pytest.param(
            {"style_1": {1: 1, 5: 0}, "style_2": {1: 0, 2: 0.75, 3: 0.1, 5: 1}},
            [LookTurn(5, (0.5, 0.5, 0.6875))],
            id="not-back",
        ),
        pytest.param({"style_1": {1: 1, 3: "0:hold"}, "style_2": {1: 0.1, 3: "1:hold"}}, [], id="in-common"),
        pytest.param({"style_1": {1: 1, 3: "0:hold"}, "style_2": {1: 1}}, [], id="one-goes"),
        pytest.param({"style_1": {1: 1}, "strength": {1: 0, 3: "1:hold"}}, [], id="strength"),
    ],
)
def test_a_look_begins_where_all_styles_are_gone_that_counted_before_the_turn(
    keys: dict[str, dict[int, float | str]], turns: list[LookTurn]
) -> None:
    found = over_time(keys).turns(range(9))
    assert [turn.begin for turn in found] == [turn.begin for turn in turns]
    assert [turn.ways for turn in found] == [pytest.approx(turn.ways) for turn in turns]
    assert over_time(keys).settings.turns(range(9)) == (), "a film without keys has none"


def test_a_look_that_had_begun_to_turn_before_a_cut_is_none_that_begins() -> None:
    asked = over_time({"style_1": {1: 1, 5: 0, 8: 1}, "style_2": {1: 0, 5: 1, 8: 0}})
    assert [turn.begin for turn in asked.turns(range(9))] == [5, 8]
    assert [turn.begin for turn in asked.turns(range(2, 9))] == [8]
    by_shot = OverShots((0, 2, 6), (asked.settings, asked, asked))
    assert [turn.begin for turn in by_shot.turns(range(9))] == []
    assert [turn.begin for turn in OverShots((0, 5), (asked, asked)).turns(range(9))] == [8]


@given(data=st.data())
def test_turns_are_told_alike_whatever_part_of_a_film_is_asked_for(data: st.DataObject) -> None:
    """And between a look and the one that it turns into all frames count some of both, or of what lies between."""
    weights = st.sampled_from([0.0, 0.5, 1.0])
    keys = {
        f"style_{number}": {
            place: f"{data.draw(weights)}:{data.draw(st.sampled_from(EASINGS))}" for place in (0, 3, 6, 9)
        }
        for number in (1, 2, 3)
    }
    asked = over_time(keys)
    counts = [{n for n, own in enumerate(asked._weights(index)) if own} for index in range(10)]
    turns = asked.turns(range(10))
    start = data.draw(st.integers(0, 8))
    assert asked.turns(range(start, 10)) == tuple(turn for turn in turns if turn.first > start)
    for turn in turns:
        before = counts[turn.first - 1]
        assert before.isdisjoint(counts[turn.begin])
        assert all(
            counts[between] & before and counts[between] & counts[turn.begin]
            for between in range(turn.first, turn.begin)
        )
