"""Damaged footage, the same for the same seed and number: small real files of many kinds, and what is done to them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from stylevideo.media.ffmpeg import file_url, last_lines, run_ffmpeg

MOST_CHANGES = 3
MOST_FLIPS = 16
HEADER_BYTES = 1024
FOOTER_BYTES = 2048
"""Where an MP4 that was recorded in one go has what others have in front."""
LARGE = (0xFF, 0x7FFF, 0xFFFF, 0x00FFFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
ATOM = re.compile(
    rb"(?:ftyp|moov|mvhd|trak|tkhd|mdhd|stbl|st[stcsdz]{2}|ctts|elst|mdat|RIFF|LIST|strh|strf|idx1|IHDR|IDAT)"
)

PLAYLISTS = {
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:/etc/hostname\n#EXT-X-ENDLIST\n" * 4,
    "list.mp4": b"ffconcat version 1.0\nfile other.ts\nfile ../other.ts\nduration 5\n" * 4,
    "session.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 50005 RTP/AVP 96\n",
    "manifest.mpd": b"<?xml version='1.0'?><MPD><Period><BaseURL>file:/etc/hostname</BaseURL></Period></MPD>",
}
"""Texts that name other files, whole and damaged."""
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "3")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration=0.4")
VIDEOS: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*H264, "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "fragmented.mp4": (*H264, "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"),
    "pcm.mp4": (*H264, "-c:a", "pcm_s16le"),
    "h264.mov": (*H264, "-pix_fmt", "yuv420p10le", "-c:a", "pcm_s16le", "-timecode", "01:00:00:00"),
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le", "-c:a", "aac"),
    "h264.mkv": (*H264, "-bf", "2", "-c:a", "flac"),
    "ffv1.mkv": ("-c:v", "ffv1", "-c:a", "pcm_s16le"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-c:a", "mp3"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    "h264.ts": (*H264, "-c:a", "aac"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
    "still.gif": ("-an",),
    "moving.apng": ("-an", "-f", "apng"),
    "moving.webp": ("-an", "-c:v", "libwebp_anim"),
    "moving.gif": ("-an", "-final_delay", "300"),
    "theora.ogv": ("-c:v", "libtheora", "-c:a", "libvorbis"),
    "windows.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "flash.flv": (*H264, "-c:a", "aac"),
    "phone.3gp": ("-c:v", "mpeg4", "-c:a", "aac"),
    "program.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "bare.h264": (*H264, "-an"),
    "fields.mts": (*H264, "-flags", "+ildct+ilme", "-c:a", "aac"),
    "turned.mp4": (*H264, "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90:flip=horizontal"),
    "broken.ts": (*H264, "-bf", "2", "-c:a", "aac", "-bsf:v", "noise=drop=lt(n\\,2)"),
    "held.mp4": (*H264, "-bsf:v", "setts=duration=if(eq(N\\,5)\\,DURATION*50\\,DURATION)"),
    "late.mkv": (*H264, "-output_ts_offset", "-0.133", "-avoid_negative_ts", "disabled"),
    "mpeg2.mxf": ("-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000"),
}
SEQUENCES: dict[str, tuple[str, ...]] = {
    "png": ("-pix_fmt", "rgb24"),
    "png16": ("-pix_fmt", "rgba64be"),
    "tif": ("-pix_fmt", "rgb24"),
    "exr": ("-pix_fmt", "gbrapf32le"),
    "jpg": ("-pix_fmt", "yuvj420p"),
    "dpx": ("-pix_fmt", "gbrp10be"),
}


@dataclass(frozen=True)
class Original:
    """A whole clip: the content of its files, by name; several are a sequence in a folder."""

    name: str
    files: dict[str, bytes]

    @property
    def is_sequence(self) -> bool:
        return len(self.files) > 1


@dataclass(frozen=True)
class Damaged:
    """A clip that was damaged.

    Attributes:
        folder: where its files lie.
        clip: its file, or the folder of a sequence.
        story: what was done to what.
    """

    folder: Path
    clip: Path
    story: str


def make_originals(folder: Path) -> list[Original]:
    """Small clips with sound of every kind, made by ffmpeg; stills; and texts that name other files."""
    videos = [_video(folder, name, encoder) for name, encoder in VIDEOS.items()]
    sequences = [_sequence(folder, name, encoder) for name, encoder in SEQUENCES.items()]
    stills = [Original(f"still {name}", {name: data}) for name, data in _stills(sequences)]
    return [*videos, *sequences, *stills, *(Original(name, {name: text}) for name, text in PLAYLISTS.items())]


def _stills(sequences: list[Original]) -> list[tuple[str, bytes]]:
    """The first picture of each sequence, alone."""
    return [(name, data) for sequence in sequences for name, data in list(sequence.files.items())[:1]]


def _video(folder: Path, name: str, encoder: tuple[str, ...]) -> Original:
    _ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=0.25", *TONE, *encoder, file_url(folder / name))
    return Original(name, {name: (folder / name).read_bytes()})


def _sequence(folder: Path, name: str, encoder: tuple[str, ...]) -> Original:
    files = folder / name
    files.mkdir()
    target = file_url(files / f"shot.%04d.{name.removesuffix('16')}")
    _ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=0.125", *encoder, "-f", "image2", target)
    return Original(f"{name} files", {file.name: file.read_bytes() for file in sorted(files.iterdir())})


def _ffmpeg(*arguments: str) -> None:
    run = run_ffmpeg(["-v", "error", "-y", *arguments])
    if run.status:
        raise RuntimeError(last_lines(run.messages))


def damage(originals: list[Original], seed: int, number: int, folder: Path) -> Damaged:
    """Write a damaged clip.

    Args:
        originals: what it is made from.
        seed, number: what is damaged, and how, follows from them alone.
        folder: an empty one; the clip is a file in it, or for a sequence the folder itself.
    """
    chance = Random(f"{seed} {number}")
    original = originals[number % len(originals)]
    harmed = chance.choice(sorted(original.files))
    data, done = original.files[harmed], []
    for _ in range(chance.randint(1, MOST_CHANGES)):
        name, change = chance.choice(sorted(CHANGES.items()))
        data = change(data, chance) if len(data) > 8 else data
        done.append(name)
    for name, whole in original.files.items():
        (folder / name).write_bytes(data if name == harmed else whole)
    story = f"{number}: {original.name}, {harmed}: {', '.join(done)}"
    return Damaged(folder, folder if original.is_sequence else folder / harmed, story)


def _place(data: bytes, chance: Random) -> int:
    """Somewhere in a file: mostly where its headers are."""
    where = chance.random()
    if where < 0.5:
        return chance.randrange(min(HEADER_BYTES, len(data)))
    if where < 0.8:
        return chance.randrange(max(0, len(data) - FOOTER_BYTES), len(data))
    return chance.randrange(len(data))


def _stretch(data: bytes, chance: Random) -> tuple[int, int]:
    start = _place(data, chance)
    return start, min(len(data), start + chance.choice((4, 16, 64, 512, 4096)))


def _flip(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, MOST_FLIPS)):
        changed[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut_off(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _blank(data: bytes, chance: Random) -> bytes:
    start, stop = _stretch(data, chance)
    return data[:start] + bytes(stop - start) + data[stop:]


def _scramble(data: bytes, chance: Random) -> bytes:
    start, stop = _stretch(data, chance)
    return data[:start] + chance.randbytes(stop - start) + data[stop:]


def _swap(data: bytes, chance: Random) -> bytes:
    first, middle, last = sorted(_place(data, chance) for _ in range(3))
    return data[:first] + data[middle:last] + data[first:middle] + data[last:]


def _leave_out(data: bytes, chance: Random) -> bytes:
    start, stop = _stretch(data, chance)
    return data[:start] + data[stop:]


def _append(data: bytes, chance: Random) -> bytes:
    return data + chance.randbytes(chance.choice((1, 100, 10_000, 1_000_000)))


def _enlarge_number(data: bytes, chance: Random) -> bytes:
    """A large number somewhere in a header: a size, a count, a width."""
    kind = chance.choice((">I", "<I", ">H", "<H"))
    number = chance.choice(LARGE) & (0xFFFFFFFF if kind[1] == "I" else 0xFFFF)
    return _put(data, _place(data, chance), struct.pack(kind, number))


def _enlarge_atom(data: bytes, chance: Random) -> bytes:
    """A large size, or a large first number, in one of the boxes that MP4, AVI and PNG are made of."""
    atoms = [match.start() for match in ATOM.finditer(data)]
    if not atoms:
        return _enlarge_number(data, chance)
    return _put(data, chance.choice(atoms) + chance.choice((-4, 4, 8, 12)), struct.pack(">I", chance.choice(LARGE)))


def _put(data: bytes, place: int, piece: bytes) -> bytes:
    place = max(0, place)
    return (data[:place] + piece + data[place + len(piece) :])[: len(data)]


CHANGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "bits flipped": _flip,
    "cut off": _cut_off,
    "zeroed": _blank,
    "scrambled": _scramble,
    "swapped": _swap,
    "left out": _leave_out,
    "rubbish appended": _append,
    "number enlarged": _enlarge_number,
    "atom enlarged": _enlarge_atom,
}
