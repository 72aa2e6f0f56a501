"""What the light verbs cost: CPU seconds of a start, as multiples of `python -c "import numpy"`.

    python benchmarks/verbs.py [--turns 5] [--verbs check init methods schema inspect]

Each in a process of its own, in turns with the import of numpy; the ratio is the median of those of each
turn, the seconds are the least, since other programs only add. Compiled modules (__pycache__) and the index
of parts are there: a first turn does not count.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from harness import cost, options, report, turns
from scans import NANOMPI

JOB = "nanompi: 1\ninput: {simulate: {frames: 25, size: 32}}\nsteps: [ptycho]\n"
WORDS = {
    "check": ["check", "job.yaml", "--no-data"],
    "init": ["init", "--force", "new.yaml"],
    "methods": ["methods"],
    "schema": ["schema"],
    "inspect": ["inspect", "scan.cxi"],
    "version": ["--version"],
}
NUMPY = [sys.executable, "-c", "import numpy"]


def way(command: list, folder: Path):
    """CPU seconds of a command, for `turns`."""
    cache = {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": ""}
    return lambda: cost(command, folder, **cache)["cpu"]


if __name__ == "__main__":
    given = options(__doc__, turns=5, verbs=list(WORDS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.yaml").write_text(JOB)
        cost([*NANOMPI, "simulate", "job.yaml", "-o", "scan.cxi"], folder)
        ways = {"numpy": way(NUMPY, folder)}
        ways |= {verb: way([*NANOMPI, *WORDS[verb]], folder) for verb in given.verbs}
        known = turns(ways, given.turns)
    rows = (
        {"verb": name, "cpu s": min(values),
         "x numpy": statistics.median(v / n for v, n in zip(values, known["numpy"]))}
        for name, values in known.items()
    )  # fmt: skip
    report(given, rows)
