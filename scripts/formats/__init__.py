"""Footage in and deliveries out, measured: `python -m scripts.formats`."""
