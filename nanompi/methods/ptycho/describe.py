"""What a scan says of itself, in readable units, for `nanompi inspect`."""

import numpy as np

from nanompi.errors import NanompiError
from nanompi.optics.geometry import energy_of
from nanompi.units import show


def described(scan) -> list[tuple[str, str]]:
    """[(name, text)] of a scan, in readable units."""
    n, rows, columns = scan.source.shape
    size = n * rows * columns * scan.source.dtype.itemsize
    out = [
        ("file", scan.file or "(none: simulated)"),
        ("format", scan.format),
        ("frames", f"{n} of {rows} x {columns} px, {scan.source.dtype}, {show(size, 'B')} of counts"),
        ("wavelength", f"{show(scan.wavelength, 'm')} ({show(energy_of(scan.wavelength), 'J')})"),
        ("distance", show(scan.distance, "m")),
        ("pixel", " x ".join(show(p, "m") for p in scan.pixel) + " (rows x columns)"),
        ("positions", _area(scan.positions)),
    ]
    if scan.focus is not None:
        out.append(("focus", show(scan.focus, "m") + " before the sample (near field)"))
    if scan.mask is not None:
        out.append(("mask", f"{100 * (1 - scan.mask.mean()):.3g} % of the pixels are bad"))
    out += [
        (name, _array(getattr(scan, name)))
        for name in ("monitor", "dark", "probe", "object")
        if _has(scan, name)
    ]
    return out + [("note", note) for note in scan.notes] + [("data", line) for line in _health(scan)]


def _health(scan) -> list[str]:
    """What a sample of frames shows to be wrong with the counts, as the preparation would mask them."""
    from nanompi.methods.ptycho.prepare.health import beam_lines, lines
    from nanompi.methods.ptycho.prepare.step import Prepare, make_plan

    try:
        return lines(make_plan(Prepare(), scan).notes["data"]) + beam_lines(scan)
    except NanompiError as error:
        return [f"`ptycho.prepare` needs parameters: {error}"]


def _has(scan, name: str) -> bool:
    return getattr(scan, name) is not None


def _array(a) -> str:
    return f"{' x '.join(map(str, a.shape))} {a.dtype}"


def _area(positions: np.ndarray) -> str:
    spans = [show(float(s), "m") for s in positions.max(axis=0) - positions.min(axis=0)]
    return f"{len(positions)} over {spans[0]} x {spans[1]} (rows x columns)"
