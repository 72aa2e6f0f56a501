"""Card, driver and compiler."""

import time

from nanompi.device import checks
from nanompi.device.card import check_toolkit
from nanompi.device.checks import Question, fresh
from nanompi.device.checks.scene import SCENES, THEMES, Scene, on

BUS = 64 << 20  # bytes of a copy over the bus


def _card(cupy):
    runtime, p = cupy.cuda.runtime, cupy.cuda.runtime.getDeviceProperties(0)
    cuda = "driver knows CUDA {}, CuPy {} is built for {}"
    cuda = cuda.format(
        _version(runtime.driverGetVersion()), cupy.__version__, _version(runtime.runtimeGetVersion())
    )
    memory = f"{p['totalGlobalMem'] / 2**30:.0f} GiB ({runtime.memGetInfo()[0] / 2**30:.0f} free)"
    parts = f"sm_{p['major']}{p['minor']}, {p['multiProcessorCount']} multiprocessors"
    return f"{p['name'].decode()}, {memory}, {parts}, L2 {p['l2CacheSize'] / 2**20:.0f} MiB; {cuda}", True


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _mode(cupy):
    runtime = cupy.cuda.runtime
    mode = runtime.deviceGetAttribute(runtime.cudaDevAttrComputeMode, 0)
    words = {0: "default", 1: "exclusive", 2: "prohibited", 3: "exclusive: one process at a time"}
    return words.get(mode, str(mode)), None if mode == 0 else mode != 2


def _toolkit(cupy):
    begun = time.perf_counter()
    check_toolkit(cupy)
    return f"they do, within {time.perf_counter() - begun:.1f} s", True


def _own(cupy):
    """Elementwise, complex, reductions, indexing: what CuPy itself compiles"""
    a = cupy.full((4, 5), 1 + 1j, "complex64")
    a *= cupy.float32(2)
    picked = a.reshape(-1)[cupy.asarray([1, 3])]
    light = (abs(a) ** 2).sum(0, dtype="float64").max()
    got = complex(picked.sum()), float(light), float(cupy.maximum(a.real, 3).min())
    want = (4 + 4j, 32.0, 3.0)
    return str(got), all(abs(g - w) < 1e-4 for g, w in zip(got, want))


def _compile(cupy):
    device, scene = fresh(cupy), Scene("single", **SCENES["one"])
    for theme in THEMES:
        theme(on(device), scene)
    return f"{device.clock.seconds['compile']:.1f} s", None


def _copy(cupy):
    return f"{checks.copy_rate(fresh(cupy)) / 1e12:.2f} TB/s", None


def _bus(cupy):
    device = fresh(cupy)
    there, here = device.xp.zeros(BUS, "uint8"), device.pinned((BUS,), "uint8")
    rates = []
    for inward in (True, False):
        t, _ = checks.seconds(device, lambda way=inward: device.copy(there, here, device.compute, way))
        rates.append(f"{here.nbytes / t / 1e9:.0f}")
    return f"{rates[0]} GB/s to the card, {rates[1]} back", None


QUESTIONS = [
    Question("card", "a card that this CuPy can use", _card),
    Question("compute mode", "default; exclusive cards refuse a second rank and trials of transports", _mode),
    Question("toolkit", "kernels compile, a transform is planned", _toolkit),
    Question("CuPy's own kernels", "((4+4j), 32.0, 3.0)", _own),
    Question("our kernels compile", "2 s at first, less than 0.2 s once CuPy has kept them", _compile),
    Question("copy on the card", "H100 about 3.0 TB/s, H200 4.3, A100 1.3 to 1.8", _copy),
    Question("copy over the bus, pinned", "12 GB/s (PCIe 3), 25 (4), 50 (5)", _bus),
]
