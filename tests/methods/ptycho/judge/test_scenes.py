"""Scans made wrong on purpose, through the whole step: the verdict names what was done to them."""

import numpy as np
import pytest

from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.step import Ptycho
from tests.methods.ptycho.scenes import problem, run_of, wrong

SLOW = pytest.mark.slow
pytestmark = pytest.mark.usefixtures("neighbours")
SEED = 41


def judged(kind: str, control=None, **given) -> dict:
    """What the step says of a scan of 120 frames of 64^2 with a fault"""
    scene = wrong(kind, SEED, n=64, frames=120, photons=1e6, phase=1.0, **given)
    run = run_of(scene, problem(scene), lambda text: None)
    run.data["frames"].parts = [run.data["frames"].index]
    run.control = control
    Ptycho(engines=[DM(iterations=30), ML(iterations=30)]).run(run)
    return run.result.notes["verdict"]["steps"]["ptycho"]


@pytest.mark.slow
def test_a_good_scan_is_good_and_its_figures_say_why():
    own = judged("good")
    assert own["grade"] == "good" and own["held"] < 1.2 and own["unseen"] > 0.9
    assert own["sign"] > 3 * own["sign_error"]
    assert np.isfinite([value for value in own.values() if isinstance(value, float)]).all()


class Stop:
    """The control of a run that somebody stops after so many iterations"""

    def __init__(self, after: int):
        self.left = after

    def first(self):
        return None

    saved = first

    def turn(self, kept) -> bool:
        self.left -= 1
        return not self.left


def test_a_run_that_was_stopped_is_judged_as_it_is_and_says_so():
    """After 20 iterations, with the figures of the frames left out as they are then"""
    own = judged("good", control=Stop(20))
    assert own["grade"] == "doubtful" and own["cause"] == "stopped" and own["skipped"] == 40
    assert own["held"] > 1.2 and "40 iterations were skipped" in own["words"]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("1 px", "positions: true"),
        pytest.param("twin", "conjugate", marks=SLOW),
        pytest.param("100 counts", "few counts", marks=SLOW),
        pytest.param("hot", "hot or dead", marks=SLOW),
        pytest.param("background 5", "background: ", marks=SLOW),
        pytest.param("rotated 5", "turned", marks=SLOW),
        pytest.param("distance+20", "distance", marks=SLOW),
        pytest.param("transposed", "orientation", marks=SLOW),
        pytest.param("late", "frame", marks=SLOW),
    ],
)
def test_a_fault_is_named(kind, word):
    own = judged(kind)
    assert own["grade"] != "good" and word in f"{own['words']} {own['paste']}", own
