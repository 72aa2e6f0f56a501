"""cuFFT's plans: one shape, one dtype, one set of axes each; both directions unscaled."""

import numpy as np

from cupy.array import ndarray
from cupy.calls import compute
from cupy.cuda import clocks, memory, runtime

if runtime.number("NANOMPI_FAKE_TOOLKIT", 1) == 0:
    raise ImportError('Failure finding "libcufft.so.12 or libcufft.so.11": No such file')

CUFFT_FORWARD, CUFFT_INVERSE = -1, 1
CUFFT_C2C, CUFFT_Z2Z = 0x29, 0x69
counts = {"plans": 0}


class PlanNd:
    """A transform over the last axes of C-contiguous arrays; its work area is as large as the data, or
    NANOMPI_FAKE_AREA times as large (0: there is none)."""

    def __init__(self, shape: tuple, dtype, axes: tuple):
        self.shape, self.dtype, self.axes = shape, np.dtype(dtype), axes
        nbytes = int(np.prod(shape)) * self.dtype.itemsize * runtime.number("NANOMPI_FAKE_AREA", 1)
        raw, buffer = memory.alloc_raw(nbytes, poison=False)
        self.work_area = memory.MemoryPointer(buffer)
        self._work = ndarray._of(raw, buffer)
        counts["plans"] += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def fft(self, a: ndarray, out: ndarray, direction: int):
        """out = the transform of a, on the current stream; out may be a."""
        import scipy.fft

        for x, what in ((a, "input"), (out, "output")):
            self._fits(x, what)
        if direction not in (CUFFT_FORWARD, CUFFT_INVERSE):
            raise ValueError(f"direction {direction!r}: CUFFT_FORWARD or CUFFT_INVERSE")
        if a is not out and a.data.ptr != out.data.ptr and np.may_share_memory(a._a, out._a):
            raise ValueError("input and output of a transform overlap in part")
        compute("fft", [a], [out, self._work])
        clocks.counts["ffts"] += int(np.prod([n for i, n in enumerate(self.shape) if i not in self.axes]))
        run, norm = (scipy.fft.fftn, None) if direction == CUFFT_FORWARD else (scipy.fft.ifftn, "forward")
        out._a[...] = run(a._a, axes=self.axes, norm=norm, workers=1)

    def _fits(self, x, what: str):
        if not isinstance(x, ndarray):
            raise TypeError(f"{what} of a plan is a cupy array, not {type(x)}")
        if (x.shape, x.dtype) != (self.shape, self.dtype):
            raise ValueError(f"the plan is for {self.shape} {self.dtype}; the {what} is {x.shape} {x.dtype}")
        if not x.flags.c_contiguous:
            raise ValueError(f"the {what} is not C-contiguous (strides {x.strides})")


def plan(a: ndarray, shape=None, axes=None, value_type="C2C") -> PlanNd:
    """For arrays like `a`, over `axes` (all: None), which must be the last ones."""
    if not isinstance(a, ndarray):
        raise TypeError(f"a is a cupy array, not {type(a)}")
    if value_type != "C2C" or a.dtype.char not in "FD":
        raise ValueError(f"the stand-in plans C2C of complex64 and complex128, not {value_type} of {a.dtype}")
    if shape is not None:
        raise ValueError("the stand-in does not pad or crop: shape=None")
    axes = tuple(range(a.ndim)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    axes = tuple(sorted(i % a.ndim for i in axes))
    if axes != tuple(range(a.ndim - len(axes), a.ndim)) or not 1 <= len(axes) <= 3:
        raise ValueError(f"axes {axes} of {a.ndim}: the last one, two or three")
    if not a.flags.c_contiguous:
        raise ValueError("the array must be contiguous")
    return PlanNd(a.shape, a.dtype, axes)
