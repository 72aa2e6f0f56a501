"""A card on the CPU: the package in `fake/` takes the place of CuPy, the kernels are built by g++."""

import pytest

from tests.emulate.fake.use import environment, fake_cupy


@pytest.fixture
def card():
    """`with card(precision, MEMORY=...) as device:` a Cuda device on the emulated card"""
    from contextlib import contextmanager

    @contextmanager
    def make(precision="double", atomics=False, **settings):
        with fake_cupy(**settings) as cupy:
            from nanompi.device.cuda import Cuda

            device = Cuda(cupy, precision=precision)
            device.atomics = atomics
            device.limit(1, device.free())
            yield device

    return make


@pytest.fixture
def emulated():
    """`emulated(CARDS=2)`: environment in which a child process finds the emulated card."""
    return lambda **settings: environment(**settings)
