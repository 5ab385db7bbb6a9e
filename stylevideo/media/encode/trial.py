"""A film of one grey picture, written before any work: what cannot be written is known then.

Because an encoder that ffmpeg lists need not work, nor take every size, rate, track and tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from stylevideo.errors import InputError, TimeLimitError
from stylevideo.media.decode.tags import film_tags
from stylevideo.media.encode.command import film_arguments, write_tags
from stylevideo.media.encode.delivery import CONTAINERS, PIPE_FORMATS, Encoding
from stylevideo.media.encode.plan import FilmPlan
from stylevideo.media.encode.spec import FilmSpec
from stylevideo.media.encode.track_arguments import attached_covers
from stylevideo.media.encode.tracks import TRIAL_SECONDS
from stylevideo.media.ffmpeg import file_url, last_lines, reading_time_s, require_space, run_ffmpeg
from stylevideo.system.files import temporary_folder
from stylevideo.timeline.selection import Clip

TRIAL_BYTES = 64 * 2**20
TRIAL_TIMEOUT_S = 120.0


def check_film(clip: Clip, encoding: Encoding, plan: FilmPlan, kind: tuple[tuple[int, ...], int]) -> None:
    """Write the beginning of a film with one grey picture, as it will be written: what cannot be, is known before work.

    Args:
        clip, encoding, plan: as of `write_film`.
        kind: height, width and channels of its images, and bits a channel: 8 or 16.
    Raises:
        InputError: this film cannot be written.
        StorageError: the disk for temporary files is full.
    """
    shape, bits = kind
    info, output = clip.info, clip.output
    tags, first = film_tags(plan.tags, encoding.comment), np.zeros(shape, np.uint8 if bits == 8 else np.uint16)
    with temporary_folder() as folder, attached_covers(plan.tracks, plan.covers) as covers:
        trial = folder / f"trial{output.suffix}"
        film = FilmSpec(trial, clip, encoding, plan, tags, first)
        grey = f"color=gray:size={film.size[0]}x{film.size[1]}:rate={info.rate},format={film.pipe_format}"
        picture, tags_file = ["-f", "lavfi", "-i", grey], write_tags(tags, folder)
        # Of a track that begins later the first second tells nothing. A long film's sound has room for no more.
        for limits, more_s in (["-t", TRIAL_SECONDS], 0.0), (["-fs", str(TRIAL_BYTES)], reading_time_s(info.path)):
            arguments = film_arguments(film, picture, covers, tags_file, ["-frames:v:0", "1", *limits])
            said = run_trial(arguments, trial, more_s)
            if not said:
                return
    check_encoding(encoding, output, (shape[0], shape[1]), info.rate, bits, shape[2] == 4)
    raise InputError(
        f"{output.name}: ffmpeg cannot write this film with the clip's tracks, tags and timecode:\n  {said}\n  "
        "Choose another kind of output, such as .mkv; or mend --ffmpeg-args."
    )


def check_encoding(
    encoding: Encoding, output: Path, size: tuple[int, int], rate: Fraction, bits: int = 8, alpha: bool = False
) -> None:
    """Encode one grey frame, without any source: whether an encoder works, and takes this size and rate.

    Args:
        encoding: of a film, not of an image sequence.
        output: its suffix decides the container.
        size: height and width.
        rate: frames a second.
        bits: a channel, that the film is fed with.
        alpha: whether it is fed with an alpha channel.
    Raises:
        InputError: this film cannot be written.
        StorageError: the disk for temporary files is full.
    """
    height, width = size
    delivery, muxer = encoding.delivery, CONTAINERS[output.suffix.lower()].muxer
    pixel_format = delivery.pixel_format(bits, alpha, bool(height % 2 or width % 2))
    with temporary_folder() as folder:
        trial = folder / f"trial{output.suffix}"
        grey = ["-f", "lavfi", "-i", f"color=gray:size={width}x{height}:rate={rate}", "-frames:v", "1"]
        fed = f"format={PIPE_FORMATS[bits, alpha]}"
        shape = ["-vf", ",".join([fed, *encoding.filters(pixel_format, (width, height), alpha)])]
        arguments = [*encoding.arguments(muxer), *encoding.last_arguments(), "-f", muxer, file_url(trial)]
        said = run_trial(["-v", "error", *grey, *shape, *arguments], trial)
    if said:
        raise InputError(
            f"{output.name}: ffmpeg cannot write {width}x{height} at {float(rate):g} frames a second as "
            f"{delivery.name} into {output.suffix}:\n  {said}\n  "
            "Choose another --delivery, another output, or another --size; or mend --ffmpeg-args."
        )


def run_trial(arguments: Sequence[str], trial: Path, more_s: float = 0.0) -> str:
    """Why ffmpeg failed to write a file within two minutes, and the seconds that it may take more; else nothing.

    Raises:
        StorageError: the disk for temporary files is full.
    """
    try:
        run = run_ffmpeg(arguments, TRIAL_TIMEOUT_S + more_s)
    except TimeLimitError:
        return f"its beginning was not written within {TRIAL_TIMEOUT_S + more_s:.0f} seconds"
    require_space(run)
    written = run.status == 0 and trial.exists() and trial.stat().st_size > 0
    return "" if written else last_lines(run.messages)
