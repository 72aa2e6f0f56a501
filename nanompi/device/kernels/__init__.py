"""Named kernels: one theme, up to three texts with the same names and argument lists.

`THEME.py` in NumPy is the contract; `THEME_cpu.py` is numba; `THEME.cu` is CUDA C++, launched by
`THEME_cuda.py`, whose functions take the device first. What a kernel returns are sums over its frames, for
`device.total`. Arrays, everywhere:

O     : (H, W) complex, object            P    : (S, M, h, w) complex, M probe modes at S sub-pixel shifts
at    : (n, 3) int32, row and column of each frame's corner in O, and the index s of its sub-pixel shift
psi   : (n, M, h, w) complex, exit waves  F, z : (n, M, h, w) complex, waves at the detector, scratch
I     : (n, h, w) uint16 or float32, counts; a negative count is a pixel not measured
mask  : (h, w) real, 1 = good, 0 = ignore
gain  : (n,) real, intensity = gain * sum_m |F_m|^2
unit  : real, factor which makes forward then backward the identity
part, parts : this call does one of so many parts of the rows, so that threads share a sum without a conflict
"""

from importlib import import_module
from importlib.resources import files
from types import SimpleNamespace

from nanompi.device.kernels import layout

THEMES = ("overlap", "modulus", "likelihood")


def load(suffix: str = "") -> SimpleNamespace:
    """All kernels by name: the NumPy contract, overlaid by the texts `THEME<suffix>.py`."""
    found = {}
    for theme in THEMES:
        for name in dict.fromkeys((theme, theme + suffix)):
            module = import_module(f"{__name__}.{name}")
            found.update({k: v for k, v in vars(module).items() if not k.startswith("_") and callable(v)})
    return SimpleNamespace(**found)


def source(theme: str) -> str:
    """The CUDA C++ text of a theme: the constants, what all themes share, its kernels. To be compiled with
    REAL = float or double, and COUNT = `unsigned short` or float, the dtype of the counts."""
    contract = import_module(f"{__name__}.{theme}")
    here = files(__name__)
    return (
        _defines(layout)
        + _defines(contract)
        + "".join((here / name).read_text() for name in ("common.cuh", f"{theme}.cu"))
    )


def _defines(module) -> str:
    """The constants of a Python module for the CUDA texts, so that each stands in one place."""
    text = {k: f"REAL({v!r})" if isinstance(v, float) else v for k, v in vars(module).items() if k.isupper()}
    return "".join(f"#define {k} {v}\n" for k, v in text.items())
