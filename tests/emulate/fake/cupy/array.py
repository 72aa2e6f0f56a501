"""cupy.ndarray: NumPy's array behind glass."""

import numbers
import os
import signal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from cupy import transfer
from cupy.calls import call, compute, function, plain, span, wrap
from cupy.cuda import clocks, memory, runtime
from cupy.cuda.stream import Device, get_current_stream


class ndarray(NDArrayOperatorsMixin):
    """An array on the card. `_a`: the NumPy array that stands for it; `buffer`: the allocation it lies in."""

    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        shape, dtype = (shape,) if isinstance(shape, numbers.Integral) else tuple(shape), np.dtype(dtype)
        nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if memptr is None:
            raw, self.buffer = memory.alloc_raw(nbytes)
            offset = 0
        else:
            self.buffer, offset = memptr.mem, memptr.offset
            if strides is None and offset + nbytes > self.buffer.nbytes:
                raise ValueError(f"{nbytes} bytes at {offset} end beyond the {self.buffer}")
            low = np.lib.array_utils.byte_bounds(self.buffer.owner())[0]
            raw = self.buffer.bytes(0, self.buffer.nbytes)
            assert low == self.buffer.base
        self._a = np.ndarray(shape, dtype, raw, offset, strides, order or "C")

    @classmethod
    def _of(cls, a: np.ndarray, buffer) -> "ndarray":
        self = cls.__new__(cls)
        self._a, self.buffer = a, buffer
        return self

    # ---- what NumPy asks

    def __array__(self, *_, **__):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if len(kwargs.get("out", (0,))) != 1:
            raise ValueError("The 'out' parameter must have exactly one array value")
        return call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs, lists=False)

    def __array_function__(self, func, types, args, kwargs):
        import cupy

        own = getattr(cupy, func.__name__, None)
        if own is None or own is func or not func.__module__.startswith("numpy"):
            return NotImplemented
        return own(*args, **kwargs)

    # ---- what a library asks that reads the memory of a card by itself: MPI, another array library

    def _export(self):
        """Nobody orders such a library behind the streams: all work on the array must be known to be done.

        NANOMPI_FAKE_AWARE=0: it knows nothing of cards, and reads an address that it does not have.
        """
        if not runtime.number("NANOMPI_FAKE_AWARE", 1):
            os.kill(os.getpid(), signal.SIGSEGV)
        buffer, low, high = span(self)
        if buffer.late(low, high):
            raise clocks.Race(
                f"race: bytes {low}..{high} of a {buffer} are given away before the host has waited"
            )

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        self._export()
        return self._a.__dlpack__(max_version=max_version, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.buffer.card

    @property
    def __cuda_array_interface__(self) -> dict:
        self._export()
        strides = None if self._a.flags.c_contiguous else self._a.strides
        facts = {"shape": self.shape, "typestr": self.dtype.str, "strides": strides, "version": 3}
        return facts | {"data": (self.data.ptr, False), "stream": None}

    # ---- to and from the host

    def get(self, stream=None, order="C", out=None, blocking=True) -> np.ndarray:
        """A copy on the host. blocking=False: queued, into `out` in pinned memory."""
        return transfer.download(self, stream or get_current_stream(), order, out, blocking)

    def set(self, arr, stream=None):
        """Copy an array of the host into this one; from pinned memory the copy is only queued."""
        transfer.fits(self, arr)
        if not (self._a.flags.c_contiguous or self._a.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        transfer.upload(self, arr, stream or get_current_stream())

    def item(self, *where):
        return self.get().item(*where)

    def tolist(self):
        return self.get().tolist()

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __complex__(self):
        return complex(self.get())

    def __bool__(self):
        return bool(self.get())

    def __index__(self):
        return self.get().__index__()

    def __repr__(self):
        return repr(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)

    # ---- parts

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        clocks.counts["iterations"] += 1
        if self._a.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def _index(self, index):
        """(index for NumPy, device arrays in it); a mask costs a wait of the host, as on a card."""
        arrays = []
        index = plain(index, arrays)
        if arrays:
            compute("index", arrays)
        if any(x.dtype == bool for x in arrays):
            clocks.host_waits(get_current_stream().line.clock)
        return index, arrays

    def __getitem__(self, index) -> "ndarray":
        index, arrays = self._index(index)
        part = np.asarray(self._a[index])
        if np.may_share_memory(part, self._a) or part.size == 0:
            return ndarray._of(part, self.buffer)
        if _basic(index):  # a number: NumPy copies it out, the card gives a 0-d view
            return ndarray._of(
                self._a[(*(index if isinstance(index, tuple) else (index,)), ...)], self.buffer
            )
        compute("getitem", [self, *arrays])
        return wrap(self._a[index], (), "getitem")

    def __setitem__(self, index, value):
        index, arrays = self._index(index)
        value = plain(value, arrays, lists=False)
        target = ndarray._of(_view(self._a, index), self.buffer) if _basic(index) else self
        compute("setitem", arrays, [target])
        with np.errstate(all="ignore"):
            self._a[index] = value

    # ---- attributes

    shape, dtype, size, ndim, nbytes, itemsize, strides, flags = (
        property(lambda self, name=name: getattr(self._a, name))
        for name in ("shape", "dtype", "size", "ndim", "nbytes", "itemsize", "strides", "flags")
    )
    T = property(lambda self: self.transpose())

    @property
    def data(self) -> memory.MemoryPointer:
        return memory.MemoryPointer(self.buffer, self._a.__array_interface__["data"][0] - self.buffer.base)

    @property
    def device(self) -> Device:
        return Device(self.buffer.card)

    @property
    def base(self):
        return self._a.base

    def _part(self, name, value):
        compute(name, [value] if isinstance(value, ndarray) else [], [self])
        setattr(self._a, name, plain(value, []))

    real = property(
        lambda self: ndarray._of(self._a.real, self.buffer), lambda self, v: self._part("real", v)
    )
    imag = property(
        lambda self: (
            ndarray._of(self._a.imag, self.buffer) if self.dtype.kind == "c" else function("zeros_like")(self)
        ),
        lambda self, v: self._part("imag", v),
    )

    # ---- methods

    def astype(self, dtype, order="K", casting="unsafe", subok=None, copy=True) -> "ndarray":
        if not copy and self.dtype == np.dtype(dtype):
            return self
        compute("astype", [self])
        with np.errstate(all="ignore"):
            return wrap(self._a.astype(dtype, order=order, casting=casting), (), "astype")

    def copy(self, order="C") -> "ndarray":
        compute("copy", [self])
        return wrap(self._a.copy(order), (), "copy")

    def fill(self, value):
        self[...] = value

    def view(self, dtype=None) -> "ndarray":
        return ndarray._of(self._a.view(dtype or self.dtype), self.buffer)

    def reshape(self, *shape, order="C") -> "ndarray":
        return function("reshape")(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes) -> "ndarray":
        return ndarray._of(self._a.transpose(*axes), self.buffer)

    def flatten(self, order="C") -> "ndarray":
        return self.copy(order).reshape(-1, order=order)


def _method(name):
    run = function(name)

    def method(self, *args, **kwargs):
        return run(self, *args, **kwargs)

    method.__name__ = name
    return method


for _name in (
    "sum prod max min mean std var any all argmax argmin conj conjugate ravel squeeze swapaxes cumsum "
    "round clip dot take repeat nonzero trace argsort"
).split():
    setattr(ndarray, _name, _method(_name))


def _basic(index) -> bool:
    """Only numbers, slices, ... and None"""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is ... or isinstance(p, (numbers.Integral, slice)) for p in parts)


def _view(a: np.ndarray, index) -> np.ndarray:
    """a[index] of a basic index as an array, also where it is one number"""
    parts = index if isinstance(index, tuple) else (index,)
    return a[parts if any(p is ... for p in parts) else (*parts, ...)]
