"""Background: its level from the data, and the prior that dark waves are dark."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.background import floor, for_engines, levels
from nanompi.methods.ptycho.beam import mean_frame
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from tests.methods.ptycho.scenes import phase_error, problem, wrong
from tests.scene import problem as small


def test_floor_of_the_mean_frame():
    p, _, _ = small("single", back=2.0)
    p.background = 0.0  # it is not known
    assert floor(p) == pytest.approx(2, abs=0.3)
    assert floor(small("single")[0]) == 0


def test_light_that_is_not_even_is_no_background():
    y, x = np.mgrid[-32:32, -32:32]
    light, good = np.fft.ifftshift(100 / (1 + (y**2 + x**2) / 50)), np.ones((64, 64), bool)
    good[3:5] = False
    assert levels(light * good, good).least > 2 and levels(light * good, good).even == 0
    assert levels((light / 50 + 4) * good, good).even == pytest.approx(4.1, abs=0.1)


def test_light_that_reaches_all_pixels_is_taken_off_the_floor():
    """It varies from frame to frame: 3.52 counts are the floor of this scan, 1.79 the background found"""
    p = problem(wrong("background 2", 609, frames=160, subpixel=False), Cpu("single", 1))
    assert levels(mean_frame(p), np.ones((64, 64), bool)).even > 3
    assert floor(p) == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("counts", [2, 5])
def test_the_image_is_nearer_to_the_truth(counts):
    """0.70 and 0.57 of the error without; with that level and no prior it was 1.35 and 1.06"""
    scene = wrong(f"background {counts}", 307, frames=100, subpixel=False)
    errors = []
    for known in (True, False):
        p = problem(scene, Cpu("single", 1))
        p.background = floor(p) if known else 0.0
        run_chain([DM(iterations=20), ML(iterations=30)], p, 50, lambda text: None)
        errors.append(phase_error(p, scene))
    assert errors[0] < 0.8 * errors[1], errors


def test_the_prior_is_of_dark_waves():
    """ML with the higher level is the Poisson likelihood with exp(-l sum m), l = (for_engines(b) - b) / b"""
    assert for_engines(0.0) == 0
    b, counts = 2.0, np.array([0.0, 1.0, 3.0, 40.0])
    more = (for_engines(b) - b) / b
    m = np.linspace(0, 60, 600_001)[:, None]
    prior = ((1 + more) * m - counts * np.log(m + b)).argmin(0)
    higher = ((1 + more) * m - counts * np.log((1 + more) * (m + b))).argmin(0)
    assert np.array_equal(prior, higher) and (m[prior[:2], 0] == 0).all()
