"""Strokes: which way they run, and how they live."""
