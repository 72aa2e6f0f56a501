"""What a card would wait for: seconds of Python for one block of frames, on a machine without a card.

    python benchmarks/launch.py [--frames 32] [--blocks 400]

The device is the program's own (nanompi.device.cuda), but arrays are NumPy's, and kernels, transforms,
streams and the pool do nothing. What is left is the work of the host between two launches; CuPy's own part
of each launch is not in it. An iteration of so many blocks is timed by the processor's clock, on frames of
8², and divided by the number of blocks; the least of the turns counts, since other programs only add.

Where CuPy is installed, what its arrays cost beside NumPy's is measured, too, on memory of the host: a slice,
a view of another shape, a look whether an array is contiguous.
"""

import sys
import time
from collections import defaultdict
from functools import partial
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import numpy as np
from harness import options, report, timed, turns
from problems import assemble

from nanompi.device.cuda import Cuda
from nanompi.methods import discover
from nanompi.methods.ptycho.positions import place
from nanompi.optics.geometry import Geometry
from nanompi.step import METHODS

SIZE = 8  # of a frame: an array's size costs the host nothing
ENGINES = ("DM", "AP", "ML")


class Idle:
    """Has every attribute, takes every call, and does nothing."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


class Counted:
    """A kernel or a plan that counts its launches and does nothing."""

    launches = 0

    def __call__(self, grid, block, args):
        Counted.launches += 1

    def fft(self, a, out, direction):
        Counted.launches += 1


class Held:
    """An array over the frames, all of them on the card."""

    def __init__(self, rows):
        self.on_card, self.held = rows, len(rows)
        self.shape, self.dtype = rows.shape, rows.dtype

    def __len__(self):
        return self.held


class NoCard(Cuda):
    """The device of a card, without one."""

    def __init__(self, frames: int):
        super().__init__(library())
        self.frames = frames

    def array(self, a, dtype=None):
        return np.ascontiguousarray(a, dtype)

    def counts(self, I):
        return Held(I)

    def large(self, shape, dtype, counts, reserve=0):
        return Held(np.zeros(shape, dtype))

    def frames_per_block(self, frame_bytes):
        return self.frames

    def host(self, a):
        return np.asarray(a)


def library() -> SimpleNamespace:
    """NumPy under the name of CuPy."""
    runtime = Idle()
    facts = defaultdict(int, name=b"no card", totalGlobalMem=80 << 30, l2CacheSize=50 << 20)
    runtime.getDeviceProperties = lambda card: facts
    module, pool = SimpleNamespace(get_function=lambda name: Counted()), Idle()
    pool.used_bytes = pool.total_bytes = pool.free_bytes = pool.get_limit = lambda: 0
    cuda = Idle()
    cuda.runtime = runtime
    functions = {name: getattr(np, name) for name in dir(np) if not name.startswith("__")}
    plans = ModuleType("cupyx.scipy.fft")
    plans.get_fft_plan = lambda *args, **words: Counted()
    sys.modules |= {name: ModuleType(name) for name in ("cupyx", "cupyx.scipy")} | {plans.__name__: plans}
    return SimpleNamespace(
        **functions, cuda=cuda, RawModule=lambda **words: module, get_default_memory_pool=lambda: pool
    )


def scan(device: NoCard, frames: int):
    """Frames of zeros in a corner of a small object."""
    geometry = Geometry(1e-10, 1.0, (50e-6, 50e-6), (SIZE, SIZE))
    where = np.random.default_rng(0).integers(0, 20, (frames, 2)) * geometry.pixel
    places = place(where, geometry.pixel, geometry.shape)
    start = np.ones(places.shape), np.ones((1, SIZE, SIZE))
    return assemble(np.zeros((frames, SIZE, SIZE), np.uint16), places, *start, geometry, device)


def started(name: str, p):
    """A function that does the blocks of an iteration."""
    engine = METHODS["engine"][name]()
    p.state["ml.perfect"] = 0.0
    engine.start(p) if name != "ML" else p.make_waves()
    if name == "ML":  # its direction is arithmetic on the object alone
        way = SimpleNamespace(dO=p.O, dP=p.P)
        return lambda: engine.step(p, engine.gradient(p)[-1], way)
    return partial(engine.iterate, p, 0)


def row(name: str, given) -> dict:
    """Microseconds of Python and launches for one block of an engine."""
    p = scan(NoCard(given.frames), given.frames * given.blocks)
    work = started(name, p)
    work()
    Counted.launches = 0
    work()
    launches = Counted.launches / given.blocks
    took = turns({name: timed(work, clock=time.process_time)}, given.repeat)[name]
    block = 1e6 * min(took) / given.blocks
    return {"engine": name, "launches": launches, "us/block": block, "us/launch": block / launches}


def of_cupy(repeat: int) -> dict[str, float]:
    """Microseconds of CuPy for views of an array; none where it is not installed."""
    if find_spec("cupy") is None:
        return {}
    import cupy

    host = np.zeros((64, 1, SIZE, SIZE), np.complex64)
    memory = cupy.cuda.UnownedMemory(host.ctypes.data, host.nbytes, host, 0)
    a = cupy.ndarray(host.shape, host.dtype, cupy.cuda.MemoryPointer(memory, 0))
    ways = {
        "a slice": lambda: a[3:9],
        "another shape": lambda: a.reshape(-1, SIZE, SIZE),
        "contiguous?": lambda: a.flags.c_contiguous,
    }
    took = turns({k: timed(way, clock=time.process_time, calls=20_000) for k, way in ways.items()}, repeat)
    return {f"CuPy, us, {name}": 1e6 * min(seconds) for name, seconds in took.items()}


def main():
    given = options(__doc__, frames=32, blocks=400, repeat=5)
    cupy = of_cupy(given.repeat)  # before NumPy takes its name
    discover()
    with np.errstate(all="ignore"):  # sums that no kernel makes are zero
        rows = (row(name, given) for name in ENGINES)
        report(given, rows, frames=given.frames, blocks=given.blocks, **cupy)


if __name__ == "__main__":
    main()
