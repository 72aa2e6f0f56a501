"""Two results of one sample, or a result and its own truth, in numbers: `nanompi compare A B`."""

from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import foreign
from nanompi.methods.ptycho.compared import pictures, sentences
from nanompi.methods.ptycho.earlier_result import is_result, load_result
from nanompi.methods.ptycho.wave import Wave, object_on_grid, read_wave
from nanompi.optics.resample import resampled

PLAIN = ("object", "probe", "pixel", "corners", "corner", "weight", "measured", "refined", "fingerprint")
TRUTH = ("truth_object", "truth_probe", "truth_corners", "truth_pixel", "truth_frame")
LEAST = 400  # px of common well-lit area below which no number means anything
SAME_PIXEL = 1e-6  # relative; beyond, the grids part by more than 0.01 px over 10,000
BETTER = 0.8  # phase error that remains where an affine part is removed: else it stays
LARGEST = 0.05  # of its numbers: what is further off is another geometry, and no chance
AGREEMENT = "agreement of two reconstructions of the same data, not a resolution"


def compare(a: str, b: str, show: dict | None = None) -> dict:
    """Align object `a` onto `b` (shift, ramp, complex scale); measure how they differ where well lit.

    a, b : result files or run folders, also of other programs (`ptycho.wave`: without places, so that
    the middles are laid on each other); b = "truth" takes the truth of the simulation that is stored in `a`,
    resampled to the pixel of the result. Of results with different pixels `a` is resampled to that of `b`.
    An affine part (scale, rotation, stretch, shear) is removed where the images then agree clearly better:
    positions contain one by chance. It is told as "affine_removed". positions_px tells how refined positions
    differ, less such a part.
    Returns a JSON-able dict: judged, the name of the figure that a limit is for; phase_rmse, phase_mad
    [rad]; nrmse = |a - b| / |b|; shift_px, ramp_rad_px, scale; pixels; frc {frequency [1/m], value,
    half_bit}; resolution_nm {"half", "half_bit"}: half periods where the FRC falls below 0.5 and below
    the half-bit curve; "to_pixel" names those which never fall (then it is the pixel size). Of two
    results of the same frames the curve is no resolution, since they share the noise: it is then called
    agreement_nm, and "note" says so. words : the same in sentences
    show : filled with what a picture shows of it, `Signal`s by name
    Errors: DataError naming the file and what does not fit.
    """
    with foreign(f"{a} and {b}"):
        found = _compared(a, b, show)
        return found | {"words": sentences(found)}


def _compared(a: str, b: str, show: dict | None) -> dict:
    one = _loaded(a, (*PLAIN, *TRUTH))
    two = _truth(one, a) if b == "truth" else _loaded(b, PLAIN)
    one = one if b == "truth" else _on_pixel_of(one, two, a, b)
    image, weight = _onto(one, two)
    mask = _common(weight, illumination(two) if "probe" in two else None)
    if mask.sum() < LEAST:
        raise DataError(f"{a} and {b} share {mask.sum()} well-lit pixels only; at least {LEAST} are needed")
    from nanompi.optics.align import align

    placed = all("corners" in r for r in (one, two))
    found = align(image, two["object"], mask, **({} if placed else {"reach": max(image.shape) / 4}))
    found = _less_affine(found, two["object"], mask)
    same = b != "truth" and same_frames(one, two)
    pixel = np.ravel(two["pixel"])
    curve = _frc(found.image, two["object"], mask, pixel, "agreement" if same else "resolution")
    if show is not None:
        show |= pictures(found.image, two["object"], mask, pixel, curve["frc"])
    return {
        "a": str(a),
        "b": str(b),
        "judged": "phase_rmse",
        **measures(found.image, two["object"], mask),
        "shift_px": found.shift.tolist(),
        "ramp_rad_px": found.ramp.tolist(),
        "scale": abs(found.scale),
        **_affine_words(found),
        **_positions(one, one if b == "truth" else two, b == "truth"),
        **curve,
        **({"note": f"the FRC is an {AGREEMENT}"} if same else {}),
    }


def _less_affine(found, reference, mask):
    """The alignment with an affine part removed, too, where the images agree clearly better then."""
    from nanompi.optics.align import stretched

    more = stretched(found, reference, mask)
    before, after = (measures(a.image, reference, mask)["phase_rmse"] for a in (found, more))
    large = np.abs(more.affine).max() > LARGEST or not np.isfinite(after)
    return more if after < BETTER * before and not large else found


def _affine_words(found) -> dict:
    """The affine part that was removed: {} where none was"""
    (yy, yx), (xy, xx) = found.affine
    if not found.affine.any():
        return {}
    parts = {"scale_percent": 50 * (yy + xx), "rotation_deg": float(np.degrees(xy - yx) / 2)}
    parts |= {"stretch_percent": 100 * (yy - xx), "shear_deg": float(np.degrees(xy + yx) / 2)}
    return {"affine_removed": {name: float(value) for name, value in parts.items()}}


def _positions(one: dict, two: dict, truth: bool) -> dict:
    """{positions_px: rms along each axis by which refined positions differ from the other's, or from the true
    ones, less an affine part}; {} where they are not of the same frames."""
    other = two.get("truth_corners") if truth else two.get("refined")
    if "refined" not in one or other is None or len(other) != len(one["refined"]):
        return {}
    from nanompi.methods.ptycho.refine.affine import without

    pixel = np.ravel(two["pixel"])
    other = other * np.ravel(one["truth_pixel"]) / pixel if truth and "truth_pixel" in one else other
    there = other if truth else other / pixel
    rest = without(there, one["refined"] / pixel - there)
    return {"positions_px": float(np.sqrt((rest**2).mean()))}


def _loaded(name: str, only) -> dict:
    """A result of this program, or object and pixel out of another's. Errors: DataError."""
    if is_result(name) or not Path(name).is_file():
        return load_result(name, only=only)
    wave = read_wave(name, "object")
    if wave.pixel is None:
        raise DataError(
            f"{wave.where}: the file does not say the size of a pixel, so that it cannot be compared"
        )
    return {"object": wave.data[0], "pixel": wave.pixel, "wave": wave}


def same_frames(one: dict, two: dict) -> bool:
    """Did both see frames of the same scan at the same places? Halves of one scan did not."""
    if not all("measured" in r for r in (one, two)):
        return False
    marks = [r.get("fingerprint") for r in (one, two)]
    if all(marks) and marks[0] != marks[1]:
        return False
    shared = set(map(tuple, one["measured"])) & set(map(tuple, two["measured"]))
    return len(shared) > 0.1 * min(len(one["measured"]), len(two["measured"]))


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
    """The truth on the grid of the result: the middle of a frame, pixel n // 2, is one place in both."""
    if "truth_object" not in one:
        raise DataError(f"{name}: no truth is stored in it; only results of simulated scans hold one")
    corners, frame = one.get("truth_corners", one["corners"]), np.array(one["probe"].shape[-2:])
    if corners.shape != one["corners"].shape:
        raise DataError(
            f"{name}: its truth has {len(corners)} corners for {len(one['corners'])} frames; the result "
            "cannot be laid over it"
        )
    pixel, known = _grid_of_truth(one, name)
    step = np.ravel(one["pixel"]) / pixel
    start = np.median(corners + known // 2 - (one["corners"] + frame // 2) * step, axis=0)
    if np.abs(step - 1).max() <= SAME_PIXEL:
        return {"object": one["truth_object"], "pixel": one["pixel"], "corners": one["corners"] + start}
    found = resampled(one["truth_object"], start, step, one["object"].shape)
    return {"object": found, "pixel": one["pixel"], "corners": one["corners"]}


def _grid_of_truth(one: dict, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(pixel (2,) m, shape of a frame) of the truth; those of the result where an older file says neither."""
    frame = np.array(one["probe"].shape[-2:])
    if "truth_pixel" in one and "truth_frame" in one:
        return np.ravel(one["truth_pixel"]), np.ravel(one["truth_frame"])
    if "truth_probe" in one and (frame != one["truth_probe"].shape[-2:]).any():
        raise DataError(
            f"{name}: the truth is of frames of {' x '.join(map(str, one['truth_probe'].shape[-2:]))}, the "
            f"result of {' x '.join(map(str, frame))}, and the pixel of the truth is not in the file; run it "
            "again with this version"
        )
    return np.ravel(one["pixel"]), frame


def _on_pixel_of(one: dict, two: dict, a: str, b: str) -> dict:
    """Result `one` with object and illumination on the pixel of `two`, both told by their place in metres.

    Errors: DataError where that is not known.
    """
    p, q = np.ravel(one["pixel"]), np.ravel(two["pixel"])
    if np.abs(p / q - 1).max() <= SAME_PIXEL:
        return one
    if "wave" in one or "wave" in two:  # middle on middle, since one of them has no places
        old = Wave(one["object"][None], p, a)
        moved = {"object": object_on_grid(old, q, two["object"].shape), "pixel": two["pixel"]}
        start = [
            (m - 1) / 2 - (n - 1) / 2 * d for m, n, d in zip(one["object"].shape, two["object"].shape, q / p)
        ]
        light = resampled(illumination(one), start, q / p, two["object"].shape)
        moved["weight"] = np.maximum(light, 0) * _inside(
            one["object"].shape, start, q / p, two["object"].shape
        )
        return {k: v for k, v in one.items() if k != "corners"} | moved
    if not all("corner" in r and "probe" in r for r in (one, two)):
        raise DataError(
            f"the pixels differ: {p[0] * 1e9:.4g} nm in {a}, {q[0] * 1e9:.4g} nm in {b}, and where the "
            "objects lie is not in both files. Reconstruct both with the same frame size, wavelength and "
            "distance"
        )
    middles = [np.array(r["probe"].shape[-2:]) // 2 for r in (one, two)]
    start = (two["corner"] - one["corner"] - middles[1] * q) / p + middles[0]
    shape = two["object"].shape
    moved = {"object": resampled(one["object"], start, q / p, shape)}
    moved["weight"] = np.maximum(resampled(illumination(one), start, q / p, shape), 0)
    inside = _inside(one["object"].shape, start, q / p, shape)
    moved["weight"] *= inside
    return {**one, **moved, "pixel": two["pixel"], "corners": two["corners"]}


def _inside(old, start, step, shape) -> np.ndarray:
    """(H, W) bool: where the new grid lies within the old one."""
    y, x = ((a + d * np.arange(n) >= 0) & (a + d * np.arange(n) <= m - 1)
            for a, d, n, m in zip(start, step, shape, old))  # fmt: skip
    return y[:, None] & x


def _onto(one: dict, two: dict) -> tuple[np.ndarray, np.ndarray]:
    """Object and illumination of `one` on the grid of `two`, by the corners of the frames, to a whole px."""
    from nanompi.optics.align import placed

    if len(one.get("corners", "")) == len(two.get("corners", "")) > 0:
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
    if "probe" not in result:  # of another program
        return np.ones(result["object"].shape)
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


def _frc(image, reference, mask, pixel: np.ndarray, name: str) -> dict:
    """name : what the half periods are, "resolution" or "agreement"."""
    from nanompi.optics.frc import crossing, frc

    try:
        curve = frc(image, reference, mask, tuple(pixel))
    except ValueError as e:
        raise DataError(str(e)) from e
    cut, coarse = {"half": crossing(curve, 0.5), "half_bit": crossing(curve, curve.half_bit)}, max(pixel)
    return {
        "frc": {
            "frequency": (curve.frequency / coarse).tolist(),
            "value": curve.value.tolist(),
            "half_bit": curve.half_bit.tolist(),
        },
        f"{name}_nm": {k: float(0.5 / (f or 0.5) * coarse * 1e9) for k, f in cut.items()},
        "to_pixel": [k for k, f in cut.items() if f is None],
    }
