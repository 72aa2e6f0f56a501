"""Run by mpirun: frames that were measured at wrong places are moved; rank 0 writes the outcome.

usage: positions_program.py OUT.npz allreduce|overlap [lost]
"""

import sys

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.refine import RefinePositions
from nanompi.mpi.team import Team
from tests.methods.ptycho.scenes import displaced, draw, problem

CASES = {"far": {}, "near": {"near": True}}
LOST = {"lost": {}}  # errors of 1.5 px, in a beam of 11 px: some frames are not found by steps alone
REACH = 3.0  # px: so that parts of three ranks do not see all of each other

if __name__ == "__main__":
    with Team() as team:
        out = {}
        lost = "lost" in sys.argv
        for case, how in (LOST if lost else CASES).items():
            scene = displaced(draw(5, n=32, frames=120, step=0.15, photons=1e5, **how), 1.5 if lost else 0.5)
            refine = RefinePositions(reach=8.0 if lost else REACH)
            p = problem(scene, Cpu("double", 1), sys.argv[2], refine=refine)
            run_chain([DM(iterations=6), ML(iterations=42 if lost else 8)], p, 50, lambda text: None)
            out[f"{case}/found"] = p.refinement.rescue.found
            out |= {f"{case}/O": p.whole(), f"{case}/P": p.P, f"{case}/moved": p.refinement.pixels}
            out[f"{case}/held"] = float(team.max(float(np.prod(p.share.shape))) / np.prod(p.places.shape))
        if team.root:
            np.savez(sys.argv[1], **out)
