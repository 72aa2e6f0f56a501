"""Checks whether a scan is possible: frames, positions, geometry, start arrays; one place for all readers.

Each refusal says the number, what is allowed and what to write.
"""

from dataclasses import replace

import numpy as np

from nanompi.errors import DataError
from nanompi.io.quantities import HC, given_energy
from nanompi.methods.ptycho.left_out import shown
from nanompi.methods.ptycho.positions import LARGEST
from nanompi.methods.ptycho.scan import WANTED, Scan
from nanompi.optics.geometry import Geometry
from nanompi.units import show

WAVELENGTH = (1e-13, 1e-7)  # m
DISTANCE = (1e-3, 100.0)
PIXEL = (1e-7, 1e-3)
SPAN = (1e-9, 0.1)  # m, of the positions
ROUNDING = 1e-5  # relative: what a value in single precision, or of six digits, may differ by
VARIES = 0.05  # relative change of the monitor that is told
SAMPLED = 5  # frames looked at for NaN and negative counts


def override(scan: Scan, given) -> Scan:
    """The values of the input section replace those of the file; where they differ both are noted."""
    new = {"wavelength": given.wavelength or (given_energy(given.energy) if given.energy else None)}
    new |= {"distance": given.known_distance, "focus": given.focus}
    new["pixel"] = None if given.pixel is None else (given.pixel, given.pixel)
    new["gain"] = None if given.gain == "auto" else given.gain
    notes = list(scan.notes)
    for name, value in new.items():
        old = getattr(scan, name)
        if value is not None and old is not None and np.all(np.isfinite(old)) and _differ(old, value):
            notes.append(f"{name}: {_text(value)} of the job replaces {_text(old)} of the file")
    if given.wavelength and given.energy and _differ(HC / given.energy, given.wavelength):
        notes.append(
            f"warning: wavelength and energy of the job disagree ({_text(given.wavelength)} and "
            f"{_text(HC / given.energy)}); the wavelength is used"
        )
    sought = given.distance == "auto"
    return replace(
        scan, notes=notes, distance_sought=sought, **{k: v for k, v in new.items() if v is not None}
    )


def _differ(old, new) -> bool:
    """By more than rounding; relative, since lengths are of any size."""
    old, new = np.broadcast_arrays(np.asarray(old, float), np.asarray(new, float))
    return bool((np.abs(new - old) > ROUNDING * np.abs(old)).any())


def _text(value) -> str:
    """A length, or (row, column) lengths where these differ."""
    return " x ".join(show(v, "m") for v in dict.fromkeys(np.ravel(value).tolist()))


def guard(scan: Scan) -> Scan:
    """The scan with what was noticed in its notes. Errors: DataError."""
    check_frames(scan)
    check_positions(scan)
    check_geometry(scan)
    check_extent(scan)
    check_arrays(scan)
    scan.notes.extend(counts_noticed(scan))
    return scan


def check_frames(scan: Scan) -> None:
    """Shape and type of the frames."""
    shape, dtype = scan.source.shape, np.dtype(scan.source.dtype)
    if len(shape) != 3 or min(shape) < 1:
        raise DataError(
            f"{scan.file}: the frames have the shape {tuple(shape)}; (frames, rows, columns) is needed"
        )
    if min(shape[1:]) < 8:
        raise DataError(
            f"{scan.file}: frames of {shape[1]} x {shape[2]} pixels; at least 8 x 8 are needed. Is the order "
            "of the dimensions (frames, rows, columns)?"
        )
    if dtype.kind not in "iuf":
        raise DataError(f"{scan.file}: the frames are of type {dtype}; integers or real numbers are needed")


def check_positions(scan: Scan) -> None:
    """As many positions as frames, finite, apart, of a size that a scan can have."""
    p, n = scan.positions, scan.source.shape[0]
    if p.ndim != 2 or p.shape[1] != 2:
        raise DataError(f"{scan.file}: the positions have the shape {p.shape}; (frames, 2) is needed")
    if len(p) != n:
        lost = "frames" if n < len(p) else "positions"
        turned = len(p) == scan.source.shape[2]
        hint = "; or is the order of the frames' dimensions not (frames, rows, columns)?" if turned else ""
        raise DataError(
            f"{scan.file}: missing {lost}: {n} frames and {len(p)} positions; when the first ones belong "
            f'together write `select: "0:{min(n, len(p))}"` in the input section' + hint
        )
    bad = np.flatnonzero(~np.isfinite(p).all(1))
    if len(bad):
        numbers = bad if scan.numbers is None else scan.numbers[bad]
        raise DataError(
            f"{scan.file}: {len(bad)} of {n} positions are not finite, first that of frame {numbers[0]}: NaN "
            "or infinite in the file, or never written. Leave these frames out by `select: {without: ["
            f"{shown(numbers)}]}}` in the input section, or repair the file"
        )
    check_span(scan, p)


def check_span(scan: Scan, p: np.ndarray) -> None:
    """Neither one place nor decimetres."""
    span = float(np.ptp(p, axis=0).max())
    if len(p) > 1 and span == 0:
        raise DataError(
            f"{scan.file}: all {len(p)} positions are equal; is this the dataset of the moving motor?"
        )
    if len(p) > 1 and not SPAN[0] <= span <= SPAN[1]:
        raise DataError(
            f"{scan.file}: the positions span {show(span, 'm')}; {show(SPAN[0], 'm')} to "
            f"{show(SPAN[1], 'm')} is believed. Are the positions in um? Say their unit, for example "
            "`units: {x: um, y: um}`"
        )


def check_geometry(scan: Scan) -> None:
    """Wavelength, distance and pixel are known and believable."""
    check_known(scan)
    _between(
        scan, "wavelength", scan.wavelength, WAVELENGTH, "energy: 8 keV", {"angstrom": 1e-10, "nm": 1e-9}
    )
    _between(
        scan, "distance", scan.distance, DISTANCE, "distance: 2.1 m", {"mm": 1e-3, "cm": 1e-2, "um": 1e-6}
    )
    for size in scan.pixel:
        _between(scan, "pixel", size, PIXEL, "pixel: 55 um", {"um": 1e-6, "mm": 1e-3})
    if scan.focus is not None and not (np.isfinite(scan.focus) and 0 < abs(scan.focus) < 1000):
        raise DataError(
            f"{scan.file}: focus = {scan.focus:g} m; a distance other than 0 below 1 km is needed"
        )


def check_known(scan: Scan) -> None:
    """All that the file does not say, at once. Errors: DataError with the keys in `missing`."""
    known = {"wavelength": scan.wavelength, "distance": scan.distance, "pixel": np.sum(scan.pixel)}
    names = [name for name, value in known.items() if np.isnan(value)]
    if not names:
        return
    keys = ["energy" if name == "wavelength" else name for name in names]
    error = DataError(
        f"{scan.file}: the file says no {_listed(names, 'and no ')}; write for example "
        f"{_listed([f'`{WANTED[key]}`' for key in keys], 'and ')} in the input section"
    )
    error.missing = tuple(keys)
    raise error


def _listed(words: list[str], last: str) -> str:
    """a, b and c"""
    return ", ".join(words[:-1]) + f" {last}" * (len(words) > 1) + words[-1]


def _between(
    scan: Scan, name: str, value: float, allowed: tuple[float, float], write: str, units: dict
) -> None:
    if allowed[0] <= value <= allowed[1]:
        return
    likely = [u for u, size in units.items() if allowed[0] <= value * size <= allowed[1]]
    hint = f"; the number looks like {' or '.join(likely)}" if likely else ""
    raise DataError(
        f"{scan.file}: {name} = {value:g} m; {allowed[0]:g} to {allowed[1]:g} m is believed{hint}. Write "
        f"the right one in the input section, for example `{write}`"
    )


def object_pixel(scan: Scan) -> np.ndarray:
    """(2,) m, of the frames as they are stored."""
    shape = scan.source.shape[1:]
    return np.abs(Geometry(scan.wavelength, scan.distance, scan.pixel, shape, scan.focus).pixel)


def check_extent(scan: Scan) -> None:
    """The object fits a computer, and neighbouring frames see common ground."""
    size = object_pixel(scan)
    span = np.ptp(scan.positions, axis=0) / size
    whole = span + scan.source.shape[1:]
    geometry = (
        f"pixels of {show(size.min(), 'm')} follow from wavelength {scan.wavelength:.4g} m, distance "
        f"{show(scan.distance, 'm')}, detector pixel {show(scan.pixel[0], 'm')}"
    )
    if whole.max() > LARGEST:
        raise DataError(
            f"{scan.file}: the object would have {whole[0]:.0f} x {whole[1]:.0f} pixels, more than "
            f"{LARGEST}; {geometry}. {_causes(scan)}"
        )
    if len(scan.positions) > 1 and span.max() < 0.5:
        raise DataError(
            f"{scan.file}: all positions lie within {span.max():.2g} pixels of the object; {geometry}. "
            f"{_causes(scan)}"
        )
    check_step(scan, size, geometry)


def _causes(scan: Scan) -> str:
    """What can make steps and frames disagree; nothing of it was tested."""
    near = "or this is a near field without `focus:`" if scan.focus is None else "or focus is wrong"
    return (
        "Which is wrong is not known: the unit of the positions (`units: {x: um, y: um}`), energy, distance "
        f"or pixel (`distance: 2.1 m`), {near}"
    )


def check_step(scan: Scan, size: np.ndarray, geometry: str) -> None:
    """A step beyond the field of view of a frame leaves no overlap at all."""
    if len(scan.positions) < 2:
        return
    field = float((np.array(scan.source.shape[1:]) * size).min())
    step = nearest_step(scan.positions)
    if step > field:
        raise DataError(
            f"{scan.file}: the typical step is {show(step, 'm')}, more than the {show(field, 'm')} that a "
            f"frame sees, so that no two frames overlap; {geometry}. {_causes(scan)}"
        )
    if step > 0.5 * field:
        scan.notes.append(
            f"warning: the step of {show(step, 'm')} is {step / field:.2f} of the field of view: little "
            "overlap"
        )


def nearest_step(positions: np.ndarray, most: int = 400) -> float:
    """Median distance (m) from a position to its nearest neighbour, over at most `most` positions."""
    some = positions[:: max(1, len(positions) // most)]
    steps = []
    for p in some:
        d = np.hypot(*(positions - p).T)
        steps.append(d[d > 0].min() if (d > 0).any() else 0.0)
    return float(np.median(steps))


def check_arrays(scan: Scan) -> None:
    """Mask, dark, monitor and start arrays fit the frames."""
    frame = list(scan.source.shape[1:])
    for name in ("mask", "dark"):
        a = getattr(scan, name)
        if a is not None and list(a.shape) != frame:
            raise DataError(
                f"{scan.file}: {name} has the shape {a.shape}, the frames {tuple(frame)}; they must agree"
            )
    if scan.mask is not None and not scan.mask.any():
        raise DataError(f"{scan.file}: the mask leaves no good pixel")
    for name in ("probe", "object"):
        a = getattr(scan, name)
        if a is not None and not np.isfinite(a).all():
            raise DataError(f"{scan.file}: the {name} in the file has values that are not finite")


def check_monitor(scan: Scan) -> None:
    """A monitor with which nothing can be done is left out with a warning; one that varies is told.

    For the whole scan, before parts of it are selected.
    """
    if scan.monitor is None:
        return
    monitor, n, wrong = np.asarray(scan.monitor), scan.source.shape[0], ""
    if monitor.shape != (n,):
        wrong = f"has {monitor.size} values for {n} frames"
    elif not np.isfinite(monitor).all() or monitor.min() <= 0:
        wrong = "has values that are not positive"
    if wrong:
        scan.notes.append(f"warning: the monitor {wrong}; it is left out")
        scan.monitor = None
        return
    low, high = np.percentile(monitor, (2, 98))
    change = (high - low) / np.median(monitor)
    if change > VARIES:
        scan.notes.append(
            f"the incident intensity (monitor) varies by {100 * change:.0f} %: `ptycho.prepare: {{normalise: "
            "true}` follows it, the default does not"
        )


def _check_overflow(scan: Scan, frames: np.ndarray) -> None:
    """Counts beyond the end of a signed type go on at its negative end; markers are one or two values."""
    if frames.dtype.kind != "i" or not _negative_end(frames).size > 2:
        return
    raise DataError(
        f"{scan.file}: the counts have overflowed their type {frames.dtype}: "
        f"{_negative_end(frames).size} different values far below 0, down to {frames.min()}, among {SAMPLED} "
        "frames; store them in a wider type, or without sign"
    )


def _negative_end(frames: np.ndarray) -> np.ndarray:
    """The different values of signed integers in the lower half of those below 0."""
    return np.unique(frames[frames < np.iinfo(frames.dtype).min // 2])


def counts_noticed(scan: Scan) -> list[str]:
    """Notes about NaN and negative counts in a few frames; the preparation masks them."""
    n = scan.source.shape[0]
    index = np.unique(np.linspace(0, n - 1, min(SAMPLED, n)).astype(np.int64))
    frames = scan.source.read(index)
    empty = [int(i) for i, f in zip(index, frames) if not np.any(f > 0)]
    bad = int((~np.isfinite(frames)).sum()) if frames.dtype.kind == "f" else 0
    negative = int((frames < 0).sum()) if frames.dtype.kind in "if" else 0
    _check_overflow(scan, frames)
    if len(empty) == len(index):
        raise DataError(
            f"{scan.file}: the frames {empty} have no counts; is this the right dataset, is it written at "
            "all?"
        )
    notes = [f"{len(index)} frames looked at: {bad} values are not finite; they are masked"] if bad else []
    notes += (
        [f"{len(index)} frames looked at: {negative} counts are negative; they are masked"]
        if negative
        else []
    )
    return notes + ([f"warning: frame {empty[0]} is empty"] if empty else [])
