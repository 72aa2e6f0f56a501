"""Means of the object over squares of pixels, of boxes that any ranks hold."""

import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho import view as module
from nanompi.methods.ptycho.coarse import cells, laid
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.view import view
from nanompi.optics.ramp import scanned_area
from nanompi.step import METHODS
from tests.scene import problem

discover()


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_boxes_of_ranks_add_up_to_the_means_of_the_whole(step):
    """Each pixel is in one box; boxes begin anywhere; squares at the ends are smaller"""
    rng, shape = np.random.default_rng(2), (23, 31)
    O = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    weight = rng.random(shape) * (rng.random(shape) > 0.3)
    boxes = [np.s_[0:7, 0:31], np.s_[7:23, 0:4], np.s_[7:23, 4:31]]
    corners = [(box[0].start, box[1].start) for box in boxes]
    O_mean, light = laid([cells(O[b], weight[b], c, step) for b, c in zip(boxes, corners)], shape, step)
    size = [-(-n // step) for n in shape]
    assert O_mean.shape == light.shape == tuple(size)
    for y, x in np.ndindex(*size):
        square = np.s_[y * step : (y + 1) * step, x * step : (x + 1) * step]
        w = weight[square]
        want = (O[square] * w).sum() / w.sum() if w.sum() else 1.0
        assert O_mean[y, x] == pytest.approx(want, rel=1e-5, abs=1e-6)
        assert light[y, x] == pytest.approx(w.sum() / step**2, rel=1e-5)


def test_a_large_object_is_shown_in_squares_of_pixels(monkeypatch):
    """As large as allowed, with the pixel size of a square; the problem stays as it is"""
    p, *_ = problem()
    before = p.O.copy(), p.P.copy()
    whole = view(p, (1e-8, 2e-8))()
    monkeypatch.setattr(module, "SIDE", max(p.places.shape) // 2)
    found = view(p, (1e-8, 2e-8))()
    for name in ("phase", "amplitude"):
        assert max(found[name].data.shape) <= module.SIDE + 1
        y, x = (found[name].axes[axis][0] for axis in "yx")
        assert y[1] - y[0] == pytest.approx(3e-8) and x[1] - x[0] == pytest.approx(6e-8)
    lit = np.median(found["amplitude"].data[found["phase"].seen > 0.5 * found["phase"].usual])
    assert lit == pytest.approx(
        np.median(whole["amplitude"].data[scanned_area(whole["phase"].seen, 0.5)[0]]), rel=0.05
    )
    assert np.array_equal(p.O, before[0]) and np.array_equal(p.P, before[1])
    assert found["probe"].data.shape == (len(p.P), 16, 16)


@pytest.mark.slow
def test_a_look_leaves_a_beam_that_varies_as_it_is():
    """Shapes and numbers of each frame stay, and what the next iterations make of them"""
    (p, *_), (other, *_) = (problem(varies=1, frames=16) for _ in range(2))
    found = []
    for one in (p, other):
        run_chain([METHODS["engine"]["ML"](iterations=2)], one, 9, lambda text: None)
        if one is p:
            view(p, (1e-8, 1e-8))()
        run_chain([METHODS["engine"]["ML"](iterations=2)], one, 9, lambda text: None)
        found.append((one.O, one.P, one.varied.E, one.varied.c))
    for a, b in zip(*found):
        assert np.array_equal(a, b)
