"""Load balance: slow ranks give frames to their neighbours between two iterations.

Each rank knows its own seconds of computing, without waiting and sums. The least of a few iterations is
looked at, since whatever disturbs a rank for a moment only adds to it. Frames move when the slowest rank
takes 10 % longer than the mean and the time saved in the iterations to come is clearly more than the move
costs. Speed is taken as frames per second; where part of the time does not depend on the number of frames,
the next look corrects it.
"""

from functools import partial
from typing import Any

import numpy as np

from nanompi import units
from nanompi.data.redistribute import free_memory, moved, routes
from nanompi.methods.ptycho.coverage import outside_in
from nanompi.methods.ptycho.engines.state import everywhere

WINDOW = 5  # iterations between two looks; doubled after each move
DRIFT = 1.1  # slowest rank over mean
LEAST = 10.0  # seconds that a move must save: short jobs never move, whatever disturbs them
RATE = 2e8  # bytes/s of sending and copying, and
SPLIT = 2e-5  # seconds per frame of the scan to find new parts; both are rather too slow


class Balance:
    """Looks at the ranks of one chain of engines, and moves their frames.

    way       : the partition (`nanompi.methods.ptycho.partition`) by which the scan was split
    positions : (N, 2) of all frames of the scan; those that the problem leaves out stay where they are
    frames    : the `nanompi.methods.ptycho.scan.Frames` of this rank, which follow its problem; or None
    parts     : list over ranks of global indices, which follows too; or None
    """

    def __init__(self, way: Any, positions: np.ndarray, say=print, frames=None, parts=None):
        self.way, self.positions, self.say = way, positions, say
        self.frames, self.parts = frames, parts
        self.engine, self.seconds, self.window = None, [], WINDOW

    def turn(self, p, engine, left: int):
        """After each iteration (collective). left : iterations of the chain that are still to come"""
        if self.engine is engine:
            self.seconds.append(p.worked)
        else:  # the first one of an engine, or after a move, allocates and compiles: it does not count
            self.engine, self.seconds = engine, []
        if left and len(self.seconds) == self.window:
            with p.clock.phase("balance"):
                self._look(p, engine, left)
            self.seconds = []

    def _look(self, p, engine, left):
        """Compare the ranks; move frames where it pays. Every rank decides on the same numbers."""
        took, n = np.array(p.team.allgather((min(self.seconds), len(p.at)))).T
        if took.max() <= DRIFT * took.mean():
            return
        speed = n / np.maximum(took, 1e-9)
        want = n.sum() * speed / speed.sum()
        saved = left * (took.max() - n.sum() / speed.sum())
        if saved > LEAST + 2 * self._cost(p, engine, n, want):
            self.shift(p, engine, speed, took)
            self.engine, self.window = None, 2 * self.window

    def _cost(self, p, engine, n, want) -> float:
        """Seconds of a move: each rank copies its rows; those that move are sent, too; rank 0 cuts anew."""
        row = sum(_row_bytes(getattr(p, name)) for name in ("I", *keeps(engine)))
        return SPLIT * n.sum() + (max(n.max(), want.max()) + abs(want - n).max()) * row / RATE

    def shift(self, p, engine, speed: np.ndarray, took: np.ndarray | None = None) -> int:
        """Divide the frames by the speed of the ranks and move them (collective); how many have moved.

        speed : (ranks,) frames per second; took : (ranks,) seconds per iteration now, for the log
        """
        team, old = p.team, p.team.allgather(p.index)
        known = np.sort(np.concatenate(old))
        new = team.on_root(lambda: self._parts(known, old, speed))
        if new is None:
            self.say(f"balance: the partition {self.way.name} does not follow the speed of the ranks")
            return 0
        if team.max(self._need(p, engine, len(new[team.rank])) > free_memory() / team.places):
            self.say("balance: frames stay where they are, there is not enough memory to move them")
            return 0
        if p.share.way == "overlap":
            new = outside_in(self.positions, new)
        ways = routes(old, new, team.rank)
        count = int(sum(team.allgather(ways.gone)))
        self._tell(p, took, count, max(len(part) / s for part, s in zip(new, speed)))
        self._move(p, engine, new, ways)
        return count

    def _parts(self, known, old, speed) -> list[np.ndarray] | None:
        """New parts of the frames `known`; None where a partition of the user's own does not follow the
        speeds (rank 0)"""
        positions = self.positions[known]
        if hasattr(self.way, "moved"):
            new = self.way.moved(positions, [np.searchsorted(known, part) for part in old], speed)
        else:
            new = self.way.split(positions, len(old), speed)
        whole = np.array_equal(np.sort(np.concatenate(new)), np.arange(len(known)))
        worst = [max(len(part) / s for part, s in zip(parts, speed)) for parts in (old, new)]
        return [known[part] for part in new] if whole and worst[1] < worst[0] else None

    def _need(self, p, engine, n) -> int:
        """Bytes that a move takes for a while beside what is there already: an array at a time, made anew"""
        return n * max(_row_bytes(getattr(p, name)) for name in ("I", *keeps(engine)))

    def _move(self, p, engine, new, ways):
        """The rows go; problem, frames and parts follow."""
        move, sent = partial(moved, p.team, ways), 0
        for name in ("I", *keeps(engine)):
            sent += ways.gone * _row_bytes(getattr(p, name))
        known, before = everywhere(engine, p), len(p.index)
        I = p.take_over(new[p.team.rank], move, keeps(engine))
        if hasattr(engine, "restore"):
            engine.restore(p, known)
        p.clock.count("balance", sent)
        if self.frames is not None:  # the same object, which a sweep may keep for its next run
            f, f.values, f.index = self.frames, I, p.every
            if f.scale is not None:
                stay = f.scale[before:]
                f.scale = np.concatenate([move(lambda rows: f.scale[rows], (), f.scale.dtype), stay])
        if self.parts is not None:
            self.parts[:] = p.team.allgather(p.every)

    def _tell(self, p, took, count, then):
        if took is None:
            return
        hosts, r = p.team.allgather(p.team.host), int(np.argmax(took))
        now, mean, then = (units.show(float(f"{t:.3g}"), "s") for t in (took[r], took.mean(), then))
        self.say(
            f"balance: rank {r} on {hosts[r]} takes {now} per iteration, the mean is {mean}: {count} of "
            f"{len(self.positions)} frames move to other ranks, {then} expected"
        )


def keeps(engine) -> tuple[str, ...]:
    """Arrays over the frames that an engine cannot make anew."""
    return tuple(getattr(engine, "keeps", ()))


def _row_bytes(array) -> int:
    return int(np.prod(array.shape[1:])) * np.dtype(array.dtype).itemsize
