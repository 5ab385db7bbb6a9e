"""What an interrupted run is resumed from: its state and its shots, as plain values that a store keeps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

import numpy as np
import torch

from stylevideo.engine.carry import Reference
from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.given.spread import Spread
from stylevideo.engine.optimizer import CarriedState
from stylevideo.engine.resting import Resting
from stylevideo.engine.sequence import SequenceState
from stylevideo.engine.terms import Rest
from stylevideo.errors import ResumeError
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import to_8_bits
from stylevideo.ops.color import Palette
from stylevideo.ops.margin import MARGIN_PX
from stylevideo.rectangle import Rectangle
from stylevideo.store.frames import FrameStore, read_note
from stylevideo.store.shots import SHOTS_NAME
from stylevideo.text import counted
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

logger = logging.getLogger(__name__)

PAINTED_NAME = "painted"
"""Under this name it is remembered from which painted frames unfinished work was made."""
STATE_BYTES, STATE_PIXEL_BYTES = 1 << 25, 96
"""The most that a state may have, in all and for each painted pixel; it needs 35 bytes for one, 43 with a second
moment for each channel, 24 more where a given picture spreads; and some ten million for what rests."""


def state_to_dict(state: SequenceState) -> dict[str, Any]:
    """What is kept of a state: numbers and tensors on the CPU, by name."""
    carried = vars(state.carried.to("cpu"))
    references = [reference.index for reference in state.references]  # their pictures are finished frames
    return {
        "index": state.index,
        "last_moved": state.last_moved,
        "losses": asdict(state.losses),
        "recent_losses": list(state.recent_losses),
        "carried": carried,
        "finished": state.convergence.to("cpu"),  # its name in files
        "references": references,
        "resting": _resting_to_dict(state.resting) if state.resting else None,
        "origin": state.origin,
        "spread": _spread_to_dict(state.spread) if state.spread else None,
        "strokes_changed": state.strokes_changed,
        "directions": None if state.directions is None else state.directions.cpu(),
    }


def load_state(
    store: FrameStore,
    shot: Shot,
    size: tuple[int, int],
    device: torch.device,
    reference: Callable[[int], torch.Tensor],
    given: Callable[[int], torch.Tensor],
    origin: int | None = None,
) -> SequenceState | None:
    """What an unfinished shot is resumed from; None where none of its frames is finished, or its state is spoilt.

    Args:
        store: where it is.
        shot: of the film.
        size: height and width of the film.
        device: where the state is needed.
        reference: a finished frame's picture as of `Reference`, by the frame's index.
        given: the result that was given of a frame: (1, 3, H, W), 0..1.
        origin: index of the frame from which its frames are made backwards, of whose state no other is of use; None
            where they are made forwards.
    """
    saved = _last_state(store, shot, size, backwards=origin is not None)
    if saved is None or (origin is not None and saved["origin"] != origin):
        return None
    carried = CarriedState(**saved["carried"]).to(device)
    references = tuple(Reference(index, reference(index).to(device)) for index in saved["references"])
    spread = saved["spread"]
    return SequenceState(
        index=saved["index"],
        last_moved=saved["last_moved"],
        carried=carried,
        convergence=saved["finished"].to(device),
        losses=FrameLosses(**saved["losses"]),
        recent_losses=tuple(saved["recent_losses"]),
        references=references,
        resting=_resting_of(saved["resting"], device) if saved["resting"] else None,
        origin=saved["origin"],
        spread=_spread_of(spread, given(spread["index"]), device) if spread else None,
        strokes_changed=saved["strokes_changed"],
        directions=saved["directions"],
    )


def next_indices(store: FrameStore, shots: Sequence[Shot], size: tuple[int, int]) -> dict[Shot, int]:
    """Of each shot's first frame that is not yet made; `shot.stop` where it is complete."""
    states, complete = store.kept_states(), store.complete_shots()
    following = {}
    for shot in shots:
        state = _last_state(store, shot, size) if shot.index in states - complete else None
        following[shot] = int(state["index"]) + 1 if state else shot.stop if shot.index in complete else shot.start
    return following


def _spread_to_dict(spread: Spread) -> dict[str, Any]:
    return {name: values.cpu() for name, values in spread.maps().items()} | {"index": spread.index}


def _spread_of(saved: dict[str, Any], picture: torch.Tensor, device: torch.device) -> Spread:
    maps = {name: values.to(device) for name, values in saved.items() if name != "index"}
    return Spread(saved["index"], picture.to(device), **maps)


def _resting_to_dict(resting: Resting) -> dict[str, Any]:
    kept = vars(resting.to("cpu"))
    return {**kept, "rest": vars(kept["rest"]) if kept["rest"] else None}


def _resting_of(saved: dict[str, Any], device: torch.device) -> Resting:
    return Resting(**{**saved, "rest": Rest(**saved["rest"]) if saved["rest"] else None}).to(device)


def require_whole(
    store: FrameStore, shots: Sequence[Shot], selection: FrameSelection, size: tuple[int, int], pictures: bool
) -> None:
    """Refuse to go on from spoilt work, before there is more of it.

    Where only the state of a shot is spoilt, that is told, and the shot begins anew: nothing of the state is used, and
    the same frames come of the source again, whatever happened to the file.

    Args:
        store: where it is.
        shots: the film's.
        selection: of the source, by which frames are numbered.
        size: height and width of the film.
        pictures: whether kept pictures are read, which takes a second for some hundred megabytes; else their records
            and sizes are looked at.
    Raises:
        ResumeError: naming the first file that is spoilt, exchanged, or gone.
    """
    number = selection.number
    states, following = store.kept_states(), next_indices(store, shots, size)
    for shot, index in following.items():
        if index == shot.start and shot.index in states:
            logger.warning(
                "%s is damaged, or not what was left there. Its shot is painted again, from frame %d on.",
                *(store.state_file(shot.index), number(shot.start)),
            )
    made = [index for shot, stop in following.items() for index in range(shot.start, stop)]
    if pictures and made:
        logger.info("Reading what is kept in %s: %s.", store.folder, counted(len(made), "frame"))
    store.require_pictures(map(number, made), store.backwards_numbers(), pictures)


def _last_state(store: FrameStore, shot: Shot, size: tuple[int, int], backwards: bool = False) -> dict[str, Any] | None:
    height, width = (edge + 2 * MARGIN_PX for edge in size)
    most_bytes = STATE_BYTES + STATE_PIXEL_BYTES * height * width
    return (store.last_back_state if backwards else store.last_state)(shot.index, most_bytes)


def save_shots(store: FrameStore, shots: Sequence[Shot]) -> None:
    """Remember a film's shots: to find them takes time."""
    store.write_note(SHOTS_NAME, [asdict(shot) for shot in shots])


def load_shots(store: FrameStore) -> tuple[Shot, ...] | None:
    """A film's shots, if they have been found."""
    return _as_shots(store.read_note(SHOTS_NAME))


def read_shots(places: Places) -> tuple[Shot, ...] | None:
    """The shots of an unfinished film, if they have been found, for who does not take part in it.

    Raises:
        ResumeError: what says so is spoilt.
    """
    return _as_shots(read_note(places, SHOTS_NAME))


def _as_shots(remembered: Sequence[dict[str, Any]] | None) -> tuple[Shot, ...] | None:
    return None if remembered is None else tuple(map(_as_shot, remembered))


def _as_shot(values: dict[str, Any]) -> Shot:
    active = values["active"]
    return Shot(**{**values, "active": Rectangle(**active) if active else None})


def settle_painted(store: FrameStore, selection: FrameSelection, painted: Mapping[int, str], may_drop: bool) -> None:
    """Throw away the shots of unfinished work whose painted frames are others now; the rest of it stays.

    Args:
        store: where it is.
        selection: of the source, by which frames are numbered.
        painted: SHA-256 of the files of painted frames, by the frames' indices.
        may_drop: whether it is this process's to throw away.
    Raises:
        ResumeError: it is not.
    """
    changed = changed_painted(store.read_note(PAINTED_NAME), selection, painted)
    if not changed:
        return
    if not may_drop:
        raise ResumeError(f"{store.folder}: its frames were made with other painted frames. Give the same ones here.")
    shots = load_shots(store) or ()
    for shot, following in zip_longest(shots, shots[1:]):
        numbers = [selection.number(index) for index in range(shot.start, shot.stop)]
        into = range(following.start, following.stop) if following and shot.dissolving else ()
        if not changed.isdisjoint((*numbers, *map(selection.number, into))):
            logger.warning("Shot %d is painted again: its painted frames have changed.", shot.index + 1)
            store.drop_shot(shot.index, numbers)
    store.write_note(PAINTED_NAME, _by_number(selection, painted))


def changed_painted(
    before: Mapping[str, str] | None, selection: FrameSelection, painted: Mapping[int, str]
) -> frozenset[int]:
    """Numbers of the frames whose painted frames are others than unfinished work was made from, or are gone or new.

    Args:
        before: what is kept under `PAINTED_NAME`.
        selection, painted: as of `settle_painted`.
    """
    before, now = before or {}, _by_number(selection, painted)
    return frozenset(int(number) for number in before.keys() | now.keys() if before.get(number) != now.get(number))


def _by_number(selection: FrameSelection, painted: Mapping[int, str]) -> dict[str, str]:
    return {str(selection.number(index)): sha256 for index, sha256 in painted.items()}


def save_palettes(store: FrameStore, palettes: Sequence[Palette | None]) -> None:
    """Remember how colours are spread in a film's shots."""
    store.write_note("palettes", [palette and palette.to_lists() for palette in palettes])


def load_palettes(store: FrameStore) -> tuple[Palette | None, ...]:
    """How colours are spread in a film's shots; none where nobody has looked."""
    return tuple(lists and Palette.from_lists(*lists) for lists in store.read_note("palettes") or ())


def as_tensor(picture: np.ndarray, active: Rectangle | None = None) -> torch.Tensor:
    """(H, W, 3) of any kind, or its active part, to (1, 3, h, w) uint8, as earlier results are referred to."""
    part = picture[active.rows, active.columns] if active else picture
    return torch.from_numpy(to_8_bits(part)).permute(2, 0, 1)[None].contiguous()
