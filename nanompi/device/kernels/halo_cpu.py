"""halo.py for one thread of a CPU. No fast mathematics: the order of a sum stays as it is."""

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, error_model="numpy")


@_compiled
def gather_halo(a, where, out):
    for g in range(len(where)):
        out[g] = a[where[g]]


@_compiled
def add_halo(a, pixels, first, source, take):
    for k in range(len(pixels)):
        own = a[pixels[k]]
        a[pixels[k]] = 0
        total = a[pixels[k]]
        for i in range(first[k], first[k + 1]):
            s = source[i]
            total += own if s < 0 else take[s]
        a[pixels[k]] = total
