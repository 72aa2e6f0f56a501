"""Positions refined: slopes that point back, steps without the gauge, an image that is right again."""

import re

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.find_width import find_width
from nanompi.methods.ptycho.refine import RefinePositions
from nanompi.methods.ptycho.refine.affine import affine, without
from nanompi.methods.ptycho.refine.drift import Drift, polynomials, weights
from nanompi.methods.ptycho.refine.newton import cut, likely, newton, within
from nanompi.methods.ptycho.refine.refinement import Measured
from tests.methods.ptycho.scenes import displaced, draw, geometry_of, make, phase_error, problem, run_of
from tests.scene import problem as small


@pytest.mark.slow
@pytest.mark.parametrize("near", [False, True])
def test_a_step_leads_back_to_where_a_frame_was(near):
    """object and probe are the true ones, and all frames lie 0.35 px beside their places"""
    p, O, P = small(frames=16, subpixel=16, near=near, photons=1e6)
    p.O[...], p.P[...] = O, P
    d = np.random.default_rng(0).choice([-0.25, 0.25], (len(p.at), 2))
    p.move(p.places.moved(d))
    p.make_waves()
    library, measured = p.shifts.library(p.P), Measured(p, 0, curved=True)
    for f in p.blocks(read=["I"], write=["waves"]):
        p.k.exit_waves(p.O, library, f.at, f.waves)
        p.optics.forward(f.waves, f.at)
        measured.curve(f, library)
    steps = newton(measured.total(), 0.0)
    assert np.abs(steps + d).max() < 0.2 and np.median(np.abs(steps + d)) < 0.05


@pytest.mark.parametrize("axis", [0, 1])
def test_derivative_of_a_wave(axis):
    x = np.arange(60) * 2 * np.pi * 0.15
    wave = np.exp(1j * x)[:, None] * np.ones(40) if axis == 0 else np.exp(1j * x) * np.ones((40, 1))
    out = np.ones((2, *wave.shape), complex)
    Cpu("double", 1).kernels.derivatives(wave, *out)
    inner = out[axis, 5:-5, 5:-5]
    assert np.abs(inner / wave[5:-5, 5:-5] - 2j * np.pi * 0.15).max() < 0.01
    assert not out[:, [0, 2, -1], [0, 2, -1]].any()


def test_long_steps_are_cut():
    sums = np.tile([-3.0, 1.0, 10.0, 0.0, 10.0], (20, 1))
    sums[0, :2] = 500, 0
    steps = newton(sums, 0.0)
    assert steps[1] == pytest.approx([0.3, -0.1]) and steps[0, 0] == pytest.approx(-50)
    short = cut(steps, 1.0)
    assert np.hypot(*short.T).max() == pytest.approx(3 * np.hypot(0.3, 0.1)) and np.all(short[1] == steps[1])
    assert np.hypot(*within(50 * short, 3.0).T).max() == pytest.approx(3)


def test_moves_of_no_more_than_noise_are_not_likely():
    """noise of about 0.03 px, twice what curvatures tell: nothing; on errors of 1 px: as they fit"""
    rng = np.random.default_rng(4)
    sharp = 4 / 0.03**2 * np.exp(rng.normal(0, 0.5, 300))
    curvature = np.stack([sharp, 0 * sharp, sharp], 1)
    noise = rng.normal(0, 1, (300, 2)) * 2 / np.sqrt(sharp)[:, None]
    assert np.sqrt((likely(noise, curvature, 16) ** 2).mean()) < 0.3 * np.sqrt((noise**2).mean())
    moves = noise + rng.normal(0, 1, noise.shape)
    assert np.abs(likely(moves, curvature, 16) / moves - 1).max() < 0.01


def test_what_frames_move_alike_they_move_on_with():
    """a bend of the scan, found by 0.01 px a step, moves 10 times as fast in the end, as 0.9 of the speed is
    kept; a scale does not, also where frames count differently"""
    corners, alike = np.random.default_rng(2).uniform(0, 300, (150, 2)), np.tile([5.0, 0.0, 5.0], (150, 1))
    away, every = (corners - corners.mean(0)) / 300, np.ones(150, bool)
    drift = Drift(corners)
    bend = 0.01 * drift.ways[:, :1] * [1, -1]
    assert np.abs(drift.ways.T @ np.column_stack([away, every])).max() < 1e-9
    for _ in range(100):
        steps = drift.carried(every, bend, alike)
    assert steps == pytest.approx(10 * bend, rel=1e-3, abs=1e-9)
    drift.rest()
    assert drift.carried(every, bend, alike) == pytest.approx(bend)
    scaled, differ = Drift(corners), alike * np.where(np.hypot(*away.T) > 0.3, 1, 1e-3)[:, None]
    assert all(scaled.carried(every, 0.01 * away, differ) == pytest.approx(0.01 * away) for _ in range(5))
    assert np.all(Drift(corners[:20]).carried(every[:20], bend[:20], alike[:20]) == bend[:20])


def test_frames_that_tell_little_count_little():
    """errors of 1/sqrt(H), of a third of the frames 100 times those of the others: the bend is found 10 times
    as well as with all frames alike, which miss it by more than its size; none counts more than the mean"""
    rng = np.random.default_rng(3)
    corners, every = rng.uniform(0, 300, (150, 2)), np.ones(150, bool)
    sharp = np.where(np.arange(150) % 3, 1e4, 1.0)
    bend = 0.3 * polynomials(corners)[:, :1] * [1, -1]
    steps, off = bend + rng.normal(0, 1, (150, 2)) / np.sqrt(sharp)[:, None], []
    for curvature in (sharp, np.ones(150)):
        drift = Drift(corners)
        drift.carried(every, steps, np.stack([curvature, 0 * curvature, curvature], 1) / 2)
        off.append(np.sqrt(((drift.ways @ drift.speed - bend) ** 2).mean() / (bend**2).mean()))
    assert off[0] < 0.1 * off[1] and off[1] > 1
    assert np.allclose(weights(np.array([[1.0, 0, 1], [1, 0, 1], [1e4, 0, 1e4]])), [1 / 34, 1 / 34, 1])


def test_a_turn_of_all_frames_is_affine():
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 300, (150, 2))
    y, x = (corners - corners.mean(0)).T
    turned = np.deg2rad(0.8) * np.stack([-x, y], 1)
    assert affine(corners, turned)[1] == pytest.approx(np.deg2rad(0.8), rel=1e-9)
    assert np.abs(without(corners, turned)).max() < 1e-9


def test_steps_have_no_affine_part_but_of_few_frames():
    """nothing is left of a turn and a scale, also where frames count differently; a bend stays, and so does
    what single frames do, but for the chance of 3 functions in 150 of them"""
    rng = np.random.default_rng(2)
    corners, every = rng.uniform(0, 300, (150, 2)), np.ones(150, bool)
    y, x = (corners - corners.mean(0)).T
    sharp = np.exp(rng.normal(0, 1, 150))
    curvature = np.stack([sharp, 0 * sharp, sharp], 1)
    drift, whole = Drift(corners), 0.01 * np.stack([y - x, y + x], 1) + 3
    assert np.abs(drift.apart(every, whole, curvature)).max() < 1e-9
    bend, alike = drift.ways[:, :1] * [1, -1], np.ones_like(curvature)
    assert drift.apart(every, bend + whole, alike) == pytest.approx(bend, abs=1e-9)
    single = rng.normal(0, 1, (150, 2))
    assert np.sqrt(((drift.apart(every, single, alike) - single) ** 2).mean()) < 2 * np.sqrt(3 / 150)
    few = Drift(corners[:20]).apart(every[:20], whole[:20], alike[:20])
    assert few == pytest.approx(whole[:20] - whole[:20].mean(0))


def left(p, scene) -> float:
    """px rms along each axis between refined and true places, modulo an affine part"""
    rest = without(scene.true, p.places.corners + p.refinement.pixels - scene.true)
    return float(np.sqrt((rest**2).mean()))


@pytest.mark.slow
def test_places_measured_wrongly_are_found_again():
    """0.7 px rms: a tenth is left (an affine part, to which an image is blind, is not counted)"""
    scene, errors = displaced(draw(3, frames=120, photons=3e5, step=0.11, phase=1.0), 0.7), {}
    for refine in (None, RefinePositions()):
        p = problem(scene, Cpu("single", 1), refine=refine)
        run_chain([DM(iterations=20), ML(iterations=30)], p, 50, lambda text: None)
        errors[refine is not None] = phase_error(p, scene)
    assert left(p, scene) < 0.1
    assert errors[True] < 0.65 * errors[False]


def test_a_scan_that_is_right_is_not_made_worse():
    """the same places to 0.01 px, the same image to 2 %"""
    scene, errors = make(draw(69, n=32, frames=100, photons=3e4, step=0.15, phase=1.0)), {}
    for refine in (None, RefinePositions()):
        p = problem(scene, Cpu("single", 1), refine=refine)
        run_chain([DM(iterations=20), ML(iterations=25)], p, 45, lambda text: None)
        errors[refine is not None] = phase_error(p, scene)
    assert left(p, scene) < 0.01
    assert errors[True] < 1.02 * errors[False]


@pytest.mark.slow
def test_lost_frames_are_found_again():
    """2 px rms: steps alone leave frames more than 1 px off; then these are found, and the others stay"""
    scene, rest = displaced(draw(1, frames=200, photons=1e6, step=0.11, phase=1.0), 2.0), {}
    for alone in (True, False):
        p = problem(scene, Cpu("single", 1), refine=RefinePositions())
        p.refinement.rescue.over = alone
        run_chain([DM(iterations=30), ML(iterations=60)], p, 90, lambda text: None)
        rest[alone] = left(p, scene)
    assert rest[True] > 0.15 and rest[False] < 0.06


@pytest.mark.slow
def test_the_start_beam_is_found_with_errors_of_3_px():
    """rms radius 0.159 of the frame, of negative sign, where the usual search sees a beam in focus"""
    scene = displaced(draw(46, frames=200, photons=1e6, step=0.11, phase=1.0), 3.0)
    p = problem(scene, Cpu("single", 1), refine=RefinePositions())
    said = []
    find_width(run_of(scene, p, said.append), p, geometry_of(scene))
    width, sign = re.search(r"rms radius ([.\d]+) of the frame, curvature of the sign (.)", said[-1]).groups()
    assert sign == "-" and 0.8 * 0.159 < float(width) < 1.2 * 0.159
