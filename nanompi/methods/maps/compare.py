"""Maps of two results, or of a simulation and its truth, in numbers: `nanompi compare A B`."""

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import at, open_hdf5, unit, whole
from nanompi.run.provenance import doubt
from nanompi.run.result import Signal, result_file

TRUTH = "map_truth"  # of a simulation in a result, below /entry_1: a dataset for each map
SIGMA = 1.96  # standard errors, within which 95 % should be


def keep_truth(run, data) -> None:
    """The true maps of a simulation into the result, where there are some."""
    for name, values in data.beside.get("truth", {}).items():
        run.result.arrays[f"{TRUTH}/{name}"] = np.asarray(values)


def compare(a: str, b: str, names: list[str] | None = None, show: dict | None = None) -> dict:
    """How the maps of one scan differ; `b` is the reference, or "truth", which is stored in `a`.

    a, b : result files or run folders; names : of the maps; all that both have, if not given
    nrmse = |a - b| / |b| over all maps together; of each map rmse, bias = the mean of a - b, and, where `a`
    has errors of it, covered = the part of the points within 1.96 of them. words : the same in sentences
    show : filled with what a picture shows, `Signal`s of the first map by name
    Errors: DataError naming the file.
    """
    one, units = _maps(result_file(a), ""), _units(result_file(a))
    two = _maps(result_file(a), TRUTH) if b == "truth" else _maps(result_file(b), "")
    both = [name for name in (names or two) if name in one and name in two and not name.endswith("_errors")]
    if not both:
        words = "it is no simulation" if b == "truth" else "they were fitted with other elements"
        raise DataError(f"{a} and {b} have no map of the same name; {words}?")
    out, squares, size = {}, 0.0, 0.0
    for name in both:
        p, q = one[name], two[name]
        if p.shape != q.shape:
            raise DataError(f"{name}: {a} has the shape {p.shape}, {b} has {q.shape}")
        fine = np.isfinite(p) & np.isfinite(q)
        if not fine.any():
            raise DataError(f"{name}: no point has a number in both {a} and {b}")
        d = (p - q)[fine]
        squares, size = squares + float(d @ d), size + float(q[fine] @ q[fine])
        out[name] = {
            **({"unit": units[name]} if units.get(name) else {}),
            "mean": float(q[fine].mean()),
            "bias": float(d.mean()),
            "rmse": float(np.sqrt((d @ d) / d.size)),
        }
        if f"{name}_errors" in one:
            sigma = one[f"{name}_errors"][fine]
            out[name]["covered"] = float((abs(d) <= SIGMA * sigma).mean())
    nrmse = float(np.sqrt(squares / size)) if size else float("nan")
    if show is not None:
        show |= _pictures(both[0], one[both[0]], two[both[0]])
    found = {"a": str(a), "b": str(b), "judged": "nrmse", "nrmse": nrmse, "maps": out}
    doubts = {} if b == "truth" else doubt(str(result_file(a)), str(result_file(b)))
    return found | {"words": sentences(found)} | doubts


def sentences(found: dict) -> list[str]:
    """What was found: all maps together, then each in its own unit."""
    out = [f"the maps differ by {100 * found['nrmse']:.3g} % of B, all together"]
    for name, own in found["maps"].items():
        rmse, bias, mean = own["rmse"], own["bias"], own["mean"]
        text = f"{name}: {rmse:.3g} rms, {bias:+.3g} in the mean, of a mean of {mean:.3g}"
        text += f" {own['unit']}" if "unit" in own else ""
        if "covered" in own:
            text += f"; {100 * own['covered']:.3g} % of the points within 1.96 standard errors (95 expected)"
        out.append(text)
    return out


def _pictures(name: str, one: np.ndarray, two: np.ndarray) -> dict[str, Signal]:
    """One map of both, and the difference"""
    if one.ndim != 2:
        return {}
    axes = {axis: (np.arange(n), "px") for axis, n in zip("yx", one.shape)}
    known = {"a": (one, f"{name} of A"), "b": (two, f"{name} of B"), "difference": (one - two, "A less B")}
    return {key: Signal(image, axes, "", title, "map") for key, (image, title) in known.items()}


def _maps(file, group: str) -> dict[str, np.ndarray]:
    """Arrays by name: signals of a result, or the datasets of a group in it"""
    with open_hdf5(str(file)) as opened:
        entry = at(opened, f"entry_1/{group}".rstrip("/"))
        names = [] if entry is None else list(entry)
        places = {name: f"entry_1/{group}/{name}" if group else f"entry_1/{name}/data" for name in names}
        found = {name: at(opened, place) for name, place in places.items()}
        maps = {}
        for name, one in found.items():
            maps |= _parts(name, whole(one)) if getattr(one, "ndim", 9) in (1, 2) else {}
        return maps | ({} if group else _errors(opened, names))


def _parts(name: str, values) -> dict[str, np.ndarray]:
    """A map; of a complex one both parts, each as a map"""
    if values.dtype.kind != "c":
        return {name: values.astype(float)}
    return {f"{name}, real part": values.real, f"{name}, imaginary part": values.imag}


def _errors(opened, names) -> dict[str, np.ndarray]:
    """Standard errors that stand beside maps"""
    found = {name: at(opened, f"entry_1/{name}/data_errors") for name in names}
    return {f"{name}_errors": whole(one).astype(float) for name, one in found.items() if one is not None}


def _units(file) -> dict[str, str]:
    """Units of the signals of a result by name"""
    with open_hdf5(str(file)) as opened:
        entry = at(opened, "entry_1")
        found = {name: at(opened, f"entry_1/{name}/data") for name in entry or ()}
        return {name: unit(one) for name, one in found.items() if hasattr(one, "dtype")}
