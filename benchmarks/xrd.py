"""Diffraction patterns and their peaks beside pyFAI and SciPy, in turns, seconds of the processor of one
thread.

    python benchmarks/xrd.py [--data FOLDER] [--frames 4] [--peaks 2000] [--repeat 5]

--data : the folder S5_xrd_ceo2_pilatus2m, else $NANOMPI_DATA has it. Patterns of 1000 bins and cakes of
500 x 36, of the measured frame, bounding-box splitting, mask, solid angle, polarisation, without errors
of pyFAI and with those that ours always have; `sparse` is a frame of few counts, most of them 0. Peaks
have 40 points and 5 to 40 counts by channel width.
"""

import argparse
import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from harness import options, report, timed, turns

from nanompi.device import Cpu
from nanompi.device.kernels.peaks import PSEUDO_VOIGT
from nanompi.methods.maps.xrd.geometry import read_poni
from nanompi.methods.maps.xrd.matrix import Bins, limits, matrix
from nanompi.optics.peak import profile

FRAME, PONI = "ceria_50x30_740mm_000005_Pilatus2M.hdf5", "ceria_pilatus2m.poni"
SHAPES = {"pattern": (1000, 1), "cake": (500, 36)}
LEAST = 2e-2  # of the largest intensity: bins of a cake with so much are compared


class Pattern:
    """Patterns of frames by the kernel of the program."""

    def __init__(self, geometry, good, number, sectors):
        low, high = limits(geometry, good.shape, good, "2th_deg")
        self.bins = Bins("2th_deg", number, low, high, sectors)
        self.matrix = matrix(geometry, good.shape, good, self.bins, 0.99)
        self.kernels, self.cells = Cpu().kernels, number * sectors
        self.evenly = self.sums(self.matrix.norm[None])[0, :, 0]

    def sums(self, frames):
        """(k, cells, 3)"""
        m, out = self.matrix, np.empty((len(frames), self.cells, 3))
        dark = np.zeros_like(m.norm)
        self.kernels.integrate_frames(frames, m.norm, dark, np.inf, (m.first, m.bin, m.share), None, out)
        return out

    def __call__(self, frames):
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.sums(frames.reshape(len(frames), -1))[..., 0] / self.evenly


def theirs(ai, good, own, method, frames):
    """pyFAI's patterns of frames"""
    b, how = own.bins, {"unit": "2th_deg", "mask": ~good, "method": ("bbox", method, "cython")}
    how |= {"polarization_factor": 0.99, "radial_range": (b.low, b.high)}
    if b.sectors == 1:
        return [ai.integrate1d(frame, b.number, **how).intensity for frame in frames]
    how["azimuth_range"] = (-180, 180)
    return [ai.integrate2d(frame, b.number, b.sectors, **how).intensity.ravel() for frame in frames]


def patterns(given):
    """A row for each kind of pattern and frame"""
    from pyFAI import load

    folder = Path(given.data or Path(os.environ["NANOMPI_DATA"]) / "S5_xrd_ceo2_pilatus2m")
    with h5py.File(folder / FRAME) as file:
        image = file["imageseries/images"][0]
    good = (image >= 0) & (image < 1e6)
    frame = np.where(good, image, 0).astype(np.int32)
    sparse = np.random.default_rng(0).poisson(np.minimum(frame / 2e3, 50)).astype(np.uint16)
    geometry, ai = read_poni(str(folder / PONI)), load(str(folder / PONI))
    for kind, (number, sectors) in SHAPES.items():
        own = Pattern(geometry, good, number, sectors)
        for name, one in {"measured": frame, "sparse": sparse}.items():
            frames = np.stack([one] * given.frames)
            ways = {"own": timed(partial(own, frames), clock=time.process_time)}
            for method in ("csr", "csc"):
                work = partial(theirs, ai, good, own, method, frames)
                ways[method] = timed(work, clock=time.process_time)
            seconds = {way: min(turns) / given.frames for way, turns in turns(ways, given.repeat).items()}
            other = theirs(ai, good, own, "csr", frames[:1])[0]
            yield {"what": f"{kind}, {name}"} | _compared(seconds, own(frames[:1])[0], other)


def _compared(seconds, own, other):
    both = np.isfinite(own) & (other > LEAST * other.max())
    off = abs(own - other)[both] / other.max()
    return {
        "own ms": 1e3 * seconds["own"],
        "csr ms": 1e3 * seconds["csr"],
        "csc ms": 1e3 * seconds["csc"],
        "csr / own": seconds["csr"] / seconds["own"],
        "csc / own": seconds["csc"] / seconds["own"],
        "rms off": float(np.sqrt((off**2).mean())),
        "most off": float(off.max()),
    }


def pseudo_voigt(x, area, centre, width, eta, base, slope):
    """One peak, as somebody would write it for SciPy"""
    u = 2 * (x - centre) / width
    gauss = 2 * np.sqrt(np.log(2) / np.pi) / width * np.exp(-np.log(2) * u * u)
    own = eta * 2 / np.pi / width / (1 + u * u) + (1 - eta) * gauss
    return area * own + base + slope * (x - x[0])


def peaks(given):
    """One row: fits of ours and of SciPy, and whether errors are right"""
    from scipy.optimize import curve_fit

    rng, n, kernels = np.random.default_rng(0), given.peaks, Cpu().kernels
    x = np.linspace(10, 10.4, 40)
    true = [rng.uniform(5, 40, n), 10.2 + rng.normal(0, 0.01, n), rng.uniform(0.03, 0.06, n)]
    true = np.stack([*true, rng.uniform(0.2, 0.8, n), rng.uniform(50, 150, n), rng.normal(0, 20, n)], 1)
    y = rng.poisson(profile(x, true)[0]).astype(float)
    p, errors, chi2 = np.empty((n, 6)), np.empty((n, 6)), np.empty(n)

    def own():
        kernels.fit_peaks(x, y, 1 / np.maximum(y, 1), np.ones_like(y), PSEUDO_VOIGT, p, errors, chi2)

    def scipy():
        for one in y[:40]:
            start, sigma = (10, 10.2, 0.05, 0.5, one.min(), 0), np.sqrt(np.maximum(one, 1))
            with suppress(RuntimeError):  # it did not converge
                curve_fit(pseudo_voigt, x, one, start, sigma)

    ways = {"own": timed(own, clock=time.process_time), "scipy": timed(scipy, clock=time.process_time)}
    seconds = {way: min(s) for way, s in turns(ways, given.repeat).items()}
    pulls = ((p - true)[:, 1] / errors[:, 1])[np.isfinite(chi2)]
    own_us, scipy_us = 1e6 * seconds["own"] / n, 1e6 * seconds["scipy"] / 40
    yield {
        "own us": own_us, "curve_fit us": scipy_us, "curve_fit / own": scipy_us / own_us,
        "width of pulls": float(pulls.std()), "within 1.96": float((abs(pulls) < 1.96).mean()),
        "not converged": float(np.isnan(chi2).mean()),
    }  # fmt: skip


def main():
    given = options(__doc__, data="", frames=4, peaks=2000, repeat=5)
    report(given, patterns(given))
    report(argparse.Namespace(json=""), peaks(given))


if __name__ == "__main__":
    main()
