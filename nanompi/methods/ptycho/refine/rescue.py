"""Frames that are too far from where they were measured for Newton's steps are lost, and found again.

A lost frame prints what it sees into the object at the wrong place, and fits there. So the lost frames are
left out for some iterations, in which their imprint goes out of the object; then each is tried at whole
pixels about where it is and about where it was measured, and goes where it fits best; then all are in again.
Lost are frames whose deviance, over that of counting noise, is far above the median of all ranks. Without
counting noise there is no such measure, and nobody looks for them. All ranks know the lost frames of all
ranks, and decide alike. Where no frames are lost this costs one look at all frames, of a transform each.
"""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from nanompi.methods.ptycho.block import Block
from nanompi.methods.ptycho.quality import per_frame, sums_per_frame

WORSE = 1.3  # deviances of the median from which on a frame is lost
FEW = 0.02  # of the frames: so many may stay lost
MOST = 0.5  # of the frames: the worst ones, where more are lost
FIRST = 18  # steps before the first look: after 12 of them frames 1 px off were still on their way
AGAIN = 12  # steps after the lost frames are in again
ALONE = 8  # iterations without them
ROUNDS = 5
NEAR, FAR = 4, 8  # px about a place up to which a frame is tried at each pixel, and at each second one


@dataclass
class Rescue:
    """Which frames are lost, and what is done about it.

    lost : (N,) bool, frames that are left out at present; age : steps since that changed last
    rounds : how often frames were left out; found : how many went to another place in all
    over : nobody looks for lost frames any more
    """

    lost: np.ndarray
    age: int = 0
    rounds: int = 0
    found: int = 0
    over: bool = False

    @property
    def moving(self) -> bool:
        """Do frames move whatever the schedule says?"""
        return bool(self.lost.any()) or (self.rounds > 0 and self.age < AGAIN)

    def turn(self, p, left: int) -> bool:
        """Before an iteration of ML, of which so many are left: True where other frames are left out than
        before (collective)."""
        if self.lost.any():
            return (self.age >= ALONE or left <= AGAIN) and self._take_in(p)
        done = self.over or self.rounds == ROUNDS or p.noise != "counts"
        if done or self.age < (AGAIN if self.rounds else FIRST) or left < ALONE + AGAIN:
            return False
        return self._leave_out(p)

    def _leave_out(self, p) -> bool:
        lost = lost_frames(p)
        if lost.sum() < FEW * p.frames:
            self.over = True
            return False
        self.lost, self.age, self.rounds = lost, 0, self.rounds + 1
        return True

    def _take_in(self, p) -> bool:
        by = found_again(p, self.lost)
        self.found += int(by.any(1).sum())
        self.lost, self.age = np.zeros_like(self.lost), 0
        p.refinement.jump(p, by)
        return True

    @contextmanager
    def apart(self, p):
        """The lost frames have no light meanwhile: no gradient and no step see them."""
        if not self.lost.any():
            yield
            return
        out, gain, given = p.device.array(self.lost[p.index]), p.gain, p.given
        p.gain, p.given = gain * ~out, given * ~out
        try:
            yield
        finally:
            p.gain, p.given = p.xp.where(out, gain, p.gain), given

    def state(self) -> dict:
        """For checkpoints: arrays by name"""
        return {"lost": self.lost.astype(np.int64), "rescue": np.array([*self._numbers()], np.int64)}

    def _numbers(self):
        return self.age, self.rounds, self.found, self.over

    @classmethod
    def restored(cls, lost, numbers) -> "Rescue":
        """The opposite of `state`"""
        age, rounds, found, over = (int(n) for n in numbers)
        return cls(np.asarray(lost, bool), age, rounds, found, bool(over))


def lost_frames(p) -> np.ndarray:
    """(N,) bool, equal on all ranks (collective)"""
    deviance, expected = per_frame(p)
    own = p.index, deviance / np.maximum(expected, 1e-30)
    index, ratio = (np.concatenate(a) for a in zip(*p.team.allgather(own)))
    worst = np.lexsort((index, -ratio))[: int(MOST * len(index))]
    worst = worst[ratio[worst] > WORSE * np.median(ratio)]
    out = np.zeros(len(p.places.at), bool)
    out[index[worst]] = True
    return out


def found_again(p, lost: np.ndarray) -> np.ndarray:
    """(N, 2) whole pixels by which each lost frame fits better; 0 for the others (collective)"""
    rows, out = np.flatnonzero(lost[p.index]), np.zeros((len(lost), 2))
    step = p.device.frames_per_block(p.frame_bytes)
    for i in range(0, len(rows), step):
        some = rows[i : i + step]
        out[p.index[some]] = _best(p, some)
    p.team.sum(out)
    return out.astype(np.int64)


def _best(p, rows) -> np.ndarray:
    """(n, 2) whole pixels to where some frames of this rank fit best; the first of equals"""
    now = p.refinement.pixels[p.index[rows]]
    trials = np.concatenate([now * 0 + d for d in DISC] + [np.rint(-now) + d for d in DISC])
    trials = trials.reshape(-1, len(rows), 2).astype(np.int64)
    inside = np.hypot(*np.moveaxis(now + trials, -1, 0)) <= p.refinement.how.reach
    trials *= inside[..., None]
    deviance = _deviances(p, rows, trials)
    return trials[deviance.argmin(0), np.arange(len(rows))]


def _deviances(p, rows, trials) -> np.ndarray:
    """(T, n) deviances of n frames, each moved by (T, n, 2) whole pixels"""
    I, at, gain, given = (p.device.pick(a, rows) for a in (p.I, p.at, p.gain, p.given))
    still = np.zeros((*trials.shape[:2], 1), np.int64)
    moves = p.device.array(np.concatenate([trials, still], 2), np.int32)
    sums = sums_per_frame(p, (Block(at + move, gain, given, I) for move in moves))
    deviance, _, _, _, _, counts, model, _ = sums.reshape(8, *trials.shape[:2])
    if p.fluctuates:  # at the brightness that fits best there
        model = np.maximum(model, 1e-30)
        deviance = deviance + 2 * (counts - model - counts * np.log(np.maximum(counts, 1) / model))
    return deviance


def _disc(radius: int, step: int) -> set:
    """Pixels within a radius, a step apart"""
    side = range(-radius, radius + 1, step)
    return {(y, x) for y in side for x in side if y * y + x * x <= radius**2}


DISC = sorted(_disc(NEAR, 1) | _disc(FAR, 2), key=lambda d: (d[0] ** 2 + d[1] ** 2, d))  # near ones first
