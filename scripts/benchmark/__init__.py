"""What stylevideo claims, measured: `python -m scripts.benchmark`."""
