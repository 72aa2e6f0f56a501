"""Kernels by name: one theme, up to three texts with the same names and argument lists.

`THEME.py` in NumPy is the contract; `THEME_cpu.py` is numba; `THEME.cu` is CUDA C++, launched by
`THEME_cuda.py`, whose functions take the device first. What a kernel returns are sums over its frames, for
`device.total`. Arrays of ptychography:

O     : (H, W) complex, object            P    : (S, M, h, w) complex, M probe modes at S sub-pixel shifts
at    : (n, 3) int32, row and column of each frame's corner in O, and the index s of its sub-pixel shift
psi   : (n, M, h, w) complex, exit waves  F, z : (n, M, h, w) complex, waves at the detector, scratch
I     : (n, h, w) uint16 or float32, counts; a negative count is a pixel not measured
mask  : (h, w) real, 1 = good, 0 = ignore
gain  : (n,) real, intensity = gain * sum_m |F_m|^2 + back
back  : real, background: counts of a pixel that do not come through the object
light : (n, 2) float64, out: of each frame over measured pixels its counts, and gain * sum_m |F_m|^2
unit  : real, factor which makes forward then backward the identity
lane, lanes : this call does one of so many shares of the rows, so that threads share a sum without a conflict
"""

import re
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from types import SimpleNamespace

from nanompi.device.kernels import layout
from nanompi.errors import ResourceError

THEMES = ("overlap", "halo", "modulus", "likelihood", "displacement", "scores", "ramps", "update")
THEMES += (
    "backproject",
    "gridding",
    "integrate",
    "joseph",
    "moments",
    "paired",
    "peaks",
    "spectra_fit",
    "stripes",
    "support",
    "toeplitz",
    "tv",
)


def load(suffix: str = "") -> SimpleNamespace:
    """All kernels by name: the NumPy contract, overlaid by the texts `THEME<suffix>.py`.

    A kernel whose theme has no such text is there too: to call it is a ResourceError.
    """
    kernels = {}
    for theme in THEMES:
        contract = _kernels(theme)
        own = _kernels(theme + suffix) if has_text(theme, suffix) else {k: _absent(k) for k in contract}
        kernels |= contract | own
    return SimpleNamespace(**kernels)


def has_text(theme: str, suffix: str) -> bool:
    """Is there a text `THEME<suffix>.py`?"""
    return (files(__name__) / f"{theme}{suffix}.py").is_file()


def _kernels(text: str) -> dict[str, Callable]:
    module = import_module(f"{__name__}.{text}")
    return {k: v for k, v in vars(module).items() if not k.startswith("_") and callable(v)}


def _absent(name: str) -> Callable:
    def refuse(*_):
        raise ResourceError(f"the kernel {name} does not run on a card yet; write `run: {{device: cpu}}`")

    return refuse


def source(theme: str) -> str:
    """The CUDA C++ text of a theme: the constants, what all themes share, its kernels. To be compiled with
    REAL = float or double, and COUNT = `unsigned short` or float, the dtype of the counts. A kernel in whose
    name MODES or PIXELS stands is written out for each number of them (`layout.variant`)."""
    contract = import_module(f"{__name__}.{theme}")
    text = "".join((files(__name__) / name).read_text() for name in ("common.cuh", f"{theme}.cu"))
    return _defines(layout) + _defines(contract) + _KERNEL.sub(_variants, text)


_KERNEL = re.compile(r'^extern "C".*?^}\n', re.M | re.S)  # to the brace that ends it


def _variants(kernel: re.Match) -> str:
    return "\n".join(layout.variants(kernel[0]))


def _defines(module) -> str:
    """The constants of a Python module for the CUDA texts, so that each stands in one place."""
    text = {k: f"REAL({v!r})" if isinstance(v, float) else v for k, v in vars(module).items() if k.isupper()}
    return "".join(f"#define {k} {v}\n" for k, v in text.items())
