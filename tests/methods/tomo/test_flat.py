"""The step tomo.flat: means of flats and darks, and what is refused with words."""

from functools import partial

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import DataError
from nanompi.methods.tomo.flat import Flat
from nanompi.methods.tomo.read.scene import DARK, FLAT, PROJECTION, SimulatedImages
from nanompi.methods.tomo.read.simulate import SimulateTomogram, TomogramSimulation
from tests.methods.tomo.files import COLUMNS, ROWS, scene
from tests.methods.tomo.steps import done, piece, run_of

ANGLES = np.arange(12) * np.pi / 12


class Stack:
    """A source of images that are at hand"""

    def __init__(self, images):
        self.images, self.shape = np.asarray(images), np.shape(images)

    def read(self, index, threads=1):
        return self.images[index]


def data_of(projections, **beside) -> Data:
    axes = ("angle", "row", "column")
    return Data(axes=axes, source=projections, beside=beside, spread="angle", unit="counts")


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


def test_flats_before_and_after_count_alike():
    """Their mean, each image once, whatever number of them is read at a time"""
    flats, dark = np.full((37, 1, 3), 100.0), np.zeros((1, 1, 3))
    flats[20:] = 300
    data = data_of(Stack(np.zeros((1, 1, 3))), flat=Stack(flats), dark=Stack(dark))
    t = np.exp(-done(Flat(), run_of(), data, np.full((1, 1, 3), 20.0)))
    assert t == pytest.approx(np.full((1, 1, 3), 20 / ((20 * 100 + 17 * 300) / 37)))


def test_many_counts_do_not_overflow():
    """300 flats of 60000 counts: their sum does not fit 16 or 24 bits"""
    flat = Stack(np.full((300, 1, 2), 60_000, np.uint16))
    data = data_of(flat, flat=flat, dark=Stack(np.zeros((2, 1, 2), np.uint16)))
    t = np.exp(-done(Flat(), run_of(), data, np.full((1, 1, 2), 30_000, np.uint16)))
    assert t == pytest.approx(np.full((1, 1, 2), 0.5))


@pytest.mark.parametrize("name, words", [("flat", "without the sample"), ("dark", "without the beam")])
def test_missing_images_are_refused(name, words):
    data = simulated()
    del data.beside[name]
    for look in (Flat().check, partial(Flat().start, run_of())):
        with pytest.raises(DataError, match=rf"tomo.flat needs {name} images \({words}\).*, {name}: none"):
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
    assert run.warned == ["tomo.flat: 1 of 16 pixels see no beam; filled from the others of their row"]
    Flat().start(run, simulated())
    assert len(run.warned) == 1


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


def drifting(drift=0.3, **given):
    """(line integrals, their truth) of a scan without noise whose beam fades and moves"""
    own = {"size": 32, "rows": 3, "noise": False, "drift": drift, "angles": 11, "images": 4}
    data = SimulateTomogram(simulate=TomogramSimulation(**own)).open("", None)["data"]
    del data.per_row["current"]
    lines = done(Flat(**given), run_of(), data, data.source.read(np.arange(11)))
    scene = TomogramSimulation(**own).scene()
    return lines, np.stack([scene.phantom.projection(a, 3, 32, 15.5) for a in data.coords["angle"][0]])


def test_linear_in_time_undoes_a_drift_that_is_linear():
    """By the mean of all flats the ends are wrong by half the drift"""
    error = {how: abs(np.subtract(*drifting(flat=how))).max() for how in ("linear", "mean", "median")}
    assert error["linear"] < 1e-5
    assert 0.1 < error["mean"] < 0.3 and 0.1 < error["median"] < 0.3


def test_the_current_of_the_beam_scales_the_flats():
    """Known of flats and projections; currents that are none do nothing"""
    run, data = run_of(), simulated()
    data.source = Stack(data.source.read(np.arange(12)))
    plain = done(Flat(), run, data, data.source.read(np.arange(12)))
    data.per_row = {"current": np.linspace(1, 0.9, 12)}
    data.beside["per_flat"] = {"current": np.ones(20)}
    assert not run.said
    scaled = done(Flat(), run, data, data.source.read(np.arange(12)))
    assert "scaled by the beam's current" in run.said[0]
    factor = np.linspace(1, 0.9, 12)[:, None, None]
    assert scaled - plain == pytest.approx(np.log(factor) * np.ones_like(plain), abs=1e-9)
    data.per_row["current"] = np.zeros(12)
    assert np.array_equal(done(Flat(), run, data, data.source.read(np.arange(12))), plain)


def test_linear_without_times_is_refused():
    with pytest.raises(DataError, match="linear needs times of flats before and after"):
        Flat(flat="linear").check(simulated())


def test_flats_of_another_scan_are_refused():
    """Half as bright as the air of the projections; noise alone is none: 20 photons"""
    data = simulated()
    data.beside["flat"] = Stack((data.beside["flat"].read(np.arange(20)) * 0.5).astype(np.uint16))
    with pytest.raises(DataError, match=r"of the detector sees more than 1.2 times the light of the flats"):
        Flat().check(data)
    few = TomogramSimulation(photons=20, size=64)
    Flat().check(SimulateTomogram(simulate=few).open("", None)["data"])


def test_transmissions_need_no_flats():
    data, t = data_of(Stack(np.full((2, 1, 3), 0.25))), np.full((2, 1, 3), 0.25)
    assert done(Flat(flat="none", dark="none"), run_of(), data, t) == pytest.approx(-np.log(t))


def test_phases_pass_through():
    assert Flat().idle(Data(axes=("angle", "row", "column"), unit="rad")) and not Flat().idle(simulated())


def finished(spoil, flats=1.0):
    """The run of 40 projections (row 2, columns 200, a sample in the middle) that are spoilt first"""
    shape, beam = (40, 2, 200), 1000.0
    x = np.arange(200) - 99.5
    sample = np.exp(-1.5 * np.sqrt(np.clip(1 - (x / 60) ** 2, 0, None)))
    counts = np.random.default_rng(0).poisson(beam * np.broadcast_to(sample, shape)) + 20.0
    spoil(counts)
    dark = np.full((2, 2, 200), 20.0)
    data = data_of(Stack(counts), flat=Stack(dark + beam * flats), dark=Stack(dark))
    data.coords["angle"] = np.arange(40) * np.pi / 40, "rad"
    run, step = run_of(), Flat()
    step.start(run, data)
    some = [0, 1], range(2, 25), range(25, 40)
    for own in map(np.array, some):
        step.block(counts[own], piece(data, data.axes, angle=own))
    step.finish(run)
    return run


def test_good_light_is_not_doubted():
    run = finished(lambda counts: None)
    assert not run.warned and "verdict" not in run.result.notes["tomo"]["flat"]
    assert run.result.notes["tomo"]["flat"]["air"] == pytest.approx([1, 1], abs=0.01)


def test_projections_without_light_are_named():
    """One by a closed shutter, two after another that are no numbers, one with a tenth of the beam"""

    def spoil(counts):
        counts[7], counts[20:22] = 0, np.nan
        counts[30] = 20 + (counts[30] - 20) / 10

    run = finished(spoil)
    own = run.result.notes["tomo"]["flat"]
    assert own["odd_projections"] == [7, 20, 21, 30] and own["verdict"] == "doubtful"
    words = "4 of 40 projections have no beam"
    assert words in own["reason"] and "7 (31.5 degrees), 20 (90 degrees)" in own["reason"]
    assert "`input: {select: {without: [7, 20, 21, 30]}}`" in run.warned[-1]


def test_a_beam_that_was_never_there_is_refused():
    """All zeros, and what a detector of 2 counts of noise reads with its shutter closed"""
    for noise in (None, 2.0):

        def spoil(counts, noise=noise):
            counts[:] = 0 if noise is None else np.random.default_rng(1).normal(20, noise, counts.shape)

        with pytest.raises(DataError, match="no brighter than the dark images; was the shutter closed"):
            finished(spoil)


def test_values_without_light_are_doubted():
    """A strip of 12 % of each projection"""

    def spoil(counts):
        counts[..., 80:104] = 0

    assert "12% of the values are below the least transmission" in finished(spoil).warned[-1]


def test_flats_of_a_shorter_exposure_are_doubted():
    """By 10 %, too little to be refused at first sight; zingers make no such doubt"""
    run = finished(lambda counts: None, flats=0.9)
    assert "1.11 times the light of the flats" in run.warned[0] and len(run.warned) == 1
    assert run.result.notes["tomo"]["flat"]["verdict"] == "doubtful"

    def zingers(counts):
        counts[np.random.default_rng(2).random(counts.shape) < 0.003] = 60_000

    assert not finished(zingers).warned
