"""The emulator finds what it is there to find."""

import numpy as np
import pytest

from tests.emulate.build import module

TEXT = """
extern "C" __global__ void turn(const int* in, int* out, int n) {  // each block turns its part round
    __shared__ int kept[64];
    kept[threadIdx.x] = in[blockIdx.x * n + threadIdx.x];
    BARRIER
    out[blockIdx.x * n + threadIdx.x] = kept[n - 1 - threadIdx.x];
}
extern "C" __global__ void some(int* out, int n) {
    if (threadIdx.x < n) __syncthreads();
    out[threadIdx.x] += 1;
}
"""


def turned(kernels, backwards):
    data, out = np.arange(96, dtype=np.int32), np.zeros(96, np.int32)
    kernels.run("turn", (3,), (32,), [data, out, 32], backwards)
    return out


def test_threads_meet_at_a_barrier():
    want = np.arange(96).reshape(3, 32)[:, ::-1].ravel()
    kernels = module(TEXT.replace("BARRIER", "__syncthreads();"), {})
    assert np.array_equal(turned(kernels, False), want)
    assert np.array_equal(turned(kernels, True), want)


def test_missing_barrier_shows_in_reverse_order():
    kernels = module(TEXT.replace("BARRIER", ""), {})
    assert not np.array_equal(turned(kernels, False), turned(kernels, True))


@pytest.mark.parametrize("n", [1, 5])
def test_barrier_that_some_threads_miss_is_an_error(n):
    """and the next launches are right again"""
    kernels = module(TEXT.replace("BARRIER", "__syncthreads();"), {})
    with pytest.raises(RuntimeError, match="some: line 9: some threads"):
        kernels.run("some", (2,), (32,), [np.zeros(32, np.int32), n])
    out = np.zeros(32, np.int32)
    for _ in range(2):
        kernels.run("some", (2,), (32,), [out, 32])
    assert np.array_equal(out, np.full(32, 4))
    assert turned(kernels, False)[0] == 31
