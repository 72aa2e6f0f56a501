"""The geometry doctor on random scans with one thing wrong: what it finds, and what that costs.

    python benchmarks/geometry.py --first 5001 --scans 10

Seed after seed, each with the next of FAULTS: class and lag as they should be, factor of the distance,
degrees, each with its error and the bar that the doctor gives, CPU seconds. One thread. --near: near
fields.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np
from faults import wrong
from harness import options, report
from scenes import FOCUS, PIXEL

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.doctor.finding import Job, examine
from nanompi.methods.ptycho.scan import Frames
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.timing import Clock

# name: (class of the turn that undoes it, lag, factor of the distance, degrees that undo it)
FAULTS = {
    "good": (0, 0, 1, 0), "transposed": (4, 0, 1, 0), "flipped": (1, 0, 1, 0), "late": (0, 1, 1, 0),
    "distance+20": (0, 0, 1 / 1.2, 0), "distance-20": (0, 0, 1.25, 0), "rotated 5": (0, 0, 1, -5),
    "early": (0, -1, 1, 0), "energy+25": (0, 0, 1.25, 0), "mirrored": (1, 0, 1, 0),
}  # fmt: skip


NEAR = ("late", "rotated 5", "transposed")  # that the focus says nothing of


def prepared(scene):
    """(run with the frames of a scene, geometry)"""
    n, near = scene.made.n, scene.made.near
    counts = scene.counts if near else np.fft.ifftshift(scene.counts, axes=(1, 2))
    mask = np.ones((n, n), bool)
    frames = Frames(
        values=counts, index=np.arange(len(counts)), mask=mask, corner=not near, pixel=(PIXEL, PIXEL)
    )
    data = {"data": SimpleNamespace(positions=scene.positions, numbers=None), "frames": frames}
    run = SimpleNamespace(team=Team(alone=True), device=Cpu("single", 1), data=data, clock=Clock())
    focus = FOCUS if near else None
    return run, Geometry(scene.wavelength, scene.distance, (PIXEL, PIXEL), (n, n), focus)


def row(seed: int, size: int, near: bool) -> dict:
    """What the doctor says of a scan"""
    faults = NEAR if near else list(FAULTS)
    fault = faults[seed % len(faults)]
    turn, lag, far, angle = FAULTS[fault]
    run, geometry = prepared(wrong(fault, seed, n=size, near=near))
    begun = time.process_time()
    found = examine(run, geometry, Job(0, geometry.distance, 0.0))
    took = time.process_time() - begun

    def told(same: bool) -> str:
        return "ok" if same else "WRONG" if found.by.clear else "not told"

    return {
        "seed": seed, "fault": fault,
        "class": told(found.best.turn == turn), "lag": told(found.best.lag == lag),
        "distance": found.far.value, "its error": found.far.value / far - 1, "its bar": found.far.error,
        "rotation": found.angle.value, "off by": found.angle.value - angle, "bar": found.angle.error,
        "sign": found.sign, "lead": f"{found.by.size:.2f} +- {found.by.error:.2f}", "CPU s": took,
    }  # fmt: skip


if __name__ == "__main__":
    given = options(__doc__, first=5001, scans=30, size=64, near=False, processes=1)
    seeds = range(given.first, given.first + given.scans)
    with ProcessPoolExecutor(given.processes) as pool:
        report(given, pool.map(partial(row, size=given.size, near=given.near), seeds))
