"""Fourier transforms on the CPU: ours against NumPy's, and who makes those of which size."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.device.fft import by, fourier
from tests.patience import patience

OURS = [n for n in range(16, 129) if by((n, n)) == "nanompi"]
LIMITS = {"complex64": 5e-7, "complex128": 1e-15}  # some times the rounding of one number, of the largest


def waves(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def truth(z, inverse):
    return np.fft.ifft2(z, norm="forward") if inverse else np.fft.fft2(z)


def error(z, dtype, inverse):
    """The largest error of a transform, relative to the largest value"""
    want, own = truth(z.astype(dtype).astype(complex), inverse), z.astype(dtype)
    assert fourier(own, inverse) is own and own.dtype == dtype
    return abs(own - want).max() / abs(want).max()


def test_ours_are_the_even_sizes_without_prime_factors_above_7():
    assert OURS == [
        *(16, 18, 20, 24, 28, 30, 32, 36, 40, 42, 48, 50, 54, 56, 60, 64),
        *(70, 72, 80, 84, 90, 96, 98, 100, 108, 112, 120, 126, 128),
    ]


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("dtype", LIMITS)
def test_every_length_along_both_axes(dtype, inverse):
    """Rows and columns that fill the lanes, and those that are left over"""
    errors = {n: max(error(waves(2, *shape), dtype, inverse) for shape in ((n, 36), (32, n))) for n in OURS}
    assert max(errors.values()) < LIMITS[dtype], errors


@pytest.mark.parametrize("shape", [(256, 256), (512, 128), (2, 3, 192, 320), (1, 1, 16, 1000)])
@pytest.mark.parametrize("dtype", LIMITS)
def test_frames_of_some_sizes(dtype, shape):
    assert error(waves(*shape), dtype, False) < LIMITS[dtype] > error(waves(*shape), dtype, True)


@pytest.mark.parametrize("shape", [(3, 17, 32), (2, 32, 22), (13, 13), (8, 8)])
def test_other_sizes_are_those_of_scipy(shape):
    z = waves(*shape)
    own = z.copy()
    assert fourier(own, False) is own and np.allclose(own, truth(z, False), rtol=0, atol=1e-12)
    assert by(shape[-2:]) == "SciPy"


def test_no_frames():
    assert fourier(np.empty((0, 32, 32), np.complex64), False).shape == (0, 32, 32)


def test_what_is_no_whole_array_is_transformed_in_place():
    room = waves(4, 2, 40, 32).astype(np.complex64)
    want = truth(room[:, :, :32], False)
    fourier(room[:, :, :32], False)
    assert abs(room[:, :, :32] - want).max() < 1e-3


@pytest.mark.parametrize("shape", [(32, 48), (30, 42)])
def test_a_frame_has_the_same_bits_wherever_it_stands(shape):
    """So it has on any number of ranks and threads, and its faults stay its own"""
    z, d = waves(5, *shape).astype(np.complex64), Cpu()
    z[2, 3, 4] = np.nan
    whole = d.fft(z.copy())
    for j in range(5):
        alone = d.fft(z[j : j + 1].copy())[0]
        assert np.array_equal(alone, whole[j], equal_nan=True) and np.isfinite(whole[j]).all() == (j != 2)
    assert np.isnan(whole[2]).all()


NARROW = """
from nanompi.device import lanes
from tests.device import test_fft as t
assert lanes.BYTES == {bytes}, lanes.BYTES
for dtype, limit in t.LIMITS.items():
    for shape in ((32, 48), (30, 42), (18, 64)):
        assert t.error(t.waves(2, *shape), dtype, True) < limit
from tests.device.test_sweep import REFLECTION, test_a_sweep_equals_its_kernels as sweep
for precision in ("single", "double"):
    sweep(0.7, precision, "uint16", 2, (16, 32), REFLECTION)
"""
FEATURES = {16: "+sse2", 32: "+avx,+avx2,+fma"}


@pytest.mark.slow
@pytest.mark.parametrize("wide", FEATURES)
def test_registers_of_other_cpus(tmp_path, wide):
    """numba compiles for a CPU that knows less, if told so"""
    features = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": FEATURES[wide]}
    env = {**os.environ, **features, "NUMBA_CACHE_DIR": str(tmp_path)}
    text = NARROW.format(bytes=wide)
    subprocess.run([sys.executable, "-c", text], env=env, check=True, timeout=patience(300))
