"""Everything in `samples/`, rendered and painted from fixed seeds: `python -m scripts.samples`."""
