"""The constraints on a card, emulated, against the contract, in any order of threads; and whole starts."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.device.kernels import layout
from nanompi.methods.cdi.support import Support
from tests.device.same import same
from tests.device.test_support import CONTRACT, HOW, SAME, SIZES, constrained
from tests.emulate.gpu import Gpu, kernels
from tests.methods.cdi.scene import pattern, phasing


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("real", SAME)
@pytest.mark.parametrize("shape", SIZES)
def test_equals_contract(shape, real, how, positive, monkeypatch):
    want = constrained(CONTRACT, real, shape, how, positive)
    same(want, constrained(kernels(Gpu(real)), real, shape, how, positive), SAME[real])
    monkeypatch.setattr(layout, "MOST", 2)  # a block does several images
    same(want, constrained(kernels(Gpu(real)), real, shape, how, positive), SAME[real])


@pytest.mark.parametrize("order", [-1, 1, 2])
def test_order_of_threads_and_blocks_does_not_matter(order):
    want, got = (constrained(kernels(Gpu(np.float32, order=o)), np.float32, (2, 33, 17)) for o in (0, order))
    assert np.array_equal(want[0], got[0])


def starts(device, many: int, **simulate):
    """(images, supports, figures of the first) of some starts side by side; the blur stays: in a support that
    is narrow so early HIO makes 1e-9 of a rounding of 1e-15, on the CPU alone as well"""
    made, _ = pattern(size=24, photons=1e5, **simulate)
    phases = phasing(made, "HIO*25 RAAR*20 ER*5", Support(every=10, narrow=1.0), device=device)
    psi, S = phases.solve(np.stack([phases.begin(n) for n in range(many)]))
    return device.host(psi), device.host(S), phases.figures(psi[0], S[0])


@pytest.mark.parametrize("many, simulate", [(3, {}), (1, {"planes": 12, "width": 0.8})])
def test_whole_starts_on_a_card(card, many, simulate):
    """Fifty iterations and two new supports, several images side by side, or one volume: as on the CPU to
    rounding in double precision"""
    with card("double") as device:
        got = starts(device, many, **simulate)
    want = starts(Cpu("double", 1), many, **simulate)
    assert np.array_equal(want[1], got[1])
    assert np.abs(want[0] - got[0]).max() < 1e-9 * np.abs(want[0]).max()
    assert got[2] == pytest.approx(want[2], rel=1e-9)
