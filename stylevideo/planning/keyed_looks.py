"""Whole looks by key: they become keys of what the looks say, and of what their styles weigh.

So nothing that comes later knows of them: a film that turns from one look into another is one of all their styles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylevideo.errors import Problems, SettingsError
from stylevideo.planning.looks import look
from stylevideo.planning.request import ClipRequest
from stylevideo.settings.curves import KEY, LOOK, Key, Keys, LookKey, name_of, read_look_keys, shown, values_over
from stylevideo.settings.direction import style_number
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import Style
from stylevideo.text import quoted


@dataclass(frozen=True)
class KeyedLook:
    """A look that a film has at a key.

    Attributes:
        key: where, and by what name.
        styles: of the film, if it were in this look throughout.
        settings: likewise.
    """

    key: LookKey
    styles: tuple[Style, ...]
    settings: Settings


def with_looks_blended(request: ClipRequest) -> ClipRequest:
    """A clip of whose settings none are keys of looks any more; it stays as it is where none were.

    Raises:
        As `stylevideo.planning.looks.look` and `blended`; SettingsError: it names styles, and so do the looks.
    """
    texts = request.settings.direction.key
    keys = [key for text in texts if name_of(text) == LOOK for key in read_look_keys(text)]
    if not keys:
        return request
    film = request.settings.with_values(key=tuple(text for text in texts if name_of(text) != LOOK))
    problems, each = Problems(), list[KeyedLook]()
    for key in keys:
        with problems.noted(f"{shown(LOOK)} {key.place}"):
            named = look(key.name, Path())
            if named.styles and request.styles:
                raise SettingsError(f"the look {key.name} has styles, and the clip has others. Give the clip none.")
            begin, usual = preset(named.given.preset or "standard").to_dict(), Settings()
            said = {name: value for name, value in begin.items() if value != usual.value(name)}
            settings = film.with_values(**values_over({**said, **named.given.settings}, {KEY: film.direction.key}))
            each.append(KeyedLook(key, named.styles or request.styles, settings))
    problems.raise_all()
    styles, settings = blended(each)
    return replace(request, styles=styles, settings=settings)


def blended(looks: Sequence[KeyedLook]) -> tuple[tuple[Style, ...], Settings]:
    """The styles of all looks, and settings whose keys turn one look into the next.

    Of each look all styles together weigh 1, so that half-way between two looks both count alike. Each has styles of
    its own, even if it has some in common with another: then none of them counted before it. Looks that have the same
    styles, by the same weights, share them, unless one of these comes at once: the numbers in which they differ change,
    no look does.

    Raises:
        SettingsError: all in which the looks differ that cannot change within a film.
    """
    problems = Problems()
    for each in looks:
        with problems.noted():
            _require_paintable(each)
    problems.raise_all()
    sets = [frozenset((style.path, _share(style, each)) for style in each.styles) for each in looks]
    at_once = {own for own, each in zip(sets[1:], looks[1:], strict=True) if each.key.easing == "hold"}
    owners = [(own, each.key.name if own in at_once else "") for own, each in zip(sets, looks, strict=True)]
    pairs = (
        (owner, replace(style, weight=1.0)) for owner, each in zip(owners, looks, strict=True) for style in each.styles
    )
    owned = tuple(dict.fromkeys(pairs))
    keys = [
        _keys(
            f"style_{n}",
            looks,
            [float(_share(style, each)) if own == owner else 0.0 for own, each in zip(owners, looks, strict=True)],
        )
        for n, (owner, style) in enumerate(owned, 1)
    ]
    texts = {text: None for each in looks for text in each.settings.direction.key}
    keyed = set(map(name_of, texts))
    for text in texts:
        with problems.noted():
            if lacking := [each for each in looks if text not in each.settings.direction.key]:
                raise SettingsError(
                    f"{shown(name_of(text))}: the look {lacking[0].key.name} of {shown(LOOK)} says it otherwise. "
                    "Leave one out."
                )
    for name, flag, why in _differing(looks):
        values = [each.settings.value(name) for each in looks]
        if name in keyed:
            continue
        if not why:
            keys.append(_keys(name, looks, values))
            continue
        with problems.noted():
            told = " and ".join(
                dict.fromkeys(f"{quoted(v)} ({e.key.name})" for v, e in zip(values, looks, strict=True))
            )
            raise SettingsError(
                f"{shown(LOOK)}: the looks differ in {flag}, {told}, which cannot change within a shot: {why}. "
                f"Give them one, or add {flag} beside the keys."
            )
    problems.raise_all()
    return tuple(style for _, style in owned), looks[0].settings.with_values(key=(*texts, *map(str, keys)))


def _require_paintable(each: KeyedLook) -> None:
    if not each.styles:
        raise SettingsError(f"{shown(LOOK)}: {each.key.name} names no style. Add styles to it, or --style beside it.")
    if any(style.matte for style in each.styles):
        raise SettingsError(
            f"{shown(LOOK)}: {each.key.name} has a style with a matte, and looks by key are painted everywhere. Leave "
            "the matte out, or give its style keys of its weight."
        )
    if any(style_number(name_of(text)) for text in each.settings.direction.key):
        raise SettingsError(f"{shown(LOOK)}: {each.key.name} has keys of its styles' weights. Leave them out.")


def _share(style: Style, each: KeyedLook) -> Fraction:
    """Of a look's weights a style's; exact, so that the order of styles does not count."""
    weights = [(other.path, Fraction(str(other.weight))) for other in each.styles]
    return sum(own for path, own in weights if path == style.path) / sum((own for _, own in weights), Fraction())


def _keys(name: str, looks: Sequence[KeyedLook], values: Sequence[float]) -> Keys:
    pairs = zip(values, looks, strict=True)
    return Keys(name, tuple(Key(each.key.place, float(value), each.key.easing) for value, each in pairs))


def _differing(looks: Sequence[KeyedLook]) -> Iterator[tuple[str, str, str]]:
    """Name and flag of each setting in which looks differ, and why it cannot change within a shot, if it cannot."""
    for leaf in leaves():
        values: list[Any] = [each.settings.value(leaf.name) for each in looks]
        if leaf.name != KEY and any(value != values[0] for value in values):
            yield leaf.name, leaf.flag, leaf.why_constant
