"""What is done before what: a clock per stream, the queues of copies, and a detector of races.

Each stream counts its operations and knows, for every other stream, up to which count that one is done
before its own next operation (a vector clock). Events carry such clocks from stream to stream; a wait of
the host gives it to all streams. Two accesses to the same bytes, at least one of them a write, of which
the second does not know the first, are a race: on a card the result would depend on the weather.
"""

import ctypes
import itertools
import os
import threading
import weakref
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

POISON = 0xFF  # bytes of memory that nobody wrote: NaN as a float, -1 as an integer

counts = Counter()
host: dict[int, int] = {}
lines: dict[int, "Line"] = {}
lock = threading.RLock()
faults: list[str] = []
_ids = itertools.count(1)


class Race(RuntimeError):
    """Two streams (or a stream and the host) use the same bytes without an order between them."""


def lazy() -> bool:
    mode = os.environ.get("NANOMPI_FAKE_STREAMS", "lazy")
    if mode not in ("lazy", "eager"):
        raise ValueError(f"NANOMPI_FAKE_STREAMS={mode}: lazy or eager")
    return mode == "lazy"


def merge(clock: dict, other: dict):
    """clock = the later of both, stream by stream"""
    for line, op in other.items():
        if clock.get(line, 0) < op:
            clock[line] = op


@dataclass
class Access:
    low: int
    high: int
    write: bool
    line: int
    op: int
    what: str
    guarded: bool = False

    def __str__(self):
        verb = "writes" if self.write else "reads"
        return f"{self.what} on stream {self.line} {verb} bytes {self.low}..{self.high}"

    def known(self, clock) -> bool:
        return clock.get(self.line, 0) >= self.op


@dataclass
class Copy:
    """One copy in the queue of its stream: arrays of bytes, what must be done before, a sum to check."""

    op: int
    clock: dict
    dst: np.ndarray
    src: np.ndarray
    what: str
    check: int | None = None
    keep: tuple = ()

    def run(self):
        if self.check is not None and zlib.crc32(self.src) != self.check:
            raise Race(f"race: the host changed the source of the {self.what} before that copy ran")
        self.dst[...] = self.src


@dataclass
class Line:
    """The life of one stream. `blocking`: in order with the null stream, as CUDA has it."""

    ptr: int
    blocking: bool = True
    clock: dict = field(default_factory=dict)
    queue: deque = field(default_factory=deque)

    def begin(self) -> int:
        """The number of the next operation on this stream."""
        merge(self.clock, host)
        for other in lines.values():
            if self.blocking and other.blocking and 0 in (self.ptr, other.ptr):
                merge(self.clock, other.clock)
        self.clock[self.ptr] = self.clock.get(self.ptr, 0) + 1
        return self.clock[self.ptr]


def new_line(blocking: bool) -> Line:
    line = Line(next(_ids), blocking)
    lines[line.ptr] = line
    return line


lines[0] = Line(0)


def force(clock: dict):
    """Run all queued copies that this clock says are done."""
    for ptr, op in list(clock.items()):
        queue = lines[ptr].queue
        while queue and queue[0].op <= op:
            first = queue.popleft()
            force({k: v for k, v in first.clock.items() if k != ptr})
            first.run()


def host_waits(clock: dict):
    """The host waits for everything in a clock; what follows on any stream follows it."""
    complain()
    force(clock)
    merge(host, clock)
    counts["syncs"] += 1


def compute(line: Line, what: str, reads, writes):
    """Work of a compute stream which runs right after this call. reads, writes: (buffer, low, high)."""
    with lock:
        complain()
        op = line.begin()
        for use, write in [(r, False) for r in reads] + [(w, True) for w in writes]:
            use[0].touch(use[1], use[2], write, line, op, what)
        force(line.clock)


def copy(line: Line, dst, src, what: str, guarded: bool = False):
    """Queue a copy of bytes. dst, src: (buffer, low, high). guarded: the host's memory is kept alive."""
    with lock:
        complain()
        op = line.begin()
        idle, written = not dst[0].late(*dst[1:]), not src[0].late(*src[1:], writes=True)
        src[0].touch(*src[1:], False, line, op, what, guarded)
        dst[0].touch(*dst[1:], True, line, op, what, guarded)
        to, of = dst[0].bytes(*dst[1:]), src[0].bytes(*src[1:])
        job = Copy(op, dict(line.clock), to, of, what, keep=(dst[0].owner(), src[0].owner()))
        line.queue.append(job)
        if not lazy():
            return force(line.clock)
        if dst[0].host and idle:
            to[...] = POISON
        if src[0].host and written:
            job.check = zlib.crc32(of)


def freed(history: list, what: str):
    """Called when memory of the host goes; CuPy's pool gives it to the next who asks, copy or no copy."""
    for a in history:
        if not a.guarded and not a.known(host):
            faults.append(f"race: a {what} was freed, and the host has not waited for this: {a}")


def complain():
    """Faults found where nothing could be raised"""
    if faults:
        raise Race(faults[0])


class Buffer:
    """One allocation, on a card or pinned in the host's memory, and who used which part of it."""

    def __init__(self, base: int, nbytes: int, owner, card: int = -1, history=()):
        self.base, self.nbytes, self.card, self.host = base, nbytes, card, card < 0
        self.owner, self.history = owner, list(history)

    def __str__(self):
        return f"{'pinned host' if self.host else 'device'} buffer of {self.nbytes:,} bytes"

    def bytes(self, low: int, high: int) -> np.ndarray:
        return np.frombuffer((ctypes.c_ubyte * (high - low)).from_address(self.base + low), np.uint8)

    def late(self, low: int, high: int, writes: bool = False) -> bool:
        """Whether the host has not waited for all accesses (all writes) to these bytes."""
        open_ = (a for a in self.history if not a.known(host) and (a.write or not writes))
        return any(a.low < high and low < a.high for a in open_)

    def touch(self, low: int, high: int, write: bool, line: Line, op: int, what: str, guarded=False):
        """Note an access; a race with an earlier one raises."""
        if low >= high:
            return
        new = Access(low, high, write, line.ptr, op, what, guarded)
        self.history[:] = [a for a in self.history if not a.known(host)]
        for a in self.history:
            overlap = a.low < high and low < a.high
            if overlap and (write or a.write) and a.line != line.ptr and not a.known(line.clock):
                raise Race(f"race: {new} of a {self}, and {a}; the first has not waited for the second")
        self.history[:] = [a for a in self.history if not _replaced(a, low, high, write, line)]
        self.history.append(new)


def _replaced(a: Access, low, high, write, line) -> bool:
    """Whether a later access makes an earlier one needless to remember."""
    inside = low <= a.low and a.high <= high
    return inside and (write or (not a.write and a.line == line.ptr))


buffers: "weakref.WeakValueDictionary[int, Buffer]" = weakref.WeakValueDictionary()


def find(ptr: int, nbytes: int) -> tuple[Buffer, int, int] | None:
    """The buffer which holds these bytes, and the range in it; None for memory that is not known."""
    for buffer in list(buffers.values()):
        if buffer.base <= ptr and ptr + nbytes <= buffer.base + max(buffer.nbytes, 1):
            return buffer, ptr - buffer.base, ptr - buffer.base + nbytes
    return None
