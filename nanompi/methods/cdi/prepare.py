"""From data with axes to a pattern in FFT order (rank 0), and to all ranks."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.cdi.pattern import (
    Pattern,
    cropped,
    cut_off,
    dark_centre,
    distance,
    friedel_centre,
    held_out,
    in_fft_order,
    sum_up,
)

AXES = ("row", "column")


def checked(data) -> None:
    """Errors: DataError where data are no pattern."""
    if data.source is None or tuple(data.axes[-2:]) != AXES or len(data.axes) != 3:
        file = data.file or "the input"
        raise DataError(f"{file}: cdi needs one pattern with rows and columns, not {data}")
    many = data.shape[0]
    if many > 1 and data.axes[0] == "point" and (data.coords.get("point") or hasattr(data, "positions")):
        raise DataError(
            f"{data.file}: a scan of {many} positions is not one pattern; `select: 0:1` in the input section "
            "takes the first frame, the step ptycho all of them"
        )


def is_volume(data) -> bool:
    """Is it one pattern in three dimensions?"""
    return data.axes[0] == "plane"


def loaded(data, saturated: float | None, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """(counts float64, good) of the stored pattern, exposures added. Errors: DataError."""
    frames = data.source.read(np.arange(data.shape[0]), threads)
    if frames.dtype.kind in "ui":
        full = np.iinfo(frames.dtype).max  # of a pixel that a detector marks as broken, or that is full
        saturated = full if saturated is None and frames.dtype.itemsize > 1 else saturated
    where = data.source.where or data.file
    if is_volume(data):
        counts, good = sum_up(frames[None], saturated, where)
    else:
        counts, good = sum_up(frames, saturated, where)
    counts /= data.facts.get("gain", 1.0)
    mask = data.beside.get("mask", getattr(data, "mask", None))
    return counts, good & np.asarray(mask, bool) if mask is not None else good


def prepare(data, settings, threads: int = 1) -> tuple[Pattern, tuple[float, ...]]:
    """(pattern, where it has its symmetry). settings : the step `cdi`. Errors: DataError."""
    counts, good = loaded(data, settings.saturated, threads)
    if not counts[good].any():
        raise DataError(f"{data.file}: there is no count in the pattern")
    if np.ptp(counts[good]) == 0:
        raise DataError(
            f"{data.file}: all known pixels hold the same count, {counts[good][0]:g}: there is no pattern in "
            "them"
        )
    turned = (settings.centre == "auto" or not any(settings.centre)) and in_fft_order(counts, good)
    if turned:
        counts, good = np.fft.fftshift(counts), np.fft.fftshift(good)
    symmetry = friedel_centre(counts, good)
    centre = symmetry
    if settings.centre != "auto" and not turned:
        middle = tuple(n // 2 for n in counts.shape)
        centre = tuple(map(float, settings.centre))
        if len(centre) == 2 and counts.ndim == 3:
            centre = (float(middle[0]), *centre)
        if len(centre) != counts.ndim:
            raise DataError(f"cdi.centre has {len(centre)} numbers; the pattern has {counts.ndim} axes")
    if settings.stop:
        good = good & (distance(counts.shape, centre) > settings.stop)
    amiss = [one for one in (dark_centre(counts, good, centre), cut_off(counts, good)) if one]
    counts32, good = cropped(counts, good, centre, settings.size, data.file)
    held = held_out(good, settings.heldout, settings.seed)
    notes = {
        "exposures": 1 if is_volume(data) else data.shape[0],
        "centre": list(centre),
        "symmetry": list(symmetry),
        "fft_order": turned,
        "masked": int((~good).sum()),
        "held_out": int(held.sum()),
        "counts": float(counts32.sum(dtype=float)),
    } | ({"amiss": amiss} if amiss else {})
    return Pattern(counts32, good & ~held, held, centre, counts.shape, notes), symmetry


def shared(team, pattern: Pattern | None) -> Pattern:
    """Rank 0's pattern, on every rank (collective)."""
    small = (pattern.centre, pattern.stored, pattern.notes) if team.root else None
    arrays = [team.bcast_array(getattr(pattern, name, None)) for name in ("counts", "good", "held")]
    return Pattern(*arrays, *team.bcast(small))
