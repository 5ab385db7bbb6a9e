"""What the owner of a clip may want to know, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stylevideo.engine.given.loop import MEETING
from stylevideo.media.colors import conversion_notes, reads_as_bt709
from stylevideo.media.images.pictures import Reading
from stylevideo.reports.results import FrameRecord
from stylevideo.text import counted, listed
from stylevideo.timeline.clip import VideoInfo

SHOWN_NUMBERS = 10


def source_warnings(info: VideoInfo, reading: Reading, film_bits: int, film_alpha: bool) -> Iterator[str]:
    """Sentences on what of the source the film cannot have, or was taken for.

    Args:
        info: of the source.
        reading: how it was read.
        film_bits: bits a channel that the film has.
        film_alpha: whether the film's form has an alpha channel.
    """
    if min(film_bits, reading.bits) < info.bits and not info.is_linear:
        yield (
            f"The source has {info.bits} bits a channel ({info.pixel_format}); the film has {film_bits}. "
            "A --delivery with more keeps more."
        )
    if info.has_alpha and reading.alpha == "drop":
        yield "The source has an alpha channel; the film has none. Choose ffv1, prores-4444 or PNG files to keep it."
    if reading.alpha == "premultiply" and not film_alpha:
        yield (
            "The film has no alpha channel: it shows the colours multiplied with the source's, as over black. "
            "Choose ffv1, prores-4444 or PNG files to keep it."
        )
    if info.is_linear and reading.bits < 32 and reading.is_displayed:
        shown = " and ".join(f'"{name}"' for name in (reading.display, reading.display_view) if name)
        yield f"The source is scene-linear light; the film shows it by OpenColorIO's {shown}."
    elif info.is_linear and reading.bits < 32:
        yield "The source is scene-linear light; in the film everything brighter than white is white."
    if info.interlaced and not reading.deinterlace:
        yield "The source is interlaced and its fields were taken as they are. Add --deinterlace to make whole frames."
    if reading.tonemap:
        yield f"The source is HDR ({info.transfer}); it was brought down to bt709."
    yield from conversion_notes(info)
    if reads_as_bt709(info):
        yield "The source does not say which colour matrix it uses; it was taken for bt709, as is usual for HD."


def frame_warnings(info: VideoInfo, records: Sequence[FrameRecord]) -> Iterator[str]:
    """Sentences on frames of a clip that did not go as they should."""
    repaired = [record.number for record in records if record.repaired]
    missing = sorted(set(info.missing).intersection(repaired))
    damaged = [number for number in repaired if number not in missing]
    if missing:
        yield f"{counted(len(missing), 'frame')} had no file; the last good frame stands in: {_listed(missing)}."
    if damaged:
        count = counted(len(damaged), "frame")
        yield f"{count} could not be decoded; the last good frame stands in: {_listed(damaged)}."
    redone = [record.number for record in records if record.redone]
    if redone:
        count = counted(len(redone), "frame")
        yield f"{count} came out far worse than the frames around and had to be done again: {_listed(redone)}."
    yield from dict.fromkeys(note for record in records for note in record.notes)


def device_warnings(shots: Sequence[tuple[int, int]], devices: Sequence[Sequence[str]]) -> Iterator[str]:
    """A sentence where a film was painted by several models of devices, no two of which round alike.

    Args:
        shots: the first and the last frame's number of each.
        devices: models that painted each.
    """
    stretches: dict[str, list[str]] = {}
    for (first, last), models in zip(shots, devices, strict=True):
        for model in models:
            stretches.setdefault(model, []).append(f"{first}-{last}")
    if len(stretches) > 1:
        told = "; ".join(f"{model} (shots {listed(frames, SHOWN_NUMBERS)})" for model, frames in stretches.items())
        yield f"Several models of devices painted the film, so that strokes may differ a little between them: {told}."


def loop_warnings(visible: float) -> Iterator[str]:
    """A sentence on a loop that cannot close, by the part of the source's last frame that its first shows too."""
    if visible < MEETING:
        yield (
            f"The source's last frame does not lead into its first (which shows {visible:.0%} of it): "
            "the film will jump where the loop closes."
        )


def _listed(numbers: Sequence[int]) -> str:
    return listed(numbers, SHOWN_NUMBERS)
