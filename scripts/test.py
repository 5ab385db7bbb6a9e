"""Set everything up and run the tests: `python3 scripts/test.py [pytest arguments]`."""

from __future__ import annotations

import os
import sys

from setup_venv import prepare, run

ON_ALL_CORES = ("-n", "auto", "--dist", "worksteal")

if __name__ == "__main__":
    # A process for each core, and in each one thread: most tests are too small for more.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(run(prepare(), "-m", "pytest", *ON_ALL_CORES, *sys.argv[1:]))
