"""The forms in which a film is delivered: codecs, pixel formats, and the containers that hold them.

A table, and the choice from it. Knows ffmpeg's words for these things; runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from stylevideo.errors import InputError
from stylevideo.settings.encoder_arguments import EncoderArguments
from stylevideo.settings.encoder_options import names
from stylevideo.timeline.clip import bits_of

# x264's and x265's results depend on the number of threads; the default follows the machine's.
ENCODER_THREADS = 8
X265_THREADS = "pools=4:frame-threads=2:wpp=1:log-level=error"
OPAQUE, TRANSPARENT = False, True
COLOR_TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
RGB_TAGS = "setparams=range=pc:colorspace=gbr:color_primaries=bt709:color_trc=bt709"
PIPE_FORMATS = {(8, OPAQUE): "rgb24", (16, OPAQUE): "rgb48le", (8, TRANSPARENT): "rgba", (16, TRANSPARENT): "rgba64le"}
"""ffmpeg's names of the RGB that a film is fed with, by its bits a channel and whether there is alpha."""
NOTHING_MORE = EncoderArguments()


@dataclass(frozen=True)
class Container:
    """What a kind of file is called by ffmpeg, and how streams that it cannot copy are rewritten.

    Attributes:
        cover: how it holds one: by "copy" as a stream, by "attach" as a file.
        data: whether it holds streams of measurements, in some formats.
        tags: those that it has a place of its own for; None where it holds any.
        empty_tracks: whether it has a track in which there is nothing.
        says: whether it holds languages, chapters and tags.
        timed: whether sound has times of its own; where not, it begins and ends with the picture, and is rewritten.
    """

    muxer: str
    audio: tuple[str, ...] = ()
    subtitle: tuple[str, ...] = ()
    attachment: tuple[str, ...] = ()
    cover: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    tags: frozenset[str] | None = None
    empty_tracks: bool = True
    says: bool = True
    timed: bool = True


_EVERYWHERE = names("title artist album comment genre date copyright creation_time location")
_MP4 = Container(
    "mp4",
    audio=("aac",),
    subtitle=("mov_text",),
    cover=("copy",),
    data=("copy",),
    tags=_EVERYWHERE | names("description keywords"),
    empty_tracks=False,
)
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": replace(_MP4, muxer="mov", cover=(), tags=_EVERYWHERE | names("make model")),
    ".mkv": Container("matroska", audio=("aac",), subtitle=("srt", "ass"), attachment=("copy",), cover=("attach",)),
    ".webm": Container("webm", audio=("libopus",), subtitle=("webvtt",)),
    ".mxf": Container("mxf", audio=("pcm_s24le",), says=False, timed=False),
}


@dataclass(frozen=True)
class Delivery:
    """A form in which a film is delivered.

    Attributes:
        name: as in `--delivery`.
        description: what it is good for.
        suffixes: of the files that can hold it, the usual one first.
        formats: of a film, ffmpeg's pixel formats by the bits a channel that it is fed with (8 or 16) and whether
            there is alpha.
        odd_format: the one for pictures with an odd side, where the usual one cannot have them.
        encoder: of a film, ffmpeg's arguments.
        crf: constant rate factor unless another is asked for; None where the codec has none.
        file_bits: of an image sequence, bits a channel that its files can have: 8, 16, or 32 for floating point.
        opaque_in: those of the suffixes whose files cannot hold its alpha.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    formats: Mapping[tuple[int, bool], str] = field(default_factory=dict)
    odd_format: str = ""
    encoder: tuple[str, ...] = ()
    crf: int | None = None
    file_bits: tuple[int, ...] = ()
    opaque_in: tuple[str, ...] = ()

    @property
    def is_sequence(self) -> bool:
        """Whether each frame is a file of its own."""
        return bool(self.file_bits)

    @property
    def depths(self) -> tuple[int, ...]:
        """Bits a channel that it can be fed with, ascending; the first is for footage of 8 bits."""
        return self.file_bits or tuple(sorted({bits for bits, _ in self.formats}))

    @property
    def has_alpha(self) -> bool:
        """Whether it can hold an alpha channel."""
        if self.is_sequence:
            return self.name != "jpeg"
        return any(alpha for _, alpha in self.formats)

    def within(self, suffix: str) -> Delivery:
        """What remains of it in such a file."""
        if suffix not in self.opaque_in:
            return self
        return replace(self, formats={key: name for key, name in self.formats.items() if key[1] is OPAQUE})

    def film_bits(self, bits: int, alpha: bool = False) -> int:
        """Bits a channel that the film keeps when it is fed with so many."""
        return (
            min(bits, self.file_bits[-1])
            if self.is_sequence
            else bits_of(self.pixel_format(bits, alpha and self.has_alpha, odd=False))
        )

    def pixel_format(self, bits: int, alpha: bool, odd: bool) -> str:
        """ffmpeg's pixel format for pictures of 8 or 16 bits, with alpha, with an odd side.

        A delivery with one depth has it whatever it is fed with.
        """
        if odd and self.odd_format and not alpha:
            return self.odd_format
        fitting = {depth: name for (depth, with_alpha), name in self.formats.items() if with_alpha == alpha}
        return fitting.get(bits) or next(iter(fitting.values()))


DELIVERIES = {
    delivery.name: delivery
    for delivery in (
        Delivery(
            "h264",
            "review and the web: H.264, 8 bits",
            suffixes=(".mp4", ".mov", ".m4v", ".mkv"),
            formats={(8, OPAQUE): "yuv420p"},
            odd_format="yuv444p",
            encoder=("-c:v:0", "libx264", "-threads:v:0", str(ENCODER_THREADS)),
            crf=18,
        ),
        Delivery(
            "h265-10",
            "small files without banding: HEVC, 10 bits",
            suffixes=(".mp4", ".mov", ".m4v", ".mkv"),
            formats={(16, OPAQUE): "yuv420p10le"},
            odd_format="yuv444p10le",
            encoder=("-c:v:0", "libx265", "-x265-params", X265_THREADS),
            crf=20,
        ),
        Delivery(
            "prores-hq",
            "editing: ProRes 422 HQ, 10 bits",
            suffixes=(".mov", ".mkv", ".mxf"),
            formats={(16, OPAQUE): "yuv422p10le"},
            encoder=("-c:v:0", "prores_ks", "-profile:v:0", "3", "-vendor", "apl0"),
        ),
        Delivery(
            "prores-4444",
            "compositing: ProRes 4444, 10 bits, alpha with 16",
            suffixes=(".mov", ".mkv"),
            formats={(16, OPAQUE): "yuv444p10le", (16, TRANSPARENT): "yuva444p10le"},
            encoder=("-c:v:0", "prores_ks", "-profile:v:0", "4444", "-vendor", "apl0", "-alpha_bits", "16"),
        ),
        Delivery(
            "dnxhr-hqx",
            "editing: DNxHR HQX, 10 bits",
            suffixes=(".mov", ".mxf", ".mkv"),
            formats={(16, OPAQUE): "yuv422p10le"},
            encoder=("-c:v:0", "dnxhd", "-profile:v:0", "dnxhr_hqx"),
        ),
        Delivery(
            "ffv1",
            "archive: FFV1 in RGB, lossless, 8 or 16 bits, alpha",
            suffixes=(".mkv",),
            formats={
                (8, OPAQUE): "bgr0",
                (8, TRANSPARENT): "bgra",
                (16, OPAQUE): "gbrp16le",
                (16, TRANSPARENT): "gbrap16le",
            },
            encoder=("-c:v:0", "ffv1", "-level", "3", "-slices", "16", "-slicecrc", "1", "-context", "1"),
        ),
        Delivery(
            "vp9",
            "the web: VP9, 8 bits with alpha, or 10 bits",
            suffixes=(".webm", ".mkv", ".mp4"),
            opaque_in=(".mp4",),
            formats={(8, OPAQUE): "yuv420p", (8, TRANSPARENT): "yuva420p", (16, OPAQUE): "yuv420p10le"},
            encoder=("-c:v:0", "libvpx-vp9", "-b:v:0", "0", "-row-mt", "0", "-threads:v:0", str(ENCODER_THREADS)),
            crf=24,
        ),
        Delivery(
            "av1",
            "the smallest files: AV1, 10 bits",
            suffixes=(".mp4", ".mkv", ".webm"),
            formats={(16, OPAQUE): "yuv420p10le"},
            encoder=("-c:v:0", "libsvtav1", "-preset", "6"),
            crf=24,
        ),
        Delivery(
            "png",
            "an image sequence: PNG, 8 bits, or 16 where the source has more",
            suffixes=(".png",),
            file_bits=(8, 16),
        ),
        Delivery("png16", "an image sequence: PNG, 16 bits", suffixes=(".png",), file_bits=(16,)),
        Delivery("tiff16", "an image sequence: TIFF, 16 bits", suffixes=(".tif", ".tiff"), file_bits=(16,)),
        Delivery("jpeg", "an image sequence: JPEG, 8 bits", suffixes=(".jpg", ".jpeg"), file_bits=(8,)),
        Delivery("exr", "an image sequence: OpenEXR, scene-linear light", suffixes=(".exr",), file_bits=(32,)),
    )
}
_USUAL = {".mp4": "h264", ".m4v": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9", ".mxf": "dnxhr-hqx"}
_USUAL |= {".png": "png", ".tif": "tiff16", ".tiff": "tiff16", ".jpg": "jpeg", ".jpeg": "jpeg", ".exr": "exr"}


def choose_delivery(name: str, output: Path) -> Delivery:
    """The delivery with this name, or for "auto" what the output's suffix usually stands for.

    Raises:
        InputError: that suffix is not known, or such a file cannot hold the delivery.
    """
    suffix = output.suffix.lower()
    if name == "auto":
        if suffix not in _USUAL:
            kind = f"{output.suffix} files are" if output.suffix else "a name without a suffix is"
            raise InputError(f"{output.name}: {kind} not supported for films. Use one of {', '.join(_USUAL)}.")
        return DELIVERIES[_USUAL[suffix]]
    delivery = DELIVERIES[name]
    if suffix not in delivery.suffixes:
        raise InputError(
            f"{output.name}: --delivery {name} goes into {' or '.join(delivery.suffixes)} files. "
            "Choose another output with -o, or another delivery."
        )
    return delivery.within(suffix)


@dataclass(frozen=True)
class Encoding:
    """How a film's picture is encoded.

    Attributes:
        delivery: the form.
        crf: constant rate factor; -1 takes the delivery's own.
        variable_rate: keep a variable-rate source's times instead of repeating frames.
        extra: what the user wants of the encoder beside that, and on the picture.
        comment: what the film says of itself; put after the source's own comment.
    """

    delivery: Delivery = DELIVERIES["h264"]
    crf: int = -1
    variable_rate: bool = False
    extra: EncoderArguments = NOTHING_MORE
    comment: str = ""

    def arguments(self, muxer: str) -> list[str]:
        """ffmpeg's arguments for the encoder."""
        crf = self.delivery.crf if self.crf < 0 else self.crf
        quality = [] if self.delivery.crf is None else ["-crf:v:0", str(crf)]
        # Apple's players know HEVC in mp4 and mov by this name alone.
        tag = ["-tag:v:0", "hvc1"] if self.delivery.name == "h265-10" and muxer in ("mp4", "mov") else []
        if self.extra.encoder:  # which knows no other encoder's options
            return tag if "hevc" in self.extra.encoder or "265" in self.extra.encoder else []
        return [*self.delivery.encoder, *quality, *tag]

    def last_arguments(self) -> list[str]:
        """ffmpeg's arguments that the user gave, which come after all others."""
        words = list(self.extra.options)
        for place, option in enumerate(words[:-1:2]):
            if option == "-x265-params:v:0":  # they would take the place of those that make films alike everywhere
                words[2 * place + 1] = f"{X265_THREADS}:{words[2 * place + 1]}"
        return words

    def filters(self, pixel_format: str, size: tuple[int, int], alpha: bool) -> Iterator[str]:
        """The filters from RGB of full range to what the encoder is fed with.

        Args:
            pixel_format: of the film.
            size: width and height.
            alpha: whether the RGB has a fourth channel.
        """
        from stylevideo.media.colors import film_conversion  # loads NumPy, which names of deliveries need not wait for

        is_rgb = pixel_format.startswith(("gbr", "bgr"))
        yield f"format={pixel_format}" if is_rgb else film_conversion(pixel_format, size, alpha)
        tags = RGB_TAGS if is_rgb else COLOR_TAGS
        yield tags
        if self.extra.filters:  # on pictures that say what they are: some are converted
            yield from (self.extra.filters, f"format={pixel_format}", tags)
