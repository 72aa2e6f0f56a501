"""Scale, peaks, elements and detectors from simulated sums whose truth is known."""

import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError, JobError, NumbersError
from nanompi.methods.maps.xrf import detectors, missing, scale
from nanompi.methods.maps.xrf.calibrate import Calibrate, Start
from nanompi.methods.maps.xrf.settings import Settings
from nanompi.methods.maps.xrf.shape import Scene, fitted
from nanompi.units import EV
from tests.methods.maps.xrf.scenes import AMOUNTS, BEAM, SHAPE, drawn, run_of, verdict

NAMES = tuple(name for name in AMOUNTS if "_" in name)


@pytest.mark.parametrize("slope, channels", [(5.0, 2048), (15.0, 900), (40.0, 512)])
def test_the_scale_is_found_from_nothing(slope, channels):
    """The best of the grid is within its step, the next best far worse"""
    (score, best), (rival, _), *_ = scale.slopes(
        drawn(slope=slope, channels=channels), BEAM, scale.common(BEAM)
    )
    assert best == pytest.approx(slope, rel=0.01) and rival > 2 * score


def test_shape_and_amounts_come_back_within_their_errors():
    """0.03 % of the slope, 5 sigma of each amount: SNIP takes some of the tails"""
    got = fitted(
        drawn(), Scene(NAMES, BEAM, 900, 10.5e3), SHAPE | {"slope": 15.2, "offset": 0.0, "noise": 80.0}
    )
    assert got.p["slope"] == pytest.approx(15, rel=3e-4) and got.p["offset"] == pytest.approx(-6, abs=2)
    assert got.chi2 < 1.4
    for name in NAMES:
        assert got.of(name) == pytest.approx(AMOUNTS[name], rel=0.03)


def test_lines_that_are_missing_are_named_and_added():
    """Lanthanum, which titanium and chromium would hide"""
    counts = drawn({**AMOUNTS, "La_L": 3e4})
    task = detectors.Task(NAMES, False, BEAM, 900, 10.5e3)
    without, _ = detectors.best_shape(counts, task)
    first = missing.leftovers(without)[0]
    assert without.chi2 > 20 and first.names[0] == "La_L" and abs(first.at - 4650) < 60
    assert "La_L" in str(first) and "sigma" in str(first)
    full = missing.completed(without, counts)
    assert full.scene.names == (*NAMES, "La_L") and full.of("La_L") == pytest.approx(3e4, rel=0.1)


def test_a_job_that_names_nothing_gets_what_is_there():
    """Two detectors on scales of their own, a third that is shadowed, and what each gets of an element"""
    sums = np.stack([drawn(), drawn({k: v / 2 for k, v in AMOUNTS.items()}, seed=2, slope=15.3),
                     drawn({"Ar_K": 2e4, "Ca_K": 300, "elastic": 3e4, "compton": 5e4}, seed=3)])  # fmt: skip
    run = run_of(sums, axis=15.0)
    Calibrate().run(run)
    model = run.made["model"]
    assert set(NAMES) <= set(model.elements) <= {*NAMES, "S_K", "Cl_K", "Zn_K", "K_K"}
    assert model.detectors.tolist() == [0, 1] and "detector 2 left out: 0." in run.warned[0]
    assert [p["slope"] for p in model.peak[:2]] == pytest.approx([15, 15.3], rel=1e-3)
    assert model.columns.sum((0, 1)) == pytest.approx(1)
    iron = model.names.index("Fe_K")
    assert model.shares[:, iron] == pytest.approx([2 / 3, 1 / 3, 0], abs=0.01)
    assert np.all(model.columns[~model.good] == 0)
    assert verdict(run)["grade"] == "good" and verdict(run)["axis_factor"] == pytest.approx(1, abs=2e-3)
    assert run.result.notes["xrf"]["calibrate"]["counts"]["Ca_K"] == pytest.approx(9e4, rel=0.03)


def test_an_axis_that_is_wrong_by_two_is_told():
    run = run_of(drawn()[None], axis=30.0)
    Calibrate(elements=list(NAMES)).run(run)
    assert verdict(run)["grade"] == "doubtful"
    assert "axis of energies is wrong by a factor 2.00: 30 eV a channel" in verdict(run)["words"]


def test_a_model_that_lacks_much_says_what_to_add():
    """chi2 above 50 is doubtful; the line to paste names the element"""
    run = run_of(drawn({**AMOUNTS, "La_L": 2e5})[None])
    Calibrate(elements=list(NAMES)).run(run)
    said = verdict(run)
    assert said["grade"] == "doubtful" and "does not explain the spectra" in said["words"]
    assert said["paste"].startswith("elements: [..., La_L")


def test_a_beam_of_another_energy_is_told_where_the_peak_stands():
    run = run_of(drawn()[None], energy=12e3 * EV)
    with pytest.raises(DataError, match=r"no elastic peak at 12 keV.*highest peak about there is at 9\.9"):
        Calibrate(elements=list(NAMES), start=Start(slope=15 * EV)).run(run)


def test_a_start_far_off_is_refused():
    with pytest.raises(NumbersError, match="slope wants to leave the range about its start"):
        Calibrate(elements=list(NAMES), start=Start(slope=16.5 * EV)).run(run_of(drawn()[None]))


def test_a_start_that_leaves_no_channels_is_refused():
    with pytest.raises(DataError, match=r"2 of 900 channels .* 9600 to 10500 eV by 500 eV a channel.*20 are"):
        start = Start(slope=500 * EV, offset=9e3 * EV)
        Calibrate(start=start, range=(9.6e3 * EV, 10.5e3 * EV)).run(run_of(drawn()[None]))


@pytest.mark.parametrize(
    "given, kind, words",
    [
        ({"elements": ["Fe", "Pb_L"]}, JobError, "Pb_L is not excited by a beam of 10 keV"),
        ({"elements": []}, JobError, "none are named"),
        ({"free": ["slop"]}, JobError, '"slop" is no parameter.*slope'),
        ({"range": (5e3 * EV, 1e3 * EV)}, JobError, "5000 eV to 1000 eV is no range"),
        ({"window": {"C10H8O4": "6 um"}}, JobError, "give the g/cm3 of C10H8O4"),
        ({"window": {"Be": "24 J"}}, JobError, r'window.Be: "J" is not a unit that fits here'),
        ({"window": {"Be": "24 km"}}, JobError, "window.Be: 24 km lets nothing through at 10 keV"),
        ({"range": (1.0, 2.0)}, JobError, r"6.24151e\+18 eV to .* no lines of a beam of 10 keV; 100 eV to 2"),
        ({"start": Start(offset=2.0)}, JobError, r"start.offset: 1.248e\+19 eV; -10000 to 10000 eV is sens"),
        ({"start": Start(slope=20e3 * EV)}, JobError, r"start.slope: 2e\+04 eV; 0.5 to 500 eV is sensible"),
    ],
)
def test_what_a_job_cannot_mean_is_refused_before_the_run(given, kind, words):
    data = run_of(drawn()[None]).data["data"]
    with pytest.raises(kind, match=words):
        Calibrate(**given).check(data)


def test_an_energy_in_another_unit_is_told():
    """10000, which is meant to be eV, is read as keV"""
    with pytest.raises(DataError, match=r"beam is 1e\+04 keV; 1 to 200 keV is sensible.*10000 eV"):
        Calibrate(energy=1e7 * EV).check(run_of(drawn()[None]).data["data"])


def test_without_the_energy_of_the_beam_nothing_begins():
    data = run_of(drawn()[None], distance=1.0).data["data"]
    with pytest.raises(DataError, match=r"needs the energy of the beam.*`energy: 10 keV`"):
        Calibrate().check(data)


def test_windows_are_read_with_their_density_or_without():
    task = Calibrate(window={"Be": "24 um", "C10H8O4 1.4": 6.0})._task(BEAM * EV, Settings())
    assert [(w.material, w.density, w.thickness) for w in task.detector.windows] == [
        ("Be", pytest.approx(1.848), pytest.approx(24e-6)),
        ("C10H8O4", 1.4, pytest.approx(6e-6)),
    ]


def test_spectra_of_nothing_tell_no_scale():
    with pytest.raises(DataError, match="12 counts in their best detector, which tell no scale"):
        detectors.brightest(np.full((2, 12), 1.0), np.ones(2, bool))


def test_a_simulation_says_its_limits_in_the_unit_of_the_job(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = "nanompi: 1\ninput: {format: xrf.simulate, simulate: {slope: 2 J}}\nsteps: [xrf.fit]\n"
    (tmp_path / "job.yaml").write_text(job)
    assert main(["check", "job.yaml"]) == 2
    assert 'input.simulate.slope: "2 J" does not fit here' in (said := capsys.readouterr().err)
    assert ">= 500 meV, <= 500 eV" in said
