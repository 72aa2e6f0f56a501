"""Peaks before an edge: area and place as they were put in, errors that are the spread."""

import numpy as np
import pytest

from nanompi.data.walk import walk
from nanompi.errors import JobError
from nanompi.methods.maps.xanes.peaks import SpectrumPeaks
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

TEAM = Team(alone=True)
E = np.arange(7100.0, 7120.0, 0.4)


def run_of(values, **own):
    data = walking.spread(TEAM, values, "y x energy", "y", coords={"energy": (E, "eV")})
    run = walking.run_of(TEAM, data=data)
    run.made, run.warn, run.result = {}, run.say, Result()
    walk(run, [SpectrumPeaks(**own)])
    return run


def test_area_and_place_come_back_with_their_errors():
    """240 spectra; the mean within four standard errors, the errors the spread within 20 %"""
    rng = np.random.default_rng(1)
    width, area = 2.0, 0.3
    sigma = width / 2.3548
    peak = area * np.exp(-(((E - 7110.3) / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    values = peak + 0.01 * (E - 7100) + rng.normal(0, 0.004, (12, 20, len(E)))
    values[0, 0] = np.nan
    run = run_of(values, windows=[[7104.0, 7117.0]], shape="gauss")
    for name, true in (("area", area), ("position", 7110.3), ("width", width)):
        got, errors = (
            run.data[f"peak_7110.600eV_{name}{mark}"].values.ravel()[1:] for mark in ("", "_errors")
        )
        assert got.mean() == pytest.approx(true, abs=4 * got.std() / np.sqrt(239) + 1e-3 * width)
        assert errors.mean() == pytest.approx(got.std(), rel=0.2)
    assert np.isnan(run.data["peak_7110.600eV_area"].values[0, 0])
    assert any("239 of 239 peaks fitted" in line for line in run.lines)


def test_a_window_outside_of_the_scan():
    with pytest.raises(JobError, match="holds 0 of the 50 values of a pattern, which go from 7100"):
        run_of(np.zeros((1, 2, len(E))), windows=[[7200.0, 7210.0]])
