"""Copies through two pinned pieces: every row arrives, in whatever order the streams work."""

import numpy as np
import pytest

from nanompi.device import staging
from tests.emulate.fake.use import fake_cupy

N, ROW = 23, 40


@pytest.fixture(params=["lazy", "eager"])
def device(request):
    """A card whose streams do their work as late, or as early, as they may"""
    with fake_cupy(STREAMS=request.param) as cupy:
        from nanompi.device.cuda import Cuda

        device = Cuda(cupy)
        device.limit(1, device.free())
        yield device


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(N, ROW)).astype(np.float32)


def streamed(device, held, host=None):
    from nanompi.device.streamed import StreamedArray

    return StreamedArray(device, (N, ROW), np.float32, held, host)


@pytest.mark.parametrize("held", [0, 9, N])
@pytest.mark.parametrize("step", [1, 4, 50])
def test_rows_leave_one_slice_after_the_other(device, values, held, step):
    """Kernels have just changed them; the rows of a slice are whole while those of the next travel"""
    array = streamed(device, held)
    array.put(np.arange(N), values)
    for _, here in device.stream(N, 5, {"a": array}, read=["a"], write=["a"]):
        here["a"] += 1
    cuts = [slice(i, min(i + step, N)) for i in range(0, N, step)]
    seen = [rows.copy() for rows in device.pieces(array, cuts)]
    assert [len(rows) for rows in seen] == [f.stop - f.start for f in cuts]
    assert np.array_equal(np.concatenate(seen), values + 1)


def test_a_rank_without_frames_has_no_pieces(device):
    assert list(device.pieces(streamed(device, 0), [])) == []


@pytest.mark.parametrize("piece", [1, 5 * ROW * 4, 8 << 20])
def test_rows_of_ordinary_memory_are_brought_and_may_change_afterwards(monkeypatch, device, values, piece):
    """In pieces of 1, of 5 and of all rows, of which two are pinned meanwhile, and none afterwards"""
    monkeypatch.setattr(staging, "PIECE", piece)
    given, pinned = values.copy(), device.xp.cuda.runtime.pinned
    array = streamed(device, N, given)
    given[...] = np.nan
    assert np.array_equal(array.on_card.get(), values) and pinned.used == 0


def test_counts_that_are_partly_away_come_from_where_they_are_pinned(device, values):
    array = streamed(device, 9, values)
    assert np.array_equal(array.on_card.get(), values[:9])
    for held in (4, 0, N):
        array.hold(held)
        assert np.array_equal(array.on_card.get(), values[:held]) and np.array_equal(array.get(), values)


def test_a_copy_waits_for_kernels_that_still_use_the_memory(device, values):
    rows = device.xp.zeros((N, ROW), np.float32)
    staging.bring(device, rows, values)
    assert np.array_equal(rows.get(), values)
