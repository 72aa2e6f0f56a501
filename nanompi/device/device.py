"""What every device offers: arrays, transforms, kernels and sums. An engine knows no more of a device."""

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nanompi.device.mirror import Mirror
from nanompi.device.scratch import Scratch
from nanompi.device.sums import Sums


@runtime_checkable
class Device(Protocol):
    """Where a rank computes. A class of a device inherits from this one what it does no differently.

    xp            : the array module (numpy, cupy)
    real, complex : dtypes of the precision
    threads       : of the host, which read and prepare frames
    kernels       : the named kernels (nanompi.device.kernels)
    scratch       : work arrays of the calling thread, kept from call to call
    atomics       : a step allows object sums by atomic adds, in no fixed order (cards alone make them)
    one_weight    : probe sums are faster where one array takes the weights of all shifts
    """

    xp: Any
    real: type
    complex: type
    threads: int
    kernels: SimpleNamespace
    scratch: Scratch
    atomics: bool = False
    one_weight: bool = False

    # ---- arrays

    def array(self, a, dtype=None):
        """An array of the device, without a copy where none is needed."""

    def host(self, a) -> np.ndarray:
        """A NumPy array of the host."""

    def mirror(self, n: int, dtype) -> Mirror:
        """An array (n,) of the device with a twin on the host, for messages."""

    def wait(self):
        """Wait until all work and all copies have ended."""

    def close(self):
        """End threads, and give back memory that is only kept: no more work comes."""

    # ---- arrays over the frames of this rank, which may exceed the device: read and written by `stream`

    def counts(self, I: np.ndarray):
        """The counts of this rank's frames; (n, h, w) uint16 or float32."""

    def large(self, shape, dtype, counts, reserve: int = 0):
        """An array over this rank's frames; its contents are undefined.

        counts  : what `counts` gave; on a card they make way for it
        reserve : bytes of other arrays to come
        Errors: ResourceError where not even blocks of one frame fit.
        """

    def adopt(self, rows: np.ndarray, counts, reserve: int = 0):
        """What `large` would give, holding these rows of the host; without a copy where none is needed."""

    def left_on_host(self, large) -> str:
        """What of an array is not held by the device, in words; "" where it holds all."""
        return ""

    def take(self, large, f: slice) -> np.ndarray:
        """Rows of what `large` gave, on the host."""

    def pieces(self, large, cuts: Iterable[slice]) -> Iterator[np.ndarray]:
        """The same for one slice after the other; rows are there until the next are asked for.

        On a card the next ones travel meanwhile. Nothing may write the array before the last have come.
        """

    def pick(self, a, where: np.ndarray):
        """Rows of any array over the frames, on the device; where : (k,) their places."""

    def put(self, large, where: np.ndarray, rows: np.ndarray):
        """Write rows of the host into what `large` gave; where : (k,) their places."""

    def stream(self, n: int, step: int, arrays: dict, read=(), write=(), once=False):
        """(slice, {name: rows of the array, on the device}) for n frames, at most `step` at a time.

        arrays : {name: array}; of those in `read` the rows are brought, those in `write` taken back
        once   : each row is looked at once. No cache helps then, and a card gives all that it holds together
        """

    # ---- transforms, both unscaled, over the last two axes, in place (what they return is z itself)

    def fft(self, z):
        """sum_r z exp(-2 pi i k r)"""

    def ifft(self, z):
        """sum_k z exp(+2 pi i k r), unscaled"""

    def along(self, z, axis: int, inverse: bool):
        """sum_r z exp(-+ 2 pi i k r), unscaled, over axis 0 or 1 of z (h, w, k) complex, in place; the last
        axis holds slices side by side, and none depends on the others"""

    def shifted(self, P, y, x):
        """(S, M, h, w), waves (M, h, w) at S shifts, of which y (S, h) times x (S, w) are the phase ramps,
        over h w. Shifts of equal x should follow each other."""
        out = self.xp.empty((len(y), *P.shape), P.dtype)
        self.kernels.ramps(self.fft(P.copy()), y, x, out)
        return self.ifft(out)

    def shifted_back(self, num, y, x):
        """The adjoint of `shifted`, times h w of the ramps: num (S, M, h, w), used up, -> (M, h, w)"""
        z = self.xp.empty(num.shape[1:], num.dtype)
        self.kernels.ramps_adjoint(self.fft(num), y, x, z)
        return self.ifft(z)

    def transforms(self, shape) -> str:
        """Whose transforms those of frames of (h, w) are, for the log."""

    def sweep(self, shape):
        """A projection engine's step on far-field frames of (h, w) in one pass (sweep_cpu.py).

        None where there is none: then it is done kernel by kernel.
        """
        return None

    # ---- work

    def frames_per_block(self, frame_bytes: int) -> int:
        """Frames whose waves stay in a cache between two kernels."""

    def each(self, work, n: int, frame_bytes: int) -> list:
        """`work(slice)` for n frames, in pieces that suit the device; the results in order."""

    def by_rows(self, kernel, *args):
        """A kernel that takes (lane, lanes) and does every `lanes`-th band of rows, in a fixed order."""
        kernel(*args, 0, 1)

    def sums(self, many: int, frames: int, shape: tuple[int, int]) -> Sums:
        """So many sums of a pass over frames of this shape, at most so many in a block."""

    def total(self, sums: list) -> np.ndarray:
        """What kernels returned, a number or some, added up: (k,) float64 on the host; one 0 for no frames"""


def dtypes(precision: str) -> tuple[type, type]:
    """(real, complex) of a precision: "single" or "double"."""
    return (np.float32, np.complex64) if precision == "single" else (np.float64, np.complex128)
