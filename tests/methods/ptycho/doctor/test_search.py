"""The order of the trials and what is concluded, with trials whose outcome is known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.methods.ptycho.doctor import search as module
from nanompi.methods.ptycho.doctor.candidate import Candidate
from nanompi.methods.ptycho.doctor.search import Search, lead
from nanompi.methods.ptycho.doctor.trial import Outcome
from nanompi.mpi.team import Team
from nanompi.timing import Clock

FRAMES = 12
ROUGH = np.random.default_rng(3).normal(0, 0.05, FRAMES)  # of one frame, whatever is tried


@pytest.fixture
def made(monkeypatch):
    """made(law, noise) -> a search in which the log of the deviance of a candidate is law(candidate)"""

    def search(law, noise=0.02, focus=None):
        def tried(candidate, P):
            rng = np.random.default_rng(abs(hash(candidate)) % 2**32)
            logs = law(candidate) + ROUGH + rng.normal(0, noise, FRAMES)
            return Outcome(100 * np.exp(logs), np.full(FRAMES, 100.0))

        monkeypatch.setattr(module, "tried", tried)
        monkeypatch.setattr(Candidate, "view", lambda self, some, points: self)
        some = SimpleNamespace(geometry=SimpleNamespace(focus=focus))
        return Search(SimpleNamespace(team=Team(), clock=Clock()), some, np.arange(3))

    return search


def test_ahead_is_more_than_three_error_bars_and_five_per_cent():
    same = np.full(FRAMES, 100.0)
    one = Outcome(same, same)
    assert lead(one, Outcome(1.06 * same, same)).clear
    assert not lead(one, Outcome(1.04 * same, same)).clear
    rough = same * np.exp(np.linspace(-1, 1, FRAMES))
    assert not lead(one, Outcome(1.4 * rough, same)).clear  # 0.34 +- 0.19
    lost = Outcome(np.full(FRAMES, np.inf), same)
    assert lead(one, lost).clear and not lead(lost, one).clear and not lead(lost, lost).clear


def test_a_good_class_is_taken_after_six_trials(made):
    found = made(lambda c: 0.1 if c.turn == 4 and not c.lag else 2.5)
    best, by = found.orientation()
    assert best == Candidate(4) and by.clear and by.size == pytest.approx(2.4, abs=0.05)
    assert len(found.known) == 6  # four classes, and the best one with the frames before and behind


def test_a_lag_is_found_where_no_class_stands_out(made):
    found = made(lambda c: 0.1 if (c.turn, c.lag) == (5, -1) else 2.5)
    best, by = found.orientation()
    assert best == Candidate(5, -1) and by.clear and len(found.known) == 12


def test_orientations_that_meet_frames_alike_are_not_told(made):
    best, by = made(lambda c: 0.1 if c.turn in (0, 4) else 2.5, noise=0.1).orientation()
    assert best.turn in (0, 4) and not by.clear


def test_in_the_near_field_all_eight_orientations_differ(made):
    found = made(lambda c: 0.1 if c.turn == 3 and not c.lag else 2.5, focus=1e-3)
    best, by = found.orientation()
    assert best == Candidate(3) and by.clear


@pytest.mark.parametrize("true", [0.85, 1.0, 1.11, 1.4])
def test_the_distance_is_the_lowest_point_with_its_error_bar(made, true):
    """Also beyond the first values"""
    e = made(lambda c: 0.1 + 20 * math.log(c.far / true) ** 2).far(Candidate())
    assert e.value == pytest.approx(true, rel=0.02)
    assert abs(e.value / true - 1) < 4 * e.error + 0.003 and e.error < 0.02


def test_the_rotation_is_found_between_the_values_tried(made):
    e = made(lambda c: 0.1 + 0.05 * (c.angle + 2.2) ** 2).angle(Candidate(4))
    assert e.value == pytest.approx(-2.2, abs=0.2) and e.best.turn == 4


def test_ranks_share_the_trials(made):
    """Each is tried by one rank, and none twice"""
    found = made(lambda c: float(c.turn))
    found.outcomes([Candidate(1), Candidate(0), Candidate(1)])
    known = dict(found.known)
    found.outcomes([Candidate(0), Candidate(5)])
    assert list(found.known) == [Candidate(1), Candidate(0), Candidate(5)]
    assert all(found.known[c] is o for c, o in known.items())
