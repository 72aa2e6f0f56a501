"""Rows filled by threads."""

import threading

import numpy as np
import pytest

from nanompi.data.buffer import FrameBuffer
from nanompi.io.prefetch import through
from nanompi.mpi.team import Team
from tests.patience import patience


@pytest.mark.parametrize("odd", [(), (3,), (0, 40, 41, 99)])
def test_rows_put_by_threads_are_all_there_also_when_they_widen(odd):
    frames = np.random.default_rng(0).integers(0, 9, (100, 16, 16)).astype(np.float32)
    frames[list(odd)] += 0.5
    rows, order = FrameBuffer(100), np.random.default_rng(1).permutation(100)

    def put(where):
        block = frames[where]
        rows.put(where, block if np.any(block % 1) else block.astype(np.uint16))

    list(through(4, put, np.array_split(order, 50)))
    got = rows.all(Team(alone=True))
    assert got.dtype == (np.float32 if odd else np.uint16) and np.array_equal(got, frames)


def test_nobody_writes_while_the_rows_widen():
    """A thread that is in the middle of its copy is waited for."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(np.ndarray):
        def __array_finalize__(self, other):
            pass

        def __setitem__(self, key, value):
            inside.set()
            go_on.wait(patience(5))
            np.ndarray.__setitem__(self.view(np.ndarray), key, value)

    rows = FrameBuffer(2)
    rows.counts = np.zeros((2, 2, 2), np.uint16).view(Slow)
    first = threading.Thread(target=rows.put, args=(np.array([0]), np.full((1, 2, 2), 7, np.uint16)))
    first.start()
    inside.wait(patience(5))
    second = threading.Thread(target=rows.put, args=(np.array([1]), np.full((1, 2, 2), 0.5, np.float32)))
    second.start()
    second.join(0.05)
    assert second.is_alive()
    go_on.set()
    first.join(patience(5)), second.join(patience(5))
    assert np.asarray(rows.counts)[:, 0, 0].tolist() == [7, 0.5]
