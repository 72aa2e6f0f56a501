"""Columns and amplitudes beside those of PyMca, which needs a compiler: its numbers are stored.

`pymca.npz` is what `python benchmarks/pymca.py --store FILE` wrote with PyMca5 5.9.7 and fisx 1.3.2:
columns of plain peaks with escape peaks on the scale of its example Steel.cfg (16 keV), 20 noisy spectra of
20000 counts of its Steel.spe (MIT licence), and the areas that its FastXRFLinearFit finds in them with
these columns.
"""

from pathlib import Path

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.xrf.response import START, Detector, columns, peaks_of

FILE = Path(__file__).parent / "pymca.npz"
ENERGY = 16e3  # eV, of the beam
PAIR = 3.85 / 3.66  # eV for a pair of charges there over that here


@pytest.fixture(scope="module")
def theirs():
    """The arrays of the file"""
    with np.load(FILE) as file:
        return dict(file)


def test_columns_are_those_of_pymca(theirs):
    """K lines to 0.5 % of the highest channel, L to 5 %: 0.3 and 3.7 % lie between fisx and xraylib"""
    zero, gain, noise, fano = (float(theirs[word]) for word in ("zero", "gain", "noise", "fano"))
    p = START | {"offset": 1e3 * zero, "slope": 1e3 * gain, "noise": 1e3 * noise, "fano": fano * PAIR}
    names, peaks = list(theirs["names"]), peaks_of(list(theirs["names"]), ENERGY, Detector((), "Si"))
    here = columns(p | {"tail": 0.0, "step": 0.0}, peaks, *theirs["channels"])[:, : len(names)]
    a, b = (one / one.sum(0, dtype=float) for one in (theirs["columns"], here))
    off = dict(zip(names, abs(a - b).max(0) / a.max(0)))
    assert sum(name.endswith("_K") for name in names) == 7 and len(names) == 10
    assert max(v for name, v in off.items() if name.endswith("_K")) < 0.005
    assert max(v for name, v in off.items() if name.endswith("_L")) < 0.05
    assert off["W_L"] < 0.01  # as K: all three are not off for one reason


def test_lsq_is_the_fit_of_pymca_on_its_own_columns(theirs):
    """1e-5 of the largest area; 5e-8 was reached"""
    found, *_ = LinearFit(theirs["columns"]).fit(Cpu(), theirs["spectra"], method="lsq", errors=False)
    assert found.shape == (20, 10) and theirs["areas"].min() < 0
    assert abs(found - theirs["areas"]).max() < 1e-5 * abs(theirs["areas"]).max()
