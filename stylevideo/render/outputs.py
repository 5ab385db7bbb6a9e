"""What a job writes: the film and the files beside it, none of which may take the place of what it should not.

Knows names and places; writes nothing.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from stylevideo.errors import InputError
from stylevideo.media.encode.delivery import Delivery
from stylevideo.media.encode.sequence import check_sequence_output, sequence_files
from stylevideo.media.hidden import Places, is_hidden_name, require_own
from stylevideo.media.images.pictures import check_writable
from stylevideo.media.images.style_files import style_files
from stylevideo.media.pattern import is_sequence, list_vectors, parse_pattern
from stylevideo.planning.request import ClipRequest
from stylevideo.settings.sections import OutputSettings
from stylevideo.store.frames import files_being_named
from stylevideo.store.lock import require_own_lock
from stylevideo.store.manifest import matte_files
from stylevideo.store.sidecar import is_plot, is_record_of, is_report
from stylevideo.system.files import kind_of_file, real_path, refuse_onto
from stylevideo.system.folders import check_folder
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

LONGEST_NAME_BYTES = 255


def check_names(request: ClipRequest, to_be_made: Collection[Path] = ()) -> None:
    """Refuse names that cannot be written, before anything is read.

    Args:
        request: the clip.
        to_be_made: folders that need not be there yet, see `stylevideo.media.images.pictures.check_writable`.
    Raises:
        InputError: with what to do about it.
    """
    output, settings = request.output, request.settings.output
    for named in (output, Path(settings.sheet), Path(settings.report)):
        _refuse_hidden(named)
    # The longest name that is made of the film's.
    if len(os.fsencode(request.places.lock.name)) > LONGEST_NAME_BYTES:
        raise InputError(f"{output}: this name is too long. Choose a shorter one with -o.")
    if request.delivery.is_sequence:
        check_sequence_output(output, to_be_made)
    else:
        check_writable(output, to_be_made)
    for path, suffix in ((settings.sheet, ".png"), (settings.report, ".json")):
        if path and Path(path).suffix.lower() != suffix:
            raise InputError(f"{path}: this file must end in {suffix}.")
        if path:
            check_writable(Path(path).absolute(), to_be_made)
    if request.comparison:
        check_writable(request.comparison, to_be_made)
    require_own(request.places)
    require_own_lock(request.places)


def check_report(path: Path, overwrite: bool, to_be_made: Collection[Path] = ()) -> None:
    """Refuse a name for a batch's report; a report may be replaced by a report.

    Args:
        path: the report.
        overwrite: whether it may replace anything.
        to_be_made: as for `check_names`.
    Raises:
        InputError: with what to do about it.
    """
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: this file must end in .json.")
    _refuse_hidden(path)
    check_writable(path, to_be_made)
    check_folder(path)
    refuse_special([path])
    if os.path.lexists(path) and not overwrite and not is_report(path):
        _refuse_there([path])


def check_plot(path: Path) -> None:
    """Refuse a name for a plot; a plot may be replaced by a plot.

    Raises:
        InputError: with what to do about it.
    """
    _refuse_hidden(path)
    check_writable(path)
    refuse_special([path])
    if os.path.lexists(path) and not is_plot(path):
        raise InputError(f"{path} is already there and is no plot. Choose another --plot.")


def check_preview(files: Sequence[Path], requests: Sequence[ClipRequest], overwrite: bool) -> None:
    """Refuse names for what a preview writes.

    Args:
        files: that are written.
        requests: that it shows, all of one clip.
        overwrite: whether others may be replaced; never what is read.
    Raises:
        InputError: with what to do about it.
    """
    for path in files:
        _refuse_hidden(path)
        check_writable(path)
    refuse_special(files)
    source = requests[0].source
    refuse_onto("the clip itself", [source], files)
    parsed = parse_pattern(source) if is_sequence(source) else None
    for file in files:
        if parsed and parsed[0].has_file(file):
            raise InputError(f"{file} is a picture of the clip. Choose another output.")
    for request in requests:
        _spare_what_is_read(request, files)
    if not overwrite:
        _refuse_there([file for file in files if os.path.lexists(file)])


def check_replaced(request: ClipRequest, info: VideoInfo, written: Sequence[Path]) -> None:
    """Refuse to replace the source, a style, the weights, or anything else that nobody said could be replaced.

    A link that may be replaced is replaced itself; what it leads to stays. What an interrupted run has already put
    in place may be replaced, a report by a report, and a film's record.

    Args:
        request: the clip.
        info: of the source.
        written: all files of the job, see `written_files`.
    Raises:
        InputError: with what to do about it.
    """
    output, options = request.output, request.settings.output
    refuse_special(written)
    _refuse_twice([output, *(file for file in written if file != output)])
    refuse_onto("the clip itself", info.source_files(), written)
    _spare_what_is_read(request, written)
    if options.overwrite:
        return
    own = files_being_named(request.places)
    there = [file for file in written if os.path.lexists(file) and file not in own]
    _refuse_there([file for file in there if not _is_like(file, request.places, options)])


def _spare_what_is_read(request: ClipRequest, written: Sequence[Path]) -> None:
    """Refuse to replace what a film is made from beside its clip."""
    styles = (file for style in request.all_styles for file in style_files(style.path))
    refuse_onto("a style", filter(None, styles), written)
    refuse_onto("the weights file", filter(None, [request.settings.weights.file]), written)
    motion = request.settings.motion
    refuse_onto("the file of RAFT's weights", filter(None, [motion.weights_file]), written)
    every = request.all_settings
    refuse_onto("the picture of --palette", filter(None, (each.colors.palette_file for each in every)), written)
    refuse_onto("the picture of --stroke-angle", filter(None, (each.strokes.field_path for each in every)), written)
    vectors = list_vectors(motion.vectors_path).files if motion.vectors_path else ()
    refuse_onto("one of the clip's motion vectors", filter(None, vectors), written)
    mattes = (file for text in request.mattes for file in matte_files(text))
    refuse_onto("one of the clip's mattes", filter(None, mattes), written)
    refuse_onto("a painted frame", [painted.path for painted in request.settings.painted_places], written)


def written_files(request: ClipRequest, selection: FrameSelection) -> tuple[Path, ...]:
    """Everything that a job writes: the film, or the files of the sequence, and what is beside it.

    Args:
        request: the clip.
        selection: the source's frames that are made.
    """
    output, settings = request.output, request.settings.output
    film = sequence_files(output, selection.numbers) if request.delivery.is_sequence else [output]
    record = [request.places.record] if settings.provenance else []
    return (*film, *record, *request.files_beside)


def refuse_into(folder: Path, output: Path | None, delivery: Delivery) -> None:
    """Refuse a sequence in a folder that is the clip: the next run would find two clips there.

    Raises:
        InputError: with what to do about it.
    """
    if output and delivery.is_sequence and real_path(output.parent) == real_path(folder):
        raise InputError(
            f"{output} would be in the folder that was given as the clip. Give the clip's pattern, such as "
            f"{folder / 'shot.####.png'}, or choose another folder for the output."
        )


def refuse_special(written: Iterable[Path]) -> None:
    """Refuse to write where there is something that is neither a file nor a link.

    Raises:
        InputError: with what to do about it.
    """
    for path in written:
        with suppress(OSError):
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                raise InputError(f"{path} is {kind_of_file(mode)}. Choose another output.")


def _refuse_hidden(path: Path) -> None:
    if is_hidden_name(path):
        raise InputError(f"{path}: such hidden names are those of unfinished work. Choose another name.")


def _is_like(file: Path, places: Places, settings: OutputSettings) -> bool:
    """Whether a file is what a job replaces unasked: its film's record, or a report by a report."""
    if file == places.record:
        return is_record_of(places)
    return bool(settings.report) and file == Path(settings.report).absolute() and is_report(file)


def _refuse_twice(paths: Sequence[Path]) -> None:
    names = [os.path.normcase(real_path(path)) for path in paths]
    counts = Counter(names)
    for path, name in zip(paths, names, strict=True):
        if counts[name] > 1:
            raise InputError(f"{path} would be written twice in one run. Give each file a name of its own.")


def _refuse_there(existing: Sequence[Path]) -> None:
    if not existing:
        return
    more, them = (f", with {len(existing) - 1} more", "them") if existing[1:] else ("", "it")
    raise InputError(f"{existing[0]} is already there{more}. Replace {them} with -y, or choose another output with -o.")
