"""What report.html costs: CPU seconds of one writing of it, and its size, by the side of the object.

    python benchmarks/reports.py --sides 360 1024 2000 --repeat 5

A result with phase and amplitude (a smooth object with noise, lit in the middle), two modes of the probe and
a history of 100 iterations. A live view is at most 1024 px; larger images are those of the end of a run.
"""

import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from harness import both_clocks, options, report, turns

from nanompi.methods import discover
from nanompi.report.report import write
from nanompi.run import status
from nanompi.run.result import Result, Signal
from nanompi.run.writers import nexus


def made(folder: Path, side: int) -> Path:
    """A run folder with a result of side x side px."""
    folder.mkdir()
    status.write(folder, {"nanompi": 1, "name": "star", "state": "done", "code": 0})
    (y, x), noise = np.indices((side, side)) / side - 0.5, np.random.default_rng(0).normal(size=(side, side))
    phase = (np.sin(40 * x) * np.cos(30 * y) + 0.05 * noise).astype(np.float32)
    seen = np.exp(-8 * (x**2 + y**2)).astype(np.float32)
    axes = {name: (np.arange(side) * 1e-8, "m") for name in "yx"}
    v, u = np.indices((256, 256)) / 256 - 0.5
    spot = np.exp((-30 + 20j) * (u**2 + v**2)).astype(np.complex64)
    signals = {
        "phase": Signal(phase, axes, "rad", "phase of the object", "angle", seen, 0.5),
        "amplitude": Signal(phase + 2, axes, "", "amplitude of the object", "image", seen, 0.5),
        "probe": Signal(np.stack([spot, spot * u]), {}, "", "probe modes", "modes"),
    }
    count = np.arange(1.0, 101)
    history = {"history/iteration": count, "history/error": 1 / count, "history/R": 1 / count}
    nexus.write(Result("phase", signals, history), folder / "result.h5")
    return folder


def main():
    """One row for each side."""
    given = options(__doc__, sides=["360", "1024", "2000"], repeat=5)
    discover()
    with tempfile.TemporaryDirectory() as top:
        runs = {side: made(Path(top) / side, int(side)) for side in given.sides}
        ways = {side: lambda run=run: both_clocks(lambda: write(run)) for side, run in runs.items()}
        figures = turns(ways, given.repeat)
        rows = [
            {
                "side px": side,
                "CPU s": median(cpu for _, cpu in own),
                "to": max(cpu for _, cpu in own),
                "MB": (runs[side] / "report.html").stat().st_size / 1e6,
            }
            for side, own in figures.items()
        ]
    report(given, rows, repeat=given.repeat)


if __name__ == "__main__":
    main()
