"""Video files: exact facts, frames in, films out; frames here are uint8 arrays (H, W, 3), RGB, sRGB."""
