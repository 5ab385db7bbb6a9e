"""Reads what is chosen on the command line: a setting, a method made of a preset and settings."""

from __future__ import annotations

import argparse
from typing import Any

from scripts.benchmark.methods import Method, as_the_product_does
from stylevideo.errors import SettingsError
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import leaves


def read_setting(text: str) -> tuple[str, Any]:
    """Read `NAME=VALUE`, by the kind of the setting's default; several values are joined by commas or plus signs."""
    name, _, value = text.partition("=")
    default = next((leaf.default for leaf in leaves() if leaf.name == name), None)
    if isinstance(default, bool):
        return name, value.lower() in ("1", "true", "yes")
    if isinstance(default, tuple):
        return name, tuple(value.replace("+", ",").split(","))
    return name, value if default is None else type(default)(value)


def read_method(text: str) -> Method:
    """Read `NAME=PRESET,SETTING=VALUE,...`: a way to stylise, as the product does."""
    name, _, made_of = text.partition("=")
    base, *changes = made_of.split(",")
    try:
        settings = preset(base).with_values(**dict(map(read_setting, changes)))
    except (SettingsError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text} is no NAME=PRESET,SETTING=VALUE,...: {error}") from error
    return Method(name, settings, as_the_product_does)
