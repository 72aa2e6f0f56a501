"""Every kernel on the card against the NumPy text that is its contract."""

from functools import partial

import numpy as np

from nanompi.device.checks import Question, fresh
from nanompi.device.checks.scene import DTYPES, SCENES, THEMES, Scene, apart, on, sums
from nanompi.device.kernels import layout, load

SIZES = (48, 64, 128, 192, 256, 509)
FINE = {"single": 2e-6, "double": 1e-13}  # of a transform, of its largest value


def _theme(theme, cupy):
    """All scenes in both precisions"""
    worst, contract = {}, load("")
    for precision, (*_, tolerance) in DTYPES.items():
        kernels = on(fresh(cupy, precision))
        for counts in ("uint16", "float32"):
            for size in SCENES.values():
                s = Scene(precision, counts, **size)
                error = _furthest(theme(contract, s), theme(kernels, s))
                worst[precision] = max(worst.get(precision, 0.0), error / tolerance)
    return ", ".join(f"{w:.2g} of it in {p}" for p, w in worst.items()), max(worst.values()) <= 1


def _furthest(want, got) -> float:
    return max(apart(a, b) for a, b in zip(want, got, strict=True))


def _atomic(cupy):
    device, s = fresh(cupy), Scene("single", modes=3, n=9, size=(33, 17))
    device.atomics = True
    error = _furthest(sums(load(""), s), sums(on(device), s, parts=3)) / s.tolerance
    return f"{error:.2g} of it", error <= 1


def _many(cupy):
    """More frames than a launch over the object takes, than blocks along z: a block does several frames"""
    s, errors = Scene("single", modes=1, n=layout.SEGMENT + 100, size=(4, 4), shifts=1), []
    kernels = on(fresh(cupy))
    errors.append(_furthest(sums(load(""), s), sums(kernels, s)) / s.tolerance)
    s = Scene("single", "uint16", modes=1, n=layout.MOST + 100, size=(4, 4), shifts=1)
    got, want = s.F.copy(), s.F.copy()
    for K, F in ((kernels, got), (load(""), want)):
        K.project(F, s.I, s.mask, s.gain, s.r(0.3), s.back, s.r(0.5))
    errors.append(apart(want, got) / s.tolerance)
    return f"{errors[0]:.2g} and {errors[1]:.2g} of it", max(errors) <= 1


def _again(cupy):
    s = Scene("single", **SCENES["many"])
    one, two = (sums(on(fresh(cupy)), s) for _ in range(2))
    same = all(np.array_equal(a, b) for a, b in zip(one, two))
    return "the same" if same else "others", same


def _transforms(cupy):
    worst = 0.0
    for precision, fine in FINE.items():
        device = fresh(cupy, precision)
        for n in SIZES:
            rng = np.random.default_rng(n)
            z = (rng.normal(size=(3, n, n)) + 1j * rng.normal(size=(3, n, n))).astype(device.complex)
            forth, back = device.host(device.fft(device.array(z))), device.host(device.ifft(device.array(z)))
            wide = z.astype(np.complex128)
            errors = apart(np.fft.fft2(wide), forth), apart(np.fft.ifft2(wide) * n * n, back)
            worst = max(worst, *(error / fine for error in errors))
    return f"{worst:.2g} of it", worst <= 1


WITHIN = "3e-5 of the largest value in single, 1e-11 in double"
QUESTIONS = [
    *(Question(f"kernels: {theme.__name__}", WITHIN, partial(_theme, theme)) for theme in THEMES),
    Question("kernels: sums by atomic adds", "3e-5 of the largest value", _atomic),
    Question("kernels: 2,148 and 65,635 frames in a launch", "3e-5 of the largest value", _many),
    Question("kernels: sums a second time", "the same bits", _again),
    Question("transforms", "NumPy's, 2e-6 of the largest value in single, 1e-13 in double", _transforms),
]
