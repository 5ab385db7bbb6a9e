"""Started as `python -m scripts.fuzz`."""

import sys

from scripts.fuzz.run import main

if __name__ == "__main__":
    sys.exit(main())
