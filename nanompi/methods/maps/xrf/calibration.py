"""What the sum spectra of a scan tell: fits of all detectors, for log, notes and verdict."""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.maps.xrf.detectors import (
    SHADOWED,
    Task,
    best_shape,
    brightest,
    other_shape,
    sight,
    width_at,
)
from nanompi.methods.maps.xrf.missing import Leftover, leftovers
from nanompi.methods.maps.xrf.model import Model
from nanompi.methods.maps.xrf.shape import Shape, energies
from nanompi.run.result import Marks, Signal
from nanompi.run.verdict import give

POOR = 50.0  # chi2 of a fit that lacks something
UNSURE = 1.3  # times the score of the best scale: another that is as good
FACTOR, PERCENT = 0.1, 0.005  # parts by which the file's own axis may be off: it is wrong, or it is said


@dataclass(frozen=True)
class Calibration:
    """What the spectra of all detectors tell.

    shapes : of each detector; None of those that are left out; best : number of the brightest
    sight  : (d,) what each sees of the fluorescence that the brightest sees
    rival  : score of the next best scale in scores of the best
    rest   : peaks that are not explained
    """

    shapes: list[Shape | None]
    best: int
    sight: np.ndarray
    rival: float
    rest: list[Leftover]

    @property
    def chi2(self) -> float:
        """Of the worst detector."""
        return max(shape.chi2 for shape in self.shapes if shape)

    def lines(self, task: Task) -> list[str]:
        """For the log: scales, elements, what is not explained."""
        names = self.shapes[self.best].scene.names
        added = [name for name in names if name not in task.names]
        families = f"fitted: {', '.join(names)}" + f"; not named: {', '.join(added)}" * bool(
            added and task.names
        )
        rest = [f"not explained: {one}" for one in self.rest]
        return [_scale(d, shape) for d, shape in enumerate(self.shapes) if shape] + [families, *rest]

    def left_out(self, wanted: np.ndarray) -> str:
        """Which of the detectors that are wanted see nothing of the sample; "" where all do."""
        out = [d for d, shape in enumerate(self.shapes) if shape is None and wanted[d]]
        each = ", ".join(f"{100 * self.sight[d]:.1f} %" for d in out)
        head = f"detector{'s' * (len(out) > 1)} {', '.join(map(str, out))} left out"
        tail = f"of what detector {self.best} sees of the sample; shadowed, or off?"
        return f"{head}: {each} {tail}" if out else ""

    def notes(self, model: Model) -> dict:
        """For the result."""
        kept = [shape for shape in self.shapes if shape]
        return {
            "detectors": [None if s is None else {"chi2": s.chi2, **s.p} for s in self.shapes],
            "sight": self.sight.tolist(),
            "elements": model.elements,
            "counts": {name: float(sum(s.of(name) for s in kept)) for name in model.names},
            "rest": [{"eV": one.at, "counts": one.counts, "names": list(one.names)} for one in self.rest],
        }

    def doubts(self, axis: float) -> list[str]:
        """What is wrong, in words. axis : eV a channel by the file, 0 = it says nothing"""
        own, words = self.shapes[self.best].p["slope"], []
        if axis and abs(axis / own - 1) > FACTOR:
            words.append(
                f"the file's own axis of energies is wrong by a factor {axis / own:.2f}: {axis:.4g} eV "
                f"a channel, where the lines say {own:.4g}; the maps go by the lines"
            )
        if self.chi2 > POOR:
            some = "; ".join(map(str, self.rest[:3]))
            rest = f"; largest peaks that are left: {some}" if some else ""
            words.append(f"the model does not explain the spectra (chi2 {self.chi2:.0f}){rest}")
        if self.rival < UNSURE:
            words.append(
                "another scale of energies explains the spectra nearly as well: is the energy of the beam "
                f"{self.shapes[self.best].scene.energy / 1e3:.4g} keV? Else give `start: {{slope: ...}}`"
            )
        return words


def _scale(d: int, shape: Shape) -> str:
    p = shape.p
    return (
        f"detector {d}: {p['slope']:.4f} eV a channel, channel 0 at {p['offset']:.1f} eV, peaks "
        f"{width_at(p, 5.9e3):.0f} eV wide at 5.9 keV, chi2 {shape.chi2:.2f}"
    )


def calibrated(team, sums: np.ndarray, wanted: np.ndarray, task: Task) -> Calibration:
    """Fits of all detectors, shared out over the ranks (collective).

    sums : (d, channels) counts of the scan; wanted : (d,) bool. Errors: DataError, NumbersError.
    """
    best = brightest(sums, wanted)
    first, rival = team.on_root(lambda: best_shape(sums[best], task))
    others = [d for d in np.flatnonzero(wanted).tolist() if d != best]
    own = {d: other_shape(sums[d], first, task) for d in others[team.rank :: team.size]}
    every = {best: first} | {d: shape for part in team.allgather(own) for d, shape in part.items()}
    shapes = [every.get(d) for d in range(len(sums))]
    seen = sight(shapes, best)
    kept = [shape if seen[d] >= SHADOWED else None for d, shape in enumerate(shapes)]
    return Calibration(kept, best, seen, rival, leftovers(first))


def judge(run, name: str, found: Calibration, axis) -> None:
    """The verdict of a step. axis : (values eV, unit) of the channels as the file has them, or None"""
    values = np.asarray(axis[0], float) if axis else np.zeros(1)
    own = float(np.median(np.diff(values))) if len(values) > 1 else 0.0
    factor = own / found.shapes[found.best].p["slope"] if own > 0 else 1.0
    if PERCENT < abs(factor - 1) <= FACTOR:
        run.say(f"{name}: the file's own axis is off by {100 * (factor - 1):+.1f} %; it is not used")
    words = found.doubts(own)
    names = list(dict.fromkeys(one.names[0] for one in found.rest if one.names))
    paste = f"elements: [..., {', '.join(names)}]" if names and found.chi2 > POOR else ""
    grade = "doubtful" if words else "good"
    figures = {"chi2": round(found.chi2, 3), "axis_factor": round(factor, 4)}
    give(run, name, grade, "; ".join(words), paste, **figures)


def picture(shape: Shape, d: int) -> Signal:
    """Counts and fit over energies."""
    both, title = np.stack([shape.counts, shape.model]), f"spectrum of detector {d} and its fit"
    axes = {"energy": (energies(shape) / 1e3, "keV")}
    return Signal(both, axes, "counts", title, "spectrum", marks=Marks(("counts", "fit")))
