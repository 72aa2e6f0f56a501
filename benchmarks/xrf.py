"""What a fit of `xrf.fit` costs, on one thread, beside SciPy and EM; and how well it does.

    python benchmarks/xrf.py [--counts 300 1000 20000] [--spectra 1000] [--repeat 3]

In turns: simulated spectra of one detector, 20 families of lines, scatter and a background (23 columns); CPU
seconds of nnls, lsq and poisson, SciPy's nnls on some, and 50 steps of EM by products of matrices. Then the
rms error of 30 counts of Co beside 20 and beside 50000 counts of Fe, and how often 1.96 errors hold them.
"""

import time
from statistics import median

import numpy as np
from harness import options, report, table, timed, turns
from scipy.optimize import nnls

from nanompi.device import Cpu
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.xrf.response import START, Detector, columns, peaks_of

ENERGY, SLOPE, CHANNELS = 10e3, 10.0, (95, 1090)
ELEMENTS = "Al Si P S Cl Ar K Ca Ti V Cr Mn Fe Co Ni Cu Zn".split()
NAMES = [*(f"{e}_K" for e in ELEMENTS), "La_L", "Ba_L", "Ce_L", "elastic", "compton", "background"]
PART = {"Si_K": 0.09, "Ar_K": 0.14, "Ca_K": 0.05, "Fe_K": 0.2, "Cu_K": 0.1, "La_L": 0.1, "elastic": 0.07,
        "compton": 0.13, "background": 0.12}  # fmt: skip
SMALL = 50  # spectra that SciPy fits
STEPS = 50  # of EM


def design() -> np.ndarray:
    """(995, 23) columns of the sum 1"""
    p = START | {"slope": SLOPE, "energy": ENERGY}
    lines = columns(p, peaks_of(NAMES[:-3], ENERGY, Detector()), *CHANNELS)
    every = np.column_stack([lines, np.exp(-np.arange(*CHANNELS) / 250)])
    return every / every.sum(0)


def truth(counts: float) -> np.ndarray:
    """(23,) counts"""
    return counts * np.array([PART.get(name, 0.0) for name in NAMES]) / sum(PART.values())


def em(y, A) -> np.ndarray:
    """x <- x A'(y / A x) / A'1, in single precision"""
    A, y = A.astype(np.float32), y.astype(np.float32)
    x = np.full((len(y), A.shape[1]), y.sum(1, keepdims=True) / A.shape[1], np.float32)
    for _ in range(STEPS):
        x *= (y / np.maximum(x @ A.T, 1e-9)) @ A
    return x


def speeds(given, A) -> list[dict]:
    """Microseconds of each way, and ratios"""
    rows, device = [], Cpu()
    for counts in map(int, given.counts):
        y = (
            np.random.default_rng(counts)
            .poisson(A @ truth(counts), (given.spectra, len(A)))
            .astype(np.uint16)
        )
        weights, plain = LinearFit(A, weights=1 / (y.mean(0) + 0.02)), LinearFit(A)
        clock = time.process_time
        ways = {
            "nnls": timed(lambda y=y, f=plain: f.fit(device, y, method="nnls", errors=False), clock=clock),
            "nnls, errors": timed(lambda y=y, f=plain: f.fit(device, y, method="nnls"), clock=clock),
            "lsq": timed(lambda y=y, f=plain: f.fit(device, y, method="lsq", errors=False), clock=clock),
            "poisson": timed(lambda y=y, f=weights: f.fit(device, y), clock=clock),
            "scipy": timed(lambda y=y: [nnls(A, one.astype(float)) for one in y[:SMALL]], clock=clock),
            "EM 50": timed(lambda y=y: em(y, A), clock=clock),
        }
        number = {"scipy": SMALL}
        us = {k: median(v) / number.get(k, given.spectra) * 1e6 for k, v in turns(ways, given.repeat).items()}
        ratios = {"scipy : nnls": us["scipy"] / us["nnls"], "EM : poisson": us["EM 50"] / us["poisson"]}
        rows.append({"counts": counts, **us, **ratios})
    return rows


def errors(given, A) -> list[dict]:
    """Of 30 counts of Co beside little and much Fe: bias, rms, part within 1.96 errors"""
    rng, n, device = np.random.default_rng(5), given.spectra, Cpu()
    fe, co = NAMES.index("Fe_K"), NAMES.index("Co_K")
    x = np.tile(truth(600), (2 * n, 1))
    x[:, co], x[:n, fe], x[n:, fe] = 30, 20, 50000
    y = rng.poisson(x @ A.T).astype(np.uint16)
    mean = 1 / (y.mean(0) + 0.02)
    ways = {
        "poisson": ("poisson", mean),
        "nnls": ("nnls", None),
        "nnls, mean weights": ("nnls", mean),
        "lsq": ("lsq", None),
    }
    rows = []
    for name, (method, weights) in ways.items():
        got, sigma, _ = LinearFit(A, weights=weights).fit(device, y, method=method)
        row = {"way": name}
        for where, part in (("20", slice(n)), ("50000", slice(n, None))):
            d = got[part, co] - 30
            row |= {f"bias, Fe {where}": d.mean(), f"rms, Fe {where}": np.sqrt((d**2).mean())}
            row[f"covered, Fe {where}"] = (abs(d) < 1.96 * sigma[part, co]).mean()
        rows.append({k: v if isinstance(v, str) else float(v) for k, v in row.items()})
    return rows


def main():
    given = options(__doc__, counts=["300", "1000", "20000"], spectra=1000, repeat=3)
    A = design()
    report(given, speeds(given, A))
    print()
    print(table(errors(given, A)))


if __name__ == "__main__":
    main()
