"""Raw pictures with a time for each, as a stream that ffmpeg reads: Matroska with uncompressed video.

A raw pipe has a constant rate; this one has any. Only what ffmpeg needs of RFC 9559 is written.
"""

from __future__ import annotations

from fractions import Fraction

UNIT_NS = 1000
"""Times are counted in microseconds."""
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_FOUR_CC = {"rgb24": b"RGB\x18", "rgba": b"RGBA", "rgb48le": b"RGB\x30", "rgba64le": b"RBA\x40"}
"""By ffmpeg's pixel format, as its decoder of raw video knows them."""


def stream_header(width: int, height: int, pixel_format: str) -> bytes:
    """What comes before the first picture.

    Args:
        width, height: pixels.
        pixel_format: rgb24, rgba, rgb48le or rgba64le.
    """
    head = _element(0x1A45DFA3, _element(0x4282, b"matroska"), _number(0x4287, 4), _number(0x4285, 2))
    info = _element(0x1549A966, _number(0x2AD7B1, UNIT_NS))
    video = _element(0xE0, _number(0xB0, width), _number(0xBA, height), _element(0x2EB524, _FOUR_CC[pixel_format]))
    names = (_number(0xD7, 1), _number(0x73C5, 1), _number(0x83, 1), _element(0x86, b"V_UNCOMPRESSED"))
    language = _element(0x22B59C, b"und")  # else it is English, and so is the film's
    tracks = _element(0x1654AE6B, _element(0xAE, *names, language, video))
    return head + _id(0x18538067) + _UNKNOWN_SIZE + info + tracks


def picture_header(time: Fraction, length: Fraction, size: int) -> bytes:
    """What comes before a picture of so many bytes that is shown at a time, for a time, both in seconds.

    Without a length ffmpeg's MP4 ends where the last picture begins, and hides it.
    """
    block_head = b"\x81\x00\x00\x00"  # track 1, no offset from the cluster's time
    timestamp = _number(0xE7, _units(time))
    block = _number(0x9B, _units(length)) + _id(0xA1) + _size(len(block_head) + size) + block_head
    group = _id(0xA0) + _size(len(block) + size) + block
    return _id(0x1F43B675) + _size(len(timestamp) + len(group) + size) + timestamp + group


def _units(time: Fraction) -> int:
    return round(time * 1_000_000_000 / UNIT_NS)


def _element(identity: int, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return _id(identity) + _size(len(payload)) + payload


def _number(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(8, "big"))


def _id(identity: int) -> bytes:
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    return (0x01 << 56 | length).to_bytes(8, "big")
