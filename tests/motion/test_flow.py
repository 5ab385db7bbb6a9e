"""Flow follows known motion, at any size, and the device chooser refuses what is not there."""

from __future__ import annotations

import pytest
import torch
from image_fixtures import noise_image, to_image

from scripts.samples.scenes import render_shot
from stylevideo.errors import DeviceError, ShapeError
from stylevideo.motion.flow import DISFlow, FarnebackFlow
from stylevideo.system.device import choose_device, convolution_dtype

Engine = type[DISFlow] | type[FarnebackFlow]
each_engine = pytest.mark.parametrize("engine", [DISFlow, FarnebackFlow])


@each_engine
@pytest.mark.parametrize("size", [(480, 854), (96, 96), (72, 128), (33, 47)])
def test_flow_finds_a_shift_at_any_size(size: tuple[int, int], engine: Engine) -> None:
    height, width = size
    texture = torch.nn.functional.interpolate(
        noise_image(height // 4 + 8, width // 4 + 8), scale_factor=4.0, mode="bicubic"
    )
    image = texture[..., 8 : 8 + height, 8 : 8 + width]
    other = texture[..., 6 : 6 + height, 11 : 11 + width]  # what was at p is at p + (-3, 2)
    flow = engine().between(image, other)
    assert flow.shape == (1, 2, height, width)
    middle = flow[..., height // 4 : -height // 4, width // 4 : -width // 4]
    assert float(middle[:, 0].median()) == pytest.approx(-3, abs=0.25)
    assert float(middle[:, 1].median()) == pytest.approx(2, abs=0.25)


@each_engine
def test_flow_is_near_the_exact_motion_of_a_rendered_shot(engine: Engine) -> None:
    before, after = list(render_shot("balloon", 2, 320, 180))
    flow = engine().between(to_image(after.image), to_image(before.image))
    exact = torch.from_numpy(after.flow_to_previous).permute(2, 0, 1)[None]
    error = (flow - exact).norm(dim=1)[0][torch.from_numpy(after.visible)]
    assert float(error.median()) < 0.5
    assert float(exact.norm(dim=1).median()) > 0.5, "the shot must move for this to mean anything"


@each_engine
def test_pictures_of_different_sizes_are_refused(engine: Engine) -> None:
    with pytest.raises(ShapeError):
        engine().between(noise_image(32, 32), noise_image(32, 33))


def test_devices_that_are_not_there_are_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(DeviceError, match="not a device"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="no CUDA GPU"):
            choose_device("cuda:1")


def test_precision_is_what_was_asked_for() -> None:
    cpu = torch.device("cpu")
    assert convolution_dtype("fp32", cpu) == torch.float32
    assert convolution_dtype("bf16", cpu) == torch.bfloat16
    native = torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16")
    assert (convolution_dtype("auto", cpu) == torch.bfloat16) == bool(native)
