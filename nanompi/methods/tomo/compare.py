"""Two volumes of one sample in numbers: `nanompi compare A B`."""

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import at, open_hdf5
from nanompi.optics.frc import crossing, curve_of, largest_square, ring_sums
from nanompi.run.provenance import doubt
from nanompi.run.result import Signal, result_file

VOLUME = "entry_1/data/data"
MOST = 64  # slices that are compared by rings


def compare(a: str, b: str, show: dict | None = None) -> dict:
    """How two volumes (z, y, x) of one shape differ, slice by slice; `b` is the reference.

    a, b : result files or run folders
    nrmse = |a - b| / |b|; correlation = sum a b / (|a| |b|), both about their means; largest = the largest
    difference; frc: Fourier ring correlation of up to `MOST` slices, evenly over the height, in the largest
    square of the circle; falls_px : half a period, px, where it falls below 0.5, 1 where it never does.
    words : the same in sentences; note : are both of one scan?
    show : filled with what a picture shows, `Signal`s of the middle slice
    Errors: DataError naming the file and what does not fit.
    """
    files = [result_file(name) for name in (a, b)]
    with open_hdf5(str(files[0])) as one, open_hdf5(str(files[1])) as two:
        volumes = [_volume(opened, name) for opened, name in zip((one, two), files)]
        if volumes[0].shape != volumes[1].shape:
            sizes = [" x ".join(map(str, v.shape)) for v in volumes]
            raise DataError(f"{files[0]} holds a volume of {sizes[0]}, {files[1]} one of {sizes[1]}")
        units = [str(volume.attrs.get("units", "")) or "no unit" for volume in volumes]
        if units[0] != units[1]:
            raise DataError(f"{files[0]} is in {units[0]}, {files[1]} in {units[1]}")
        about = {"a": str(a), "b": str(b), "unit": units[0], "judged": "nrmse"}
        found = about | _measures(*volumes)
        if show is not None:
            show |= _pictures(volumes, found)
    return found | {"words": sentences(found)} | doubt(*map(str, files))


def sentences(found: dict) -> list[str]:
    """What was found, with units."""
    unit = "" if found["unit"] == "no unit" else f" {found['unit']}"
    out = [
        f"relative difference {100 * found['nrmse']:.3g} %, correlation {found['correlation']:.6g}",
        f"largest difference {found['largest']:.3g}{unit}, over {found['pixels']} voxels",
    ]
    if "falls_px" in found:
        at, fell = found["falls_px"], found["falls_px"] > 1
        out.append(f"slices agree to {at:.3g} px, where the FRC falls below 0.5" if fell
                   else "slices agree to 1 px at least, which is the pixel")  # fmt: skip
    return out


def _pictures(volumes, found: dict) -> dict[str, Signal]:
    """The middle slice of both, their difference, and the FRC"""
    one, two = (volume[len(volume) // 2].astype(np.float64) for volume in volumes)
    axes = {name: (np.arange(n), "px") for name, n in zip("yx", one.shape)}
    unit = found["unit"].replace("no unit", "")
    out = {
        "a": Signal(one, axes, unit, "middle slice of A", "image"),
        "b": Signal(two, axes, unit, "middle slice of B", "image"),
        "difference": Signal(one - two, axes, unit, "A less B", "map"),
    }
    if frc := found.get("frc"):
        at = {"frequency": (np.array(frc["frequency"]), "1/px")}
        out["frc"] = Signal(np.array(frc["value"]), at, "", "Fourier ring correlation of slices", "curve")
    return out


def _volume(opened, name):
    volume = at(opened, VOLUME)
    if volume is None or getattr(volume, "ndim", 0) != 3:
        raise DataError(f"{name} holds no volume ({VOLUME})")
    return volume


def _measures(one, two) -> dict:
    """Sums over slices, read one by one."""
    box = largest_square(_circle(one.shape[1:]))
    side, sums, largest, rings = box[0].stop - box[0].start, np.zeros(7), 0.0, 0.0
    seen = set(np.unique(np.linspace(0, len(one) - 1, min(MOST, len(one))).round()).astype(int).tolist())
    for z in range(len(one)):
        p, q = (volume[z].astype(np.float64) for volume in (one, two))
        d = p - q
        sums += p.size, p.sum(), q.sum(), (p * p).sum(), (q * q).sum(), (p * q).sum(), (d * d).sum()
        largest = max(largest, float(np.abs(d).max()))
        rings = rings + ring_sums(p[box], q[box]) if z in seen and side >= 16 else rings
    n, p, q, pp, qq, pq, dd = sums.tolist()
    spread = np.sqrt((pp - p * p / n) * (qq - q * q / n))
    out = {
        "nrmse": float(np.sqrt(dd / qq)) if qq else float("nan"),
        "correlation": float((pq - p * q / n) / spread) if spread else float("nan"),
        "largest": largest,
        "pixels": int(n),
    }
    return out | ({} if side < 16 else _curve(rings, side))


def _curve(rings, side: int) -> dict:
    curve = curve_of(rings, side)
    frc = {"frequency": curve.frequency.tolist(), "value": curve.value.tolist()}
    return {"frc": frc, "falls_px": 0.5 / (crossing(curve, 0.5) or 0.5)}


def _circle(shape) -> np.ndarray:
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.hypot(y[:, None], x) <= min(shape) / 2
