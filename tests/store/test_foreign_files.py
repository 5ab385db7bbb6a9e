"""Nothing is opened but the file that was named, whatever stands in it.

A pipe stands where a file names another one: whoever opens it is noticed.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from media_fixtures import ffmpeg, numbered_video, shown_numbers, sine

from stylevideo.cli.main import main
from stylevideo.errors import InputError, StyleVideoError
from stylevideo.media.decode.account import packet_hashes
from stylevideo.media.decode.opencv import OPTIONS_VARIABLE
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.decode.tags import read_tags
from stylevideo.media.encode.stretch import stretch_of_time
from stylevideo.media.encode.tracks import plan_tracks
from stylevideo.media.ffmpeg import run_ffmpeg
from stylevideo.media.formats import CLIP_FORMATS
from stylevideo.media.images.pictures import Reading
from stylevideo.planning.inputs import find_sources
from stylevideo.timeline.selection import FrameSelection

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no pipes with names on Windows")


@contextmanager
def tripwire(path: Path) -> Iterator[list[Path]]:
    """A pipe under this name; what it gives is not empty once somebody has opened it."""
    os.mkfifo(path)
    opened: list[Path] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            with suppress(OSError):  # nobody has it open
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                opened.append(path)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield opened
    finally:
        done.set()
        thread.join()


MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1" width="128" height="96" codecs="avc1.42c00d"><BaseURL>file:{other}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)
CPL = (
    '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    "<Id>urn:uuid:8713c020-2489-45f5-a9f7-87be539e20b5</Id><EditRate>24 1</EditRate></CompositionPlaylist>"
)
TEXTS = {
    "concat": "ffconcat version 1.0\nfile 'file:{other}'\n",
    "concat by a relative name": "ffconcat version 1.0\nfile other\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
    "HLS with a key": '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-KEY:METHOD=AES-128,URI="{other}"\n#EXTINF:1,\na.ts\n',
    "DASH": MPD,
    "IMF": CPL,
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n",
    "AviSynth": 'DirectShowSource("{other}")\n',
    "VobSub": "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n",
    "a plain list": "{other}\n" * 40,
}
NAMES = ("clip.mp4", "clip.ts", "clip.mkv", "clip.m3u8", "clip.avs", "clip", "c%03d.mov")
HEADS = ("", "\ufeff", "\n  ")


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_that_names_a_file_opens_nothing(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tripwire(tmp_path / "other") as opened:
        for place, name in enumerate(NAMES):
            text = HEADS[place % len(HEADS)] + TEXTS[kind].format(other=tmp_path / "other")
            (tmp_path / name).write_text(text, encoding="utf-8")
            assert main(["probe", str(tmp_path / name)]) == 2
            said = capsys.readouterr().err
            assert said.startswith("stylevideo: ") and "not a video that ffmpeg can read" in said, said
            assert "unexpected" not in said and "Traceback" not in said
    assert not opened


SAID = {
    "concat": "it is a list of files, which names other files",
    "HLS": "it is a playlist, which names other files",
    "DASH": "it is a manifest, which names other files",
    "SDP": "it is a description of a session, which names a network. Record it",
    "VobSub": "it is subtitles, which has no pictures",
}


@pytest.mark.parametrize("kind", SAID)
def test_it_is_said_what_the_file_is(kind: str, tmp_path: Path) -> None:
    clip = tmp_path / "holiday.mp4"
    clip.write_text(TEXTS[kind].format(other="other.ts"))
    with pytest.raises(InputError, match=SAID[kind]):
        probe(clip)


def test_a_tripwire_notices(tmp_path: Path) -> None:
    """ffmpeg as it is by itself opens what a list names."""
    (tmp_path / "list").write_text(TEXTS["concat"].format(other=tmp_path / "other"))
    with tripwire(tmp_path / "other") as opened:
        run_ffmpeg(["-f", "concat", "-safe", "0", "-i", f"file:{tmp_path / 'list'}", "-f", "null", "-"], 20)
    assert opened


def box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def alias_to(path: Path) -> bytes:
    """An entry of a QuickTime `dref` that says that the data lie in another file."""
    name, whole = path.name.encode(), str(path).encode()
    record = bytes(10) + bytes([1]) + b"/".ljust(27, b"\0") + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    record += bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    record += struct.pack(">hH", 2, len(whole)) + whole + bytes(len(whole) % 2) + struct.pack(">hH", -1, 0)
    return box(b"alis", bytes(4), record)


def with_reference(clip: Path, other: Path) -> None:
    """Have a film say that its picture lies in another file."""
    data = clip.read_bytes()
    entry = box(b"dref", bytes(4), struct.pack(">I", 1), box(b"url ", b"\0\0\0\1"))
    place = data.index(entry)
    new = box(b"dref", bytes(4), struct.pack(">I", 1), alias_to(other))
    changed = bytearray(data[:place] + new + data[place + len(entry) :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):  # the index comes last: nothing behind it moves
        at = changed.rindex(kind, 0, place) - 4
        (size,) = struct.unpack_from(">I", changed, at)
        struct.pack_into(">I", changed, at, size + len(new) - len(entry))
    clip.write_bytes(changed)


def test_references_of_quicktime_are_not_followed(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "reference.mov")
    whole = probe(clip)
    with_reference(clip, tmp_path / "other")
    with tripwire(tmp_path / "other") as opened:
        followed = ["-enable_drefs", "1", "-use_absolute_path", "1", "-i", f"file:{clip}", "-f", "null", "-"]
        run_ffmpeg(followed, 20)
        assert opened, "the file is what it should be"
        opened.clear()
        with pytest.raises(InputError, match=r"keeps its picture in another file.*Save it as one file first"):
            probe(clip)
        info = replace(whole, path=clip)
        for bits in (8, 16):
            with pytest.raises(StyleVideoError):
                list(read_frames(FrameSelection.whole(info), Reading(bits=bits, deinterlace=bits > 8)))
    assert not opened


def test_a_clip_that_has_become_a_list_is_refused(tmp_path: Path) -> None:
    """By whoever opens it again: OpenCV, ffmpeg as decoder, for tags, tracks and hashes."""
    clip = tmp_path / "clip.mp4"
    ffmpeg(*sine(0.5), "-i", numbered_video(tmp_path / "silent.mp4"), "-map", "1:v", "-map", "0:a", clip)
    info = probe(clip)
    frames = range(info.frame_count)
    asked: list[Callable[[], object]] = [
        *(
            lambda bits=bits: list(read_frames(FrameSelection(info, frames), Reading(bits=bits, deinterlace=bits > 8)))
            for bits in (8, 16)
        ),
        lambda: read_tags(replace(info, said=None)),
        lambda: packet_hashes([(info, info.streams[0])]),
    ]
    with tripwire(tmp_path / "other") as opened:
        clip.write_text(TEXTS["concat"].format(other=tmp_path / "other"))
        for ask in asked:
            with pytest.raises(StyleVideoError):
                ask()
        plan_tracks(info, tmp_path / "film.mp4", stretch_of_time(FrameSelection(info, range(1, 3))))
    assert not opened


@pytest.mark.parametrize("before", [None, "input_format;concat|safe;0"])
def test_options_of_opencv_are_the_users_again(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(OPTIONS_VARIABLE, raising=False)
    if before:
        monkeypatch.setenv(OPTIONS_VARIABLE, before)
    info = probe(numbered_video(tmp_path / "clip.mp4"))
    assert shown_numbers(info) == list(range(12))
    assert os.environ.get(OPTIONS_VARIABLE) == before


def test_in_folders_and_globs(tmp_path: Path) -> None:
    with tripwire(tmp_path / "other") as opened:
        for name in ("a.mp4", "b.m3u8", "c.ts"):
            (tmp_path / name).write_text(TEXTS["concat"].format(other=tmp_path / "other"))
        assert [path.name for path in find_sources(str(tmp_path))] == ["a.mp4", "c.ts"]
        for clip in find_sources(f"{tmp_path}/*.*"):
            with pytest.raises(InputError):
                open_clip(clip)
    assert not opened


def test_verify_and_evaluate_refuse_such_films(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, film = numbered_video(tmp_path / "clip.mp4"), tmp_path / "film.mp4"
    with tripwire(tmp_path / "other") as opened:
        film.write_text(TEXTS["concat"].format(other=tmp_path / "other"))
        assert main(["verify", str(clip), str(film)]) == 2
        assert "film.mp4 is not a video that ffmpeg can read: it is a list" in capsys.readouterr().err
    assert not opened


def test_ffmpeg_knows_the_formats() -> None:
    """Most of them in any version; a name that is mistyped would refuse what it is for."""
    known = {word for line in run_ffmpeg(["-demuxers"]).output.splitlines() for word in line.split()[1:2]}
    names = {name for word in known for name in word.split(",")}
    assert set(CLIP_FORMATS) - names <= {
        "evc",
        "webp_anim",
        "jpegxl_anim",
        "avs2",
        "avs3",
        "apv",
        "vvc",
    }
