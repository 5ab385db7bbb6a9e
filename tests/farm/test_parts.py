"""The parts of a film have each of its shots once, however many there are of both."""

from __future__ import annotations

import doctest
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.errors import SettingsError
from stylevideo.farm import parts
from stylevideo.farm.parts import Part, Place
from stylevideo.timeline.clip import Shot


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=200), st.integers(1, 300), st.integers(0, 10_000))
def test_each_shot_is_in_one_part(lengths: list[int], of: int, start: int) -> None:
    bounds = pairwise(accumulate(lengths, initial=start))
    film = [Shot(index, *stretch) for index, stretch in enumerate(bounds)]
    dealt = [Part(number, of).shots(film) for number in range(1, of + 1)]
    assert [shot for part in dealt for shot in part] == film, "and in order"
    most = sum(lengths) / of + max(lengths)
    assert all(sum(shot.stop - shot.start for shot in part) <= most for part in dealt)


@given(st.lists(st.lists(st.integers(1, 500), min_size=1, max_size=9), min_size=1, max_size=9), st.integers(1, 40))
def test_films_that_are_planned_together_are_dealt_out_as_one(lengths: list[list[int]], of: int) -> None:
    """As if they were one film; but a looped one is never shared out."""
    films = [[Shot(0, *stretch) for stretch in pairwise(accumulate(each, initial=7))] for each in lengths]
    befores, total = list(accumulate(map(sum, lengths), initial=0)), sum(map(sum, lengths))
    joined = [Shot(0, *stretch) for stretch in pairwise(accumulate((n for each in lengths for n in each), initial=0))]
    in_one = iter([Part.having(shot, joined, of) for shot in joined])
    for film, before in zip(films, befores, strict=False):
        assert [Part.having(shot, film, of, Place(before, total)) for shot in film] == [next(in_one) for _ in film]
        parts = {Part.having(shot, film, of, Place(before, total, is_whole=True)) for shot in film}
        assert len(parts) == 1 and Part(1, of).number <= parts.pop().number <= of


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1", "1/0", "-1/4", "1.5/4", "1/4/2", "²/4", "1/" + "9" * 5000])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--part .* is no part\. Name one of several, such as 1/8 to 8/8\."):
        Part.parse(text)


def test_the_examples_run() -> None:
    assert doctest.testmod(parts).failed == 0
