"""All kernels once under AddressSanitizer, in a process with its library preloaded (see test_sanitizer.py).

`python -m tests.emulate.sanitized [THEME OLD NEW]`: with a text to be replaced in a theme, that theme only,
to see that an overrun is found.
"""

import sys

from nanompi.device.checks.scene import THEMES, Scene, modulus, sums
from tests.emulate import gpu as emulated

SIZES = [
    dict(modes=2, n=5, size=(12, 10)),
    dict(modes=1, n=3, size=(33, 17), shifts=1),
    dict(modes=5, n=2, size=(9, 70)),
]


def everything():
    """Every kernel, in both precisions, with both kinds of counts"""
    for precision, counts in (("single", "uint16"), ("double", "float32")):
        for size in SIZES:
            s = Scene(precision, counts, **size)
            for theme in THEMES:
                theme(emulated.kernels(emulated.Gpu(s.r, asan=True)), s)
            sums(emulated.kernels(emulated.Gpu(s.r, asan=True, atomics=True)), s)


def broken(theme, old, new):
    """One theme with a changed text"""
    plain = emulated.source

    def changed(name):
        text = plain(name)
        assert name != theme or old in text, f"{old!r} must stand in {theme}"
        return text.replace(old, new) if name == theme else text

    emulated.source = changed
    s = Scene("single")
    K = emulated.kernels(emulated.Gpu(s.r, asan=True))
    {"modulus": modulus, "overlap": sums}[theme](K, s)


if __name__ == "__main__":
    broken(*sys.argv[1:]) if sys.argv[1:] else everything()
    print("all kernels ran")
