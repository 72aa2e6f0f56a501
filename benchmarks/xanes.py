"""XANES maps beside a loop over pixels: normalisation, amounts of references, alignment; on one thread.

    python benchmarks/xanes.py [--pixels 4000] [--energies 123] [--references 2 9] [--repeat 3]
                               [--file stack.h5]

In turns: `normalise` with an edge of a fixed energy, `edges` with one of each pixel (`find` is a part of it),
against a loop over pixels with NumPy's polynomials, which does for each what larch.xafs.preedge does; `lcf`
the amounts of references, none below zero, against scipy.optimize.nnls pixel by pixel; `subset` the best of
at most three. The last table is the rms error of places of images that drift as is known, at falling counts;
with --file of an HDF5 stack (/entry/intensity, /entry/i0) every third image of it, else a simulated one.
"""

from functools import partial
from statistics import median
from time import process_time

import numpy as np
from harness import options, report, timed, turns
from scipy.ndimage import fourier_shift
from scipy.optimize import nnls

from nanompi.device import Cpu
from nanompi.methods.maps.align import LAGS, WAYS, calm
from nanompi.methods.maps.xanes.edge import Edge, Ranges, edge_numbers
from nanompi.methods.maps.xanes.fractions import Mixture
from nanompi.methods.maps.xanes.normalise import Normalise
from nanompi.methods.maps.xanes.simulate import SimulateStack, StackSimulation, scan_of, spectrum
from nanompi.optics.shifts import path, shift, window
from nanompi.optics.shifts import spectrum as transformed

RANGES = Ranges((-35, -12), (30, 85), 1)
EDGE = 7114.2  # eV
BLOCK = 2000  # spectra, about as many as a cache holds
COUNTS = (3000, 300, 60, 15)


def spectra(pixels: int, e: np.ndarray) -> np.ndarray:
    """(pixels, E) of three species on a falling line, with noise"""
    rng = np.random.default_rng(1)
    pure = np.array([spectrum(e, 7112 + 3 * k, k) for k in range(3)])
    mu = rng.random((pixels, 3)) @ pure + 0.3 - 2e-4 * (e - 7112)
    return mu + 0.01 * rng.normal(size=mu.shape)


def by_pixel(e: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """The same normalisation, one spectrum after the other"""
    edge, out = Edge(e, EDGE, RANGES), np.empty_like(mu)
    for k, one in enumerate(mu):
        line = np.polynomial.Polynomial.fit(e[edge.pre], one[edge.pre], 1)
        rest = one - line(e)
        behind = np.polynomial.Polynomial.fit(e[edge.post], rest[edge.post], 1)
        out[k] = rest / behind(e[edge.at])
    return out


def in_blocks(work, mu: np.ndarray):
    """What a step does: block by block"""
    return [work(mu[i : i + BLOCK]) for i in range(0, len(mu), BLOCK)]


def normalisation(given) -> list[dict]:
    """Rows of the table"""
    e = scan_of(StackSimulation(energies=given.energies))
    mu = spectra(given.pixels, e)
    edge, each = Edge(e, EDGE, RANGES), Normalise()
    each.energies, each.ranges, each.edges = e, RANGES, {}
    few = mu[: max(1, given.pixels // 20)]
    off = np.abs(edge.normalised(few)[0] - by_pixel(e, few)).max()
    ways = {
        "normalise": timed(partial(in_blocks, edge.normalised, mu), clock=process_time),
        "edges": timed(partial(in_blocks, each.of, mu), clock=process_time),
        "find": timed(partial(in_blocks, partial(edge_numbers, e), mu), clock=process_time),
        "by pixel": timed(partial(by_pixel, e, few), clock=process_time),
    }
    seconds = {name: median(times) for name, times in turns(ways, given.repeat).items()}
    per = {k: t / len(few if k == "by pixel" else mu) * 1e6 for k, t in seconds.items()}
    return [{"what": k, "us a spectrum": per[k], "of by pixel": per["by pixel"] / per[k], "difference": off}
            for k in per]  # fmt: skip


def amounts(given) -> list[dict]:
    """Rows of the table"""
    e = scan_of(StackSimulation(energies=given.energies))
    cpu, rows, rng = Cpu(threads=1), [], np.random.default_rng(2)
    for number in map(int, given.references):
        apart = np.linspace(0, 9 if number < 4 else 16, number)
        pure = np.array([spectrum(e, 7112 + o, k % 3) for k, o in enumerate(apart)])
        x = rng.random((given.pixels, number)) * (rng.random((given.pixels, number)) < 0.6)
        mu = x @ pure + 0.01 * rng.normal(size=(given.pixels, len(e)))
        mixture, few = Mixture(pure, np.zeros((0, len(e)))), mu[: max(1, given.pixels // 5)]

        def own(block, mixture=mixture):
            return mixture.amounts(mixture.parts(block)[1], cpu)

        def best(block, mixture=mixture):
            return mixture.best_subset(*mixture.parts(block), 3)

        def scipy_does(few=few, pure=pure):
            return np.array([nnls(pure.T, one)[0] for one in few])

        off = np.abs(own(few) - scipy_does()).max()
        ways = {
            "lcf": timed(partial(in_blocks, own, mu), clock=process_time),
            "subset": timed(partial(in_blocks, best, mu), clock=process_time),
            "scipy nnls": timed(scipy_does, clock=process_time),
        }
        seconds = {name: median(times) for name, times in turns(ways, given.repeat).items()}
        per = {k: t / len(few if k == "scipy nnls" else mu) * 1e6 for k, t in seconds.items()}
        condition = float(np.linalg.cond(mixture.gram))
        for k in per:
            own = {"us a spectrum": per[k], "of scipy": per["scipy nnls"] / per[k]}
            rows.append({"what": f"{k}, {number}"} | own | {"difference": off, "condition": condition})
    return rows


def drifted(given) -> tuple[np.ndarray, np.ndarray]:
    """(n, y, x) light, 1 at its brightest, of a stack that drifts; (n, 2) px"""
    if not given.file:
        own = StackSimulation(energies=41, size=96, noise=False, counts=1.0)
        data = SimulateStack(simulate=own).open("", None)["data"]
        light = data.source.read(np.arange(41)) / data.beside["i0"][:, None, None]
        return light / light.max(), data.beside["drift"]
    import h5py

    with h5py.File(given.file) as f:
        I, i0 = f["entry/intensity"][::3].astype(float), f["entry/i0"][::3]
    n, rng = len(I), np.random.default_rng(3)
    drift = np.cumsum(rng.normal(0, 0.4, (n, 2)), 0) + np.linspace(0, 4, n)[:, None] * [1, -0.5]
    drift -= drift[0]
    wide = [np.fft.fft2(np.pad(image, 16, mode="edge")) for image in I]
    moved = [np.fft.ifft2(fourier_shift(one, by)).real[16:-16, 16:-16] for one, by in zip(wide, drift)]
    light = np.maximum(np.array(moved) / i0[:, None, None], 0)
    return light / light.max(), drift


def alignment(given) -> list[dict]:
    """Rows of the table: every way at every dose, its error and what the pairs say"""
    light, drift = drifted(given)
    n, shape, rows, rng = len(light), light.shape[1:], [], np.random.default_rng(3)
    pairs, soft = np.array([(a, a + lag) for lag in LAGS for a in range(n - lag)]), window(light.shape[1:])
    for counts in COUNTS:
        images = -np.log(np.maximum(rng.poisson(light * counts), 0.5) / counts)
        F = [transformed(calm(images, k), soft) for k in range(n)]
        for way in WAYS:
            begun = process_time()
            found = path(n, pairs, np.array([shift(F[i], F[j], shape, way, 50) for i, j in pairs]))
            ms = (process_time() - begun) / len(pairs) * 1e3
            off = found.places - drift
            error = float(np.sqrt(((off - off.mean(0)) ** 2).mean()))
            rows.append(
                {"counts": counts, "way": str(way), "error px": error, "pairs px": found.rms, "ms a pair": ms}
            )
    return rows


def main():
    given = options(__doc__, pixels=4000, energies=123, references=["2", "9"], repeat=3, file="")
    for rows in (normalisation(given), amounts(given), alignment(given)):
        report(given, rows)


if __name__ == "__main__":
    main()
