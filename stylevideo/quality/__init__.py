"""How good a film is, and whether it is right; makes none."""
