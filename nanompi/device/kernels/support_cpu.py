"""support.py for one thread of a CPU: the same roundings in the same order, without arrays in between."""

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, error_model="numpy")


def constrain(psi, z, S, c, d, t, positive):
    real = psi.real.dtype.type
    _constrain(psi, z, S, real(c), real(d), real(t), bool(positive))


@_compiled
def _constrain(psi, z, S, c, d, t, positive):
    for j in range(len(psi)):
        for y in range(psi.shape[1]):
            p, q, s = psi[j, y], z[j, y], S[j, y]
            for x in range(len(p)):
                a, b = p[x], q[x]
                if s[x] and (not positive or b.real + t * (b.real - a.real) >= 0):
                    p[x] = complex(b.real, b.imag * (not positive))
                else:
                    p[x] = complex(c * a.real + d * b.real, c * a.imag + d * b.imag)
