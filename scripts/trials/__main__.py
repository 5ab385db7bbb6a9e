"""Try the program where it gets into trouble; each trial has a `--help` of its own.

python -m scripts.trials batch [broken kill losses two disk workers again] [--kills 20]
python -m scripts.trials farm [kill meet kinds] [--kills 30]
python -m scripts.trials cluster [undisturbed worker host halt client once twice]
python -m scripts.trials hostile [WORD ...] [--watchers 2] [--list] [--keep hostile-faults]
python -m scripts.trials cases [WORD ...]
python -m scripts.trials odd [clips damages] [--keep FOLDER]
"""

from __future__ import annotations

import sys
from importlib import import_module

MODULES = {
    "batch": "batch",
    "farm": "farm",
    "cluster": "cluster",
    "hostile": "hostile.trial",
    "cases": "cases.trial",
    "odd": "odd.trial",
}


def main(words: list[str]) -> int:
    """Run the trial that the first word names with the words after it; its exit code, 2 without such a trial."""
    if not words or words[0] not in MODULES:
        print(__doc__, file=sys.stdout if words in (["-h"], ["--help"]) else sys.stderr)
        return 0 if words in (["-h"], ["--help"]) else 2
    code: int = import_module(f"scripts.trials.{MODULES[words[0]]}").main(words[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
