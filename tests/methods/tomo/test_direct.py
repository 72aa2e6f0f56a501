"""Direct reconstructions: slices that are known exactly come back, whatever the sizes, angles and axes."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.phantom import disc, grains
from nanompi.methods.tomo.ramp import WINDOWS
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP
from nanompi.methods.tomo.recon.fourier import Fourier

BOTH = pytest.mark.parametrize("method", [Fourier, FBP])
EACH = {Fourier: 0, FBP: 1}


def turn(A, span=np.pi):
    return np.arange(A) * span / A


def slices(method, sinograms, angles, axes, device=None, size=None, **given):
    """(k, n, n) of (k, A, K) sinograms; axes : px, a number or one for each row"""
    K = sinograms.shape[2]
    options = SimpleNamespace(**{"window": "ramp", "cutoff": 1.0, "pad": "edge", "circle": 1.0} | given)
    own = method(Rays(angles, weights(angles), K, size or K), options, device or Cpu())
    return own.slices(sinograms, np.broadcast_to(np.asarray(axes, float), len(sinograms)))


def scene(K=128, A=200, axis=None, angles=None, seed=1):
    """(sinogram, angles, axis, truth) of grains in a body"""
    axis, angles = (K - 1) / 2 if axis is None else axis, turn(A) if angles is None else angles
    phantom = grains(K, 1, 1.5, seed)
    p = np.stack([phantom.projection(a, 1, K, axis) for a in angles], 1)
    return p.astype(np.float32), angles, axis, phantom.slice(0, 1, K)


def error(got, truth, axis=None):
    """Root mean square within 0.9 of the circle that all rays meet, of the largest value"""
    n = truth.shape[-1]
    reach = 0.9 * (n / 2 if axis is None else min(axis, n - 1 - axis))
    y, x = np.indices((n, n)) - (n - 1) / 2
    return np.sqrt(np.mean((got - truth)[np.hypot(x, y) < reach] ** 2)) / truth.max()


# reached, of the largest value: 0.0242 (fourier) and 0.0263 (fbp) at 128 columns, where edges one pixel wide
# are what is left; more at 96, where grains are smaller
SIZES = [(128, 200), (127, 201), (97, 151), (96, 333)]


@BOTH
@pytest.mark.parametrize("K, A", SIZES)
def test_grains_come_back(method, K, A):
    p, angles, axis, truth = scene(K, A)
    got = slices(method, p, angles, axis)[0]
    assert error(got, truth) < (0.032, 0.036)[EACH[method]] * 128 / K
    assert got.sum(dtype=float) == pytest.approx(truth.sum(dtype=float), rel=1e-3)


@BOTH
@pytest.mark.parametrize("precision", ["single", "double"])
def test_a_disc_has_its_place_and_its_value(method, precision):
    """Off the middle: its mean within 0.1 %, what rings about its edge a few pixels away, nothing beyond"""
    K, angles, device = 96, turn(180), Cpu(precision)
    phantom = disc(20.0, 0.02, 9.0, -12.0)
    p = np.stack([phantom.projection(a, 1, K, 47.5) for a in angles], 1).astype(device.real)
    got = slices(method, p, angles, 47.5, device)[0]
    assert got.dtype == device.real
    y, x = np.indices((K, K)) - 47.5
    far = np.hypot(x - 9, y + 12)
    assert got[far < 15].mean() == pytest.approx(0.02, rel=1e-3)
    assert abs(got[far < 15] / 0.02 - 1).max() < (0.035, 0.002)[EACH[method]]
    assert abs(got[(far > 25) & (np.hypot(x, y) < 44)]).max() < 0.075 * 0.02
    assert not got[np.hypot(x, y) > 47.5].any()


@BOTH
def test_precisions_agree(method):
    p, angles, axis, _ = scene(64, 90)
    single, double = (slices(method, p.astype(d.real), angles, axis, d) for d in (Cpu(), Cpu("double")))
    assert abs(single - double).max() < 2e-6 * abs(double).max()


@BOTH
@pytest.mark.parametrize("axis", [63.5 - 30.37, 63.5 + 0.25, 63.5 + 21.0])
def test_an_axis_off_the_middle(method, axis):
    """Far off, what all rays meet is a small circle, and in it the sample is as it should be"""
    phantom, angles = disc(20.0, 0.02, 5.0, 3.0), turn(200)
    p = np.stack([phantom.projection(a, 1, 128, axis) for a in angles], 1).astype(np.float32)
    got, truth = slices(method, p, angles, axis)[0], phantom.slice(0, 1, 128)
    assert error(got, truth, axis) < 0.08  # 0.065: edges of the disc, in a circle that it nearly fills
    assert got.sum(dtype=float) == pytest.approx(truth.sum(dtype=float), rel=2e-3)


@BOTH
def test_each_row_has_its_axis_and_a_tilt_is_exact(method):
    """Rows with axes a third of a column apart, each as if alone"""
    axes = 47.5 + np.arange(5) / 3
    parts = [scene(96, 120, axis)[0] for axis in axes]
    p, (_, angles, _, truth) = np.concatenate(parts), scene(96, 120)
    got = slices(method, p, angles, axes)
    assert max(error(one, truth) for one in got) < 0.05
    for i, axis in enumerate(axes):
        assert np.array_equal(slices(method, p[i : i + 1], angles, axis)[0], got[i])


ANGLES = {
    "a full turn": turn(301, 2 * np.pi),
    "backwards, beyond a turn": 5 - turn(250, 2 * np.pi),
    "golden": np.arange(250) * np.pi * (np.sqrt(5) - 1) / 2,
    "unequal": np.sort(
        np.pi * (np.arange(300) / 300 + 0.1 * np.sin(2 * np.pi * np.arange(300) / 300) / np.pi)
    ),
}


@BOTH
@pytest.mark.parametrize("name", ANGLES)
def test_angles_of_all_kinds(method, name):
    p, angles, axis, truth = scene(angles=ANGLES[name])
    got = slices(method, p, angles, axis)[0]
    assert error(got, truth) < 0.04
    assert got.sum(dtype=float) == pytest.approx(truth.sum(dtype=float), rel=2e-3)


@pytest.mark.parametrize("method, precision", [(Fourier, "single"), (FBP, "single"), (Fourier, "double")])
def test_the_same_bits_in_blocks_of_any_length_and_by_any_number_of_threads(method, precision):
    device, angles = Cpu(precision), turn(31)
    p = np.random.default_rng(0).random((33, 31, 41)).astype(device.real)
    axes = 20 + np.linspace(-0.5, 0.5, 33)
    together = slices(method, p, angles, axes, device)
    for k in (1, 2, 15, 16, 17, 32):
        assert np.array_equal(slices(method, p[-k:], angles, axes[-k:], device), together[-k:])
    for threads in (2, 3):
        assert np.array_equal(slices(method, p, angles, axes, Cpu(precision, threads)), together)
    assert slices(method, p[:0], angles, axes[:0], device).shape == (0, 41, 41)


@BOTH
def test_windows_damp_noise_more_and_more(method):
    """In the order in which the help names them, and a cutoff too; the mean stays"""
    p, angles, axis, truth = scene()
    noise = p + np.random.default_rng(2).normal(0, 0.05, p.shape).astype(np.float32)
    order = ("ramp", "shepp", "cosine", "hann", "parzen")
    assert order == tuple(WINDOWS)
    left = []
    for window in order:
        clean, noisy = (slices(method, one, angles, axis, window=window)[0] for one in (p, noise))
        left.append((noisy - clean).std())
        assert clean.sum(dtype=float) == pytest.approx(truth.sum(dtype=float), rel=1e-3)
    assert all(b < 0.95 * a for a, b in pairwise(left))
    half = [slices(method, one, angles, axis, cutoff=0.5)[0] for one in (p, noise)]
    assert (half[1] - half[0]).std() < 0.5 * left[0]


@BOTH
def test_edges_go_on_where_the_sample_is_wider(method):
    """A disc as wide as twice the detector: flat inside with edges that go on, a bright rim with zeros"""
    phantom, angles = disc(120.0, 0.01), turn(180)
    p = np.stack([phantom.projection(a, 1, 120, 59.5) for a in angles], 1).astype(np.float32)
    y, x = np.indices((120, 120)) - 59.5
    rim = (np.hypot(x, y) < 56) & (np.hypot(x, y) > 50)
    middle = np.hypot(x, y) < 20
    edge, zero = (slices(method, p, angles, 59.5, pad=pad)[0] for pad in ("edge", "zero"))
    assert edge[rim].mean() / edge[middle].mean() < 1.6 < zero[rim].mean() / zero[middle].mean()


@BOTH
def test_what_is_kept_is_a_circle(method):
    p, angles, axis, _ = scene(64, 60)
    y, x = np.indices((64, 64)) - 31.5
    whole, part = (slices(method, p, angles, axis, circle=circle)[0] for circle in (2.0, 0.5))
    inside = np.hypot(x, y) <= 0.5 * 31.5
    assert np.array_equal(part[inside], whole[inside]) and not part[~inside].any()
    assert whole[0, 0] != 0


@BOTH
@pytest.mark.parametrize("size", [40, 96])
def test_slices_of_another_size(method, size):
    p, angles, axis, _ = scene(64, 60)
    own, other = slices(method, p, angles, axis)[0], slices(method, p, angles, axis, size=size)[0]
    a, b = (own, other) if size < 64 else (other, own)
    cut = (len(a) - len(b)) // 2
    inside = a[cut : cut + len(b), cut : cut + len(b)]
    assert error(inside, b) < (2e-4, 1e-6)[EACH[method]]


@pytest.mark.slow
@BOTH
def test_above_2048_columns(method):
    """Odd, and wider than what some programs can: a thin disc near the edge has its place and value"""
    K, angles = 2049, turn(180)
    phantom = disc(30.0, 0.01, 900.0, -300.0)
    p = np.stack([phantom.projection(a, 1, K, 1024.0) for a in angles], 1).astype(np.float32)
    got = slices(method, p, angles, 1024.0)[0]
    y, x = np.indices((K, K)) - 1024.0
    inside = np.hypot(x - 900, y + 300) < 25
    assert got[inside].mean() == pytest.approx(0.01, rel=5e-3)
