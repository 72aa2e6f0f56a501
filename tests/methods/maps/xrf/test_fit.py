"""`xrf.fit` on simulated maps whose truth is known."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.data.walk import walk
from nanompi.errors import DataError
from nanompi.methods.maps.xrf.fit import Fit, parts
from nanompi.methods.maps.xrf.simulate import SimulateSpectra, SpectraSimulation, model_of
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

TEAM = Team(alone=True)


def run_of(s: SpectraSimulation, change=None, scale=None):
    """A run as `xrf.prepare` and `xrf.calibrate` leave it; change(counts) -> counts before"""
    data = SimulateSpectra(simulate=s).open("", None)["data"]
    counts = data.source.read(np.arange(s.rows))
    counts = counts if change is None else change(counts)
    data = data.holding(counts, "y", [np.arange(s.rows)])
    if scale is not None:
        data.beside["scale"] = scale
    total = counts.astype(np.float64).sum((0, 1))
    run = walking.run_of(TEAM, data=data, sum_spectrum=Data(axes=("detector", "channel"), values=total))
    run.made, run.result, run.warn = {"model": model_of(s)}, Result(), run.lines.append
    return run


def fitted(s: SpectraSimulation, change=None, scale=None, **own):
    """(run, truth by name)"""
    run = run_of(s, change, scale)
    walk(run, [Fit(**own)])
    return run, run.data["data"].beside["truth"]


def pulls(run, truth, name):
    """(a - truth) / errors"""
    return (run.data[name].values - truth[name]) / run.data[f"{name}_errors"].values


@pytest.fixture(scope="module")
def usual():
    return fitted(SpectraSimulation(rows=12, columns=16, slope=20 * 1.602176634e-19))


def test_maps_are_the_truth_within_their_errors(usual):
    """Elements with ten counts and more: 95 % within 1.96 standard errors; the unit and the names of maps"""
    run, truth = usual
    for name in ("Ca_K", "Fe_K", "Cu_K", "Zn_K", "elastic"):
        clear = truth[name] > 10
        covered = (abs(pulls(run, truth, name)) < 1.96)[clear].mean()
        assert clear.sum() > 60 and 0.88 <= covered <= 1, name
    assert run.data["Fe_K"].axes == ("y", "x") and run.data["Fe_K"].unit == "counts"
    assert "_lines" not in run.data and run.data["deviance"].values.shape == (12, 16)
    assert run.result.notes["verdict"]["steps"]["xrf.fit"]["grade"] == "good"
    names, data = run.result.pictures["sum_fit"].marks.names, run.result.pictures["sum_fit"].data
    assert {"counts", "fit", "Ca_K", "Fe_K", "Zn_K", "Co_K", "scatter, background"} <= set(names)
    assert len(names) == len(data) and data[2:].sum(0) == pytest.approx(data[1], rel=1e-6)


def test_the_picture_of_the_sum_names_the_strongest_and_says_which_share_a_curve():
    """Nothing is left out: the curves are the whole fit; what is zero has none"""
    names = [f"E{k}_K" for k in range(16)] + ["elastic", "background"]
    curves = np.diag(np.arange(18.0, 0, -1))
    curves[3] = 0
    found, titles, rest = parts(curves, names)
    assert titles == [*(n for n in names[:13] if n != "E3_K"), "3 others", "scatter, background"]
    assert rest == names[13:16] and found.sum(0) == pytest.approx(curves.sum(0))
    few, titles, rest = parts(curves[4:], [*names[4:17], "background"])
    assert titles == [*names[4:16], "scatter, background"] and rest == [] and len(few) == 13


def test_the_mean_of_the_map_is_a_fit_of_the_sum(usual):
    """Of Ti the map is too large on the average, where there is little; the fit of the sum is not"""
    run, truth = usual
    names = run.result.arrays["xrf_regions/columns"].split("\n")
    mean, error = (run.result.arrays[f"xrf_regions/{key}"][0] for key in ("amplitudes", "errors"))
    for name in names:
        j = names.index(name)
        assert abs(mean[j] - truth[name].mean()) < 4 * error[j] + 1e-3 * truth[name].mean(), name


def test_scale_of_dead_time_and_monitor_stands_in_the_model():
    """Half the counts at half the scale are the same amplitudes; a detector of scale 0 is not asked"""
    s = SpectraSimulation(rows=2, columns=4, noise=False, slope=40 * 1.602176634e-19)
    scale = np.ones((2, 4, 2))
    scale[0], scale[1, 0, 1] = 0.5, 0
    run, truth = fitted(s, lambda counts: counts * scale[..., None].astype(np.float32), scale)
    for name in ("Fe_K", "Ca_K", "elastic"):
        assert run.data[name].values == pytest.approx(truth[name], rel=0.02, abs=0.05), name


def test_absent_saturated_and_empty_points():
    """NaN where nothing was measured or a count is the largest of its type; no counts have errors, too"""
    s = SpectraSimulation(rows=3, columns=4, absent=1, slope=40 * 1.602176634e-19)

    def change(counts):
        counts[0, 0, 1, 100] = 65535
        counts[0, 1] = 0
        return counts

    run, _ = fitted(s, change)
    fe, errors = run.data["Fe_K"].values, run.data["Fe_K_errors"].values
    assert np.isnan(fe[0, 0]) and np.isnan(fe[2, 3]) and np.isfinite(fe).sum() == 10
    assert fe[0, 1] == 0 and 0.3 < errors[0, 1] < 1
    assert any("1 spectra are saturated" in line for line in run.lines)


@pytest.mark.parametrize("method", ["nnls", "lsq"])
def test_the_quick_looks(method):
    s = SpectraSimulation(rows=6, columns=8, slope=40 * 1.602176634e-19)
    run, truth = fitted(s, method=method)
    clear = truth["Fe_K"] > 100
    assert (abs(pulls(run, truth, "Fe_K")) < 1.96)[clear].mean() > 0.8
    assert (run.data["Co_K"].values < 0).any() == (method == "lsq")
    assert 0.5 < np.median(run.data["deviance"].values) / run.made["model"].good.sum() < 1.5
    assert run.result.notes["verdict"]["steps"]["xrf.fit"]["grade"] == "good"


def test_regions_of_a_mask(tmp_path):
    s = SpectraSimulation(rows=6, columns=8, slope=40 * 1.602176634e-19)
    mask = np.zeros((6, 8), np.uint8)
    mask[:3], mask[3:5] = 1, 2
    np.save(tmp_path / "mask.npy", mask)
    run, truth = fitted(s, regions=str(tmp_path / "mask.npy"))
    arrays = run.result.arrays
    j = arrays["xrf_regions/columns"].split("\n").index("Fe_K")
    assert arrays["xrf_regions/names"] == "whole map\nregion 1\nregion 2"
    assert list(arrays["xrf_regions/points"]) == [48, 24, 16]
    for k, own in ((1, mask == 1), (2, mask == 2)):
        error = arrays["xrf_regions/errors"][k, j]
        assert abs(arrays["xrf_regions/amplitudes"][k, j] - truth["Fe_K"][own].mean()) < 3 * error


def test_a_mask_of_another_shape_is_refused(tmp_path):
    np.save(tmp_path / "mask.npy", np.ones((3, 3), int))
    s = SpectraSimulation(rows=2, columns=4, slope=40 * 1.602176634e-19)
    with pytest.raises(DataError, match="3 x 3, the scan has 2 x 4 points"):
        fitted(s, regions=str(tmp_path / "mask.npy"))


def test_a_model_of_other_channels_is_refused():
    s = SpectraSimulation(rows=2, columns=4, slope=40 * 1.602176634e-19)
    run = run_of(s)
    run.made["model"] = model_of(SpectraSimulation(detectors=3, slope=50 * 1.602176634e-19))
    with pytest.raises(DataError, match="the model is for 3 detectors"):
        walk(run, [Fit()])


def test_a_scale_that_is_wrong_is_told():
    """The energies of the model are 2 % off: the fit of the sum is"""
    s = SpectraSimulation(rows=2, columns=4, slope=40 * 1.602176634e-19)
    run = run_of(s)
    run.made["model"].columns = np.roll(run.made["model"].columns, 4, 1)
    walk(run, [Fit()])
    assert run.result.notes["verdict"]["steps"]["xrf.fit"]["grade"] in ("doubtful", "wrong")


def test_cobalt_beside_much_iron_needs_poisson():
    """Of 30 counts under K-beta of 50000 and of 20 of iron: only Poisson is right in both"""
    from nanompi.device import Cpu
    from nanompi.methods.maps.linear_fit import LinearFit

    s = SpectraSimulation(detectors=1, counts=600, slope=10 * 1.602176634e-19)
    model, rng = model_of(s), np.random.default_rng(5)
    columns, detector = model.side_by_side()
    fe, co = (model.names.index(name) for name in ("Fe_K", "Co_K"))
    x = np.zeros((1200, len(model.names)))
    x[:] = [{"Ca_K": 25, "Si_K": 60, "Ar_K": 90, "elastic": 40, "compton": 80, "background": 60}.get(n, 0)
            for n in model.names]  # fmt: skip
    x[:, co], x[:600, fe], x[600:, fe] = 30, 20, 50000
    y = rng.poisson(x @ columns.T).astype(np.uint16)
    weights = 1 / (y.mean(0) + 0.02)
    ways = {"poisson": (weights, "poisson"), "nnls": (None, "nnls"), "mean": (weights, "nnls")}
    rmse = {}
    for name, (own, method) in ways.items():
        got = LinearFit(columns, detector, own).fit(Cpu(), y, method=method)[0][:, co]
        rmse[name] = [
            float(np.sqrt(((got[part] - 30) ** 2).mean())) for part in (slice(600), slice(600, None))
        ]
    assert rmse["poisson"][1] <= 0.45 * rmse["nnls"][1]
    assert rmse["poisson"][0] <= 0.6 * rmse["mean"][0]


def test_simulated_rows_do_not_depend_on_who_reads_them():
    s = SpectraSimulation(rows=4, columns=3, slope=40 * 1.602176634e-19)
    source = SimulateSpectra(simulate=s).open("", None)["data"].source
    every = source.read(np.arange(4))
    assert np.array_equal(source.read(np.array([2])), every[2:3]) and every.dtype == np.uint16
    assert every.sum((2, 3)).mean() == pytest.approx(s.counts, rel=0.2)


def test_rows_to_and_fro_are_doubted(usual):
    """A snake scan that was read as a raster: every second row is the wrong way round"""
    assert "xrf.fit, rows" not in usual[0].result.notes["verdict"]["steps"]

    def to_and_fro(counts):
        counts[1::2] = counts[1::2, ::-1].copy()
        return counts

    run, _ = fitted(SpectraSimulation(rows=12, columns=16, slope=20 * 1.602176634e-19), to_and_fro)
    said = run.result.notes["verdict"]["steps"]["xrf.fit, rows"]
    assert said["grade"] == "doubtful" and said["paste"] == "- {use: map.grid, snake: true}"
