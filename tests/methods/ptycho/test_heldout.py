"""Frames left out: which, that no sum counts them, what they tell, and how all are taken in."""

import numpy as np
import pytest

from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import AP, DM
from nanompi.methods.ptycho.heldout import held_out, judge, put_last, structure_words
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.scan import Frames
from tests.scene import phase_error, problem

OUT = np.isin(np.arange(36), (14, 21, 27))


def quiet(text):
    pass


def test_a_part_of_the_inner_half_is_drawn_always_the_same():
    positions = np.stack(np.divmod(np.arange(400), 20), 1) * 1e-6
    out = held_out(positions, 0.05)
    assert out.sum() == 20 and np.array_equal(out, held_out(positions, "auto"))
    far = np.linalg.norm(positions - np.median(positions, axis=0), axis=1)
    assert far[out].max() <= np.median(far) * 1.01
    assert held_out(positions, 0.0) is None and held_out(positions[:3], 0.01).sum() == 1


def test_few_frames_are_all_needed():
    assert held_out(np.random.default_rng(0).random((99, 2)), "auto") is None
    assert held_out(np.random.default_rng(0).random((100, 2)), "auto").sum() == 5


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_neighbour_of_a_frame_left_out_stays(seed):
    positions = np.random.default_rng(seed).random((300, 2))
    out = held_out(positions, 0.1)
    away = np.linalg.norm(positions[:, None] - positions, axis=2) + 9 * np.eye(300)
    assert out.sum() == 30 and not out[away[out].argmin(1)].any()


def test_frames_left_out_stand_last_and_nothing_is_copied():
    values = np.arange(6)[:, None, None] * np.ones((1, 4, 4), np.uint16)
    values, parts = values.astype(np.uint16), [np.array([0, 4]), np.array([5, 2, 3, 1])]
    about = {"mask": np.ones((4, 4), bool), "corner": True, "pixel": (1e-4, 1e-4)}
    counts, scale = values[parts[1]], np.array([5.0, 2, 3, 1])
    frames = Frames(values=counts, index=parts[1], parts=parts, scale=scale, **about)
    put_last(frames, np.array([True, False, True, False, False, True]), 1)
    assert frames.values is counts and [part.tolist() for part in frames.parts] == [[4, 0], [3, 1, 5, 2]]
    assert frames.index.tolist() == counts[:, 0, 0].tolist() == frames.scale.tolist() == [3, 1, 5, 2]


@pytest.mark.parametrize("engine", [DM, AP, ML])
def test_the_counts_of_frames_left_out_do_not_matter(engine):
    ends = []
    for changed in (False, True):
        p, _, _ = problem("double", out=OUT, subpixel=4)
        if changed:
            p.I[-3:] = 7
        run_chain([engine(iterations=3)], p, 3, quiet, control=Ends(3))
        ends.append((p.O, p.P, p.counts, p.bright))
    assert all(np.array_equal(a, b) for a, b in zip(*ends))


class Ends:
    """A control that ends the iterations after some"""

    def __init__(self, after: int):
        self.left = after

    def first(self):
        return None

    def turn(self, kept) -> bool:
        self.left -= 1
        return not self.left


def test_the_sums_are_those_of_a_scan_without_these_frames():
    """The same object and probe as where they had never been measured, to rounding"""
    ends = []
    for p in (problem("double", out=OUT)[0], problem("double", only=~OUT)[0]):
        run_chain([DM(iterations=2), ML(iterations=2)], p, 4, quiet, control=Ends(4))
        ends.append(p)
    a, b = ends
    assert abs(a.O - b.O).max() < 1e-10 and abs(a.P - b.P).max() < 1e-8 * abs(b.P).max()
    one, two = figures(a), figures(b)
    assert one == pytest.approx(two, rel=1e-9)


def test_after_the_last_engine_all_frames_are_taken_in():
    p, O, _ = problem("single", out=OUT)
    before = p.counts
    history = run_chain([DM(iterations=20), ML(iterations=20)], p, 20, quiet)
    assert len(history) == 42 and [row["engine"] for row in history[-4:]] == ["ML"] * 4
    assert history[-1]["held"] == history[39]["held"] and "held" not in history[-2]
    assert p.held is None and len(p.at) == len(p.gain) == len(p.index) == 36 and p.frames == 36
    want = problem("single")[0]
    assert p.counts == pytest.approx(want.counts) and p.counts > before
    assert p.bright == pytest.approx(want.bright)
    run_chain([DM(iterations=20), ML(iterations=22)], want, 20, quiet)
    assert phase_error(p, O) < 1.1 * phase_error(want, O)


def test_what_unseen_frames_say_of_a_good_model():
    p, _, _ = problem("double", frames=144, photons=1e5, out=np.isin(np.arange(144), (53, 66, 77, 91)))
    run_chain([DM(iterations=20), ML(iterations=20)], p, 40, quiet, control=Ends(40))
    row = judge(p)
    assert 0.98 < row["held"] < 1.25 and row["held_error"] < 0.1  # of counting noise
    assert row["eps_held"] < 0.03 and row["confirmed"] > 0.95
    assert p.state["held"]["frame"] == [53, 66, 77, 91]
    a, b = (np.array(p.state["held"][name]) for name in ("deviance", "expected"))
    assert row["held"] == pytest.approx(a.sum() / b.sum())


def test_few_counts_do_not_look_like_a_good_model():
    """100 counts a frame over noise alone: the likelihood of seen frames is near 1, the unseen are not met"""
    p, _, _ = problem("double", frames=144, photons=100, out=np.isin(np.arange(144), (53, 66, 77, 91)))
    rng = np.random.default_rng(0)
    p.I[...] = rng.permuted(p.I.reshape(len(p.I), -1), axis=1).reshape(p.I.shape)
    run_chain([DM(iterations=30), ML(iterations=30)], p, 60, quiet, control=Ends(60))
    row = judge(p)
    assert 0.7 < figures(p)["llk"] < 1.3
    assert row["confirmed"] < 0.2 and row["eps_held"] > 0.3


@pytest.mark.parametrize(
    "part, words",
    [
        (-0.1, "0 % of the structure foretold is confirmed"),
        (0.973, "97.3 % of the structure foretold is confirmed"),
        (1.04, "100 % of the structure foretold is confirmed"),
        (16.5, "their counts have 16.5 times the structure foretold: the model is too flat"),
    ],
)
def test_the_structure_in_words(part, words):
    """No part of a whole is more than 100 %"""
    assert structure_words(part).startswith(words)
