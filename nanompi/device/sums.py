"""Sums over the frames of a pass: what kernels return, added up in the order of the frames."""

from collections.abc import Callable

import numpy as np


class Sums:
    """`each(work, n, frame_bytes)` for every block of a pass, then `total()`.

    many : numbers that `work(slice)` returns
    """

    def __init__(self, device, many: int):
        self.device, self.many, self.values = device, many, []

    def each(self, work: Callable, n: int, frame_bytes: int):
        """`work(slice)` for n frames, as `device.each` does it; what it returns is added."""
        self.values += self.device.each(work, n, frame_bytes)

    def total(self) -> np.ndarray:
        """(many,) float64 on the host"""
        return self.device.total(self.values) if self.values else np.zeros(self.many)


class CardSums(Sums):
    """The same on a card, where each block of threads has a place of its own, to which all launches of the
    pass add. So a pass of any length asks for no memory, and its sums have a fixed order.

    blocks : of the largest launch
    In `work` one kernel may return sums, since the places are those of one. Errors: RuntimeError.
    """

    def __init__(self, device, many: int, blocks: int):
        super().__init__(device, many)
        self.places, self.used, self.rest = device.xp.zeros((blocks, many)), False, 0.0

    def each(self, work: Callable, n: int, frame_bytes: int):
        """`work(slice)` for n frames; kernels add their sums to the places, anything else is added here."""
        self.used, self.device.open_sums = False, self
        try:
            for value in self.device.each(work, n, frame_bytes):
                if value is not self:
                    self.rest = self.rest + value
        finally:
            self.device.open_sums = None

    def take(self, many: int, blocks: int):
        """The places for a launch of so many blocks: (at least so many, many) float64."""
        if self.used or many != self.many:
            raise RuntimeError(f"a pass for {self.many} sums is given those of two kernels, or {many}")
        self.used = True
        if len(self.places) < blocks:
            larger = self.device.xp.zeros((blocks, many))
            larger[: len(self.places)] = self.places
            self.places = larger
        return self.places

    def total(self) -> np.ndarray:
        """(many,) float64 on the host"""
        return self.device.host(self.places.sum(0) + self.rest)
