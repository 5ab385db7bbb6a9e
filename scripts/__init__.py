"""Programs beside the package, started from the checkout as `python -m scripts.NAME`. None of it is installed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""
STYLE = ROOT / "samples" / "styles" / "impasto.jpg"
"""The picture that everything is painted after where the style is not what is tried."""
