"""Pieces of work in threads: order, bounds, errors."""

import threading
import time

import pytest

from nanompi.io.prefetch import through
from tests.patience import patience


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_results_come_in_the_order_of_the_pieces(threads):
    def work(k):
        time.sleep(0.002 * (k % 3))
        return k * k

    assert list(through(threads, work, range(20))) == [k * k for k in range(20)]


def test_no_more_pieces_are_taken_than_are_worked_on():
    taken, done = [], []
    for one in through(2, lambda k: k, (taken.append(k) or k for k in range(50))):
        done.append(one)
        assert len(taken) - len(done) <= 3


def test_the_first_piece_is_done_before_others_begin():
    first = []
    list(through(3, lambda k: first.append(k), range(9)))
    assert first[0] == 0


def test_threads_work_side_by_side():
    meet = threading.Barrier(2, timeout=patience(5))
    assert list(through(2, lambda k: k if k == 0 else bool(meet.wait() + 1), range(3))) == [0, True, True]


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_comes_to_the_caller_and_ends_the_work(threads):
    begun = []

    def work(k):
        begun.append(k)
        if k == 4:
            raise ValueError("piece 4")
        return k

    with pytest.raises(ValueError, match="piece 4"):
        list(through(threads, work, range(1000)))
    assert len(begun) < 20
