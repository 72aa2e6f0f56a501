"""Two results of one sample, or a result and its own truth, in numbers: `nanompi compare A B`."""

import numpy as np

from nanompi.errors import DataError
from nanompi.former import load_result

PLAIN = ("object", "probe", "pixel", "corners", "weight")
LEAST = 400  # px of common well-lit area below which no number means anything


def compare(a: str, b: str) -> dict:
    """Align object `a` onto `b` (shift, ramp, complex scale); measure how they differ where well lit.

    a, b : result files or run folders; b = "truth" takes the truth of the simulation that is stored in `a`
    Returns a JSON-able dict: phase_rmse, phase_mad [rad]; nrmse = |a - b| / |b|; shift_px, ramp_rad_px,
    scale; pixels; frc {frequency [1/m], value, half_bit}; resolution_nm {"half", "half_bit"}: half periods
    where the FRC falls below 0.5 and below the half-bit curve; "to_pixel" names those which never fall (then
    it is the pixel size).
    Errors: DataError naming the file and what does not fit.
    """
    one = load_result(a, only=(*PLAIN, "truth_object", "truth_corners"))
    two = _truth(one, a) if b == "truth" else load_result(b, only=PLAIN)
    pixel = _same_pixel(one, two, a, b)
    image, weight = _onto(one, two)
    mask = _common(weight, illumination(two) if "probe" in two else None)
    if mask.sum() < LEAST:
        raise DataError(f"{a} and {b} share {mask.sum()} well-lit pixels only; at least {LEAST} are needed")
    from nanompi.optics.align import align

    found = align(image, two["object"], mask)
    return {
        "a": str(a),
        "b": str(b),
        **measures(found.image, two["object"], mask),
        "shift_px": found.shift.tolist(),
        "ramp_rad_px": found.ramp.tolist(),
        "scale": abs(found.scale),
        **_frc(found.image, two["object"], mask, pixel),
    }


def measures(image: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> dict:
    """Phase error [rad] and relative complex error of aligned images; safe with phase wraps.

    d = arg(image reference*) about its circular mean; phase_rmse = sqrt(mean d²), phase_mad = median |d|
    """
    turn = (image * reference.conj())[mask]
    d = np.angle(turn / np.maximum(np.abs(turn), 1e-30))
    d = np.angle(np.exp(1j * (d - np.angle(np.exp(1j * d).mean()))))
    difference = (image - reference)[mask]
    return {
        "phase_rmse": float(np.sqrt(np.mean(d**2))),
        "phase_mad": float(np.median(np.abs(d))),
        "nrmse": float(np.linalg.norm(difference) / np.linalg.norm(reference[mask])),
        "pixels": int(mask.sum()),
    }


def _truth(one: dict, name: str) -> dict:
    if "truth_object" not in one:
        raise DataError(f"{name}: no truth is stored in it; only results of simulated scans hold one")
    corners = one.get("truth_corners", one["corners"])
    return {"object": one["truth_object"], "pixel": one["pixel"], "corners": corners}


def _same_pixel(one: dict, two: dict, a: str, b: str) -> float:
    """Pixel size in metres (mean of both directions); results on different grids are refused."""
    p, q = np.ravel(one["pixel"]), np.ravel(two["pixel"])
    if np.abs(p / q - 1).max() > 1e-3:
        raise DataError(
            f"the pixels differ: {p[0] * 1e9:.4g} nm in {a}, {q[0] * 1e9:.4g} nm in {b}. "
            "Reconstruct both with the same frame size, wavelength and distance"
        )
    return float(p.mean())


def _onto(one: dict, two: dict) -> tuple[np.ndarray, np.ndarray]:
    """Object and illumination of `one` on the grid of `two`, by the corners of the frames, to a whole px."""
    from nanompi.optics.align import placed

    if len(one["corners"]) == len(two["corners"]):
        offset = np.median(two["corners"] - one["corners"], axis=0)
    else:  # other scans of the same sample, or part of the frames: middle onto middle
        offset = (np.array(two["object"].shape[-2:]) - one["object"].shape[-2:]) / 2
    corner = tuple(int(v) for v in np.rint(offset))
    shape = two["object"].shape
    return placed(one["object"], shape, corner), placed(illumination(one), shape, corner, fill=0)


def illumination(result: dict) -> np.ndarray:
    """(H, W) float: the probe's intensity summed over the scan; as stored, or from probe and corners."""
    if "weight" in result:
        return np.asarray(result["weight"], float)
    power = (np.abs(result["probe"]) ** 2).sum(0)
    out = np.zeros(result["object"].shape)
    h, w = power.shape
    for y, x in np.rint(result["corners"]).astype(int):
        out[y : y + h, x : x + w] += power
    return out


def _common(one: np.ndarray, two: np.ndarray | None) -> np.ndarray:
    from nanompi.optics.align import well_lit

    mask = well_lit(one)
    return mask if two is None else mask & well_lit(two)


def _frc(image, reference, mask, pixel: float) -> dict:
    from nanompi.optics.frc import crossing, frc

    try:
        curve = frc(image, reference, mask)
    except ValueError as e:
        raise DataError(str(e)) from e
    cut = {"half": crossing(curve, 0.5), "half_bit": crossing(curve, curve.half_bit)}
    return {
        "frc": {
            "frequency": (curve.frequency / pixel).tolist(),
            "value": curve.value.tolist(),
            "half_bit": curve.half_bit.tolist(),
        },
        "resolution_nm": {k: 0.5 / (f or 0.5) * pixel * 1e9 for k, f in cut.items()},
        "to_pixel": [k for k, f in cut.items() if f is None],
    }
