"""The geometry doctor on random scans with one thing wrong: what it finds, and what that costs.

    python benchmarks/geometry.py 5001 5010 > results.txt

Seed after seed, each with the next of FAULTS: class and lag as they should be, factor of the distance,
degrees, CPU seconds. One thread; frames of 64 x 64, or --size.
"""

import argparse
import time
from types import SimpleNamespace

import numpy as np
from faults import wrong
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


def prepared(scene):
    """(run with the frames of a scene, geometry)"""
    n, near = scene.made.n, scene.made.near
    counts = scene.counts if near else np.fft.ifftshift(scene.counts, axes=(1, 2))
    mask = np.ones((n, n), bool)
    frames = Frames(
        values=counts, index=np.arange(len(counts)), mask=mask, corner=not near, pixel=(PIXEL, PIXEL)
    )
    data = {"data": SimpleNamespace(positions=scene.positions), "frames": frames}
    run = SimpleNamespace(team=Team(alone=True), device=Cpu("single", 1), data=data, clock=Clock())
    focus = FOCUS if near else None
    return run, Geometry(scene.wavelength, scene.distance, (PIXEL, PIXEL), (n, n), focus)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--size", type=int, default=64)
    args = parser.parse_args()
    print(f"{'seed':>6} {'fault':<12} class lag   distance (error)    rotation (error)   sign  lead  CPU s")
    for seed in range(args.first, args.last + 1):
        fault = list(FAULTS)[seed % len(FAULTS)]
        turn, lag, far, angle = FAULTS[fault]
        run, geometry = prepared(wrong(fault, seed, n=args.size))
        begun = time.process_time()
        found = examine(run, geometry, Job(0, geometry.distance, 0.0))
        took = time.process_time() - begun
        same = "ok" if found.best.turn == turn else "WRONG" if found.by.clear else "not told"
        when = "ok" if found.best.lag == lag else "WRONG" if found.by.clear else "not told"
        print(
            f"{seed:>6} {fault:<12} {same:<5} {when:<5} "
            f"{found.far.value:.3f} ({found.far.value / far - 1:+.3f})"
            f"  {found.angle.value:+.2f} ({found.angle.value - angle:+.2f})  {found.sign:+.2f} "
            f"{found.by.size:.2f}±{found.by.error:.2f}  {took:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
