"""Run by mpirun: the images of two halves, by frames and by counts, in double precision; rank 0 writes them.

usage: halves_program.py OUT.npz allreduce|overlap
"""

import sys

import numpy as np

from nanompi.methods import discover
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.halves import Chain, compare_halves
from nanompi.mpi.team import Team
from tests.methods.ptycho.scenes import draw, geometry_of, make, problem, run_of

SCENES = {"frames": {"step": 0.1, "width": 0.4}, "counts": {"near": True}}


def figures(of: str, combine: str) -> dict:
    """Curve, images, held figure of halves after a short chain."""
    scene = make(draw(4, frames=100, n=32, photons=1e5, subpixel=True, **SCENES[of]))
    p, engines, shown = problem(scene, combine=combine), [DM(iterations=4), ML(iterations=3)], []
    run_chain(engines, p, 10, shown.append)
    before = p.O.copy(), p.P.copy()
    halves = compare_halves(
        run_of(scene, p, shown.append), p, Chain(engines, 10, combine), geometry_of(scene)
    )
    same = p.team.all(all(map(np.array_equal, before, (p.O, p.P))))
    if not p.team.root:
        return {}
    return {"way": halves.way, "curve": halves.curve.value, "held": [halves.held, halves.held_error],
            "same": same, "words": shown[-1]}  # fmt: skip


if __name__ == "__main__":
    with Team() as team:
        discover()
        out = {f"{of}/{k}": v for of in SCENES for k, v in figures(of, sys.argv[2]).items()}
        if team.root:
            np.savez(sys.argv[1], **out)
