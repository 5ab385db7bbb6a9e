"""A commented job file to begin with, made from the settings' fields, so that it names all of them."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from stylevideo.errors import InputError, StorageError
from stylevideo.planning.naming import DEFAULT_NAME, FIELDS
from stylevideo.settings.curves import KEY
from stylevideo.settings.places import PAINTED
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.schema import Leaf
from stylevideo.settings.settings import Settings, leaves

WIDTH = 100
USUAL_NAME = "job.toml"
_FIRST = """\
# A job for stylevideo: run it with `stylevideo run {file}`.
#
# [defaults] holds for every clip; a [[clip]] may have any of its keys, and wins over it; the command line wins over
# both. Paths are relative to this file. A line such as `#size = 0` says the default; without its # it counts, and wins
# over the preset.

[defaults]
# The pictures to take the style from, each with a weight if there are several: "picture.jpg:0.5".
styles = ["style.jpg"]
# Instead, or beneath them, a look by its name: look = "oil". See `stylevideo looks`.
# The folder of the films; it is made if it is not there.
out_dir = "films"
"""
_CLIPS = """\

# One table for each clip. A source is a video file, a folder, a glob such as "plates/*.mov", or an image sequence such
# as "plates/shot.####.exr".
[[clip]]
source = "clip.mp4"

# A clip with its own style, its own settings, and its film's name instead of out_dir and name.
#[[clip]]
#source = "plates/shot.####.exr"
#styles = ["style.jpg", "other.jpg:0.5"]
#frames = "1001-1050"
#output = "shot.mov"

# Beneath a clip, a look for some of its shots: by number, by a frame that lies in one (frame = 1030), or by a range.
#[[clip.shot]]
#number = 2
#look = "storm"
"""


def write_job_file(path: Path) -> None:
    """Write a job file to begin with.

    Raises:
        InputError: there is something of that name, or no folder for it.
        StorageError: it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(job_file_text(path.name))
    except FileExistsError as error:
        raise InputError(f"{path} is already there. Choose another name.") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: the folder does not exist. Make it first.") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}). Choose another place.") from error


def job_file_text(file: str = USUAL_NAME) -> str:
    """The text of a job file in which every setting is commented out, with its help and default.

    Args:
        file: its name.
    """
    return "\n".join([_FIRST.format(file=file), *_names(), *_settings(), _CLIPS])


def _names() -> Iterator[str]:
    yield from _remark(f"The films' names in out_dir: {'; '.join(f'{{{name}}}: {FIELDS[name]}' for name in FIELDS)}.")
    yield f"#name = {_toml(DEFAULT_NAME)}"
    yield from _remark(f"What the settings begin with: {', '.join(PRESETS)}. See `stylevideo presets`.")
    yield f"#preset = {_toml('standard')}"


def _settings() -> Iterator[str]:
    for section in dataclasses.fields(Settings):
        yield f"\n# {_title(section)}\n"
        for leaf in leaves():
            if leaf.section == section.name:
                yield from _remark(_help(leaf))
                yield f"#{leaf.name} = {'{}' if leaf.name in (KEY, PAINTED) else _toml(leaf.default)}"


def _title(section: dataclasses.Field[Any]) -> str:
    title = str(cast("type[Any]", section.default_factory).__doc__).strip().rstrip(".")
    return f"---- {title} ----"


def _help(leaf: Leaf) -> str:
    unit = f" ({leaf.unit})" if leaf.unit else ""
    choices = f" One of: {', '.join(leaf.choices)}." if leaf.choices and not isinstance(leaf.default, tuple) else ""
    return f"{leaf.help}{unit}.{choices}"


def _remark(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")


def _toml(value: Any) -> str:
    """A setting's value as TOML has it, which for these is as JSON has it."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
