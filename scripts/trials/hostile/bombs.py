"""Cases: files that claim to be huge, or become huge when they are read.

A header of a few bytes says sixty thousand by sixty thousand pixels; a chapter list has no end; a text in a picture
unpacks to gigabytes. Each is refused in a sentence, or read as the small file that it is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.trials.hostile.stage import H264, PAINTLESS, PICTURE, Case, Stage, make
from stylevideo.media.ffmpeg import file_url

LARGE, LARGEST = 60_000, 2**31 - 1
MANY = 100_000
EITHER = "done|refused|failed"


def cases() -> Iterator[Case]:
    """All of them."""
    for name in PICTURES:
        for size in (LARGE, LARGEST):
            yield Case(f"bombs: {name} of {size} pixels as style", partial(_style, name, size))
            yield Case(f"bombs: {name} of {size} pixels as frames", partial(_frames, name, size))
    for name in SPECIAL:
        yield Case(f"bombs: {name} as style", partial(_special, name))
    for size in (LARGE, 16_384):
        yield Case(f"bombs: y4m of {size} pixels", partial(_y4m, size))
    for name in VIDEOS:
        yield Case(f"bombs: {name}", VIDEOS[name])


# -- pictures: a whole file, with another size in its header -----------------------------------------


def _png(stage: Stage, size: int) -> bytes:
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(999)))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg(stage: Stage, size: int) -> bytes:
    data = bytearray(_small(stage, "jpg"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", min(size, 65_500), min(size, 65_500))
    return bytes(data)


def _bmp(stage: Stage, size: int) -> bytes:
    data = bytearray(_small(stage, "bmp"))
    data[18:26] = struct.pack("<ii", size, size)
    return bytes(data)


def _gif(stage: Stage, size: int) -> bytes:
    data = bytearray(_small(stage, "gif"))
    data[6:10] = struct.pack("<HH", min(size, 65_535), min(size, 65_535))
    return bytes(data)


def _tiff(stage: Stage, size: int) -> bytes:
    data = bytearray(_small(stage, "tif"))
    start = struct.unpack("<I", data[4:8])[0]
    for place in range(start + 2, start + 2 + 12 * struct.unpack("<H", data[start : start + 2])[0], 12):
        if struct.unpack("<H", data[place : place + 2])[0] in (256, 257):  # width, height
            data[place + 2 : place + 12] = struct.pack("<HII", 4, 1, size)
    return bytes(data)


def _webp(stage: Stage, size: int) -> bytes:
    size = min(size, 2**24) - 1
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + struct.pack("<I", size)[:3] + struct.pack("<I", size)[:3]
    lossless = b"VP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", 0x0FFFFFFF) + bytes(5)
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(lossless)) + b"WEBP" + canvas + lossless


def _exr(stage: Stage, size: int) -> bytes:
    data = bytearray(_small(stage, "exr", "-pix_fmt", "gbrpf32le"))
    for name in (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0"):
        place = data.index(name) + len(name) + 4
        data[place : place + 16] = struct.pack("<iiii", 0, 0, size - 1, size - 1)
    return bytes(data)


def _dpx(stage: Stage, size: int) -> bytes:
    data = bytearray(_small(stage, "dpx", "-pix_fmt", "gbrp10be"))
    data[772:780] = struct.pack(">II", size, size)
    return bytes(data)


def _pnm(stage: Stage, size: int) -> bytes:
    return f"P6\n{size} {size}\n255\n".encode() + bytes(999)


def _hdr(stage: Stage, size: int) -> bytes:
    return f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {size} +X {size}\n".encode() + bytes(999)


PICTURES: dict[str, Callable[[Stage, int], bytes]] = {
    "png": _png,
    "jpg": _jpeg,
    "bmp": _bmp,
    "gif": _gif,
    "tif": _tiff,
    "webp": _webp,
    "exr": _exr,
    "dpx": _dpx,
    "ppm": _pnm,
    "hdr": _hdr,
}


def _small(stage: Stage, suffix: str, *more: str) -> bytes:
    path = stage.root / f"small.{suffix}"
    if not path.exists():
        make(path, "-f", "lavfi", "-i", "testsrc2=size=32x32", "-frames:v", "1", *more, "-update", "1")
    return path.read_bytes()


# -- pictures: oddities ----------------------------------------------------------------------------


def _text_bomb(stage: Stage) -> bytes:
    """A compressed text that unpacks to a gigabyte."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(64)) + packer.flush()
    text = _chunk(b"iTXt", b"comment\0\1\0\0\0" + packed) + _chunk(b"zTXt", b"comment\0\0" + packed)
    png = _small(stage, "png")
    return png[:33] + text + png[33:]


def _profile_bomb(stage: Stage) -> bytes:
    """A colour profile that unpacks to a gigabyte."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(64)) + packer.flush()
    png = _small(stage, "png")
    return png[:33] + _chunk(b"iCCP", b"x\0\0" + packed) + png[33:]


def _pixel_bomb(stage: Stage) -> bytes:
    """Pixels as many as are said: a square of 30000, a few hundred kilobytes of file."""
    side, packer = 30_000, zlib.compressobj(9)
    row = bytes(1 + side)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _many_chunks(stage: Stage) -> bytes:
    png = _small(stage, "png")
    return png[:33] + _chunk(b"tEXt", b"a\0b") * MANY * 5 + png[33:]


def _cyclic(stage: Stage) -> bytes:
    """A directory whose next one is itself."""
    data = bytearray(_small(stage, "tif"))
    start = struct.unpack("<I", data[4:8])[0]
    place = start + 2 + 12 * struct.unpack("<H", data[start : start + 2])[0]
    data[place : place + 4] = struct.pack("<I", start)
    return bytes(data)


def _many_entries(stage: Stage) -> bytes:
    data = bytearray(_small(stage, "tif"))
    start = struct.unpack("<I", data[4:8])[0]
    data[start : start + 2] = b"\xff\xff"
    return bytes(data)


def _wide_and_flat(stage: Stage) -> bytes:
    """Forty million by one."""
    header = struct.pack(">IIBBBBB", 40_000_000, 1, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(40_000_001), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _no_pixels(stage: Stage) -> bytes:
    return _png(stage, 0)


SPECIAL: dict[str, Callable[[Stage], bytes]] = {
    "png with a text of a gigabyte": _text_bomb,
    "png with a profile of a gigabyte": _profile_bomb,
    "png of 900 million pixels": _pixel_bomb,
    "png with 500000 chunks": _many_chunks,
    "png of 40 million by 1": _wide_and_flat,
    "png of no pixels": _no_pixels,
    "tif whose next directory is itself": _cyclic,
    "tif with 65535 entries": _many_entries,
}


def _style(name: str, size: int, stage: Stage) -> None:
    _as_style(stage, stage.put(f"in/look.{name}", PICTURES[name](stage, size)), EITHER)


def _special(name: str, stage: Stage) -> None:
    _as_style(stage, stage.put(f"in/look.{name[:3]}", SPECIAL[name](stage)), EITHER)


def _as_style(stage: Stage, style: Path, ends: str) -> None:
    words = ("run", stage.clip(), "--style", style, "-o", stage.film, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends=ends)


def _frames(name: str, size: int, stage: Stage) -> None:
    for number in (1, 2):
        stage.put(f"in/shot/{number:04d}.{name}", PICTURES[name](stage, size))
    stage.call("probe", stage.root / "in" / "shot", ends=EITHER)
    stage.run(stage.root / "in" / "shot", ends="refused|failed|done")


# -- video -----------------------------------------------------------------------------------------


def _y4m(size: int, stage: Stage) -> None:
    clip = stage.put("in/clip.y4m", f"YUV4MPEG2 W{size} H{size} F24:1 Ip A1:1 C420jpeg\nFRAME\n".encode() + bytes(9999))
    stage.run(clip, ends="refused|failed")


def _described(text: str, stage: Stage, *more: str) -> Path:
    """A small clip with these tags and chapters."""
    tags, clip = stage.put("in/tags", f";FFMETADATA1\n{text}"), stage.root / "in" / "clip.mkv"
    with_tags = ("-i", file_url(tags), "-map_metadata", "1", "-map_chapters", "1", "-map", "0")
    make(clip, "-i", file_url(stage.clip()), *with_tags, "-c", "copy", *more)
    return clip


def _chapters(stage: Stage) -> None:
    parts = (f"[CHAPTER]\nTIMEBASE=1/100000\nSTART={n}\nEND={n + 1}\ntitle=c{n}\n" for n in range(50_000))
    stage.run(_described("".join(parts), stage), ends=EITHER)


def _tags(stage: Stage) -> None:
    stage.run(_described("".join(f"tag{n}=v{n}\n" for n in range(20_000)), stage), ends=EITHER)


def _long_tag(stage: Stage) -> None:
    stage.run(_described("comment=" + "x" * 10_000_000 + "\n", stage), ends=EITHER)


def _streams(stage: Stage) -> None:
    clip = stage.root / "in" / "clip.mkv"
    maps = [word for _ in range(300) for word in ("-map", "0:a")]
    make(clip, "-i", file_url(stage.clip()), "-map", "0:v", *maps, "-c", "copy")
    stage.run(clip, ends=EITHER)


def _claims(stage: Stage) -> None:
    """An MP4 whose sample description says another size than its stream."""
    data = bytearray(stage.stock["clip.mp4"])
    place = data.index(b"avc1", data.index(b"stsd")) + 4 + 24
    data[place : place + 4] = struct.pack(">HH", 65_535, 65_535)
    stage.run(stage.put("in/clip.mp4", bytes(data)), ends=EITHER)


def _many_samples(stage: Stage) -> None:
    """An MP4 that says it has two thousand million samples."""
    data = bytearray(stage.stock["clip.mp4"])
    for name in (b"stsz", b"stts"):
        place = data.index(name) + (12 if name == b"stsz" else 8)
        data[place : place + 4] = struct.pack(">I", 0x7FFFFFFF)
    stage.run(stage.put("in/clip.mp4", bytes(data)), ends="refused|failed|done")


def _far_apart(stage: Stage) -> None:
    """At a constant rate these would be a thousand million frames."""
    clip = stage.root / "in" / "clip.mkv"
    spread = r"setts=ts=if(eq(N\,5)\,31536000000\,N*42)"
    make(clip, *PICTURE, *H264, "-bf", "0", "-frames:v", "6", "-bsf:v", spread)
    stage.run(clip, "--frames", "1-6", ends=EITHER)


def _many_subtitles(stage: Stage) -> None:
    lines = (f"{n + 1}\n00:00:00,{n % 1000:03d} --> 00:00:00,999\nline {n}\n\n" for n in range(20_000))
    text, clip = stage.put("in/lines.srt", "".join(lines)), stage.root / "in" / "clip.mkv"
    make(
        clip, "-i", file_url(stage.clip()), "-i", file_url(text), "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt"
    )
    stage.run(clip, ends=EITHER)


def _many_files(stage: Stage) -> None:
    """A folder of fifty thousand names."""
    (stage.root / "in" / "shot").mkdir()
    for number in range(20_000):
        (stage.root / "in" / "shot" / f"{number:06d}.png").touch()
    stage.call("probe", stage.root / "in" / "shot", ends="refused")


def _sparse_numbers(stage: Stage) -> None:
    for number in (1, 10**10, 10**18):
        stage.put(f"in/shot/IMG_{number:020d}.png", stage.stock["frame.png"])
    stage.call("probe", stage.root / "in" / "shot", ends="refused")
    stage.run(stage.root / "in" / "shot", ends="refused")


def _many_rates(stage: Stage) -> None:
    clip = stage.put(
        "in/clip.y4m", b"YUV4MPEG2 W32 H32 F1000000000:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + bytes(1536)) * 3
    )
    stage.run(clip, ends=EITHER)


VIDEOS: dict[str, Callable[[Stage], None]] = {
    "50000 chapters": _chapters,
    "20000 tags": _tags,
    "a tag of 10 MB": _long_tag,
    "300 sound tracks": _streams,
    "20000 subtitles": _many_subtitles,
    "mp4 whose description says 65535 pixels": _claims,
    "mp4 of 2000 million samples": _many_samples,
    "two frames a year apart": _far_apart,
    "20000 empty pictures": _many_files,
    "sparse numbers": _sparse_numbers,
    "1000000000 frames a second": _many_rates,
}
