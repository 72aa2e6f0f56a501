"""The figures of one pass, with the true object and probe: what is changed is found, and nothing else."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho import vary
from nanompi.methods.ptycho.image import sign
from nanompi.methods.ptycho.judge import measure, unseen
from nanompi.methods.ptycho.judge.evidence import collect
from nanompi.methods.ptycho.judge.shares import shares
from nanompi.methods.ptycho.quality import figures
from nanompi.optics.geometry import Geometry
from nanompi.run.result import Result
from tests.scene import counts, problem


def right(near=False, **given):
    """A problem at its truth"""
    p, O, P = problem(frames=64, photons=1e6, subpixel=8, near=near, **given)
    p.O[...], p.P[...] = O, P
    return p


def figures_of(p):
    return shares(collect(p))


@pytest.mark.parametrize("near", [False, True])
def test_a_right_model_lacks_nothing(near):
    """Of what chance leaves, no unknown explains what a threshold asks (64 frames of 32^2)"""
    p = right(near)
    f = figures_of(p)
    assert f["misfit"] == pytest.approx(figures(p)["llk"], rel=1e-9) and abs(f["misfit"] - 1) < 0.05
    assert f["mean_frame"] > 20 and f["affine_sigmas"] < 6
    shared = {k: v for k, v in f.items() if k.startswith("share_")}
    assert max(shared.values()) < 0.1, shared


@pytest.mark.parametrize("near", [False, True])
def test_a_probe_that_may_vary_and_does_not_is_the_same_probe(near):
    """One probe for each frame, all alike: the same evidence as with one for all"""
    fixed, free = collect(right(near)), collect(right(near, varies=2))
    assert np.allclose(free.rows, fixed.rows, rtol=1e-9, atol=1e-9 * abs(fixed.rows).max())
    assert np.allclose(free.maps, fixed.maps, rtol=1e-9, atol=1e-9 * abs(fixed.maps).max())


@pytest.mark.parametrize("near", [False, True])
def test_frames_that_are_elsewhere_ask_for_the_way_back(near):
    """Every fourth frame one pixel up: it asks for that pixel down, and flux or blur explain little of it"""
    p = right(near)
    p.at[::4, 0] -= 1
    e = collect(p)
    step = -e["slope_y"] / e["yy"]
    assert np.median(step[::4]) == pytest.approx(1, abs=0.35)
    assert np.median(abs(np.delete(step, np.s_[::4]))) < 0.05
    f = shares(e)
    assert f["share_positions"] > 0.5 > 5 * max(f["share_flux"], f["share_blur"], f["share_background"])


def test_positions_on_another_scale_are_affine():
    """Moved by 3 % of their distance from the middle: most of what single moves explain"""
    p = right()
    away = p.places.corners - p.places.corners.mean(0)
    p.at[:, :2] += np.rint(0.08 * away).astype(np.int32)
    f = figures_of(p)
    assert f["affine_sigmas"] > 50 and f["share_affine"] > 0.5 * f["share_positions"]


def test_flux_is_the_share_of_frame_sums():
    p = right()
    p.gain *= np.random.default_rng(0).normal(1, 0.1, len(p.gain))
    f = figures_of(p)
    assert f["share_flux"] > 0.9 and f["flux_rms"] == pytest.approx(0.1, rel=0.25)
    assert f["flux_rms"] > 20 * f["flux_noise"]


def test_counts_in_every_pixel_are_background():
    p = right()
    p.I = (p.I + np.random.default_rng(0).poisson(3, p.I.shape)).astype(p.I.dtype)
    f = figures_of(p)
    assert f["share_background"] > 0.5 and f["even_floor"] == pytest.approx(3, abs=0.2)
    p.background = 3.0
    assert figures_of(p)["misfit"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("true", "given", "low"), [(0, 3, True), (2, 5, True), (3, 3, False), (5, 3, False)])
def test_a_background_that_is_too_high_asks_for_a_lower_one(true, given, low):
    p = right()
    p.I = (p.I + np.random.default_rng(0).poisson(true, p.I.shape)).astype(p.I.dtype)
    p.background = float(given)
    f = shares(collect(p), background=p.background)
    assert (f["share_too_high"] > 0.3) == low and f["share_too_high"] >= 0
    if low:
        assert f["background_right"] == pytest.approx(true, abs=0.3) and f["share_background"] == 0
    else:
        assert f["share_too_high"] < 0.02
    assert figures_of(p)["share_too_high"] == 0  # where the model has none


def test_what_the_beam_has_beside_its_first_mode_blurs():
    """A mode x P of a tenth of the light; one of the object's resolution is none"""
    p = right()
    x = (np.arange(32) - 16) / 16
    P = np.concatenate([p.P, 1.2 * x * p.P])
    arrays = {"O": p.O, "P": P, "at": p.at, "mask": p.mask, "gain": p.gain}
    p.I = counts(arrays, p.device, p.optics, p.places, p.index, 1)
    f = figures_of(p)
    assert f["share_blur"] > 0.2 and f["share_blur"] > 3 * f["share_positions"]


def test_dark_pixels_that_the_wave_lights_are_odd():
    p = right()
    bright = np.unravel_index(p.I.sum(0).argmax(), p.I.shape[1:])
    p.I[:, bright[0], :] = 0
    f = figures_of(p)
    assert f["share_pixels"] > 0.9 and 8 <= f["odd_pixels"] <= 32 and f["worst_pixel"] > 8


def test_a_shut_shutter_is_told_by_numbers():
    p = right()
    p.I[[7, 12]] = 0
    e = collect(p)
    assert e.index[e.empty()].tolist() == [7, 12]


def test_the_sign_is_that_of_matter():
    """Phase falls with the amplitude; the complex conjugate has it the other way round; noise has none"""
    rng = np.random.default_rng(3)
    from scipy.ndimage import gaussian_filter

    t = gaussian_filter(rng.normal(size=(90, 90)), 2)
    O, lit = np.exp((-0.3 - 1j) * t / t.std()), np.ones((90, 90), bool)
    f, g = sign(O, lit), sign(O.conj(), lit)
    assert f["sign"] > 0.5 and f["sign"] == pytest.approx(-g["sign"]) and f["sign"] > 5 * f["sign_error"]
    u = gaussian_filter(rng.normal(size=(90, 90)), 2)
    other = sign(np.exp(-0.3 * u / u.std() - 1j * t / t.std()), lit)
    assert abs(other["sign"]) < 3 * other["sign_error"]


def run_of(p, say=print):
    """As much of a run as figures need"""
    frames = SimpleNamespace(preparation={"orientation": 4}, corner=True)
    scan = SimpleNamespace(numbers=None, positions=p.places.corners * 1e-8)
    return SimpleNamespace(team=p.team, data={"data": scan, "frames": frames}, result=Result())


def test_the_figures_of_unseen_frames_are_those_of_the_log():
    """One number for one figure: the last row that has them, also where counts vary more than Poisson's"""
    rows = [{"held": 9.0}, {"held": 1.75, "held_error": 0.07, "eps_held": 0.04}, {"llk": 1.3}]
    assert unseen(rows) == rows[1] and unseen(rows[2:]) == {}
    p = right()
    p.fano = 1.75
    f = measure(run_of(p), p, Geometry(1e-10, 1.0, (50e-6, 50e-6), (32, 32)), rows)
    assert f["held"] == 1.75 and f["fano"] == 1.75 and f["unseen"] == pytest.approx(1)


def test_all_figures_together():
    """Also where no frame was left out, and where the noise is not that of counts"""
    p = right()
    geometry = Geometry(1e-10, 1.0, (50e-6, 50e-6), (32, 32))
    rows = [{"iteration": 10, "llk": 1.1}, {"iteration": 20, "llk": 1.0}]
    run = run_of(p)
    f = measure(run, p, geometry, rows)
    shown = run.result.pictures
    assert shown["positions"].marks.values.sum() == pytest.approx(
        np.nansum(shown["mean_frame"].data) * len(p.at)
    )
    assert np.median(shown["misfit"].marks.values) == pytest.approx(
        1, abs=0.1
    )  # the truth: counting noise alone
    assert f["fall"] == pytest.approx(0.1) and "held" not in f and f["counting"]
    rows.append({"held": 1.5, "held_error": 0.1, "eps_held": 0.02})
    f = measure(run_of(p), p, geometry, rows)
    assert f["held"] == 1.5 and f["unseen"] == pytest.approx(1 - 0.5 / (f["mean_frame"] - 1))
    assert f["noise"] == pytest.approx(0.5 / np.sqrt(f["photons_per_pixel"]))
    p.noise = "none"
    assert not measure(run_of(p), p, geometry, rows)["counting"]
    assert f["share_positions"] > 0
    vary.begin(p, 1)  # whose line of the job would be refused
    assert measure(run_of(p), p, geometry, rows)["share_positions"] == 0


def test_single_precision_and_numpy_agree():
    """The same figures in float32, and by the contract in place of numba"""
    one = figures_of(right())
    contract, single = Cpu("double", 1, text=""), Cpu("single", 2)
    for device, precision, close in ((contract, "double", 1e-6), (single, "single", 1e-2)):
        two = figures_of(right(precision=precision, device=device))
        for name in ("misfit", "mean_frame", "share_positions", "flux_rms"):
            assert two[name] == pytest.approx(one[name], rel=close), name
