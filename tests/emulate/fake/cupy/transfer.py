"""Copies between the host and the card, as `asarray`, `get` and `set` make them.

From and to pinned memory they are queued on a stream, as in CuPy; from other memory CuPy copies through a
staging buffer of its own, so that the host may go on.
"""

import numpy as np

from cupy.calls import span
from cupy.cuda import clocks, pinned_memory, runtime


def fits(a, host):
    """Same dtype and shape, or an error."""
    if not isinstance(host, np.ndarray):
        raise TypeError(f"Only numpy.ndarray can be copied to or from cupy.ndarray, not {type(host)}")
    if host.dtype != a.dtype:
        raise TypeError(f"{a.dtype} array on the card, {host.dtype} array on the host")
    if host.shape != a.shape:
        raise ValueError(f"Shape mismatch. Array on the card: {a.shape}, on the host: {host.shape}")


def pinned(host: np.ndarray) -> bool:
    """Whether it begins in pinned memory"""
    found = clocks.find(host.ctypes.data, 1)
    return bool(host.size and found and found[0].host)


def upload(a, host: np.ndarray, stream, guarded: bool = False):
    """Host to card. guarded: CuPy itself keeps the host's memory until the copy is done."""
    order = "c_contiguous" if a.flags.c_contiguous else "f_contiguous"
    if getattr(host.flags, order) and pinned(host):
        return runtime._queue(a.data.ptr, host.ctypes.data, a.nbytes, 1, stream.ptr, guarded)
    if guarded:
        pinned_memory.stage(a.nbytes)
    clocks.compute(stream.line, "upload", [], [span(a)])
    clocks.counts["h2d_bytes"] += a.nbytes
    a._a[...] = host


def download(a, stream, order: str, out, blocking: bool) -> np.ndarray:
    """Card to host; the host waits for the stream unless blocking=False."""
    if out is not None:
        fits(a, out)
    if not blocking and (out is None or not pinned(out)):
        raise RuntimeError("get(blocking=False) needs `out` in pinned memory: it would be read too early")
    if out is not None and pinned(out):
        if not (a.flags.c_contiguous and out.flags.c_contiguous):
            raise RuntimeError("get() into pinned memory: C-contiguous arrays only")
        runtime.memcpyAsync(out.ctypes.data, a.data.ptr, a.nbytes, 2, stream.ptr)
        if blocking:
            stream.synchronize()
        return out
    clocks.compute(stream.line, "get", [span(a)], [])
    clocks.host_waits(stream.line.clock)
    clocks.counts["d2h_bytes"] += a.nbytes
    if out is None:
        return np.array(a._a, order=order)
    out[...] = a._a
    return out
