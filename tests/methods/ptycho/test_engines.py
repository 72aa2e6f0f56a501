"""Engines on a small simulated scan: the truth is found, the gradient is right, the state between
iterations is kept."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.device.kernels.likelihood import EUCLIDEAN, POISSON
from nanompi.errors import NumbersError
from nanompi.methods.ptycho.engines.engine import When, run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import AP, DM, RAAR
from nanompi.methods.ptycho.engines.rpie import RPIE
from nanompi.methods.ptycho.quality import expected_deviance, figures
from tests.scene import phase_error, problem

CASES = {"plain": {}, "modes": {"modes": 2}, "subpixel": {"subpixel": 8}, "near": {"near": True}}


def quiet(text):
    pass


# Phase error in rad that 60 iterations reach, in the order of CASES. The counts allow about 0.010 rad, which
# ML reaches from the truth; the start is at 0.117.
REACHED = {
    DM: (0.0132, 0.0141, 0.0125, 0.0153),
    AP: (0.0160, 0.0149, 0.0138, 0.0174),
    RAAR: (0.0136, 0.0140, 0.0123, 0.0153),
    ML: (0.0110, 0.0129, 0.0109, 0.0179),
    RPIE: (0.0135, 0.0142, 0.0130, 0.0196),
}
WORSE = 1.5  # times what is reached is a failure


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", REACHED)
def test_engine_finds_the_object(engine, case):
    p, O, _ = problem("single", **CASES[case])
    assert phase_error(p, O) > 0.1
    batches = {"batches": 4} if engine is RPIE else {}  # of 9 frames each
    run_chain([engine(iterations=60, **batches)], p, 60, quiet)
    assert phase_error(p, O) < WORSE * REACHED[engine][list(CASES).index(case)]
    assert p.O.dtype == np.complex64 and p.P.dtype == np.complex64


@pytest.mark.parametrize("noise, reached", [("gaussian", 0.0163), ("euclidean", 0.0114)])
def test_other_noise_models(noise, reached):
    p, O, _ = problem("single")
    run_chain([ML(iterations=60, noise=noise)], p, 60, quiet)
    assert phase_error(p, O) < WORSE * reached


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("noise", ["poisson", "gaussian", "euclidean"])
def test_gradient_is_the_derivative_of_the_likelihood(case, noise):
    """<g, d> against a central difference, through shifts, modes and both propagators"""
    p, _, _ = problem("double", frames=9, **CASES[case])
    rng, ml = np.random.default_rng(0), ML(noise=noise)
    wave = lambda a: rng.standard_normal(a.shape) + 1j * rng.standard_normal(a.shape)  # noqa: E731
    p.make_waves()
    _, gO, gP, *_ = ml.gradient(p)
    dO, dP = wave(p.O) * 0.1, wave(p.P) * abs(p.P).max() * 0.1
    O, P, t = p.O.copy(), p.P.copy(), 1e-5
    L = []
    for s in (t, -t):
        p.O[...], p.P[...] = O + s * dO, P + s * dP
        L.append(ml.gradient(p)[0])
    # dL = 2 Re <dL/dO*, dO> in the convention of a real L of complex arguments
    want = 2 * (np.vdot(gO, dO).real + np.vdot(gP, dP).real)
    assert want == pytest.approx((L[0] - L[1]) / (2 * t), rel=1e-5)


def test_threads_do_not_change_a_bit():
    one, three = problem("single", subpixel=4)[0], problem("single", subpixel=4, threads=3)[0]
    chain = lambda: [DM(iterations=4), ML(iterations=4)]  # noqa: E731
    run_chain(chain(), one, 8, quiet)
    run_chain(chain(), three, 8, quiet)
    assert np.array_equal(one.O, three.O) and np.array_equal(one.P, three.P)


def test_schedule():
    when = When(after=2, until=9, every=3)
    assert [i for i in range(12) if when.now(i)] == [2, 5, 8]
    assert When.from_value(4) == When(after=4)


def test_probe_stays_until_its_turn():
    p, _, _ = problem("single")
    before = p.P.copy()
    run_chain([DM(iterations=3, probe=When(after=3)), ML(iterations=2, probe=When(after=2))], p, 5, quiet)
    assert np.array_equal(p.P, before)


def test_bounds_hold():
    p, _, _ = problem("single")
    run_chain([DM(iterations=10, bounds=(0.5, 1.05))], p, 10, quiet)
    assert abs(p.O).max() <= 1.05 + 1e-5 and abs(p.O).min() >= 0.5 - 1e-5


def test_without_inertia_unseen_pixels_stay_as_they_are():
    p, _, _ = problem("single")
    engine = DM(iterations=5, object_inertia=0, probe_inertia=0)
    run_chain([engine], p, 5, quiet)
    unseen = p.object_weights(p.shifts.library(p.P)) == 0
    assert unseen.sum() > 100
    assert p.O[unseen] == pytest.approx(1, abs=2e-7)  # eps * (1 / eps) is rounded once
    assert np.isfinite(p.O).all() and np.isfinite(p.P).all()


def test_figures_of_the_truth():
    """The truth leaves counting noise alone: llk = 1 within its own statistical error"""
    p, O, P = problem("double", photons=1e4, frames=64)
    p.O[...], p.P[...] = O, P
    found = figures(p)
    assert found["llk"] == pytest.approx(1, abs=0.02)
    assert found["photons"] == pytest.approx(p.counts / 64, rel=0.01)


def test_expected_deviance_by_sampling():
    rng, table = np.random.default_rng(0), expected_deviance()
    for i in (8, 32, 100, 200):
        a = (i / 32) ** 2
        k = rng.poisson(a, 400_000)
        sampled = 2 * (a - k + np.where(k > 0, k * np.log(np.maximum(k, 1) / a), 0)).mean()
        assert table[i] == pytest.approx(sampled, rel=0.01)


def test_nan_is_said_and_ends_with_numbers_error():
    p, _, _ = problem("single")
    p.O[40, 40] = np.nan
    with pytest.raises(NumbersError, match=r"not finite|diverged"):
        run_chain([DM(iterations=2)], p, 1, quiet)
    assert NumbersError.code == 5


def test_monitor_scales_the_model():
    """Frames with half the beam, told by the monitor, leave the image as good"""
    p, O, _ = problem("single")
    p.gain[::2] *= 0.5
    p.I[::2] = np.random.default_rng(3).binomial(p.I[::2], 0.5)
    p.counts, p.bright = p._measured()
    run_chain([DM(iterations=30), ML(iterations=30)], p, 60, quiet)
    assert phase_error(p, O) < WORSE * 0.0143


def test_smoothness_prior_smooths():
    """With the prior sum |grad O|^2 falls, and the likelihood pays for it"""
    rough, smooth = problem("single")[0], problem("single")[0]
    run_chain([ML(iterations=30)], rough, 30, quiet)
    h = run_chain([ML(iterations=30, smooth=3.0)], smooth, 30, quiet)
    sharp = [sum(np.sum(abs(np.diff(p.O, axis=a)) ** 2) for a in (0, 1)) for p in (rough, smooth)]
    assert sharp[1] < 0.9 * sharp[0]
    assert all(row["step"] > 0 for row in h)
    assert figures(smooth)["llk"] > figures(rough)["llk"]


def test_without_counting_noise_the_euclidean_model_and_no_llk():
    p, O, _ = problem("single")
    p.noise, p.stored, said = "none", 0.5, []
    history = run_chain([DM(iterations=20), ML(iterations=40)], p, 20, said.append)
    assert ML().model(p) == EUCLIDEAN and ML(noise="poisson").model(p) == POISSON
    assert phase_error(p, O) < WORSE * 0.0114
    assert "llk" not in history[-1] and "deviance" not in history[-1]
    assert history[-1]["photons"] == pytest.approx(0.5 * p.counts / 36, rel=0.02)  # in units of the file
    assert "intensity" in said[-1] and "r2" in said[-1] and "llk" not in said[-1]
    p.noise = "smooth"
    assert ML().model(p) == POISSON and "llk" not in figures(p)


def test_ml_ends_where_its_steps_make_it_worse():
    """Steps that always go up: after eight halvings the run ends, with exit code 5"""
    p, _, _ = problem("single")
    ml = ML(iterations=20)
    downhill = ml.step
    ml.step = lambda *given: -downhill(*given)
    with pytest.raises(NumbersError, match=r"8 steps in a row.*at iteration 9"):
        run_chain([ml], p, 50, quiet)


def test_ml_stands_still_without_complaint():
    """At the optimum L rises by rounding alone, over and over: no reason to end; by a hundredth it is one"""
    p, ml = problem("single")[0], ML(iterations=3)
    run_chain([ml], p, 3, quiet)
    old = p.state["ml"]
    misfit = old.L - p.state["ml.perfect"]
    for _ in range(10):
        ml.rose(p, old.L + 0.005 * misfit, old)
    assert old.rises == 0
    for _ in range(6):
        ml.rose(p, old.L + 0.02 * misfit + 1e-6 * abs(old.L), old)
    ml.rose(p, np.nan, old)
    with pytest.raises(NumbersError, match="8 steps in a row"):
        ml.rose(p, np.inf, old)


def test_an_end_without_likeness_is_an_error():
    """Frames of another scan: R above 1, whatever llk says where there is none"""
    p, _, _ = problem("single")
    p.P *= 10
    with pytest.raises(NumbersError, match="at the end R is"):
        run_chain([DM(iterations=0), ML(iterations=1, probe=When(after=9), bounds=(2, 3))], p, 1, quiet)


def test_few_counts_alone_may_give_a_large_r():
    """0.02 counts a pixel: the truth itself has R > 1, and is no error"""
    p, O, P = problem("single", photons=20)
    p.O[...], p.P[...] = O, P
    history = run_chain([ML(iterations=1)], p, 1, quiet)
    assert history[-1]["R"] > 1 and history[-1]["llk"] < 1.1


@pytest.mark.parametrize("text", ["", "_cpu"])
@pytest.mark.parametrize("n", [30, 32])  # kernel by kernel, and in one sweep
@pytest.mark.parametrize("engine", [DM(alpha=0.7), RAAR(), AP()], ids=lambda e: e.name)
def test_the_first_iteration_knows_its_waves_and_does_not_read_them(engine, n, text):
    """psi = P O at the start: the same as with waves that were written, whatever the memory holds"""
    ends = []
    for written in (False, True):
        p, *_ = problem(n=n, frames=9, device=Cpu("double", 1, text))
        engine.start(p)
        p.waves[...] = np.nan
        if written:
            p.exit_waves()
            p.state["unwritten"] = False
        errors = [engine.iterate(p, i)["error"] for i in range(3)]
        ends.append((p.O, p.P, p.waves, errors))
    for a, b in zip(*ends):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.abs(a).max())
