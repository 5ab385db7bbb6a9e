"""Frames of a video decoded by ffmpeg: for more than 8 bits, alpha, and whatever needs a filter first.

OpenCV's own decoder gives 8 bits and no alpha. Here ffmpeg decodes and filters, writes each frame as a PNG into
a pipe, and OpenCV reads that; nothing is lost on the way and nothing lies on the disk. The time of each frame is
read from ffmpeg's messages, so that a frame that is missing is noticed; and so is an ffmpeg that died, which must not
pass for a damaged film.
"""

from __future__ import annotations

import queue
import re
import signal
import struct
import subprocess
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import IO

import cv2
import numpy as np

from stylevideo.errors import DecodeError
from stylevideo.media.clock import one_clock
from stylevideo.media.colors import conversion, converts, reads_as_bt709, zscale_takes
from stylevideo.media.decode.timestamps import TIME_TOLERANCE_MS, index_at, times_ms
from stylevideo.media.ffmpeg import (
    STDERR_LINES_SHOWN,
    STOPPED_STATUS,
    ffmpeg_output,
    ffmpeg_path,
    last_lines,
    reading_time_s,
    source_input,
    start_ffmpeg,
)
from stylevideo.media.images.pictures import Picture, Reading, as_picture
from stylevideo.media.orientation import upright
from stylevideo.system.heartbeat import beat
from stylevideo.system.memory import tells_of_memory
from stylevideo.system.process import Watch, end_process
from stylevideo.system.threads import start_thread
from stylevideo.timeline.clip import VideoInfo

SCALER_FLAGS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
SILENTLY_WOVEN = frozenset({"dnxhd", "dvvideo", "hevc", "mpeg4", "vc1", "wmv3"})
"""Codecs whose frames may be interlaced without a word of it in ffmpeg's list, which even calls some progressive."""
LATEST_TIME_S = 5.0
"""A frame's time comes before the frame; it is waited for no longer than this."""
SILENCE_S = 300.0
"""ffmpeg is ended that neither gives a picture nor says a word for so long while one is waited for."""
LONGEST_WORDS = 1000
PNG_BYTES_A_PIXEL, PNG_BYTES = 9, 1 << 20
"""That an uncompressed PNG has at most: of 16 bits with alpha, and beside its pixels."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DAMAGE_STATUSES = frozenset({0, 69, 183})
"""ffmpeg's exit statuses after damaged footage: none, too many errors, invalid data."""
SKIPPED = "showinfo@skipped"
_OF_THE_CLIP = (" ", "Input #", "Output #")
"""How the lines begin in which ffmpeg prints what a clip says of itself, and files' names."""
_TIME = re.compile(r"\[Parsed_showinfo_\d+ @ [^]]*\] n: *(\d+) pts: *(-?\d+|NOPTS) ")
_CLOCK = re.compile(r"\[Parsed_showinfo_\d+ @ [^]]*\] config in time_base: (\d+/\d+)")


def needs_ffmpeg(info: VideoInfo, reading: Reading) -> bool:
    """Whether OpenCV's own decoder cannot give what is asked for.

    Of interlaced footage OpenCV 5.0 gives garbage: parts of the picture are never written. Untagged HD it takes for
    BT.601, which shifts saturated colours by up to 22/255. It knows no primaries.
    """
    if reads_as_bt709(info) or converts(info, reading.tonemap):
        return True
    woven = info.interlaced or info.codec in SILENTLY_WOVEN
    alpha = info.has_alpha and reading.alpha != "drop"
    return _is_deep(info, reading) or woven or reading.deinterlace or alpha


def _is_deep(info: VideoInfo, reading: Reading) -> bool:
    """Whether RGB of 8 bits would be less than the clip has: YUV of 8 bits tells more colours apart, as does light."""
    return reading.bits > 8 and (info.bits > 8 or info.is_yuv or converts(info, reading.tonemap))


def decode_with_ffmpeg(info: VideoInfo, reading: Reading, first: int) -> Generator[tuple[int, Picture]]:
    """The index, ascending, and the picture of each frame from index `first` on that can be decoded.

    Raises:
        DecodeError: ffmpeg ended before the film did, for another reason than damage.
        MemoryError: ffmpeg had too little.
    """
    times, position, number = times_ms(info), first if info.timed else 0, -1
    before_ms = None
    with _running(_command(info, reading, first)) as (pipe, clock, watch):
        for number, coded in enumerate(_split_pngs(pipe, watch)):
            time_ms, found = clock.time_ms(number), None
            if info.timed and time_ms is not None:
                since_first_ms = time_ms - float((info.start_time - info.zero_of_picture) * 1000)
                if since_first_ms < -TIME_TOLERANCE_MS and info.orderly:
                    continue
                found = index_at(times, since_first_ms, position)
            elif not info.timed:
                found = min(position + _left_out(info, before_ms, time_ms), info.frame_count - 1)
            index, before_ms = position if found is None else found, time_ms
            clock.require_memory()
            if index >= info.frame_count:
                return
            position = index + 1
            if index >= first:
                pixels = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_UNCHANGED)
                if pixels is None:  # ffmpeg writes good ones
                    raise MemoryError("OpenCV cannot decode a PNG")
                pixels = upright(pixels, info.rotation, info.mirrored)
                yield index, as_picture(pixels, reading).fitted((info.height, info.width))
        status = watch.wait()
        if watch.is_over or status is None:
            raise DecodeError(
                f"{info.path.name}: ffmpeg decoded nothing for {SILENCE_S:.0f} seconds, and was ended. "
                "Check the disk or the network that the clip lies on, and run again."
            )
        clock.join()
        clock.require_memory()
        _require_orderly_end(info, status, clock, position if number >= 0 else 0)


def seek_with_ffmpeg(info: VideoInfo, reading: Reading, index: int) -> Picture | None:
    """About the frame with this index, without decoding all that lies before it; None where nothing is found there.

    The same each time that it is asked for. In some formats it is another frame nearby.
    """
    since = (info.pts[max(0, index - 1)] + info.pts[index]) * info.time_base / 2 if index else Fraction(0)
    arguments = [
        *("-v", "error", "-noautorotate", "-ss", f"{float(since):.6f}", *source_input(info.path, info.demuxer)),
        *("-map", "0:V:0", "-frames:v", "1", "-filter:v", ",".join(_filters(info, reading, 0))),
        *("-c:v", "png", "-compression_level", "0", "-pred", "none", "-f", "image2pipe", "-"),
    ]
    try:
        most_bytes = PNG_BYTES_A_PIXEL * info.width * info.height + PNG_BYTES
        coded = ffmpeg_output(arguments, reading_time_s(info.path), most_bytes)
    except DecodeError:
        return None
    pixels = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_UNCHANGED) if coded else None
    if pixels is None:
        return None
    return as_picture(upright(pixels, info.rotation, info.mirrored), reading).fitted((info.height, info.width))


def _left_out(info: VideoInfo, before_ms: float | None, time_ms: float | None) -> int:
    """How many frames are missing between two that came one after another, by a clock that counts packets (AVI)."""
    if before_ms is None or time_ms is None or info.variable_rate:
        return 0
    steps = (time_ms - before_ms) * float(info.rate) / 1000
    whole = abs(steps - round(steps)) * 1000 < TIME_TOLERANCE_MS * float(info.rate)
    return max(0, round(steps) - 1) if whole else 0


def _require_orderly_end(info: VideoInfo, status: int, clock: _Clock, position: int) -> None:
    """Tell an ffmpeg that was killed, or gave up, from a film that is damaged.

    An ffmpeg that gives up before its first picture found nothing to decode, whatever it calls that.

    Args:
        info: of the file.
        status: ffmpeg's, negative after a signal.
        clock: it has ffmpeg's messages.
        position: index of the frame after the last that came; 0 if none did.
    """
    died = status < 0 or status >= STOPPED_STATUS  # higher ones are Windows' names of crashes
    if not died and (not position or status in DAMAGE_STATUSES):
        return
    if not died:
        last = info.number(position - 1)
        raise DecodeError(
            f"{info.path.name}: ffmpeg cannot go on after frame {last}:\n  {clock.last_words()}\n  "
            f"Choose --frames up to {last}, or convert the clip first."
        )
    how = f"was killed ({signal.strsignal(-status)})" if status < 0 else f"ended with status {status}"
    raise DecodeError(
        f"{info.path.name}: ffmpeg {how} while it decoded:\n  {clock.last_words()}\n  "
        "Free some memory, or close what stopped it, and run again."
    )


def _command(info: VideoInfo, reading: Reading, first: int) -> list[str]:
    # ffmpeg's own decoders of these leave alpha out.
    decoder = ["-c:v", f"libvpx{'-vp9' if info.codec == 'vp9' else ''}"] if info.codec in ("vp8", "vp9") else []
    return [
        *(ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-v", "info"),
        *(*decoder, "-noautorotate", *source_input(info.path, info.demuxer)),
        *("-map", "0:V:0", "-filter:v", ",".join(_filters(info, reading, first)), "-fps_mode", "passthrough"),
        *("-c:v", "png", "-compression_level", "0", "-pred", "none", "-f", "image2pipe", "-"),
        *one_clock(info),
    ]


def _filters(info: VideoInfo, reading: Reading, first: int) -> Iterator[str]:
    if reading.deinterlace:
        yield "bwdif=mode=send_frame"
    if first and info.timed:
        middle = (info.pts[first - 1] + info.pts[first]) * info.time_base / 2 - info.zero_of_picture
        yield f"{SKIPPED}=checksum=0"  # so that there is something to hear until the first one comes
        yield f"select=gte(t\\,{float(middle):.6f})"
    yield "showinfo=checksum=0"
    alpha, deep = info.has_alpha and reading.alpha != "drop", _is_deep(info, reading)
    if converts(info, reading.tonemap) or zscale_takes(info):
        yield conversion(info, reading.tonemap, f"gbr{'ap' if alpha else 'p'}{'16le' if deep else ''}")
    matrix = "bt709" if reads_as_bt709(info) else "auto"
    yield f"scale=in_color_matrix={matrix}:out_range=full:flags={SCALER_FLAGS}"
    yield f"format={('rgba64be' if alpha else 'rgb48be') if deep else ('rgba' if alpha else 'rgb24')}"


class _Clock:
    """The times of frames, and all else that ffmpeg's messages tell; fed by a thread, which calls `heard` at each."""

    def __init__(self, messages: IO[bytes], heard: Callable[[], None] = lambda: None) -> None:
        self._heard = heard
        self._times: queue.Queue[tuple[int, float | None]] = queue.Queue()
        self._latest: tuple[int, float | None] = (-1, None)
        self._unit = Fraction(1)
        self._wants_memory = ""
        self._words: deque[str] = deque(maxlen=STDERR_LINES_SHOWN)
        self._thread = start_thread(self._listen, messages)

    def time_ms(self, number: int) -> float | None:
        """The time in milliseconds of ffmpeg's picture with this number, from 0; None where it has or had none."""
        while self._latest[0] < number:
            try:
                self._latest = self._times.get(timeout=LATEST_TIME_S)
            except queue.Empty:
                return None
        return self._latest[1] if self._latest[0] == number else None

    def last_words(self) -> str:
        """The last messages of an ffmpeg that has ended."""
        self._thread.join()
        return last_lines("\n".join(self._words))

    def require_memory(self) -> None:
        """Tell frames that are left out for want of memory from damaged ones.

        Raises:
            MemoryError: ffmpeg has complained of it.
        """
        if self._wants_memory:
            raise MemoryError(f"ffmpeg: {last_lines(self._wants_memory, 1)}")

    def join(self) -> None:
        """Wait for the end of the messages."""
        self._thread.join()

    def _listen(self, messages: IO[bytes]) -> None:
        begin = after = 0  # where pictures change their size or kind, ffmpeg counts anew
        for line in messages:
            beat()
            self._heard()
            text = line.decode("utf-8", errors="replace")
            if text.startswith(_OF_THE_CLIP):
                continue
            if found := _CLOCK.search(text):
                self._unit, begin = Fraction(found[1]), after
            elif found := _TIME.search(text):
                after = begin + int(found[1]) + 1
                self._times.put((after - 1, None if found[2] == "NOPTS" else float(int(found[2]) * self._unit * 1000)))
            elif "[Parsed_showinfo_" not in text and f"[{SKIPPED}" not in text:
                self._words.append(text[:LONGEST_WORDS])
                if tells_of_memory(text):
                    self._wants_memory = text[:LONGEST_WORDS]


@contextmanager
def _running(command: list[str]) -> Iterator[tuple[IO[bytes], _Clock, Watch]]:
    """ffmpeg, its output, its clock and its watch; it never outlives the caller's interest."""
    process = start_ffmpeg(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    clock: _Clock | None = None
    try:
        watch = Watch(process, SILENCE_S)
        clock = _Clock(process.stderr, watch.heard)
        yield process.stdout, clock, watch
    finally:
        if end_process(process):
            if clock:
                clock.join()
            process.stdout.close()
            process.stderr.close()


def _split_pngs(pipe: IO[bytes], watch: Watch) -> Iterator[bytes]:
    """The single files of PNGs that come one after another; a broken last one is left out."""

    def read(count: int) -> bytes:
        with watch.waiting():
            return pipe.read(count)

    while read(len(PNG_SIGNATURE)) == PNG_SIGNATURE:
        parts = [PNG_SIGNATURE]
        kind = b""
        while kind != b"IEND":
            head = read(8)
            if len(head) < 8:
                return
            length, kind = struct.unpack(">I4s", head)
            body = read(length + 4)
            if len(body) < length + 4:
                return
            parts += [head, body]
        yield b"".join(parts)
