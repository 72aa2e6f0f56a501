"""update.py for one thread of a CPU: the same roundings in the same order, without arrays in between. Inner
products are NumPy's: its sums by pairs are more exact than one after the other, and as fast."""

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, error_model="numpy")


def divide(O, num, den, eps):
    _divide(O, num, den, den.dtype.type(eps))


def blend(y, x, a, b):
    real = y.real.dtype.type
    _blend(_planes(y), _planes(x), real(a), real(b))


def descend(g, w):
    _descend(_planes(g), w)


def _planes(a):
    """(M, h, w) of an object or a probe"""
    return a if a.ndim == 3 else a[None]


@_compiled
def _divide(O, num, den, eps):
    one = den.dtype.type(1)
    for y in range(len(O)):
        o, n, d = O[y], num[y], den[y]
        for x in range(len(o)):
            r = one / (d[x] + eps)
            o[x] = complex((o[x].real * eps + n[x].real) * r, (o[x].imag * eps + n[x].imag) * r)


@_compiled
def _blend(y, x, a, b):
    for m in range(len(y)):
        for r in range(y.shape[1]):
            p, q = y[m, r], x[m, r]
            for k in range(len(p)):
                p[k] = complex(a * p[k].real + b * q[k].real, a * p[k].imag + b * q[k].imag)


@_compiled
def _descend(g, w):
    minus = w.dtype.type(-1)
    for m in range(len(g)):
        for y in range(g.shape[1]):
            p, v = g[m, y], w[y]
            for x in range(len(p)):
                r = minus / v[x]
                p[x] = complex(p[x].real * r, p[x].imag * r)
