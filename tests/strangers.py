"""What strangers bring: their files, a measurement of theirs, and the program as it stands there."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from tests.mpi import warm
from tests.patience import patience

ROOT = Path(__file__).parents[1]
JOB = """
nanompi: 1
name: x
input: {file: scan}
steps:
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: AP*4
run: {device: cpu}
"""


def nanompi(*words, code: int = 0) -> subprocess.CompletedProcess:
    """The program in the current folder, with the plug-ins in ./theirs; the test fails on another exit code
    and on a traceback of ours."""
    own = {"env": {**os.environ, "PYTHONPATH": f"theirs:{ROOT}"}, "timeout": patience(60)}
    done = subprocess.run(warm.nanompi(*words), capture_output=True, text=True, **own)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    assert f"{ROOT}/nanompi" not in done.stderr and "internal error" not in done.stderr, done.stderr
    return done


def measured(folder: Path, n: int = 49) -> int:
    """Write a folder of NPY frames, positions and geometry, as `plugin.FOLDER` reads it; the photons."""
    from nanompi.methods import discover
    from nanompi.methods.ptycho.read import open_scan
    from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
    from nanompi.run.reading import Input

    discover()
    scan = open_scan("", Input(), Simulate(simulate=Simulation(frames=n, size=32, photons=1e5)))
    folder.mkdir()
    frames = scan.source.read(np.arange(n))
    for i, frame in enumerate(frames):
        np.save(folder / f"frame-{i:04d}.npy", frame)
    np.savetxt(folder / "positions.txt", scan.positions * 1e6)
    about = {"wavelength": scan.wavelength, "distance": scan.distance, "pixel": list(scan.pixel)}
    (folder / "geometry.json").write_text(json.dumps(about))
    return int(frames.sum())
