"""Cases: formats that name other files, or the network, under many names and in every place that reads.

A playlist, a manifest or a description of a session is a text that says which file is to be played. None may be
followed: what is named is refused, whatever its name ends in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.trials.hostile.stage import PAINTLESS, Case, Stage

REFUSED = "refused"
Text = Callable[[Path], bytes | str]
"""A file's content, which names this other file."""


def dash(other: Path) -> str:
    """A manifest of adaptive streaming."""
    mime = "video/mp2t" if other.suffix == ".ts" else "video/mp4"
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        f'<AdaptationSet mimeType="{mime}"><Representation id="1" bandwidth="1" width="96" height="64" '
        f'codecs="avc1.42c00d"><BaseURL>file:{other}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )


def hls(other: Path, word: str = "") -> str:
    """A list of segments; `word` stands before the file's name."""
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{word}{other}\n#EXT-X-ENDLIST\n"


def hls_key(other: Path) -> str:
    """A list of segments whose key is somebody's file."""
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{other}"\n'
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}#EXTINF:1,\n{other.with_suffix('.ts')}\n#EXT-X-ENDLIST\n"


def hls_map(other: Path) -> str:
    """A list of segments that begin with somebody's file."""
    begin = f'#EXT-X-MAP:URI="{other}"\n'
    return f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n{begin}#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n"


def hls_master(other: Path) -> str:
    """A list of lists."""
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{other}\n"


def concat(other: Path) -> str:
    """ffmpeg's own list."""
    return f"ffconcat version 1.0\nfile '{other}'\n"


def concat_sibling(other: Path) -> str:
    """ffmpeg's own list, of a file beside it."""
    return f"ffconcat version 1.0\nfile {other.name}\n"


def hls_sibling(other: Path) -> str:
    """A list of segments that lie beside it."""
    return hls(Path(other.name))


def concat_pipe(other: Path) -> str:
    """ffmpeg's own list, of a pipe that nobody writes to."""
    return "ffconcat version 1.0\nfile pipe.ts\n"


def concat_relative(other: Path) -> str:
    """ffmpeg's own list, by a path that climbs."""
    return f"ffconcat version 1.0\nfile ../private/{other.name}\n"


def concat_network(other: Path) -> str:
    """ffmpeg's own list, of something in the network."""
    return "ffconcat version 1.0\nfile http://127.0.0.1:9/clip.mp4\n"


def session(other: Path) -> str:
    """A description of a session, which waits for packets from the network."""
    return "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 50005 RTP/AVP 96\n" + (
        "a=rtpmap:96 H264/90000\n"
    )


def redirection(other: Path) -> str:
    """A redirection of streaming clients of old."""
    return "[Reference]\nRef1=http://127.0.0.1:9/a.asf\nRef2=http://127.0.0.1:9/b.asf\n"


def asx(other: Path) -> str:
    """A list of a media player."""
    return f'<asx version="3.0"><entry><ref href="file://{other}"/></entry></asx>\n'


def smil(other: Path) -> str:
    """A presentation."""
    return f'<smil xmlns="http://www.w3.org/ns/SMIL"><body><seq><video src="file://{other}"/></seq></body></smil>\n'


def pls(other: Path) -> str:
    """A list of a music player."""
    return f"[playlist]\nFile1={other}\nTitle1=x\nLength1=1\nNumberOfEntries=1\nVersion=2\n"


def xspf(other: Path) -> str:
    """A shared list."""
    track = f"<trackList><track><location>file://{other}</location></track></trackList>"
    return f'<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/">{track}</playlist>\n'


def plain_list(other: Path) -> str:
    """Nothing but a path."""
    return f"{other}\n"


def graph(other: Path) -> str:
    """A filter graph of ffmpeg."""
    return f"movie={other}"


def frame_server(other: Path) -> str:
    """A script of a frame server."""
    return f'AviSource("{other}")\n'


def metadata(other: Path) -> str:
    """Tags in ffmpeg's own form."""
    return f";FFMETADATA1\ntitle={other}\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=1\n"


def drawing(other: Path) -> str:
    """A drawing that shows a picture."""
    return (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" '
        f'width="96" height="64"><image x:href="file://{other}" href="file://{other}" width="96" height="64"/></svg>\n'
    )


def entities(other: Path) -> str:
    """XML whose entity is a file."""
    return f'<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://{other}">]>{dash(other)[21:]}'


def composition(other: Path) -> str:
    """A composition of the interoperable master format."""
    return (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        "<Id>urn:uuid:00000000-0000-0000-0000-000000000001</Id><ContentTitle>x</ContentTitle><EditRate>24 1</EditRate>"
        f"<SegmentList><Segment><SequenceList/></Segment></SegmentList><!-- {other} --></CompositionPlaylist>\n"
    )


def image_index(other: Path) -> str:
    """The index of subtitle pictures, which lie in a file of the same name."""
    return "# VobSub index file, v7 (do not modify this line!)\nsize: 96x64\nid: en, index: 0\n" + (
        "timestamp: 00:00:00:000, filepos: 000000000\n"
    )


def reference_movie(other: Path) -> bytes:
    """A QuickTime film that is elsewhere."""
    url = str(other).encode() + b"\0"
    reference = _box(b"rdrf", struct.pack(">I4sI", 0, b"url ", len(url)) + url)
    moov = _box(b"moov", _box(b"rmra", _box(b"rmda", reference)))
    return _box(b"ftyp", b"qt  \0\0\0\0qt  ") + moov


def art(other: Path) -> str:
    """Letters that ffmpeg would draw."""
    return "\x1b[31mclip\x1b[0m\n" * 40


CAPTIONS = "1\n00:00:00,000 --> 00:00:01,000\nhello\n"
TEXTS: dict[str, Text] = {
    "mpd": dash,
    "m3u8": hls,
    "key.m3u8": hls_key,
    "map.m3u8": hls_map,
    "master.m3u8": hls_master,
    "network.m3u8": partial(hls, word="http://127.0.0.1:9"),
    "subfile.m3u8": partial(hls, word="subfile,,start,0,end,9999,,:"),
    "ffconcat": concat,
    "sibling.ffconcat": concat_sibling,
    "pipe.ffconcat": concat_pipe,
    "sibling.m3u8": hls_sibling,
    "relative.ffconcat": concat_relative,
    "network.ffconcat": concat_network,
    "sdp": session,
    "ref.asx": redirection,
    "asx": asx,
    "smil": smil,
    "pls": pls,
    "xspf": xspf,
    "m3u": plain_list,
    "lavfi": graph,
    "avs": frame_server,
    "ffmeta": metadata,
    "svg": drawing,
    "entity.mpd": entities,
    "xml": composition,
    "idx": image_index,
    "ref.mov": reference_movie,
    "ans": art,
    "srt": lambda other: CAPTIONS,
}
FOLLOWED = ("mpd", "m3u8", "sibling.ffconcat", "pipe.ffconcat", "sdp", "sibling.m3u8")
"""What ffmpeg follows by itself, which is tried in every place and under every name."""
DISGUISES = ("mp4", "mkv", "mov", "gif", "ts", "avi")
ADDRESSES = (
    *("concat:secret.ts|secret.ts", "http://127.0.0.1:9/a.mp4", "subfile,,start,0,end,9999,,:secret.mp4", "pipe:0"),
    *("async:secret.mp4", "cache:secret.mp4", "crypto:secret.mp4", "data:video/mp4;base64,AAAA", "tcp://127.0.0.1:9"),
    *("file:secret.mp4", "lavfi:testsrc", "fd:0", "concatf:secret.txt", "rtsp://127.0.0.1:9/x", "udp://127.0.0.1:9"),
)


def cases() -> Iterator[Case]:
    """All of them."""
    for kind in TEXTS:
        yield Case(f"names: {kind} as clip", partial(_as_clip, kind, f"in/clip.{kind}"))
    for kind in FOLLOWED:
        for disguise in DISGUISES:
            yield Case(f"names: {kind} named .{disguise}", partial(_as_clip, kind, f"in/holiday.{disguise}"))
        for place in PLACES:
            yield Case(f"names: {kind} as {place}", partial(PLACES[place], kind))
    for kind in ("svg", "xml", "asx", "ref.mov"):
        yield Case(f"names: {kind} as style", partial(_as_style, kind))
    for address in ADDRESSES:
        yield Case(f"names: the address {address}", partial(_as_address, address))
    yield Case("names: film elsewhere (data reference)", _elsewhere)
    yield Case("names: a literal %03d.png beside 001.png", _pattern)
    yield Case("names: a literal *.png beside others", _glob)


def _write(stage: Stage, kind: str, name: str) -> Path:
    """A text that names somebody's file; that one lies in `private`, also beside it under other names."""
    stage.secret(".mp4")
    secret = stage.secret(".ts" if "m3u8" in kind or "concat" in kind else ".mp4")
    path = stage.put(name, TEXTS[kind](secret))
    if "sibling" in kind:
        stage.put(path.with_name("secret.ts"))
    if "pipe" in kind and not path.with_name("pipe.ts").exists():
        stage.pipe(path.with_name("pipe.ts"))
    return path


def _as_clip(kind: str, name: str, stage: Stage) -> None:
    clip = _write(stage, kind, name)
    stage.call("probe", clip, ends=REFUSED)
    stage.run(clip, ends=REFUSED)


def _as_style(kind: str, stage: Stage) -> None:
    style = _write(stage, kind, "in/look.jpg")
    words = ("run", stage.clip(), "--style", style, "-o", stage.film, "--frames", "1-2", *PAINTLESS)
    stage.call(*words, ends=REFUSED)


def _as_sequence(kind: str, stage: Stage) -> None:
    for number in (1, 2):
        _write(stage, kind, f"in/shot/{number:04d}.png")
    stage.run(stage.root / "in" / "shot", ends=REFUSED)


def _as_film(kind: str, stage: Stage) -> None:
    film = _write(stage, kind, "in/film.mp4")
    stage.call("verify", stage.clip(), film, ends=REFUSED)


def _as_source(kind: str, stage: Stage) -> None:
    stage.call("verify", _write(stage, kind, "in/source.mp4"), stage.clip("in/film.mp4"), ends=REFUSED)


def _as_measured(kind: str, stage: Stage) -> None:
    film = _write(stage, kind, "in/film.mp4")
    stage.call("evaluate", stage.clip(), film, "--style", stage.style, ends=REFUSED)


def _as_one_of_a_folder(kind: str, stage: Stage) -> None:
    _write(stage, kind, "in/clips/holiday.mp4")
    for path in (stage.root / "in" / "clips").glob("*.ts"):
        path.unlink()  # which would be named with the folder
    words = ("run", stage.root / "in" / "clips", "--style", stage.style, "--out-dir", stage.out, *PAINTLESS)
    stage.call(*words, ends="refused|failed")


PLACES: dict[str, Callable[[str, Stage], None]] = {
    "style": _as_style,
    "sequence": _as_sequence,
    "film to verify": _as_film,
    "source to verify by": _as_source,
    "film to evaluate": _as_measured,
    "clip of a folder": _as_one_of_a_folder,
}


def _as_address(address: str, stage: Stage) -> None:
    """An address instead of a file's name, where files of the parts of its name lie."""
    for name in ("secret.mp4", "secret.ts"):
        stage.put(f"cwd/{name}")
    stage.put("cwd/secret.txt", "file secret.ts\n")
    stage.run(address, ends=REFUSED)
    stage.call("probe", address, ends=REFUSED)


def _elsewhere(stage: Stage) -> None:
    """A QuickTime film whose samples lie in another file."""
    secret = stage.secret(".mp4")
    data = secret.read_bytes()
    url = _box(b"url ", struct.pack(">I", 0) + f"file://{secret}".encode() + b"\0")
    own = _box(b"url ", struct.pack(">I", 1))
    grown = len(url) - len(own)
    index = data.index(own)
    changed = bytearray(data[:index] + url + data[index + len(own) :])
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = changed.index(name) - 4
        size = struct.unpack(">I", changed[place : place + 4])[0]
        changed[place : place + 4] = struct.pack(">I", size + grown)
    stage.run(stage.put("in/clip.mov", bytes(changed)), ends="refused|done")


def _pattern(stage: Stage) -> None:
    for number in (1, 2):
        stage.put(f"in/{number:03d}.png", stage.stock["secret.png"])
    clip = stage.put("in/%03d.png", stage.stock["frame.png"])
    stage.call("probe", clip, ends="done|refused")


def _glob(stage: Stage) -> None:
    stage.put("in/a.mp4", stage.stock["secret.mp4"])
    stage.run(stage.put("in/[a].mp4", stage.stock["clip.mp4"]), ends="done|refused")


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content
