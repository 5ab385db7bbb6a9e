"""The options that `--ffmpeg-args` may have: a table.

None of them opens a file, adds an input, an output or a track, or changes the size, the number or the times of frames.
What ffmpeg knows beside them is refused: the table says what may be there, not what may not.
"""

from __future__ import annotations

import re


def names(text: str) -> frozenset[str]:
    """Names with spaces between them."""
    return frozenset(text.split())


FUNCTIONS = names(
    "abs acos asin atan atan2 between bitand bitor ceil clip cos cosh eq exp floor gauss gcd gt gte hypot if ifnot "
    "isinf isnan ld lerp log lt lte max min mod not pow random randomi round sgn sin sinh sqrt squish st tan tanh "
    "trunc "
    # geq's and lut's
    "lum cb cr r g b alpha p lumsum cbsum crsum rsum gsum bsum alphasum psum gammaval gammaval709"
)
"""Of ffmpeg's expressions: each ends at once. Loops (while, taylor, root) may go on for years within one another."""
_FUNCTION = re.compile(r"([A-Za-z_]\w*)\(")


def endless_function(value: str) -> str:
    """The first function in an expression that is none of `FUNCTIONS`; "" if there is none."""
    called = _FUNCTION.findall(re.sub(r"[\\'\s]", "", value))
    return next((name for name in called if name not in FUNCTIONS), "")


ENCODERS = names(
    "libx264 libx264rgb libopenh264 libx265 libkvazaar libsvtav1 libaom-av1 librav1e libvpx libvpx-vp9 libvvenc "
    "liboapv prores prores_aw prores_ks dnxhd cfhd ffv1 ffvhuff huffyuv utvideo magicyuv hap qtrle png rawvideo "
    "v210 r210 mjpeg mpeg2video mpeg4 h264_nvenc hevc_nvenc av1_nvenc h264_qsv hevc_qsv av1_qsv vp9_qsv h264_amf "
    "hevc_amf av1_amf h264_mf hevc_mf h264_videotoolbox hevc_videotoolbox prores_videotoolbox"
)
PLAIN = names(
    # of many encoders
    "b bf bufsize compression_level crf crf_max force_key_frames g global_quality keyint_min level maxrate "
    "minrate pix_fmt preset profile q qdiff qmax qmin qcomp qp quality rc_lookahead refs sc_threshold slices "
    "speed strict threads tier trellis tune usage field_order "
    # x264 and x265
    "8x8dct aq-mode aq-strength aud avcintra-class b-bias b-pyramid b_strategy bluray-compat chromaoffset coder "
    "cplxblur deblock direct-pred fast-pskip fastfirstpass forced-idr intra-refresh mbtree me_method me_range "
    "mixed-refs motion-est nal-hrd noise_reduction partitions psy psy-rd rc-lookahead slice-max-size subq weightb "
    "weightp "
    # AV1 and VP9
    "arnr-maxframes arnr-strength arnr-type auto-alt-ref corpus-complexity cpu-used deadline denoise-noise-level "
    "enable-cdef enable-restoration enable-tpl error-resilience error-resilient frame-parallel lag-in-frames "
    "lossless max-intra-rate noise-sensitivity overshoot-pct row-mt sharpness static-thresh still-picture "
    "tile-columns tile-rows tiles tune-content undershoot-pct "
    # ProRes, DNxHR, FFV1, VVC
    "alpha_bits bits_per_mb context ibias mbs_per_slice nitris_compat period qpa qtable quant_mat slicecrc vendor "
    # hardware
    "allow_sw async_depth b_adapt b_ref_mode cbr_padding constant_bit_rate cq extbrc gpu highbitdepth init_qpB "
    "init_qpI init_qpP latency look_ahead_depth lookahead_level low_power mbbrc multipass nonref_p "
    "power_efficient preanalysis prio_speed qp_b qp_i qp_p qvbr_quality_level rc realtime spatial-aq strict_gop "
    "surfaces temporal-aq tf_level unidir_b vbaq weighted_pred zerolatency"
)
"""Options that take a number, a word, or a few of them in a row."""
FLAGS = {
    "flags": names("aic bitexact cgop global_header gray ildct ilme loop low_delay mv4 qpel unaligned"),
    "movflags": names(
        "default_base_moof disable_chpl empty_moov faststart frag_keyframe negative_cts_offsets prefer_icc "
        "use_metadata_tags write_colr write_gama"
    ),
}
PARAMETERS = {
    "x264-params": names(
        "8x8dct aq-mode aq-strength aud avcintra-class b-adapt b-bias b-pyramid bframes bitrate bluray-compat cabac "
        "chroma-me chroma-qp-offset cplxblur cpu-independent crf crf-max dct-decimate deadzone-inter "
        "deadzone-intra deblock direct fast-pskip force-cfr frame-packing intra-refresh ipratio keyint level "
        "lookahead-threads mbtree me merange min-keyint mixed-refs mvrange nal-hrd "
        "non-deterministic nr open-gop partitions pbratio psy psy-rd qblur qcomp qp qpmax qpmin qpstep ratetol "
        "rc-lookahead ref scenecut sliced-threads slice-max-size slices subme threads trellis vbv-bufsize vbv-init "
        "vbv-maxrate weightb weightp"
    ),
    "x265-params": names(
        "allow-non-conformance amp aq-mode aq-motion aq-strength aud b-adapt b-intra "
        "bframe-bias bframes bitrate cbqpoffs constrained-intra crf crf-max crf-min crqpoffs ctu cu-lossless "
        "cutree deblock early-skip fades fast-intra frame-threads hevc-aq high-tier hrd info "
        "intra-refresh ipratio keyint level-idc limit-modes limit-refs limit-sao limit-tu log-level lookahead-slices "
        "lookahead-threads lossless max-merge max-tu-size me merange min-cu-size min-keyint "
        "min-luma max-luma nr-inter nr-intra open-gop opt-cu-delta-qp pbratio pmode pme pools psnr psy-rd psy-rdoq "
        "qcomp qg-size qp qpmax qpmin qpstep rc-grain rc-lookahead rd rd-refine rdoq-level rdpenalty rect ref "
        "repeat-headers sao sao-non-deblock scenecut scenecut-bias selective-sao signhide slices splitrd-skip ssim-rd "
        "strict-cbr strong-intra-smoothing subme temporal-layers temporal-mvp tskip tskip-fast tu-inter-depth "
        "tu-intra-depth uhd-bd vbv-bufsize vbv-end vbv-init vbv-maxrate weightb weightp wpp"
    ),
    "svtav1-params": names(
        "ac-bias aq-mode bias-pct buf-initial-sz buf-optimal-sz buf-sz crf enable-cdef enable-dlf "
        "enable-overlays enable-qm enable-restoration enable-tf enable-variance-boost fast-decode film-grain "
        "film-grain-denoise hierarchical-levels irefresh-type keyint lookahead lossless lp luminance-qp-bias "
        "max-qp mbr-overshoot-pct min-qp overshoot-pct pred-struct preset qm-max qm-min qp rc scd "
        "scm sharpness tbr tile-columns tile-rows tune undershoot-pct variance-boost-strength variance-octile"
    ),
    "aom-params": names(
        "aq-mode arnr-maxframes arnr-strength cpu-used deltaq-mode enable-cdef enable-chroma-deltaq enable-fwd-kf "
        "enable-keyframe-filtering enable-qm enable-restoration end-usage film-grain-test lag-in-frames qm-max qm-min "
        "quant-b-adapt row-mt sharpness tile-columns tile-rows tune tune-content"
    ),
}
PARAMETERS["x264opts"] = PARAMETERS["x264-params"]
"""Lists of an encoder's own settings, key=value:key=value; others of their keys name files."""
BITSTREAM_FILTERS = {
    "av1_metadata": names(
        "chroma_sample_position color_primaries color_range delete_padding matrix_coefficients td "
        "transfer_characteristics"
    ),
    "h264_metadata": names(
        "aud chroma_sample_loc_type colour_primaries level matrix_coefficients overscan_appropriate_flag "
        "sei_user_data transfer_characteristics video_format video_full_range_flag zero_new_constraint_set_flags"
    ),
    "hevc_metadata": names(
        "aud chroma_sample_loc_type colour_primaries level matrix_coefficients transfer_characteristics video_format "
        "video_full_range_flag"
    ),
    "prores_metadata": names("color_primaries color_trc colorspace"),
    "vp9_metadata": names("color_range color_space"),
}
DISPOSITIONS = names(
    "0 captions clean_effects comment default descriptions dub forced hearing_impaired karaoke lyrics original "
    "visual_impaired"
)
OTHERS = frozenset({"c", "filter", "bsf", "tag", "metadata", "disposition", "timecode"})
"""Options with rules of their own."""
KNOWN = frozenset({*PLAIN, *FLAGS, *PARAMETERS, *OTHERS})
ALIASES = {"codec": "c", "vcodec": "c", "vf": "filter", "vtag": "tag", "vbsf": "bsf", "qscale": "q"}
_TRACKS = (
    "The film has all tracks of its source as they are; choose among them, or re-encode them, in the finished film."
)
INSTEAD = {
    **dict.fromkeys(("i", "stream_loop", "itsoffset"), "The film is made of its frames and its source alone."),
    **dict.fromkeys(("map", "an", "sn", "vn", "dn", "acodec", "scodec", "shortest"), _TRACKS),
    **dict.fromkeys(
        ("af", "filter_complex", "lavfi", "filter_script", "filter_complex_script"),
        "Use -vf with a chain of filters for the picture.",
    ),
    **dict.fromkeys(("ss", "sseof"), "Use --start or --frames."),
    **dict.fromkeys(("t", "to"), "Use --end or --frames."),
    **dict.fromkeys(("frames", "vframes", "fs"), "Use --frames."),
    **dict.fromkeys(
        ("pass", "passlogfile", "stats", "x265-stats"),
        "Films are encoded in one pass; choose the quality with -crf or -b:v.",
    ),
    **dict.fromkeys(("y", "n"), "The program has -y of its own, for the film."),
    **dict.fromkeys(
        ("r", "fps_mode", "vsync", "video_track_timescale"),
        "The film has its source's times; see --rate and --variable-rate.",
    ),
    **dict.fromkeys(("color_primaries", "color_trc", "colorspace", "color_range"), "Films are in bt709, and say so."),
    **dict.fromkeys(("vstats", "vstats_file", "report", "progress", "loglevel", "v"), "Use --report or --log-file."),
    "attach": "Attachments of the source come along; add others to the finished film.",
    "f": "The output's suffix and --delivery decide that.",
    "map_metadata": "The film has its source's tags; take them out of the finished film.",
    "s": "Use --size.",
}
"""What to do in place of an option that is refused."""
