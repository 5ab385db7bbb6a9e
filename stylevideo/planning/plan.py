"""From what a user wrote, on the command line and in files, to the clips that are to be made.

What counts, highest first: command line, the job file's clip, its defaults, the user file, the preset. A preset may
be chosen at any of these places; it never undoes a value that was given at another. Reads no clip and makes nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stylevideo.errors import InputError, Problems, SettingsError
from stylevideo.media.images.style_files import style_files
from stylevideo.media.pattern import CODECS, Pattern, is_sequence, is_still, parse_pattern, patterns_in, plain_name
from stylevideo.planning.inputs import HERE, absolute, find_sources
from stylevideo.planning.jobfile import (
    JobFile,
    ShotWish,
    find_user_file,
    is_job_file,
    read_job_file,
    read_user_file,
)
from stylevideo.planning.keyed_looks import KeyedLook, blended
from stylevideo.planning.looks import with_look
from stylevideo.planning.naming import DEFAULT_NAME, check_template, clip_fields, delivery_of, fill
from stylevideo.planning.request import ClipRequest, Overrides, shot_place
from stylevideo.settings.curves import LOOK, name_of, shown
from stylevideo.settings.direction import style_number
from stylevideo.settings.over_time import ShotTable
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import MatteName, Style
from stylevideo.system.files import real_path, refuse_onto
from stylevideo.text import listed

USUAL_PRESET = "standard"
NAMES_SHOWN = 4
LIKE_A_SEQUENCE = 10
"""So many numbered pictures of one name may be meant as a sequence."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Wish:
    """A word that means clips, with all that is said of them.

    Attributes:
        place: where it stands, to be shown; empty for the command line.
        shots: what is said of some of the clip's shots.
    """

    place: str
    source: str
    given: Overrides
    shots: tuple[ShotWish, ...] = ()


def plan_requests(inputs: Sequence[str], given: Overrides, config: str | None = None) -> tuple[ClipRequest, ...]:
    """Find out which clips are to be made, and how.

    The same clip asked for twice, in all the same way, is made once.

    Args:
        inputs: as on the command line: files, folders, globs, patterns of image sequences, job files.
        given: what the command line says of all of them.
        config: the user file; see `read_user_file`.
    Raises:
        InputError, SettingsError: all that is wrong.
    """
    problems = Problems()
    user = Overrides()
    with problems.noted():
        user = with_look(read_user_file(problems, config), None)
    with problems.noted():
        _check_given(given)
        given = with_look(given, _beside_job(inputs))
    wishes = _wishes(inputs, problems)
    problems.raise_all()
    requests: dict[ClipRequest, None] = {}
    for wish in wishes:
        if problems.suffice:
            break
        with problems.noted(wish.place):
            requests |= dict.fromkeys(_requests(wish, given, user))
    problems.raise_all()
    _check_apart(tuple(requests), problems)
    job_files = [Path(text) for text in inputs if is_job_file(text)]
    _check_spared(tuple(requests), job_files, find_user_file(config), problems)
    problems.raise_all()
    _tell_of_sequences(request.source for request in requests if is_still(request.source))
    return tuple(requests)


def _check_given(given: Overrides) -> None:
    """Refuse what is wrong for every clip."""
    given.require_one_place()
    preset(given.preset or USUAL_PRESET)
    check_template(given.name or DEFAULT_NAME)
    for named in given.styles:
        Style.of(named)


def _wishes(inputs: Sequence[str], problems: Problems) -> list[_Wish]:
    files: list[JobFile] = []
    for text in inputs:
        if is_job_file(text):
            with problems.noted():
                files.append(read_job_file(Path(text), problems))
    beside = [text for text in inputs if not is_job_file(text)]
    if beside and len(files) > 1:
        with problems.noted():
            raise SettingsError("Clips beside several job files: it is not clear whose defaults are theirs. Give one.")
    if not beside:
        for file in files:
            with problems.noted(file.path.name):
                _check_clips(file)
    wishes, defaults = list[_Wish](), Overrides()
    for file in files:
        with problems.noted(file.path.name):
            defaults = with_look(file.defaults, file.path.parent)
        for clip in file.clips:
            with problems.noted(clip.place):
                own = with_look(clip.given, file.path.parent).over(defaults)
                shots = _with_looks(clip.shots, file.path.parent)
                wishes.append(_Wish(clip.place, clip.source, own, shots))
    return wishes + [_Wish("", text, defaults) for text in beside]


def _beside_job(inputs: Sequence[str]) -> Path:
    """Where a look that the command line names is looked for first: beside the job file, or else here."""
    return next((Path(text).parent for text in inputs if is_job_file(text)), HERE)


def _check_clips(file: JobFile) -> None:
    if not file.clips:
        raise SettingsError("It has no [[clip]]. Add one for each clip, or name clips beside it on the command line.")


def _with_looks(shots: Sequence[ShotWish], beside: Path) -> tuple[ShotWish, ...]:
    problems, each = Problems(), list[ShotWish]()
    for number, shot in enumerate(shots, 1):
        with problems.noted(shot_place(number)):
            each.append(replace(shot, given=with_look(shot.given, beside)))
    problems.raise_all()
    return tuple(each)


def _requests(wish: _Wish, higher: Overrides, lower: Overrides) -> Iterator[ClipRequest]:
    """The requests for the clips that a word means, with what is said of it at higher and lower places."""
    given = higher.over(wish.given).over(lower)
    styles, settings = _directed(given)
    if not (given.output or given.out_dir):
        raise SettingsError(
            "There is no place for the film. Name it with -o, or a folder with --out-dir; in a job file: output or "
            "out_dir."
        )
    problems, shot = Problems(), list[ShotTable]()
    for number, own in enumerate(wish.shots, 1):
        with problems.noted(shot_place(number)):
            shot.append(_table(own, higher.over(own.given).over(wish.given).over(lower), styles, settings))
    problems.raise_all()
    for clip in find_sources(wish.source):
        request = _request(clip, styles, given.preset or USUAL_PRESET, settings, given)
        yield replace(request, shot=tuple(shot)) if shot else request


def _directed(given: Overrides) -> tuple[tuple[Style, ...], Settings]:
    """Styles and settings of a clip of which this is said."""
    if given.keyed:
        problems, each = Problems(), list[KeyedLook]()
        for key, own in given.keyed:
            with problems.noted(f"{shown(LOOK)} {key}"):
                each.append(KeyedLook(key, *_directed(replace(own, keyed=None))))
        problems.raise_all()
        return blended(each)
    if not given.styles:
        raise SettingsError("There is no style. Name a picture with --style; in a job file: styles.")
    settings = preset(given.preset or USUAL_PRESET).with_values(**given.settings)
    return tuple(_absolute_style(Style.of(named)) for named in given.styles), settings


def _table(wish: ShotWish, given: Overrides, styles: tuple[Style, ...], settings: Settings) -> ShotTable:
    """What is asked for of some shots, of which this is said, as far as their clip is not asked for the same."""
    own_styles, own = _directed(given)
    told = {leaf.name for leaf in leaves() if own.value(leaf.name) != settings.value(leaf.name)}
    ended = set(map(name_of, settings.direction.key)) - set(map(name_of, own.direction.key))
    values = {name: own.value(name) for name in sorted(told | ended) if not style_number(name)}
    is_same = own_styles == styles and not any(map(style_number, ended))
    return replace(wish.table, styles=() if is_same else own_styles, values=values)


def _request(source: Path, styles: tuple[Style, ...], name: str, settings: Settings, given: Overrides) -> ClipRequest:
    template, wanted = given.name or DEFAULT_NAME, settings.output.delivery
    if given.output:
        request = ClipRequest(source, styles, absolute(given.output), settings, name)
        fields = clip_fields(source, styles, name, request.delivery)
    else:
        fields = clip_fields(source, styles, name, delivery_of(wanted, template, source))
        output = absolute(fill(template, fields), absolute(given.out_dir or HERE))
        request = ClipRequest(source, styles, output, settings, name)
    if settings.output.sheet:
        sheet = str(absolute(fill(settings.output.sheet, fields)))
        request = replace(request, settings=settings.with_values(sheet=sheet))
    _ = request.delivery  # a suffix that stands for none is refused with all else that is wrong
    return request


def _tell_of_sequences(stills: Iterable[Path]) -> None:
    """Somebody who names the files of a sequence may mean the sequence."""
    named = set(stills)
    for folder in sorted({still.parent for still in named}):
        for pattern, numbers in patterns_in(folder, CODECS).items():
            count = sum(pattern.file(number) in named for number in numbers)
            if count >= LIKE_A_SEQUENCE:
                logger.warning(
                    "%d pictures are painted each by itself. To paint them as one clip, name %s.", count, pattern.name
                )


def _absolute_style(style: Style) -> Style:
    matte = MatteName.parse(style.matte) if style.matte else None
    name = str(replace(matte, path=absolute(matte.path))) if matte else ""
    return replace(style, path=absolute(style.path), matte=name)


def _check_apart(requests: Sequence[ClipRequest], problems: Problems) -> None:
    """Refuse that one clip's files take the place of another's, or of a source."""
    advice = (
        "Give each film a name of its own: an output in its table of a job file, or an --out-dir with a --name such as "
        "{name}_{style}.{ext} that tells them apart"
    )
    _refuse_shared(requests, lambda request: request.output, f"{advice}.", problems)
    sheets = [request for request in requests if request.settings.output.sheet]
    advice = "Give each sheet a name of its own, such as --sheet {name}_{style}.png"
    _refuse_shared(sheets, lambda request: Path(request.settings.output.sheet), f"{advice}.", problems)
    with_comparison = [request for request in requests if request.comparison]
    _refuse_shared(with_comparison, lambda request: request.comparison or request.output, f"{advice}.", problems)
    films = {_key(request.output) for request in requests}
    for request in with_comparison:
        if request.comparison and _key(request.comparison) in films:
            with problems.noted():
                raise InputError(f"{request.comparison} is another film of this batch. Choose another name for one.")
    sources = {_key(request.source): request.source for request in requests}
    for request in requests:
        film = _key(request.output)
        if film == _key(request.source):
            with problems.noted():
                raise InputError(f"{request.output} is the clip itself. Choose another output.")
        elif film in sources:
            with problems.noted():
                raise InputError(
                    f"{request.output} is a clip of this batch, and {request.source.name} would be written onto it. "
                    "Choose another folder with --out-dir."
                )


def _check_spared(
    requests: Sequence[ClipRequest], job_files: Iterable[Path], user: Path | None, problems: Problems
) -> None:
    """Refuse that a clip's files take the place of what any clip of the batch is made from."""
    beside = [file for request in requests for file in _beside(request)]
    every = [settings for request in requests for settings in request.all_settings]
    written = [*(request.output for request in requests), *beside]
    styles = dict.fromkeys(style.path for request in requests for style in request.all_styles)
    read = {
        "a style": {file for style in styles for file in _files_of(style) if file},
        "the weights file": {file for request in requests if (file := request.settings.weights.file)},
        "the file of RAFT's weights": {file for request in requests if (file := request.settings.motion.weights_file)},
        "a painted frame": {absolute(place.path) for request in requests for place in request.settings.painted_places},
        "the picture of --palette": {file for each in every if (file := each.colors.palette_file)},
        "the picture of --stroke-angle": {file for each in every if (file := each.strokes.field_path)},
        "the job file": job_files,
        "the user file": [user] if user else [],
    }
    for what, files in read.items():
        with problems.noted():
            refuse_onto(what, files, written)
    with problems.noted():
        refuse_onto("a clip of this batch", {request.source for request in requests}, beside)
    vectors = {_key(path) for request in requests if (path := request.settings.motion.vectors_path)}
    mattes = {_key(MatteName.parse(text).path) for request in requests for text in request.mattes}
    for request in requests:
        if _key(request.output) in vectors:
            with problems.noted():
                raise InputError(f"{request.output} are motion vectors that are read. Choose another output.")
        if not mattes.isdisjoint(map(_key, (request.output, *_beside(request)))):
            with problems.noted():
                raise InputError(f"{request.output} is a matte that is read. Choose another output.")
    sequences = {parsed[0] for request in requests if (parsed := _sequence(request))}
    for request in requests:
        own = _sequence(request)  # of which not all frames may be asked for: it is looked into later
        for file in (request.output, *_beside(request)):
            if any(pattern.has_file(file) for pattern in sequences if not own or pattern != own[0]):
                with problems.noted():
                    raise InputError(f"{file} is a picture of a clip of this batch. Choose another output.")


def _files_of(style: Path) -> tuple[Path | None, ...]:
    """A style's; none where its pattern means none, which a run says."""
    try:
        return style_files(style)
    except InputError:
        return ()


def _beside(request: ClipRequest) -> list[Path]:
    """What a clip writes beside its film."""
    options = request.settings.output
    record = [request.places.record] if options.provenance else []
    compared = [request.comparison] if request.comparison else []
    return [*record, *compared, *(absolute(path) for path in (options.sheet, options.report) if path)]


def _sequence(request: ClipRequest) -> tuple[Pattern, range | None] | None:
    return parse_pattern(request.source) if is_sequence(request.source) else None


def _refuse_shared(
    requests: Sequence[ClipRequest], written: Callable[[ClipRequest], Path], advice: str, problems: Problems
) -> None:
    sources: dict[str, list[ClipRequest]] = {}
    for request in requests:
        sources.setdefault(_key(written(request)), []).append(request)
    for group in sources.values():
        if len(group) > 1:
            names = listed([request.source for request in group], NAMES_SHOWN)
            with problems.noted():
                raise SettingsError(f"{written(group[0])} would be written from {names}. {advice}")


def _key(path: Path) -> str:
    """Equal for two names of one file, or of one sequence."""
    return os.path.normcase(real_path(path.with_name(plain_name(path))))
