"""Memory of a card: arrays in chunks of the pool, and what streams may still do to freed ones."""

import weakref

import numpy as np

from cupy.cuda import clocks, runtime
from cupy.cuda.chunks import ChunkPool, OutOfMemoryError

UNIT = 512  # CuPy's pool hands out multiples of this


class Card(ChunkPool):
    """The pool of a card, and freed blocks that a stream may still work on."""

    def __init__(self):
        super().__init__(runtime.number("NANOMPI_FAKE_MEMORY", 8 << 30))
        self.ghosts: dict[int, list] = {}

    def freed(self, chunk, history: list, line: int):
        """Free a block. The pool may hand it at once to the next array of the same stream."""
        self.give(chunk)
        late = [a for a in history if a.line != line and not a.known(clocks.lines[line].clock)]
        self.ghosts.setdefault(line, []).extend(late)

    def haunted(self, size: int, line: int) -> list:
        """Accesses of other streams to freed memory that the next block of this stream may lie in."""
        clock = clocks.lines[line].clock
        kept = [a for a in self.ghosts.get(line, []) if not a.known(clock) and not a.known(clocks.host)]
        self.ghosts[line] = kept
        named = ((a.write, a.line, a.op, f"{a.what} (of an array freed since)") for a in kept)
        return [clocks.Access(0, size, *n) for n in named]


_cards: dict[int, Card] = {}


def card() -> Card:
    """The current card."""
    return _cards.setdefault(runtime.getDevice(), Card())


def hold(raw: np.ndarray) -> clocks.Buffer:
    """The buffer of a new block of device memory, which `raw` stands for."""
    from cupy.cuda.stream import get_current_stream

    at, size, line = card(), -(-raw.nbytes // UNIT) * UNIT, get_current_stream().ptr
    chunk = at.take(size, line)
    low = np.lib.array_utils.byte_bounds(raw)[0]
    past = at.haunted(raw.nbytes, line)
    buffer = clocks.Buffer(low, raw.nbytes, lambda: raw, runtime.getDevice(), past)
    weakref.finalize(buffer, at.freed, chunk, buffer.history, line).atexit = False
    if raw.nbytes:
        clocks.buffers[low] = buffer
    return buffer


def alloc_raw(nbytes: int, poison: bool = True) -> tuple[np.ndarray, clocks.Buffer]:
    """New device memory, aligned to 256 bytes, full of NaN."""
    if nbytes > card().total:
        raise OutOfMemoryError(nbytes, card().reserved, card().limit)  # before the host's memory is asked
    raw = np.empty(nbytes + 256, np.uint8)
    start = -raw.ctypes.data % 256
    raw = raw[start : start + nbytes]
    buffer = hold(raw)
    if poison:
        raw[...] = clocks.POISON
    return raw, buffer


class MemoryPointer:
    """An address in a buffer."""

    def __init__(self, buffer: clocks.Buffer, offset: int = 0):
        self.mem, self.offset = buffer, offset
        self.ptr, self.device_id = buffer.base + offset, buffer.card

    def __int__(self):
        return self.ptr

    def __add__(self, offset: int) -> "MemoryPointer":
        return MemoryPointer(self.mem, self.offset + offset)

    def copy_from_host_async(self, mem: int, size: int, stream=None):
        runtime.memcpyAsync(self.ptr, int(mem), size, 1, _stream(stream))

    def copy_to_host_async(self, mem: int, size: int, stream=None):
        runtime.memcpyAsync(int(mem), self.ptr, size, 2, _stream(stream))

    def copy_from_device_async(self, src: "MemoryPointer", size: int, stream=None):
        runtime.memcpyAsync(self.ptr, src.ptr, size, 3, _stream(stream))


def _stream(stream) -> int:
    from cupy.cuda.stream import get_current_stream

    return (stream or get_current_stream()).ptr


def alloc(size: int) -> MemoryPointer:
    return MemoryPointer(alloc_raw(size)[1])


class MemoryPool:
    """CuPy's default pool, in numbers."""

    def used_bytes(self) -> int:
        return card().used

    def total_bytes(self) -> int:
        return card().reserved

    def free_bytes(self) -> int:
        return card().reserved - card().used

    def get_limit(self) -> int:
        return card().limit

    def set_limit(self, size: int | None = None, fraction: float | None = None):
        if (size is None) == (fraction is None):
            raise ValueError("size or fraction must be specified, not both")
        card().limit = int(size if fraction is None else fraction * card().total)

    def free_all_blocks(self, stream=None):
        card().release()

    def peak_bytes(self) -> int:
        """Only here, not in CuPy: the most that was in use."""
        return card().peak


pool = MemoryPool()

__all__ = ["MemoryPointer", "MemoryPool", "OutOfMemoryError", "alloc", "alloc_raw", "card", "hold", "pool"]
