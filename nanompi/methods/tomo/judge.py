"""What is measured of slices while they are at hand, and what it says of the result in the end."""

import numpy as np

from nanompi.methods.tomo import quality
from nanompi.methods.tomo.halves import Halves
from nanompi.methods.tomo.reproject import Reprojection, explained
from nanompi.run.result import Signal
from nanompi.run.verdict import give
from nanompi.step import total

SLICES, ROWS = "truth/slices", "truth/rows"  # of a simulation in a result, below /entry_1
KEPT = 64 << 20  # bytes of true slices that a result keeps
SUMS = {"_figures": total("term"), "_halves": total("term", "ring"), "_again": total("term")}


class Judge:
    """Figures of a volume, row by row, the same on any number of ranks.

    make, rays : make(rays) is a method of reconstruction, rays those that it works with
    measured   : the rays of the detector
    halves     : the number of rows of which halves of the projections are compared
    """

    def __init__(self, device, make, rays, measured, height: int, halves: int):
        self.device, self.seen = device, height // 2
        self.half, self.again = Halves(make, rays, height, halves), Reprojection(measured, device, height)
        self.truth, self.largest, self.sinogram = None, 0.0, None

    def knows(self, truth) -> None:
        """truth : a source of the true slices, or None"""
        self.truth = truth
        self.largest = 0.0 if truth is None else float(truth.read(np.array([self.seen])).max())

    def sums(self, rows, measured: tuple, used: tuple, slices, per_metre) -> dict[str, np.ndarray]:
        """What is added up, by name, one entry for each row.

        measured, used : (sinograms, columns of the axis), of the detector, and as the method took them
        slices, per_metre : what it made of them, per px, and the same in the unit of the result
        """
        if self.seen in rows:
            self.sinogram = np.array(self.device.host(measured[0][int(np.flatnonzero(rows == self.seen)[0])]))
        true = None if self.truth is None else self.truth.read(rows)
        return {
            "_figures": quality.sums(self.device.host(per_metre), true),
            "_halves": self.half.sums(*used, rows, self.device.host),
            "_again": self.again.sums(measured[0], slices, measured[1], rows),
        }

    def pictures(self) -> dict[str, Signal]:
        """The sinogram of a row, on the rank that has it; {} on the others."""
        seen = self.sinogram
        if seen is None:
            return {}
        title = f"line integrals, row {self.seen}, every angle"
        axes = {"projection": (np.arange(len(seen)), ""), "column": (np.arange(seen.shape[1]), "px")}
        return {"sinogram": Signal(seen, axes, "", title, "image")}

    def true_slices(self, unit: str) -> dict:
        """Some true slices, evenly over the height, for `nanompi compare A truth`; {} without a truth"""
        if self.truth is None:
            return {}
        height, *sides = self.truth.shape
        n = int(np.clip(KEPT // (4 * sides[0] * sides[1]), 1, height))
        rows = np.arange(n) * height // n + height // (2 * n)
        return {SLICES: (self.truth.read(rows), {"units": unit}), ROWS: rows}

    def finish(self, run, volume, sharp: bool):
        """Figures to log and result, curve and sinogram for pictures, the grades of all steps (collective).

        volume : the data that were made; sharp : does the method leave nothing out by intention?
        """
        sums = {name: run.data.pop(name).values for name in SUMS}
        result, curve = run.result, self.half.curve(sums["_halves"])
        own = quality.figures(sums["_figures"], self.largest)
        own |= explained(sums["_again"], sharp) | quality.of_halves(curve, volume.facts.get("pixel"))
        notes = result.notes.setdefault("tomo", {})
        notes["tomo"] = own
        for step, (grade, reason) in quality.verdicts(notes).items():
            give(run, step, grade, reason)
        run.say("tomo: " + ", ".join(f"{k} {v:.4g}" for k, v in own.items() if isinstance(v, float)))
        for one in run.team.gather(self.pictures()) or ():
            result.pictures |= one
        if curve is not None:
            result.main, result.signals["frc"] = "data", quality.curve_signal(curve)
