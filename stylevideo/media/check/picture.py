"""Whether a film's picture has the size, the shape of pixels and the colours that it should have."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from stylevideo.media.check.findings import Check, Finding, Verdict, agree, same
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.account import shown_colors
from stylevideo.timeline.clip import VideoInfo

# WebM says in whole pixels how wide a picture is shown.
SHAPE_TOLERANCE_PX = Fraction(1, 2)
SIZE_TOLERANCE_PX = 2


def check_picture(pair: Pair) -> Finding:
    """Size, shape of pixels and the matrix of its colours, as the film says them."""
    wanted, found = pair.info.sample_aspect, pair.made.sample_aspect
    wider = abs(wanted - found) * pair.made.width
    checks = (
        check_size(pair),
        agree("sample aspect", str(wanted), str(found), wider <= SHAPE_TOLERANCE_PX),
        same("colour matrix", _matrix(pair.made), pair.made.color_matrix or "not said"),
    )
    # ffmpeg's MXF has a place for it only beside some codecs.
    said = f"The source's pixels have the shape {wanted}; those of {pair.name} are {found}: it has no place for it."
    return Finding(checks, () if wanted == found else (said,))


def check_size(pair: Pair) -> Check:
    """A film may be smaller, but has the same proportions to a pixel or two; and the size that is said of it."""
    info, made = pair.info, pair.made
    size, made_size = f"{info.width}x{info.height}", f"{made.width}x{made.height}"
    if pair.size and pair.size != made_size:
        return Check("size", f"{pair.size}, by its record or comment", made_size, Verdict.WRONG)
    skewed = abs(made.width - Fraction(info.width * made.height, info.height))
    if skewed > SIZE_TOLERANCE_PX * max(Fraction(1), Fraction(made.width, made.height)):
        return Check("size", size, made_size, Verdict.WRONG)
    return Check("size", size, made_size, Verdict.SAME if size == made_size else Verdict.CHANGED)


def check_colors(made: VideoInfo) -> Iterator[Check]:
    """What the film's first decoded frame says of its colours."""
    matrix, said = _matrix(made), shown_colors(made)
    as_written = ("pc" if matrix == "gbr" else "tv", matrix, "bt709", "bt709")
    for what, word, right in zip(("range", "matrix", "primaries", "transfer"), said, as_written, strict=True):
        if word != "unknown":
            yield same(f"colour {what} of its frames", right, word)


def _matrix(made: VideoInfo) -> str:
    """By which a film in its pixel format is written."""
    return "gbr" if made.pixel_format.startswith(("gbr", "bgr")) else "bt709"
