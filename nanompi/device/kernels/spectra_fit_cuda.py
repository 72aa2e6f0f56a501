"""spectra_fit.py on a GPU: how the kernels of spectra_fit.cu are launched. A launch does all spectra.
gpu : the device"""

from itertools import pairwise as _pairwise

import numpy as _np

from nanompi.device.kernels.spectra_fit import FITTERS as _FITTERS
from nanompi.device.kernels.spectra_fit import MOST_COLUMNS as _MOST_COLUMNS
from nanompi.errors import ResourceError as _ResourceError

_ABREAST = 1024  # blocks, each with work arrays of its own


def least_squares(
    gpu, counts, weighted, weights, detector, scale, gram, third, signed, x, errors, misfit, lane, lanes
):
    blocks, counts, at, sizes = _prepared(gpu, counts, detector, scale, x)
    if not blocks:
        return
    room = gpu.xp.empty((blocks, 2, _MOST_COLUMNS, _MOST_COLUMNS))
    arrays = (counts, weighted, weights, at, scale, gram, third, x, errors, misfit, room)
    numbers = map(_np.int32, (signed, len(third) > 0, len(errors) > 0))
    _launch(gpu, "least_squares", blocks, sizes, counts)(arrays, *numbers)


def poisson_fit(gpu, counts, columns, detector, scale, iterations, tolerance, x, errors, misfit, lane, lanes):
    blocks, counts, at, sizes = _prepared(gpu, counts, detector, scale, x)
    if not blocks:
        return
    ends = gpu.host(at) if hasattr(gpu, "host") else at
    rows = [columns[a:b].sum(0, dtype=_np.float64) for a, b in _pairwise(ends)]
    sums, C = gpu.xp.stack(rows), columns.shape[0]
    numbers, values = gpu.xp.empty((blocks, C), _np.int32), gpu.xp.empty((blocks, 4, C), columns.dtype)
    room = gpu.xp.empty((blocks, _MOST_COLUMNS, _MOST_COLUMNS))
    arrays = (counts, columns, at, scale, sums, x, errors, misfit, numbers, values, room)
    own = _np.float64(tolerance), _np.int32(iterations), _np.int32(len(errors) > 0)
    _launch(gpu, "poisson_fit", blocks, sizes, counts)(arrays, *own)


def _prepared(gpu, counts, detector, scale, x):
    """(blocks, counts of a type that the kernels take, where detectors begin, sizes)"""
    (k, C), m = counts.shape, x.shape[1]
    if m > _MOST_COLUMNS:
        raise _ResourceError(
            f"a card fits at most {_MOST_COLUMNS} columns, not {m}; leave out elements, or write `run: "
            "{device: cpu}`"
        )
    small = counts.dtype.kind == "u" and counts.dtype.itemsize <= 2
    counts = gpu.xp.ascontiguousarray(counts, _np.uint16 if small else _np.float32)
    d = scale.shape[1]
    at = gpu.xp.searchsorted(detector, gpu.xp.arange(d + 1, dtype=detector.dtype)).astype(_np.int32)
    return min(k, _ABREAST), counts, at, (k, C, m, d)


def _launch(gpu, name, blocks, sizes, counts):
    return gpu.launches.over("spectra_fit", name, (blocks, 1, 1), (_FITTERS, 1, 1), sizes, counts.dtype)
