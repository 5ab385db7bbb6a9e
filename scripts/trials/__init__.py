"""The program in trouble: `python -m scripts.trials batch|farm|cluster|hostile|cases|odd`."""
