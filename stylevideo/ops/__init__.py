"""Tensor maths: pure functions on pictures, masks and flow. Knows no files and no networks."""
