"""A real card. Without one the tests here are skipped, with the reason that a run would give.

NANOMPI_TEST_POOL=off : each array has memory of its own, as NVIDIA's checker wants it: in a pool arrays are
    cut from each other, and what runs over the end of one falls into the next unseen
"""

import gc
import os
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def cupy_here():
    """CuPy with a card that works"""
    from nanompi.device.card import Unusable, check_toolkit, pick

    try:
        cupy, _, _ = pick(0)
        check_toolkit(cupy)
    except Unusable as e:
        pytest.skip(f"no GPU: {e}")
    if os.environ.get("NANOMPI_TEST_POOL") == "off":
        cupy.cuda.set_allocator(None)
        cupy.cuda.set_pinned_memory_allocator(None)
    return cupy


@pytest.fixture
def card(cupy_here):
    """`with card(precision, MEMORY=...) as device:` as in tests/emulate; MEMORY limits the pool, L2 is
    believed, what else the stand-in can be told is as the card has it"""

    @contextmanager
    def make(precision="double", atomics=False, MEMORY=None, L2=None, **_only_emulated):
        from nanompi.device.cuda import Cuda

        pool = cupy_here.get_default_memory_pool()
        gc.collect()  # a device and its streams know each other
        pool.free_all_blocks()
        device = Cuda(cupy_here, precision=precision)
        device.atomics = atomics
        device.cache = L2 or device.cache
        device.limit(1, MEMORY + pool.used_bytes() if MEMORY else device.free())
        try:
            yield device
        finally:
            device.wait()
            pool.set_limit(size=0)

    return make
