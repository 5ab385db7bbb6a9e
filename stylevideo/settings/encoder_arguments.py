"""What `--ffmpeg-args` says: options for the encoder of a film's picture and for the tags of its tracks.

They are no command line: each word is an option of `encoder_options` or the value of the one before it, and what
ffmpeg gets is written from what was understood.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stylevideo.errors import SettingsError
from stylevideo.settings.encoder_options import (
    ALIASES,
    BITSTREAM_FILTERS,
    DISPOSITIONS,
    ENCODERS,
    FLAGS,
    INSTEAD,
    KNOWN,
    PARAMETERS,
    PLAIN,
    endless_function,
)
from stylevideo.settings.filter_chain import read_filters
from stylevideo.text import did_you_mean

MOST_CHARACTERS = 8000
_PICTURE = re.compile(r"(v(:0)?)?")
_SOUND = re.compile(r"a(:\d{1,2})?")
_TAGGED = re.compile(r"(g|c:\d{1,3}|s|s:[vast](:\d{1,2})?|s:\d{1,2})?")
_OF_THE_FILM = ("-metadata", "-metadata:g")
_TRACK = re.compile(r"[ast](:\d{1,2})?")
_OPTION = re.compile(r"-([A-Za-z0-9][\w-]*)(?::(.*))?", re.DOTALL)
_VALUE = re.compile(r"(?:[+-]?[0-9.]|\+?[A-Za-z])[\w.,:|%@+*/()<>= -]*", re.ASCII)
_KEY_VALUE = re.compile(r"([\w-]+)(?:=([\w.,+/()| -]*))?", re.ASCII)
_TIMECODE = re.compile(r"\d\d:\d\d:\d\d[:;]\d{2,3}")


@dataclass(frozen=True)
class EncoderArguments:
    """Options that were understood.

    Attributes:
        options: ffmpeg's arguments for an output, without filters.
        filters: a chain that goes upon the picture; "" for none.
        encoder: the one that takes the place of the delivery's; "" for none.
    """

    options: tuple[str, ...] = ()
    filters: str = ""
    encoder: str = ""

    @property
    def tags(self) -> frozenset[str]:
        """Names, in lower case, of the film's tags that they set or take out."""
        pairs = zip(self.options[::2], self.options[1::2], strict=True)
        return frozenset(value.partition("=")[0].lower() for option, value in pairs if option in _OF_THE_FILM)


def read_encoder_arguments(text: str) -> EncoderArguments:
    """Understand the arguments.

    Args:
        text: as in a shell: words, with quotation marks around those with spaces.
    Raises:
        SettingsError: a word may not be there, with what to do about it.
    """
    try:
        options = list(_options(text))
    except SettingsError as error:
        raise SettingsError(f"--ffmpeg-args: {error}") from error
    filters = [value for option, value in options if option == "-filter:v:0"]
    if len(filters) > 1:
        raise SettingsError("--ffmpeg-args: -vf stands there twice. Write one chain, with commas.")
    encoders = [value for option, value in options if option == "-c:v:0"]
    others = (pair for pair in options if pair[0] != "-filter:v:0")
    return EncoderArguments(tuple(word for pair in others for word in pair), "".join(filters), "".join(encoders[-1:]))


def split_arguments(text: str, backslash_escapes: bool = os.name != "nt") -> tuple[str, ...]:
    """Arguments as a shell splits them; in Windows a backslash is a part of a path.

    Raises:
        ValueError: a quotation mark is not closed.
    """
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split = True
    words.commenters = ""
    words.escape = "\\" if backslash_escapes else ""
    return tuple(words)


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Each option as ffmpeg gets it, with its value."""
    if len(text) > MOST_CHARACTERS:
        raise SettingsError(f"{len(text)} characters are too many. Write at most {MOST_CHARACTERS}.")
    if "\0" in text:
        raise SettingsError("there is a zero byte in it. Take it out.")
    try:
        words = iter(split_arguments(text))
    except ValueError as error:
        raise SettingsError(f"{text!r} cannot be read ({error}). Close every quotation mark.") from error
    before = ""
    for word in words:
        if not word.startswith("-"):
            raise SettingsError(_stray(word, before))
        name, specifier = _option(word)
        value = next(words, None)
        if value is None:
            raise SettingsError(f"{word} lacks its value. Write it behind it.")
        yield _written(word, name, specifier, value)
        before = f"{word} {value}"


def _stray(word: str, before: str) -> str:
    said = f"{word!r} is no option, and no value of one"
    if not before:
        return f"{said}. Options begin with a dash, such as -preset slow."
    name, _, value = before.partition(" ")
    return f"{said}. If it belongs to {before}, put quotation marks around the whole value: {name} '{value} {word}'."


def _option(word: str) -> tuple[str, str]:
    """An option's name and its stream, as far as both may be there."""
    match = _OPTION.fullmatch(word)
    name, specifier = (match[1], match[2] or "") if match else (word.lstrip("-"), "")
    name = ALIASES.get(name, name)
    if name not in KNOWN:
        instead = INSTEAD.get(name) or f"{did_you_mean(name, KNOWN).strip()} docs/encoder.md lists them.".strip()
        raise SettingsError(f"{word} is none of the encoder's options that can be used here. {instead}")
    allowed = _specifiers(name)
    if not allowed.fullmatch(specifier):
        other = INSTEAD["map"] if re.match(r"[ast]\b", specifier) else f"Write -{name} or -{name}:v."
        raise SettingsError(f"{word} cannot be used here: it is for other tracks than the picture. {other}")
    return name, specifier


def _specifiers(name: str) -> re.Pattern[str]:
    if name == "metadata":
        return _TAGGED
    if name == "disposition":
        return _TRACK
    return re.compile(f"{_PICTURE.pattern}|{_SOUND.pattern}") if name == "b" else _PICTURE


def _written(word: str, name: str, specifier: str, value: str) -> tuple[str, str]:
    """An option and its value for ffmpeg: those of an encoder are for the film's picture, not for its covers."""
    if name in ("metadata", "disposition", "b") and specifier not in ("", "v"):
        place = f":{specifier}"
    else:
        place = "" if name in ("metadata", "movflags", "timecode") else ":v:0"
    return f"-{name}{place}", _check(name)(word, value)


def _check(name: str) -> Callable[[str, str], str]:
    if name in FLAGS:
        return lambda word, value: _flags(word, value, name)
    if name in PARAMETERS:
        return lambda word, value: _parameters(word, value, PARAMETERS[name])
    if name in PLAIN or name == "tag":
        return _plain
    return {
        "c": _encoder,
        "filter": lambda word, value: read_filters(value),
        "bsf": _bitstream_filters,
        "metadata": _tag,
        "disposition": lambda word, value: _flags(word, value, "disposition"),
        "timecode": _timecode,
    }[name]


def _plain(word: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise SettingsError(f"{word} takes a number or a word, not {value!r}. Write it behind it.")
    if function := endless_function(value):
        raise SettingsError(f"{word} cannot have {function}(): only functions that surely end may be there.")
    return value


def _flags(word: str, value: str, name: str) -> str:
    """Flags are added to those that are set: the film needs some."""
    known = DISPOSITIONS if name == "disposition" else FLAGS[name]
    for flag in re.split("[+-]", value.lstrip("+-")):
        if flag not in known:
            raise SettingsError(
                f"{word} cannot be {flag!r} here.{did_you_mean(flag, known)} Choose from: {', '.join(sorted(known))}."
            )
    return value if value[0] in "+-" or name == "disposition" else f"+{value}"


def _parameters(word: str, value: str, known: frozenset[str]) -> str:
    for part in value.split(":"):
        match = _KEY_VALUE.fullmatch(part)
        if not match:
            raise SettingsError(f"{word} takes key=value:key=value, not {part!r}.")
        key = match[1].replace("_", "-")
        if key not in known and key.removeprefix("no-") not in known:
            near = did_you_mean(key, known)
            raise SettingsError(f"{word} cannot have {match[1]} here.{near} docs/encoder.md says what it can have.")
    return value


def _encoder(word: str, value: str) -> str:
    if value not in ENCODERS:
        near = did_you_mean(value, ENCODERS)
        raise SettingsError(f"{word} cannot be {value!r} here.{near} Choose from: {', '.join(sorted(ENCODERS))}.")
    return value


def _bitstream_filters(word: str, value: str) -> str:
    for text in value.split(","):
        name, _, options = text.partition("=")
        if name not in BITSTREAM_FILTERS:
            near, choices = did_you_mean(name, BITSTREAM_FILTERS), ", ".join(BITSTREAM_FILTERS)
            raise SettingsError(f"{word} cannot be {name!r} here.{near} Choose from: {choices}.")
        if options:
            _parameters(
                word, options.replace("_", "-"), frozenset(o.replace("_", "-") for o in BITSTREAM_FILTERS[name])
            )
    return value


def _tag(word: str, value: str) -> str:
    if not re.match(r"[^=\s][^=]*=", value):
        raise SettingsError(f"{word} takes name=value, not {value!r}. Write it such as {word} title='A film'.")
    return value


def _timecode(word: str, value: str) -> str:
    if not _TIMECODE.fullmatch(value):
        raise SettingsError(f"{word} takes a timecode such as 01:00:00:00, not {value!r}.")
    return value
