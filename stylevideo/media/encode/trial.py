"""A film of one grey picture, written before any work: what cannot be written is known then."""

from __future__ import annotations

import numpy as np

from stylevideo.errors import InputError
from stylevideo.media.decode.tags import film_tags
from stylevideo.media.encode.command import film_arguments, write_tags
from stylevideo.media.encode.delivery import Encoding, check_encoding, run_trial
from stylevideo.media.encode.plan import FilmPlan
from stylevideo.media.encode.spec import FilmSpec
from stylevideo.media.encode.track_arguments import attached_covers
from stylevideo.media.encode.tracks import TRIAL_SECONDS
from stylevideo.media.ffmpeg import reading_time_s
from stylevideo.system.files import temporary_folder
from stylevideo.timeline.clip import Clip

TRIAL_BYTES = 64 * 2**20


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
