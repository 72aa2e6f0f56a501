"""Figures of a reconstructed volume, and what they say in words."""

import numpy as np

from nanompi.methods.tomo.halves import resolution
from nanompi.optics.frc import Curve
from nanompi.run.result import Marks, Signal


def sums(slices: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """(k, 4) float64 of (k, y, x) slices: the sum of the negative values, that of the positive ones, and,
    where the truth is known, squares of the difference and the number of pixels.

    truth : (k, y, x), where it is known
    """
    out = np.zeros((len(slices), 4))
    for i, image in enumerate(slices):
        below = image[image < 0].sum(dtype=np.float64)
        out[i, :2] = -below, image.sum(dtype=np.float64) - below
        if truth is not None:
            out[i, 2:] = np.square(image - truth[i], dtype=np.float64).sum(), image.size
    return out


def figures(total: np.ndarray, largest: float) -> dict[str, float]:
    """Figures of a volume from the `sums` of all slices.

    negative : the negative values, of the positive ones. Attenuation is never negative: what a wrong axis,
        missing directions and noise leave beside edges is
    error    : where the truth is known, root mean square of the difference, of the `largest` true value
    """
    negative, positive, squares, pixels = total.tolist()
    own = {"negative": negative / positive if positive else 0.0}
    return own | ({"error": (squares / pixels) ** 0.5 / largest} if largest else {})


def curve_signal(curve: Curve) -> Signal:
    """The Fourier ring correlation with its threshold, for result and pictures."""
    axes = {"curve": (np.arange(2), ""), "frequency": (curve.frequency, "1/px")}
    title = "Fourier ring correlation of halves of the projections, and the half-bit threshold"
    marks = Marks(("correlation", "half a bit"), "Fourier ring correlation")
    return Signal(np.stack([curve.value, curve.half_bit]), axes, "", title, "curve", marks=marks)


def of_halves(curve: Curve | None, pixel: float | None) -> dict[str, float]:
    """resolution : half a period, px, where the correlation falls below half a bit; resolution_nm"""
    if curve is None:
        return {}
    px = resolution(curve)
    return {"resolution_px": px} | ({"resolution_nm": px * pixel * 1e9} if pixel else {})


def verdicts(notes: dict[str, dict]) -> dict[str, tuple[str, str]]:
    """What the steps of a tomogram say of themselves: {step: (grade, reason)}.

    notes : {step: its figures, with "verdict" (a grade of `nanompi.run.verdict`) and "reason"}; "rays" and
    "tomo" are both of the step `tomo`
    """
    said = {name: (own["verdict"], own.get("reason", "")) for name, own in notes.items() if "verdict" in own}
    both = [said.pop(name) for name in ("rays", "tomo") if name in said]
    doubt = "; ".join(reason for grade, reason in both if grade != "good")
    own = {"tomo": ("doubtful", doubt) if doubt else ("good", "")}
    return own | {f"tomo.{name}": one for name, one in said.items()}
