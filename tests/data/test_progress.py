"""How far a pass over blocks is, as it is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data import progress
from nanompi.data.blocks import Walk
from nanompi.data.progress import Progress, plural
from nanompi.data.walk import walk
from nanompi.mpi.team import Team
from nanompi.run.status import quiet
from nanompi.timing import Clock
from tests import walking as scene

TEAM = Team(alone=True)


@pytest.fixture
def often(monkeypatch):
    """Each word is told."""
    monkeypatch.setattr(progress, "SELDOM", 0.0)


def looked(told: list, values, along: str, read: bool):
    """Walk a step over (angle, row, column), which tells of items within its blocks"""

    class Step:
        name, each, takes, gives, makes, gpu = "test.slow", "frame", "data", {}, (), False

        def block(self, block, info):
            for _ in block:
                info.tell(1)
            return block * 2

    data = (scene.on_disk if read else scene.spread)(
        TEAM, values, "angle row column", *(() if read else (along,))
    )
    run = scene.run_of(TEAM, data=data)
    run.note = lambda state, **facts: told.append((state, facts))
    walk(run, [Step()])
    return run.data["data"].values


@pytest.mark.parametrize("read", [False, True])
def test_a_step_over_blocks_tells_how_far_it_is(often, monkeypatch, read):
    """In memory and while it is loaded; two items at a time, of which each is told"""
    monkeypatch.setattr(Walk, "block", lambda self, values: 2)
    told, values = [], np.ones((6, 2, 3), np.float32)
    assert np.array_equal(looked(told, values, "angle", read), values * 2)
    assert all(state == "working" and facts["step"] == "test.slow" for state, facts in told)
    assert all((facts["items"], facts["items_are"]) == (6, "angles") for _, facts in told)
    done = [facts["items_done"] for _, facts in told]
    assert done == sorted(done) and set(done) == set(range(7))


def test_it_is_told_seldom():
    told = []
    looked(told, np.ones((6, 2, 3), np.float32), "angle", False)
    assert len(told) == 1 and told[0][1]["items_done"] == 0


def test_the_share_of_a_rank_stands_for_all(often):
    """4 rows of 8 items on this rank, 10 of all: an item is a 32nd"""
    told, data = [], SimpleNamespace(size=lambda axis: {"row": 10, "energy": 8}[axis])
    last = SimpleNamespace(step=SimpleNamespace(name="tomo"), free=("row", "energy"), data=data)
    run = SimpleNamespace(clock=Clock(), glimpse=quiet)
    run.note = lambda _, items_done, **facts: told.append(items_done)
    one = Progress(run, [last], 4, 10)
    one.add(1)
    last.tell(7)
    last.tell(1)
    one.add(1)
    one.add(2)
    assert told == [0, 2, 4, 5, 5, 10] and run.clock.ticks == 2  # for the watchdog


def test_names_of_things():
    assert [plural((axis,)) for axis in ("row", "energy", "y")] == ["rows", "energies", "y"]
    assert plural(()) == "items"
