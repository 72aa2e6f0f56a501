"""Run by mpirun: five iterations of every engine in double precision; rank 0 writes object, probe and history.

usage: engines.py OUT.npz
"""

import sys

import numpy as np

from nanompi.ptycho.engines.engine import run_chain
from nanompi.step import PARTS, discover
from tests.scene import problem

CASES = {
    "plain": {},
    "modes": {"modes": 2},
    "subpixel": {"subpixel": 4},
    "near": {"near": True},
    "threads": {"threads": 2},
}

discover()
out = {}
for case, how in CASES.items():
    for name, engine in PARTS["engine"].items():
        p, _, _ = problem(**how)
        history = run_chain([engine(iterations=5)], p, 5, lambda text: None)
        out[f"{case}/{name}/O"], out[f"{case}/{name}/P"] = p.O, p.P
        out[f"{case}/{name}/error"] = [row["error"] for row in history]
        out[f"{case}/{name}/figures"] = [
            v for k, v in history[-1].items() if k not in ("engine", "iteration")
        ]
if p.team.root:
    np.savez(sys.argv[1], **out)
