"""Marks of a picture come back from a result as they were written, and what others wrote does no harm."""

import h5py
import numpy as np
import pytest

from nanompi.report.figures import picture, save
from nanompi.report.plots import plot
from nanompi.report.signals import SignalsInFile
from nanompi.run.marks import MOST, attributes, marks_of
from nanompi.run.result import Marks, Result, Signal
from nanompi.run.writers import nexus

ENGINES = ((1.0, "DM"), (51.0, "ML"))
CURVE = Marks(("all frames", "frames left out"), "deviance / expectation", ENGINES, aim=1.0)
FRAME = Marks(centre=(3.0, 4.5), rings=((2.0, "20 nm"), (4.0, "10 nm")))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("marks") / "result.h5"
    course = np.stack([np.geomspace(40, 1, 100), np.geomspace(40, 1.1, 100)])
    axes = {"iteration": (np.arange(1.0, 101), "")}
    signals = {
        "convergence": Signal(course, axes, "", "convergence", "curve", marks=CURVE),
        "frame": Signal(np.ones((7, 9)), {}, "counts", "mean frame", "frame", marks=FRAME),
        "phase": Signal(np.ones((7, 9)), {}, "rad", "phase", "image"),
    }
    nexus.write(Result("convergence", signals), path)
    return path


def test_marks_come_back(result):
    signals = SignalsInFile(result)
    assert signals["convergence"].marks == CURVE and signals["frame"].marks == FRAME
    assert signals["phase"].marks == Marks()
    with h5py.File(result) as file:
        assert not [key for key in file["entry_1/phase"].attrs if key.startswith("marks")]


def test_the_picture_of_a_result_that_is_opened_later_has_its_engines(result, tmp_path):
    save(picture(SignalsInFile(result)["convergence"]), tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text()
    assert all(f">{word}<" in text for word in ("DM", "ML", "all frames", "frames left out"))
    assert 'id="aim"' in text


def test_so_has_the_plot_of_a_report(result):
    found = plot("convergence", SignalsInFile(result)["convergence"])
    assert found["marks"] == [[1.0, "DM"], [51.0, "ML"]] and found["aim"] == 1.0
    assert [line["name"] for line in found["lines"]] == list(CURVE.names)


@pytest.mark.parametrize(
    "odd",
    [
        {"marks_begins": [1.0, 2.0], "marks_begins_names": ["one"]},
        {"marks_begins": ["a"], "marks_begins_names": ["one"]},
        {"marks_aim": np.nan, "marks_centre": [1.0], "marks_names": 7, "marks_label": 3.5},
        {"marks_rings": [np.inf], "marks_rings_names": ["x"]},
    ],
)
def test_what_is_none_is_left_out(odd):
    assert marks_of(odd) == Marks()


def test_of_many_some_are_read_and_no_word_obeys_a_terminal():
    many = Marks(begins=tuple((float(k), f"\x1b[2J{k}") for k in range(MOST + 5)))
    found = marks_of(attributes(many)).begins
    assert len(found) == MOST and not any("\x1b" in word for _, word in found)
