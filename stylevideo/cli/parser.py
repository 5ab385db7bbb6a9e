"""What the commands' parsers share: how they complain, and the flags, most of them made from `Settings`.

Knows nothing of what a command does.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeAlias

from stylevideo.settings.curves import KEY, as_texts
from stylevideo.settings.schema import Leaf
from stylevideo.settings.settings import instead_of, leaves
from stylevideo.text import did_you_mean, printable

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


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings' values that the user gave."""
    given = {leaf.name: getattr(options, leaf.name) for leaf in leaves() if hasattr(options, leaf.name)}
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
    else:
        group.add_argument(*names, type=_reader(leaf), default=argparse.SUPPRESS, metavar=_metavar(leaf), help=text)


def as_flag(name: str, value: Any) -> list[str]:
    """A setting's value as the words of a command line."""
    flag = name.replace("_", "-")
    if name == KEY:
        return [word for text in value for word in (f"--{flag}", *text.split(" ", 1))]
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", ",".join(value) if isinstance(value, tuple) else str(value)]


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
