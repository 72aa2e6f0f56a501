"""NumPy's functions on device arrays, as strict as CuPy: no array of the host gets in unseen."""

import numpy as np

from cupy import names
from cupy.cuda import clocks, compiler, memory, runtime
from cupy.cuda.stream import get_current_stream

REFUSED = {"where", "initial", "subok", "like"}  # keywords of NumPy that CuPy has not, or not everywhere
DTYPES = "?bBhHiIlLqQefdFD"


def plain(x, seen: list, lists: bool = True):
    """x with the NumPy arrays behind its device arrays, which are noted in `seen`."""
    from cupy.array import ndarray

    if isinstance(x, ndarray):
        seen.append(x)
        return x._a
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, (list, tuple)):
        if not lists:
            raise TypeError(f"Unsupported type {type(x)}")
        return type(x)(plain(i, seen) for i in x)
    return x


def span(x) -> tuple:
    """(buffer, low, high): the bytes that a device array lies in"""
    if x.buffer.card != runtime.getDevice():
        raise RuntimeError(
            f"an array of card {x.buffer.card} is used while card {runtime.getDevice()} is current"
        )
    if x._a.size == 0:
        return x.buffer, 0, 0
    low, high = np.lib.array_utils.byte_bounds(x._a)
    return x.buffer, low - x.buffer.base, high - x.buffer.base


def compute(what: str, reads=(), writes=()):
    """Tell the clocks of work on the current stream that is about to be done."""
    clocks.compute(get_current_stream().line, what, [span(x) for x in reads], [span(x) for x in writes])


def wrap(result, inputs, what: str):
    """NumPy's result as device arrays: views of the inputs' memory, or new memory written by this work."""
    from cupy.array import ndarray

    if isinstance(result, (tuple, list)):
        return type(result)(wrap(r, inputs, what) for r in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    a = np.asarray(result)
    if a.dtype.char not in DTYPES:
        raise TypeError(f"Unsupported dtype {a.dtype}")
    for x in inputs:
        if _within(a, x.buffer):
            return ndarray._of(a, x.buffer)
    if a.base is not None or not (a.flags.c_contiguous or a.flags.f_contiguous):
        a = a.copy(order="K")
    out = ndarray._of(a, memory.hold(a))
    compute(what, writes=[out])
    return out


def _within(a, buffer) -> bool:
    if a.size == 0:
        return False
    low, high = np.lib.array_utils.byte_bounds(a)
    return buffer.base <= low and high <= buffer.base + buffer.nbytes


def call(func, args, kwargs, lists: bool = True):
    """func(*args, **kwargs) on the current stream; `func` is NumPy's."""
    if bad := REFUSED & {k for k, v in kwargs.items() if v is not None}:
        raise TypeError(f"{func.__name__}: CuPy takes no keyword {', '.join(sorted(bad))}")
    if runtime.number("NANOMPI_FAKE_HEADERS", 1) == 0:
        why = 'catastrophic error: cannot open source file "cuda_fp16.h"'
        raise compiler.CompileException(why, "", func.__name__, ())
    reads, writes = [], []
    out = kwargs.pop("out", None)
    if out is not None:
        kwargs["out"] = plain(out, writes)
    args = [plain(x, reads, lists) for x in args]
    if func.__name__ == "at":
        writes.append(reads[0])
    kwargs |= {k: plain(v, reads, lists) for k, v in kwargs.items() if k != "out"}
    if func.__name__ not in names.VIEWS:
        compute(func.__name__, reads, writes)
    with np.errstate(all="ignore"):
        result = func(*args, **kwargs)
        if func.__name__ in names.VIEWS and not any(_within(np.asarray(result), x.buffer) for x in reads):
            compute(func.__name__, reads, writes)  # it had to copy: once more, after what must come before
            result = func(*args, **kwargs)
    if out is not None:
        return out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if func.__name__ in names.TRUTH:
        result = np.bool_(result)
    return wrap(result, reads, func.__name__)


class Ufunc:
    """A ufunc of NumPy on device arrays and scalars."""

    def __init__(self, ufunc):
        self._ufunc, self.__name__, self.__doc__ = ufunc, ufunc.__name__, ufunc.__doc__

    def __call__(self, *args, **kwargs):
        if len(args) > self._ufunc.nin:
            raise TypeError(f"{self.__name__}: hand over the output by its name, out=")
        return call(self._ufunc, args, kwargs, lists=False)

    def __getattr__(self, method):
        if method not in ("reduce", "accumulate", "reduceat", "outer", "at"):
            raise AttributeError(method)
        bound = getattr(self._ufunc, method)

        def run(*args, **kwargs):
            return call(bound, args, kwargs)

        return run


def function(name: str):
    """The device's version of a function of NumPy, by its name."""
    func = getattr(np, name)
    if isinstance(func, np.ufunc):
        return Ufunc(func)

    def run(*args, **kwargs):
        return call(func, args, kwargs)

    run.__name__, run.__doc__ = name, func.__doc__
    return run
