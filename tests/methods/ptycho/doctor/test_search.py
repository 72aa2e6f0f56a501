"""The order of the trials and what is concluded, with trials whose outcome is known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.methods.ptycho.doctor import search as module
from nanompi.methods.ptycho.doctor.candidate import Candidate
from nanompi.methods.ptycho.doctor.search import Limit, Search, lead
from nanompi.methods.ptycho.doctor.trial import Outcome
from nanompi.mpi.team import Team
from nanompi.timing import Clock

FRAMES, LONG = 12, 1000.0
ROUGH = np.random.default_rng(3).normal(0, 0.05, FRAMES)  # of one frame, whatever is tried


@pytest.fixture
def made(monkeypatch):
    """made(law, noise) -> a search in which the log of the deviance of a candidate is law(candidate)"""

    def search(law, noise=0.02, focus=None, limit=None):
        def tried(candidate, P):
            out.limit.begun -= LONG  # as if a trial took so long
            rng = np.random.default_rng(abs(hash(candidate)) % 2**32)
            logs = law(candidate) + ROUGH + rng.normal(0, noise, FRAMES)
            return Outcome(100 * np.exp(logs), np.full(FRAMES, 100.0), seen=logs - 0.3)

        monkeypatch.setattr(module, "tried", tried)
        monkeypatch.setattr(Candidate, "view", lambda self, some, points: self)
        some = SimpleNamespace(geometry=SimpleNamespace(focus=focus))
        run = SimpleNamespace(team=Team(), clock=Clock())
        out = Search(run, some, np.arange(3), limit=limit or Limit())
        return out

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
    found.attempt([Candidate(1), Candidate(0), Candidate(1)])
    known = dict(found.known)
    found.attempt([Candidate(0), Candidate(5)])
    assert list(found.known) == [Candidate(1), Candidate(0), Candidate(5)]
    assert all(found.known[c] is o for c, o in known.items())


@pytest.mark.parametrize("trials", [1, 2, 4])
def test_what_there_is_no_time_for_is_not_tried(made, trials):
    """The job's own geometry is tried in any case; what cannot be compared is no clear lead"""
    found = made(lambda c: 0.1 if c == Candidate() else 2.5, limit=Limit((trials + 0.5) * LONG))
    best, by = found.orientation()
    assert list(found.known) == [Candidate(t) for t in (0, 1, 4, 5)[:trials]]
    assert best == Candidate() and by.clear == (trials > 1) and found.limit.stopped


def test_a_line_that_was_not_finished_tells_nothing(made):
    found = made(lambda c: 20 * math.log(c.far / 1.1) ** 2, limit=Limit(5.5 * LONG))
    e = found.far(Candidate(4))
    assert math.isinf(e.error) and e.best == Candidate(4)
    assert [c.far for c in found.known] == [1.0, 1.07, 0.93, 0.87, 1.15]  # from the middle outwards


def test_a_limit_counts_what_is_computed(monkeypatch):
    """Where others compute on the same processors a second of the clock is less of one; several threads
    compute more than a second in each"""
    times = {}
    monkeypatch.setattr(module, "clocks", lambda: np.array([times["clock"], times["processor"]]))
    limit = Limit(20.0, np.array([100.0, 7.0]))
    for clock, processor, passed in ((10, 10, 10), (90, 15, 15), (10, 40, 10)):
        times |= {"clock": 100.0 + clock, "processor": 7.0 + processor}
        assert limit.passed == pytest.approx(passed)


def test_all_that_was_needed_in_time_is_not_stopped(made):
    found = made(lambda c: 0.1 if c == Candidate() else 2.5, limit=Limit(6.5 * LONG))
    found.orientation()
    assert len(found.known) == 6 and not found.limit.stopped


def test_the_error_bar_counts_the_scatter_of_the_trials(made):
    """Noise that differs from trial to trial and is the same for all frames: no scatter of frames shows it"""
    rng = np.random.default_rng(5)
    rough = {}

    def law(c):
        return 5 * math.log(c.far) ** 2 + rough.setdefault(c, rng.normal(0, 0.001))

    off = [made(law, noise=0.0).far(Candidate(t)) for t in range(16)]
    pulls = [(e.value - 1) / e.error for e in off]
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.7
