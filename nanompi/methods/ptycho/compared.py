"""What `compare` has found of two images, in sentences and as pictures."""

import numpy as np

from nanompi.run.result import Signal


def sentences(found: dict) -> list[str]:
    """Sentences with units of what `compare.compare` gives."""
    name = "agreement" if "agreement_nm" in found else "resolution"
    out = [
        f"phase error {found['phase_rmse']:.3g} rad rms",
        f"half of the {found['pixels']} well-lit pixels are within {found['phase_mad']:.3g} rad",
        f"relative error of the complex image {100 * found['nrmse']:.3g} %",
        f"{name} {_reached(found[f'{name}_nm'], found['to_pixel'])}",
        f"taken off: a shift of {_pair(found['shift_px'])} px (rows, columns), a ramp of "
        f"{_pair(found['ramp_rad_px'])} rad a pixel, a factor of {found['scale']:.4g}",
    ]
    if affine := found.get("affine_removed"):
        out.append(
            f"and an affine part: scale {affine['scale_percent']:.3g} %, rotation "
            f"{affine['rotation_deg']:.3g} deg, stretch {affine['stretch_percent']:.3g} %, shear "
            f"{affine['shear_deg']:.3g} deg"
        )
    if "positions_px" in found:
        out.append(f"refined positions differ by {found['positions_px']:.3g} px rms along each axis")
    return out


def _reached(nm: dict, to_pixel: list[str]) -> str:
    """Half periods down to which the images agree, where the FRC falls, or the pixel where it never does"""
    if len(to_pixel) == len(nm):
        return f"at least {nm['half_bit']:.3g} nm, which is the pixel"
    words = {"half_bit": "where the FRC falls below half a bit", "half": "where it falls below 0.5"}
    parts = [
        f"at least {nm[key]:.3g} nm, the pixel, {how.replace('falls', 'would fall')}"
        if key in to_pixel
        else f"{nm[key]:.3g} nm {how}"
        for key, how in words.items()
    ]
    return ", ".join(parts)


def _pair(values) -> str:
    return f"({', '.join(f'{v:.3g}' for v in values)})"


def pictures(image, reference, mask, pixel, frc: dict) -> dict[str, Signal]:
    """Both phases, their difference, the FRC. image, reference : (H, W) complex, aligned; mask : (H, W)"""
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(mask))
    a, b, seen = image[box], reference[box], mask[box].astype(np.float32)
    axes = {n: (np.arange(s) * p, "m") for n, s, p in zip("yx", a.shape, pixel)}
    turn = a * b.conj()
    d = np.angle(turn * np.exp(-1j * np.angle(turn[mask[box]].sum())))
    curves = np.stack([frc["value"], frc["half_bit"]])
    frequency = {"line": (np.arange(2), ""), "frequency": (np.array(frc["frequency"]), "1/m")}
    return {
        "a": Signal(np.angle(a), axes, "rad", "phase of A", "angle", seen),
        "b": Signal(np.angle(b), axes, "rad", "phase of B", "angle", seen),
        "difference": Signal(d, axes, "rad", "phase of A less that of B", "map", seen),
        "frc": Signal(curves, frequency, "", "Fourier ring correlation, half a bit", "curve"),
    }
