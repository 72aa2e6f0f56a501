"""Fourier transforms on one thread of a CPU: ours, SciPy's, and those of MKL and FFTW where installed.

    python benchmarks/fourier.py [--sizes 128 192 256 512] [--repeat 15]

nanompi uses neither MKL nor FFTW (`pip install mkl_fft pyfftw`; the first is proprietary, the second a
wrapper around a library under the GPL): they are here to be compared with. Microseconds of the CPU per frame
of complex64, as many frames at a time as an engine works on, in place, in turns; the median, and the least in
brackets.
"""

from time import thread_time

import numpy as np
from harness import options, report, timed, turns

from nanompi.device.cpu import CACHE
from nanompi.device.fft import fourier
from nanompi.device.scratch import aligned


def libraries(z) -> dict:
    """A function for each library that is there, which transforms z in place."""
    from scipy.fft import fft2

    ways = {
        "nanompi": lambda: fourier(z, inverse=False),
        "SciPy": lambda: fft2(z, overwrite_x=True, workers=1),
    }
    try:
        import mkl_fft

        ways["MKL"] = lambda: mkl_fft.fft2(z, out=z)
    except ImportError:
        pass
    try:
        import pyfftw
    except ImportError:
        return ways
    plans = {name: pyfftw.FFTW(z, z, axes=(1, 2), flags=(f"FFTW_{name}",)) for name in ("MEASURE", "PATIENT")}
    return ways | {f"FFTW {name.lower()}": plan.execute for name, plan in plans.items()}


def size(n: int, repeat: int) -> dict:
    """A row of the table."""
    frames = max(1, CACHE // (8 * n * n))
    z = aligned((frames, n, n), np.complex64)

    def fresh(work):
        way = timed(work, clock=thread_time)

        def one():
            z[...] = 1
            return way() / frames * 1e6

        return one

    took = turns({name: fresh(work) for name, work in libraries(z).items()}, repeat)
    return {"frame": f"{n}²"} | {name: f"{np.median(us):.1f} ({min(us):.1f})" for name, us in took.items()}


def main():
    given = options(__doc__, sizes=["128", "192", "256", "320", "512"], repeat=15)
    report(given, (size(int(n), given.repeat) for n in given.sizes))


if __name__ == "__main__":
    main()
