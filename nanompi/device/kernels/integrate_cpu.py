"""integrate.py for one thread of a CPU, two frames at a time. Pixels without counts are passed over: most
are, in a diffraction pattern of a short exposure."""

import numpy as _np

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, error_model="numpy")


def integrate_frames(frames, norm, dark, top, by_pixel, by_bin, sums):
    _integrate(frames, norm, dark, float(top), *by_pixel, sums)


@_compiled
def _integrate(frames, norm, dark, top, first, to, share, sums):
    sums[:] = 0
    for j in range(0, len(frames), 2):
        if j + 1 < len(frames):
            _two(frames[j], frames[j + 1], norm, dark, top, first, to, share, sums[j], sums[j + 1])
        else:
            _one(frames[j], norm, dark, top, first, to, share, sums[j])


@_compiled
def _one(frame, norm, dark, top, first, to, share, out):
    q = _np.int64(0)
    for p in range(len(frame)):
        v, end = frame[p], _np.int64(first[p + 1])
        if v > 0 and v < top:
            y = _np.float64(v)
            while q < end:
                w, b = _np.float64(share[q]), _np.int64(to[q])
                out[b, 0] += w * y
                out[b, 1] += w * w * y
                q += 1
        elif v != 0:
            while q < end:
                w, b = _np.float64(share[q]), _np.int64(to[q])
                out[b, 0] += w * dark[p]
                out[b, 2] += w * norm[p]
                q += 1
        q = end


@_compiled
def _two(one, other, norm, dark, top, first, to, share, out, beside):
    """Both in one pass: shares and bins are read once, and neither sum waits for the other. A frame has the
    bits that it has alone: what is added where it would add nothing is 0."""
    q = _np.int64(0)
    for p in range(len(one)):
        u, v, end = one[p], other[p], _np.int64(first[p + 1])
        if u >= 0 and u < top and v >= 0 and v < top:
            if u > 0 or v > 0:
                y, z = _np.float64(u), _np.float64(v)
                while q < end:
                    w, b = _np.float64(share[q]), _np.int64(to[q])
                    out[b, 0] += w * y
                    beside[b, 0] += w * z
                    out[b, 1] += w * w * y
                    beside[b, 1] += w * w * z
                    q += 1
        elif q < end:
            y, yy, lost = _parts(u, top, dark[p], norm[p])
            z, zz, missing = _parts(v, top, dark[p], norm[p])
            while q < end:
                w, b = _np.float64(share[q]), _np.int64(to[q])
                out[b, 0] += w * y
                beside[b, 0] += w * z
                out[b, 1] += w * w * yy
                beside[b, 1] += w * w * zz
                out[b, 2] += w * lost
                beside[b, 2] += w * missing
                q += 1
        q = end


@_compiled
def _parts(v, top, dark, norm):
    """What a pixel adds to the three sums of a bin where its share is 1"""
    if v > 0 and v < top:
        return _np.float64(v), _np.float64(v), 0.0
    return (_np.float64(dark), 0.0, _np.float64(norm)) if v != 0 else (0.0, 0.0, 0.0)


def ring_middles(frames, norm, top, rings, middle, spread):
    _middles(frames, norm, float(top), *rings, middle, spread)


@_compiled
def _middles(frames, norm, top, first, pixel, middle, spread):
    values = _np.empty(_np.diff(first).max(), _np.float32)
    for j in range(len(frames)):
        for b in range(len(first) - 1):
            n = 0
            for q in range(first[b], first[b + 1]):
                v = frames[j, pixel[q]]
                if v >= 0 and v < top:
                    values[n] = _np.float32(v) / norm[pixel[q]]
                    n += 1
            middle[j, b] = spread[j, b] = _np.nan
            if n:
                at = (n - 1) // 2
                own = _np.partition(values[:n], at)[at]
                middle[j, b] = own
                spread[j, b] = _np.partition(_np.abs(values[:n] - own), at)[at]
