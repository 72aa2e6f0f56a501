"""Joseph's projector and its adjoint: the numba text against the NumPy contract, the adjoint, and by hand."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.device.kernels import load
from nanompi.device.kernels.joseph import LANES
from nanompi.methods.tomo.phantom import grains
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
SAME = {np.float32: 5e-6, np.float64: 1e-13}  # of the largest value: places are rounded to 1e-6 px, sums
ADJOINT = {np.float32: 1e-6, np.float64: 1e-12}
SIZES = [
    (20, 33, 11, 16),
    (33, 21, 9, 32),
    (2, 2, 3, 16),
    (41, 70, 17, 16),
]  # pixels, columns, angles, slices


def turns(A, seed=1):
    """Random directions of a full turn, and those where the rays change from rows to columns"""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, A)
    angles[:3] = 0, np.pi / 2, np.pi / 4
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def pair(K, real, size, axis, lanes=1):
    """(f, q, what project_rays makes of f, what backproject_rays makes of q)"""
    n, columns, A, k = size
    rng = np.random.default_rng(n)
    f, q = (rng.standard_normal(shape).astype(real) for shape in ((n, n, k), (A, columns, k)))
    p, b = np.full_like(q, np.nan), np.full_like(f, np.nan)
    for lane in range(lanes):
        K.project_rays(f, turns(A), axis, p, lane, lanes)
        K.backproject_rays(q, turns(A), axis, b, lane, lanes)
    return f, q, p, b


@pytest.mark.parametrize("real", SAME)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("axis", [9.7, -3.0, 64.25])
def test_numba_equals_contract(real, size, axis):
    """Odd and even sides, slices wider and narrower than the detector, an axis beside it"""
    want, got = pair(CONTRACT, real, size, axis)[2:], pair(NUMBA, real, size, axis)[2:]
    same(want, got, SAME[real])
    assert all(a.dtype == real for a in got)


@TEXTS
@pytest.mark.parametrize("real", ADJOINT)
@pytest.mark.parametrize("size", SIZES)
def test_the_adjoint(K, real, size):
    """<A f, q> = <f, A* q> for each slice"""
    f, q, p, b = (a.astype(np.float64) for a in pair(K, real, size, size[1] / 2))
    forth, back = (p * q).sum((0, 1)), (f * b).sum((0, 1))
    scale = np.sqrt((p**2).sum((0, 1)) * (q**2).sum((0, 1)))
    assert (abs(forth - back) <= ADJOINT[real] * scale).all() and (abs(forth) > 0).all()


@TEXTS
def test_the_same_bits_in_parts_and_beside_other_slices(K):
    whole, parts = pair(K, np.float32, SIZES[1], 10.3), pair(K, np.float32, SIZES[1], 10.3, lanes=3)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts))
    f, q, p, b = whole
    for z in (0, LANES):
        few, own = (np.ascontiguousarray(a[..., z : z + LANES]) for a in (f, q))
        alone, back = np.empty_like(own), np.empty_like(few)
        K.project_rays(few, turns(9), 10.3, alone, 0, 1)
        K.backproject_rays(own, turns(9), 10.3, back, 0, 1)
        assert np.array_equal(alone, p[..., z : z + LANES]) and np.array_equal(back, b[..., z : z + LANES])


@TEXTS
def test_rays_along_the_axes_add_up_rows_and_columns(K):
    f = np.repeat(np.arange(9.0).reshape(3, 3, 1), LANES, -1)
    out = np.empty((3, 3, LANES))
    turn = np.array([[1.0, 0], [0, 1], [-1, 0]])
    K.project_rays(f, turn, 1.0, out, 0, 1)
    assert out[..., 5] == pytest.approx(np.array([[9, 12, 15], [3, 12, 21], [15, 12, 9]]))
    K.project_rays(f, turn[:1], 1.25, out[:1], 0, 1)  # a quarter of a column to the left of each
    assert out[0, :, 0] == pytest.approx([0.75 * 9, 0.25 * 9 + 0.75 * 12, 0.25 * 12 + 0.75 * 15])


@TEXTS
def test_line_integrals_of_a_known_sample(K):
    """Within 1 % of the largest: what a slice of 64 pixels cannot say of edges (0.4 % on average)"""
    n, angles = 64, np.arange(40) * np.pi / 40
    phantom = grains(n, 1, thickness=1.5, seed=1)
    f = np.repeat(phantom.slice(0, 1, n)[..., None], LANES, -1)
    want = np.stack([phantom.projection(a, 1, n, 31.5)[0] for a in angles])
    got = np.empty((40, n, LANES), np.float32)
    K.project_rays(f, np.stack([np.cos(angles), np.sin(angles)], 1), 31.5, got, 0, 1)
    assert np.sqrt(np.mean((got[..., 0] - want) ** 2)) < 0.01 * want.max()


def test_threads_give_the_same_bits():
    f = np.random.default_rng(4).random((40, 40, LANES)).astype(np.float32)
    outs = []
    for threads in (1, 3):
        device, p, b = Cpu(threads=threads), np.empty((7, 50, LANES), np.float32), np.empty_like(f)
        device.by_rows(device.kernels.project_rays, f, turns(7), 24.0, p)
        device.by_rows(device.kernels.backproject_rays, p, turns(7), 24.0, b)
        outs.append((p, b))
    assert all(np.array_equal(one, three) for one, three in zip(*outs))
