"""What is shown of a reconstruction besides object and probe: curves, frames, their mean."""

import numpy as np

from nanompi.run.result import Marks, Signal
from nanompi.units import show

RINGS, LENGTHS = 3, (1, 2, 5)  # at most so many rings; their half periods in powers of ten


def convergence(history) -> dict[str, Signal]:
    """Deviance over its expectation, of all frames and of those left out, and the R-factor, over the
    iterations, as far as they were computed."""
    out = {}
    names = {"llk": "all frames", "held": "frames left out"}
    shown = {name: words for name, words in names.items() if any(name in row for row in history)}
    if "llk" in shown:
        marks = Marks(tuple(shown.values()), "deviance / expectation", begins(history), aim=1.0)
        title = "convergence: 1 is counting noise alone"
        out["convergence"] = _curves(history, list(shown), title, marks)
    if any("R" in row for row in history):
        out["R"] = _curves(history, ["R"], "R-factor", Marks(("R",), "R", begins(history)))
    return out


def begins(history) -> tuple[tuple[float, str], ...]:
    """(first iteration, name) of each engine"""
    rows = zip([{}, *history], history)
    return tuple(
        (row["iteration"], row["engine"]) for old, row in rows if row.get("engine") != old.get("engine")
    )


def _curves(history, names: list[str], title: str, marks: Marks) -> Signal:
    rows = [row for row in history if any(name in row for name in names)]
    at = np.array([row["iteration"] for row in rows], float)
    values = np.array([[row.get(name, np.nan) for row in rows] for name in names])
    return Signal(values, {"iteration": (at, "")}, "", title, "curve", marks=marks)


def of_frames(evidence, positions: np.ndarray, pixel, centred: bool) -> dict[str, Signal]:
    """Where the frames lie, with their counts and with their misfit; the mean frame.

    evidence : `judge.evidence.Evidence`; positions : (N, 2) m, of all frames; pixel : (2,) m of the object
    centred : the frames are in the far field in FFT order; rings tell what half periods reach them
    """
    where, axes = positions[evidence.index], {}
    counts = Marks(label="counts of a frame", values=evidence["counts"])
    misfit = evidence["deviance"] / np.maximum(evidence["expected"], 1e-30)
    frames = Marks(label="deviance / expectation", values=misfit)
    mean = np.where(evidence.good, evidence.maps[1] / max(1, len(evidence.rows)), np.nan)
    title, marks = f"mean of {len(evidence.rows)} frames", Marks()
    if centred:
        mean, marks = np.fft.fftshift(mean), rings(mean.shape, pixel)
        title += ", rings: half periods"
    return {
        "positions": Signal(where, axes, "m", "counts of the frames", "positions", marks=counts),
        "misfit": Signal(where, axes, "m", "misfit of the frames", "positions", marks=frames),
        "mean_frame": Signal(mean, axes, "counts", title, "frame", marks=marks),
    }


def rings(shape, pixel) -> Marks:
    """Rings on a frame (h, w) of the far field, its middle at (h // 2, w // 2), for round half periods.

    A half period d of the object reaches n p / (2 d) pixels far, n p being the width of the frame's window.
    """
    span, edge = float(np.mean(np.array(shape) * pixel)), min(shape) / 2
    finest = span / (2 * edge)
    power = np.floor(np.log10(finest))
    lengths = [k * 10.0**p for p in (power, power + 1) for k in LENGTHS]
    there = [d for d in lengths if d >= finest * 0.999][:RINGS]
    centre = (shape[0] // 2, shape[1] // 2)
    return Marks(centre=centre, rings=tuple((span / (2 * d), show(d, "m")) for d in there))
