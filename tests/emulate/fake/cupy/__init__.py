"""A stand-in for CuPy on the CPU, at least as strict: only for tests, to find bugs without a card.

It refuses arrays of the host, counts memory against a limit, delays copies until something forces them, and
raises on races between streams (cuda/clocks.py). Kernels are the true .cu texts, built by
tests/emulate/build.py.
Only here: `cupy.counts` (iterations, syncs, launches, ffts, bytes), `cupy.iterations`, `cupy.emulated`.
With NANOMPI_FAKE_REPORT=FOLDER each process leaves its counts there as PID.json.
"""

import atexit as _atexit
import os as _os

import numpy as _np

from cupy import calls as _calls
from cupy import cuda, fft
from cupy import names as _names
from cupy.array import ndarray
from cupy.create import (
    arange,
    array,
    asanyarray,
    asarray,
    ascontiguousarray,
    asfortranarray,
    asnumpy,
    copy,
    copyto,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    get_array_module,
    indices,
    iscomplexobj,
    isrealobj,
    linspace,
    may_share_memory,
    ndim,
    ones,
    ones_like,
    shape,
    shares_memory,
    size,
    zeros,
    zeros_like,
)
from cupy.cuda.clocks import Race, counts
from cupy.raw import RawKernel, RawModule

__version__ = "13.4.0"
emulated = True


def get_default_memory_pool() -> cuda.memory.MemoryPool:
    return cuda.memory.pool


def get_default_pinned_memory_pool() -> cuda.pinned_memory.PinnedMemoryPool:
    return cuda.pinned_memory.pinned_pool


def is_available() -> bool:
    return cuda.is_available()


def __getattr__(name: str):
    if name == "iterations":
        return counts["iterations"]
    if name in _names.CONSTANTS:
        return getattr(_np, name)
    if name not in _names.FUNCTIONS:
        raise AttributeError(f"the stand-in for CuPy has no {name!r} (tests/emulate/fake/cupy/names.py)")
    globals()[name] = found = _calls.function(name)
    return found


def _report():
    import json

    peak = {f"peak_{number}": card.peak for number, card in cuda.memory._cards.items()}
    with open(_os.path.join(_os.environ["NANOMPI_FAKE_REPORT"], f"{_os.getpid()}.json"), "w") as f:
        json.dump(dict(counts) | peak, f)


if _os.environ.get("NANOMPI_FAKE_REPORT"):
    _atexit.register(_report)

__all__ = [
    "Race",
    "RawKernel",
    "RawModule",
    "arange",
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "asfortranarray",
    "asnumpy",
    "copy",
    "copyto",
    "counts",
    "cuda",
    "empty",
    "empty_like",
    "eye",
    "fft",
    "full",
    "full_like",
    "get_array_module",
    "get_default_memory_pool",
    "get_default_pinned_memory_pool",
    "indices",
    "iscomplexobj",
    "isrealobj",
    "linspace",
    "may_share_memory",
    "ndarray",
    "ndim",
    "ones",
    "ones_like",
    "shape",
    "shares_memory",
    "size",
    "zeros",
    "zeros_like",
]
