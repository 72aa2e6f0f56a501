"""The CUDA runtime as CuPy shows it, for the cards that the environment invents.

NANOMPI_FAKE_CARDS=1, NANOMPI_FAKE_DRIVER=12040 (0: no driver), NANOMPI_FAKE_MEMORY (bytes per card and
process), NANOMPI_FAKE_L2 (bytes), NANOMPI_FAKE_PINNED (bytes of pinned memory), NANOMPI_FAKE_MODE=0 (compute
mode, 3: exclusive), NANOMPI_FAKE_TOOLKIT=0 (no libraries), NANOMPI_FAKE_HEADERS=0 (libraries, but no headers
for CuPy's own kernels), NANOMPI_FAKE_MIG=1 (all are instances of one card);
CUDA_VISIBLE_DEVICES as CUDA reads it.
"""

import os
import threading

from cupy.cuda import clocks

cudaDevAttrComputeMode = 20
memcpyHostToHost, memcpyHostToDevice, memcpyDeviceToHost, memcpyDeviceToDevice = range(4)

_ERRORS = {
    1: ("cudaErrorInvalidValue", "invalid argument"),
    2: ("cudaErrorMemoryAllocation", "out of memory"),
    35: (
        "cudaErrorInsufficientDriver",
        "CUDA driver version is insufficient for CUDA runtime version",
    ),
    100: ("cudaErrorNoDevice", "no CUDA-capable device is detected"),
    101: ("cudaErrorInvalidDevice", "invalid device ordinal"),
    400: ("cudaErrorInvalidResourceHandle", "invalid resource handle"),
    712: (
        "cudaErrorHostMemoryAlreadyRegistered",
        "part or all of the requested memory range is already mapped",
    ),
    713: ("cudaErrorHostMemoryNotRegistered", "pointer does not correspond to a registered memory region"),
}
_current = threading.local()
_registered: dict[int, clocks.Buffer] = {}


class CUDARuntimeError(RuntimeError):
    """An error of the runtime; `status` is its number."""

    def __init__(self, status: int, more: str = ""):
        self.status = status
        super().__init__(": ".join(_ERRORS[status]) + more)


def number(name: str, otherwise: int) -> int:
    """A whole number from the environment."""
    return int(os.environ.get(name, "") or otherwise)


def driverGetVersion() -> int:
    """0 without a driver, as the true one says: no error."""
    return number("NANOMPI_FAKE_DRIVER", 12040)


def runtimeGetVersion() -> int:
    return 12090


def cards() -> list[int]:
    """The physical numbers of the cards that this process may see."""
    if driverGetVersion() == 0:
        raise CUDARuntimeError(35)
    there = range(number("NANOMPI_FAKE_CARDS", 1))
    if (wanted := os.environ.get("CUDA_VISIBLE_DEVICES")) is None:
        found = list(there)
    else:
        found = []
        for word in wanted.split(","):
            if not word.strip().isdigit() or int(word) not in there:
                break  # CUDA stops at the first number that it cannot use
            found.append(int(word))
    if not found:
        raise CUDARuntimeError(100)
    return found


class Pinned:
    """Bytes of the host that are pinned now, and the most so far."""

    def __init__(self):
        self.used = self.peak = 0

    def take(self, size: int):
        if self.used + size > number("NANOMPI_FAKE_PINNED", 64 << 30):
            raise CUDARuntimeError(2)
        self.used += size
        self.peak = max(self.peak, self.used)

    def give(self, size: int):
        self.used -= size


pinned = Pinned()


pinned = Pinned()


def getDeviceCount() -> int:
    return len(cards())


def getDevice() -> int:
    cards()
    return getattr(_current, "card", 0)


def setDevice(device: int):
    if not 0 <= device < len(cards()):
        raise CUDARuntimeError(101)
    _current.card = device


def getDeviceProperties(device: int) -> dict:
    if not 0 <= device < len(cards()):
        raise CUDARuntimeError(101)
    return {
        "name": b"Emulated card",
        "totalGlobalMem": number("NANOMPI_FAKE_MEMORY", 8 << 30),
        "l2CacheSize": number("NANOMPI_FAKE_L2", 4 << 20),
        "multiProcessorCount": 4,
        "major": 9,
        "minor": 0,
        "warpSize": 32,
        "maxThreadsPerBlock": 1024,
        "sharedMemPerBlock": 48 << 10,
        "sharedMemPerBlockOptin": 227 << 10,
        "clockRate": 1_000_000,
        "memoryClockRate": 1_000_000,
        "memoryBusWidth": 1024,
        "pciBusID": _address(device),
        "pciDeviceID": 0,
        "pciDomainID": 0,
        "uuid": b"card-%011d" % cards()[device],
    }


def deviceGetPCIBusId(device: int) -> str:
    if not 0 <= device < len(cards()):
        raise CUDARuntimeError(101)
    return f"0000:{_address(device):02X}:00.0"


def _address(device: int) -> int:
    """Instances of one card have one address."""
    return 0 if number("NANOMPI_FAKE_MIG", 0) else cards()[device]


def deviceGetAttribute(attrib: int, device: int) -> int:
    if not 0 <= device < len(cards()):
        raise CUDARuntimeError(101)
    if attrib != cudaDevAttrComputeMode:
        raise CUDARuntimeError(1, f": the stand-in knows no attribute {attrib}")
    return number("NANOMPI_FAKE_MODE", 0)


def deviceSynchronize():
    cards()
    for line in list(clocks.lines.values()):
        clocks.host_waits(line.clock)


def memGetInfo() -> tuple[int, int]:
    """(free, total) bytes; blocks that the pool keeps are not free."""
    from cupy.cuda import memory

    card = memory.card()
    return card.total - card.reserved, card.total


def streamSynchronize(stream: int):
    cards()
    clocks.host_waits(_line(stream).clock)


def _line(stream: int) -> clocks.Line:
    if stream not in clocks.lines:
        raise CUDARuntimeError(400, f": there is no stream {stream}")
    return clocks.lines[stream]


def hostRegister(ptr: int, size: int, flags: int = 0):
    """Pin memory of the host that is already there."""
    cards()
    for b in list(clocks.buffers.values()):
        if b.host and b.base < ptr + size and ptr < b.base + b.nbytes:
            raise CUDARuntimeError(712)
    pinned.take(size)
    clocks.buffers[ptr] = _registered[ptr] = clocks.Buffer(ptr, size, lambda: None)


def hostUnregister(ptr: int):
    cards()
    if ptr not in _registered:
        raise CUDARuntimeError(713)
    if any(not a.known(clocks.host) for a in _registered[ptr].history):
        raise clocks.Race("race: hostUnregister of memory that a queued copy still uses; synchronise first")
    pinned.give(_registered.pop(ptr).nbytes)


_ENDS = {1: (True, False), 2: (False, True), 3: (False, False)}  # kind: the source, the target is of the host
_NAMES = {1: "copy host to device", 2: "copy device to host", 3: "copy on the device"}


def memcpyAsync(dst: int, src: int, size: int, kind: int, stream: int):
    """Queue a copy. Memory of the host must be pinned: a copy from other memory is not asynchronous."""
    _queue(dst, src, size, kind, stream)


def _queue(dst, src, size, kind, stream, guarded=False):
    cards()
    if size == 0:
        return
    if kind not in _ENDS:
        raise CUDARuntimeError(1, f": kind {kind}")
    line, (of_host, to_host) = _line(stream), _ENDS[kind]
    ends = _end(dst, size, to_host, kind, "target"), _end(src, size, of_host, kind, "source")
    clocks.counts[{1: "h2d_bytes", 2: "d2h_bytes", 3: "d2d_bytes"}[kind]] += size
    clocks.copy(line, *ends, _NAMES[kind], guarded)


def _end(ptr: int, size: int, host: bool, kind: int, word: str) -> tuple:
    """(buffer, low, high) of one end of a copy"""
    found = clocks.find(ptr, size)
    if found is None and host:
        raise RuntimeError(
            f"{_NAMES[kind]} of {size:,} bytes: the {word} is not in pinned memory (or ends beyond "
            "it): CUDA would copy it synchronously; use cupyx.empty_pinned or hostRegister"
        )
    if found is None or found[0].host != host:
        raise CUDARuntimeError(1, f": the {word} of a {_NAMES[kind]} ({size:,} bytes) is no such memory")
    return found


def memcpy(dst: int, src: int, size: int, kind: int):
    """The same on the null stream, and the host waits."""
    memcpyAsync(dst, src, size, kind, 0)
    streamSynchronize(0)
