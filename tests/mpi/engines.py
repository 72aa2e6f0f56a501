"""Run by mpirun: every engine in double precision, and 100 iterations of DM in single; rank 0 writes the
outcome.

usage: engines.py OUT.npz allreduce|overlap
"""

import sys

import numpy as np

from nanompi.methods import discover
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.mpi.team import Team
from nanompi.step import METHODS
from tests.scene import problem

CASES = {
    "plain": {},
    "modes": {"modes": 2},
    "subpixel": {"subpixel": 4},
    "near": {"near": True},
    "flux": {"flux": 0.2, "back": 0.5, "modes": 2},
    "threads": {"threads": 2},
    "varied": {"varies": 2, "near": True, "subpixel": 4},
    "small frames": {"frames": 729, "n": 16},  # ranks 0 and 2 of 3 see nothing in common
}


def double(combine: str) -> dict:
    """Object, probe, errors and figures of five iterations of every engine in every case."""
    out = {}
    for case, how in CASES.items():
        for name, engine in METHODS["engine"].items():
            p, _, _ = problem(**how, combine=combine)
            history = run_chain([engine(iterations=5)], p, 5, lambda text: None)
            out[f"{case}/{name}/O"], out[f"{case}/{name}/P"] = p.whole(), p.P
            out[f"{case}/{name}/error"] = [row["error"] for row in history]
            figures = [v for k, v in history[-1].items() if k not in ("engine", "iteration")]
            out[f"{case}/{name}/figures"] = figures
    return out


def single() -> dict:
    """R-factors of 100 iterations of DM in single precision."""
    p, _, _ = problem("single", frames=49)
    history = run_chain([METHODS["engine"]["DM"](iterations=100)], p, 10, lambda text: None)
    return {"R": [row["R"] for row in history if "R" in row], "O": p.O}


if __name__ == "__main__":
    with Team() as team:
        discover()
        out = double(sys.argv[2]) | single()
        if team.root:
            np.savez(sys.argv[1], **out)
