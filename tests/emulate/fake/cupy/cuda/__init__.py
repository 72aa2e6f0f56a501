"""cupy.cuda: nccl only where NANOMPI_FAKE_NCCL says how it does; cufft only where the toolkit is
(NANOMPI_FAKE_TOOLKIT=0: it is not)."""

from cupy.cuda import compiler, memory, pinned_memory, runtime, stream
from cupy.cuda.memory import MemoryPointer, MemoryPool, alloc
from cupy.cuda.pinned_memory import PinnedMemoryPointer, PinnedMemoryPool, alloc_pinned_memory
from cupy.cuda.stream import Device, Event, Stream, get_current_stream, get_elapsed_time


def is_available() -> bool:
    """As CuPy 13: False without a card, but without a driver it raises (14 says False)."""
    try:
        return runtime.getDeviceCount() > 0
    except runtime.CUDARuntimeError as e:
        if e.status != 100:
            raise
        return False


def __getattr__(name: str):
    if name == "cufft":
        from importlib import import_module

        return import_module("cupy.cuda._cufft")  # in CuPy 14 `import cupy.cuda.cufft` finds no library
    raise AttributeError(f"module 'cupy.cuda' has no attribute {name!r}")


def get_device_id() -> int:
    return runtime.getDevice()


__all__ = [
    "Device",
    "Event",
    "MemoryPointer",
    "MemoryPool",
    "PinnedMemoryPointer",
    "PinnedMemoryPool",
    "Stream",
    "alloc",
    "alloc_pinned_memory",
    "compiler",
    "get_current_stream",
    "get_device_id",
    "get_elapsed_time",
    "is_available",
    "memory",
    "pinned_memory",
    "runtime",
    "stream",
]
