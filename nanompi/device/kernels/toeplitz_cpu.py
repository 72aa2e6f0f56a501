"""toeplitz.py for one thread of a CPU: both ends of a pair at once."""

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")


@_compiled
def convolve(Z, own, mirror):
    k, h, m = Z.shape
    for i in range(k):
        for j in range(h // 2 + 1):
            other = (h - j) % h
            for l in range(m if other != j else m // 2 + 1):
                end = (m - l) % m
                a, b = Z[i, j, l], Z[i, other, end]
                Z[i, other, end] = _mixed(b, a, own[other, end], mirror[other, end])
                Z[i, j, l] = _mixed(a, b, own[j, l], mirror[j, l])


@_compiled
def _mixed(a, b, own, mirror):
    """own a + i mirror conj(b)"""
    return complex(own * a.real + mirror * b.imag, own * a.imag + mirror * b.real)
