"""Streams, events and devices: handles on the lines of `clocks`."""

import threading
import time

from cupy.cuda import clocks, runtime

_current = threading.local()


def _stack() -> list:
    return _current.__dict__.setdefault("stack", [Stream.null])


def get_current_stream(device_id: int = -1) -> "Stream":
    runtime.cards()
    return _stack()[-1]


class Event:
    """A point in the life of a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False):
        runtime.cards()
        self.timed, self.clock, self.time = not disable_timing, None, 0.0

    @property
    def done(self) -> bool:
        return _done(self, self.clock or {})

    def record(self, stream: "Stream | None" = None):
        line = (stream or get_current_stream()).line
        line.begin()
        self.clock, self.time = dict(line.clock), time.perf_counter()

    def synchronize(self):
        clocks.host_waits(self.clock or {})


def _done(thing, clock: dict) -> bool:
    """Whether all is done that a clock names; who asks often enough gets it done, so that a loop ends."""
    if all(clocks.host.get(k, 0) >= v for k, v in clock.items()):
        return True
    thing.asked = getattr(thing, "asked", 0) + 1
    if thing.asked % 3 == 0:
        clocks.host_waits(clock)
    return thing.asked % 3 == 0


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two events, both timed and done."""
    for e in (start_event, end_event):
        if not e.timed or e.clock is None:
            raise runtime.CUDARuntimeError(400, ": an event without timing, or not recorded")
        if not e.done:
            raise RuntimeError(
                "get_elapsed_time of an event that is not done (cudaErrorNotReady): synchronise"
            )
    return 1e3 * (end_event.time - start_event.time)


class Stream:
    """CuPy's stream. `Stream.null` is the legacy default stream."""

    def __init__(self, null=False, non_blocking=False, ptds=False):
        if ptds:
            raise ValueError("the stand-in has no per-thread default stream")
        if not null:
            runtime.cards()
        self.line = clocks.lines[0] if null else clocks.new_line(not non_blocking)
        self.ptr, self.non_blocking = self.line.ptr, non_blocking

    def __eq__(self, other):
        return isinstance(other, Stream) and other.ptr == self.ptr

    def __hash__(self):
        return hash(self.ptr)

    def __repr__(self):
        return f"<Stream {self.ptr}>"

    def use(self) -> "Stream":
        _stack()[-1] = self
        return self

    def __enter__(self) -> "Stream":
        _stack().append(self)
        return self

    def __exit__(self, *_):
        _stack().pop()

    @property
    def done(self) -> bool:
        return _done(self, self.line.clock)

    def synchronize(self):
        runtime.streamSynchronize(self.ptr)

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event):
        """What follows on this stream follows the event; an event never recorded is no wait, as in CUDA."""
        clocks.merge(self.line.clock, event.clock or {})


Stream.null = Stream(null=True)


class Device:
    """One card."""

    def __init__(self, device: "int | Device | None" = None):
        self.id = runtime.getDevice() if device is None else int(device)

    def __int__(self):
        return self.id

    def __repr__(self):
        return f"<CUDA Device {self.id}>"

    def __eq__(self, other):
        return isinstance(other, Device) and other.id == self.id

    def __hash__(self):
        return hash(self.id)

    def use(self):
        runtime.setDevice(self.id)

    def __enter__(self):
        self.__dict__.setdefault("before", []).append(runtime.getDevice())
        self.use()
        return self

    def __exit__(self, *_):
        runtime.setDevice(self.before.pop())

    def synchronize(self):
        runtime.deviceSynchronize()

    @property
    def mem_info(self) -> tuple[int, int]:
        with self:
            return runtime.memGetInfo()

    @property
    def compute_capability(self) -> str:
        p = runtime.getDeviceProperties(self.id)
        return f"{p['major']}{p['minor']}"

    @property
    def pci_bus_id(self) -> str:
        return runtime.deviceGetPCIBusId(self.id)

    @property
    def attributes(self) -> dict:
        p = runtime.getDeviceProperties(self.id)
        return {
            "MultiProcessorCount": p["multiProcessorCount"],
            "L2CacheSize": p["l2CacheSize"],
            "MaxThreadsPerBlock": p["maxThreadsPerBlock"],
            "WarpSize": p["warpSize"],
            "MaxSharedMemoryPerBlock": p["sharedMemPerBlock"],
            "MaxSharedMemoryPerBlockOptin": p["sharedMemPerBlockOptin"],
            "ComputeCapabilityMajor": p["major"],
            "ComputeCapabilityMinor": p["minor"],
        }
