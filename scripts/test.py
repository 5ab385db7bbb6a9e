"""Set everything up and run the tests: `python3 scripts/test.py [pytest arguments]`."""

from __future__ import annotations

import sys

from setup_venv import prepare, run

if __name__ == "__main__":
    sys.exit(run(prepare(), "-m", "pytest", *sys.argv[1:]))
