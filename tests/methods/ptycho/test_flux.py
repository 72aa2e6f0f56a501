"""Flux of each frame: found, exact, and harmless where there is nothing to find."""

import numpy as np
import pytest

from nanompi.methods.ptycho import flux
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.engines.state import chain_state, restore_chain
from nanompi.run.checkpoint import Writing, opened
from tests.scene import brightness, phase_error, problem

RMS = 0.3


def reached(p, O):
    """Phase error in rad of the usual chain"""
    run_chain([DM(iterations=30), ML(iterations=40)], p, 70, lambda text: None)
    return phase_error(p, O)


@pytest.mark.parametrize("near", [False, True], ids=["far", "near"])
def test_thirty_percent_of_flux_are_found(near):
    """36 frames with few neighbours: the flux is right to 9 % after 40 iterations of ML, the phase error is
    0.029 rad (far) in place of 0.165"""
    p, O, _ = problem("single", near=near, flux=RMS)
    plain, _, _ = problem("single", near=near, flux=RMS)
    plain.set_flux(np.ones(36))
    plain.fluctuates = False
    assert reached(p, O) < 0.4 * reached(plain, O)
    true = brightness(RMS, 36, 1)
    assert np.std(p.flux / true) < 0.12 < 0.2 < np.std(true)
    assert p.flux.mean() == pytest.approx(1, abs=0.02)


def test_a_steady_beam_is_left_steady():
    p, O, _ = problem("single")
    flux.begin(p, monitored=False)
    steady, _, _ = problem("single")
    assert reached(p, O) < 1.5 * reached(steady, O)
    assert p.state["beam"] == "steady" and np.ptp(p.flux) == 0


def test_a_beam_is_steady_where_frames_differ_little_from_their_neighbours():
    """What an image took differs slowly over the sample; 0.3 % from frame to frame are the beam's"""
    rng = np.random.default_rng(3)
    where = rng.uniform(0, 100, (300, 2))
    slow = 1 + 0.005 * np.sin(where[:, 0] / 15)
    counted = slow + 0.001 * rng.standard_normal(300)
    assert flux.steady(where, counted, 0.001)
    assert not flux.steady(where, counted + 0.003 * rng.standard_normal(300), 0.001)
    assert not flux.steady(where, 1 + 5 * (counted - 1), 0.001)  # too much for an image
    assert not flux.steady(where[:5], counted[:5], 0.001)


def test_large_dark_pieces_of_a_sample_are_warned_of():
    """Half of it lets 4 % through, or a fiftieth of it: where a beam varies, too"""
    O, weight = np.ones((40, 40), complex), np.ones((40, 40))
    O[:20] = 0.2
    assert flux.dark_part(O, weight) == pytest.approx(0.5)
    O[:] = 1
    O[:4, :8] = 0.2
    assert flux.dark_part(O, weight) == pytest.approx(0.02) and flux.PIECES > 0.02
    p, _, _ = problem("single", flux=0.3)
    assert len(flux.words(p)) == 1
    p.O[:, : p.O.shape[1] // 2] *= 0.1
    assert "`flux: false`" in flux.words(p)[1].replace("\n", " ")
    p.set_flux(np.ones(len(p.at)))
    assert len(flux.words(p)) == 1


def test_refined_flux_is_the_maximum_of_the_likelihood():
    """With the background that engines take, each refinement goes up, and at once nearly to the end"""
    p, _, _ = problem("double", flux=0.2, back=0.5)
    ml = ML()
    ml.start(p)
    L = [ml.gradient(p)[0] for _ in range(4)]
    assert L[0] > L[1] > L[2] > L[3] and L[1] - L[3] < 1e-3 * (L[0] - L[3])
    best = L[-1]
    found, p.fluctuates = p.flux, False
    for k in (0, 7):
        for factor in (0.999, 1.001):
            other = found.copy()
            other[k] *= factor
            p.set_flux(other)
            assert ml.gradient(p)[0] > best


def test_a_step_that_is_still_halved_when_the_flux_changes_is_forgotten():
    """Else L stays above what it was with another flux, and ML stands still to its end"""
    p, _, _ = problem("double", flux=0.2)
    ml = ML()
    ml.start(p)
    for i in range(12):
        ml.iterate(p, i)
    now = ml.gradient(p, refines=False)[0]
    p.state["ml"].L = now - 1e-9 * abs(now)  # lower than any part of the step reaches
    steps = [ml.iterate(p, i)["step"] for i in (16, 17, 20)]
    assert steps[0] < 0 and steps[1] < 0 and steps[2] > 0.1


def test_what_is_common_becomes_brightness_of_the_probe():
    p, _, _ = problem("double", flux=0.2)
    ml = ML()
    ml.start(p)
    before = ml.gradient(p)[0]
    p.set_flux(p.flux * 1.3)
    p.P /= np.sqrt(1.3)
    flux.level(p, p.team.total(*flux.sums(p)))
    p.fluctuates = False
    assert p.flux.mean() == pytest.approx(1)
    assert ml.gradient(p)[0] == pytest.approx(before, rel=1e-9)


def test_the_monitor_is_where_the_flux_starts():
    p, _, _ = problem("single", flux=0.0)
    p.gain[::2] *= 0.5
    flux.begin(p, monitored=True)
    assert np.allclose(p.flux, 1)
    flux.begin(p, monitored=False)
    assert p.flux[::2].mean() > 1.5 * p.flux[1::2].mean()  # as bright as the others, against the monitor


def test_a_sample_that_absorbs_is_no_flux():
    """Half of the sample lets half of the light through: neighbours foretell all but the edge"""
    rng = np.random.default_rng(0)
    where = rng.uniform(0, 100, (300, 2))
    through = 1e5 * np.where(where[:, 0] < 50, 1.0, 0.5) * rng.normal(1, 0.01, 300)
    assert np.array_equal(flux.expected(where, through)[0], through)
    bright = 1 + 0.2 * rng.standard_normal(300)
    found = through * bright / flux.expected(where, through * bright)[0]
    inside = np.abs(where[:, 0] - 50) > 12
    assert np.std((found / bright)[inside]) < 0.12 < 0.3 < np.std(through / np.mean(through))


def test_frames_without_neighbours_and_empty_frames():
    assert flux.expected(np.zeros((2, 2)), np.array([1.0, 3.0]))[0].tolist() == [2.0, 2.0]
    p, _, _ = problem("single", flux=0.2)
    p.I[5:7] = 0
    flux.begin(p, monitored=False)
    run_chain([ML(iterations=6)], p, 6, lambda text: None)
    assert p.flux[5:7].max() < 0.01 and np.isfinite(p.flux).all()


def test_frames_that_were_not_seen_get_their_flux():
    """of the true object and probe: that of the beam, but for counting noise"""
    p, O, P = problem("single", flux=0.2)
    p.O[...], p.P[...] = O, P
    flux.fit(p)
    assert p.flux == pytest.approx(brightness(0.2, 36, 1), rel=0.02)
    assert flux.words(p)[0].startswith("flux 0.")


@pytest.mark.parametrize("precision", ["single", "double"])
def test_a_checkpoint_keeps_the_flux_to_the_bit(precision, tmp_path):
    """Also that of the frames left out. Relative to 9.7, as in frames of 96 px it is to no power of two, a
    flux would be rounded on its way"""
    p, _, _ = problem(precision, frames=81, out=np.arange(81) % 9 == 4)
    flux.begin(p, monitored=True)
    p.given = p.gain = p.given * p.device.real(9.7)
    p.set_flux(np.random.default_rng(1).uniform(0.8, 1.2, len(p.index)))
    p.gain += p.gain * p.device.real(1e-3)
    p.held.flux = np.random.default_rng(2).uniform(0.8, 1.2, len(p.held.index))
    engine, known, unseen = ML(iterations=2), np.array(p.gain), p.held.flux
    engine.start(p)
    writing = Writing(p.team, tmp_path, 1, {})
    kept = chain_state(p, engine, 0, 0, [])
    kept.facts |= {"step": 0, "notes": {}, "files": {}}
    assert not writing.write(kept) and not writing.finish()
    p.set_flux(np.ones(len(p.index)))
    p.held.flux = 1.0
    restore_chain(p, [engine], opened(writing.final, {}))
    assert p.gain.dtype == known.dtype and np.array_equal(p.gain, known)
    assert np.array_equal(p.held.flux, unseen)
