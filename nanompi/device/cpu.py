"""The CPU as a device: NumPy arrays, transforms and kernels in numba, and a pool of threads over frames."""

import numpy as np

from nanompi.device.device import Device, dtypes
from nanompi.device.fft import by, fourier
from nanompi.device.kernels import load
from nanompi.device.mirror import Mirror
from nanompi.device.scratch import Scratch, aligned
from nanompi.device.sums import Sums

CACHE = 2 << 20  # bytes of waves that one thread works on at a time: about what stays in its own cache (L2)
BLOCK = 32 << 20  # bytes of waves that all threads keep in the shared cache (L3)


def _pool(threads: int):
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads)


class Cpu(Device):
    """Arrays, transforms and kernels of one rank on the CPU.

    xp            : the array module (numpy)
    real, complex : dtypes of the precision
    threads       : number of threads
    kernels       : the named kernels (nanompi.device.kernels); `text=""` takes the NumPy contract instead
        of numba
    """

    xp, one_weight = np, True

    def __init__(self, precision: str = "single", threads: int = 1, text: str = "_cpu"):
        self.real, self.complex = dtypes(precision)
        self.threads = threads
        self.kernels = load(text)
        self.pool = _pool(threads) if threads > 1 else None
        self.scratch = Scratch(np)

    def __str__(self):
        return f"CPU with {self.threads} thread{'s' * (self.threads > 1)}"

    # ---- arrays

    def array(self, a, dtype=None):
        """An array of the device, without a copy where none is needed."""
        return np.ascontiguousarray(a, dtype)

    def host(self, a):
        """A NumPy array of the host."""
        return a

    def mirror(self, n: int, dtype) -> Mirror:
        """An array (n,) that messages read and write as it stands."""
        return Mirror(n, dtype)

    def counts(self, I):
        """The counts of this rank's frames, for `stream`; (n, h, w) uint16 or float32."""
        return np.ascontiguousarray(I)

    def large(self, shape, dtype, counts, reserve: int = 0):
        """An array over this rank's frames, for `stream`; its contents are undefined."""
        return aligned(shape, dtype)

    def adopt(self, rows, counts, reserve: int = 0):
        """What `large` would give, holding these rows of the host; without a copy where none is needed."""
        return rows

    def take(self, large, f: slice) -> np.ndarray:
        """Rows of what `large` gave, on the host."""
        return large[f]

    def pieces(self, large, cuts):
        """The same for one slice after the other."""
        return (large[f] for f in cuts)

    def pick(self, a, where):
        """Rows of any array over the frames, on the device; where : (k,) their places."""
        return a[where]

    def put(self, large, where, rows):
        """Write rows of the host into what `large` gave; where : their (k,) places."""
        large[where] = rows

    def close(self):
        """End the threads, with which their work arrays go, and let go of those of this one."""
        if self.pool:
            self.pool.shutdown()
        self.scratch.clear()

    # ---- transforms, both unscaled, over the last two axes, in place (what they return is z itself)

    def fft(self, z):
        """sum_r z exp(-2 pi i k r)"""
        return fourier(z, inverse=False)

    def ifft(self, z):
        """sum_k z exp(+2 pi i k r), unscaled"""
        return fourier(z, inverse=True)

    def along(self, z, axis, inverse):
        """The same along one axis of slices side by side (fft_lanes.py); SciPy's where they fill no lanes"""
        from nanompi.device.fft_lanes import along, fits

        if fits(z, axis):
            return self.by_rows(along, z, axis, inverse)
        from scipy.fft import fft, ifft

        z[...] = ifft(z, axis=axis, norm="forward") if inverse else fft(z, axis=axis)

    def shifted(self, P, y, x):
        """Of shifts with equal x in fewer transforms (shifted_cpu.py)"""
        from nanompi.device.shifted_cpu import fits, runs, shifted

        if not fits(P.shape[-2:]):
            return super().shifted(P, y, x)
        out = np.empty((len(y), *P.shape), P.dtype)
        self.by_rows(shifted, self.fft(P.copy()), y, x, runs(x), out)
        return out

    def shifted_back(self, num, y, x):
        """The adjoint, in as many"""
        from nanompi.device.shifted_cpu import fits, runs, shifted_back

        if not fits(num.shape[-2:]):
            return super().shifted_back(num, y, x)
        starts = runs(x)
        few = np.empty((len(starts) - 1, *num.shape[1:]), num.dtype)
        self.by_rows(shifted_back, num, y, x, starts, few)
        return self.ifft(few.sum(0))

    def transforms(self, shape) -> str:
        """Whose transforms those of frames of (h, w) are."""
        return by(shape)

    def sweep(self, shape):
        """`sweep_cpu.Sweep` on this device, None for frames whose sides are no multiple of 16."""
        from nanompi.device.sweep_cpu import Sweep, sweeps

        return Sweep(self.scratch, self.threads == 1) if sweeps(shape) else None

    # ---- work

    def frames_per_block(self, frame_bytes: int) -> int:
        """Frames whose waves stay in the shared cache between two kernels; independent of the number of
        threads."""
        return max(1, BLOCK // frame_bytes)

    def stream(self, n: int, step: int, arrays: dict, read=(), write=(), once=False):
        """(slice, {name: rows of the array}) for n frames, `step` at a time; see `Cuda.stream`."""
        for i in range(0, n, step):
            f = slice(i, min(i + step, n))
            yield f, {name: a[f] for name, a in arrays.items()}

    def each(self, work, n: int, frame_bytes: int) -> list:
        """`work(slice)` for n frames, so many at a time as the cache holds; the results in order."""
        step = max(1, CACHE // frame_bytes)
        pieces = [slice(i, min(i + step, n)) for i in range(0, n, step)]
        return list(self.pool.map(work, pieces)) if self.pool else [work(p) for p in pieces]

    def by_rows(self, kernel, *args):
        """A kernel that takes (lane, lanes): each thread is a lane, and does its own rows."""
        if not self.pool:
            return kernel(*args, 0, 1)
        list(self.pool.map(lambda t: kernel(*args, t, self.threads), range(self.threads)))

    def sums(self, many: int, frames: int, shape) -> Sums:
        """So many sums of a pass over frames."""
        return Sums(self, many)

    def total(self, sums: list) -> np.ndarray:
        """What kernels returned, a number or some, added up: (k,) float64; one 0 for no frames"""
        return np.reshape(sums, (len(sums), -1)).sum(0, dtype=np.float64) if sums else np.zeros(1)
