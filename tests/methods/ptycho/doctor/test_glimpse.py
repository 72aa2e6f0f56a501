"""What a job leaves to the frames: settled once, and kept by a restart."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.doctor import glimpse
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.methods.ptycho.read import open_scan
from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
from nanompi.mpi.team import Team
from nanompi.run.perform import Options, Run
from nanompi.run.reading import Input


@pytest.fixture
def run():
    """A scan of 40 frames of which the distance is left to the frames"""
    reader = Simulate(simulate=Simulation(frames=40, size=16, distance=1.5))
    team = Team()
    out = Run(team, Cpu("single", 1), Options(), None, clock=team.clock, say=lambda text: None)
    out.data = {"data": open_scan("", Input(distance="auto"), reader)}
    out.control = SimpleNamespace(notes={})
    return out


def found(turn: int, factor: float, near=False):
    """A finding: these are right beyond doubt"""
    return SimpleNamespace(turn=turn, far=SimpleNamespace(value=factor), far_off=True, near=near)


@pytest.fixture
def said(monkeypatch):
    monkeypatch.setattr(glimpse, "words", lambda finding: "as found")


def test_what_is_found_is_taken_and_kept_by_a_restart(run, said, monkeypatch):
    assert run.data["data"].distance == 1.5 and run.data["data"].distance_sought
    monkeypatch.setattr(glimpse, "look", lambda *_: found(4, 0.9))
    step, scan = glimpse.settled(run, Prepare(orientation="auto"))
    assert step.orientation == 4 and scan.distance == pytest.approx(1.35)
    monkeypatch.setattr(glimpse, "look", lambda *_: found(5, 1.2))  # would be asked of other frames
    again, same = glimpse.settled(run, Prepare(orientation="auto"))
    assert again.orientation == 4 and same.distance == scan.distance


def test_the_distance_alone_leaves_the_orientation_of_the_job(run, said, monkeypatch):
    monkeypatch.setattr(glimpse, "look", lambda *_: found(1, 1.1))
    step, scan = glimpse.settled(run, Prepare(orientation=2))
    assert step.orientation == 2 and scan.distance == pytest.approx(1.65)


def test_in_the_near_field_it_is_the_focus_that_is_moved(run, said, monkeypatch):
    """As the line to paste has it; distance and words follow, also after a restart of an older run"""
    run.data["data"] = replace(run.data["data"], focus=0.02)
    monkeypatch.setattr(glimpse, "look", lambda *_: found(0, 1.1, near=True))
    lines = []
    run.say = lines.append
    _, scan = glimpse.settled(run, Prepare())
    assert scan.focus == pytest.approx(0.022) and scan.distance == 1.5
    assert lines == ["geometry: focus 22 mm taken: as found"]
    del run.control.notes["geometry"]["focus"]
    assert glimpse.settled(run, Prepare())[1].focus == 0.02


def test_the_trials_of_the_command_have_the_background_of_the_job(run, monkeypatch):
    """Where it is a number: `auto` is found from all frames"""
    given = lambda background: SimpleNamespace(name="ptycho", background=background)  # noqa: E731
    monkeypatch.setattr(glimpse, "words", lambda finding: "as found")
    seen = []
    monkeypatch.setattr(glimpse, "examine", lambda run, *_: seen.append(run.data["frames"].background))
    for steps in ([given(5.0)], [given("auto")], []):
        assert Prepare().geometry(run, [SimpleNamespace(name="ptycho.prepare"), *steps]) == ["as found"]
    assert seen == [5.0, 0.0, 0.0]


def test_too_few_frames_change_nothing(run, said, monkeypatch):
    monkeypatch.setattr(glimpse, "look", lambda *_: None)
    step, scan = glimpse.settled(run, Prepare(orientation="auto"))
    assert step.orientation == 0 and scan.distance == 1.5


def test_a_few_frames_are_prepared_as_all_would_be(run):
    frames = glimpse.few_frames(run, run.data["data"], Prepare(orientation=4))
    assert frames.counts.shape == (len(frames.index), 16, 16) and frames.corner
    whole = run.data["data"].source.read(frames.index[:1])[0]
    assert frames.counts[0, 0, 0] == whole[8, 8] and math.isclose(frames.counts[0].sum(), whole.sum())
    assert frames.counts[0, 1, 0] == whole[8, 9]  # transposed
    assert glimpse.asked(Prepare(orientation="auto"), run.data["data"])
