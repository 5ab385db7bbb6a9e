"""The flags of the command line, most of them made from `Settings`; knows nothing of what a command does."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from stylevideo.settings.presets import PRESETS
from stylevideo.settings.schema import Leaf
from stylevideo.settings.settings import leaves
from stylevideo.text import did_you_mean, printable
from stylevideo.version import __version__

SECTION_TITLES = {
    "losses": "what counts",
    "optimizer": "how a frame is optimised",
    "weights": "the network's weights",
    "scales": "sizes",
    "temporal": "from frame to frame",
    "shots": "cuts",
    "footage": "what is read",
    "output": "what is written",
}
MOST_EXIT_CODE = 255
SHORT_FLAGS = {"overwrite": "-y"}
_LONG_FLAG = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)


def taken_by(command: str) -> tuple[str, ...]:
    """The settings that a command takes, by their names."""
    return tuple(leaf.name for leaf in leaves() if command in leaf.commands)


class _Parser(argparse.ArgumentParser):
    """Says in a sentence what is wrong, with the nearest name; takes no flag that is cut short."""

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
        self.error(f"There is no flag {flag}.{_nearest(flag, self._option_string_actions)}")

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


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `command` of what it returns is a key of `COMMANDS`."""
    parser = _Parser(
        prog="stylevideo", description="Repaint footage in the style of pictures, with strokes that stick."
    )
    parser.add_argument("--version", action="version", version=f"stylevideo {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="stylise a clip and write it with its sound"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a finished film beside its source"))
    _add_verify(commands.add_parser("verify", help="check that a film has everything its source had"))
    probe = commands.add_parser("probe", help="show exactly what a video holds")
    _add_file_command(probe, "probe")
    shots = commands.add_parser("shots", help="show a video's shots")
    _add_file_command(shots, "shots")
    presets = commands.add_parser("presets", help="list the presets and what they mean")
    presets.set_defaults(command="presets")
    _add_common(presets)
    deliveries = commands.add_parser("deliveries", help="list the forms in which a film can be written")
    deliveries.set_defaults(command="deliveries")
    _add_common(deliveries)
    _add_init(commands.add_parser("init", help="write a commented job file to begin with"))
    _add_doctor(commands.add_parser("doctor", help="check that everything needed is there and works"))
    _add_cache(commands.add_parser("cache", help="show unfinished work, or throw it away"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="run")
    parser.add_argument(
        "clips",
        nargs="+",
        metavar="CLIP",
        help="videos, folders of them, patterns such as '*.mov'; image sequences: shot.####.exr or their folder; "
        "job files: job.toml",
    )
    style = "a picture to take the style from; may be given several times, then the styles are blended"
    _add_style(parser, style, required=False)  # a job file or the user file may name them
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILM",
        help="the film to write, of one clip: .mp4, .mov, .mkv, .webm, .mxf; or an image sequence: out/shot.####.png",
    )
    parser.add_argument("--out-dir", type=Path, metavar="FOLDER", help="the folder for the films")
    parser.add_argument("--name", metavar="TEMPLATE", help="their names in it (default: {name}_{style}_{preset}.{ext})")
    parser.add_argument(
        "--preset", metavar="NAME", help=f"{', '.join(PRESETS)} (default: standard); see `stylevideo presets`"
    )
    parser.add_argument("--config", metavar="FILE.toml", help="your own defaults; 'none' for none")
    _add_batch(parser.add_argument_group("many clips"))
    _add_common(parser)
    groups = {name: parser.add_argument_group(title) for name, title in SECTION_TITLES.items()}
    for leaf in leaves():
        _add_leaf(groups[leaf.section], leaf)


def _add_batch(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dry-run", action="store_true", help="only say what would be made, how long, how large")
    group.add_argument(
        "--workers",
        type=_count,
        default=0,
        metavar="N",
        help="clips, or shots of one, side by side (1, or one per device)",
    )
    group.add_argument(
        "--devices",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="NAME,…",
        help="a device for each worker in turn, such as cuda:0,cuda:1",
    )
    group.add_argument(
        "--exit-code-if-nothing",
        type=_exit_code,
        default=0,
        metavar="N",
        help="end with this exit code where every film is up to date (0)",
    )
    group.add_argument(
        "--retry", type=_count, default=0, metavar="N", help="try a clip that failed on the way so often again"
    )
    group.add_argument("--fail-fast", action="store_true", help="end with the first clip that cannot be made")
    group.add_argument(
        "--stall-minutes",
        type=_count,
        default=60,
        metavar="N",
        help="a worker that makes no step for so long counts as crashed (60; 0: wait for ever)",
    )


def _count(text: str) -> int:
    """A number that is not negative."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _exit_code(text: str) -> int:
    """A number that every system can pass on."""
    number = _count(text)
    if number > MOST_EXIT_CODE:
        raise argparse.ArgumentTypeError(f"{text} is above {MOST_EXIT_CODE}")
    return number


def _add_init(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="init")
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path("job.toml"), metavar="FILE", help="the job file (default: job.toml)"
    )
    _add_common(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="doctor")
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    _add_common(parser)


def _add_cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="show the unfinished films, and what their frames take on disk")
    shown.set_defaults(command="cache list")
    shown.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    cleared = actions.add_parser("clear", help="throw away the frames of unfinished films")
    cleared.set_defaults(command="cache clear")
    cleared.add_argument("-y", "--yes", action="store_true", help="do not ask")
    for action in (shown, cleared):
        action.add_argument(
            "folders",
            type=Path,
            nargs="*",
            default=[Path()],
            metavar="FOLDER",
            help="where to look, also in all folders within (default: here)",
        )
        _add_common(action)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="verify")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the video that was repainted")
    parser.add_argument("film", type=Path, metavar="FILM", help="what became of it")
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    _add_common(parser)
    _add_leaves(parser.add_argument_group("what the film shows"), taken_by("verify"))


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="evaluate")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the video that was repainted")
    parser.add_argument("film", type=Path, metavar="FILM", help="what became of it")
    _add_style(parser, "a picture it was repainted with; as for `run`")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FRAME_BY_FRAME_FILM",
        help="another film of the same frames, made with --no-carry: say how sharp FILM is beside it",
    )
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout, with every frame's measures")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the measures over time")
    _add_common(parser)
    _add_leaves(parser.add_argument_group("how the film was made"), taken_by("evaluate"))


def _add_style(parser: argparse.ArgumentParser, help: str, required: bool = True) -> None:
    parser.add_argument("--style", action="append", required=required, metavar="PICTURE[:WEIGHT]", help=help)


def _add_leaves(group: argparse._ArgumentGroup, names: Sequence[str]) -> None:
    for leaf in leaves():
        if leaf.name in names:
            _add_leaf(group, leaf)


def _add_leaf(group: argparse._ArgumentGroup, leaf: Leaf) -> None:
    """Make a flag of a field; it is absent from the result unless the user gives it, so that presets count."""
    names = [SHORT_FLAGS[leaf.name], leaf.flag] if leaf.name in SHORT_FLAGS else [leaf.flag]
    text = _help(leaf).replace("%", "%%")
    if isinstance(leaf.default, bool):
        action = argparse.BooleanOptionalAction if leaf.default else "store_true"
        group.add_argument(*names, action=action, default=argparse.SUPPRESS, help=text)
    else:
        group.add_argument(*names, type=_reader(leaf), default=argparse.SUPPRESS, metavar=_metavar(leaf), help=text)


def as_flag(name: str, value: Any) -> list[str]:
    """A setting's value as the words of a command line."""
    flag = name.replace("_", "-")
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


def _add_file_command(parser: argparse.ArgumentParser, command: str) -> None:
    parser.set_defaults(command=command)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("messages")
    group.add_argument("-q", "--quiet", action="store_true", help="only errors")
    group.add_argument("-v", "--verbose", action="store_true", help="more about what is done")
    group.add_argument("--debug", action="store_true", help="show tracebacks")
    group.add_argument("--log-file", metavar="FILE", help="also write what happens to this file, with the time")
