"""A card on the CPU: the package in `fake/` takes the place of CuPy, the kernels are built by g++."""

import os
import sys
from pathlib import Path

import pytest

FAKE = Path(__file__).parent / "fake"


def _forget():
    for name in [n for n in sys.modules if n.split(".")[0] in ("cupy", "cupyx")]:
        del sys.modules[name]


@pytest.fixture
def card(monkeypatch):
    """`card(precision, memory=None, **more)`: a Cuda device on the emulated card of so many bytes."""
    monkeypatch.syspath_prepend(FAKE)
    _forget()

    def make(precision="double", memory=None, streams="lazy", **more):
        from nanompi.device.cuda import Cuda

        if memory is not None:
            monkeypatch.setenv("NANOMPI_FAKE_MEMORY", str(memory))
        monkeypatch.setenv("NANOMPI_FAKE_STREAMS", streams)
        import cupy

        device = Cuda(cupy, precision=precision, **more)
        device.share(1, device.free())
        return device

    yield make
    _forget()


@pytest.fixture(scope="session")
def emulated() -> dict[str, str]:
    """Environment in which a child process finds the emulated card."""
    root = Path(__file__).parents[2]
    path = [str(FAKE), str(root), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {"PYTHONPATH": os.pathsep.join(p for p in path if p)}
