"""Step `tomo` as a whole on an emulated card: blocks of its arrays, transforms and kernels of the device."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.walk import walk
from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.step import Tomo
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking
from tests.methods.tomo.test_step import data_of, sinograms, turn

N, ROWS, A = 40, 17, 33  # more rows than stand side by side


def volume(device, method, axis=None, span=np.pi, **given):
    """(rows, y, x) of a whole step over its blocks"""
    at, angles, phantom = (N - 1) / 2 if axis is None else axis, turn(A, span), grains(N, ROWS, 1.5, 1)
    data = data_of(np.empty((ROWS, A, N)), angles, axis=(at, 0.01))
    data.values = sinograms(phantom, angles, N, ROWS, at).swapaxes(0, 1).astype(device.real)
    data.spread, data.parts = "row", [np.arange(ROWS)]
    truth = np.stack([phantom.slice(row, ROWS, N) for row in range(ROWS)])
    if axis is None:  # else slices are larger
        data.beside["truth"] = SimpleNamespace(shape=truth.shape, read=lambda index: truth[index])
    with Team() as team:
        run = walking.run_of(team, data=data)
        run.device, run.result, run.warn = device, Result(), run.say
        walk(run, [Tomo(method=method, halves=1, **given)])
    assert isinstance(run.data["data"].values, np.ndarray)
    return run.data["data"].values, run.result.notes["tomo"]["tomo"]


LATER = pytest.mark.slow
CASES = [
    ("fourier", "single", {}),
    ("fbp", "single", {"pad": "zero", "window": "hann"}),
    pytest.param("fourier", "double", {"axis": 11.0, "span": 2 * np.pi}, marks=LATER),  # double field of view
    pytest.param("fbp", "double", {}, marks=LATER),
    pytest.param("os", "single", {"iterations": 2}, marks=LATER),
]


@pytest.mark.parametrize("method, precision, given", CASES)
def test_a_card_gives_what_the_cpu_gives(card, method, precision, given):
    """1e-5 of the largest value in single precision: the order of sums differs"""
    want, figures = volume(Cpu(precision), method, **given)
    with card(precision) as device:
        got, own = volume(device, method, **given)
    assert got.dtype == want.dtype == Cpu(precision).real
    assert abs(got - want).max() <= {"single": 1e-5, "double": 1e-12}[precision] * abs(want).max()
    assert own["negative"] == pytest.approx(figures["negative"], rel=1e-3)
    assert own["resolution_px"] == pytest.approx(figures["resolution_px"], rel=1e-3)
