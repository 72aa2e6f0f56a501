"""Propagators: inverse and adjoint; and the model between the pixels against the exact one."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.positions import Shifts
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator

RESTS = np.array([[0.0, 0.0], [0.375, -0.25], [-0.5, 0.125]])
FOCUS = {"far": None, "near": 2e-3}


def geometry(focus):
    return Geometry(1e-10, 1.0, (50e-6, 60e-6), (32, 28), FOCUS[focus])


def places(*shifts):
    """Places of frames at these sub-pixel shifts"""
    return np.array([(0, 0, s) for s in shifts], np.int32)


def waves(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("focus", FOCUS)
def test_backward_is_inverse_and_adjoint(focus):
    optics = propagator(Cpu("double", 1), geometry(focus), RESTS)
    rng, at = np.random.default_rng(0), places(2, 0, 1)
    a, b = waves(rng, 3, 2, 32, 28), waves(rng, 3, 2, 32, 28)
    back = optics.backward(optics.forward(a.copy(), at), at) * optics.unit
    assert np.allclose(back, a, atol=1e-12)
    left, right = np.vdot(optics.forward(a.copy(), at), b), np.vdot(a, optics.backward(b.copy(), at))
    assert left == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("focus", FOCUS)
def test_a_frame_between_the_pixels_is_the_exact_one(focus):
    """Intensity of P(r) O(r + rest), O moved exactly; the model moves the probe instead (and the wave
    back)"""
    device, g = Cpu("double", 1), geometry(focus)
    (h, w), rng = g.shape, np.random.default_rng(1)
    y, x = np.arange(h)[:, None] - h / 2, np.arange(w) - w / 2
    P = np.exp(-(y**2 + x**2) / 18 + 0.05j * y)
    tones = rng.uniform(-0.06, 0.06, (5, 2))  # an object that is known at any place
    O = lambda y, x: 1 + 0.2 * sum(np.exp(2j * np.pi * (a * y + b * x)) for a, b in tones)  # noqa: E731
    library = Shifts(device, RESTS, g.shape).library(P[None].astype(complex))
    optics, still = propagator(device, g, RESTS), propagator(device, g)
    for s, (dy, dx) in enumerate(RESTS):
        exact = still.forward((P * O(y + dy, x + dx))[None, None].astype(complex), places(0))
        model = optics.forward((library[s] * O(y, x))[None], places(s))
        assert np.allclose(abs(model) ** 2, abs(exact) ** 2, atol=1e-6 * (abs(exact) ** 2).max())


def test_near_field_conserves_photons_and_spreads():
    optics = propagator(Cpu("double", 1), geometry("near"))
    z = np.zeros((1, 1, 32, 28), complex)
    z[..., 16, 14] = 1
    out = abs(optics.forward(z, places(0))) ** 2
    assert out.sum() == pytest.approx(1, rel=1e-12)
    assert out.max() < 0.5


def test_object_pixels():
    far, near = geometry("far"), geometry("near")
    assert far.pixel == pytest.approx((1e-10 / (32 * 50e-6), 1e-10 / (28 * 60e-6)))
    assert near.magnification == pytest.approx(501)
    assert near.pixel == pytest.approx((50e-6 / 501, 60e-6 / 501))
    assert near.effective_distance == pytest.approx(1 / 501)
