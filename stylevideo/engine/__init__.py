"""The numerics: what is minimised, how, and what passes from one frame to the next; knows no files."""
