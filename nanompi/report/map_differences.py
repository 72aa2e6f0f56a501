"""Maps, patterns, spectra of two results, or of one and its truth, in numbers: `nanompi compare A B`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nanompi.data.data import count
from nanompi.errors import DataError, shown
from nanompi.io.hdf5 import at, hdf5, open_hdf5, text, whole
from nanompi.io.hdf5 import unit as stored_unit
from nanompi.run.provenance import doubt
from nanompi.run.result import OF_EVERY_RESULT, TRUTH, Signal, result_file

SIGMA = 1.96  # standard errors, within which 95 % should be
SLAB = 1 << 22  # values that are compared at once
NOT_COMPARED = {*OF_EVERY_RESULT, TRUTH, "history", "held"}
DRAWN = 1 << 24  # pixels of a map that is drawn


@dataclass(frozen=True)
class Array:
    """An array of a result: a signal, or one part of it. place : (..., k) of the last axis, or None

    axes : (values, unit) of each dimension, None where nothing says where its entries are, by name
    """

    data: object
    errors: object
    unit: str
    axes: dict[str, tuple[np.ndarray, str] | None]
    place: int | None = None
    part: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is compared"""
        return self.data.shape if self.place is None else self.data.shape[:-1]

    def slabs(self, rows: int) -> Iterator[slice]:
        """Parts along the first axis; of no axes one"""
        n = self.shape[0] if self.shape else 1
        return (slice(k, min(n, k + rows)) for k in range(0, n, rows))

    def read(self, cut: slice, errors: bool = False) -> np.ndarray:
        """float64 of some of the first axis; integers stay"""
        data = self.errors if errors else self.data
        index = (cut,) if self.shape else ()
        if self.place is not None:
            index = (*index, ..., self.place) if self.shape else (self.place,)
        values = np.asarray(data[index])
        values = {"real": np.real, "imaginary": np.imag}.get(self.part, np.asarray)(values)
        return np.atleast_1d(values.astype(np.float64))


def compare(a: str, b: str, names: list[str] | None = None, show: dict | None = None) -> dict:
    """How the arrays of two results differ; `b` is the reference, or "truth", which is stored in `a`.

    a, b : result files or run folders; names : of the arrays; all that both have, if not given
    Of each array, in its unit: mean (of b), bias = the mean of a - b, rmse, correlation (about the means),
    largest = the largest |a - b| and at, its place, {axis: (value, unit)}; nrmse = |a - b| / |b|; differ, of
    labels (integers without a unit), the part that is not the same; covered, against the truth and where `a`
    has errors, the part within 1.96 of them; points, of how many entries; lacking, those
    that have a number in one of both alone.
    judged, the name of the figure that a limit is for: nrmse of all together, where all have one unit;
    else largest_nrmse, of the array that differs most (of labels differ takes its place)
    not_compared : {name: why} ; words : the same in sentences
    show : filled with what a picture shows, `Signal`s of the image that differs most
    Errors: DataError naming the file.
    """
    files = result_file(a), result_file(a if b == "truth" else b)
    with open_hdf5(str(files[0])) as first, open_hdf5(str(files[1])) as second:
        one = _arrays(first)
        two = _true(second) if b == "truth" else _arrays(second)
        pairs, left = _pairs(one, two, names, (a, b))
        maps = {name: _measures(one[name], two[name], b == "truth") for name in pairs}
        unknown = {name: "no point has a number in both" for name in pairs if not maps[name]["points"]}
        maps = {name: own for name, own in maps.items() if name not in unknown}
        left |= unknown
        if not maps:
            raise DataError(_nothing(one, two, left, a, b))
        found = {"a": str(a), "b": str(b), **_judged(maps), "maps": maps, "not_compared": left}
        if show is not None:
            show |= _pictures(one, two, maps)
    found["words"] = sentences(found)
    return found | ({} if b == "truth" else doubt(*map(str, files)))


def _pairs(one: dict, two: dict, names, called: tuple[str, str]) -> tuple[list[str], dict[str, str]]:
    """Names of the arrays that are compared, and {name: why not} of the others"""
    left, pairs = {}, []
    for name in names or [*two, *(name for name in one if name not in two)]:
        lack = [
            f"is in {who} alone" for where, who in ((two, called[0]), (one, called[1])) if name not in where
        ]
        lack = [] if called[1] == "truth" and name not in two else lack
        if name in one and name in two:
            p, q = one[name], two[name]
            if p.shape != q.shape:
                lack = [f"{called[0]} has the shape {p.shape}, {called[1]} has {q.shape}"]
            elif p.unit != q.unit and q.unit is not None:
                lack = [
                    f"it is in {p.unit or 'no unit'} in {called[0]}, in {q.unit or 'no unit'} in {called[1]}"
                ]
            else:
                pairs.append(name)
        left |= {name: lack[0]} if lack else {}
    return pairs, left


def _nothing(one: dict, two: dict, left: dict, a: str, b: str) -> str:
    """Why nothing of both can be compared"""
    for name, known in ((a, one), (b, two)) if b != "truth" else ((a, one),):
        if not known:
            return (
                f"{name} holds neither waves nor a volume, nor maps, spectra or patterns, and cannot be "
                "compared; `nanompi rerun` repeats a run and compares all arrays to the bit"
            )
    both = {name: why for name, why in left.items() if name in one and name in two}
    if both:
        return "; ".join(f"{name}: {why}" for name, why in list(both.items())[:3])
    if b == "truth" and two:
        return f"{a} holds the truth of {_listed(two)}, and no result of one of these names: {_listed(one)}"
    if b == "truth":
        return (
            f"{a} holds no truth of maps: it is no simulation, or its steps keep none. Kept are objects (of "
            "`simulate:` and cdi.simulate), some slices (tomo.simulate), counts of elements (xrf.simulate), "
            "strains (xrd.simulate), amounts (xanes.simulate). It can be compared with another result: "
            "`nanompi compare A B`"
        )
    here, there = (_listed(known) for known in (one, two))
    return f"no map of {a} has the name of one of {b}: {here} in the first, {there} in the second"


def _listed(names) -> str:
    names = list(names)
    return ", ".join(shown(name, 40) for name in names[:6]) + (", ..." if names[6:] else "") or "nothing"


def _judged(maps: dict) -> dict:
    """The figure of all arrays that a limit is for; NaN where one of them has none"""
    of = [own for own in maps.values() if "nrmse" in own]
    units = {own.get("unit", "") for own in of}
    if len(of) == len(maps) and (len(of) == 1 or (len(units) == 1 and units != {""})):
        squares, size = (sum(own["points"] * own[key] ** 2 for own in of) for key in ("rmse", "rms"))
        return {"judged": "nrmse", "nrmse": float(np.sqrt(squares / size)) if size else _no_size(squares)}
    largest = float(np.max([_apart(own) for own in maps.values()]))
    return {"judged": "largest_nrmse", "largest_nrmse": largest}


def _apart(own: dict) -> float:
    """nrmse; of labels the part that is not the same"""
    return own.get("nrmse", own.get("differ"))


def _no_size(squares: float) -> float:
    """What stands in place of |a - b| / |b| where b is 0 alone"""
    return float("nan") if squares else 0.0


# ---- what a file holds


def _arrays(file) -> dict[str, Array]:
    """The signals of a result by name, the first that a viewer shows in front"""
    entry = at(file, "entry_1")
    if not isinstance(entry, hdf5().Group):
        return {}
    first, out = text(entry.attrs.get("default", "")), {}
    for name in sorted(entry, key=lambda name: name != first):
        group = None if name in NOT_COMPARED else at(file, f"entry_1/{name}")
        if isinstance(group, hdf5().Group) and text(group.attrs.get("NX_class", "NXdata")) == "NXdata":
            out |= _parts(file, f"entry_1/{name}", name, group)
    return out


def _parts(file, way: str, name: str, group) -> dict[str, Array]:
    """The signal of a group; where its last axis has names, each of these; of complex ones both parts"""
    key = text(group.attrs.get("signal", "data"))
    data = at(file, f"{way}/{key}") if key and "/" not in key else None
    if not isinstance(data, hdf5().Dataset) or data.shape is None or data.dtype.kind not in "biufc":
        return {}
    if not count(data.shape):
        return {}
    errors = at(file, f"{way}/{key}_errors")
    errors = errors if getattr(errors, "shape", None) == data.shape and errors.dtype.kind in "iuf" else None
    axes = _axes(file, way, group, data.shape)
    if data.dtype.kind == "c":
        halves = {f"{name}, {part} part": part for part in ("real", "imaginary")}
        return {full: Array(data, None, _unit(data), axes, part=part) for full, part in halves.items()}
    names = _names(file, way, list(axes)[-1], data.shape[-1]) if axes and data.ndim > 1 else []
    if not names:
        return {name: Array(data, errors, _unit(data), axes)}
    axes = dict(list(axes.items())[:-1])
    return {f"{name} {word}": Array(data, errors, _unit(data), axes, k) for k, word in enumerate(names)}


def _unit(data) -> str:
    """ "" for what has none; tomograms and stacks are written with 1"""
    name = stored_unit(data)
    return "" if name == "1" else name


def _axes(file, way: str, group, shape) -> dict[str, tuple[np.ndarray, str] | None]:
    names = [text(one) for one in np.ravel(group.attrs.get("axes", []))][: len(shape)]
    names += [""] * (len(shape) - len(names))
    for key in group.keys() if len(group) < 100 else ():  # an axis of names is "." in @axes
        k = np.ravel(group.attrs.get(f"{key}_indices", []))
        if len(k) == 1 and 0 <= k[0] < len(shape) and names[int(k[0])] in ("", "."):
            names[int(k[0])] = key
    out: dict = {}
    for k, (name, n) in enumerate(zip(names, shape)):
        known = at(file, f"{way}/{name}") if name not in ("", ".") and "/" not in name else None
        plain = getattr(known, "shape", None) == (n,) and known.dtype.kind in "iuf"
        label = name if name not in ("", ".", *out) else f"axis {k}"
        out[label] = (whole(known).astype(float), stored_unit(known)) if plain else None
    return out


def _names(file, way: str, axis: str, n: int) -> list[str]:
    """The names of the entries of an axis; [] where it has numbers"""
    known = at(file, f"{way}/{axis}")
    if getattr(known, "shape", None) != (n,) or known.dtype.kind not in "OS":
        return []
    names = [shown(text(one), 80) for one in whole(known)]
    return names if len(set(names)) == n else []


def _true(file) -> dict[str, Array]:
    """The true maps of a simulation by name, in the unit of the result"""
    group = at(file, f"entry_1/{TRUTH}")
    known = {name: at(file, f"entry_1/{TRUTH}/{name}") for name in group or ()}
    good = {name: one for name, one in known.items() if getattr(one, "shape", None) is not None}
    return {name: Array(one, None, None, {}) for name, one in good.items() if one.dtype.kind in "biuf"}


# ---- figures


def _measures(one: Array, two: Array, true: bool) -> dict:
    """Figures of an array. true : is `two` the truth, by which errors are judged?"""
    judged = true and one.errors is not None
    sums, largest = np.zeros(9), (-1.0, ())
    width = count(one.shape[1:]) if one.shape else 1
    for cut in one.slabs(max(1, SLAB // max(1, width))):
        p, q = one.read(cut), two.read(cut)
        fine = np.isfinite(p) & np.isfinite(q)
        apart = np.where(fine, np.abs(np.where(fine, p, 0) - np.where(fine, q, 0)), -1)
        k = np.unravel_index(int(apart.argmax()), apart.shape)
        if apart[k] > largest[0]:
            largest = float(apart[k]), (cut.start + int(k[0]), *map(int, k[1:]))
        within = 0.0
        if judged:
            within = float((apart[fine] <= SIGMA * one.read(cut, errors=True)[fine]).sum())
        alone = float((np.isfinite(p) != np.isfinite(q)).sum())
        p, q = p[fine], q[fine]
        d = p - q
        sums += len(d), p.sum(), q.sum(), p @ p, q @ q, p @ q, d @ d, within, alone
    n, a, b, aa, bb, ab, dd, within, alone = map(float, sums)
    out: dict = {"points": int(n)}
    if not n:
        return out
    out |= {"unit": one.unit} if one.unit else {}
    if not one.unit and one.data.dtype.kind in "biu" and two.data.dtype.kind in "biu":
        return out | {"differ": _unlike(one, two) / n}
    spread = [total - own * own / n for total, own in ((aa, a), (bb, b))]
    varies = all(one > 1e-12 * total for one, total in zip(spread, (aa, bb)))
    out |= {"mean": b / n, "bias": (a - b) / n, "rmse": float(np.sqrt(dd / n)), "rms": float(np.sqrt(bb / n))}
    out["nrmse"] = float(np.sqrt(dd / bb)) if bb else _no_size(dd)
    out["correlation"] = (ab - a * b / n) / float(np.sqrt(spread[0] * spread[1])) if varies else float("nan")
    out["largest"], out["at"] = max(largest[0], 0.0), _place(one.axes or two.axes, largest[1])
    out |= {"covered": within / n} if judged else {}
    return out | ({"lacking": int(alone)} if alone else {})


def _unlike(one: Array, two: Array) -> int:
    rows = max(1, SLAB // max(1, count(one.shape[1:])))
    return sum(int((one.read(cut) != two.read(cut)).sum()) for cut in one.slabs(rows))


def _place(axes: dict, index: tuple[int, ...]) -> dict[str, tuple[float, str]]:
    """{axis: (value, unit)} of an entry; its number where nothing says more"""
    names = list(axes) or [f"axis {k}" for k in range(len(index))]
    known = [axes.get(name) for name in names]
    return {
        name: (float(one[0][k]), one[1]) if one else (float(k), "")
        for name, one, k in zip(names, known, index)
    }


# ---- words and pictures


def sentences(found: dict) -> list[str]:
    """What was found: all arrays together, then each in its own unit."""
    maps, worst = found["maps"], found.get("largest_nrmse")
    out = []
    if "nrmse" in found:
        out = [f"the maps differ by {_percent(found['nrmse'])} of B, all together"]
    elif worst:
        name = max(maps, key=lambda name: _order(maps[name]))
        out = [f"{name} differs most: by {_percent(worst)} of B"]
    out += [f"{name}: {_sentence(own)}" for name, own in maps.items()]
    return out + [f"not compared: {name}, {why}" for name, why in found["not_compared"].items()]


def _order(own: dict) -> tuple[bool, float]:
    """By how much an array differs, for the largest of them: most where nobody knows"""
    return _apart(own) != _apart(own), _apart(own)


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %" if value == value else "a part that is not known (B is 0 alone)"


def _sentence(own: dict) -> str:
    if "differ" in own:
        return f"{100 * own['differ']:.3g} % of the labels differ"
    unit = f" {own['unit']}" if "unit" in own else ""
    if not own["rmse"] and "lacking" not in own and "covered" not in own:
        return "the same"
    words = (
        f"{own['rmse']:.3g}{unit} rms, {own['bias']:+.3g} in the mean, of a mean of {own['mean']:.3g}{unit}"
    )
    if own["correlation"] == own["correlation"]:
        words += f"; correlation {own['correlation']:.4g}"
    if own["largest"] and own["at"]:
        where = ", ".join(f"{axis} {value:.6g}{' ' * bool(u)}{u}" for axis, (value, u) in own["at"].items())
        words += f"; at most {own['largest']:.3g}{unit}, at {where}"
    if "covered" in own:
        words += f"; {100 * own['covered']:.3g} % of the points within 1.96 standard errors (95 expected)"
    if "lacking" in own:
        words += f"; {own['lacking']} points have a number in one of both alone"
    return words


def _pictures(one: dict, two: dict, maps: dict) -> dict[str, Signal]:
    """The image that differs most, of both, and the difference; curves where there is no image"""
    for ndim in (2, 1):
        names = [k for k in maps if len(one[k].shape) == ndim and count(one[k].shape) <= DRAWN]
        if names:
            name = max(names, key=lambda k: _order(maps[k]))
            return _drawn(name, one[name], two[name])
    return {}


def _drawn(name: str, one: Array, two: Array) -> dict[str, Signal]:
    p, q = (array.read(slice(None)) for array in (one, two))
    known = list((one.axes or two.axes).items())
    axes = {axis: own or (np.arange(n), "") for (axis, own), n in zip(known, p.shape)}
    if p.ndim == 1:
        axes = {"line": (np.arange(2), ""), **axes}
        return {"both": Signal(np.stack([p, q]), axes, one.unit, f"{name} of A and of B", "curve")}
    if list(axes) != ["y", "x"] or not all(len(v) == n for (v, _), n in zip(axes.values(), p.shape)):
        axes = {axis: (np.arange(n), "px") for axis, n in zip("yx", p.shape)}
    every = {"a": (p, f"{name} of A"), "b": (q, f"{name} of B"), "difference": (p - q, f"{name}, A less B")}
    return {key: Signal(image, axes, one.unit, title, "map") for key, (image, title) in every.items()}
