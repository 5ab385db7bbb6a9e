"""Which of ffmpeg's formats a clip may have: those that hold their pictures and sound themselves.

Others name further files, read devices or wait for a network: whoever made such a file would decide what is opened
here. Knows names of formats; opens nothing.
"""

from __future__ import annotations

CLIP_FORMATS = (
    # containers
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mxf", "asf", "flv", "live_flv", "ogg", "nut", "gxf", "wtv", "rm"),
    *("dv", "ivf", "gif", "apng", "webp_anim", "jpegxl_anim", "yuv4mpegpipe", "cine", "ser", "lxf", "dhav", "ty"),
    *("pva", "nsv", "nuv", "swf", "mpjpeg", "smjpeg", "filmstrip", "flic", "smk", "bink", "roq", "film_cpk", "4xm"),
    *("iff", "cdxl", "thp", "vivo", "ivr", "kux", "ea", "vmd", "siff", "xmv", "psxstr"),
    # streams without a container
    *("h264", "hevc", "vvc", "evc", "av1", "obu", "m4v", "mpegvideo", "mjpeg", "mjpeg_2000", "h263", "h261", "vc1"),
    *("vc1test", "dirac", "dnxhd", "cavsvideo", "avs2", "avs3", "apv"),
)
"""By ffmpeg's names. None of them opens a second file; QuickTime's references to others are off by default."""

_LISTS = "names other files, and only the file that you name is opened. Name the video itself, or make one file of it."
_OTHERS = {
    "a playlist": (("hls",), _LISTS),
    "a list of files": (("concat",), _LISTS),
    "a manifest": (("dash", "webm_dash_manifest"), _LISTS),
    "a composition": (("imf",), _LISTS),
    "Magic Lantern video": (("mlv",), "goes on in files beside it. Convert it to one file first."),
    "a script": (("avisynth", "vapoursynth"), "names other files. Render it to a video first."),
    "a description of a session": (("sdp", "rtp", "rtsp", "sap"), "names a network. Record it to a video file first."),
    "text": (("tty", "bin", "xbin", "adf", "idf", "ffmetadata"), "has no pictures. Give a video file as the clip."),
    "subtitles": (
        (
            *("srt", "ass", "webvtt", "sami", "microdvd", "subviewer", "subviewer1", "jacosub", "realtext", "vobsub"),
            *("mpl2", "mpsub", "pjs", "vplayer", "stl", "scc", "aqtitle", "lrc", "tedcaptions", "mcc", "sup"),
        ),
        "has no pictures. Give the video as the clip.",
    ),
}


def refusal(name: str, format_name: str) -> str:
    """The sentence for a file whose format is not among `CLIP_FORMATS`: what it is, and what to do.

    Args:
        name: the file's, as it is shown.
        format_name: ffmpeg's; "" where it is not known.
    """
    if format_name == "image2" or format_name.endswith("_pipe"):
        return (
            f"{name} is a still picture, not a video, and not named as one. Give a video, or a PNG, TIFF, JPEG, DPX or "
            "EXR file with the suffix of its kind."
        )
    for kind, (formats, rest) in _OTHERS.items():
        if format_name in formats:
            return f"{name} is not a video that ffmpeg can read: it is {kind}, which {rest}"
    kind = f"its format ({format_name})" if format_name else "its format"
    return (
        f"{name} is not a video that ffmpeg can read: {kind} is not among those that hold moving pictures. "
        "Choose a video, or convert it first, for example to Matroska."
    )
