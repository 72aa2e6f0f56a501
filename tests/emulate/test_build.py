"""The emulator finds what it is there to find."""

from itertools import count

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
extern "C" __global__ void twice(int* out, int n) {  // neighbours change places, twice
    __shared__ int kept[2][64];
    const int t = threadIdx.x;
    kept[0][t] = out[blockIdx.x * n + t];
    __syncthreads();
    kept[1][t] = kept[0][t ^ 1];
    BARRIER
    out[blockIdx.x * n + t] = kept[1][t ^ 1];
}
extern "C" __global__ void some(int* out, int n) {
    if (threadIdx.x < n) __syncthreads();
    out[threadIdx.x] += 1;
}
"""


ORDERS = (0, -1, 1, 2, 3)
FRESH = count(1, 1000)  # where numbers begin that no block has left in its shared memory


def turned(kernels, order=0):
    """The places that are wrong"""
    data, out = np.arange(96, dtype=np.int32) + next(FRESH), np.zeros(96, np.int32)
    kernels.run("turn", (3,), (32,), [data, out, 32], order)
    return np.flatnonzero(out != data.reshape(3, 32)[:, ::-1].ravel()).tolist()


def swapped(kernels, order):
    """The places that are wrong"""
    data = np.arange(96, dtype=np.int32) + next(FRESH)
    out = data.copy()
    kernels.run("twice", (3,), (32,), [out, 32], order)
    return np.flatnonzero(out != data).tolist()


@pytest.mark.parametrize("order", ORDERS)
def test_threads_meet_at_a_barrier(order):
    kernels = module(TEXT.replace("BARRIER", "__syncthreads();"), {})
    assert turned(kernels, order) == swapped(kernels, order) == []


def test_missing_barrier_shows():
    """Of two neighbours the one whose turn is first reads too early: half of the places in any order, others
    in another; at random also behind a barrier that is there"""
    kernels = module(TEXT.replace("BARRIER", ""), {})
    assert turned(kernels, 0) != turned(kernels, -1)
    wrong = [swapped(kernels, order) for order in ORDERS]
    assert wrong[:2] == [list(range(0, 96, 2)), list(range(1, 96, 2))]
    assert all(len(w) == 48 and {0, 1} == {i % 2 for i in w} for w in wrong[2:])


def test_a_seed_is_an_order():
    """The same again for the same seed, another for another"""
    kernels = module(TEXT.replace("BARRIER", ""), {})
    one, two, again = (turned(kernels, order) for order in (1, 2, 1))
    assert one == again != two


@pytest.mark.parametrize("n", [1, 5])
def test_barrier_that_some_threads_miss_is_an_error(n):
    """and the next launches are right again"""
    kernels = module(TEXT.replace("BARRIER", "__syncthreads();"), {})
    with pytest.raises(RuntimeError, match="some: line 18: some threads"):
        kernels.run("some", (2,), (32,), [np.zeros(32, np.int32), n])
    out = np.zeros(32, np.int32)
    for _ in range(2):
        kernels.run("some", (2,), (32,), [out, 32])
    assert np.array_equal(out, np.full(32, 4))
    assert turned(kernels) == []
