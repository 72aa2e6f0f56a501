"""Memory of the card and pinned memory of the host."""

import time

import numpy as np

from nanompi.device.checks import Question, fresh
from nanompi.errors import ResourceError

SIDE, FRAMES = 64, 1600  # of frames that do not fit
CACHE = 1 << 20  # small blocks, so that few MiB are a small card
SMALLEST, LARGEST, STEP = (
    42 << 20,
    132 << 20,
    6 << 20,
)  # bytes of such cards; their waves and counts are 66 MB
PINNED = 300 << 20  # bytes, no power of two
SIZES = (64, 128, 256, 509, 1024)


def _pool(cupy):
    """Does CuPy's pool give back a chunk of which a piece is in use?"""
    fresh(cupy, memory=64 << 20)
    whole = cupy.empty(40 << 20, "uint8")
    del whole
    piece = cupy.empty(1 << 20, "uint8")  # carved from the 40 MiB
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    kept = pool.total_bytes() - pool.used_bytes()
    return f"{kept / 2**20:.0f} MiB kept beside a piece of {piece.nbytes / 2**20:.0f}", None


def _beyond(cupy):
    """Frames in blocks over cards of many sizes: does the room that is counted exist, do they come back?"""
    sizes, refused, bad = range(SMALLEST, LARGEST, STEP), 0, []
    for memory in sizes:
        try:
            if not _streamed(fresh(cupy, memory=memory)):
                bad.append(f"{memory >> 20} MiB: wrong numbers")
        except ResourceError:
            refused += 1  # too small for one block: said before any work
        except MemoryError as e:
            bad.append(f"{memory >> 20} MiB: {str(e).splitlines()[0]}")
    done = len(sizes) - refused - len(bad)
    return (
        f"{done} done, {refused} refused as too small, {len(bad)} wrong: {'; '.join(bad[:3])}",
        not bad and done > 3,
    )


def _streamed(device) -> bool:
    """Two passes over all frames, as an engine makes them: is every frame what it should be?"""
    device.cache = CACHE
    n, shape = FRAMES, (FRAMES, 1, SIDE, SIDE)
    counts = device.counts(np.zeros((n, SIDE, SIDE), np.uint16))
    waves = device.large(shape, device.complex, counts, reserve=1 << 20)
    arrays, step = {"I": counts, "waves": waves}, device.frames_per_block(waves.row)
    number = device.xp.arange(n, dtype=device.real)
    for f, here in device.stream(n, step, arrays, ["I"], ["waves"]):
        here["waves"][...] = number[f][:, None, None, None]
    for _, here in device.stream(n, step, arrays, ["I", "waves"], ["waves"]):
        z = device.scratch(here["waves"].shape, device.complex, 0)
        z[...] = here["waves"]
        device.ifft(device.fft(z))  # N^2 times what it was
        here["waves"] += z / SIDE**2
    got = device.host(waves)[:, 0, :: SIDE // 2, 1]
    return np.abs(got - 2 * np.arange(n)[:, None]).max() < 1e-2


def _pinned(cupy):
    device, nbytes, begun = fresh(cupy), PINNED, time.perf_counter()
    device.pinned((nbytes,), np.uint8)
    made = (time.perf_counter() - begun) * 2**30 / nbytes
    own, begun = np.ones(nbytes, np.uint8), time.perf_counter()
    device.pin(own)
    return f"new {made:.2f} s/GiB, of an array that is there {_per_gib(begun, nbytes):.2f} s/GiB", None


def _per_gib(begun: float, nbytes: int) -> float:
    return (time.perf_counter() - begun) * 2**30 / nbytes


def _work_areas(cupy):
    device, out = fresh(cupy), []
    for n in SIZES:
        flat = cupy.empty((4, n, n), np.complex64)
        out.append(f"{n}²: {device.plans.area(flat) / flat.nbytes:.1f}")
    return ", ".join(out), None


QUESTIONS = [
    Question("memory pool", "39 MiB kept beside a piece of 1: it is counted as in use", _pool),
    Question("frames beyond the card", "none wrong, whatever the size of the card", _beyond),
    Question("pinned memory", "0.2 to 0.5 s/GiB", _pinned),
    Question("work areas of transforms", "0 or 1 of their data, more for primes (509)", _work_areas),
]
