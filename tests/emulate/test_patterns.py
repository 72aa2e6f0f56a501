"""Diffraction patterns, their peaks, moments of frames on a card, emulated, against the contract."""

import numpy as np
import pytest

from nanompi.data.blocks import Info
from nanompi.data.data import Data
from nanompi.data.walk import walk
from nanompi.device import Cpu
from nanompi.device.kernels.peaks import GAUSS, LORENTZ, PSEUDO_VOIGT
from nanompi.methods.maps.stxm import Stxm
from nanompi.methods.maps.xrd.peaks import Peaks
from nanompi.mpi.team import Team
from tests import walking
from tests.device.test_integrate import DTYPES, integrated
from tests.device.test_peaks import CONTRACT, fitted, some_rows
from tests.emulate.gpu import Gpu, kernels
from tests.methods.maps import test_stxm as stxm


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_patterns_equal_the_contract(real, dtype):
    """The middles to the bit, sums to rounding"""
    want, got = (integrated(K, dtype) for K in (CONTRACT, kernels(Gpu(real))))
    assert got[0] == pytest.approx(want[0], rel=1e-12, abs=1e-12)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(want[1:], got[1:]))


@pytest.mark.parametrize("order", [-1, 1])
def test_order_of_threads_and_blocks_does_not_matter(order):
    want, got = (
        integrated(kernels(Gpu(np.float32, order=o)), np.uint16, P=200, B=9, k=1) for o in (0, order)
    )
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(want, got))


@pytest.mark.parametrize("shape", [PSEUDO_VOIGT, GAUSS, LORENTZ])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_peaks_equal_the_contract(real, shape):
    """Rounding alone, in either precision"""
    x, y = some_rows()
    want, got = (fitted(K, x, y, shape) for K in (CONTRACT, kernels(Gpu(real))))
    assert np.array_equal(np.isnan(want[2]), np.isnan(got[2]))
    scale = np.where(want[1] > 0, want[1], 1)
    for a, b in zip(want[:2], got[:2]):
        assert np.nanmax(abs(a - b) / scale) < (1e-5 if real == np.float64 else 1e-3)


def test_the_step_on_a_card_gives_what_it_gives_on_the_cpu(card):
    """Peaks of patterns, some bins of which have no pixel"""
    x, y = some_rows()
    y[3, 5] = np.nan
    counting = np.ones(len(x))
    data = Data(
        axes=("point", "radial"), values=y, spread="point", parts=[np.arange(len(y))],
        coords={"radial": (x, "deg")}, beside={"counting": counting, "overlap": counting},
    )  # fmt: skip
    step = Peaks(windows=[[x[0], x[-1]]])
    run = walking.run_of(Team(alone=True))
    step.start(run, data)

    def made(device):
        info = Info(data, np.arange(len(y)), {"point": np.arange(len(y))}, device, ("point", "radial"))
        return {name: device.host(values) for name, values in step.block(device.array(y), info).items()}

    want = made(Cpu())
    with card("single") as device:
        got = made(device)
    assert np.array_equal(np.isnan(want["peaks_chi2"]), np.isnan(got["peaks_chi2"]))
    scale = np.where(want["peaks_errors"] > 0, want["peaks_errors"], 1)
    assert np.nanmax(abs(want["peaks"] - got["peaks"]) / scale) < 1e-3


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_moments_of_a_scan_on_a_card_are_those_of_the_cpu(card, dtype):
    """`map.stxm`: masked pixels and an empty frame, too"""
    positions = stxm.scan(size=9)
    I = np.random.default_rng(1).poisson(stxm.frames(positions, 1e4)).astype(dtype)
    I[40], mask = 0, np.ones(I.shape[1:], bool)
    mask[3, 4] = False

    def made(device):
        run = stxm.run_of(I, positions, mask)
        run.device = device
        walk(run, [Stxm()])
        return run.data["moments"].values

    want = made(Cpu())
    with card("single") as device:
        got = made(device)
    assert np.isnan(want[40, 2:4]).all()
    assert got == pytest.approx(want, rel=1e-12, abs=1e-9 * np.nanmax(abs(want[:, 2])), nan_ok=True)
