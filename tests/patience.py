"""How long a test waits for what must come: limits that a busy machine does not break.

NANOMPI_PATIENCE : every limit is multiplied by it; 10 by default, which holds with ten programs to a core.
    Only what hangs ever takes so long. A smaller number finds a hang sooner on a quiet machine.
"""

import os
import time

PATIENCE = float(os.environ.get("NANOMPI_PATIENCE", "10"))


def patience(seconds: float) -> float:
    """The seconds to wait for what takes less than `seconds` on a quiet machine."""
    return seconds * PATIENCE


def until(true, seconds: float = 30, why=lambda: ""):
    """Wait until `true()`; its answer. The test fails with `why()` when it does not come in time."""
    end = time.monotonic() + patience(seconds)
    while not (answer := true()):
        assert time.monotonic() < end, f"not after {patience(seconds):.0f} s; {why()}"
        time.sleep(0.02)
    return answer
