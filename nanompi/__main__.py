"""`python -m nanompi` is `nanompi`."""

import sys

from nanompi.cli import main

sys.exit(main())
