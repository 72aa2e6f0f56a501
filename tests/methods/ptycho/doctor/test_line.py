"""The error bar of the lowest point of a line is as large as what that point is off by."""

import math

import numpy as np
import pytest

from nanompi.methods.ptycho.doctor.line import FEIGNED, Parabola

X = np.linspace(-0.07, 0.07, 5)
FRAMES = 40


def line(rest: float, tilt: float = 0.0, curve: float = 20.0) -> Parabola:
    """Frames of which `rest` is met by nothing, of which a distance feigns a part by `tilt`"""
    logs = rest + tilt * X + curve * X**2
    return Parabola(X, np.tile(logs, (FRAMES, 1)), 0.0, 0.1)


def test_it_is_how_far_off_the_misfit_can_be_feigned():
    """A tilt that takes away FEIGNED of the rest at the lowest point moves it by just one bar"""
    for rest in (0.1, 1.0):
        shift = math.sqrt(FEIGNED * rest / 20)
        bent = line(rest, tilt=2 * 20 * shift)
        assert bent.lowest() == pytest.approx(-shift)
        assert bent.rising(FEIGNED * rest) == pytest.approx(shift)
        assert bent.error() < shift / 3  # no scatter of frames nor of trials shows it


def test_without_misfit_or_without_a_lowest_point():
    assert line(-0.1).least() == 0 and line(0.3).least() == pytest.approx(0.3)
    assert line(0.3).rising(0.0) == 0
    assert line(0.3, curve=-1.0).rising(0.1) == pytest.approx(0.07)  # nothing is known but where was looked
