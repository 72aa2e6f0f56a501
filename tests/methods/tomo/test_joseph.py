"""Iterations over rays: known slices come back, better than by filtered back-projection."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.phantom import disc, grains
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP
from nanompi.methods.tomo.recon.history import History
from nanompi.methods.tomo.recon.joseph import Mlem, Os, Sirt
from nanompi.methods.tomo.recon.noise import noise
from nanompi.methods.tomo.recon.reach import sides
from tests.methods.tomo.test_step import turn

N = 64
ALONE = SimpleNamespace(sum=lambda *arrays: None)


def scene(A=60, rows=1, n=N, photons=1e4, seed=1, axis=None, **wide):
    """(rays, (rows, A, n) sinograms with the noise of counts, (rows, n, n) truth); wide : sample, px"""
    size = wide.get("sample", n)
    phantom, angles = grains(size, rows, 1.5, seed), turn(A)
    at = (n - 1) / 2 if axis is None else axis
    p = np.stack([phantom.projection(a, rows, n, at) for a in angles], 1)
    counts = np.random.default_rng(seed).poisson(photons * np.exp(-p))
    truth = np.stack([phantom.slice(row, rows, n) for row in range(rows)])
    return Rays(angles, weights(angles), n, n), -np.log(counts / photons).astype(np.float32), truth


def solved(method, rays, p, axis=None, iterations=None, positive=True, device=None):
    """(slices, the method) of sinograms"""
    direct = {"window": "ramp", "cutoff": 1.0, "pad": "edge", "circle": 1.0}
    options = SimpleNamespace(iterations=iterations, nonnegative=positive, **direct)
    own = method(rays, options, device or Cpu())
    return own.slices(p, np.full(len(p), (rays.columns - 1) / 2 if axis is None else axis)), own


def error(got, truth, within=0.9):
    n = truth.shape[-1]
    y, x = np.indices((n, n)) - (n - 1) / 2
    return np.sqrt(np.mean((got - truth)[..., np.hypot(x, y) < within * n / 2] ** 2)) / truth.max()


@pytest.mark.parametrize(
    "method, most", [pytest.param(Sirt, 0.6, marks=pytest.mark.slow), (Os, 0.6), (Mlem, 0.57)]
)
def test_better_than_filtered_back_projection(method, most):
    """30 directions of 1000 counts: 0.54, 0.53 and 0.52 of its error"""
    rays, p, truth = scene(A=30, photons=1e3)
    got, own = solved(method, rays, p)
    assert got.dtype == np.float32 and got.min() >= 0
    assert error(got, truth) < most * error(solved(FBP, rays, p)[0], truth)
    notes = own.notes(ALONE)
    assert len(notes["residual"]) == {Sirt: 200, Os: 100, Mlem: 100}[method]
    assert notes["residual"][-1] < 0.06


@pytest.mark.parametrize("method", [pytest.param(Sirt, marks=pytest.mark.slow), Os, Mlem])
def test_values_and_place(method):
    """A disc off the middle, a shifted axis, no noise: its value within 1 %, and nothing elsewhere"""
    phantom, angles = disc(9.0, 0.02, 12.0, -7.0), turn(45)
    p = np.stack([phantom.projection(a, 1, N, 34.3) for a in angles], 1)
    rays = Rays(angles, weights(angles), N, N)
    (got,), _ = solved(method, rays, p, 34.3, positive=False)
    y, x = np.indices((N, N)) - (N - 1) / 2
    far = np.hypot(x - 12, y + 7)
    assert got[far < 7].mean() == pytest.approx(0.02, rel=0.01)
    assert abs(got[(far > 12) & (np.hypot(x, y) < 27)].mean()) < 2e-4
    assert got.dtype == np.float64


def test_the_likelihood_never_falls():
    """sum p log(A f) - A f, as Mlem has it for Poisson numbers, with slices of one to thirty iterations"""
    rays, p, _ = scene(A=20, n=32)
    p = np.random.default_rng(3).poisson(np.maximum(p, 0) * 20).astype(np.float64)
    values = []
    for iterations in (1, 2, 3, 5, 10, 30):
        _, own = solved(Mlem, rays, p, iterations=iterations)
        (rows,) = next(iter(own.known.values()))
        f = own._solved([rows], p)
        model, counts = rows.project(f)[..., 0], p[0][own.parts[0]]
        lit = model > 0
        values.append((counts[lit] * np.log(model[lit]) - model[lit]).sum())
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize("method", [Sirt, Os, Mlem])
def test_the_same_bits_beside_any_others(method):
    """What makes the volume the same on any number of ranks: axes and fields are those of each slice alone"""
    rays, p, _ = scene(A=24, rows=4, n=33)
    p[2] += 0.4  # goes on beyond the detector
    axes = np.array([16.0, 16.2, 16.0, 16.0])
    options = SimpleNamespace(iterations=3, nonnegative=True)
    together = method(rays, options, Cpu()).slices(p, axes)
    alone = method(rays, options, Cpu(threads=3))
    for k in (3, 0, 1, 2):
        assert np.array_equal(alone.slices(p[k : k + 1], axes[k : k + 1])[0], together[k])
    assert alone.slices(p[:0], axes[:0]).shape == (0, 33, 33)


def test_a_sample_that_is_wider_than_the_detector():
    """A third of its width lies beyond: 0.56 of the error of filtered back-projection, which
    continues the ends"""
    rays, p, truth = scene(A=90, sample=96, photons=1e6)
    assert sides(rays, p, np.array([31.5])) == [96]
    narrow = error(solved(FBP, rays, p)[0], truth, 0.8)
    assert error(solved(Os, rays, p)[0], truth, 0.8) < 0.65 * narrow


@pytest.mark.parametrize("ends, axis, side", [
    ((0, 0), 31.5, 64), ((0, 0), 20.0, 64), ((1, 0), 20.0, 88), ((0, 1), 20.0, 64), ((1, 1), 20.0, 132)
])  # fmt: skip
def test_how_large_a_slice_must_be(ends, axis, side):
    """Air at the end that is nearer to the axis: nothing beyond. Air at the other: it all lies within that"""
    p = np.ones((1, 4, 64))
    for end, goes_on in zip((slice(0, 3), slice(-3, None)), ends):
        p[..., end] *= goes_on
    assert sides(scene(A=4)[0], p, np.array([axis])) == [side]


@pytest.mark.parametrize("rest, words", [
    ([1, 0.5, 0.1, 0.05], "still falls, by 50 %"),
    ([1, 0.2, 0.1, 0.15], "rises again: 0.15, and 0.1 after 2"),
    ([1, 0.1, 0.1, 0.1], None), ([0, 0, 0, 0], None),
])  # fmt: skip
def test_what_is_said_of_residuals(rest, words):
    history = History(4, 10)
    history.add([np.array([part**2, 0]) for part in rest], np.array([0.5, 0.5]), 8)
    notes = history.notes(ALONE)
    assert notes["residual"] == pytest.approx(rest) and notes["iterations"] == 4
    assert words is None or words in notes["warning"]
    assert words or "warning" not in notes


@pytest.mark.parametrize("method", [pytest.param(Sirt, marks=pytest.mark.slow), Os,
                                    pytest.param(Mlem, marks=pytest.mark.slow)])  # fmt: skip
def test_iterations_end_at_the_noise(method):
    """300 counts: what is left is the noise of the projections, and the error within 20 % of the least of
    other numbers of iterations, which are done where they are given"""
    rays, p, truth = scene(A=90, photons=300)
    got, own = solved(method, rays, p)
    notes = own.notes(ALONE)
    assert 1 < notes["iterations"] < len(notes["residual"]) and "where what is left is noise" in notes["said"]
    assert "warning" not in notes
    last, it = notes["residual"][-1], round(notes["iterations"])
    errors = [error(solved(method, rays, p, iterations=i)[0], truth) for i in (it // 2, it, 2 * it, 3 * it)]
    assert error(got, truth) == errors[1] < 1.2 * min(errors)
    assert last == pytest.approx(1.02 * noise(p, np)[0] / np.sqrt(np.mean(p**2)), rel=0.1)


def test_the_noise_of_projections():
    """Of 400 counts behind a sample within 10 % of sigma = 1 / sqrt(counts); what was not measured, zeros on
    both sides, leaves out all but its edges"""
    _, p, _ = scene(A=60, photons=400)
    _, clean, _ = scene(A=60, photons=1e12)
    true = np.median(np.sqrt(np.exp(clean) / 400))
    sigma = noise(p, np)
    assert sigma == pytest.approx(true, rel=0.1) and noise(clean, np)[0] < 0.2 * true
    wide = np.concatenate([np.zeros_like(p), p, np.zeros_like(p)], 2)
    assert noise(wide, np) == pytest.approx(sigma, rel=0.15) and noise(0 * p, np) == 0
