"""What the commands' parsers share: how they complain, and the flags, most of them made from `Settings`.

Knows nothing of what a command does.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from stylevideo.planning.request import Overrides
from stylevideo.settings.curves import KEY, as_texts
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.schema import Leaf
from stylevideo.settings.settings import instead_of, leaves
from stylevideo.settings.style import Style
from stylevideo.text import did_you_mean, printable

SECTION_TITLES = {
    "direction": "the look, and how it changes",
    "strokes": "strokes",
    "losses": "what counts",
    "optimizer": "how a frame is optimised",
    "weights": "the network's weights",
    "scales": "sizes",
    "colors": "colours",
    "temporal": "from frame to frame",
    "motion": "where pixels were",
    "shots": "cuts",
    "footage": "what is read",
    "output": "what is written",
}
SHORT_FLAGS = {"overwrite": "-y"}
_LONG_FLAG = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that says in a sentence what is wrong, with the nearest name; takes no flag that is cut short."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        sentence = printable(message.removeprefix("argument "))
        end = "" if sentence.endswith(("?", ".")) else "."
        self.exit(
            2, f"{self.prog}: {sentence[:1].upper()}{sentence[1:]}{end} `{self.prog} --help` lists what there is.\n"
        )

    def parse_known_args(  # type: ignore[override]  # never called with a namespace of another class
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Take any value; refuse what is unknown where the names are known, which is in the parser of each command."""
        words = self.join_values(sys.argv[1:] if args is None else args)
        options, unknown = super().parse_known_args(words, namespace)
        if not unknown:
            return options, unknown
        flag = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
        if flag is None:
            self.error(
                f"{unknown[0]!r} is one too many, or stands apart: write what belongs together without flags between"
            )
        near = instead_of(flag.removeprefix("--").replace("-", "_")) or _nearest(flag, self._option_string_actions)
        self.error(f"There is no flag {flag}.{near}")

    def join_values(self, words: Sequence[str]) -> list[str]:
        """Join each flag that takes a value with the word behind it, also where that begins with a dash.

        Else argparse takes a value such as "-vf eq=1.1" or "-3.jpg" for a flag. A word that is a flag, or looks like a
        mistyped long one, stays for argparse to complain of.
        """
        joined: list[str] = []
        left, flags = list(words), self._option_string_actions
        while left and left[0] != "--":
            word = left.pop(0)
            takes_one = word in flags and flags[word].nargs is None
            if (
                takes_one
                and left
                and left[0].startswith("-")
                and not (left[0] in flags or _LONG_FLAG.fullmatch(left[0]))
            ):
                word += ("=" if word.startswith("--") else "") + left.pop(0)
            joined.append(word)
        return [*joined, *left]

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse an unknown command, with the nearest."""
        if action.choices is not None and value not in action.choices:
            self.error(f"There is no command {value!r}.{did_you_mean(str(value), map(str, action.choices))}")


def _nearest(flag: str, known: Iterable[str]) -> str:
    """A question about the flag that is meant: one that begins so, or else one that is written alike."""
    typed, names = flag.lstrip("-"), [name[2:] for name in known if name.startswith("--")]
    longer = sorted((name for name in names if typed and name.startswith(typed)), key=len)[:1]
    return f" Did you mean --{longer[0]}?" if longer else did_you_mean(typed, names, "--")


def taken_by(command: str) -> tuple[str, ...]:
    """The settings that a command takes, by their names."""
    return tuple(leaf.name for leaf in leaves() if command in leaf.commands)


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""Where each command adds its parser."""


def set_command(
    parser: Parser, name: str, carry_out: Callable[[argparse.Namespace], int | None], loads: str = ""
) -> None:
    """Say what a command does.

    Args:
        parser: of the command.
        name: of the command.
        carry_out: prints its results, and returns the exit code if it is not 0.
        loads: the module of ours by which it loads large libraries, if it does in any case.
    """
    parser.set_defaults(command=name, carry_out=carry_out, loads=loads)


def add_style(parser: argparse.ArgumentParser, help: str, required: bool = True) -> None:
    """Add the flag for pictures to take the style from."""
    parser.add_argument("--style", action="append", required=required, metavar="PICTURE[:WEIGHT]", help=help)


def add_films(parser: argparse.ArgumentParser, has_output: bool = True) -> None:
    """Add what names films and what they are made of, but for the settings.

    Args:
        parser: of the command.
        has_output: whether a film can be named by itself; else all are named by a folder and a template.
    """
    parser.add_argument(
        "clips",
        nargs="+",
        metavar="CLIP",
        help="videos, folders of them, patterns such as '*.mov'; image sequences: shot.####.exr or their folder; "
        "job files: job.toml",
    )
    style = (
        "a picture, a clip or an image sequence (ink.####.png) to take the style from; may be given several times, "
        "then the styles are blended"
    )
    add_style(parser, style, required=False)  # a job file or the user file may name them
    add_matte(parser)
    if has_output:
        parser.add_argument(
            *("-o", "--output"),
            type=Path,
            metavar="FILM",
            help="the film to write, of one clip: .mp4, .mov, .mkv, .webm, .mxf; or an image sequence: "
            "out/shot.####.png",
        )
    parser.add_argument("--out-dir", type=Path, metavar="FOLDER", help="the folder for the films")
    parser.add_argument("--name", metavar="TEMPLATE", help="their names in it (default: {name}_{style}_{preset}.{ext})")
    parser.add_argument(
        "--preset", metavar="NAME", help=f"{', '.join(PRESETS)} (default: standard); see `stylevideo presets`"
    )
    parser.add_argument("--look", metavar="NAME", help="styles and settings by a name; see `stylevideo looks`")
    parser.add_argument("--config", metavar="FILE.toml", help="your own defaults; 'none' for none")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every setting."""
    groups = {name: parser.add_argument_group(title) for name, title in SECTION_TITLES.items()}
    for leaf in leaves():
        add_leaf(groups[leaf.section], leaf)


def add_stall(group: argparse._ActionsContainer, help: str) -> None:
    """Add the flag that says how long nothing may happen."""
    group.add_argument("--stall-minutes", type=count, default=60, metavar="N", help=f"{help} (60; 0: wait for ever)")


def count(text: str) -> int:
    """A number that is not negative."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def overrides(options: argparse.Namespace) -> Overrides:
    """What a command line says of films."""
    return Overrides(
        settings=given_settings(options),
        styles=given_styles(options),
        preset=options.preset,
        output=getattr(options, "output", None),
        out_dir=options.out_dir,
        name=options.name,
        look=options.look,
    )


class _AddMatte(argparse.Action):
    """Gives the style that was named last its matte."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        styles = getattr(namespace, "style", None) or []
        if not values:
            parser.error("--matte '' names no file. Name the matte, or leave --matte out")
        if not styles:
            parser.error(f"--matte {values} stands before any --style. Write it behind the style that it is for")
        mattes = getattr(namespace, self.dest) or {}
        place = len(styles) - 1
        if place in mattes:
            parser.error(f"--style {styles[-1]} has two mattes, {mattes[place]} and {values}. Leave one out")
        setattr(namespace, self.dest, {**mattes, place: values})


def add_matte(parser: argparse.ArgumentParser) -> None:
    """Add the flag for where a style is painted."""
    parser.add_argument(
        "--matte",
        action=_AddMatte,
        metavar="MATTE[:CHANNEL][:inverted]",
        help="where the style before it is painted: where this picture, image sequence (roto.####.png) or clip is "
        "white; the source stays where no matte is; channels: alpha, R, G, B, or any of an EXR (file.exr:mask.R)",
    )


def given_styles(options: argparse.Namespace) -> tuple[Style, ...]:
    """The styles that the user gave, with their mattes.

    Raises:
        SettingsError: one is not written as it should be.
    """
    mattes: dict[int, str] = getattr(options, "matte", None) or {}
    named = enumerate(options.style or ())
    return tuple(replace(Style.parse(text), matte=mattes.get(place, "")) for place, text in named)


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings' values that the user gave."""
    given = {leaf.name: getattr(options, leaf.name) for leaf in leaves() if hasattr(options, leaf.name)}
    given |= {leaf.name: tuple(given[leaf.name]) for leaf in leaves() if leaf.repeated and leaf.name in given}
    return given | {KEY: as_texts([" ".join(words) for words in given[KEY]])} if KEY in given else given


def add_leaves(group: argparse._ArgumentGroup, names: Sequence[str]) -> None:
    """Make flags of some settings."""
    for leaf in leaves():
        if leaf.name in names:
            add_leaf(group, leaf)


def add_leaf(group: argparse._ArgumentGroup, leaf: Leaf) -> None:
    """Make a flag of a field; it is absent from the result unless the user gives it, so that presets count."""
    names = [SHORT_FLAGS[leaf.name], leaf.flag] if leaf.name in SHORT_FLAGS else [leaf.flag]
    text = _help(leaf).replace("%", "%%")
    if isinstance(leaf.default, bool):
        action = argparse.BooleanOptionalAction if leaf.default else "store_true"
        group.add_argument(*names, action=action, default=argparse.SUPPRESS, help=text)
    elif leaf.name == KEY:
        words = ("SETTING", "FRAME=VALUE[:EASING],…")
        group.add_argument(*names, nargs=2, action="append", metavar=words, default=argparse.SUPPRESS, help=text)
    elif leaf.repeated:
        group.add_argument(*names, action="append", metavar=leaf.metavar, default=argparse.SUPPRESS, help=text)
    else:
        group.add_argument(*names, type=_reader(leaf), default=argparse.SUPPRESS, metavar=_metavar(leaf), help=text)


def _help(leaf: Leaf) -> str:
    default = ",".join(leaf.default) if isinstance(leaf.default, tuple) else leaf.default
    unit = f", {leaf.unit}" if leaf.unit else ""
    shown = "" if isinstance(leaf.default, bool) or default == "" else f" (default: {default}{unit})"
    return leaf.help + shown


def _metavar(leaf: Leaf) -> str:
    if leaf.metavar:
        return leaf.metavar
    if leaf.choices and not isinstance(leaf.default, tuple):
        return "{" + ",".join(leaf.choices) + "}"
    return "NAME,…" if isinstance(leaf.default, tuple) else type(leaf.default).__name__.upper()


def _reader(leaf: Leaf) -> Callable[[str], Any]:
    if isinstance(leaf.default, tuple):
        return lambda text: tuple(part.strip() for part in text.split(",") if part.strip())
    kind: Callable[[str], Any] = type(leaf.default)
    return kind


def add_json(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add the flag for results that programs read."""
    parser.add_argument("--json", action="store_true", help=f"for programs: JSON on stdout{more}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the flags for messages, which every command has."""
    group = parser.add_argument_group("messages")
    group.add_argument("-q", "--quiet", action="store_true", help="only errors")
    group.add_argument("-v", "--verbose", action="store_true", help="more about what is done")
    group.add_argument("--debug", action="store_true", help="show tracebacks")
    group.add_argument("--log-file", metavar="FILE", help="also write what happens to this file, with the time")
