"""Some frames of a rank: in blocks as engines work on them, those that are left out, and sums over all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.device.sums import Sums


@dataclass
class Block:
    """Some frames of this rank, on the device; `block[a:b]` is a part of it.

    at, gain, given, I, waves : as in `Problem`, of these frames; z : waves to work in
    first : which frame of this rank is the first of them
    """

    at: Any
    gain: Any
    given: Any
    I: Any = None
    waves: Any = None
    z: Any = None
    first: int = 0

    def __len__(self):
        return len(self.at)

    def __getitem__(self, part: slice) -> "Block":
        if part.start == 0 and part.stop == len(self):
            return self
        own = (self.at, self.gain, self.given, self.I, self.waves, self.z)
        return Block(*(a if a is None else a[part] for a in own), first=self.first + part.start)


@dataclass
class LeftOut:
    """Frames of this rank that no sum counts, so that object and probe can be judged by them. Their counts
    are the last rows of the problem's `I`.

    at, given, index : as in `Problem`, of these frames; out : (N,) bool, those of all ranks
    flux : (n,) float64, their relative intensity by the image, once they have been judged
    """

    at: Any
    given: Any
    index: np.ndarray
    out: np.ndarray
    flux: Any = 1.0

    @property
    def gain(self):
        """As in `Problem`"""
        return (self.given * self.flux).astype(self.given.dtype)


@dataclass
class PassSums:
    """Sums over all frames of all ranks, made by `Problem.sums`:

    misfit = p.sums()
    for block in p.blocks(...):
        misfit.each(work, block)  # work(part) returns what a kernel gave, or so many numbers
    misfit.total()
    """

    problem: Any
    own: Sums

    def each(self, work: Callable, block: Block):
        """`work(part)` for parts of a block, on all threads."""
        self.own.each(lambda f: work(block[f]), len(block), self.problem.frame_bytes)

    def total(self, *more: float) -> np.ndarray:
        """(many,) float64, equal on all ranks (collective); behind them the sums of more numbers of ranks"""
        return self.problem.team.total(*self.own.total(), *more)
