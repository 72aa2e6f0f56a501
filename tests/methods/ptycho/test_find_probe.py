"""The start probe found from the data: width and sign of the defocus, on frames and pixels of any shape."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.errors import DataError
from nanompi.methods.ptycho import beam, flux
from nanompi.methods.ptycho import find_probe as module
from nanompi.methods.ptycho.beam import filling, window
from nanompi.methods.ptycho.find_probe import (
    CLEAR,
    EVEN,
    FULL,
    ITERATIONS,
    Trial,
    apart,
    choice,
    evidence,
    find_probe,
    rounds,
)
from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.scan import Frames
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator
from nanompi.timing import Clock
from tests.methods.ptycho.scenes import geometry_of, problem, run_of, wrong
from tests.scene import truth

UNIT = 1e-10 / (64 * 50e-6)  # m, object pixel of 64 pixels of 50 um


def found(shape=(64, 64), detector=(50e-6, 50e-6), curve=9.0, step=0.1, rms=0.0, phase=1.0, flux=0.0):
    """(start probe, true probe, lines said) of a spiral of 60 frames under a round lens.

    curve : rad at the rim of the lens; step : between frames, in parts of 64 UNIT; rms : error of the
    positions in UNIT; phase : rad, of the object; flux : rms from frame to frame
    """
    rng, said = np.random.default_rng(1), []
    geometry, d = Geometry(1e-10, 1.0, detector, shape), Cpu("single", 1)
    k = np.arange(60)
    turn = 2.39996 * k
    spiral = 64 * step * UNIT * 0.56 * np.sqrt(k)[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    exact = np.rint(spiral / geometry.pixel) * geometry.pixel
    places = place(exact, geometry.pixel, shape)
    q2 = sum(
        np.meshgrid(*((np.fft.fftfreq(n, p / UNIT) / 0.22) ** 2 for n, p in zip(shape, geometry.pixel)),
                    indexing="ij")
    )  # fmt: skip
    P = np.fft.fftshift(np.fft.ifft2((q2 < 1) * np.exp(-1j * curve * q2)))
    P *= np.sqrt(1e6 / (abs(P) ** 2).sum())
    O = truth(places.shape, rng)
    O = abs(O) * np.exp(1j * phase * np.angle(O))
    views = np.array([O[y : y + shape[0], x : x + shape[1]] for y, x in places.at[:, :2]])
    means = abs(np.fft.fft2(P * views, norm="ortho")) ** 2
    if flux:
        means *= np.maximum(0.1, 1 + flux * rng.normal(size=(60, 1, 1)))
    I = rng.poisson(means).astype(np.uint16)
    wrong = exact + rms * UNIT * rng.normal(size=exact.shape)
    places, optics = place(wrong, geometry.pixel, shape), propagator(d, geometry)
    frames = Frames(values=I, index=k, mask=np.ones(shape, bool), corner=True, pixel=detector)
    p = Problem.of(Team(), d, frames, places, optics)
    scan = SimpleNamespace(positions=wrong)
    data = {"data": scan, "frames": frames}
    run = SimpleNamespace(team=p.team, device=d, data=data, clock=Clock(), say=said.append)
    return find_probe(run, p, geometry)[0], P, said


def like(a, b) -> float:
    """Highest correlation of two complex waves wherever they lie: 1 = equal but for a factor"""
    c = np.fft.ifft2(np.fft.fft2(a) * np.fft.fft2(b).conj())
    return abs(c).max() / np.linalg.norm(a) / np.linalg.norm(b)


SHAPES = {
    "square": {},
    "wide": {"shape": (64, 96)},
    "tall and of other pixels": {"shape": (96, 64), "detector": (50e-6, 70e-6)},
    "twice as wide": {"shape": (48, 96), "detector": (50e-6, 25e-6)},
}


@pytest.mark.parametrize("curve", [9.0, -9.0])
@pytest.mark.parametrize("name", SHAPES)
def test_a_round_lens_is_found_on_any_frame_with_its_sign(name, curve):
    """Counted in cycles per pixel the curvature was astigmatic: 64 x 96 ended in focus, likeness 0.2"""
    P, known, said = found(curve=curve, **SHAPES[name])
    assert like(P, known) > 0.9 > 0.6 > like(P.conj(), known)  # the width is found to a quarter of a step
    assert f"sign {'-+'[curve < 0]}" in said[-1]


@pytest.mark.parametrize("rms", [1.0, 2.0])
def test_wrong_positions_leave_width_and_sign(rms):
    P, known, said = found(rms=rms)
    assert like(P, known) > 0.8
    assert "sign -" in said[-1]


def test_a_disc_is_found_where_a_strong_object_scatters_light_out_of_the_lens(monkeypatch):
    """10 rad: the mean frame is wider than the lens by two, and the beam that it gives is not the one"""
    P, known, said = found(phase=10.0)
    assert like(P, known) > 0.89 > 0.3 > like(P.conj(), known)
    assert "a disc" in said[-1] and "misfit of 0.2" in said[-1]  # it says that the frames are met badly
    monkeypatch.setattr(module, "with_disc", lambda run, search: search)
    assert like(found(phase=10.0)[0], known) < 0.84


def test_a_beam_that_fluctuates_by_a_third_leaves_width_and_sign(monkeypatch):
    P, known, said = found(flux=0.3)
    assert like(P, known) > 0.9
    steady = float(said[-1].split("the other is ")[1].split()[0])
    monkeypatch.setattr(module, "brightness", lambda positions, sums: np.ones(len(sums)))
    assert steady > 1.2 * float(found(flux=0.3)[2][-1].split("the other is ")[1].split()[0])


# |width|: misfits (frames seen, left out) of - and +, of a scan of 64 x 64 pixels whose positions are wrong
# by 2 px rms under a beam of width -0.117
WRONG_POSITIONS = {
    0.0: ((0.184, 0.863), (0.184, 0.863)),
    0.039: ((0.1672, 0.7710), (0.1683, 0.7729)),
    0.078: ((0.2036, 0.4792), (0.2092, 0.5205)),
    0.117: ((0.2097, 0.3052), (0.2336, 0.3481)),
    0.155: ((0.2240, 0.2644), (0.2384, 0.3070)),
    0.194: ((0.2346, 0.2644), (0.2412, 0.2778)),
    0.233: ((0.2404, 0.2619), (0.2416, 0.2680)),
}


def test_frames_left_out_tell_the_beam_where_wrong_positions_favour_a_narrow_one():
    """Frames seen prefer 0.039, which is wrong by three times; frames left out alone the widest"""
    tried = {s * f: m for f, both in WRONG_POSITIONS.items() for s, m in zip((-1, 1), both)}
    assert min(tried, key=lambda f: tried[f][0]) == -0.039
    assert min(tried, key=lambda f: tried[f][1]) == -0.233
    assert choice(tried) == -0.117 and evidence(tried, -0.117) > 2 * CLEAR


# the same of a scan with 5 counts of background in each pixel and a beam of width -0.104
BACKGROUND = {
    0.0: ((0.0707, 0.7730), (0.0707, 0.7730)),
    0.071: ((0.1084, 0.3428), (0.1091, 0.3468)),
    0.107: ((0.0857, 0.1064), (0.0892, 0.1137)),
    0.124: ((0.0782, 0.1035), (0.0822, 0.1101)),
    0.142: ((0.0778, 0.1089), (0.0816, 0.1142)),
    0.160: ((0.0768, 0.1068), (0.0801, 0.1116)),
    0.178: ((0.0749, 0.0998), (0.0775, 0.1040)),
    0.213: ((0.0712, 0.0868), (0.0730, 0.0899)),
    0.284: ((0.0655, 0.0719), (0.0669, 0.0753)),
}


def test_a_wide_beam_that_meets_any_frame_does_not_win_by_a_little_less_evidence():
    """With 0.75 of the best evidence -0.160 was taken, too little for a sign, so -0.284, which is lost"""
    tried = {s * f: m for f, both in BACKGROUND.items() for s, m in zip((-1, 1), both)}
    assert min(tried, key=lambda f: tried[f][0]) == -0.284
    assert choice(tried) == -0.124 and evidence(tried, -0.124) > CLEAR


@pytest.mark.slow
@pytest.mark.parametrize("scan, spared", [({"curve": 20.0}, True), ({"curve": 1.5}, False)])
def test_a_first_look_spares_widths_that_have_no_chance_and_changes_nothing(monkeypatch, scan, spared):
    """A beam out of focus; and one of which the sign does not show: there all are tried to the end"""
    done, misfits = [], Trial.misfits
    monkeypatch.setattr(Trial, "misfits", lambda t, f, n: done.append(n) or misfits(t, f, n))
    P, _, said = found(**scan)
    some = done.count(ITERATIONS)
    monkeypatch.setattr(module, "rounds", lambda look, widths: [widths])
    assert np.array_equal(P, found(**scan)[0])
    every = done.count(ITERATIONS) - some
    assert (some < 0.75 * every) == spared and (spared or some >= every), (some, every)
    assert ("times worse" in said[-1]) == spared


def test_widths_go_on_that_have_half_of_the_best_evidence_at_the_first_look():
    """Evidence is the log of what the other sign is worse by; a beam in focus has none"""
    of, widths = {0.1: 0.01, 0.2: -0.2, 0.3: -0.11, 0.4: 0.09}, [0.0, 0.1, 0.2, 0.3, 0.4]
    look = {s * f: (0.2 * np.exp(-of.get(f, 0) * (s > 0)), 1.0) for f in widths for s in (1, -1)}
    assert rounds(look, widths) == [[0.2, 0.3], widths]
    faint = {f: (m**0.2, n) for f, (m, n) in look.items()}  # evidence 0.04
    assert rounds(faint, widths) == [widths] and CLEAR == 0.1


def counted(monkeypatch, **scan):
    """(what `found` gives, sizes of the frames on which widths were tried)"""
    sizes, misfits = [], Trial.misfits
    monkeypatch.setattr(Trial, "misfits", lambda t, f, n: sizes.append(t.seen.mask.shape) or misfits(t, f, n))
    out = found(**scan)
    monkeypatch.setattr(Trial, "misfits", misfits)
    return out, sizes


@pytest.mark.parametrize("curve", [9.0, -9.0])
def test_frames_are_cut_to_where_the_light_is_and_the_same_beam_is_found(monkeypatch, curve):
    """Of 160 columns 64 hold the lens, and nearly all that the object scatters"""
    scan = {"shape": (64, 160), "detector": (50e-6, 40e-6), "curve": curve}
    (P, _, said), sizes = counted(monkeypatch, **scan)
    assert set(sizes) == {(64, 64)}
    monkeypatch.setattr(beam, "LIGHT", 1.0)
    (whole, _, more), sizes = counted(monkeypatch, **scan)
    assert set(sizes) == {(64, 160)} and np.array_equal(P, whole)
    assert f"sign {'-+'[curve < 0]}" in said[-1] and f"sign {'-+'[curve < 0]}" in more[-1]


@pytest.mark.slow
def test_where_cut_frames_leave_doubt_whole_ones_decide(monkeypatch):
    scan = {"shape": (64, 160), "detector": (50e-6, 40e-6)}
    monkeypatch.setattr(module, "SURE", 9.0)
    (P, *_), sizes = counted(monkeypatch, **scan)
    assert set(sizes) == {(64, 64), (64, 160)}
    monkeypatch.setattr(beam, "LIGHT", 1.0)
    assert np.array_equal(P, found(**scan)[0])


def test_a_window_holds_the_light_and_has_a_fast_transform():
    """Discs of 0.2 and 0.45 of a frame of 256, off the middle by a tenth in one direction"""
    ky, kx = np.fft.fftfreq(256)[:, None] - 0.1, np.fft.fftfreq(256)
    for radius, sides in ((0.2, (160, 112)), (0.45, (256, 240))):
        wave = 1.0 * (np.hypot(ky, kx) < radius)
        cut = wave[window(wave)]
        assert cut.shape == sides, radius
        assert (cut**2).sum() > 0.998 * (wave**2).sum()
    odd = np.ones((75, 200))
    assert odd[window(odd)].shape == (75, 200)


def test_a_beam_too_narrow_for_the_scan_is_refused_and_nothing_blamed():
    with pytest.raises(DataError, match=r"hardly overlap .* both signs .* alike.* not known is which"):
        found(curve=1.5, step=0.2)


def test_signs_that_fit_alike_are_told():
    _, _, said = found(curve=1.5, step=0.1)
    assert "the sign is not known" in said[-1] or "a beam in focus meets the frames best" in said[-1]
    assert "times worse" not in said[-1]


def test_a_frame_full_of_light_is_no_far_field_pattern():
    """Discs of 0.28 and 0.4 of a frame: a lens, and a beam that fills a hologram; rms = radius / sqrt 2"""
    k = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    assert filling(k < 0.28) == pytest.approx(0.28 / np.sqrt(2), rel=0.02) and filling(k < 0.28) < FULL
    assert filling(k < 0.4) == pytest.approx(0.4 / np.sqrt(2), rel=0.02) and filling(k < 0.4) > FULL
    assert filling(np.ones((64, 64))) == pytest.approx(np.sqrt(1 / 6), rel=0.02)
    assert filling(k < 0.5) < EVEN < filling(np.ones((64, 64)))  # a lens may fill the frame of a far field


def test_frames_left_out_lie_apart_in_the_inner_half():
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(50, 2))
    positions = positions[np.argsort((positions**2).sum(1))]
    out = apart(positions, 5)
    assert out.sum() == 5 and not out[25:].any() and out[0]
    near = [np.sort(np.linalg.norm(positions[out] - p, axis=1))[1] for p in positions[out]]
    step = [np.sort(np.linalg.norm(positions - p, axis=1))[1] for p in positions[:25]]
    assert min(near) > 3 * np.median(step)
    assert not apart(positions[:4], 0).any()


@pytest.mark.slow
def test_more_frames_where_no_sign_stands_out():
    """10 % of flux: the evidence for the sign was 0.035 with 50 frames and 0.14 with 100"""
    scene = wrong("flux 10", 20524)
    p = problem(scene, Cpu("single", 1))
    said = []
    run = run_of(scene, p, said.append)
    flux.begin(p, monitored=False)
    find_probe(flux.as_scale(run, p), p, geometry_of(scene))
    assert scene.made.sign == -1 and "curvature of the sign -" in said[-1], said


def test_where_no_beam_meets_the_frames_the_user_is_told():
    """Misfits of frames without light are no numbers, none of which stands out"""
    with pytest.raises(DataError, match="have they next to no counts"):
        choice({})
