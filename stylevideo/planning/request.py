"""What is asked for: what each place says of clips, and the clips that are to be made.

Reads nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from stylevideo.errors import Problems, SettingsError
from stylevideo.media.encode.delivery import Delivery, choose_delivery
from stylevideo.media.hidden import Places
from stylevideo.media.pattern import is_still
from stylevideo.planning.naming import comparison_of
from stylevideo.settings.curves import KEY, LOOK, LookKey, name_of, values_over
from stylevideo.settings.direction import style_number
from stylevideo.settings.over_time import ShotTable
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import Style


@dataclass(frozen=True)
class ClipRequest:
    """A clip that is to be made, before anything of it is read.

    Attributes:
        source: absolute; of an image sequence its pattern.
        styles: with absolute paths.
        output: absolute; its folder need not be there.
        settings: all of them.
        preset: the one that they began with.
        shot: what some of its shots are asked for instead.
    Raises:
        SettingsError: what shots are asked for is of the whole film.
    """

    source: Path
    styles: tuple[Style, ...]
    output: Path
    settings: Settings
    preset: str = "standard"
    shot: tuple[ShotTable, ...] = ()

    def __post_init__(self) -> None:
        problems = Problems()
        for place, table in enumerate(self.shot, 1):
            with problems.noted(shot_place(place)):
                _check_shot(table, self)
        problems.raise_all()

    @property
    def all_styles(self) -> tuple[Style, ...]:
        """Those of the clip, and of its shots."""
        return (*self.styles, *(style for table in self.shot for style in table.styles))

    @property
    def all_settings(self) -> tuple[Settings, ...]:
        """Those of the clip, and of its shots."""
        return (self.settings, *(table.settings(self.settings) for table in self.shot))

    @property
    def mattes(self) -> tuple[str, ...]:
        """Its styles' mattes, and those of its settings, each once."""
        of_styles = (style.matte for style in self.styles if style.matte)
        return tuple(dict.fromkeys((*of_styles, *self.settings.field_mattes)))

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """The sheet, the report and the film for comparison that are asked for."""
        options = self.settings.output
        named = tuple(Path(path).absolute() for path in (options.sheet, options.report) if path)
        return (*named, self.comparison) if self.comparison else named

    @cached_property
    def comparison(self) -> Path | None:
        """The film for comparison; None where none is asked for, and for a still."""
        if self.settings.output.compare == "none" or is_still(self.source):
            return None
        return comparison_of(self.output)

    @cached_property
    def delivery(self) -> Delivery:
        """The film's form.

        Raises:
            InputError: the output's suffix stands for none, or not for the one that is asked for.
        """
        return choose_delivery(self.settings.output.delivery, self.output)

    @cached_property
    def places(self) -> Places:
        """Where the film and everything of it lies.

        Raises:
            InputError: see `Places.of`.
        """
        return Places.of(self.output)


def shot_place(number: int) -> str:
    """What stands before what is wrong with a table of shots, which are counted from 1."""
    return f"[[clip.shot]] {number}"


def _check_shot(table: ShotTable, request: ClipRequest) -> None:
    problems, film, own = Problems(), request.settings, table.settings(request.settings)
    for leaf in leaves():
        if leaf.why_of_film and own.value(leaf.name) != film.value(leaf.name):
            with problems.noted():
                raise SettingsError(f"{leaf.flag} cannot differ from shot to shot: {leaf.why_of_film}.")
    with problems.noted():
        if any(style.matte for style in (*table.styles, *(request.styles if table.styles else ()))):
            raise SettingsError(
                "Its styles cannot have mattes, nor stand beside a clip's that have. Leave the mattes out, or make "
                "the shot as a clip by itself with --frames."
            )
        weighed = [{text for text in every.direction.key if style_number(name_of(text))} for every in (film, own)]
        if weighed[0] != weighed[1] and any(style.matte for style in request.styles):
            raise SettingsError(
                "It has keys of its styles' weights, and the clip's styles have mattes, which share by these weights "
                "in all of a film. Leave one of the two out."
            )
        if film.strokes.stroke_size_matte and own.strokes.sizes != film.strokes.sizes:
            raise SettingsError(
                "--stroke-size cannot differ from shot to shot beside --stroke-size-matte: the matte goes through the "
                "same sizes in all of a film. Leave one of the two out."
            )
        if any(name_of(text) == LOOK for text in table.values.get(KEY, ())):
            raise SettingsError("It has keys of looks, which are a clip's own. Name one look for it.")
    problems.raise_all()


def clip_names(requests: Sequence[ClipRequest]) -> tuple[str, ...]:
    """What to call each clip of a batch: as much of its path's end as tells it from the other clips.

    Where one clip becomes several films, the film is named too.
    """
    sources, outputs = _ends([request.source for request in requests]), _ends([request.output for request in requests])
    films = Counter(request.source for request in requests)
    return tuple(
        sources[request.source] + (f" -> {outputs[request.output]}" if films[request.source] > 1 else "")
        for request in requests
    )


def _ends(paths: Iterable[Path]) -> dict[Path, str]:
    """The shortest end of each path that no other has."""
    ends: dict[Path, str] = {}
    left, length = set(paths), 1
    while left:
        counts = Counter(path.parts[-length:] for path in left)
        apart = {path for path in left if counts[path.parts[-length:]] == 1 or length >= len(path.parts)}
        ends |= {path: "/".join(path.parts[-length:]) for path in apart}
        left, length = left - apart, length + 1
    return ends


@dataclass(frozen=True)
class Overrides:
    """What one place says of a clip: the command line, a table of a job file, or the user file.

    Attributes:
        settings: values by the leaves' names.
        styles: `PICTURE[:WEIGHT]` each, or a style with its matte; empty where nothing is said.
        preset: its name.
        output: the film.
        out_dir: the folder of the films.
        name: the template of their names in it.
        look: the name of a look that has not been read yet; see `stylevideo.planning.looks`.
        keyed: of each key of whole looks what this place would say if that look alone were named in it; None where
            nothing is said, and none where one look is.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    styles: tuple[str | Style, ...] = ()
    preset: str | None = None
    output: Path | None = None
    out_dir: Path | None = None
    name: str | None = None
    look: str | None = None
    keyed: tuple[tuple[LookKey, Overrides], ...] | None = None

    @property
    def places_film(self) -> bool:
        """Whether it says anything of where the film goes."""
        return bool(self.output or self.out_dir or self.name)

    def require_one_place(self) -> None:
        """Refuse two answers to where the film goes.

        Raises:
            SettingsError: it names the film, and a folder or a template as well.
        """
        if self.output and (self.out_dir or self.name):
            raise SettingsError(
                "-o (output) names the film itself; --out-dir (out_dir) and --name (name) say it otherwise. "
                "Leave one out."
            )

    def over(self, lower: Overrides) -> Overrides:
        """What both say, and where they differ, what this one says.

        A film that the lower one names is forgotten where this one names a folder or a template.
        """
        if self.keyed is not None:
            keyed = tuple((key, own.over(replace(lower, keyed=None))) for key, own in self.keyed)
        elif lower.keyed is not None:
            keyed = tuple((key, self.over(own)) for key, own in lower.keyed)
        else:
            keyed = None
        return Overrides(
            settings=values_over(self.settings, lower.settings, has_styles=bool(self.styles)),
            styles=self.styles or lower.styles,
            preset=self.preset or lower.preset,
            output=self.output if self.places_film else lower.output,
            out_dir=self.out_dir or lower.out_dir,
            name=self.name or lower.name,
            keyed=keyed,
        )
