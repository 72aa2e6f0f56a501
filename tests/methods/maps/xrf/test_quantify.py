"""Masses on an area from counts and a standard."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import JobError
from nanompi.methods.maps.xrf.exposure import Exposure
from nanompi.methods.maps.xrf.model import Model
from nanompi.methods.maps.xrf.quantify import Quantify, Standard
from nanompi.methods.maps.xrf.response import Detector
from nanompi.methods.maps.xrf.sensitivity import Sensitivities
from tests.methods.maps.xrf.scenes import run_of

FILM = {"Ca": 1.931, "Fe": 0.504, "Cu": 0.284}  # ug/cm2, of the certificate


def mapped(names, counts=100.0, detectors=1, channels=4, **exposure):
    """A run that has maps of counts, each of 2 x 3 points"""
    run = run_of(np.zeros((detectors, channels)))
    ones = np.ones((detectors, channels, len(names)))
    peak = [{}] * detectors
    good = np.ones((detectors, channels), bool)
    run.made["model"] = Model(list(names), ones, good, ones[..., 0], ones[:, 0], peak, 10e3)
    points = np.ones((2, 3, detectors)), np.zeros((2, 3), bool), np.ones(detectors, bool)
    run.made["exposure"] = Exposure(*points, **exposure)
    run.given = {}
    for name in names:
        for mark, value in (("", counts), ("_errors", counts / 10)):
            run.data[name + mark] = Data(axes=("y", "x"), values=np.full((2, 3), value, np.float32))
    return run


def test_the_element_of_the_standard_is_its_counts_over_its_exposure():
    """5000 counts for 0.5 ug/cm2 and a monitor of 2000: 5 counts for 1 ug/cm2 and 1; the map has 100 at 40"""
    run = mapped(["Fe_K"], monitor="us_ic", level=40.0)
    Quantify(standard=[Standard(areal={"Fe": 0.5}, counts={"Fe": 5000}, exposure=2000.0)]).run(run)
    assert run.data["Fe_K_areal"].values == pytest.approx(100 / (5 * 40))
    assert run.data["Fe_K_areal_errors"].values == pytest.approx(10 / (5 * 40))
    assert run.data["Fe_K_areal"].unit == "ug/cm2" and set(run.given) == {"Fe_K_areal", "Fe_K_areal_errors"}
    assert run.data["Fe_K"].values[0, 0] == 100


def test_elements_between_go_by_cross_section_and_say_how_uncertain_they_are():
    """Two of the standard that agree with one curve to 40 %: Mn follows Fe, its neighbour"""
    flat = Sensitivities({}, 10e3, Detector())
    counts = {"Ca": flat._expected("Ca_K"), "Fe": 1.5 * flat._expected("Fe_K")}
    run = mapped(["Ca_K", "Mn_K", "Fe_K"])
    Quantify(standard=[Standard(areal={"Ca": 1.0, "Fe": 1.0}, counts=counts)]).run(run)
    own = run.result.notes["xrf"]["quantify"]
    assert own["sensitivity"]["Mn_K"] == pytest.approx(1.5 * flat._expected("Mn_K"))
    assert own["spread"] == pytest.approx(np.std([1, 1.5], ddof=1) / 1.25)
    assert "uncertainty of Mn_K, which the standard does not hold: 28 %" in run.warned[0]


def test_several_standards_give_the_mean_and_say_how_far_they_are_apart():
    """Fe in two that say 10 and 12 counts: 11, 12.9 % apart; Ca and Cu in one each; far apart is a warning"""
    run = mapped(["Ca_K", "Fe_K", "Cu_K"])
    flat = Sensitivities({}, 10e3, Detector())
    k = {name: flat._expected(f"{name}_K") for name in ("Ca", "Fe", "Cu")}
    two = [
        Standard(areal={"Ca": 1.0, "Fe": 2.0}, counts={"Ca": k["Ca"], "Fe": 2 * k["Fe"]}),
        Standard(
            areal={"Fe": 1.0, "Cu": 1.0}, counts={"Fe": 24 * k["Fe"], "Cu": 20 * k["Cu"]}, exposure=20.0
        ),
    ]
    Quantify(standard=two).run(run)
    own = run.result.notes["xrf"]["quantify"]
    assert own["sensitivity"]["Fe_K"] == pytest.approx(1.1 * k["Fe"])
    assert own["sensitivity"]["Ca_K"] == pytest.approx(k["Ca"]) and own["standards"] == 2
    assert own["apart"] == {"Fe_K": pytest.approx(np.std([1, 1.2], ddof=1) / 1.1)}
    assert any(
        "the standards differ about their mean by (standard deviation) Fe_K 12.9 %" in s for s in run.said
    )
    assert run.data["Fe_K_areal"].values == pytest.approx(100 / (1.1 * k["Fe"])) and not run.warned
    two[1].counts["Fe"] = 40 * k["Fe"]
    Quantify(standard=two).run(run)
    assert any("Fe_K 47.1 %; is one of them mistaken?" in text for text in run.warned)


def test_a_job_names_one_standard_or_a_list(tmp_path):
    from nanompi.job.job import read_job
    from nanompi.methods import discover

    discover()
    one, other = ("{counts: {Fe: 12}, areal: {Fe: 1}}", "{counts: {Ca: 3}, areal: {Ca: 2}}")
    found = {}
    for name, given in {"one": one, "list": f"[{one}]", "two": f"[{one}, {other}]"}.items():
        steps = f"[xrf.fit, {{use: xrf.quantify, standard: {given}}}]"
        text = f"nanompi: 1\ninput: {{format: xrf.simulate}}\nsteps: {steps}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
        found[name] = read_job(str(tmp_path / f"{name}.yaml")).resolved["steps"][-1]["standard"]
    assert found["one"] == found["list"] == found["two"][:1] and found["two"][1]["areal"] == {"Ca": 2.0}
    bad = text.replace("counts: {Ca: 3}", "count: {Ca: 3}")
    (tmp_path / "bad.yaml").write_text(bad)
    with pytest.raises(JobError, match=r"standard.1.count: unknown parameter"):
        read_job(str(tmp_path / "bad.yaml"))
    (tmp_path / "bad.yaml").write_text(text.replace(f"[{one}, {other}]", "[]"))
    job = read_job(str(tmp_path / "bad.yaml"))
    with pytest.raises(JobError, match="standard: none is given"):
        job.steps[-1].check(None)


def test_a_window_weakens_what_is_expected_of_soft_lines():
    from nanompi.methods.maps.xrf.response import Window

    behind = Sensitivities({"Fe_K": 1.0}, 10e3, Detector((Window("Al", 2.7, 20e-6),)))
    bare = Sensitivities({"Fe_K": 1.0}, 10e3, Detector())
    assert behind.of("Ca_K") < 0.5 * bare.of("Ca_K") and behind.of("Fe_K") == 1


@pytest.mark.parametrize(
    "given, words",
    [
        ({"areal": {"Fe": 0.0}, "counts": {"Fe": 1.0}}, "areal: Fe: 0 is not above 0"),
        ({"areal": {}, "counts": {"Fe": 1.0}}, "areal: no element is given"),
        ({"areal": {"Fe": 1.0}}, "give `file:` or `counts:`, one of them"),
        ({"areal": {"Fe": 1.0}, "counts": {"Ca": 1.0}}, "Fe of `areal` has no counts"),
    ],
)
def test_standards_that_say_too_little_are_refused(given, words):
    with pytest.raises(JobError, match=words):
        Quantify(standard=[Standard(**given)]).check(None)


@pytest.mark.real
@pytest.mark.slow
def test_the_measured_film_has_the_sensitivity_of_a_separate_fit(shared_data):
    """Counts of all four detectors for 1 ug/cm2, in the whole scan: 238183 Ca, 679392 Fe, 1206149 Cu. With
    no window its elements spread by a seventh about one physical curve"""
    run = mapped(["Ca_K", "Zn_K"], detectors=4, channels=2000)
    Quantify(standard=[Standard(areal=FILM, file=str(shared_data("S3_xrf_2ide/axo_std.mda")))]).run(run)
    own = run.result.notes["xrf"]["quantify"]
    wanted = {"Ca_K": 238183, "Fe_K": 679392, "Cu_K": 1206149}
    points, live, seconds = 121, 0.978, 1.0064
    said = {line.split(": ")[1]: float(line.split(": ")[2].split()[0]) for line in run.said[1:]}
    for name, counts in wanted.items():
        assert said[name] * points * live * seconds == pytest.approx(counts, rel=0.03)
    assert 0.1 < own["spread"] < 0.18 and "Zn_K, which the standard does not hold: 14 %" in run.said[-1]
