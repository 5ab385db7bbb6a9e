"""A renderer's vectors: joined over frames, tested for what they hide, and left where they say nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from image_fixtures import noise_image
from torch import Tensor

from stylevideo.errors import InputError
from stylevideo.models.raft import load_raft
from stylevideo.motion.estimate import Motion, with_motion
from stylevideo.motion.flow import DISFlow, MotionSource
from stylevideo.motion.frame import Frame
from stylevideo.motion.raft import RaftFlow
from stylevideo.motion.vectors import VectorMotion, Vectors

HEIGHT, WIDTH = 48, 96
SQUARE = 16


class Refuses:
    """Nothing is to be found in the pictures."""

    name = "refuses"

    def flow(self, frame: Frame, other: Frame) -> Tensor:
        raise AssertionError(f"frame {frame.index} is looked for in frame {other.index}")


def passing(
    count: int, step: int = 3, both_ways: bool = True, depth: bool = False
) -> tuple[list[Frame], list[Vectors]]:
    """A square of noise passes over a wall of noise, `step` pixels a frame; the wall stands still."""
    wall, square = noise_image(HEIGHT, WIDTH, 1), noise_image(SQUARE, SQUARE, 2)
    frames, vectors = [], []
    for index in range(count):
        image, covered = wall.clone(), torch.zeros(1, 1, HEIGHT, WIDTH)
        here = (..., slice(16, 16 + SQUARE), slice(8 + step * index, 8 + step * index + SQUARE))
        image[here], covered[here] = square, 1.0
        back = torch.cat((-step * covered, 0 * covered), dim=1)
        vectors.append(Vectors(back, -back if both_ways else None, 10 - 5 * covered if depth else None))
        frames.append(Frame(index, image))
    return frames, vectors


def by(vectors: list[Vectors], pictures: MotionSource | None = None, counted: range | None = None) -> VectorMotion:
    return VectorMotion(pictures or Refuses(), dict(enumerate(vectors)).get, counted or range(len(vectors)))


@pytest.mark.parametrize(("both_ways", "depth"), [(True, False), (False, True)])
def test_what_was_covered_is_hidden_by_the_way_back_or_by_depth(both_ways: bool, depth: bool) -> None:
    frames, vectors = passing(3, both_ways=both_ways, depth=depth)
    known = by(vectors).known(frames[2], frames[1])
    assert known is not None and known.is_tested
    uncovered = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    uncovered[16 : 16 + SQUARE, 11:14] = True  # where the square stood, and stands no more
    assert torch.equal(~known.seen[0, 0], uncovered)
    assert float((known.flow - vectors[2].to_previous).abs().max()) == 0


def test_without_a_way_back_the_pictures_say_what_is_hidden() -> None:
    frames, vectors = passing(3, both_ways=False)
    known = by(vectors).known(frames[2], frames[1])
    assert known is not None and not known.is_tested and bool(known.seen.all())
    (*_, (_, motion)) = with_motion(frames, by(vectors, DISFlow()))
    assert motion is not None
    assert float(motion.visible[..., 18:30, 11:14].mean()) < 0.6
    assert float(motion.visible[..., 18:30, 50:].min()) == 1


def test_steps_are_joined_over_frames_that_are_left_out() -> None:
    """Of every second frame, and at half the size."""
    frames, vectors = passing(7)
    source = by(vectors, counted=range(0, 7, 2))
    painted = [replace(frame, index=index) for index, frame in enumerate(frames[::2])]
    known = source.known(painted[3], painted[0])
    assert known is not None
    assert known.flow[0, :, 24, 34].tolist() == [-18.0, 0.0]
    assert float(known.flow[..., 40:, :].abs().max()) == 0
    hidden = ~known.seen[0, 0]
    assert bool(hidden[18:30, 8:26].all()), "the square stood there on the way"
    assert float(hidden.float().mean()) < 0.1
    small = [replace(frame, image=frame.image[..., ::2, ::2]) for frame in painted]
    halved = source.known(small[3], small[0])
    assert halved is not None
    assert halved.flow[0, :, 12, 17].tolist() == pytest.approx([-9.0, 0.0], abs=1e-5)


def test_vectors_leave_the_pictures_alone_until_something_reappears() -> None:
    frames, vectors = passing(11, step=0)
    moved = [replace(frame, image=frame.image + 0.02 * frame.index) for frame in frames]  # so that nothing stands still
    motions = [motion for _, motion in with_motion(moved, by(vectors)) if motion]
    assert len(motions) == 10
    assert motions[-1].anchor is not None and motions[-1].anchor.index == 8
    assert float(motions[-1].anchor.seen.min()) == 1


def test_what_strokes_left_around_a_thing_is_new_when_it_moves_on() -> None:
    """But not where light changes and nothing is uncovered."""
    frames, vectors = passing(3)
    smooth = [
        replace(frame, image=0.5 * frame.image * (vectors[frame.index].to_previous[:, :1] == 0)) for frame in frames
    ]
    brighter = replace(smooth[2], image=smooth[2].image + 0.2 * (torch.arange(WIDTH) > 70))
    (*_, (_, motion)) = with_motion([smooth[0], smooth[1], brighter], by(vectors, DISFlow()))
    assert motion is not None
    assert float(motion.visible[..., 20:28, 10:15].max()) < 0.5
    assert float(motion.visible[..., 75:].min()) == 1


def test_what_no_vectors_lead_to_is_found_in_the_pictures() -> None:
    """Later frames, frames beyond one without vectors, frames too far away; and what reappears."""
    frames, vectors = passing(4)
    source = by(vectors, DISFlow())
    assert source.known(frames[1], frames[2]) is None
    assert VectorMotion(Refuses(), {0: vectors[0], 3: vectors[3]}.get, range(4)).known(frames[3], frames[1]) is None
    assert (
        VectorMotion(Refuses(), lambda index: vectors[0], range(100)).known(replace(frames[0], index=99), frames[0])
        is None
    )
    gap = VectorMotion(DISFlow(), {0: vectors[0]}.get, range(4))
    plain = [motion for _, motion in with_motion(frames, DISFlow()) if motion]
    for found, expected in zip([m for _, m in with_motion(frames, gap) if m], plain, strict=True):
        assert torch.equal(found.flow_to_previous, expected.flow_to_previous)
        assert torch.equal(found.visible, expected.visible)


@pytest.mark.parametrize(
    ("factors", "says"),
    [((1, 1), ""), ((-1, -1), "scale times -1)"), ((1, -1), "other way (--vectors-y)"), ((0.5, 0.5), "scale times 2)")],
)
def test_vectors_that_were_read_wrongly_are_told(
    factors: tuple[float, float], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    wide = noise_image(HEIGHT + 40, WIDTH + 40, 3)
    frames = [Frame(index, wide[..., 4 * index :, 6 * index :][..., :HEIGHT, :WIDTH]) for index in range(3)]
    read = torch.tensor((6.0, 4.0)) * torch.tensor(factors)
    vectors = [Vectors(read.view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH))] * 3
    list(with_motion(frames, by(vectors, DISFlow())))
    told = [record.message for record in caplog.records]
    assert len(told) == bool(says)
    assert all(message.endswith(f"{says}.") for message in told)


def test_what_is_no_number_is_hidden() -> None:
    frames, vectors = passing(2)
    vectors[1].to_previous[..., 40:, 60:] = float("nan")
    known = by(vectors).known(frames[1], frames[0])
    assert known is not None
    assert bool(known.flow.isfinite().all())
    assert not known.seen[..., 40:, 60:].any()
    assert bool(known.seen[..., :39, 60:].all())


def test_going_on_joins_the_same_steps() -> None:
    frames, vectors = passing(14, step=1)
    whole = {frame.index: motion for frame, motion in with_motion(frames, by(vectors, DISFlow()))}
    resumed = {f.index: motion for f, motion in with_motion(frames, by(vectors, DISFlow()), begin=12)}
    for index, motion in resumed.items():
        assert isinstance(motion, Motion)
        expected = whole[index]
        assert expected is not None and motion.anchor is not None and expected.anchor is not None
        assert torch.equal(motion.flow_to_previous, expected.flow_to_previous)
        assert torch.equal(motion.visible, expected.visible)
        assert torch.equal(motion.anchor.flow, expected.anchor.flow)
        assert torch.equal(motion.anchor.seen, expected.anchor.seen)


# -- a network -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def raft_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """raft_small as nobody has trained it."""
    from torchvision.models.optical_flow import raft_small

    path = tmp_path_factory.mktemp("raft") / "small.pth"
    torch.manual_seed(1)
    torch.save(raft_small(weights=None).state_dict(), path)
    return path


def test_raft_takes_pictures_of_any_size(raft_file: Path) -> None:
    network = load_raft(raft_file)
    source = RaftFlow(network, network.name, "cpu")
    flow = source.flow(Frame(0, noise_image(50, 71, 1)), Frame(1, noise_image(50, 71, 2)))
    assert flow.shape == (1, 2, 50, 71)
    assert bool(flow.isfinite().all())
    assert source.name.startswith("raft_small ")


def test_weights_that_are_not_rafts_are_refused(raft_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_raft(tmp_path / "missing.pth")
    named = tmp_path / "raft_small_C_T_V2-01064c6d.pth"
    named.write_bytes(raft_file.read_bytes())
    with pytest.raises(InputError, match=r"SHA-256 begins with [0-9a-f]{8}, not with 01064c6d"):
        load_raft(named)
    weights = torch.load(raft_file, weights_only=True)
    first = next(iter(weights))
    for changed, says in (
        ({name: value for name, value in weights.items() if name != first}, "tensors are not named"),
        ({**weights, first: weights[first][..., :1, :1]}, "other shapes"),
        ({**weights, first: weights[first] * float("nan")}, "no numbers"),
        ({**weights, first: weights[first].double() * 1e300}, "no numbers"),
        ({**weights, first: (weights[first] * float("nan")).to(torch.float8_e4m3fn)}, "no numbers"),
    ):
        torch.save(changed, tmp_path / "other.pth")
        with pytest.raises(InputError, match=says):
            load_raft(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match="not a PyTorch weights file"):
        load_raft(tmp_path / "text.pth")
