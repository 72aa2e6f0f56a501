"""What is concluded of a job from all trials, with trials whose outcome is known: state, words, lines."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.methods.ptycho.doctor import finding as module
from nanompi.methods.ptycho.doctor import search
from nanompi.methods.ptycho.doctor.candidate import Candidate
from nanompi.methods.ptycho.doctor.finding import BEST, OTHER, UNCLEAR, Job, examine, figures, middle_points
from nanompi.methods.ptycho.doctor.search import Limit
from nanompi.methods.ptycho.doctor.trial import Outcome
from nanompi.methods.ptycho.doctor.words import paste, table, words
from nanompi.mpi.team import Team
from nanompi.timing import Clock

FRAMES, LONG = 12, 1000.0


@pytest.fixture
def examined(monkeypatch):
    """examined(law) -> the Finding where the log of the deviance of a candidate is law(candidate)"""

    def work(law, limit=None, slopes=None, **job):
        limit = limit or Limit()

        def tried(candidate, P):
            limit.begun -= LONG
            rng = np.random.default_rng(abs(hash(candidate)) % 2**32)
            logs = law(candidate) + rng.normal(0, 0.02, FRAMES)
            return Outcome(100 * np.exp(logs), np.full(FRAMES, 100.0), 0.5, seen=logs)

        some = SimpleNamespace(geometry=SimpleNamespace(focus=None))
        monkeypatch.setattr(search, "tried", tried)
        monkeypatch.setattr(Candidate, "view", lambda self, some, points: self)
        monkeypatch.setattr(module, "middle_frames", lambda *_: (some, np.arange(3), (-1, 1)))
        monkeypatch.setattr(module, "of_no_image", lambda _: slopes or {})
        data = {"data": SimpleNamespace(positions=np.zeros((40, 2)))}
        run = SimpleNamespace(team=Team(), clock=Clock(), data=data)
        return examine(run, None, Job(**{"orientation": 0, "far": 2.0, "energy": 0.0} | job), limit)

    return work


def true(turn=0, lag=0, far=1.0, angle=0.0, stretch=0.0):
    """A scan of which this candidate is the truth"""

    def law(c):
        if (c.turn, c.lag) != (turn, lag):
            return 4.0
        off = (
            30 * math.log(c.far / far) ** 2 + 0.1 * (c.angle - angle) ** 2 + 400 * (c.stretch - stretch) ** 2
        )
        return 0.05 + min(3.0, off)

    return law


def test_a_right_job_is_the_best_of_all(examined):
    found = examined(true())
    assert found.state == BEST and paste(found) == [] and not found.limit.stopped


def test_the_slopes_of_frames_stand_below_the_table(examined):
    """By the numbers of orientations as a job has them, which turns its frames already"""
    found = examined(true(turn=1), slopes={0: 0.4, 1: 0.05, 4: 0.3, 5: 0.7}, orientation=4)
    last = table(found)[-1]
    assert "40 % with 4 or 7, 5 % with 5 or 6, 30 % with 0 or 3, 70 % with 1 or 2" in last
    assert last.endswith("; so it is 5 or 6") and paste(found) == ["orientation: 5"]
    assert table(examined(true(), slopes={0: 0.4, 1: 0.3, 4: 0.3, 5: 0.7}))[-1].endswith("70 % with 5 or 6")
    assert "centres of" not in " ".join(table(examined(true())))


@pytest.mark.parametrize("lag, late", [(1, "late by 1"), (-1, "early by 1")])
def test_a_lag_has_a_line(examined, lag, late):
    found = examined(true(lag=lag))
    assert found.state == OTHER and paste(found) == [f"lag: {lag}"] and late in words(found)


def test_what_the_job_says_already_is_counted_in(examined):
    """Frames that a job has called late by one, and are not; positions that it has turned by half of it"""
    found = examined(true(lag=-1), lag=1)
    assert paste(found) == ["lag: 0"] and "neither late nor early" in words(found)
    found = examined(true(angle=2.5), rotate=2.5)
    key, _, rest = paste(found)[0].partition(": ")
    assert key == "rotate" and float(rest.split()[0]) == pytest.approx(5, abs=0.2) and rest.endswith(" deg")
    assert sum("+2.5 deg" in row and "this job" in row for row in table(found, 40)) == 1


def test_distance_and_rotation_are_found_together(examined):
    found = examined(true(far=0.9, angle=-4.0))
    keys = {line.partition(": ")[0]: line.partition(": ")[2] for line in paste(found)}
    assert float(keys["rotate"].split()[0]) == pytest.approx(-4, abs=0.3)
    assert float(keys["distance"].split()[0]) == pytest.approx(1.8, rel=0.02)


@pytest.mark.parametrize("stretch", [0.06, -0.035])
def test_axes_of_different_scales_have_a_line(examined, stretch):
    """With a distance: an axis that is longer is a longer object and another ratio of the two"""
    found = examined(true(far=1.02, stretch=stretch))
    keys = {line.partition(": ")[0]: line.partition(": ")[2] for line in paste(found)}
    assert found.state == OTHER and float(keys["stretch"]) == pytest.approx(stretch, abs=0.004)
    assert figures(found)["stretch"] == pytest.approx(stretch, abs=0.004) and "different scales" in words(
        found
    )
    assert any("stretched by" in row for row in table(found, 40))


def test_a_stretch_that_the_job_makes_already_is_counted_in(examined):
    found = examined(true(stretch=0.05), stretch=0.02)
    assert float(paste(found)[0].partition(": ")[2]) == pytest.approx(0.07, abs=0.004)


def test_no_stretch_is_told_where_it_takes_away_a_little(examined):
    """As of fringes that are washed out: 5 % of the deviance, beyond doubt, of which much more is left"""
    found = examined(lambda c: true()(replace(c, stretch=0.0)) + 0.7 + 50 * (c.stretch - 0.04) ** 2)
    assert found.stretch is not None and not found.stretch_off and found.state == BEST and paste(found) == []


def test_a_stretch_that_there_is_no_time_for_leaves_the_rest_as_it_is(examined):
    """The time is over after the first of the trials with a stretch"""
    rest = sum(not c.stretch for c in examined(true()).known) + 1  # the best one twice, with another probe
    found = examined(true(), Limit((rest + 1.5) * LONG))
    assert found.state == BEST and paste(found) == [] and "no time" in words(found)
    assert "stretch" not in figures(found)


@pytest.fixture
def remembered(monkeypatch):
    """remembered(true, part, limit) -> (search, distance) by probes that remember the distance they were
    reconstructed at (here they are that distance): frames are met best by `part` on the way back to it"""

    def work(true, part, limit=None):
        limit = limit or Limit()

        def tried(candidate, P):
            limit.begun -= LONG
            low = math.log(true) + part * math.log((P or 1.0) / true)
            logs = 0.05 + 30 * (math.log(candidate.far) - low) ** 2 + np.zeros(FRAMES)
            return Outcome(100 * np.exp(logs), np.full(FRAMES, 100.0), 0.5, candidate.far, logs)

        monkeypatch.setattr(search, "tried", tried)
        monkeypatch.setattr(Candidate, "view", lambda self, some, points: self)
        some, run = SimpleNamespace(geometry=SimpleNamespace(focus=None)), SimpleNamespace(clock=Clock())
        run.team = Team()
        coarse = search.Search(run, some, np.arange(3), (), limit=limit)
        coarse.attempt([Candidate()])
        return module._distance(coarse, Candidate())

    return work


def test_a_distance_that_a_probe_holds_back_is_sought_again(remembered):
    """As of a scan of 128^2 with a distance 20 % too long: 10 % off at first, then 5, then 1.4 %"""
    fine, far = remembered(1 / 1.2, 0.4)
    assert far.value == pytest.approx(1 / 1.2, rel=0.03) and fine.P == pytest.approx(far.value, rel=0.1)
    assert abs(math.log(far.value * 1.2)) < 1.5 * far.error / far.value
    fine, far = remembered(1 / 1.2, 0.0)  # a probe that forgets: nothing moves
    assert far.value == pytest.approx(1 / 1.2, rel=1e-3) and far.error < 0.02
    assert fine.P == pytest.approx(far.value, rel=0.02)
    assert remembered(1.01, 0.4)[0].P == 1.0  # that near the job it is sought once


def test_without_time_for_more_a_distance_says_how_far_it_may_be_held_back(remembered):
    fine, far = remembered(1 / 1.2, 0.1, Limit(14.5 * LONG))
    assert fine.limit.stopped
    assert abs(math.log(far.value * 1.2)) < 1.5 * far.error / far.value


@pytest.mark.parametrize("trials", [1, 3, 5, 8, 14])
def test_without_time_nothing_is_called_best(examined, trials):
    found = examined(true(), Limit((trials + 0.5) * LONG))
    assert found.state == UNCLEAR and paste(found) == []
    geometries = trials - (trials > 6)  # the best one again, with a better probe
    said = words(found)
    assert (
        len(found.known) == geometries
        and f"after {geometries} geometries" in said
        and ("cannot be told" in said) == (trials == 1)
    )
    assert np.isfinite(list(figures(found).values())).all() and "distance_error" not in figures(found)


def test_another_orientation_is_told_in_little_time(examined):
    found = examined(true(turn=4), Limit(4.5 * LONG))
    assert found.state == OTHER and paste(found) == ["orientation: 4"]


def scan(numbers):
    """Positions on a square"""
    n = len(numbers)
    side = int(np.ceil(np.sqrt(n)))
    positions = np.array([divmod(i, side) for i in range(n)], float)
    return SimpleNamespace(positions=positions, numbers=np.asarray(numbers))


def test_frames_have_those_before_and_behind_them():
    """Of a scan with a gap: no frame beside the gap is a point, nor the first and the last one"""
    points, lags = middle_points(scan([*range(30), *range(35, 80)]))
    assert lags == (-1, 1) and not {0, 29, 30, 74} & set(points.tolist()) and len(points) == 71
    points, lags = middle_points(scan(range(0, 120, 2)))  # every other one: a lag would be two
    assert lags == () and len(points) == 60
