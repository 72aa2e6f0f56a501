"""Run by mpirun: a presolve and the chain after it, in double precision; rank 0 writes the outcome.

usage: presolve_program.py OUT.npz allreduce|overlap
"""

import sys

import numpy as np

from nanompi.methods import discover
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.presolve import presolve
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from tests.scene import problem

FRAMES = 49
CASES = {
    "plain": {},
    "left out": {"out": np.arange(FRAMES) % 9 == 4, "modes": 2, "subpixel": 4},
    "flux": {"flux": 0.2, "back": 0.5},
}

if __name__ == "__main__":
    with Team() as team:
        discover()
        out = {}
        for case, how in CASES.items():
            p, _, _ = problem(frames=FRAMES, combine=sys.argv[2], **how)
            geometry = Geometry(1e-10, 1.0, (50e-6, 50e-6), p.mask.shape)
            presolve(p, geometry, [DM(iterations=4), ML(iterations=3)], 5, lambda text: None)
            begun = np.array(p.whole())  # a copy: ML works in place
            run_chain([ML(iterations=3)], p, 5, lambda text: None)
            out |= {f"{case}/begun": begun, f"{case}/O": p.whole(), f"{case}/P": p.P}
            out[f"{case}/error"] = [row["error"] for row in p.state["presolve"]]
        if team.root:
            np.savez(sys.argv[1], **out)
