"""How far the rotation axis that `tomo.centre` finds is off, over random phantoms, and what it says of that.

    python benchmarks/centre.py [--phantoms 100] [--cases inside cut ...]

8 rows of 160 columns, 180 projections over 180 degrees, 1e4 photons, axis within 12 columns of the middle,
if a case does not say otherwise; the phantoms are those of `tomo.simulate`. For each case: median and largest
error of all, how many are called good and the largest error of these, and how many are off by more than
0.3 px and yet called good: there must be none.
"""

import time
from dataclasses import dataclass

import numpy as np
from harness import options, report

from nanompi.methods.tomo.centre.moment import Moments
from nanompi.methods.tomo.centre.opposite import Opposite, tiles_of
from nanompi.methods.tomo.centre.verdict import Verdict, judged, tilt_of
from nanompi.methods.tomo.phantom import RADIUS, grains

COLUMNS, ROWS = 160, 8


@dataclass(frozen=True)
class Case:
    """sample : width in parts of the detector's; span : degrees; stripes : rms gain of columns
    drift : of the beam over the scan; slope : px per row; golden : angles by the golden ratio"""

    sample: float = RADIUS
    photons: float = 1e4
    angles: int = 180
    span: float = 180.0
    stripes: float = 0.0
    drift: float = 0.0
    slope: float = 0.0
    golden: bool = False


CASES = {
    "inside": Case(),
    "inside, 1e3": Case(photons=1e3),
    "inside, 100": Case(photons=1e2),
    "inside, stripes 2 %": Case(stripes=0.02),
    "inside, drift 5 %": Case(drift=0.05),
    "inside, 40 angles": Case(angles=40),
    "inside, 150 degrees": Case(angles=150, span=150),
    "inside, golden": Case(golden=True),
    "inside, tilt": Case(slope=0.2),
    "touching": Case(sample=1.02),
    "cut": Case(sample=1.2),
    "cut more": Case(sample=1.6),
    "cut, 1e3": Case(sample=1.2, photons=1e3),
    "cut, 100": Case(sample=1.2, photons=1e2),
    "cut, stripes 2 %": Case(sample=1.2, stripes=0.02),
    "cut, drift 5 %": Case(sample=1.2, drift=0.05),
    "cut, 60 angles": Case(sample=1.2, angles=60),
    "cut, 150 degrees": Case(sample=1.2, angles=150, span=150),
    "cut, golden": Case(sample=1.2, golden=True),
    "cut, 360 degrees": Case(sample=1.2, angles=360, span=360),
}


def sinograms(case: Case, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(rows, A, columns) line integrals with counting noise, (A,) rad, and the column of the axis"""
    rng = np.random.default_rng([seed, 7])
    phantom = grains(COLUMNS * case.sample / RADIUS, ROWS, 1.5, seed)
    axis = (COLUMNS - 1) / 2 + rng.uniform(-12, 12)
    steps = np.arange(case.angles) * np.deg2rad(case.span) / case.angles
    angles = np.mod(np.arange(case.angles) * np.pi * (np.sqrt(5) - 1), 2 * np.pi) if case.golden else steps
    shifts = case.slope * (np.arange(ROWS) - (ROWS - 1) / 2)
    if case.slope:
        lines = np.stack([[phantom.projection(a, ROWS, COLUMNS, axis + s)[k] for a in angles]
                          for k, s in enumerate(shifts)])  # fmt: skip
    else:
        lines = np.stack([phantom.projection(a, ROWS, COLUMNS, axis) for a in angles], 1)
    beam = case.photons * (1 + case.stripes * rng.standard_normal(COLUMNS))
    beam = beam * (1 + case.drift * np.linspace(0, 1, case.angles))[:, None]
    counts = np.maximum(rng.poisson(beam * np.exp(-lines)), 0.5)
    return -np.log(counts / case.photons), angles, axis


def found(lines: np.ndarray, angles: np.ndarray) -> Verdict:
    """What `tomo.centre` finds in sinograms (rows, A, columns)."""
    rows, _, columns = lines.shape
    heights = np.arange(rows) - (rows - 1) / 2
    moments, tiles = Moments(angles, columns, (rows - 1) / 2), tiles_of(angles)
    by_angle, by_row = (sum(one) for one in zip(*(moments.sums(one, k) for k, one in enumerate(lines))))
    known = {"moment": moments.estimate(by_angle, by_row, rows)}
    if tiles:
        seen = np.array([[one[tile.numbers] for tile in tiles] for one in lines], np.float64)
        opposite = Opposite(tiles, seen, lines.mean(1), heights)
        known["opposite"] = opposite.estimate(0.0, columns - 1.0)
    return judged(known, 0.5, tilt_of(known, rows), (columns - 1) / 2)


def measured(case: Case, phantoms: int) -> dict:
    """Errors and verdicts of a case."""
    errors, good, slopes, seconds = [], [], [], 0.0
    for seed in range(phantoms):
        lines, angles, axis = sinograms(case, 1000 + seed)
        begun = time.process_time()
        one = found(lines, angles)
        seconds += time.process_time() - begun
        errors.append(abs(one.axis.column - axis))
        good.append(one.verdict == "good")
        slopes.append(one.axis.slope)
    errors, good = np.array(errors), np.array(good)
    worst = errors[good].max() if good.any() else np.nan
    return {
        "median": float(np.median(errors)), "largest": float(errors.max()), "good": int(good.sum()),
        "worst good": float(worst), "silent": int((good & (errors > 0.3)).sum()),
        "slope": float(np.median(slopes)), "seconds": seconds / phantoms,
    }  # fmt: skip


def main():
    given = options(__doc__, phantoms=100, cases=list(CASES))
    report(given, ({"case": name} | measured(CASES[name], given.phantoms) for name in given.cases))


if __name__ == "__main__":
    main()
