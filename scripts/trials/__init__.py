"""The program in trouble: `python -m scripts.trials batch|hostile|cases|odd`."""
