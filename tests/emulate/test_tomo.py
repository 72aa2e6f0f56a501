"""Methods of tomography on a card, emulated: slices as on the CPU."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.recon.joseph import Mlem, Os, Sirt
from tests.methods.tomo.test_joseph import ALONE, scene


@pytest.mark.parametrize("method", [Sirt, Os, Mlem])
@pytest.mark.parametrize("precision, most", [("single", 1e-5), ("double", 1e-12)])
def test_slices_as_on_the_cpu(card, method, precision, most):
    """Three slices of 17 px with two axes, four iterations: within 1e-5 of the largest value"""
    rays, p, _ = scene(A=25, rows=3, n=17)
    options, axes = SimpleNamespace(iterations=4, nonnegative=True), np.array([8.0, 8.5, 8.0])
    own = method(rays, options, Cpu(precision))
    want = own.slices(p.astype(own.device.real), axes)
    with card(precision) as device:
        made = method(rays, options, device)
        got = device.host(made.slices(device.array(p, device.real), axes))
        notes = made.notes(ALONE)
    assert got.dtype == want.dtype and abs(got - want).max() < most * want.max()
    assert notes["residual"] == pytest.approx(own.notes(ALONE)["residual"], rel=10 * most)
