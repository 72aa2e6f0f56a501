"""Absorption from images: what has no counts, and what I0 must be."""

import numpy as np
import pytest

from nanompi.data.walk import walk
from nanompi.errors import DataError
from nanompi.methods.maps.xanes.absorbance import Absorbance
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

TEAM = Team(alone=True)
I0 = np.array([100.0, 200, 400])
I = np.random.default_rng(0).integers(1, 90, (3, 4, 5)).astype(np.float32)


def run_of(images, i0=I0, **own):
    data = walking.on_disk(TEAM, images, "energy y x", beside={} if i0 is None else {"i0": i0})
    run = walking.run_of(TEAM, data=data)
    run.made, run.warn, run.result = {}, run.say, Result()
    walk(run, [Absorbance(**own)])
    return run


@pytest.mark.parametrize("i0", [I0, I0[:, None, None] * np.linspace(1, 2, 20).reshape(4, 5)])
def test_transmission_and_fluorescence(i0):
    whole = np.broadcast_to(i0.reshape(3, *i0.shape[1:] or (1, 1)), I.shape)
    for measured, right in (("transmission", -np.log(I / whole)), ("fluorescence", I / whole)):
        run = run_of(I, i0, measured=measured)
        assert run.data["data"].values == pytest.approx(right, rel=1e-6)
        assert "i0" not in run.data["data"].beside


def test_what_has_no_counts_is_nan_and_counted():
    images = I.copy()
    images[0, 0, 0], images[1, 2, 3] = 0, -4
    run = run_of(images)
    assert np.argwhere(np.isnan(run.data["data"].values)).tolist() == [[0, 0, 0], [1, 2, 3]]
    assert run.result.notes["xanes"]["absorbance"]["lost"] == 2
    assert run.result.notes["verdict"]["steps"]["xanes.absorbance"]["grade"] == "doubtful"  # 3 %
    assert np.isnan(run_of(images, measured="fluorescence").data["data"].values).sum() == 1


def test_i0_that_cannot_be():
    with pytest.raises(DataError, match="transmission needs I0"):
        run_of(I, None)
    with pytest.raises(DataError, match=r"is 0 at energy number 1 .*without: \[1\]"):
        run_of(I, np.array([1.0, 0, 1]))
    assert run_of(I, None, measured="fluorescence").data["data"].values == pytest.approx(I)


def test_no_counts_at_all():
    with pytest.raises(DataError, match="none of the 60 values is above 0"):
        run_of(0 * I)
