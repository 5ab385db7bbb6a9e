"""Filters that `--ffmpeg-args` may put on a film's pictures, read as ffmpeg reads them and written anew.

Only filters that open no file and no socket and that leave the size, the number and the times of the frames alone.
What ffmpeg gets is written from what was understood here, so that nothing passes by a difference in reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stylevideo.errors import SettingsError
from stylevideo.settings.encoder_options import endless_function, names
from stylevideo.text import did_you_mean

FILTERS = names(
    # colour
    "colorbalance colorchannelmixer colorcontrast colorcorrect colorhold colorize colorlevels colortemperature "
    "curves eq exposure fade geq grayworld greyedge histeq hsvhold hue huesaturation limiter lut lutrgb lutyuv "
    "monochrome negate normalize selectivecolor vibrance vignette "
    # sharpness, noise and grain
    "atadenoise avgblur bilateral boxblur cas chromanr dblur deband deblock deflicker dilation erosion fftdnoiz "
    "gblur gradfun hqdn3d lagfun median nlmeans noise owdenoise pixelize removegrain sab smartblur unsharp "
    "vaguedenoiser "
    # geometry within the frame
    "chromashift fillborders hflip lenscorrection null perspective rgbashift rotate scroll shear swaprect vflip "
    # what is drawn on it
    "drawbox drawgrid drawtext edgedetect"
)
OPTIONS = names(
    "0a 0b 0s 1a 1b 1s 1thr 2a 2b 2s 2thr 3thr 4thr H a aa ab ag ah aimax aimin all all_flags all_seed "
    "all_strength allf alls alpha alpha_amount alpha_expr alpha_msize_x alpha_msize_y alpha_power alpha_radius "
    "alpha_strength alpha_threshold alternate amount analyze angle antibanding aomax aomin ap ar as aspect at "
    "av ax ay b ba basetime bb bbal beta bg bh bilinear bimax bimin bl black blackpt blacks blend block blue "
    "blue_expr blues blum blur bm bomax bomin bordercolor borderw bottom box box_source boxborderw boxcolor "
    "boxh boxw br brightness bs bv bw by bypass byw c c0 c0_flags c0_seed c0_strength c0f c0s c1 c1_flags "
    "c1_seed c1_strength c1f c1s c2 c2_flags c2_seed c2_strength c2f c2s c3 c3_flags c3_seed c3_strength c3f "
    "c3s ca cb cb_expr cbh cbv chroma_amount chroma_msize_x chroma_msize_y chroma_power "
    "chroma_pre_filter_radius chroma_radius chroma_spatial chroma_strength chroma_threshold chroma_tmp color "
    "colors components contrast coordinates correction_method coupling cp cpfr cr cr_expr crh crv cs ct cx cy "
    "cyans d decay delta depth difford direction distance dither duration edge enable eval expansion exposure "
    "fc fillcolor filter fix_bounds font fontcolor fontcolor_expr fontsize ft_load_flags g ga gamma gamma_b "
    "gamma_g gamma_r gamma_weight gb gbal gg gh gimax gimin glum gm gmw gomax gomin gr green green_expr greens "
    "gs gv gw h height high horizontal hpos hue i independence intensity interp interpolation k1 k2 la left "
    "lightness line_spacing low lp lpfr lr ls lt lum lum_expr luma_amount luma_msize_x luma_msize_y luma_power "
    "luma_pre_filter_radius luma_radius luma_spatial luma_strength luma_threshold luma_tmp lx ly m m0 m1 m2 m3 "
    "magentas master max method min minknorm mix mode n nb_frames negate_alpha neutrals next nsteps overlap p "
    "pa pc percent percentile pl planes preserve preset prev r ra radius radiusV range rate rb rbal rc rcw red "
    "red_expr reds replace rg rh right rimax rimin rl rlum rm romax romin rr rs rv rw s sat saturation sense "
    "shadowcolor shadowx shadowy shx shy sigma sigmaR sigmaS sigmaV similarity size sizeX sizeY sizeh sizew "
    "smoothing st start_frame start_number start_time steph steps stepw strength t tabsize tc24hmax temperature "
    "text text_align text_shaping thickness thres threshold threshold0 threshold1 threshold2 threshold3 threu "
    "threv threy timecode timecode_rate top type u v val vertical vpos w whitept whites width window x x0 x1 x2 "
    "x3 y y0 y1 y2 y3 y_align yellows "
)
"""Options of these filters that name no file and leave the size alone, which is so in each filter that has them."""
MOST_UNNAMED = {"curves": 1, "drawtext": 0, "rotate": 1, "selectivecolor": 1}
"""How many values may stand without their options' names where one of the next could be another option's."""
INSTEAD = {
    "ass": "Subtitles of the source come along as tracks.",
    "crop": "Crop the clip first.",
    "fps": "The film has its source's rate.",
    "format": "Use -pix_fmt.",
    "pad": "Draw bars with drawbox.",
    "scale": "Use --size.",
    "subtitles": "Subtitles of the source come along as tracks.",
    "transpose": "Turn the clip first.",
    "zscale": "Use --size.",
}
_FONT = re.compile(r"[\w .-]+")
_WIDE = re.compile(r"%\{[^}]*:\d{4,}\}")
_EXPANDED = re.compile(r"%\{.*\}", re.DOTALL)
"""What drawtext computes lies between the first of these and the last."""
_NAME = re.compile(r"\s*(\w+)\s*=")
_PLAIN = re.compile(r"([^\w.+-])", re.ASCII)


def read_filters(text: str) -> str:
    """A chain of filters such as "eq=saturation=1.1,noise=alls=6", as ffmpeg gets it.

    Raises:
        SettingsError: it is no chain, or something in it may not be there.
    """
    return ",".join(_written(name, list(options)) for name, options in _filters(text))


def _filters(text: str) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    """Each filter's name with its options."""
    place = 0
    while True:
        name, place = _token(text, place, "=,;[]")
        arguments = ""
        if text[place : place + 1] == "=":
            arguments, place = _token(text, place + 1, ",;[]")
        if text[place : place + 1] not in ("", ","):
            raise SettingsError(
                f"{text!r} is no single chain of filters. Write them behind one another, with commas and without [ ] ;."
            )
        yield name, _options(name, arguments)
        if place == len(text):
            return
        place += 1


def _options(name: str, text: str) -> Iterator[tuple[str, str]]:
    """The options of a filter by name; "" where it is not said."""
    _check_filter(name)
    place, unnamed = 0, 0
    while place < len(text):
        named = _NAME.match(text, place)
        option, start = (named[1], named.end()) if named else ("", place)
        value, place = _token(text, start, ":")
        unnamed += not option
        if unnamed > MOST_UNNAMED.get(name, len(text)):
            raise SettingsError(f"{name} wants each option by its name: write {name}=option=value:option=value.")
        _check_option(name, option, value)
        yield option, value
        place += 1


def _check_filter(name: str) -> None:
    if name in FILTERS:
        return
    instead = (
        INSTEAD.get(name) or f"{did_you_mean(name, FILTERS).strip()} docs/encoder.md lists those that can.".strip()
    )
    raise SettingsError(
        f"The filter {name!r} cannot be used here: it is not among those that change pictures alone. {instead}"
    )


def _check_option(name: str, option: str, value: str) -> None:
    if option and option not in OPTIONS:
        raise SettingsError(
            f"The filter {name} cannot have {option} here: it names a file, changes the size, or is not known."
        )
    if name == "drawtext" and option == "font" and not _FONT.fullmatch(value):
        raise SettingsError(f"drawtext's font must be the name of a font, such as font=Sans, not {value!r}.")
    if _WIDE.search(re.sub(r"[\\'\s]", "", value)):
        raise SettingsError(f"The filter {name} cannot print numbers of so many digits.")
    computed = value if option != "text" else "".join(_EXPANDED.findall(value))
    if function := endless_function(computed):
        raise SettingsError(f"The filter {name} cannot have {function}() here: only functions that surely end may be.")


def _written(name: str, options: list[tuple[str, str]]) -> str:
    parts = [f"{option}={_escaped(value)}" if option else _escaped(value) for option, value in options]
    return f"{name}={_escaped_graph(':'.join(parts))}" if parts else name


def _escaped(value: str) -> str:
    """As the value of an option: whatever could mean something there gets a backslash."""
    return _PLAIN.sub(r"\\\1", value)


def _escaped_graph(text: str) -> str:
    return re.sub(r"([\\'\[\],;\s])", r"\\\1", text)


def _token(text: str, place: int, ends: str) -> tuple[str, int]:
    """The text up to one of the characters that end it, without one level of quotation, and where it ends."""
    out: list[str] = []
    kept = 0  # up to here what is quoted or no space
    while place < len(text) and text[place].isspace():
        place += 1
    while place < len(text) and text[place] not in ends:
        if text[place] == "\\" and place + 1 < len(text):
            out.append(text[place + 1])
            place, kept = place + 2, len(out)
        elif text[place] == "'":
            stop = text.find("'", place + 1)
            stop = len(text) if stop < 0 else stop
            out.extend(text[place + 1 : stop])
            place, kept = stop + 1, len(out)
        else:
            out.append(text[place])
            kept = kept if text[place].isspace() else len(out)
            place += 1
    return "".join(out[:kept]), min(place, len(text))
