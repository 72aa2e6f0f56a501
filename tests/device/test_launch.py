"""Launches are put together once for each shape; work arrays come back as they were."""

import numpy as np
import pytest

from nanompi.device.checks.scene import Scene
from nanompi.device.kernels import load
from nanompi.device.kernels.launch import Launches
from nanompi.device.scratch import Scratch

OVERLAP = load("_cuda")


class Noting:
    """A device that notes which kernels it was asked for, and each launch."""

    real, atomics, xp = np.float32, False, np

    def __init__(self):
        self.compiled, self.done, self.launches = [], [], Launches(self._kernel)

    def _kernel(self, theme, name, counts):
        self.compiled.append((theme, name, np.dtype(counts).name))
        return lambda grid, block, args: self.done.append((name, grid, block, args))

    def places(self, many, blocks):
        return (np.zeros((blocks, many)),) * 2


def mixed(gpu, s, n=5):
    OVERLAP.mix(gpu, s.O, s.P, s.at[:n], s.psi[:n], 2, -1, s.z[:n])


def test_a_block_of_the_same_shape_asks_for_nothing_again():
    gpu, s = Noting(), Scene("single", modes=2, n=5, size=(12, 10))
    for n in (5, 5, 3, 5):
        mixed(gpu, s, n)
    assert gpu.compiled == [("overlap", "mix_2", "uint16")] * 2
    sizes = [tuple(int(a) for a in args[-5:]) for _, _, _, args in gpu.done]
    assert sizes == [(n, 2, 12, 10, s.O.shape[1]) for n in (5, 5, 3, 5)]
    assert [grid for _, grid, _, _ in gpu.done] == [(1, 1, n) for n in (5, 5, 3, 5)]
    assert all(type(a) is np.int32 for a in gpu.done[0][3][-5:])
    assert gpu.done[0][3][5:7] == (2, -1) and type(gpu.done[0][3][5]) is np.float32


def test_counts_of_another_type_need_another_kernel():
    gpu, whole, real = Noting(), Scene("single"), Scene("single", "float32")
    for s in (whole, real, whole):
        OVERLAP.project(gpu, s.F, s.I, s.mask, s.gain, 1, 0, 0)
    assert gpu.compiled == [("modulus", "project_2_2", name) for name in ("uint16", "float32")]
    assert len(gpu.done) == 3


def test_an_array_that_is_not_contiguous_is_refused_each_time():
    gpu, s = Noting(), Scene("single", size=(12, 12))
    mixed(gpu, s)
    with pytest.raises(ValueError, match=r"mix_2: an array of shape \(.*\) is not contiguous"):
        OVERLAP.mix(gpu, s.O.T.copy().T, s.P, s.at, s.psi, 2, -1, s.z)
    assert len(gpu.done) == 1


def test_no_frames_no_launch():
    gpu, s = Noting(), Scene("single", n=0)
    mixed(gpu, s)
    sums = OVERLAP.project(gpu, s.F, s.I, s.mask, s.gain, 1, 0, 0)
    assert gpu.done == [] and sums.sum(0).tolist() == [0.0]


def test_scratch_keeps_what_it_gave():
    made = []
    scratch = Scratch(type("Xp", (), {"empty": staticmethod(lambda n, d: made.append(n) or np.empty(n, d))}))
    one = scratch((4, 3), np.float32)
    assert scratch((4, 3), np.dtype("f4")) is one
    tail = scratch((2, 3), np.float32)
    assert tail.shape == (2, 3) and np.shares_memory(tail, one) and tail.flags.c_contiguous
    assert np.shares_memory(scratch((4, 3), np.float32), one) and made == [12]
    assert not np.shares_memory(scratch((4, 3), np.float32, slot=1), one)
    larger = scratch((5, 3), np.float32)
    assert larger.shape == (5, 3) and not np.shares_memory(larger, one)
    scratch.clear()
    assert scratch((5, 3), np.float32) is not larger and made == [12, 12, 15, 15]
