"""Run by mpirun: engines whose frames move to other ranks, and engines on ranks of which one is slow.

usage: balance_engines.py moved OUT.npz | slow OUT.json [clock] | mixed OUT.json [clock] | real OUT.json
moved : every engine in double precision with and without moves of frames
slow  : each frame costs a fixed time, on rank 1 twice as much; nobody needs the core while he sleeps, so the
    times do not depend on what else the machine does
mixed : three ranks whose speeds are as 1 : 2 : 4
real  : rank 1 sleeps as long as its frames took it (200 frames of 128², single precision, two modes)
clock : nobody sleeps, but the clock of each rank goes on as if; all times are then exact
"""

import json
import sys
import time
from functools import partial
from types import SimpleNamespace

import numpy as np

from nanompi import timing
from nanompi.device.cpu import Cpu
from nanompi.methods import discover
from nanompi.methods.ptycho import balance
from nanompi.methods.ptycho.balance import Balance
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.partition.kmeans import KMeans
from nanompi.methods.ptycho.partition.stripes import Stripes
from nanompi.mpi.team import Team
from nanompi.step import METHODS
from tests.scene import problem

CASES = {
    "plain": (KMeans, {}),
    "modes": (Stripes, {"modes": 2, "subpixel": 4}),
    "regions": (KMeans, {"combine": "overlap", "flux": 0.2}),
    "varied": (KMeans, {"varies": 2, "modes": 2}),
}
MOVES = {2: (1, 3, 2), 4: (3, 1, 1), 5: (1, 1, 1)}  # after these iterations: speeds of the ranks


class Forced(Balance):
    """Frames move after certain iterations, by speeds that are made up."""

    def turn(self, p, engine, left):
        if p.iteration in MOVES:
            assert self.shift(p, engine, np.array(MOVES[p.iteration][: p.team.size], float)) > 0
            rows = [p.at, p.I, p.gain, p.index, *([] if p.waves is None else [p.waves])]
            assert len({len(one) for one in rows}) == 1


def moved() -> dict:
    """Object, probe, errors and the frames of the ranks of seven iterations of every engine."""
    out = {}
    for case, (way, how) in CASES.items():
        for name, engine in METHODS["engine"].items():
            for kind in ("stay", "move"):
                p, _, _ = problem(**how)
                look = Forced(way(), p.places.corners, str) if kind == "move" else None
                history = run_chain([engine(iterations=7)], p, 7, str, balance=look)
                key = f"{kind}/{case}/{name}"
                out[f"{key}/O"], out[f"{key}/P"] = p.whole(), p.P
                out[f"{key}/history"] = [history[-1]["error"], history[-1]["llk"]]
                out[f"{key}/frames"] = np.concatenate(p.team.allgather(p.index))
                out[f"{key}/sent"] = p.team.total(p.clock.bytes.get("balance", 0))
    return out


class Sleepy(Cpu):
    """A device that needs `pace` seconds more for a frame, and `times` the time of its work."""

    def __init__(self, precision: str = "double", only_clock: bool = False):
        super().__init__(precision, 1)
        self.pace, self.times, self.now, self.only_clock = 0.0, 1.0, 0.0, only_clock
        if only_clock:
            timing.time = SimpleNamespace(perf_counter=lambda: self.now)

    def each(self, work, n, frame_bytes):
        begun = time.perf_counter()
        out = super().each(work, n, frame_bytes)
        self.now += self.pace * n
        if not self.only_clock:
            time.sleep(self.pace * n + (self.times - 1) * (time.perf_counter() - begun))
        return out


class Slowest(Balance):
    """Adds up what the slowest rank takes for each iteration; frames move only where `look` says so."""

    look, wall, then = True, 0.0, 0.0

    def turn(self, p, engine, left):
        if self.look:
            super().turn(p, engine, left)
        now = p.clock.whole["iterate"] + p.clock.whole.get("balance", 0.0)
        self.wall, self.then = self.wall + p.team.max(now - self.then), now


def timed(paces, times, iterations, look: bool, **how) -> dict:
    """Wall seconds of the iterations of DM, and of all moves.

    paces, times : (ranks,) for `Sleepy`; how : the problem
    """
    device, told = Sleepy(how.get("precision", "double"), "clock" in sys.argv), []
    p, _, _ = problem(**how, device=device)
    run_chain([METHODS["engine"]["DM"](iterations=1)], p, 100, str)  # compiles
    device.pace, device.times, p.iteration = paces[p.team.rank], times[p.team.rank], 0
    own = Slowest(Stripes(), p.places.corners, told.append)
    own.look = look
    p.clock.whole.clear()
    p.clock.seconds.clear()
    run_chain([METHODS["engine"]["DM"](iterations=iterations)], p, 100, str, balance=own)
    ranks = p.team.allgather((p.clock.seconds["iterate"], len(p.at)))
    return {"wall": own.wall, "said": told, "own": [r[0] for r in ranks], "frames": [r[1] for r in ranks]}


def slow(paces, iterations, few=8, times=(1, 1, 1), **how) -> dict:
    """Seconds per iteration with and without balance, and the ideal: all ranks end at once, nobody waits"""
    balance.LEAST = 0.3
    how = how or {"frames": 100, "n": 16}
    off, auto = timed(paces, times, few, False, **how), timed(paces, times, iterations, True, **how)
    speeds = [n * few / t for n, t in zip(off["frames"], off["own"])]  # measured: frames per second
    off["wall"], auto["wall"] = off["wall"] / few, auto["wall"] / iterations
    return {"off": off, "auto": auto, "speeds": speeds, "ideal": sum(off["frames"]) / sum(speeds)}


WHAT = {
    "moved": moved,
    "slow": partial(slow, (2e-3, 4e-3), 100),
    "mixed": partial(slow, (2e-3, 4e-3, 8e-3), 30),
    "real": partial(slow, (0, 0), 60, 15, (1, 2), precision="single", frames=196, n=128, modes=2),
}

if __name__ == "__main__":
    with Team() as team:
        discover()
        out = WHAT[sys.argv[1]]()
        if team.root and sys.argv[1] == "moved":
            np.savez(sys.argv[2], **out)
        elif team.root:
            with open(sys.argv[2], "w") as file:
                json.dump(out, file)
