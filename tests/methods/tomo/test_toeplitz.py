"""Least squares by one convolution an iteration, with and without total variation."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.field import field_of
from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fourier import Fourier
from nanompi.methods.tomo.recon.joseph import Os
from nanompi.methods.tomo.recon.toeplitz import Cgls, Normal, fast
from nanompi.methods.tomo.recon.tv import Tv
from tests.methods.tomo.test_joseph import ALONE, error, scene
from tests.methods.tomo.test_step import turn

OPTIONS = {"nonnegative": True, "smooth": 1.0, "window": "ramp", "cutoff": 1.0, "pad": "edge", "circle": 1.0}


def solved(method, rays, p, axis=None, device=None, **options):
    """(slices, the method) of sinograms"""
    own = method(rays, SimpleNamespace(**{"iterations": None} | OPTIONS | options), device or Cpu())
    return own.slices(p, np.full(len(p), (rays.columns - 1) / 2 if axis is None else axis)), own


def model(rays, f, columns):
    """(A, m, pixels): what each pixel gives to each of the frequencies m of a ray, written out; and m"""
    n, M = len(f), columns
    place = np.arange(n) - (n - 1) / 2
    m = np.arange(-(M // 2) + 1, M // 2)
    cos, sin = np.cos(rays.angles), np.sin(rays.angles)
    t = (place * cos[:, None])[:, None] + (place * sin[:, None])[:, :, None]  # (A, y, x)
    return np.exp(-2j * np.pi / M * m[:, None] * t.reshape(len(cos), 1, -1)), m


@pytest.mark.parametrize("precision, most", [("single", 1e-6), ("double", 2e-7)])
@pytest.mark.parametrize("n, K", [(20, 20), (17, 23)])
def test_convolution_and_right_side_are_those_of_the_sums(precision, most, n, K):
    """A* A f and A* p within 1e-6 of the sums over all frequencies, written out; both are adjoint to A"""
    angles = np.random.default_rng(1).uniform(0, 2 * np.pi, 9)
    rays, device = Rays(angles, weights(angles), K, n), Cpu(precision)
    normal, rng = Normal(rays, device, 0), np.random.default_rng(2)
    M, inside = 2 * normal.adjoint.L, normal.inside.astype(float)
    f, p = rng.standard_normal((n, n)) * inside, rng.standard_normal((9, K))
    rows, m = model(rays, f, M)  # (A, m, pixels)
    spectra = rows @ f.reshape(-1)
    twice = np.einsum("amp,am->p", rows.conj(), spectra).real.reshape(n, n) * inside / M
    got = normal.product(f[None].astype(device.real))[0]
    assert np.linalg.norm(got - twice) < most * np.linalg.norm(twice)
    axis = (K - 1) / 2 + 0.3
    sent = np.exp(-2j * np.pi / M * m[:, None] * (np.arange(K) - axis)) @ p[..., None]  # (A, m, 1)
    back = np.einsum("amp,am->p", rows.conj(), sent[..., 0]).real.reshape(n, n) * inside / M
    own = normal.right(p[None].astype(device.real), np.array([axis]))[0]
    assert np.linalg.norm(own - back) < most * np.linalg.norm(back)


@pytest.mark.parametrize("precision, most", [("single", 1e-6), ("double", 1e-12)])
@pytest.mark.parametrize("n", [16, 33])
def test_the_convolution_is_its_own_adjoint(precision, most, n):
    rays, device = Rays(turn(20), weights(turn(20)), n, n), Cpu(precision)
    normal = Normal(rays, device, 0)
    f, g = np.random.default_rng(1).standard_normal((2, 1, n, n)).astype(device.real) * normal.inside
    forth, back = (normal.product(f).astype(float) * g).sum(), (f * normal.product(g).astype(float)).sum()
    assert abs(forth - back) < most * np.linalg.norm(normal.product(f)) * np.linalg.norm(g)
    assert 0 < (f * normal.product(f)).sum() <= normal.convolution.largest * (f * f).sum()


@pytest.mark.parametrize(
    "photons, A, most", [(1e3, 60, 0.45), pytest.param(1e4, 30, 0.6, marks=pytest.mark.slow)]
)
def test_least_squares_end_at_the_noise(photons, A, most):
    """Error beside that of fourier: 0.39 and 0.55; within 15 % of that of any number of iterations"""
    rays, p, truth = scene(A=A, photons=photons, n=96)
    got, own = solved(Cgls, rays, p)
    assert error(got, truth) < most * error(solved(Fourier, rays, p)[0], truth)
    notes = own.notes(ALONE)
    assert 2 < notes["iterations"] < 12 and "where what is left is noise" in notes["said"]
    errors = [error(solved(Cgls, rays, p, iterations=i)[0], truth) for i in range(2, 14)]
    assert error(got, truth) < 1.15 * min(errors)


def test_without_noise_iterations_come_to_the_truth():
    """Given 20; residuals fall from the whole to 0.5 % of the projections, what pixels cannot say of edges"""
    rays, p, truth = scene(A=90, photons=1e12)
    got, own = solved(Cgls, rays, p, iterations=20)
    residual = own.notes(ALONE)["residual"]
    assert residual[0] == pytest.approx(1) and (np.diff(residual) < 0).all() and residual[-1] < 0.01
    assert error(got, truth) < 1.05 * error(solved(Fourier, rays, p)[0], truth)
    assert got.sum() == pytest.approx(truth.sum(), rel=2e-3)


@pytest.mark.parametrize(
    "photons, A, most",
    [
        (1e4, 60, 0.3),
        pytest.param(1e3, 180, 0.25, marks=pytest.mark.slow),
        pytest.param(1e6, 120, 0.8, marks=pytest.mark.slow),
    ],
)
def test_total_variation_finds_its_weight(photons, A, most):
    """128 px: 0.24, 0.17 and 0.6 of the error of fourier, with nothing given"""
    rays, p, truth = scene(A=A, photons=photons, n=128)
    got, own = solved(Tv, rays, p)
    assert got.dtype == np.float32 and got.min() == 0
    assert error(got, truth) < most * error(solved(Fourier, rays, p)[0], truth)
    notes = own.notes(ALONE)
    assert len(notes["residual"]) == 100 and notes["weight"] > 0
    twice = solved(Tv, rays, p, smooth=2.0)[1].notes(ALONE)
    assert (
        twice["weight"] == pytest.approx(2 * notes["weight"])
        and twice["residual"][-1] > notes["residual"][-1]
    )


@pytest.mark.parametrize("method", [Cgls, Tv])
def test_the_same_bits_beside_any_others(method):
    """What makes the volume the same on any number of ranks: fields, ends, weights are of each slice alone"""
    rays, p, _ = scene(A=24, rows=4, n=33)
    p[2] += 0.4  # goes on beyond the detector
    axes = np.array([16.0, 16.2, 16.0, 16.0])
    options = SimpleNamespace(**OPTIONS, iterations=None)
    together = method(rays, options, Cpu()).slices(p, axes)
    alone = method(rays, options, Cpu(threads=3))
    for k in (3, 0, 1, 2):
        assert np.array_equal(alone.slices(p[k : k + 1], axes[k : k + 1])[0], together[k])
    assert alone.slices(p[:0], axes[:0]).shape == (0, 33, 33)
    assert np.array_equal(alone.slices(p, axes), together)
    assert not method(rays, options, Cpu()).slices(0 * p, axes).any()


@pytest.mark.parametrize("method, most", [(Cgls, 0.65), (Tv, 0.6)])
def test_a_sample_that_is_wider_than_the_detector(method, most):
    """A third of its width lies beyond: 0.56 and 0.5 of the error of fourier, which continues the ends"""
    rays, p, truth = scene(A=90, sample=96, photons=1e5)
    narrow = error(solved(Fourier, rays, p)[0], truth, 0.8)
    assert error(solved(method, rays, p)[0], truth, 0.8) < most * narrow


@pytest.mark.parametrize("method", [Cgls, pytest.param(Tv, marks=pytest.mark.slow), Os])
def test_a_double_field_of_view(method):
    """A full turn about column 14 of 64: better than fourier; Os has the rays as they are, others weighted"""
    A, axis = 120, 14.0
    field = field_of(turn(A, 2 * np.pi), 64, axis, str)
    phantom, size = grains(field.size, 1, 1.5, 4), field.size
    p = np.stack([phantom.projection(a, 1, 64, axis) for a in turn(A, 2 * np.pi)], 1)
    counts = np.random.default_rng(1).poisson(1e3 * np.exp(-p))
    p, truth = -np.log(counts / 1e3).astype(np.float32), phantom.slice(0, 1, size)
    wide, at = field.widened(p, np.array([axis])), axis + field.left
    share = weights(turn(A, 2 * np.pi))
    rays = Rays(turn(A, 2 * np.pi), share, size, size, weighted=True)
    want = error(solved(Fourier, rays, wide, at)[0], truth)
    raw = Rays(rays.angles, share, 64, size)
    got, own = solved(method, raw, p, axis) if method.as_measured else solved(method, rays, wide, at)
    assert error(got, truth) < 0.8 * want and own.notes(ALONE)["iterations"] > 1


@pytest.mark.parametrize("n, length", [(1, 1), (11, 12), (97, 98), (128, 128), (121, 125)])
def test_lengths_of_transforms(n, length):
    assert fast(n) == length
