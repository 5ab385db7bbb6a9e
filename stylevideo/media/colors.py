"""Whose colours a video's numbers are, and the one way by which they become the film's, whichever decoder reads it.

The film has the primaries of bt709, which are sRGB's. Footage for screens keeps its curve: a grey stays the number that
it is. Knows names and ffmpeg's filters; decodes nothing.
"""

from __future__ import annotations

import re

from stylevideo.errors import InputError
from stylevideo.media.ffmpeg import ffmpeg_path, has_zscale
from stylevideo.media.primaries import BT709, BY_NAME, Primaries, to_bt709
from stylevideo.timeline.clip import HDR_TRANSFERS, VideoInfo

NAMES = {
    "bt2020": "BT.2020",
    "smpte432": "Display P3",
    "smpte431": "DCI P3",
    "smpte170m": "BT.601 (525 lines)",
    "smpte240m": "SMPTE 240M",
    "bt470bg": "BT.601 (625 lines)",
    "bt470m": "BT.470 M",
    "film": "film (illuminant C)",
    "jedec-p22": "EBU 3213",
    "ebu3213": "EBU 3213",
}
"""Primaries that differ from the film's, by ffmpeg's name, as people know them."""
SCREEN_TRANSFERS = frozenset(
    {
        *("bt709", "smpte170m", "smpte240m", "bt2020-10", "bt2020-12", "iec61966-2-1", "iec61966-2-4"),
        *("bt470m", "bt470bg"),
    }
)
"""Curves that screens undo; footage keeps its own."""
OTHER_TRANSFERS = {"linear": "linear light", "log100": "a logarithm of 1 to 100", "log316": "a logarithm of 1 to 316"}
"""Curves whose numbers look right on no screen, with names that people understand."""
ZSCALE_MATRICES = frozenset({"ycgco", "bt2020c", "chroma-derived-nc", "chroma-derived-c", "ictcp"})
"""Colour matrices that zscale alone knows; OpenCV and ffmpeg's own filter take them for BT.601."""
MATRICES_BY_PRIMARIES = frozenset({"chroma-derived-nc", "chroma-derived-c"})
"""Which numbers they have follows from the primaries; ICtCp has those of BT.2020 alone."""
UNKNOWN_TO_ZSCALE = frozenset({"smpte2085", "ipt-c2", "ycgco-re", "ycgco-ro"})
LIGHT, LIGHT_WITH_ALPHA = "gbrpf32le", "gbrapf32le"
PLANES_APART = "alpha_mode=premultiplied"
"""Told this, zscale leaves alpha alone; else it multiplies it in and divides again, which loses hidden colours."""
_SUBSAMPLED = re.compile(r"^(yuv[aj]?)(420|422|440|411|410)p(\d*(?:le|be)?)$")
SWSCALE_FLAGS = "lanczos+accurate_rnd+full_chroma_int+bitexact"
NOMINAL_PEAK_NITS = 100
"""What PQ's absolute light is divided by: as bright as white is in bt709."""


def converts(info: VideoInfo, tonemap: bool = False) -> bool:
    """Whether a video's colours are to be converted: for its primaries, its curve, or a matrix that is rare.

    Args:
        info: of the video.
        tonemap: whether high dynamic range is brought down to what screens show.
    """
    return tonemap or bool(_from(info)) or (info.has_colors and info.color_matrix in ZSCALE_MATRICES)


def conversion_notes(info: VideoInfo) -> tuple[str, ...]:
    """What is done to a video's colours, as sentences."""
    found = _from(info)
    return (f"The clip's colours are converted from {found} to BT.709, which the film has.",) if found else ()


def conversion(info: VideoInfo, tonemap: bool, pixels: str) -> str:
    """The filters that make a video's pictures into RGB of full range, with the film's primaries.

    Args:
        info: of a video that `converts` or `zscale_takes`.
        tonemap: bring high dynamic range down to what screens show.
        pixels: one of ffmpeg's formats of planar RGB.
    """
    matrix = info.color_matrix or ("bt2020nc" if info.is_hdr else "bt709" if is_hd(info) else "smpte170m")
    known = (*SCREEN_TRANSFERS, *OTHER_TRANSFERS, *HDR_TRANSFERS)
    transfer = info.transfer if info.transfer in known else "bt709"
    shown = "bt709" if tonemap or transfer in OTHER_TRANSFERS else transfer
    # zscale is told of no primaries but where they decide on the matrix: greys of another white it may tint, or not, as
    # it happens.
    found = info.primaries or "bt709" if matrix in MATRICES_BY_PRIMARIES else "bt709"
    named = "bt2020" if matrix == "ictcp" else found
    told = f"setparams=colorspace={matrix if info.is_yuv else 'gbr'}:color_primaries={named}:color_trc={transfer}"
    if "ap" in pixels:
        told += f":{PLANES_APART}"
    whole = _with_whole_chroma(info.pixel_format, (info.width, info.height))
    if whole != info.pixel_format:
        told = f"scale=flags={SWSCALE_FLAGS},format={whole},{told}"
    if not converts(info, tonemap):
        return f"{told},{_zscale(shown)},format={pixels}"
    primaries = BY_NAME.get(info.primaries or ("bt2020" if info.is_hdr else ""), BT709)
    light = f"{_zscale('linear')}:npl={NOMINAL_PEAK_NITS},format={LIGHT_WITH_ALPHA if 'ap' in pixels else LIGHT}"
    tone = ",tonemap=tonemap=hable:desat=0" if tonemap else ""
    return f"{told},{light},{_mixer(primaries)}{tone},{_zscale(shown)},format={pixels}"


def _zscale(transfer: str) -> str:
    return f"zscale=matrix=gbr:transfer={transfer}:range=full:filter=bicubic"


def _mixer(primaries: Primaries) -> str:
    """The filter that brings light to the film's primaries."""
    names, matrix = "rgb", to_bt709(primaries)
    return "colorchannelmixer=" + ":".join(
        f"{to}{by}={matrix[row, column]:.9f}" for row, to in enumerate(names) for column, by in enumerate(names)
    )


def film_conversion(pixels: str, size: tuple[int, int], alpha: bool) -> str:
    """The filters that make RGB of full range into the film's YUV.

    ffmpeg's own filter, for programs without zscale, makes pictures of 16 bits too bright by a level or two of 10 bits.

    Args:
        pixels: the film's format, one of ffmpeg's of YUV.
        size: width and height.
        alpha: whether there is a fourth channel, which stays as it is.
    """
    if not has_zscale():
        return f"scale=in_range=full:out_range=tv:out_color_matrix=bt709:flags={SWSCALE_FLAGS},format={pixels}"
    apart, again = (f":{PLANES_APART}", ",setparams=alpha_mode=unspecified") if alpha else ("", "")
    told = f"setparams=range=pc:colorspace=gbr:color_primaries=bt709:color_trc=bt709{apart}"
    whole = _with_whole_chroma(pixels, size)
    halved = "" if whole == pixels else f",scale=flags={SWSCALE_FLAGS},format={pixels}"
    return f"{told},zscale=matrix=709:range=limited:filter=lanczos,format={whole}{halved}{again}"


def _with_whole_chroma(pixels: str, size: tuple[int, int]) -> str:
    """The format in which zscale takes such a picture: where a side is no multiple of chroma's step, without steps."""
    found = _SUBSAMPLED.match(pixels)
    step = 4 if found and found[2].startswith("41") else 2
    return f"{found[1]}444p{found[3]}" if found and any(edge % step for edge in size) else pixels


def zscale_takes(info: VideoInfo) -> bool:
    """Whether zscale is there and makes RGB of a video's pixels: quicker and more exactly than ffmpeg's own filter."""
    return info.is_yuv and info.color_matrix not in UNKNOWN_TO_ZSCALE and has_zscale()


def require_conversion(info: VideoInfo, tonemap: bool) -> None:
    """Refuse a video whose colours this ffmpeg cannot convert, before any work.

    Raises:
        InputError: it lacks the filter.
    """
    if converts(info, tonemap) and not has_zscale():
        found = _from(info) or info.transfer or info.color_matrix
        raise InputError(
            f"{info.path.name}: its colours ({found}) are converted by ffmpeg's filter zscale, which {ffmpeg_path()} "
            "lacks. Unset IMAGEIO_FFMPEG_EXE, or convert the clip to bt709 first."
        )


def _from(info: VideoInfo) -> str:
    """What a conversion begins at, in words; empty where there is none, and where --tonemap says more."""
    if info.is_hdr or not info.has_colors:
        return ""
    found = (NAMES.get(info.primaries or ""), OTHER_TRANSFERS.get(info.transfer or ""))
    return ", ".join(filter(None, found))


HD_WIDTH = 1280


HD_HEIGHT = 720


def is_hd(info: VideoInfo) -> bool:
    """Whether a video is so large that players take it for bt709 where it does not say what it is."""
    return info.width >= HD_WIDTH or info.height >= HD_HEIGHT


def reads_as_bt709(info: VideoInfo) -> bool:
    """Whether a video that names no colour matrix is taken for bt709."""
    return info.color_matrix is None and is_hd(info) and info.is_yuv
