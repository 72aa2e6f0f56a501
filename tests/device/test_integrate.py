"""Frames over bins, and the middles of rings: the numba text against the contract, and against plain sums."""

import numpy as np
import pytest

from nanompi.device.kernels import load
from nanompi.device.kernels.integrate import SUMS

CONTRACT, NUMBA = load(""), load("_cpu")
DTYPES = [np.uint16, np.int32, np.float32]


def matrix(P, B, seed=1, to=np.uint16):
    """(by_pixel, by_bin, rings): each pixel in one to three bins side by side, some in none"""
    rng = np.random.default_rng(seed)
    many = rng.integers(0, 4, P)
    first = np.concatenate([[0], np.cumsum(many)]).astype(np.int32)
    lead = rng.integers(0, B - 3, P)
    inner = np.arange(first[-1]) - np.repeat(first[:-1], many)
    bins = (np.repeat(lead, many) + inner).astype(to)
    share = rng.random(first[-1]).astype(np.float32)
    order = np.argsort(bins, kind="stable")
    pixel = np.repeat(np.arange(P), many).astype(np.int32)
    starts = lambda of: np.searchsorted(np.sort(of), np.arange(B + 1)).astype(np.int32)  # noqa: E731
    used = np.flatnonzero(many)
    rings = starts(lead[used]), used[np.argsort(lead[used], kind="stable")].astype(np.int32)
    return (first, bins, share), (starts(bins), pixel[order], share[order]), rings


def frames(dtype, k, P, seed=2):
    """Counts, half of them 0, some not measured: at the top, negative, NaN"""
    rng = np.random.default_rng(seed)
    out = (rng.poisson(30, (k, P)) * (rng.random((k, P)) < 0.5)).astype(dtype)
    out[:, ::17] = 1000
    if np.dtype(dtype).kind != "u":
        out[:, 5::29] = -1
    if np.dtype(dtype).kind == "f":
        out[:, 3::31] = np.nan
    return out


def integrated(K, dtype, P=700, B=40, k=3):
    """(sums, middle, spread)"""
    by_pixel, by_bin, rings = matrix(P, B)
    rng = np.random.default_rng(3)
    norm, dark = (rng.uniform(0.5, 1, P).astype(np.float32) for _ in range(2))
    sums = np.full((k, B, SUMS), -7.0)
    middle, spread = (np.full((k, B), -7.0, np.float32) for _ in range(2))
    counts = frames(dtype, k, P)
    K.integrate_frames(counts, norm, dark, 1000, by_pixel, by_bin, sums)
    K.ring_middles(counts, norm, 1000, rings, middle, spread)
    return sums, middle, spread


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_numba_equals_contract(dtype):
    want, got = (integrated(K, dtype) for K in (CONTRACT, NUMBA))
    assert got[0] == pytest.approx(want[0], rel=1e-12, abs=1e-12)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(want[1:], got[1:]))
    assert np.isnan(want[1]).any() and (want[2] > 0).sum() > 30


def lost_here_and_there(dtype, k, P):
    """Frames of which each has lost other pixels; the first sees nothing, the last is lost"""
    out, rng = frames(dtype, k, P), np.random.default_rng(5)
    out[rng.random((k, P)) < 0.1] = 1000
    if np.dtype(dtype).kind == "f":
        out[rng.random((k, P)) < 0.1] = np.nan
        out[0] = -0.0
    out[-1] = 1000
    return out


@pytest.mark.parametrize("dtype", [np.uint16, *(pytest.param(d, marks=pytest.mark.slow) for d in DTYPES[1:])])
@pytest.mark.parametrize("to", [np.uint16, np.int32])
@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_a_frame_has_the_bits_that_it_has_alone(dtype, to, k):
    """However many stand in a block, of which two go through at a time; and they are those of the contract"""
    by_pixel, _, _ = matrix(700, 40, to=to)
    rng = np.random.default_rng(3)
    norm, dark = rng.uniform(0.5, 1, 700).astype(np.float32), rng.uniform(-1, 1, 700).astype(np.float32)
    counts, sums, alone = lost_here_and_there(dtype, k, 700), *np.full((2, k, 40, SUMS), -7.0)
    NUMBA.integrate_frames(counts, norm, dark, 1000, by_pixel, None, sums)
    for j in range(k):
        NUMBA.integrate_frames(counts[j : j + 1], norm, dark, 1000, by_pixel, None, alone[j : j + 1])
    assert sums.tobytes() == alone.tobytes()
    want = np.empty_like(sums)
    CONTRACT.integrate_frames(counts, norm, dark, 1000, by_pixel, None, want)
    assert sums == pytest.approx(want, rel=1e-12, abs=1e-12)


def test_sums_are_the_matrix_times_the_frame():
    """Where all is measured; counts that are lost are made up for by their dark counts and their norm"""
    by_pixel, by_bin, _ = matrix(300, 20)
    first, bins, share = by_pixel
    dense = np.zeros((20, 300))
    np.add.at(dense, (bins, np.repeat(np.arange(300), np.diff(first))), share)
    counts = np.random.default_rng(4).poisson(9, (1, 300)).astype(np.uint16)
    norm, dark = np.full(300, 0.5, np.float32), np.full(300, 0.25, np.float32)
    sums = np.empty((1, 20, SUMS))
    NUMBA.integrate_frames(counts, norm, dark, 65535, by_pixel, by_bin, sums)
    assert sums[0, :, 0] == pytest.approx(dense @ counts[0]) and not sums[..., 2].any()
    assert sums[0, :, 1] == pytest.approx(dense**2 @ counts[0])
    counts[0, 7] = 65535
    NUMBA.integrate_frames(counts, norm, dark, 65535, by_pixel, by_bin, sums)
    assert sums[0, :, 2] == pytest.approx(dense[:, 7] * 0.5)
