"""Held-out frames: some frames are left out of the reconstruction, and judge it at the end.

A reconstruction may follow the noise of the frames that it sees, so their likelihood prefers whatever has
more freedom. A frame that it did not see follows from object and probe alone, which its neighbours give; its
deviance is least for the best model. (Pixels left out in all frames would not do: nothing else tells how
bright the probe is there.)
"""

import dataclasses

import numpy as np

from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.scan import Frames
from nanompi.optics.propagate import propagator

SEED = 1


def held_out(positions: np.ndarray, part: float) -> np.ndarray:
    """(n,) bool: the frames left out, `part` of all (at least one), the same in every run and on all ranks.

    positions : (n, 2) m. They are drawn from the inner half of the scan, so that the object stays as large.
    """
    out = np.zeros(len(positions), bool)
    if part:
        far = ((positions - np.median(positions, axis=0)) ** 2).sum(1)
        inner = np.argsort(far, kind="stable")[: max(1, len(far) // 2)]
        count = min(len(inner), max(1, round(part * len(far))))
        out[np.random.default_rng(SEED).choice(inner, count, replace=False)] = True
    return out


def without(run, out: np.ndarray):
    """The run as it would be had the frames `out` not been measured. Copies the counts of this rank."""
    if not out.any():
        return run
    scan, frames, number = run.data["data"], run.data["frames"], np.cumsum(~out) - 1
    own = _some(frames, ~out[frames.index])
    own.index, own.parts = number[own.index], [number[part[~out[part]]] for part in frames.parts]
    seen = dataclasses.replace(scan, positions=scan.positions[~out])
    return dataclasses.replace(run, data={**run.data, "data": seen, "frames": own})


def judge(run, p, places, geometry, out: np.ndarray) -> dict[str, float]:
    """{llk_heldout: the figure llk of object and probe on the frames left out}, over all ranks; R_heldout
    where llk has no meaning.

    p : the problem without them; places : of all frames
    """
    d, frames = p.device, run.data["frames"]
    own = out[frames.index]
    if own.any():
        some = _some(frames, own)
    else:  # a rank without any counts nothing of this one
        some = dataclasses.replace(_some(frames, np.arange(len(own)) == 0), mask=np.zeros_like(frames.mask))
    O = p.O if p.share.way == "allreduce" else d.array(p.team.bcast_array(p.whole()))
    q = Problem.of(p.team, d, some, places, propagator(d, geometry, places.rests))
    q.O, q.P = O, p.P
    with p.clock.phase("quality"):
        found = figures(q)
    name = "llk" if "llk" in found else "R"
    return {f"{name}_heldout": found[name]}


def _some(frames: Frames, which: np.ndarray) -> Frames:
    """Some of the frames of a rank. which : (n,) bool"""
    scale = None if frames.scale is None else frames.scale[which]
    return dataclasses.replace(frames, values=frames.values[which], index=frames.index[which], scale=scale)
