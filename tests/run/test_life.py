"""What of a run stands before and after its steps: what rank 0 hands out, where ranks are."""

import pickle
from types import SimpleNamespace

import numpy as np

from nanompi.mpi.team import Team
from nanompi.run import perform
from nanompi.run.life import places
from nanompi.timing import Clock
from tests.memory import scan_of


class Noted(Team):
    """One rank, which notes the bytes of what it would pickle for others."""

    def __init__(self):
        super().__init__(alone=True)
        self.sent: list[int] = []

    def bcast(self, thing=None):
        self.sent.append(len(pickle.dumps(thing)))
        return thing


def test_rank_0_keeps_what_it_alone_needs(monkeypatch):
    """The truth of a simulation and an object to start from, 1 MB each; others get positions and source"""
    whole = scan_of(np.ones((4, 8, 8)), object=np.ones((256, 256), complex))
    whole.truth = {"object": np.ones((256, 256), complex) * 2}
    monkeypatch.setattr(perform, "open_data", lambda *_: {"data": whole})
    job = SimpleNamespace(reader=None, input=SimpleNamespace(file=""))
    run = SimpleNamespace(team=Noted(), clock=Clock(), data={})
    perform.begin(run, job)
    known = run.data["data"]
    assert known.truth is whole.truth and known.object is whole.object and max(run.team.sent) < 10_000
    others = whole.for_others()
    assert others.truth == {} and others.object is None and others.source is whole.source


def test_an_array_of_rank_0_is_not_pickled():
    team = Noted()
    assert np.array_equal(team.array_on_root(lambda: np.arange(100_000)), np.arange(100_000))
    assert max(team.sent) < 1000


def test_where_the_ranks_are():
    assert places(["a", "a", "b", "a"]) == "0-1 on a, 2 on b, 3 on a"
