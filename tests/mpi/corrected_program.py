"""Run by mpirun: all corrections at once, in far and near field, where frames move to other ranks in between;
rank 0 writes the outcome.

usage: corrected_program.py OUT.npz allreduce|overlap
"""

import sys

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods import discover
from nanompi.methods.ptycho import flux
from nanompi.methods.ptycho.balance import Balance
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.partition.kmeans import KMeans
from nanompi.methods.ptycho.refine import RefinePositions
from nanompi.mpi.team import Team
from nanompi.step import METHODS
from tests.methods.ptycho.scenes import displaced, draw, problem

BACKGROUND = 1.0
SCAN = {"n": 32, "frames": 120, "step": 0.15, "photons": 1e5, "fluctuation": 0.1, "background": BACKGROUND}
MOVES = {4: (1, 3, 2), 9: (3, 1, 1), 12: (1, 2, 3)}  # after these iterations: speeds of the ranks


class Forced(Balance):
    """Frames move after certain iterations, by speeds that are made up."""

    def turn(self, p, engine, left):
        if p.iteration in MOVES:
            assert self.shift(p, engine, np.array(MOVES[p.iteration][: p.team.size], float)) > 0


def corrected(team, near: bool, combine: str) -> dict:
    """Object, probe, flux and moves after engines that correct flux, background and positions (collective)"""
    scene = displaced(draw(5, near=near, **SCAN), 0.5)
    p = problem(scene, Cpu("double", 1), combine, refine=RefinePositions(reach=3.0))
    p.background = BACKGROUND
    flux.begin(p, monitored=False)
    look = Forced(KMeans(), p.places.corners, str) if team.size > 1 else None
    engines = [METHODS["engine"]["rPIE"](iterations=3), DM(iterations=4), ML(iterations=10)]
    run_chain(engines, p, 50, str, balance=look)
    return {"O": p.whole(), "P": p.P, "flux": flux.whole(p), "moves": p.refinement.pixels}


if __name__ == "__main__":
    with Team() as team:
        discover()
        out = {}
        for field in ("far", "near"):
            made = corrected(team, field == "near", sys.argv[2])
            out |= {f"{field}/{name}": values for name, values in made.items()}
        if team.root:
            np.savez(sys.argv[1], **out)
