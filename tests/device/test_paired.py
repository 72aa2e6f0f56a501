"""Real numbers two by two as complex ones: numba against the contract, the contract against SciPy; and the
transforms along an axis between them."""

import numpy as np
import pytest
import scipy.fft as sf

from nanompi.device.cpu import Cpu
from nanompi.device.fft_lanes import length
from nanompi.device.kernels import load
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
TOLERANCE = {np.complex64: 1e-6, np.complex128: 1e-13}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)
A, L, COLUMNS, H, W = 5, 24, 37, 32, 4  # the transforms themselves are those of Cpu, of any length
G, EDGE = 2 * H, W // 2 - 1


def noise(dtype, *shape):
    both = np.random.default_rng(shape).standard_normal((2, *shape))
    return (both[0] + 1j * both[1]).astype(dtype)


def device_of(dtype, threads=1):
    return Cpu("single" if dtype == np.complex64 else "double", threads)


def rays(K, dtype, edge, lanes=1):
    """Sinograms in another order -> spectra of each projection times factors and phases"""
    sinograms, z = noise(dtype, 3, A, COLUMNS).real.copy(), np.full((A, L, 16), np.nan, dtype)
    order = np.array([3, 0, 4, 1, 2], np.int32)
    for lane in range(lanes):
        K.pair_rays(sinograms, order, edge, z, lane, lanes)
    device_of(dtype).along(z, 1, False)
    factors, phases = noise(dtype, L, 16), noise(dtype, A, L)
    factors[0], phases[:, 0] = factors[0].real, phases[:, 0].real
    for lane in range(lanes):
        K.ray_spectra(z, factors, phases, lane, lanes)
    return sinograms[:, order], factors, phases, z


@TEXTS
@DTYPES
@pytest.mark.parametrize("edge", [True, False])
def test_spectra_of_rays_are_those_of_scipy(K, dtype, edge):
    p, factors, phases, z = rays(K, dtype, edge)
    more = 2 * L - COLUMNS
    padded = np.pad(p, ((0, 0), (0, 0), (0, more)))
    if edge:
        padded[..., COLUMNS : COLUMNS + more // 2], padded[..., COLUMNS + more // 2 :] = (
            p[..., -1:],
            p[..., :1],
        )
    want = np.moveaxis(sf.rfft(padded)[..., :L], 0, 2) * factors[:, :3] * phases[..., None]
    same([want], [z[..., :3]], TOLERANCE[dtype])
    assert not z[..., 3:].any()


def filtered(K, dtype, lanes=1):
    """Rays -> those after a filter, real numbers in a row"""
    z, factors = noise(dtype, A, L, 16), noise(dtype, L, 16)
    p = np.stack([z.real, z.imag], 2).reshape(A, 2 * L, 16)
    device_of(dtype).along(z, 1, False)
    for lane in range(lanes):
        K.filter_rays(z, factors, lane, lanes)
    device_of(dtype).along(z, 1, True)
    for lane in range(lanes):
        K.part_rays(z, lane, lanes)
    return p, factors, z.view(p.dtype).reshape(p.shape)


@TEXTS
@DTYPES
def test_a_filter_is_that_of_scipy(K, dtype):
    """The factor of the highest frequency stands in the imaginary part of that of the lowest"""
    p, factors, q = filtered(K, dtype)
    whole = np.concatenate([factors, factors[:1].imag])
    whole[0] = whole[0].real
    same([sf.irfft(sf.rfft(p, axis=1) * whole, 2 * L, axis=1, norm="forward")], [q], TOLERANCE[dtype] * 3)


def planes(K, dtype, n, lanes=1):
    """Half a plane of frequencies -> pairs of rows, before their transform -> slices"""
    grid, plane = noise(dtype, H + W - 1, G + W - 1, 16), np.empty((H, n, 16), dtype)
    before = grid.copy()
    for lane in range(lanes):
        K.pair_plane(grid, plane, lane, lanes)
    device_of(dtype).along(plane, 0, True)
    taper, reach = noise(dtype, 2, n).real.copy(), np.array([3.0, n, 0.7 * n])
    out = np.full((3, n, n), np.nan, taper.dtype)
    for lane in range(lanes):
        K.part_plane(plane, taper, reach, out, lane, lanes)
    return before, taper, reach, out


@TEXTS
@DTYPES
@pytest.mark.parametrize("n", [20, 21, G])
def test_slices_of_half_a_plane_are_those_of_all_of_it(K, dtype, n):
    """The other half by symmetry; rows before 0 and after the last are what the window left over the edge"""
    grid, taper, reach, out = planes(K, dtype, n)
    full = np.zeros((G, G, 3), complex)
    columns = np.arange(n) - n // 2
    for row in range(H + W - 1):  # after the transform over columns what is opposite is conjugated
        own = grid[row, EDGE : EDGE + G, :3]
        full[(row - EDGE) % G] += own
        full[(EDGE - row) % G] += own.conj()
    image = np.moveaxis(sf.ifft(full, axis=0, norm="forward"), 2, 0)
    assert abs(image.imag).max() < 1e-12 * abs(image).max()
    want = image.real[:, columns[:, None] % G, columns % G] * taper[0][:, None] * taper[1]
    y, x = np.indices((n, n)) - (n - 1) / 2
    want[y**2 + x**2 > reach[:, None, None] ** 2] = 0
    same([want], [out], TOLERANCE[dtype] * 10)


@DTYPES
def test_numba_equals_contract_and_rows_in_parts_give_the_same_bits(dtype):
    for work in (lambda *a: rays(*a, True)[-1], lambda *a: planes(*a, 21)[-1], lambda *a: filtered(*a)[-1]):
        same([work(CONTRACT, dtype)], [work(NUMBA, dtype)], TOLERANCE[dtype] * 10)
    for K in (CONTRACT, NUMBA):
        assert np.array_equal(rays(K, dtype, True)[-1], rays(K, dtype, True, lanes=3)[-1])
        assert np.array_equal(planes(K, dtype, 21)[-1], planes(K, dtype, 21, lanes=3)[-1])
        assert np.array_equal(filtered(K, dtype)[-1], filtered(K, dtype, lanes=3)[-1])


@DTYPES
@pytest.mark.parametrize("shape", [(32, 48, 16), (112, 16, 32), (6, 10, 16), (48, 32, 3)])
@pytest.mark.parametrize("axis", [0, 1])
def test_transforms_along_an_axis(dtype, shape, axis):
    """Of a part of an array, too; by SciPy where lengths or slices do not suit"""
    whole = noise(dtype, shape[0] + 3, shape[1] + 5, shape[2])
    part, before = whole[2 : 2 + shape[0], 1 : 1 + shape[1]], whole.copy()
    original = part.copy()
    device = device_of(dtype, 2)
    device.along(part, axis, False)
    same([sf.fft(original, axis=axis)], [part], TOLERANCE[dtype])
    outside = np.ones(whole.shape, bool)
    outside[2 : 2 + shape[0], 1 : 1 + shape[1]] = False
    assert np.array_equal(whole[outside], before[outside])
    device.along(part, axis, True)
    same([original * shape[axis]], [part], TOLERANCE[dtype])


def test_lengths_that_are_transformed_fast():
    assert [length(n) for n in (1, 16, 17, 33, 1000, 1024, 1153)] == [16, 16, 32, 48, 1008, 1024, 1200]
