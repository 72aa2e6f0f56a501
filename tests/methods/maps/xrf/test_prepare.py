"""Dead time and monitor of a scan, and what is said where they make no sense."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.data.walk import walk
from nanompi.errors import DataError
from nanompi.methods.maps.xrf.exposure import exposure_of
from nanompi.methods.maps.xrf.prepare import Prepare
from nanompi.mpi.team import Team
from tests import walking

POINTS = (4, 5)
TEAM = Team(alone=True)


def scan(**per_row) -> Data:
    """4 x 5 points, three detectors"""
    source = SimpleNamespace(shape=(*POINTS, 3, 10), dtype=np.uint16)
    return Data(axes=("y", "x", "detector", "channel"), source=source, per_row=per_row, file="scan.h5")


def rates(live=0.8, **changes):
    """Input and output rates, (y, x, detector)"""
    icr = np.full((*POINTS, 3), 1e4)
    return {"icr": icr, "ocr": icr * live} | changes


def of(data, dead="auto", monitor="auto", detectors="auto"):
    return exposure_of(data, dead, monitor, detectors)


def test_the_model_is_scaled_by_live_part_and_monitor():
    beam = np.arange(1.0, 21).reshape(POINTS)
    got = of(scan(**rates(0.8), us_ic=beam, time=np.ones(POINTS)))
    assert got.monitor == "us_ic" and got.level == pytest.approx(10.5)
    assert got.scale == pytest.approx(np.repeat((0.8 * beam / 10.5)[..., None], 3, axis=2))


def test_rates_go_before_times_and_nothing_is_said_of_neither():
    times = {"live": np.full((*POINTS, 3), 0.9), "real": np.full((*POINTS, 3), 2.0)}
    assert of(scan(**rates(), **times)).scale.mean() == pytest.approx(0.8)
    assert of(scan(**rates(), **times), dead="live").scale.mean() == pytest.approx(0.45)
    assert of(scan(**times)).seconds == 2.0
    none = of(scan())
    assert np.all(none.scale == 1) and "no correction of dead time: the file says nothing" in none.notes[0]


def test_much_dead_time_is_told_for_its_pile_up():
    assert "two photons are often counted as one" in of(scan(**rates(0.6))).warnings[0]


def test_what_was_not_measured_is_not_looked_at():
    absent = np.zeros(POINTS, bool)
    absent[3] = True
    beam = np.where(absent, 0, 2.0)
    got = of(scan(**rates(np.where(absent, np.nan, 0.8)[..., None]), i0=beam, absent=absent))
    assert np.all(got.scale[3] == 1) and got.scale[:3] == pytest.approx(0.8) and not got.warnings


def test_a_detector_whose_rates_are_nothing_is_left_out():
    live = np.array([0.8, 0.0, 0.9])
    got = of(scan(**rates(live)))
    assert got.detectors.tolist() == [True, False, True] and "detector 1 left out" in got.warnings[0]


def test_many_points_with_too_much_dead_time_are_an_error_that_names_the_first():
    live = np.full((*POINTS, 3), 0.8)
    live[2, 1, 0] = 0.2
    with pytest.raises(DataError, match=r"live part is 0\.2 at point \(2, 1\).*at 1 of 20 points.*dead: off"):
        of(scan(**rates(live)))


def test_a_monitor_of_zero_in_a_row_names_the_points():
    beam = np.ones(POINTS)
    beam[1] = 0
    with pytest.raises(
        DataError, match=r"us_ic is not above 0 at 5 of 20 points \(\(1, 0\), \(1, 1\).*monitor: off"
    ):
        of(scan(us_ic=beam))
    assert np.all(of(scan(us_ic=beam), monitor="off").scale == 1)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"monitor": "us_ib"}, "has no scaler us_ib.*us_ic"),
        ({"dead": "live"}, "live needs live and real of each detector.*it has us_ic"),
        ({"detectors": [0, 3]}, "detector 3 is not among the 3 of scan.h5, which count from 0 to 2"),
        ({"detectors": []}, "no detector is left"),
    ],
)
def test_what_the_scan_does_not_hold_is_named(given, words):
    with pytest.raises(DataError, match=words):
        of(scan(us_ic=np.ones(POINTS)), **given)


def test_a_scan_without_a_count_has_no_detector_left():
    data = scan()
    step = Prepare()
    run = SimpleNamespace(made={}, data={"data": data}, said=[], result=SimpleNamespace(notes={}))
    run.say, run.team = run.said.append, SimpleNamespace(on_root=lambda work: work())
    step.start(run, data)
    run.team = Team(alone=True)
    run.data["sum_spectrum"] = Data(axes=("detector", "channel"), values=np.zeros((3, 10)))
    run.data["_uncounted"] = Data(axes=("y", "x"), values=np.zeros(POINTS, bool))
    with pytest.raises(DataError, match="no detector is left: none has counted anything"):
        step.finish(run)


@pytest.mark.parametrize("value", [-1, np.nan, np.inf])
def test_what_is_no_count_is_left_out_with_a_warning(value):
    """Of one point; the other 59 are added up. In a detector that is not used it does not matter"""
    counts = np.ones((6, 10, 2, 8), np.float32)
    counts[2, 3, 1, 4] = value
    for detectors, absent, total in (("auto", 1, 59 * 8), ([0], 0, 60 * 8)):
        data = walking.on_disk(TEAM, counts, "y x detector channel", file="scan.h5")
        run = walking.run_of(TEAM, data=data)
        run.made, run.result, run.warn = {}, SimpleNamespace(notes={}), run.lines.append
        walk(run, [Prepare(detectors=detectors)])
        found = run.data["data"].per_row["absent"]
        assert found.sum() == absent and found[2, 3] == absent
        assert run.data["sum_spectrum"].values[0].sum() == total and "_uncounted" not in run.data
        said = [line for line in run.lines if "1 of 60 spectra hold values that are no counts" in line]
        assert len(said) == absent


def test_many_that_are_no_counts_are_an_error():
    counts = np.ones((6, 10, 2, 8), np.float32)
    counts[:, :, 1] = np.nan
    run = walking.run_of(TEAM, data=walking.on_disk(TEAM, counts, "y x detector channel", file="scan.h5"))
    run.made, run.result = {}, SimpleNamespace(notes={})
    with pytest.raises(DataError, match=r"60 of 60 spectra .* at point \(0, 0\).*detectors: \[0, 1\]"):
        walk(run, [Prepare()])
