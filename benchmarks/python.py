"""What `nanompi.reconstruct` on arrays costs beside `nanompi run` on the same scan in a file.

    python benchmarks/python.py [--frames 400] [--size 128] [--engines DM*20,ML*20] [--repeat 3]

Each is a process of its own, in turns. "arrays" loads the whole NPZ with NumPy and calls reconstruct, which
writes nothing; "file" writes its run folder, too; "no result" is the same file by nanompi.run in memory, the
nearest to "arrays". Peak memory of "arrays" holds the arrays of the caller, whose size is told.
"""

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


def main():
    """Wall, CPU and memory of each way, and the ratio of "arrays" to "file" in each round."""
    given = options(__doc__, frames=400, size=128, engines="DM*20,ML*20", repeat=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = simulated(given, folder)
        (folder / "job.yaml").write_text(JOB.format(**known))
        programs = {
            "file": ["-m", "nanompi", "run", "job.yaml", "--quiet"],
            "no result": ["-c", MEMORY],
            "arrays": ["-c", ARRAYS.format(**known)],
        }
        ways = {way: partial(cost, [sys.executable, *words], folder) for way, words in programs.items()}
        figures = turns(ways, given.repeat)
    rows = (
        {"way": way, "wall s": min(one["wall"] for one in taken), "cpu s": min(one["cpu"] for one in taken),
         "peak MiB": max(one["peak"] for one in taken) / 2**20}
        for way, taken in figures.items()
    )  # fmt: skip
    both = list(zip(figures["arrays"], figures["file"], strict=True))
    facts = {"version": nanompi.__version__, "frames MiB": known["bytes"] / 2**20}
    facts |= {f"arrays over file, {kind}": [a[kind] / b[kind] for a, b in both] for kind in ("wall", "cpu")}
    report(given, rows, **facts)


if __name__ == "__main__":
    main()
