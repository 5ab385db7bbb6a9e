"""Values that change within a film: keys as they are written, and the curve between them.

Knows numbers of frames; knows nothing of clips, so not at which frame a time or a timecode lies.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from stylevideo.errors import Problems, SettingsError
from stylevideo.settings.direction import style_number
from stylevideo.settings.places import read_place
from stylevideo.text import did_you_mean, printable, quoted

KEY = "key"
"""The name of the setting that holds keys."""
LOOK = "look"
"""What keys of whole looks are called; they become keys of all that the looks say before a clip is opened."""
EASINGS = ("linear", "smooth", "hold")
"""How a value comes to a key from the one before: evenly, slowly at both ends, or at once when the key is reached."""


_EXAMPLE, _EXAMPLES = "{ 1001 = 0.2, 1024 = 0.9 }", {LOOK: '{ 1001 = "oil", 1024 = "storm" }'}


@dataclass(frozen=True)
class Key:
    """A value at a place of a clip.

    Attributes:
        place: a frame's number, a time or a timecode, as written.
        value: of the setting there.
        easing: one of `EASINGS`; of the first key it has no effect.
    """

    place: str
    value: float
    easing: str = EASINGS[0]

    def __str__(self) -> str:
        return _written(self.place, repr(self.value).removesuffix(".0"), self.easing)


@dataclass(frozen=True)
class LookKey:
    """A look at a place of a clip; as text as `Key`, with the look's name for the value.

    Attributes:
        place: as of `Key`.
        name: of the look.
        easing: as of `Key`.
    """

    place: str
    name: str
    easing: str = EASINGS[0]

    def __str__(self) -> str:
        return _written(self.place, self.name, self.easing)


@dataclass(frozen=True)
class Keys:
    """All keys of one setting, in the order in which they are written; as text `NAME PLACE=VALUE,PLACE=VALUE:EASING`.

    Attributes:
        name: of the setting, or `style_2` for the weight of the second style.
        keys: at least one.
    """

    name: str
    keys: tuple[Key, ...]

    def __str__(self) -> str:
        return f"{self.name} {','.join(map(str, self.keys))}"


@dataclass(frozen=True)
class Curve:
    """A value over the numbers of a clip's frames.

    Attributes:
        frames: numbers of the keys' frames, ascending, each once.
        keys: of these frames.
    """

    frames: tuple[int, ...]
    keys: tuple[Key, ...]

    def at(self, frame: int) -> float:
        """The value at a frame: between two keys by the later one's easing, before the first and after the last theirs.

        Example:
            >>> Curve((10, 20), (Key("10", 0.0), Key("20", 1.0))).at(15)
            0.5
        """
        after = bisect.bisect_right(self.frames, frame)
        if after in (0, len(self.frames)):
            return self.keys[max(0, after - 1)].value
        first, last, key = self.frames[after - 1], self.frames[after], self.keys[after]
        part = _eased(key.easing, (frame - first) / (last - first))
        return (1 - part) * self.keys[after - 1].value + part * key.value


@dataclass(frozen=True)
class LookTurn:
    """One whole look turns into another, with which it has no style in common.

    Attributes:
        begin: index of the first frame that counts the other one alone. Nothing of earlier frames is carried into it.
        ways: of the frames before it that count both, in order, how much the other one counts by then, 0..1; none
            where it comes at once.
    """

    begin: int
    ways: tuple[float, ...] = ()

    @property
    def first(self) -> int:
        """Index of the first frame that is not wholly in the first look."""
        return self.begin - len(self.ways)

    def way(self, index: int) -> float:
        """How much the other look counts in a frame, 0..1.

        >>> [LookTurn(9, (0.25, 0.75)).way(index) for index in (6, 7, 8, 9)]
        [0.0, 0.25, 0.75, 1.0]
        """
        place = index - self.first
        return self.ways[place] if 0 <= place < len(self.ways) else float(place >= 0)


def _eased(easing: str, part: float) -> float:
    """Which part of the way to a key is made after this part, below 1, of the time."""
    if easing == "hold":
        return 0.0
    return part * part * (3 - 2 * part) if easing == "smooth" else part


AnyKey = TypeVar("AnyKey", Key, LookKey)


@lru_cache(maxsize=64)
def read_keys(text: str) -> Keys:
    """Read the keys of a setting.

    Args:
        text: as of `Keys`.
    Raises:
        SettingsError: all that is written otherwise, and keys at one place.
    """
    name = name_of(text)
    return Keys(name, tuple(_read(text, partial(_read_key, name))))


@lru_cache(maxsize=64)
def read_look_keys(text: str) -> tuple[LookKey, ...]:
    """Read the keys of whole looks, `look PLACE=NAME,PLACE=NAME:EASING`.

    Raises:
        SettingsError: as `read_keys`.

    >>> [str(key) for key in read_look_keys("look 0012 = ink, 50=oil : smooth")]
    ['12=ink', '50=oil:smooth']
    """
    return tuple(_read(text, _read_look_key))


def _read(text: str, read_key: Callable[[str], AnyKey]) -> list[AnyKey]:
    """All keys that a text has, at different places."""
    name, _, written = text.strip().partition(" ")
    problems, keys, places = Problems(), list[AnyKey](), Counter[str]()
    for part in written.split(","):
        with problems.noted():
            keys.append(key := read_key(part))
            places[key.place] += 1
            if places[key.place] == 2:
                raise SettingsError(f"{shown(name)} has two keys at {key.place}. Leave one out.")
    problems.raise_all()
    return keys


def as_texts(keys: Any) -> Any:
    """Keys as they stand in the settings, from a table of each setting's keys by place; anything else as it is.

    Args:
        keys: such as `{"strength": {1001: 0.2, 1024: "0.9:smooth"}}`, or the settings' own texts.
    Raises:
        SettingsError: there is no table, or no value, where one should be.
    """
    if isinstance(keys, Mapping):
        problems, texts = Problems(), list[str]()
        for name, places in keys.items():
            with problems.noted():
                texts.append(_text_of(str(name), places))
        problems.raise_all()
        return tuple(sorted(texts))
    if isinstance(keys, list | tuple) and all(isinstance(text, str) for text in keys):
        return tuple(sorted(map(_canonical, keys)))
    return keys


def name_of(text: str) -> str:
    """Which setting has these keys, whatever is wrong with them."""
    return text.strip().partition(" ")[0]


def values_over(higher: Mapping[str, Any], lower: Mapping[str, Any], has_styles: bool = False) -> dict[str, Any]:
    """The values of settings that two places give, of which the higher one counts.

    Keys count for each setting by itself; a value that the higher place gives ends the keys that the lower one has.

    Args:
        higher, lower: by the settings' names.
        has_styles: whether the higher place names styles, so that the lower one's weights are of others.
    """
    own = higher.get(KEY, ())
    ended = {*higher, *map(name_of, own)}
    rest = (
        text
        for text in lower.get(KEY, ())
        if name_of(text) not in ended and not (has_styles and style_number(name_of(text)))
    )
    merged, keys = {**lower, **higher}, tuple(sorted((*rest, *own)))
    return {**merged, KEY: keys} if KEY in merged else merged


def shown(name: str) -> str:
    """What stands before what is wrong with keys."""
    return f"--{KEY} {printable(name)}"


def _canonical(text: str) -> str:
    """The same for two ways of writing the same; what cannot be read stays as it is, to be refused."""
    try:
        if name_of(text) == LOOK:
            return f"{LOOK} {','.join(map(str, read_look_keys(text)))}"
        return str(read_keys(text))
    except SettingsError:
        return text


def _text_of(name: str, places: Any) -> str:
    if not isinstance(places, Mapping) or not places:
        raise SettingsError(
            f"keys of {quoted(name)} take a table such as {_EXAMPLES.get(name, _EXAMPLE)}, not {quoted(places)}."
        )
    for place, value in places.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise SettingsError(
                f'{shown(name)} {quoted(place)}: {quoted(value)} is no value. Write a number, or "0.9:smooth".'
            )
    return _canonical(f"{name} {','.join(f'{place}={value}' for place, value in places.items())}")


def _written(place: str, value: str, easing: str) -> str:
    return f"{place}={value}" + ("" if easing == EASINGS[0] else f":{easing}")


def _read_look_key(part: str) -> LookKey:
    place, name, easing = _parted(LOOK, part, "FRAME=LOOK, several with commas, such as 1001=oil,1024=storm:smooth")
    if not name:
        raise SettingsError(f"{shown(LOOK)} {place}: there is no look's name. `stylevideo looks` lists them.")
    return LookKey(place, name, easing)


def _read_key(name: str, part: str) -> Key:
    form = "FRAME=VALUE, several with commas, such as 1001=0.2,1024=0.9:smooth"
    place, number, easing = _parted(name, part, form)
    try:
        read = float(number)
    except ValueError as error:
        raise SettingsError(f"{shown(name)} {place}: {quoted(number)} is no number.") from error
    return Key(place, read, easing)


def _parted(name: str, part: str, form: str) -> tuple[str, str, str]:
    """The place, the value and the easing of a key that should have this form."""
    place, sign, value = (half.strip() for half in part.partition("="))
    if not sign:
        raise SettingsError(f"{shown(name)}: {quoted(part)} is no key. Write {form}.")
    place = read_place(place, shown(name))
    value, colon, easing = (half.strip() for half in value.partition(":"))
    if colon and easing not in EASINGS:
        raise SettingsError(
            f"{shown(name)} {place}: there is no easing {quoted(easing)}.{did_you_mean(easing, EASINGS)} "
            f"Choose from: {', '.join(EASINGS)}."
        )
    return place, value, easing or EASINGS[0]
