"""When frames move, and when they stay: decisions on made-up seconds of three ranks."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.methods.ptycho.balance import WINDOW, Balance
from nanompi.methods.ptycho.partition.stripes import Stripes
from nanompi.timing import Clock


class Team:
    """This is rank 0; the others have other seconds and as many frames."""

    def __init__(self, factors):
        self.factors, self.rank = factors, 0

    def allgather(self, thing):
        seconds, n = thing
        return [(seconds * f, n) for f in self.factors]


def looks(factors, seconds, left, frames=100, disturbed=()):
    """The speeds by which frames would move after some iterations; None where they stay"""
    p = SimpleNamespace(
        team=Team(factors), clock=Clock(), at=np.zeros((frames, 3)), I=np.zeros((frames, 8, 8))
    )
    balance, asked = Balance(Stripes(), np.zeros((3 * frames, 2)), str), []
    balance.shift = lambda p, engine, speed, took: asked.append(speed)
    engine = SimpleNamespace()
    for i in range(WINDOW + 1):
        p.worked = 10 * seconds if i in (0, *disturbed) else seconds
        balance.turn(p, engine, left)
    assert len(asked) <= 1 and balance.window == (2 * WINDOW if asked else WINDOW)
    return asked[0] if asked else None


def test_a_slow_rank_gives_frames_away():
    speed = looks((1, 1, 2), 1.0, 100)
    assert speed == pytest.approx([100, 100, 50])


@pytest.mark.parametrize(
    ("factors", "left", "why"),
    [
        ((1, 1.02, 1.1), 10_000, "less than 10 % above the mean"),
        ((1, 1, 2), 20, "2 - 1.2 s are saved in each of 12: less than 10 s"),
        ((1, 1, 2), 0, "nothing is left to do"),
    ],
)
def test_frames_stay(factors, left, why):
    assert looks(factors, 1.0 if left != 20 else 0.5, left) is None, why


def test_what_disturbs_some_iterations_does_not_count():
    assert looks((1, 1, 1), 1.0, 1000, disturbed=(1, 2, 4)) is None
    assert looks((1, 1, 2), 1.0, 100, disturbed=(1, 2, 4)) == pytest.approx([100, 100, 50])


def test_a_move_that_costs_more_than_it_saves_is_not_made():
    """3 million frames take a minute to be split anew; some 24 s are saved"""
    assert looks((1, 1, 2), 1.0, 40, frames=100) is not None
    assert looks((1, 1, 2), 1.0, 40, frames=1_000_000) is None


@pytest.mark.parametrize("follows", [True, False])
def test_a_partition_without_moved_is_asked_again(follows):
    """Where it does not follow the speeds, frames stay"""

    class Own:
        def split(self, positions, parts, weights):
            ends = np.cumsum(weights if follows else np.ones(parts))[:-1]
            total = sum(weights) if follows else parts
            return np.split(np.arange(len(positions)), np.rint(len(positions) * ends / total).astype(int))

    old = np.array_split(np.arange(90), 3)
    new = Balance(Own(), np.zeros((90, 2)))._parts(np.arange(90), old, np.array([2.0, 2.0, 1.0]))
    assert (new is not None) == follows
    if follows:
        assert [len(part) for part in new] == [36, 36, 18]
