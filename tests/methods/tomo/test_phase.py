"""Phase retrieval: the thickness of simulated samples comes back, to what first order leaves."""

from dataclasses import replace

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import JobError
from nanompi.methods.tomo.phantom import Phantom
from nanompi.methods.tomo.phase import Phase, Way, padding
from nanompi.methods.tomo.read.simulate import TomogramSimulation
from nanompi.units import EV
from tests.methods.tomo.steps import done, run_of

ROWS, COLUMNS = 72, 96
FACTS = {"energy": 20e3 * EV, "distance": 0.05, "pixel": 1e-6}


def scan(delta_beta=100.0, distance=0.05):
    """(frame of line integrals that the detector shows, true line integrals) of an ellipsoid of glass"""
    own = {"size": COLUMNS, "rows": ROWS, "pixel": 1e-6, "distance": distance, "delta_beta": delta_beta}
    ball = Phantom(*(np.array([v], float) for v in (3, 0, -2, 22, 20, 18, 0.4, 0.004)))
    scene = replace(TomogramSimulation(**own, noise=False).scene(), phantom=ball)
    true = ball.projection(0.3, ROWS, COLUMNS, (COLUMNS - 1) / 2)
    return -np.log(scene.transmission(0.3))[None], true


def retrieved(frames, facts=FACTS, **given):
    data = Data(axes=("angle", "row", "column"), values=frames, facts=facts)
    return done(Phase(**given), run_of(), data, frames)[0]


def test_the_thickness_comes_back():
    """The largest phase is 8 rad and first fringes are 1.8 px wide: without retrieval edges are wrong by half
    of the thickness. With it the mass is right to 0.1 % (the filter is 1 at frequency 0, and -log of small
    values is linear), and the rest, 2 % rms, stands at the rim, where curvature is beyond the first order"""
    frames, true = scan()
    got = retrieved(frames, delta_beta=100.0)
    rms = lambda p: np.sqrt(np.mean((p - true) ** 2)) / true.max()  # noqa: E731
    assert abs(frames[0] - true).max() > 0.5 * true.max()
    assert rms(frames[0]) > 0.08 and rms(got) < 0.02
    assert got.sum() == pytest.approx(true.sum(), rel=5e-3)
    assert got[30:40, 45:55] == pytest.approx(true[30:40, 45:55], rel=0.02)


def test_a_wrong_ratio_is_worse():
    frames, true = scan()
    error = {r: np.mean((retrieved(frames, delta_beta=r) - true) ** 2) for r in (30.0, 100.0, 300.0)}
    assert error[100] < 0.5 * min(error[30], error[300])


def test_the_generalised_filter_is_sharper():
    """The same at long waves; at the highest frequency 8 in place of 2 pi^2"""
    own = [Way(3e-12, 1e-6, kind).transfer(64, 64) for kind in (False, True)]
    assert own[0][0, 0] == own[1][0, 0] == 1
    assert own[1][1, 1] == pytest.approx(own[0][1, 1], rel=1e-4)
    assert own[0][32, 32] == pytest.approx(1 / (1 + 3 * 2 * np.pi**2))
    assert own[1][32, 32] == pytest.approx(1 / (1 + 3 * 8))
    frames, true = scan()
    got = retrieved(frames, delta_beta=100.0, method="generalised")
    assert np.sqrt(np.mean((got - true) ** 2)) < 0.02 * true.max()


def test_a_constant_stays():
    """Also at the edges, and over no distance at all nothing happens"""
    frames = np.full((2, 31, 45), 0.7)
    assert retrieved(frames, delta_beta=500.0) == pytest.approx(frames[0], abs=1e-12)
    frames = np.random.default_rng(0).random((1, 31, 45))
    assert retrieved(frames, FACTS | {"distance": 1e-12}, delta_beta=1.0) == pytest.approx(
        frames[0], abs=1e-6
    )


def test_the_precision_is_that_of_the_run():
    frames = np.random.default_rng(0).random((1, 31, 45)).astype(np.float32)
    data = Data(axes=("angle", "row", "column"), values=frames, facts=FACTS)
    got = done(Phase(delta_beta=100.0), run_of("single"), data, frames)
    assert got.dtype == np.float32 and got[0] == pytest.approx(retrieved(frames, delta_beta=100.0), abs=1e-5)


def test_missing_geometry_is_named():
    data = Data(axes=("angle", "row", "column"), values=np.zeros((1, 2, 2)), facts={"pixel": 1e-6})
    with pytest.raises(
        JobError, match=r"energy and distance are not in the file; give `energy:`, `distance:`"
    ):
        Phase(delta_beta=1.0).check(data)
    Phase(delta_beta=1.0, energy=20e3 * EV, distance=1.0).check(data)


def test_too_few_rows_are_told():
    run, frames = run_of(), np.zeros((1, 4, 64))
    data = Data(axes=("angle", "row", "column"), values=frames, facts=FACTS)
    done(Phase(delta_beta=1000.0), run, data, frames)
    assert "reaches beyond projections of 4 x 64" in run.warned[0]


@pytest.mark.parametrize("n", [1, 7, 30, 101])
def test_padding_is_even_and_fits(n):
    borders, sizes = padding((n, n + 1), 0.9)
    for (before, after), size, m in zip(borders, sizes, (n, n + 1)):
        assert before + after + m == size and size % 2 == 0 and min(before, after) >= min(m, 7)
