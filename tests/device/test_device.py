"""The two devices offer the same verbs, and no engine can call one that only one of them has."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device import Cpu, Device, threads_of
from nanompi.device.cuda import Cuda
from nanompi.device.fit import WORK, Frame, expected_area, fit, usual
from nanompi.device.kernels import layout
from nanompi.errors import ResourceError
from nanompi.mpi.launcher import share_of
from nanompi.run.options import Options


def verbs(cls) -> set[str]:
    """Names of the public methods of a class."""
    return {n for n, f in inspect.getmembers(cls, inspect.isfunction) if not n.startswith("_")}


@pytest.mark.parametrize("cls", [Cpu, Cuda])
def test_every_verb_takes_the_same_arguments(cls):
    want = {verb: list(inspect.signature(getattr(Device, verb)).parameters) for verb in verbs(Device)}
    assert {verb: list(inspect.signature(getattr(cls, verb)).parameters) for verb in want} == want
    empty = {verb for verb in want if getattr(cls, verb) is getattr(Device, verb)}
    own = {"wait", "left_on_host", "by_rows", "sweep", "shifted", "shifted_back"}
    assert empty <= own  # all others are stated, not done, in Device


def test_the_cpu_has_no_verb_of_its_own():
    """What an ordinary test calls, a card has."""
    assert verbs(Cpu) == verbs(Device) and all(hasattr(Cpu(), name) for name in Device.__annotations__)


def test_what_fits_on_a_card():
    """Frames of 10 + 2 bytes; a block of 8 needs 8 * (4 * 10 + 3 * 7 + 3 * 12) = 776 bytes"""
    cache, frame = 240, Frame(waves=10, counts=2, area=7)  # holds no three arrays of 32 frames: 128 pay
    assert fit(frame, 128 * 97, cache).frames == 128 and fit(frame, 128 * 97, cache).limit is None
    small = fit(frame, 810, cache)
    assert (small.frames, small.limit, small.room) == (8, 80, 810 - 488)
    assert small.held(26) == (26, 26)  # 312 bytes of 322
    assert small.held(100) == (0, 16)  # 34 bytes beside three blocks: no block of waves, two of counts
    with pytest.raises(ResourceError, match=r"blocks of one frame need 0\.0 MiB.*\(a card\)\. Use"):
        fit(frame, 96, cache, "a card")


@pytest.mark.parametrize("side, times", [(256, 1), (2 * 127, 1), (1, 1), (131, 8), (2 * 509, 8)])
def test_the_work_area_of_a_size_with_a_large_prime_is_expected_to_be_large(side, times):
    assert expected_area((128, side), 1000) == expected_area((side, 128), 1000) == times * 1000


def test_a_block_stays_in_the_cache_where_three_arrays_of_32_frames_fill_half_of_it():
    """Frames of 256² and 128² on an H100 (50 MiB), of 128² on an A100 (40 MiB), of 512² and 4096²"""
    row = {n: 8 * n * n for n in (128, 256, 512, 4096)}
    blocks = [(50, 128), (40, 128), (50, 256), (50, 512), (50, 4096)]
    frames = [usual(mb << 20, row[n]) // row[n] for mb, n in blocks]
    assert frames == [133, 106, 128, 64, 1]
    edge = 6 * 32 * 100
    assert (usual(edge, 100), usual(edge - 2, 100)) == (edge // 3, 128 * 100)


@pytest.mark.parametrize("n", [4, 8, 31, 33, 64, 65, 100, 256, 509])
def test_the_sums_of_a_block_have_the_room_that_is_planned(n):
    """Eight sums (figures of quality) for each block of threads: half of a frame of one mode in single"""
    frames = 16
    grid, _ = layout.over_frames(frames, n, n)
    assert layout.blocks(grid) * 8 * 8 <= 0.5 * frames * n * n * 8
    assert WORK == 2 + 3 * 0.5 + 0.5  # scratch arrays, reals, sums


def test_lanes_share_the_rows_of_a_sum():
    seen = []
    Cpu(threads=3).by_rows(lambda a, lane, lanes: seen.append((a, lane, lanes)), "a")
    Device.by_rows(None, lambda a, lane, lanes: seen.append((a, lane, lanes)), "b")
    assert sorted(seen) == [("a", 0, 3), ("a", 1, 3), ("a", 2, 3), ("b", 0, 1)]
    assert Cpu(precision="double").complex is np.complex128


def test_a_rank_has_its_share_of_the_cores_it_may_use():
    """Bound to cores of their own; all on all cores; some bound, others not; more ranks than cores"""
    assert [share_of(own, [{0, 1, 2}, {3, 4}]) for own in ({0, 1, 2}, {3, 4})] == [3, 2]
    every = set(range(8))
    assert [share_of(every, [every] * n) for n in (1, 2, 3, 8, 9)] == [8, 4, 2, 1, 1]
    assert [share_of(own, [{0, 1}, every]) for own in ({0, 1}, every)] == [1, 7]


def test_threads_are_as_asked_or_the_share_of_the_rank():
    team = SimpleNamespace(cores=7)
    assert threads_of(Options(), team) == 7 and threads_of(Options(threads=3), team) == 3
