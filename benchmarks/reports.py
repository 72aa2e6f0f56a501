"""What report.html costs: CPU seconds of one writing of it, and its size, by the side of the object.

    python benchmarks/reports.py --sides 360 1024 2000 --repeat 5

A result with phase and amplitude (a smooth object with noise, lit in the middle), two modes of the probe, a
history of 100 iterations, and a job with all its defaults. "end": of result.h5, as a run writes it last;
"live": as a run renews it, live.h5 with it, from images that it holds (at most 1024 px). The import of numpy
in a process of its own, in the same turns, says how fast the machine was meanwhile.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from harness import ROOT, both_clocks, cost, options, report, turns

from nanompi.job import yaml12
from nanompi.job.job import read_job
from nanompi.methods import discover
from nanompi.report.report import write
from nanompi.run import status
from nanompi.run.result import Result, Signal
from nanompi.run.writers import nexus

LIVE = 1024  # px, the most of a live view


def signals(side: int) -> dict[str, Signal]:
    """What a run shows of an object of side x side px."""
    (y, x), noise = np.indices((side, side)) / side - 0.5, np.random.default_rng(0).normal(size=(side, side))
    phase = (np.sin(40 * x) * np.cos(30 * y) + 0.05 * noise).astype(np.float32)
    seen = np.exp(-8 * (x**2 + y**2)).astype(np.float32)
    axes = {name: (np.arange(side) * 1e-8, "m") for name in "yx"}
    v, u = np.indices((256, 256)) / 256 - 0.5
    spot = np.exp((-30 + 20j) * (u**2 + v**2)).astype(np.complex64)
    return {
        "phase": Signal(phase, axes, "rad", "phase of the object", "angle", seen, 0.5),
        "amplitude": Signal(phase + 2, axes, "", "amplitude of the object", "image", seen, 0.5),
        "probe": Signal(np.stack([spot, spot * u]), {}, "", "probe modes", "modes"),
    }


def begun(folder: Path, state: str) -> Path:
    """A run folder with its job, and how it stands."""
    folder.mkdir()
    status.write(folder, {"nanompi": 1, "name": "star", "state": state, "code": 0})
    job = read_job(str(ROOT / "jobs/modes.yaml"))
    (folder / "job.resolved.yaml").write_text(yaml12.write(job.resolved))
    return folder


def ended(folder: Path, side: int) -> Path:
    """The folder of a run that has its result."""
    count = np.arange(1.0, 101)
    history = {"history/iteration": count, "history/error": 1 / count, "history/R": 1 / count}
    nexus.write(Result("phase", signals(side), history), begun(folder, "done") / "result.h5")
    return folder


def renewed(folder: Path, images: dict[str, Signal]) -> Path:
    """What the thread of a live view does."""
    nexus.write(Result("phase", images), folder / "live.h5", packed=False)
    return write(folder, signals=images)


def ways_of(top: Path, side: int):
    """{name: writes a report}"""
    run = ended(top / f"end-{side}", side)
    yield f"{side} px, end", lambda: write(run)
    if side <= LIVE:
        live, images = begun(top / f"live-{side}", "running"), signals(side)
        yield f"{side} px, live", lambda: renewed(live, images)


def main():
    """One row for each way."""
    given, sizes = options(__doc__, sides=["360", "1024", "2000"], repeat=5), {}
    discover()

    def way(name, work):
        return lambda: both_clocks(lambda: sizes.update({name: work().stat().st_size / 1e6}))[1]

    with tempfile.TemporaryDirectory() as top:
        works = {name: work for side in given.sides for name, work in ways_of(Path(top), int(side))}
        numpy = {"numpy": lambda: cost([sys.executable, "-c", "import numpy"])["cpu"]}
        figures = turns({name: way(name, work) for name, work in works.items()} | numpy, given.repeat)
    beside = figures.pop("numpy")
    rows = [
        {"report": name, "CPU s": median(own), "to": max(own), "MB": sizes[name],
         "x numpy": median(a / b for a, b in zip(own, beside, strict=True))}
        for name, own in figures.items()
    ]  # fmt: skip
    report(given, rows, repeat=given.repeat, numpy=median(beside))


if __name__ == "__main__":
    main()
