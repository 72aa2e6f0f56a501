"""Memory of the host that copies reach: as much as is needed, once, given back, and said with numbers."""

import numpy as np
import pytest

from nanompi.errors import ResourceError

N, ROW = 11, 3000  # frames; bytes of the waves of one


@pytest.fixture
def rows(card):
    """`rows(device, held, host)`: an array over the frames"""

    def make(device, held, host=None):
        from nanompi.device.streamed import StreamedArray

        return StreamedArray(device, (N, ROW), np.uint8, held, host)

    return make


def pinned(device):
    return device.xp.cuda.runtime.pinned.used


def test_only_rows_that_stay_on_the_host_are_pinned(card, rows):
    """Not the next power of two of all frames"""
    with card("single") as device:
        waves = rows(device, 8)
        assert pinned(device) == 3 * ROW and waves.away.shape == (3, ROW)
        whole = rows(device, N)
        assert pinned(device) == 3 * ROW and whole.away is None
        del waves
        assert pinned(device) == 0


def test_an_array_of_the_host_is_pinned_once_as_long_as_rows_of_it_are_away(card, rows):
    values = np.arange(N * ROW).astype(np.uint8).reshape(N, ROW)
    with card("single") as device:
        counts, runtime = rows(device, 6, values), device.xp.cuda.runtime
        register, asked = runtime.hostRegister, []
        runtime.hostRegister = lambda *args: (asked.append(args), register(*args))
        for held in (6, 2, 0, 9):
            counts.hold(held)
            assert pinned(device) == N * ROW and np.array_equal(counts.get(), values)
        counts.hold(N)
        assert pinned(device) == 0 and np.array_equal(counts.get(), values) and not asked
        counts.hold(10)
        assert pinned(device) == N * ROW and len(asked) == 1


def test_rows_may_be_given_up_while_they_are_copied(card, rows):
    with card("single") as device:
        waves = rows(device, 4)
        for _, here in device.stream(N, 2, {"waves": waves}, write=["waves"]):
            here["waves"][...] = 1
        del waves
        assert pinned(device) == 0


def test_too_little_memory_of_the_host_is_said_with_numbers(card, rows):
    with card("single", PINNED=10 * ROW) as device:
        first = rows(device, N - 7)
        with pytest.raises(ResourceError, match=r"asks for 12 kB .*beside 21 kB that it holds"):
            rows(device, N - 4)
        assert pinned(device) == first.away.nbytes == 7 * ROW


def test_blocks_of_cupys_own_copies_make_way(card, rows):
    """An upload of 4 rows leaves a block of 16 KB in CuPy's pool"""
    with card("single", PINNED=20_000) as device:
        device.array(np.zeros(4 * ROW, np.uint8))
        assert pinned(device) == 16 << 10
        waves = rows(device, 8)
        assert pinned(device) == 3 * ROW == waves.away.nbytes


def test_work_arrays_that_are_forgotten_leave_no_pinned_blocks(card):
    with card("single") as device:
        counts = device.counts(np.zeros((N, 20, 20), np.uint16))
        device.array(np.zeros(4 * ROW, np.uint8))
        assert pinned(device) > 0
        device.large((N, 1, 20, 20), np.complex64, counts)
        assert pinned(device) == 0


def test_objects_that_only_know_each_other_let_go(card, rows):
    """Somebody else had pinned the same counts, and has not been collected yet"""
    values = np.ones((N, ROW), np.uint8)
    with card("single") as device:
        former = rows(device, 3, values)
        former.knot = former
        del former
        later = rows(device, 5, values)
        assert pinned(device) == later.away.nbytes == N * ROW
