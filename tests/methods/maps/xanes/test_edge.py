"""Normalisation against larch, whose numbers are stored here: xraylarch 2026.3.1, larch.xafs.preedge."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.data.walk import walk
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.xanes.edge import Edge, Ranges, crossing, edge_numbers
from nanompi.methods.maps.xanes.normalise import Normalise, filled
from nanompi.methods.maps.xanes.simulate import StackSimulation, scan_of, spectrum
from nanompi.mpi.team import Team
from tests import walking

TEAM = Team(alone=True)
E = scan_of(StackSimulation(energies=100))
MU = np.array([0.31 - 2e-4 * (E - 7112) + 0.7 * spectrum(E, 7112 + 4 * k, k) for k in range(3)])
WIDE = Ranges((-35, -12), (30, 85), 1)
LARCH = [  # spectrum, ranges, e0, edge step, normalised at the energies 0, 30, 55, 99
    (0, Ranges(), 7112.8, 0.6466481706490728,
     [0.0007230266757699083, 0.1985148989399451, 1.0413713528735566, 0.9954746592715901]),
    (2, Ranges(), 7120.0, 0.6586956112184671,
     [0.0010333228068138637, 0.02715533368910137, 1.2522669833500697, 0.9808586702842835]),
    (1, WIDE, 7114.2, 0.6300462894055918,
     [0.0038809448118694804, 0.08092310359237266, 1.0460819575379574, 0.9945442808432507]),
    (0, Ranges(None, (15, None), 2, 2), 7115.0, 0.6974111648977543,
     [0.0012906514217023478, 0.1822743705714918, 0.9628945720488405, 0.9162817105325236]),
    (1, Ranges((-30, -10), (40, 80), 0, line=False), 7115.0, 0.669193016253123,
     [-0.0058448767389116685, 0.07890982971917393, 0.99238162592353, 0.9682339614652499]),
]  # fmt: skip


@pytest.mark.parametrize("number, ranges, e0, step, norm", LARCH)
def test_the_numbers_are_those_of_larch(number, ranges, e0, step, norm):
    edge = Edge(E, E[np.abs(E - e0).argmin()] if abs(E - e0).min() < 0.01 else e0, ranges)
    got, height, _ = edge.normalised(MU[number][None])
    assert height[0] == pytest.approx(step, rel=1e-10)
    assert got[0, [0, 30, 55, 99]] == pytest.approx(norm, abs=1e-10)


def test_edges_are_where_larch_finds_them():
    """find_e0 says 7112.8, 7116.4, 7120.0: within one step of the scan, 0.6 eV"""
    found = E[edge_numbers(E, MU)]
    assert np.abs(found - [7112.8, 7116.4, 7120.0]).max() < 0.61


def test_a_spectrum_does_not_depend_on_its_neighbours():
    """The same bits alone and in a block: what one, two and three ranks rest on"""
    many = np.random.default_rng(1).normal(MU[1], 0.01, (37, len(E)))
    edge = Edge(E, 7114.2, WIDE)
    for got, alone in zip(edge.normalised(many), edge.normalised(many[17:18])):
        assert got[17].tobytes() == alone[0].tobytes()
    assert edge_numbers(E, many)[17] == edge_numbers(E, many[17:18])[0]


def test_the_error_of_the_step_is_its_spread():
    """400 spectra with noise: within 15 %, four standard errors of a standard deviation"""
    many = np.random.default_rng(2).normal(MU[0], 0.01, (400, len(E)))
    _, step, error = Edge(E, 7114.2, WIDE).normalised(many)
    assert error.mean() == pytest.approx(step.std(), rel=0.15)


def test_the_crossing_is_between_two_energies():
    norm = np.clip((E - 7110.25) / 10, 0, 1)[None]
    assert crossing(E, norm)[0] == pytest.approx(7115.25, abs=1e-9)
    assert np.isnan(crossing(E, 0 * norm)[0])


def test_single_values_that_are_lost_are_interpolated():
    mu = MU[:2].copy()
    mu[0, 40], mu[1, 10:40] = np.nan, np.nan
    got, whole = filled(mu)
    assert whole.tolist() == [True, False] and got[0, 40] == pytest.approx((MU[0, 39] + MU[0, 41]) / 2)


def run_of(mu, **own):
    """The step on a row of pixels"""
    coords = {"energy": (E, "eV")}
    data = walking.spread(TEAM, mu[None], "y x energy", "y", coords=coords)
    run = walking.run_of(TEAM, data=data)
    run.made, run.warn = {}, run.say
    from nanompi.run.result import Result

    run.result = Result()
    walk(run, [step := Normalise(**own)])
    return run, step


def test_pixels_without_an_edge_are_nan_and_counted():
    noise = np.random.default_rng(3).normal(0, 0.02, (20, len(E)))
    mu = noise + np.where(np.arange(20)[:, None] < 12, MU[0], 0.1)
    run, _ = run_of(mu, e0=7114.0)
    lost = np.isnan(run.data["edge_step"].values[0])
    assert not lost[:12].any() and lost[12:].sum() >= 7  # three standard errors: one in 740 by chance
    assert np.array_equal(np.isnan(run.data["data"].values[0, :, 50]), lost)
    assert run.result.notes["xanes"]["normalise"]["without_edge"] == pytest.approx(lost.mean())
    assert any("have no edge" in line for line in run.lines)


def test_edge_energies_follow_the_species():
    run, _ = run_of(np.repeat(MU, 4, 0))
    edges = run.data["edge_energy"].values[0]
    assert np.diff(edges[::4]) == pytest.approx([3.6, 3.6], abs=0.6)


def test_no_picture_is_made_of_an_edge_that_is_given(tmp_path, monkeypatch):
    """One value in all pixels: it stands beside the spectrum; the map is in the result"""
    monkeypatch.chdir(tmp_path)
    own = {"energies": 40, "size": 16, "drift": 0}
    job = {"nanompi": 1, "input": {"format": "xanes.simulate", "simulate": own}, "steps": ["xanes.normalise"]}
    Path("job.yaml").write_text(json.dumps(job))
    for setting, there in (("7112", False), ("auto", True)):
        assert main(["run", "job.yaml", "--set", f"steps.xanes.normalise.e0={setting}"]) == 0
        run = Path("runs/job/latest")
        with h5py.File(run / "result.h5") as file:
            assert np.isfinite(file["entry_1/e0/data"][()]).any()
        page = (run / "report.html").read_text()
        assert ('"title": "steepest rise"' in page) == there and ("given for all pixels" in page) != there


def test_an_edge_outside_of_the_scan_is_refused():
    with pytest.raises(DataError, match=r"e0: 8333 eV is not within the energies of .*7072 to 7202"):
        run_of(MU, e0=8333.0)


@pytest.mark.parametrize(
    "own, words",
    [
        ({"pre": [10, 30]}, r"pre: \[10, 30\] reaches behind the edge; both are 0 or less"),
        ({"post": [-30, -10]}, r"post: \[-30, -10\] begins before the edge; both are 0 or more"),
        ({"pre": [-900, -800]}, r"pre: .*no energy is so far from the edge; allowed: within -127"),
        ({"post": [500, 600]}, r"post: .*no energy is so far from the edge; allowed: within 0 to 12"),
        ({"pre": [-70, -50], "e0": 7112.0}, r"pre: .*allowed: within -40 to 0, or null.* has 7072 to 7202"),
    ],
)
def test_a_range_in_which_nothing_can_be_is_refused(own, words):
    with pytest.raises((DataError, JobError), match=words):
        run_of(MU, **own)


def test_a_range_that_turns_out_to_be_empty_makes_the_result_wrong():
    """Where an edge at the end of the scan would have had energies before it; this one has not"""
    run, _ = run_of(MU, pre=[-70, -50])
    verdict = run.result.notes["verdict"]["steps"]["xanes.normalise"]
    assert verdict["grade"] == "wrong" and "pre: [-70, -50]: no energy is so far" in verdict["words"]
    run, _ = run_of(MU, pre=[-40, -20])
    assert run.result.notes["verdict"]["steps"]["xanes.normalise"]["grade"] == "good"


def test_a_scan_without_an_edge_says_so():
    with pytest.raises(DataError, match="no pixel has an edge step above its error"):
        run_of(np.zeros((3, len(E))), e0=7114.0)
