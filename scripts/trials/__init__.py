"""The program in trouble: `python -m scripts.trials batch|farm|hostile|cases|odd`."""
