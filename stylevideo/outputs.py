"""What a job writes: the film and the files beside it, none of which may take the place of what it should not.

Knows names and places; writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stylevideo.beside import is_ours, provenance_path
from stylevideo.errors import InputError
from stylevideo.media.delivery import choose_delivery
from stylevideo.media.pictures import check_writable
from stylevideo.media.sequence_writer import check_sequence_output, sequence_files
from stylevideo.media.store import is_being_named, store_folder
from stylevideo.media.writer import check_output
from stylevideo.settings import OutputSettings
from stylevideo.timeline import VideoInfo

LONGEST_NAME_BYTES = 255


def check_names(output: Path, settings: OutputSettings) -> None:
    """Refuse names that cannot be written, before anything is read.

    Raises:
        InputError: with what to do about it.
    """
    # The longest name that is made of the film's.
    if len(os.fsencode(store_folder(output).name)) > LONGEST_NAME_BYTES:
        raise InputError(f"{output}: this name is too long. Choose a shorter one with -o.")
    if choose_delivery(settings.delivery, output).is_sequence:
        check_sequence_output(output)
    else:
        check_output(output)
    for path, suffix in ((settings.sheet, ".png"), (settings.report, ".json")):
        if path and Path(path).suffix.lower() != suffix:
            raise InputError(f"{path}: this file must end in {suffix}.")
        if path:
            check_writable(Path(path).absolute())


def check_report(path: Path, overwrite: bool) -> None:
    """Refuse a name for a batch's report; a report may be replaced by a report.

    Raises:
        InputError: with what to do about it.
    """
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: this file must end in .json.")
    check_writable(path)
    if path.exists() and not overwrite and not is_ours(path):
        _refuse_there([path])


def check_replaced(
    output: Path, info: VideoInfo, frames: range, styles: Iterable[Path], settings: OutputSettings
) -> None:
    """Refuse to replace the source, a style, or anything else that nobody said could be replaced.

    What an interrupted run has already put in place may be replaced, and a report by a report.

    Args:
        output: the film.
        info: of the source.
        frames: the indices that are made.
        styles: their pictures.
        settings: of the output.
    Raises:
        InputError: with what to do about it.
    """
    film, beside = _film_files(output, info, frames, settings), list(_beside(output, settings))
    _refuse_twice([output, *beside])
    precious = {"the clip itself": info.source_files(), "a style picture": styles}
    for what, files in precious.items():
        _refuse_onto(what, [file for file in files if file.is_file()], [*film, *beside])
    if settings.overwrite or is_being_named(output):
        return
    _refuse_there([file for file in film if file.exists()])
    _refuse_there([file for file in beside if file.exists() and not is_ours(file)])


def _film_files(output: Path, info: VideoInfo, frames: range, settings: OutputSettings) -> list[Path]:
    if choose_delivery(settings.delivery, output).is_sequence:
        return sequence_files(output, [info.number(index) for index in frames])
    return [output]


def _beside(output: Path, settings: OutputSettings) -> Iterator[Path]:
    if settings.provenance:
        yield provenance_path(output)
    yield from (Path(path).absolute() for path in (settings.sheet, settings.report) if path)


def _refuse_twice(paths: Sequence[Path]) -> None:
    names = [os.path.normcase(path.resolve()) for path in paths]
    for path, name in zip(paths, names, strict=True):
        if names.count(name) > 1:
            raise InputError(f"{path} would be written twice in one run. Give each file a name of its own.")


def _refuse_onto(what: str, precious: Sequence[Path], written: Iterable[Path]) -> None:
    known = {(status.st_dev, status.st_ino) for status in (file.stat() for file in precious)}
    for path in written:
        if path.exists() and (path.stat().st_dev, path.stat().st_ino) in known:
            raise InputError(f"{path} is {what}. Choose another output.")


def _refuse_there(existing: Sequence[Path]) -> None:
    if not existing:
        return
    more, them = (f", with {len(existing) - 1} more", "them") if existing[1:] else ("", "it")
    raise InputError(f"{existing[0]} is already there{more}. Replace {them} with -y, or choose another output with -o.")
