"""Take painted frames as they come, and average them: `python examples/frames.py CLIP STYLE PICTURE.png`.

Nothing is written but what this program writes. Frames are tensors (1, 3, H, W), RGB, 0..1.
"""

import sys

import numpy as np
import torch
from PIL import Image

import stylevideo


def main() -> None:
    """Save the mean of all frames, a painted long exposure."""
    clip, style, picture = sys.argv[1:]
    settings = stylevideo.preset("draft").with_values(size=256)
    total, count = torch.zeros(1), 0
    for frame in stylevideo.stylize_frames(clip, [style], settings):
        print(f"frame {frame.index}: style loss {frame.losses.style:.4f}")
        total, count = total + frame.image.cpu(), count + 1
    exposure = (total / count)[0].permute(1, 2, 0).numpy()
    Image.fromarray(np.rint(255 * exposure).astype(np.uint8)).save(picture)


if __name__ == "__main__":
    main()
