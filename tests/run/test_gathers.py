"""A step that gathers from its blocks what is no declared result: nothing is kept of its pass."""

from types import SimpleNamespace

import pytest

from nanompi.methods import discover
from nanompi.run.store import Store
from nanompi.step import METHODS


class Asked(Exception):
    pass


def ask(*_):
    raise Asked


@pytest.fixture
def store(tmp_path):
    """A store of one rank, whose control says when it is asked"""
    one = Store.__new__(Store)
    one.team, one.folder, one.done = SimpleNamespace(max=max), tmp_path, []
    clock = SimpleNamespace(phase=lambda name: pytest.MonkeyPatch.context())
    one.run = SimpleNamespace(control=SimpleNamespace(block=ask), clock=clock)
    return one


def walk(step):
    return SimpleNamespace(step=step, free=True, in_file=lambda: [object()])


@pytest.mark.parametrize("more", [True, False])
def test_a_pass_with_spots_makes_no_checkpoint(store, more):
    """A resumed run would have the table of the frames that it did itself, and the map of all"""
    discover()
    spots, peaks = (METHODS["step"][name]() for name in ("xrd.spots", "xrd.peaks"))
    assert store.turn([walk(peaks), walk(spots)], None, more) is more
    with pytest.raises(Asked):
        store.turn([walk(peaks)], None, more)
