"""How much disk a clip needs, and whether it is there."""

from __future__ import annotations

import math
import shutil

from stylevideo.errors import StorageError
from stylevideo.ops.margin import painted_size
from stylevideo.render.job import Job
from stylevideo.store.kept import KEPT_STATE_FRAMES
from stylevideo.system.folders import nearest_folder
from stylevideo.text import bytes_in_words

STATE_BYTES_PX, REST_BYTES = 86, 22_000_000
"""Of the state, the new one beside the old: picture, moments and convergence as float32 and the source that was painted
for, for each pixel; and sums over what rests, at most."""
SPREAD_BYTES_PX = 100
"""Of the state where painted frames spread, likewise, and of the one from which frames are made backwards."""
LEAST_RESTING_PX = 50_000
"""In a smaller picture nothing rests: whatever is painted, all of it is seen."""


FRAME_BYTES_PX = {8: 2.6, 16: 6.0, 32: 12.3}
"""A painted frame until the film is complete, by its bits: PNG, and TIFF for floats. Strokes hardly compress."""


FILM_BYTES_PX = {
    **{"h264": 0.3, "h265-10": 0.3, "vp9": 0.3, "av1": 0.3},
    **{"prores-hq": 1.0, "prores-4444": 1.4, "dnxhr-hqx": 0.7, "ffv1": 2.6},
    **{"png": 2.6, "png16": 6.0, "tiff16": 8.0, "jpeg": 1.5, "exr": 6.0},
}
"""A frame of a film by its delivery: of 8 bits where there is a choice, of half floats in EXR.

Both were measured with painted frames by `python -m scripts.benchmark disk` (`docs/benchmark.md`), and rounded up.
"""


REFUSE_BELOW = 0.4
"""With less than this part of what is expected there is surely too little."""


SPARE_FRAMES = 4


def bytes_needed(job: Job, finished: int = 0) -> int:
    """Disk space for the frames that are not finished, their states, and the film: a guess, without the sound."""
    film = math.prod(job.size) * FILM_BYTES_PX[job.delivery.name]
    if job.delivery.name == "ffv1" and job.bits > 8:
        film = frame_bytes(job)
    if job.comparison:
        of_its_kind = math.prod(job.size) * FILM_BYTES_PX[job.comparison.encoding.delivery.name]
        film += of_its_kind * (2 if job.comparison.kind == "side" else 1)
    count = len(job.clip.frames)
    missing = count - finished
    states = state_bytes(job) if missing else 0
    if job.settings.output.keep_frames:
        states += missing // KEPT_STATE_FRAMES * state_bytes(job) // 2
    turning = sum(len(turn.ways) for turn in job.look_turns)  # those of loops and dissolves are few
    backwards = missing if job.painted else min(missing, turning)  # at most; painted ones' with what they have of these
    return round(frame_bytes(job) * (missing + backwards) + film * count + states)


def state_bytes(job: Job) -> int:
    """Disk space for the state of the shot that is being painted, the new one beside the old."""
    if not job.paints:
        return 0
    pixels = math.prod(painted_size(*job.size))
    each = STATE_BYTES_PX + (SPREAD_BYTES_PX if job.painted else 0)
    return pixels * each + (REST_BYTES if pixels >= LEAST_RESTING_PX else 0)


def frame_bytes(job: Job) -> float:
    """Disk space for a finished frame until the film is complete."""
    return math.prod(job.size) * FRAME_BYTES_PX[job.bits]


def check_space(job: Job, finished: int = 0) -> None:
    """Refuse work for which the disk surely has no room.

    Raises:
        StorageError: with what it needs.
    """
    folder, needed = job.clip.output.parent, bytes_needed(job, finished)
    free = shutil.disk_usage(nearest_folder(job.clip.output)).free
    if free < needed * REFUSE_BELOW:
        raise StorageError(
            f"{folder} has {bytes_in_words(free)} left, and {job.clip.source.name} needs about "
            f"{bytes_in_words(needed)} until its film is complete. Free some space, or choose another place."
        )


def check_room(job: Job) -> None:
    """End work while frames are missing, before the disk is so full that one, or what others write, is cut off.

    Raises:
        StorageError: there is hardly room for the next frames.
    """
    folder = job.clip.output.parent
    free = shutil.disk_usage(folder).free
    if free < SPARE_FRAMES * frame_bytes(job) + state_bytes(job):
        raise StorageError(f"{folder} is nearly full: {bytes_in_words(free)} are left. Free some space.")
