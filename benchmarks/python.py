"""What `nanompi.reconstruct` on arrays costs beside `nanompi run` on the same scan in a file.

    python benchmarks/python.py [--frames 400] [--size 128] [--engines DM*20,ML*20] [--repeat 3]

Each is a process of its own, in turns. "arrays" loads the whole NPZ with NumPy and calls reconstruct, which
writes nothing; "file" writes its run folder, too, but draws no pictures; "memory" is the same file by
nanompi.run without a folder, the nearest to "arrays". Ratios are those of each turn, in which both ran one
after the other: their median holds on a busy machine, where the seconds do not. Peak memory of "arrays" holds
the arrays of the caller, whose size is told.
"""

import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from harness import cost, options, report, turns

import nanompi

JOB = """nanompi: 1
name: file
input: {{file: scan.npz, paths: {{frames: data, x: x, y: y, probe: probe}}, energy: 8 keV, pixel: 55 um,
        distance: {distance} m}}
steps: [{{use: ptycho, engines: "{engines}"}}]
run: {{threads: 1}}
"""
ARRAYS = """
import numpy as np, nanompi
scan = dict(np.load("scan.npz"))
nanompi.reconstruct(scan["data"], x=scan["x"], y=scan["y"], probe=scan["probe"], energy="8 keV",
                    distance={distance}, pixel="55 um", engines="{engines}", run={{"threads": 1}})
"""
MEMORY = "import nanompi; nanompi.run('job.yaml')"


def simulated(given, folder: Path) -> dict:
    """The scan as an NPZ in a folder, and what the two programs must know of it."""
    from nanompi.job.job import read_input
    from nanompi.methods import discover
    from nanompi.run.reading import open_data

    discover()
    text = f"nanompi: 1\ninput: {{simulate: {{frames: {given.frames}, size: {given.size}, photons: 1e6}}}}\n"
    (folder / "simulate.yaml").write_text(text)
    scan = open_data("", *read_input(str(folder / "simulate.yaml")))["data"]
    frames, (y, x) = scan.source.read(np.arange(len(scan.positions))), scan.positions.T
    np.savez(folder / "scan.npz", data=frames, x=x, y=y, probe=scan.truth["probe"])
    return {"distance": scan.distance, "engines": given.engines.replace(",", " "), "bytes": frames.nbytes}


def rows(figures: dict[str, list]):
    """One for each way: the least seconds, and the median of the ratios of "arrays" to it."""
    for way, taken in figures.items():
        yield {
            "way": way,
            **{f"{kind} s": min(one[kind] for one in taken) for kind in ("wall", "cpu")},
            "peak MiB": max(one["peak"] for one in taken) / 2**20,
            **{
                f"arrays over it, {kind}": statistics.median(ratios(figures, way, kind))
                for kind in ("wall", "cpu")
            },
        }


def ratios(figures: dict[str, list], way: str, kind: str) -> list[float]:
    """Those of "arrays" to a way, turn by turn."""
    return [a[kind] / b[kind] for a, b in zip(figures["arrays"], figures[way], strict=True)]


def main():
    """Wall, CPU and memory of each way, and the ratios of "arrays" to them."""
    given = options(__doc__, frames=400, size=128, engines="DM*20,ML*20", repeat=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = simulated(given, folder)
        (folder / "job.yaml").write_text(JOB.format(**known))
        programs = {
            "file": ["-m", "nanompi", "run", "job.yaml", "--quiet"],
            "arrays": ["-c", ARRAYS.format(**known)],
            "memory": ["-c", MEMORY],
        }
        ways = {
            way: partial(cost, [sys.executable, *words], folder, NANOMPI_PICTURES="no")
            for way, words in programs.items()
        }
        before = os.getloadavg()[0]
        figures = turns(ways, given.repeat)
    facts = {"version": nanompi.__version__, "frames MiB": known["bytes"] / 2**20}
    facts |= {f"arrays over {way}, wall": ratios(figures, way, "wall") for way in ("file", "memory")}
    report(given, rows(figures), **facts, load=[before, os.getloadavg()[0]])


if __name__ == "__main__":
    main()
