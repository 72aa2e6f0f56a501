"""Reconstruction by iterations on one thread of a CPU: cost and error, beside ASTRA's CGLS where installed.

    OMP_NUM_THREADS=1 python benchmarks/iterate.py cgls      cgls of 20 iterations, 256 px, 180 projections
    python benchmarks/iterate.py tv [--phantoms 20] [--size 128] [--projections 30 60 180]
                                                             the weight that tv finds, over photons and angles
    python benchmarks/iterate.py rays                        Joseph's projector and its adjoint

ASTRA (`pip install astra-toolbox`) is under the GPL: it is here to be compared with, nanompi does not use it.
Errors are root mean squares within 0.9 of the radius, of the largest true value.
"""

from functools import partial
from time import process_time, thread_time
from types import SimpleNamespace

import numpy as np
from harness import options, report, turns

from nanompi.device.cpu import Cpu
from nanompi.device.kernels.joseph import LANES
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.phantom import Phantom, grains
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP
from nanompi.methods.tomo.recon.toeplitz import Cgls
from nanompi.methods.tomo.recon.tv import Tv

STEP = {"nonnegative": True, "smooth": 1.0, "window": "ramp", "cutoff": 1.0, "pad": "edge", "circle": 1.0}
FACTORS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # times the weight that is found


def scene(n: int, A: int, photons: float, seed: int, phantom: Phantom | None = None):
    """(rays, (1, A, n) float32 line integrals with the noise of counts, (n, n) truth)"""
    sample = phantom or grains(n, 1, thickness=2.0, seed=seed, n=(12, 30, 60)[seed % 3])
    angles, axis = np.arange(A) * np.pi / A, (n - 1) / 2
    p = np.stack([sample.projection(a, 1, n, axis) for a in angles], 1)
    counts = np.maximum(np.random.default_rng([seed, 5]).poisson(photons * np.exp(-p)), 0.5)
    noisy = -np.log(counts / photons).astype(np.float32)
    return Rays(angles, weights(angles), n, n), noisy, p.astype(np.float32), sample.slice(0, 1, n)


def made(method, rays, p, **more) -> np.ndarray:
    """(n, n) slice of one sinogram"""
    own = method(rays, SimpleNamespace(**{"iterations": None} | STEP | more), Cpu())
    return own.slices(p, np.array([(rays.columns - 1) / 2]))[0]


def error(image, truth) -> float:
    """Of the largest value, within 0.9 of the radius."""
    n = len(truth)
    y, x = np.indices((n, n)) - (n - 1) / 2
    return float(np.sqrt(np.mean((image - truth)[np.hypot(x, y) < 0.45 * n] ** 2)) / truth.max())


# ---- conjugate gradients


def conjugate(n=256, A=180, iterations=20, repeat=3):
    """A row for each method: CPU seconds of a slice, with and without what a geometry costs once; errors."""
    rays, noisy, clean, truth = scene(n, A, 1e4, seed=1)
    own = Cgls(rays, SimpleNamespace(iterations=iterations, **STEP), Cpu())
    axes, out = np.full(2, (n - 1) / 2), {}

    def ours():
        out["nanompi cgls"] = own.slices(np.concatenate([clean, noisy]), axes)

    ways = {"nanompi cgls": ours}
    if project := astra_cgls(rays, n, iterations):
        ways["ASTRA CGLS"] = lambda: out.__setitem__("ASTRA CGLS", [project(p[0]) for p in (clean, noisy)])
    took = turns({name: cpu(way) for name, way in ways.items()}, repeat)
    begun = process_time()
    Cgls(rays, SimpleNamespace(iterations=1, **STEP), Cpu()).slices(noisy, axes[:1])
    once = process_time() - begun
    least = {name: min(seconds) / 2 for name, seconds in took.items()}
    for name, (a, b) in out.items():
        errors = {"error": turned(a, truth), "noisy": turned(b, truth)}
        first = {"once": once} if name == "nanompi cgls" else {}
        times = {"times": least[name] / least["nanompi cgls"]}
        yield {"method": name, "CPU s a slice": least[name], **times, **errors, **first}


def cpu(work):
    """Seconds of all threads of this process."""

    def way():
        begun = process_time()
        work()
        return process_time() - begun

    return way


def turned(image, truth) -> float:
    """The error in whichever of the eight orientations a program gives it."""
    flips = [one for k in range(4) for one in (np.rot90(image, k), np.rot90(image, k).T)]
    return min(error(one, truth) for one in flips)


def astra_cgls(rays, n, iterations):
    """CGLS of ASTRA on the CPU with its linear projector; None where it is not installed."""
    try:
        import astra
    except ImportError:
        return None
    volume = astra.create_vol_geom(n, n)
    geometry = astra.create_proj_geom("parallel", 1.0, n, rays.angles)
    projector = astra.create_projector("linear", geometry, volume)

    def solve(p):
        sinogram, image = astra.data2d.create("-sino", geometry, p), astra.data2d.create("-vol", volume)
        wanted = astra.astra_dict("CGLS") | {
            "ProjectorId": projector, "ProjectionDataId": sinogram, "ReconstructionDataId": image
        }  # fmt: skip
        run = astra.algorithm.create(wanted)
        astra.algorithm.run(run, iterations)
        return astra.data2d.get(image)

    return solve


# ---- total variation


def variation(phantoms: int, n: int, projections: list):
    """A row for photons and angles: errors of fbp and tv, and how far other weights come."""
    for A in map(int, projections):
        rays, own = scene(n, A, 1e4, 0)[0], SimpleNamespace(iterations=None, **STEP)
        smoothed = Tv(rays, own, Cpu())
        for photons in (1e3, 1e4, 1e5):
            ratios, lost, best = [], [], []
            for seed in range(phantoms):
                _, noisy, _, truth = scene(n, A, photons, seed)
                errors = [weighed(smoothed, own, factor, noisy, truth) for factor in FACTORS]
                ratios.append(errors[FACTORS.index(1.0)] / error(made(FBP, rays, noisy), truth))
                lost.append(errors[FACTORS.index(1.0)] / min(errors))
                best.append(FACTORS[int(np.argmin(errors))])
            of_fbp = {"tv / fbp": np.mean(ratios), "worst": max(ratios)}
            of_best = {
                "tv / best weight": np.mean(lost),
                "at most": max(lost),
                "best factor": np.median(best),
            }
            yield {"projections": A, "photons": f"{photons:.0e}"} | of_fbp | of_best


def weighed(method, own, factor, noisy, truth) -> float:
    """The error with so many times the weight that is found."""
    own.smooth = factor
    return error(method.slices(noisy, np.array([(len(truth) - 1) / 2]))[0], truth)


# ---- rays


def pair(n=256, A=180, repeat=5):
    """A row for each size: updates of a pixel (or taps of a ray) a second."""
    device = Cpu()
    turn = np.stack([f(np.arange(A) * np.pi / A) for f in (np.cos, np.sin)], 1)
    f, p = np.ones((n, n, LANES), np.float32), np.ones((A, n, LANES), np.float32)
    ways = {
        "projector": lambda: device.kernels.project_rays(f, turn, (n - 1) / 2, p, 0, 1),
        "adjoint": lambda: device.kernels.backproject_rays(p, turn, (n - 1) / 2, f, 0, 1),
    }
    for name, work in ways.items():
        work()
        took = []
        for _ in range(repeat):
            begun = thread_time()
            work()
            took.append(thread_time() - begun)
        yield {"kernel": name, "G updates/s": n * n * A * LANES / min(took) / 1e9}


if __name__ == "__main__":
    given = options(__doc__, "what", phantoms=20, size=128, projections=[30, 60, 180])
    smooth = partial(variation, given.phantoms, given.size, given.projections)
    parts = {"cgls": conjugate, "tv": smooth, "rays": pair}
    report(given, parts[given.what]())
