"""What a plain `nanompi run` costs beside another state of the program: CPU seconds of a tiny job.

    git worktree add /tmp/before COMMIT
    python benchmarks/start.py /tmp/before [--turns 8]

The two take turns; the least of the turns counts, since other programs only add. The first turns do not
count: they compile, and fill the cache.
"""

import tempfile
from pathlib import Path

import numpy as np
from harness import ROOT, cost, options, report, turns
from scans import NANOMPI

JOB = """nanompi: 1
input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2, photons: 1e3}}
steps: [tomo.flat]
run: {threads: 1}
"""


def way(checkout: Path, folder: Path):
    """CPU seconds of a run by the program in a checkout, for `turns`."""
    own = {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "", "NANOMPI_PICTURES": "no"}
    return lambda: cost([*NANOMPI, "run", "job.yaml"], folder, **own)["cpu"]


if __name__ == "__main__":
    given = options(__doc__, "before", turns=8)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "job.yaml").write_text(JOB)
        ways = {"before": way(Path(given.before).resolve(), Path(name)), "here": way(ROOT, Path(name))}
        found = {name: np.array(values) for name, values in turns(ways, given.turns).items()}
    pairs = float(np.median(found["here"] / found["before"]))
    rows = [{"state": name, "cpu s": values.min(), "x before": values.min() / found["before"].min()}
            for name, values in found.items()]  # fmt: skip
    report(given, rows, turns=given.turns, median_of_pairs=pairs)
