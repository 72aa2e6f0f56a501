"""`python -m nanompi` is `nanompi`."""

import sys

from nanompi.mpi.children import forget_working_folder

forget_working_folder()

from nanompi.cli import main  # noqa: E402  it loads modules that may not come from the working folder

sys.exit(main())
