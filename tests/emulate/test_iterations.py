"""Methods of tomography on a card, emulated: slices as on the CPU."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.recon.joseph import Mlem, Os, Sirt
from nanompi.methods.tomo.recon.reach import circle
from nanompi.methods.tomo.recon.toeplitz import Cgls, Convolution, Normal, Task, response
from nanompi.methods.tomo.recon.tv import Tv
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


def solved(method, device, b, energy, sigma, h):
    """What iterations make of right sides that are given: gridding has its own tests"""
    normal = object.__new__(Normal)
    normal.device, normal.xp, normal.convolution = device, device.xp, Convolution(device, h)
    normal.inside = device.array(circle(b.shape[-1]), device.real)
    task = Task(normal, device.array(b, device.real), energy, sigma, np.zeros(len(b)))
    options = SimpleNamespace(iterations=6, nonnegative=True, smooth=1.0)
    own = method(scene(A=12, n=17)[0], options, device)
    slices, rest, done = own._solved(task)
    assert done == 6 * len(b)
    return device.host(slices), np.array(rest)


@pytest.mark.parametrize("method, precision, most", [
    (Cgls, "single", 1e-4), (Cgls, "double", 1e-12), (Tv, "single", 1e-5), (Tv, "double", 1e-12)
])  # fmt: skip
def test_iterations_by_convolution_as_on_the_cpu(card, method, precision, most):
    """Two slices of 17 px, six iterations. Those of conjugate gradients in single precision are 5e-5 from
    those in double, on the CPU too: they multiply what transforms round"""
    rays, p, _ = scene(A=12, rows=2, n=17)
    normal = Normal(rays, Cpu("double"), 0)
    b = normal.right(p.astype(float), np.full(2, 8.0)) * normal.inside
    energy, sigma = (p.astype(float) ** 2).sum((1, 2)), np.array([0.01, 0.02])
    given = b, energy, sigma, response(rays, Cpu("double"))
    want, rest = solved(method, Cpu(precision), *given)
    with card(precision) as device:
        got, left = solved(method, device, *given)
    assert abs(got - want).max() < most * abs(want).max() and want.any()
    assert left == pytest.approx(rest, rel=1e2 * most, abs=most * rest[0].max())
