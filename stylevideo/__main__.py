"""`python -m stylevideo` is the command `stylevideo`."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the working folder, where `-m` has looked for this: nothing else is taken from there

from stylevideo.cli.main import main

sys.exit(main())
