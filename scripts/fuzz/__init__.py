"""Footage that is damaged by chance: `python -m scripts.fuzz`."""
