"""`map.align` and `map.components` on large images: seconds of the processor and memory, on one thread.

    python benchmarks/large_maps.py [--sizes 256 512 1024] [--images 12] [--energies 40] [--most 512]

Stacks of smooth random images that drift by 0.4 px from one to the next, which is known: error of the places
in px. Maps of three species with noise, for components (sizes up to --most). `times data` is the memory at
most beyond what was there before, in parts of the data, whose own bytes are not counted.
"""

import time
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
from harness import options, report
from scipy.ndimage import fourier_shift, gaussian_filter

from nanompi.data.data import Data
from nanompi.device.cpu import Cpu
from nanompi.methods.maps.align import Align
from nanompi.methods.maps.components import Components
from nanompi.mpi.team import Team
from nanompi.run.metrics import peak_memory
from nanompi.run.planning import resident
from nanompi.run.result import Result
from nanompi.timing import Clock


def run_of(data: Data):
    """A run of one rank that says nothing"""
    quiet = lambda *words, **more: None  # noqa: E731
    return SimpleNamespace(team=Team(alone=True), device=Cpu(threads=1), clock=Clock(), result=Result(),
                           say=quiet, warn=quiet, note=quiet, glimpse=quiet, control=None, store=None,
                           options=SimpleNamespace(scratch=""), made={}, given={},
                           data={"data": data})  # fmt: skip


def measured(step, data: Data):
    """(run, CPU seconds, bytes at most beyond those of before)"""
    run = run_of(data)
    with suppress(OSError), open("/proc/self/clear_refs", "w") as marks:
        marks.write("5")
    before, begun = resident(), time.process_time()
    step.run(run)
    return run, time.process_time() - begun, peak_memory() - before


def stack(size: int, images: int) -> Data:
    """A stack that drifts, beside it where its images are (n, 2) px"""
    rng = np.random.default_rng(1)
    image = gaussian_filter(rng.normal(size=(size, size)), 3, mode="wrap")
    image = 1 + 0.3 * image / image.std()
    drift = np.cumsum(rng.normal(0, 0.4, (images, 2)), 0)
    drift -= drift[0]
    wave = np.fft.fft2(image)
    values = [np.fft.ifft2(fourier_shift(wave, by)).real + rng.normal(0, 0.02, image.shape) for by in drift]
    energies = 7100.0 + np.arange(images)
    return Data(axes=("energy", "y", "x"), values=np.array(values, np.float32), spread="energy",
                parts=[np.arange(images)], coords={"energy": (energies, "eV")},
                beside={"drift": drift})  # fmt: skip


def mixture(size: int, energies: int) -> Data:
    """Three species in blobs, with noise"""
    rng = np.random.default_rng(2)
    e = np.arange(energies)
    pure = np.array([1 / (1 + np.exp(-(e - energies / 2 - 3 * k))) + 0.3 * k for k in range(3)], np.float32)
    amounts = np.abs(gaussian_filter(rng.normal(size=(3, size, size)).astype(np.float32), (0, 4, 4)))
    values = np.moveaxis(amounts / amounts.max(), 0, -1) @ pure
    values += rng.normal(0, 0.01, values.shape).astype(np.float32)
    return Data(axes=("y", "x", "energy"), values=values, spread="y", parts=[np.arange(size)],
                coords={"energy": (7100.0 + e, "eV")})  # fmt: skip


def alignments(given):
    """A row for each size"""
    for size in map(int, given.sizes):
        data = stack(size, given.images)
        nbytes = data.values.nbytes
        run, seconds, most = measured(Align(crop=False), data)
        error = run.result.notes["maps"]["align"]["error_px"]
        yield {"step": "map.align", "size": size, "CPU s": seconds, "times data": most / nbytes} | {
            "error px": error,
            "explained": float("nan"),
        }


def factorings(given):
    """A row for each size and method"""
    for size in (n for n in map(int, given.sizes) if n <= given.most):
        for method in ("pca", "nmf", "kmeans"):
            data = mixture(size, given.energies)
            nbytes = data.values.nbytes
            run, seconds, most = measured(Components(method=method, number=3), data)
            own = run.result.notes["maps"]["components"]
            row = {"step": f"map.components, {method}", "size": size, "CPU s": seconds}
            yield row | {"times data": most / nbytes, "error px": float("nan"), "explained": own["explained"]}


if __name__ == "__main__":
    given = options(__doc__, sizes=["256", "512", "1024"], images=12, energies=40, most=512)
    report(given, [*alignments(given), *factorings(given)])
