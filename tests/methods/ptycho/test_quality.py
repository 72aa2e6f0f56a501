"""The figures of quality frame by frame."""

import numpy as np
import pytest

from nanompi.methods.ptycho.quality import figures, per_frame
from tests.scene import problem


@pytest.mark.parametrize("case", [{}, {"modes": 2, "subpixel": 4}, {"near": True}])
def test_frames_one_by_one_make_up_the_figure_of_all(case):
    p, O, _ = problem("double", **case)
    p.O[...] = O
    deviance, expected = per_frame(p)
    assert deviance.shape == expected.shape == p.index.shape and deviance.dtype == np.float64
    assert deviance.sum() / expected.sum() == pytest.approx(figures(p)["llk"], rel=1e-12)


def test_a_frame_that_does_not_fit_stands_out():
    p, O, _ = problem("single")
    p.O[...] = O
    before, _ = per_frame(p)
    p.I[7] = p.I[7, ::-1].copy()
    after, _ = per_frame(p)
    others = np.arange(36) != 7
    assert after[7] > 2 * before[7] and np.array_equal(after[others], before[others])
