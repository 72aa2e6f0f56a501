"""What the environment turns off in runs: many small runs need neither, and the job stays as it is."""

import os

PICTURES = "NANOMPI_PICTURES"  # no: runs and sweeps draw none, which saves seconds of each
GEOMETRY = (
    "NANOMPI_GEOMETRY"  # no: verdicts try no other geometries: 20 s of computing or a twentieth of each
)


def on(name: str) -> bool:
    """Is it left on? What is asked for by a command of its own is done all the same."""
    return os.environ.get(name, "").strip().lower() not in ("no", "off", "false", "0")
