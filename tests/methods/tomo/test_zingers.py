"""Zingers: those that were put in are replaced, and next to nothing else."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.methods.tomo.read.scene import DARK, FLAT, PROJECTION, SimulatedImages
from nanompi.methods.tomo.read.simulate import TomogramSimulation
from nanompi.methods.tomo.zingers import Zingers
from tests.methods.tomo.steps import done, run_of
from tests.methods.tomo.test_flat import Stack

ANGLES = np.arange(6) * 0.5


def source(kind, zingers=0.0, photons=1e3):
    scene = TomogramSimulation(size=64, rows=24, photons=photons, zingers=zingers).scene()
    return SimulatedImages(scene, kind, ANGLES)


def frames(zingers, photons=1e3):
    """(6, 24, 64) counts"""
    return source(PROJECTION, zingers, photons).read(np.arange(6))


def cleaned(images, photons=1e3, **beside):
    """(images, the run)"""
    step, run = Zingers(), run_of()
    beside = {"flat": source(FLAT, 0.0, photons), "dark": source(DARK)} | beside
    data = Data(axes=("angle", "row", "column"), values=images, unit="counts", beside=beside)
    out = done(step, run, data, images)
    step.finish(run)
    return out, run


def test_zingers_are_replaced_and_little_else():
    """Each adds three times the mean counts and more; what is left lies within the noise of its neighbours"""
    still, hit = frames(0.0), frames(0.003)
    put_in = hit > still + 1000.0
    out, run = cleaned(hit)
    assert out.dtype == np.uint16 and 10 < put_in.sum() < 60
    assert (out != hit)[put_in].all() and (out != hit)[~put_in].sum() <= 2
    assert abs(out.astype(float) - still)[put_in].max() < 8 * np.sqrt(still.max())
    share = (out != hit).mean()
    assert run.result.notes["tomo"]["zingers"]["share"] == pytest.approx(share)
    assert "so many are no zingers" in run.warned[0]


def test_noise_and_edges_stay():
    """Few photons and many; and a block does not depend on its length"""
    for photons in (30, 1e3, 2e4):
        images = frames(0.0, photons)
        out, run = cleaned(images, photons)
        assert (out != images).mean() < 6e-4 and not run.warned  # at the rim of the sample
    images = frames(0.003)
    assert np.array_equal(cleaned(images)[0][3:4], cleaned(images[3:4])[0])


def test_empty_images_and_single_counts_stay():
    none, images = (
        {"flat": Stack(np.ones((1, 9, 9))), "dark": Stack(np.zeros((1, 9, 9)))},
        np.zeros((1, 9, 9)),
    )
    images[0, 4, 4] = 1
    assert np.array_equal(cleaned(images, **none)[0], images)
    images[0, 4, 4] = 50
    assert not cleaned(images, **none)[0].any()
    assert Zingers().idle(Data(axes=("angle", "row", "column"), unit="rad"))
