"""The step tomo.flat: means of flats and darks, and what is refused with words."""

from functools import partial

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import DataError
from nanompi.methods.tomo.flat import Flat
from nanompi.methods.tomo.read.scene import DARK, FLAT, PROJECTION, SimulatedImages
from tests.methods.tomo.files import COLUMNS, ROWS, scene
from tests.methods.tomo.steps import done, run_of

ANGLES = np.arange(12) * np.pi / 12


class Stack:
    """A source of images that are at hand"""

    def __init__(self, images):
        self.images, self.shape = np.asarray(images), np.shape(images)

    def read(self, index, threads=1):
        return self.images[index]


def data_of(projections, **beside) -> Data:
    return Data(axes=("angle", "row", "column"), source=projections, beside=beside)


def simulated(flats=20, darks=20) -> Data:
    source = {k: SimulatedImages(scene(), k, np.zeros(n)) for k, n in ((FLAT, flats), (DARK, darks))}
    return data_of(SimulatedImages(scene(), PROJECTION, ANGLES), flat=source[FLAT], dark=source[DARK])


def test_the_line_integrals_of_the_phantom_come_back():
    """Within the noise: sigma^2 of -log T is 1 / counts of the projection, and 1 / 20 of that of the flat"""
    data = simulated()
    lines = done(Flat(), run_of(), data, data.source.read(np.arange(12)))
    true = np.stack([scene().phantom.projection(a, ROWS, COLUMNS, 11.0) for a in ANGLES])
    beam, dark = scene().beam(), scene().dark()
    counts = beam * np.exp(-true)
    variance = (counts + dark * 1.05) / counts**2 + (beam + dark) / beam**2 / 20
    pull = (lines - true) / np.sqrt(variance)
    assert abs(pull.mean()) < 0.1 and pull.std() == pytest.approx(1, abs=0.1)
    transmission = done(Flat(log=False), run_of(), data, data.source.read(np.arange(12)))
    assert np.exp(-lines) == pytest.approx(transmission)


def test_flats_before_and_after_count_alike():
    """Their mean, each image once, whatever number of them is read at a time"""
    flats, dark = np.full((37, 1, 3), 100.0), np.zeros((1, 1, 3))
    flats[20:] = 300
    data = data_of(Stack(np.zeros((1, 1, 3))), flat=Stack(flats), dark=Stack(dark))
    t = done(Flat(log=False), run_of(), data, np.full((1, 1, 3), 20.0))
    assert t == pytest.approx(np.full((1, 1, 3), 20 / ((20 * 100 + 17 * 300) / 37)))


def test_many_counts_do_not_overflow():
    """300 flats of 60000 counts: their sum does not fit 16 or 24 bits"""
    flat = Stack(np.full((300, 1, 2), 60_000, np.uint16))
    data = data_of(flat, flat=flat, dark=Stack(np.zeros((2, 1, 2), np.uint16)))
    t = done(Flat(log=False), run_of(), data, np.full((1, 1, 2), 30_000, np.uint16))
    assert t == pytest.approx(np.full((1, 1, 2), 0.5))


@pytest.mark.parametrize("name, words", [("flat", "without the sample"), ("dark", "without the beam")])
def test_missing_images_are_refused(name, words):
    data = simulated()
    del data.beside[name]
    for look in (Flat().check, partial(Flat().start, run_of())):
        with pytest.raises(
            DataError, match=rf"tomo.flat needs {name} images \({words}\).* leave tomo.flat out"
        ):
            look(data)
    Flat().check(simulated())


def test_exchanged_flats_and_darks_are_refused():
    data = simulated()
    data.beside = {"flat": data.beside["dark"], "dark": data.beside["flat"]}
    with pytest.raises(DataError, match=r"not brighter than the dark ones in 72 of 72 pixels; are they exch"):
        Flat().start(run_of(), data)


def test_pixels_without_beam_are_told():
    flat = np.full((1, 2, 8), 100.0)
    flat[0, 1, 3] = 0
    run = run_of()
    Flat().start(run, data_of(Stack(flat), flat=Stack(flat), dark=Stack(np.zeros((1, 2, 8)))))
    assert run.said == ["tomo.flat: 1 of 16 pixels see no beam; filled from the others of their row"]
    Flat().start(run, simulated())
    assert len(run.said) == 1


def test_values_that_are_no_numbers_are_told():
    """Of all blocks together; where none is a number there is nothing to reconstruct"""
    flat, run, step = np.full((1, 2, 8), 100.0), run_of(), Flat()
    block = np.full((3, 2, 8), 50.0)
    block[1, 0, 2:4] = np.nan, np.inf
    done(step, run, data_of(Stack(block), flat=Stack(flat), dark=Stack(0 * flat)), block)
    step.finish(run)
    assert len(run.warned) == 1 and run.warned[0].startswith("tomo.flat: 2 of 48 values of the projections")
    done(step, run, data_of(Stack(block), flat=Stack(flat), dark=Stack(0 * flat)), block * np.nan)
    with pytest.raises(DataError, match="none of the 48 values"):
        step.finish(run)
