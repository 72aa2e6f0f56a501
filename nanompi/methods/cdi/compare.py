"""Two images of `cdi`, or an image and its truth, in numbers: `nanompi compare A B`."""

import numpy as np

from nanompi.errors import DataError, NanompiError
from nanompi.io.hdf5 import at, foreign, open_hdf5
from nanompi.methods.cdi.align import align
from nanompi.run.result import Signal, result_file

PLACE, TRUTH = "entry_1/image_1/data", "entry_1/truth/object"


def is_result(path: str) -> bool:
    """Is it a result of the step `cdi`?"""
    try:
        with open_hdf5(str(result_file(path))) as f:
            return at(f, "entry_1/process_1/cdi") is not None and at(f, PLACE) is not None
    except NanompiError:
        return False


def error_of(image: np.ndarray, truth: np.ndarray, threads: int = 1) -> float:
    """|c image - truth| / |truth|, the image moved, turned in phase, scaled, and its twin taken if nearer."""
    return _error(align(image.astype(np.complex64), truth.astype(np.complex64), threads).image, truth)


def _error(found: np.ndarray, truth: np.ndarray) -> float:
    """The same of an image that lies on the truth"""
    scale = np.vdot(found, truth).real / max(np.vdot(found, found).real, 1e-300)
    return float(np.linalg.norm(found * np.float32(scale) - truth) / np.linalg.norm(truth))


def compare(a: str, b: str, show: dict | None = None) -> dict:
    """Lay image `a` onto `b`: nrmse = |a - b| / |b|, agreement, shift_px, twin (0 or 1).

    a, b : result files or run folders; b = "truth" takes that of the simulation stored in `a`
    show : filled with what a picture shows. Errors: DataError naming the file.
    """
    with foreign(f"{a} and {b}"):
        one, two = _read(a, PLACE), _read(a if b == "truth" else b, TRUTH if b == "truth" else PLACE)
    if one.ndim != two.ndim:
        raise DataError(f"{a} has {one.ndim} axes, {b} has {two.ndim}")
    one, two = _padded(one, two)
    fit = align(one, two)
    out = {
        "judged": "nrmse",
        "nrmse": _error(fit.image, two),
        "agreement": fit.agreement,
        "shift_px": [float(s) for s in fit.shift],
        "twin": int(fit.twin),
    }
    if show is not None:
        show |= _pictures(fit.image, two)
    place = ", ".join(f"{s:.2f}" for s in fit.shift)
    twin = ", as its twin" * fit.twin
    out["words"] = [f"nrmse {out['nrmse']:.4f}, agreement {fit.agreement:.4f}; moved by ({place}) px{twin}"]
    return out


def _read(name: str, place: str) -> np.ndarray:
    file = result_file(name)
    with open_hdf5(str(file)) as f:
        found = at(f, place)
        if found is None:
            raise DataError(f"{file} has no {place}: it is no image of cdi, or no simulation")
        return np.asarray(found[()], np.complex64)


def _padded(*images: np.ndarray) -> list[np.ndarray]:
    """Images in the middle of arrays of one shape, 0 around them."""
    shape, out = [max(sizes) for sizes in zip(*(one.shape for one in images))], []
    for one in images:
        whole = np.zeros(shape, np.complex64)
        corner = [(n - m) // 2 for n, m in zip(shape, one.shape)]
        whole[tuple(slice(c, c + m) for c, m in zip(corner, one.shape))] = one
        out.append(whole)
    return out


def _pictures(one: np.ndarray, two: np.ndarray) -> dict[str, Signal]:
    while one.ndim > 2:
        one, two = one[len(one) // 2], two[len(two) // 2]
    both = {"a": (one, "amplitude of A"), "b": (two, "amplitude of B")}
    out = {name: Signal(np.abs(image), {}, "", title, "image") for name, (image, title) in both.items()}
    return out | {"difference": Signal(np.abs(one - two), {}, "", "|A - B|", "map")}
