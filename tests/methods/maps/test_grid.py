"""Maps over points on a grid, rows to and fro."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.data import Data, even
from nanompi.errors import DataError
from nanompi.methods.maps.grid import Grid, judge_rows
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

H, W, STEP = 12, 17, 50e-9


def sample(y, x):
    """Smooth, and no mirror image of itself; y, x in steps"""
    return 5 + np.sin(y / 3) + np.cos(x / 4 + 1) + 0.1 * x


def gridded(positions, values, **how):
    data = Data(
        axes=("point",), values=values.astype(np.float32), coords={"point": (positions, "m")}, unit="counts"
    )
    data = data.holding(data.values, "point", even(len(values), 1))
    run = walking.run_of(Team(alone=True), Fe_K=data)
    run.given["Fe_K"] = None
    Grid(**how).run(run)
    return run.data["Fe_K"]


def places():
    y, x = np.mgrid[:H, :W]
    x[1::2] = x[1::2, ::-1]  # to and fro
    return np.column_stack([y.ravel(), x.ravel()]).astype(float)


def test_a_snake_scan_with_positions_is_put_right_point_by_point():
    at = places()
    rng = np.random.default_rng(0)
    out = gridded(1e-3 + at * STEP + rng.normal(0, 0.05 * STEP, at.shape), sample(*at.T))
    assert out.axes == ("y", "x") and np.array_equal(out.values, sample(*np.mgrid[:H, :W]).astype(np.float32))
    for axis in ("y", "x"):
        assert np.diff(out.coords[axis][0]) == pytest.approx(STEP, rel=0.01)
        assert out.coords[axis][0][0] == pytest.approx(1e-3, abs=0.1 * STEP)


def test_steps_may_differ_along_rows_and_columns():
    """A fly scan with rows five times as far apart as its points"""
    at = places()
    out = gridded(at * (5 * STEP, STEP), sample(*at.T))
    assert out.values.shape == (H, W) and np.isfinite(out.values).all()
    assert np.diff(out.coords["y"][0]) == pytest.approx(5 * STEP, rel=0.01)


def test_encoders_that_stray_are_interpolated():
    """Points off by a third of a step are not moved to the grid: linear, to the curvature of the sample"""
    at = places()
    at += np.random.default_rng(1).uniform(-0.35, 0.35, at.shape)
    out = gridded(at * STEP, sample(*at.T), step=STEP)
    y, x = (known[0] / STEP for known in (out.coords["y"], out.coords["x"]))
    error = out.values - sample(*np.meshgrid(y, x, indexing="ij"))
    assert abs(error[1:-1, 1:-1]).max() < 0.06  # second derivative 1/9, half a step: 1/72 of 1.2


def test_a_point_without_a_value_is_a_gap():
    at, values = places(), sample(*places().T)
    values[30] = np.nan
    assert np.isnan(gridded(at * STEP, values).values).sum() == 1


def test_rows_to_and_fro_that_were_read_as_a_raster():
    """They are doubted with the line to paste, and following it gives the image"""
    image = sample(*np.mgrid[:H, :W]).astype(np.float32) + np.random.default_rng(2).normal(0, 0.2, (H, W))
    wrong = image.copy()
    wrong[1::2] = wrong[1::2, ::-1]
    run = SimpleNamespace(result=Result())
    judge_rows(run, "xrf.fit", image)
    assert not run.result.notes
    judge_rows(run, "xrf.fit", wrong)
    said = run.result.notes["verdict"]["steps"]["xrf.fit"]
    assert said["grade"] == "doubtful" and said["paste"] == "- {use: map.grid, snake: true}"

    data, result = Data(axes=("y", "x"), values=wrong, spread="y", parts=even(H, 1)), run.result
    run = walking.run_of(Team(alone=True), Fe_K=data)
    run.given["Fe_K"], run.result = None, result
    Grid(snake=True).run(run)
    assert np.array_equal(run.data["Fe_K"].values, image)
    assert not result.notes["verdict"]["steps"]  # it has been followed


def test_noise_and_small_maps_are_not_doubted():
    run = SimpleNamespace(result=Result())
    judge_rows(run, "x", np.random.default_rng(3).normal(size=(40, 40)))
    judge_rows(run, "x", np.ones((20, 20)))
    judge_rows(run, "x", np.arange(20.0).reshape(4, 5))
    judge_rows(run, "x", None)
    assert not run.result.notes


def test_points_without_places_are_refused():
    data = Data(axes=("point",), values=np.ones(5))
    run = walking.run_of(Team(alone=True), Fe_K=data)
    run.given["Fe_K"] = None
    with pytest.raises(DataError, match="not known where"):
        Grid().run(run)
    run.given.clear()
    with pytest.raises(DataError, match="no step before it gave maps"):
        Grid().run(run)
