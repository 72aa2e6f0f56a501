"""Settings of a sweep that are judged by the same frames are compared frame by frame."""

import h5py
import numpy as np
import pytest

from nanompi.run.figures import Figure
from nanompi.workflow.sweep.paired import decided, ratio
from nanompi.workflow.task import Task

HELD = Figure("held", items="held/frame", values="held/data")
HARD = 1 + np.random.default_rng(0).random(20)  # some frames are met badly whatever the setting is


@pytest.fixture
def settings(tmp_path):
    """`settings(values of each setting, ...)`: ended, with their results"""

    def make(*values, frames=None):
        out = []
        for k, own in enumerate(values):
            out.append(Task(k, tmp_path / f"{k:04d}", {}))
            out[k].path.mkdir()
            out[k].record(0, "", 1.0, {"held": float(np.mean(own))})
            with h5py.File(out[k].path / "result.h5", "w") as f:
                f["entry_1/held/frame"] = np.arange(20) if k != frames else np.arange(20) + 1
                f["entry_1/held/data"] = own
        return out

    return make


def order(some):
    return sorted(range(len(some)), key=lambda k: some[k].outcome()["figures"]["held"])


def test_a_small_difference_that_all_frames_have_decides(settings):
    """0.01, while the frames differ by 0.3: a standard error of each figure of 0.06 would hide it"""
    noise = 0.01 * np.random.default_rng(1).standard_normal(20)
    some = settings(HARD, HARD - 0.02 + noise, HARD + 0.5)
    places, said = decided(order(some), some, HELD)
    assert places == [1, 0, 2]
    assert said.startswith("0000 is worse than 0001: its held is 1.01") and "by 20 pairs" in said


def test_who_is_ahead_by_less_than_an_error_has_won_nothing(settings):
    noise = 0.1 * np.random.default_rng(2).standard_normal(20)
    noise -= noise.mean()
    some = settings(HARD + 0.3, HARD, HARD - 0.002 + noise)
    assert order(some) == [2, 1, 0]
    places, said = decided(order(some), some, HELD)
    assert places == [1, 2, 0] and said.startswith("0002 is not better than 0001, which stands first")


def test_other_frames_make_no_pairs(settings):
    some = settings(HARD, HARD - 0.001, frames=1)
    assert decided(order(some), some, HELD) == ([1, 0], "")
    assert ratio(None, (np.arange(2), np.ones(2))) is None


def test_figures_without_items_rank_as_they_are(settings):
    some = settings(HARD, HARD - 0.001)
    assert decided([1, 0], some, Figure("R")) == ([1, 0], "")
