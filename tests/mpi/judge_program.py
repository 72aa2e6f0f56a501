"""Run by mpirun: the figures of the pass over all frames, of a scene whose frames are in any hands."""

import sys

from nanompi.methods.ptycho.judge.evidence import collect
from nanompi.methods.ptycho.judge.shares import shares
from tests.scene import problem

for near in (False, True):
    for combine in ("allreduce", "overlap"):
        p, O, P = problem(frames=64, subpixel=4, modes=2, near=near, combine=combine)
        p.O[...], p.P[...] = p.share.part(0.9 * O + 0.1), 0.98 * p.P
        figures = shares(collect(p))
        if p.team.root:
            print(near, *(f"{name}={value:.12e}" for name, value in figures.items()))
sys.exit(0)
