"""`python -m stylevideo` is the command `stylevideo`."""

import sys

from stylevideo.cli import main

sys.exit(main())
