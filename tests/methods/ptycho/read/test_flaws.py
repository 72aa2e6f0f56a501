"""What is wrong with a simulated scan: as much as was asked for, the same for whoever reads it."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare.orientation import orientation
from nanompi.methods.ptycho.read.simulate import Simulation

NUMBERS = np.arange(200)


def simulated(open_with, **what):
    what = {"frames": 200, "size": 32, "photons": 1e5, "noise": False, **what}
    return open_with("", "simulate", {"simulate": Simulation(**what)})


@pytest.fixture
def good(open_with):
    return simulated(open_with)


def frames(scan):
    return scan.source.read(NUMBERS)


def test_flux(open_with, good):
    """Each frame by a factor of its own: 200 of them tell the rms to 5 %"""
    bad = frames(simulated(open_with, flux=0.1))
    ratio = bad.sum((1, 2)) / frames(good).sum((1, 2))
    assert ratio.std() == pytest.approx(0.1, rel=0.2) and ratio.mean() == pytest.approx(1, abs=0.03)
    assert np.allclose(bad, frames(good) * ratio[:, None, None], rtol=1e-5)


def test_background(open_with, good):
    assert np.allclose(frames(simulated(open_with, background=2)) - frames(good), 2, atol=1e-3)
    counts = frames(simulated(open_with, background=2, noise=True))
    assert counts[:, 0, 0].mean() == pytest.approx(2, abs=0.5)


def test_misplaced(open_with, good):
    """Frames and truth stay, positions do not"""
    bad = simulated(open_with, misplaced=2.0)
    assert np.array_equal(frames(bad), frames(good))
    assert np.array_equal(bad.truth["corners"], good.truth["corners"])
    off = (bad.positions - good.positions) / good.truth["pixel_size"]
    assert off.std() == pytest.approx(2, rel=0.1)


def test_empty(open_with, good):
    """A part is dark, and the others are as they were"""
    bad = frames(simulated(open_with, empty=0.1))
    dark = bad.sum((1, 2)) == 0
    assert 0.04 < dark.mean() < 0.16 and np.array_equal(bad[~dark], frames(good)[~dark])


@pytest.mark.parametrize("number", range(1, 8))
def test_an_orientation_is_undone(open_with, good, number):
    """About the zero frequency, which stays in the middle"""
    bad, (transpose, flipud, fliplr) = frames(simulated(open_with, orientation=number)), orientation(number)
    seen = np.fft.ifftshift(bad, axes=(1, 2))
    y, x = ((-np.arange(32)) % 32 if flip else np.arange(32) for flip in (flipud, fliplr))
    seen = seen[:, y[:, None], x]
    seen = seen.transpose(0, 2, 1) if transpose else seen
    assert np.array_equal(np.fft.fftshift(seen, axes=(1, 2)), frames(good))


def test_others_read_the_same(open_with):
    scan = simulated(open_with, flux=0.2, background=1, empty=0.1, noise=True)
    assert np.array_equal(scan.source.read([7, 3]), frames(scan)[[7, 3]])


def test_nothing_is_wrong_by_itself():
    from nanompi.methods.ptycho.read.flaws import FLAWLESS
    from nanompi.methods.ptycho.read.simulate import flaws_of

    assert flaws_of(Simulation()) == FLAWLESS
