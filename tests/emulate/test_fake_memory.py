"""The stand-in's memory has the rules of CuPy's pools: split chunks stay, pinned blocks are powers of two."""

import gc

import numpy as np
import pytest

from tests.emulate.fake.use import fake_cupy

KB = 1 << 10


@pytest.fixture
def cp():
    with fake_cupy(MEMORY=1 << 20, PINNED=64 * KB) as cupy:
        yield cupy


@pytest.fixture
def pool(cp):
    return cp.get_default_memory_pool()


def taken(cp, kilobytes):
    return cp.empty(kilobytes * KB, cp.uint8)


def test_a_chunk_of_which_a_piece_is_in_use_is_not_given_back(cp, pool):
    """900 KB are free, but 600 of them lie in one piece with 1 KB that is not"""
    whole = taken(cp, 600)
    del whole
    piece = taken(cp, 1)
    pool.free_all_blocks()
    assert (pool.used_bytes(), pool.total_bytes(), pool.free_bytes()) == (KB, 600 * KB, 599 * KB)
    with pytest.raises(MemoryError, match=r"allocating 921,600 bytes .*allocated so far: 614,400 bytes"):
        taken(cp, 900)
    assert taken(cp, 599).nbytes == 599 * KB and pool.total_bytes() == 600 * KB
    del piece
    assert taken(cp, 900).nbytes == pool.total_bytes() == 900 * KB  # room is made without being asked


def test_the_smallest_chunk_that_is_large_enough_is_split(cp, pool):
    arrays = [taken(cp, kilobytes) for kilobytes in (300, 100, 200)]
    del arrays[:]
    piece = taken(cp, 80)
    pool.free_all_blocks()
    assert pool.total_bytes() == 100 * KB and pool.used_bytes() == piece.nbytes == 80 * KB


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0), (2, 0, 1)])
def test_pieces_join_again_in_any_order(cp, pool, order):
    whole = taken(cp, 500)
    del whole
    pieces = dict(enumerate(taken(cp, kilobytes) for kilobytes in (100, 150, 250)))
    for i in order:
        assert pool.total_bytes() == 500 * KB
        pool.free_all_blocks()
        del pieces[i]
    again = taken(cp, 500)
    assert pool.total_bytes() == again.nbytes == 500 * KB
    del again
    pool.free_all_blocks()
    assert pool.total_bytes() == 0


def test_a_stream_has_chunks_of_its_own(cp, pool):
    whole = taken(cp, 400)
    del whole
    with cp.cuda.Stream(non_blocking=True):
        other = taken(cp, 300)
    assert pool.total_bytes() == 700 * KB and pool.used_bytes() == other.nbytes


def test_arrays_that_only_know_each_other_make_way(cp, pool):
    class Knot:
        pass

    gc.disable()
    try:
        one, two = Knot(), Knot()
        one.other, two.other, one.array = two, one, taken(cp, 800)
        del one, two
        assert pool.used_bytes() == 800 * KB
        assert taken(cp, 900).nbytes == pool.used_bytes()
    finally:
        gc.enable()


# ---- pinned memory


def pinned(cp):
    return cp.cuda.runtime.pinned.used


def test_pinned_blocks_are_powers_of_two_and_stay(cp):
    import cupyx

    pool = cp.get_default_pinned_memory_pool()
    a = cupyx.empty_pinned(17 * KB, np.uint8)
    assert pinned(cp) == 32 * KB and pool.n_free_blocks() == 0
    del a
    assert pinned(cp) == 32 * KB and pool.n_free_blocks() == 1
    a = cupyx.empty_pinned(20 * KB, np.uint8)  # the same block
    assert pinned(cp) == 32 * KB and pool.n_free_blocks() == 0
    small = cupyx.empty_pinned(3, np.uint8)
    assert pinned(cp) == 32 * KB + 512 and small.nbytes == 3
    with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="cudaErrorMemoryAllocation") as e:
        cupyx.empty_pinned(33 * KB, np.uint8)
    assert e.value.status == 2
    del a, small
    assert cupyx.empty_pinned(33 * KB, np.uint8).nbytes < pinned(cp) == 64 * KB  # what was free has gone
    pool.free_all_blocks()
    assert pinned(cp) == 0 and pool.n_free_blocks() == 0


def test_an_upload_from_memory_that_is_not_pinned_leaves_a_block(cp):
    whole = cp.asarray(np.arange(5000, dtype=np.uint8))
    assert pinned(cp) == 8 * KB and cp.get_default_pinned_memory_pool().n_free_blocks() == 1
    whole.set(np.ones(5000, np.uint8))  # as it is
    assert pinned(cp) == 8 * KB
    assert cp.asarray(np.ones(100 * KB, np.uint8)).get().all()  # more than can be pinned goes without


def test_registered_memory_counts_as_it_is(cp):
    a, runtime = np.ones(40 * KB, np.uint8), cp.cuda.runtime
    runtime.hostRegister(a[KB:].ctypes.data, 39 * KB, 0)
    assert pinned(cp) == 39 * KB
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorMemoryAllocation"):
        runtime.hostRegister(np.ones(26 * KB, np.uint8).ctypes.data, 26 * KB, 0)
    runtime.hostUnregister(a[KB:].ctypes.data)
    assert pinned(cp) == 0
