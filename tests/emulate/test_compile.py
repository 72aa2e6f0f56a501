"""NVRTC compiles every kernel for sm_70, sm_80 and sm_90, without spills but for some words in double."""

import pytest

from nanompi.device.kernels import source
from tests.emulate.build import KERNEL
from tests.emulate.nvrtc import compiled, everything

IN_DOUBLE = ("peaks",)  # whatever the precision of a run


ORDINARY = ("float", "sm_90")  # the slow tests have the others
EVERY = [
    case if case[1::2] == ORDINARY else pytest.param(*case, marks=pytest.mark.slow) for case in everything()
]


@pytest.mark.parametrize("theme, real, count, arch", EVERY)
def test_compiles(theme, real, count, arch):
    rows = compiled(theme, real, count, arch)
    assert sorted(r["kernel"] for r in rows) == sorted(name for name, _ in KERNEL.findall(source(theme)))
    for row in rows:
        assert row["arch"] == arch
        assert row["shared"] <= 48 << 10, row  # what every card gives without asking
        most, spilt = (128, 16) if real == "double" or theme in IN_DOUBLE else (80, 0)
        assert row["registers"] <= most and row["spills"] <= spilt, row


def test_error_and_spills_are_seen():
    """A text that cannot be compiled is an error with its line; one which needs too many registers spills"""
    with pytest.raises(RuntimeError, match=r"wrong\.cu\(1\): error"):
        compiled("wrong", "float", "float", "sm_80", "extern __global__ void k() { nothing; }")
    text = """extern "C" __global__ void __launch_bounds__(1024, 2) k(double* a, int n) {
        double v[40];
        for (int i = 0; i < 40; ++i) v[i] = a[i * n];
        __syncthreads();
        for (int i = 0; i < 40; ++i) a[i * n] = v[i] * v[39 - i];
    }"""
    (row,) = compiled("greedy", "float", "float", "sm_80", text)
    assert row["spills"] > 0
