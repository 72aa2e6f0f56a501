"""Cutting a window out of frames, turned and in FFT order if need be, in one pass over the data.

Flips, shifts and crops all act on rows and on columns by themselves, so that together they are two lists:
which stored row (column) each row (column) of the result comes from. A list falls into few runs, and each
pair of runs is one copy of a slice.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.ptycho.prepare.orientation import Orientation, turned

OUT = 1 / 16  # an automatic window may stick out of the detector by this part of its size


@dataclass
class Cut:
    """rows, columns : (h,), (w,) int64: where each row and column of the result comes from, -1 = outside
    (0 there).

    transpose : rows and columns of the stored frame are exchanged first
    """

    transpose: bool
    rows: np.ndarray
    columns: np.ndarray

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """(k, H, W) -> (k, h, w), same dtype; the block itself where nothing changes."""
        block = block.swapaxes(1, 2) if self.transpose else block
        if self._same(block.shape):
            return block
        pads = self.rows.min() < 0 or self.columns.min() < 0
        out = (np.zeros if pads else np.empty)((len(block), len(self.rows), len(self.columns)), block.dtype)
        for to_row, row in runs(self.rows):
            for to_column, column in runs(self.columns):
                out[:, to_row, to_column] = block[:, row, column]
        return out

    def one(self, frame: np.ndarray) -> np.ndarray:
        """The same for one frame (H, W)."""
        return self(frame[None])[0]

    def _same(self, shape):
        whole = (np.arange(shape[1]), np.arange(shape[2]))
        return (
            not self.transpose
            and np.array_equal(self.rows, whole[0])
            and np.array_equal(self.columns, whole[1])
        )


def runs(index: np.ndarray) -> list[tuple[slice, slice]]:
    """(where to, where from) for each stretch of `index` that counts up or down by one; -1 is left out."""
    steps = np.diff(index)
    out, i = [], 0
    while i < len(index):
        step = int(steps[i]) if i < len(steps) and index[i] >= 0 and abs(steps[i]) == 1 else 0
        j = i + 1
        while step and j < len(index) and steps[j - 1] == step and index[j] >= 0:
            j += 1
        if index[i] >= 0:
            end = int(index[j - 1]) + (step or 1)
            out.append((slice(i, j), slice(int(index[i]), None if end < 0 else end, step or 1)))
        i = j
    return out


def cut(shape, o: Orientation, start, size, from_corner: bool, to_corner: bool) -> Cut:
    """The Cut that turns stored frames into windows.

    shape       : (rows, columns) of stored frames; from_corner: they are in FFT order
    start, size : (row, column) of the window in the turned frame; it may stick out
    to_corner   : the result is in FFT order (the zero frequency, in the middle of the window, goes to [0, 0])
    """
    axes = []
    for n, flip, a, m in zip(turned(shape, o), o[1:], start, size):
        source = np.fft.fftshift(np.arange(n)) if from_corner else np.arange(n)
        source = source[::-1] if flip else source
        place = a + np.arange(m)
        index = np.where((place >= 0) & (place < n), source[np.clip(place, 0, n - 1)], -1)
        axes.append(np.fft.ifftshift(index) if to_corner else index)
    return Cut(o[0], *axes)


def good_sizes(limit: int) -> list[int]:
    """Even sizes up to `limit` without prime factors above 7, for which an FFT is fast."""
    return [n for n in range(2, limit + 1, 2) if _smooth(n)]


def _smooth(n):
    for p in (2, 3, 5, 7):
        while n % p == 0:
            n //= p
    return n == 1


def size_of(given, shape, centre, rebin: int, far: bool) -> tuple[int, int]:
    """(rows, columns) of the window in detector pixels.

    given  : a number, (rows, columns), or "auto" = the largest window with a good FFT size after
        rebinning. Around an off-centre beam it ends where 1/16 of it would stick out of the detector;
        square frames stay square.
    shape, centre : of the turned frame
    Errors: JobError for a size that is not a multiple of `rebin`.
    """
    if given == "auto":
        room = [_room(n, c) if far else n for n, c in zip(shape, centre)]
        room = [min(room)] * 2 if shape[0] == shape[1] else room
        return tuple(rebin * max(good_sizes(int(r) // rebin), default=1) for r in room)
    size = (given, given) if isinstance(given, int) else tuple(given)
    if len(size) != 2 or min(size) < 2:
        raise JobError(f"size: {given!r}; allowed: a number of pixels from 2, [rows, columns], or auto")
    if any(n % rebin for n in size):
        raise JobError(f"size: {list(size)} is not a multiple of rebin {rebin}; it counts detector pixels")
    return size


def _room(n, centre):
    """The largest window around `centre` of which 1/16 sticks out at the nearer side, at most n."""
    side = min(centre, n - centre)
    return max(2, min(n, side / (0.5 - OUT)))


def start_of(centre, size, shape, rebin: int, far: bool) -> tuple[int, int]:
    """First row and column of the window. Far field: the beam falls on its zero frequency, pixel h // 2.

    After rebinning that is the middle of summed pixels; half of one is given up where the window so stays
    on the detector (a shift of the beam within a pixel is a phase ramp, which the probe takes).
    """
    if not far:
        return tuple(int(np.rint(c - (m - 1) / 2)) for c, m in zip(centre, size))
    exact = [int(np.rint(c - (rebin - 1) / 2)) - rebin * (m // rebin // 2) for c, m in zip(centre, size)]
    inside = [min(max(a, 0), max(n - m, 0)) for a, n, m in zip(exact, shape, size)]
    return tuple(b if abs(b - a) <= rebin // 2 else a for a, b in zip(exact, inside))
