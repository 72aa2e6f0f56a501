"""Two volumes of one sample in numbers: `nanompi compare A B`."""

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import at, open_hdf5
from nanompi.methods.tomo.judge import ROWS, SLICES
from nanompi.optics.frc import crossing, curve_of, largest_square, ring_sums
from nanompi.run.provenance import doubt
from nanompi.run.result import Signal, result_file

VOLUME = "entry_1/data/data"
MOST = 64  # slices that are compared by rings


def compare(a: str, b: str, show: dict | None = None) -> dict:
    """How two volumes (z, y, x) of one shape differ, slice by slice; `b` is the reference, or "truth": some
    true slices, which are stored in `a` by a simulation.

    a, b : result files or run folders
    nrmse = |a - b| / |b|; correlation = Re sum a b* / (|a| |b|), both about their means; largest = the
    largest |a - b|: complex values are compared as such. frc: Fourier ring correlation of up to `MOST`
    slices, evenly over the height, in the largest square of the circle;
    falls_px : half a period, px, where it falls below 0.5, 1 where it never does.
    words : the same in sentences; note : are both of one scan?
    slices : how many were compared, of how many, where these were not all
    show : filled with what a picture shows, `Signal`s of the middle slice
    Errors: DataError naming the file and what does not fit.
    """
    files = [result_file(a), result_file(a if b == "truth" else b)]
    with open_hdf5(str(files[0])) as first, open_hdf5(str(files[1])) as second:
        one = _volume(first, files[0])
        two, rows = _true(second, files[1]) if b == "truth" else (_volume(second, files[1]), range(len(one)))
        if (one.shape if b != "truth" else (len(rows), *one.shape[1:])) != two.shape:
            sizes = [" x ".join(map(str, v.shape)) for v in (one, two)]
            what = "true slices" if b == "truth" else "one"
            raise DataError(f"{files[0]} holds a volume of {sizes[0]}, {files[1]} {what} of {sizes[1]}")
        units = [str(volume.attrs.get("units", "")) or "no unit" for volume in (one, two)]
        if units[0] != units[1]:
            other = "its truth" if b == "truth" else files[1]
            raise DataError(f"{files[0]} is in {units[0]}, {other} in {units[1]}")
        found = {"a": str(a), "b": str(b), "unit": units[0], "judged": "nrmse"} | _measures(one, two, rows)
        found |= {"slices": [len(rows), len(one)]} if len(rows) < len(one) else {}
        if show is not None:
            k = len(rows) // 2
            show |= _pictures(one[rows[k]], two[k], found)
    return found | {"words": sentences(found)} | (doubt(*map(str, files)) if b != "truth" else {})


def _true(opened, name) -> tuple:
    """(true slices, their rows in the volume). Errors: DataError where there are none that fit."""
    two, rows = (at(opened, f"entry_1/{place}") for place in (SLICES, ROWS))
    if two is None or rows is None:
        raise DataError(
            f"{name} holds no true slices: it is no simulation (tomo.simulate), or was made before results "
            "kept them; it can be compared with another volume of the same shape: `nanompi compare A B`"
        )
    rows, height = np.asarray(rows[()]).astype(int), len(_volume(opened, name))
    if two.ndim != 3 or rows.shape != two.shape[:1] or not ((rows >= 0) & (rows < height)).all():
        raise DataError(f"{name}: true slices {two.shape} and their rows {rows.shape} do not fit the volume")
    return two, rows.tolist()


def sentences(found: dict) -> list[str]:
    """What was found, with units; why, where a figure is not a number."""
    unit = "" if found["unit"] == "no unit" else f" {found['unit']}"
    near, alike = f"{100 * found['nrmse']:.3g} %", f"{found['correlation']:.6g}"
    near = near if np.isfinite(found["nrmse"]) else "not known (values that are not finite, or B is 0 alone)"
    alike = alike if np.isfinite(found["correlation"]) else "not known (not finite, or all of one value)"
    out = [
        f"relative difference {near}, correlation {alike}",
        f"largest difference {found['largest']:.3g}{unit}, over {found['pixels']} voxels",
    ]
    if "slices" in found:
        out.append("compared: {} of {} slices, those of which the truth is kept".format(*found["slices"]))
    if "falls_px" in found:
        at, fell = found["falls_px"], found["falls_px"] > 1
        out.append(f"slices agree to {at:.3g} px, where the FRC falls below 0.5" if fell
                   else "slices agree to 1 px at least, which is the pixel")  # fmt: skip
    return out


def _pictures(one, two, found: dict) -> dict[str, Signal]:
    """A slice of both, their difference (of complex ones amplitudes), and the FRC"""
    kind = _wide(one, two)
    one, two, apart = _shown(one.astype(kind), two.astype(kind))
    axes = {name: (np.arange(n), "px") for name, n in zip("yx", one.shape)}
    unit = found["unit"].replace("no unit", "")
    out = {
        "a": Signal(one, axes, unit, "middle slice of A", "image"),
        "b": Signal(two, axes, unit, "middle slice of B", "image"),
        "difference": Signal(apart[0], axes, unit, apart[1], "map"),
    }
    if frc := found.get("frc"):
        at = {"frequency": (np.array(frc["frequency"]), "1/px")}
        out["frc"] = Signal(np.array(frc["value"]), at, "", "Fourier ring correlation of slices", "curve")
    return out


def _shown(one, two):
    """(a, b, (their difference, its title))"""
    if one.dtype.kind != "c":
        return one, two, (one - two, "A less B")
    return np.abs(one), np.abs(two), (np.abs(one - two), "|A - B|")


def _volume(opened, name):
    volume = at(opened, VOLUME)
    if volume is None or getattr(volume, "ndim", 0) != 3:
        raise DataError(f"{name} holds no volume ({VOLUME})")
    if volume.dtype.kind not in "biufc":
        raise DataError(f"{name}: {VOLUME} has values of type {volume.dtype}; numbers are needed")
    return volume


def _wide(*volumes):
    """complex128 where one of them is complex, else float64."""
    return np.complex128 if any(v.dtype.kind == "c" for v in volumes) else np.float64


def _measures(one, two, rows) -> dict:
    """Sums over slices, read one by one. rows : of `one`, those of the slices of `two`"""
    box = largest_square(_circle(one.shape[1:]))
    side, kind, largest, rings = box[0].stop - box[0].start, _wide(one, two), 0.0, 0.0
    sums = np.zeros(7, kind)
    seen = set(np.unique(np.linspace(0, len(two) - 1, min(MOST, len(two))).round()).astype(int).tolist())
    for k, z in enumerate(rows):
        p, q = one[z].astype(kind), two[k].astype(kind)
        d = p - q
        sums += p.size, p.sum(), q.sum(), _product(p, p), _product(q, q), _product(p, q), _product(d, d)
        largest = float(np.maximum(largest, np.abs(d).max()))  # NaN stays
        rings = rings + ring_sums(p[box], q[box]) if k in seen and side >= 16 else rings
    whole = side >= 16 and bool(np.isfinite(rings).all())  # a NaN agrees with nothing, at no size
    return _figures(sums, largest) | (_curve(rings, side) if whole else {})


def _figures(sums, largest: float) -> dict:
    """sums : of 1, a, b, |a|², |b|², a b*, |a - b|²"""
    p, q = sums[1:3]
    n, pp, qq, pq, dd = (float(v.real) for v in sums[[0, 3, 4, 5, 6]])
    spread = np.sqrt((pp - abs(p) ** 2 / n) * (qq - abs(q) ** 2 / n))
    return {
        "nrmse": float(np.sqrt(dd / qq)) if qq else float("nan"),
        "correlation": float((pq - (p * q.conj()).real / n) / spread) if spread else float("nan"),
        "largest": largest,
        "pixels": int(n),
    }


def _product(p, q):
    return (p * q.conj()).sum()


def _curve(rings, side: int) -> dict:
    curve = curve_of(rings, side)
    frc = {"frequency": curve.frequency.tolist(), "value": curve.value.tolist()}
    return {"frc": frc, "falls_px": 0.5 / (crossing(curve, 0.5) or 0.5)}


def _circle(shape) -> np.ndarray:
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.hypot(y[:, None], x) <= min(shape) / 2
