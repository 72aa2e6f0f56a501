"""`map.stxm` on frames of a weak phase object, whose slopes and phase are known exactly."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.data.walk import walk
from nanompi.errors import DataError
from nanompi.methods.maps import gradient
from nanompi.methods.maps.stxm import Stxm
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

N, PIXEL = 32, 20e-9  # px of a frame and of the probe, m
FACTS = {"wavelength": 1.5e-10, "distance": 2.0, "beam": (0, 0)}
FACTS["pixel"] = (FACTS["wavelength"] * FACTS["distance"] / (N * PIXEL),) * 2
TEAM = Team(alone=True)


def phase(y, x):
    """rad at places in m: smooth, and larger along rows than along columns"""
    return 0.3 * np.sin(2 * np.pi * y / 1.6e-6) + 0.2 * np.cos(2 * np.pi * x / 2.2e-6 + 0.5)


def slope(y, x):
    """rad/m"""
    gy = 0.3 * 2 * np.pi / 1.6e-6 * np.cos(2 * np.pi * y / 1.6e-6)
    return gy, -0.2 * 2 * np.pi / 2.2e-6 * np.sin(2 * np.pi * x / 2.2e-6 + 0.5)


def frames(positions, photons=1e6, dark=0.0):
    """(n, N, N) expected counts in FFT order; dark : counts of each frame that go everywhere"""
    at = (np.arange(N) - N // 2) * PIXEL
    y, x = at[:, None], at
    probe = np.exp(-(y**2 + x**2) / (2 * (2.5 * PIXEL) ** 2))
    waves = probe * np.exp(1j * np.array([phase(y + r, x + c) for r, c in positions]))
    I = np.abs(np.fft.fft2(waves)) ** 2
    I *= photons / I.sum((1, 2), keepdims=True)
    return I + np.broadcast_to(dark, len(I))[:, None, None] / N**2


def scan(pitch=40e-9, size=31):
    """(n, 2) m, a raster"""
    steps = np.arange(size) * pitch
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)


def run_of(I, positions, mask=None, **facts):
    mask = np.ones((N, N), bool) if mask is None else mask
    data = Data(
        axes=("point", "row", "column"),
        values=I,
        spread="point",
        parts=[np.arange(len(I))],
        coords={"point": (positions, "m")},
        facts=FACTS | facts,
        beside={"mask": mask},
    )
    run = walking.run_of(TEAM, frames=data)
    run.result = Result()
    return run


def blurred(image, width):
    """What a probe of this standard deviation of its intensity, in px of the image, sees of it."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, width, mode="nearest")


@pytest.mark.slow
def test_slopes_are_those_of_the_object():
    """Within what a probe of 35 nm (standard deviation of |P|^2) smears of a sine of 1.6 um: 1 %"""
    positions = scan()
    run = run_of(frames(positions), positions)
    walk(run, [Stxm()])
    inside = slice(2, -2)
    for name, true in zip(("slope_y", "slope_x"), slope(*np.moveaxis(positions.reshape(31, 31, 2), -1, 0))):
        got = run.data[name].values
        assert got.shape == (31, 31) and got.dtype == np.float32
        assert np.abs(got - true)[inside, inside].max() < 0.012 * np.abs(true).max(), name


def test_the_phase_is_that_of_the_object():
    positions = scan()
    run = run_of(frames(positions), positions)
    walk(run, [Stxm()])
    got, true = run.data["dpc_phase"].values, phase(*positions.reshape(31, 31, 2).transpose(2, 0, 1))
    y, x = np.mgrid[:31, :31]
    plane = np.stack([np.ones(961), y.ravel(), x.ravel()], 1)
    rest = [a.ravel() - plane @ np.linalg.lstsq(plane, a.ravel(), rcond=None)[0] for a in (got, true)]
    assert np.corrcoef(rest)[0, 1] > 0.999
    assert np.vdot(*rest) / np.vdot(rest[1], rest[1]) == pytest.approx(1, abs=0.02)


def test_a_masked_pixel_takes_its_mirror_image_with_it():
    """Without that, a masked pixel of the bright field alone would pull the centre by as much as it holds"""
    positions = scan(size=9)
    I, mask = frames(positions), np.ones((N, N), bool)
    mask[0, 2] = mask[3, 1] = False
    masked, plain = (run_of(I, positions, m) for m in (mask, None))
    for run in (masked, plain):
        walk(run, [Stxm()])
    a, b = (run.data["moments"].values for run in (masked, plain))
    assert (a[:, 0] < 0.95 * b[:, 0]).all()  # what is masked is bright
    size = np.abs(b[:, 2:4]).max()
    assert np.abs(a - b)[:, 2:4].max() < 0.15 * size
    mask[0, -2] = mask[-3, -1] = False  # the mirror images
    again = run_of(I, positions, mask)
    walk(again, [Stxm()])
    assert np.array_equal(again.data["moments"].values, a)


def test_dark_field_is_the_part_that_is_scattered():
    """10 % of the counts go everywhere on the detector: outside of the bright field stand those of its share,
    beside the 5 % of the beam that the bright field leaves out"""
    positions = scan(size=9)
    I = frames(positions, 1e5, dark=np.where(np.arange(81) >= 40, 1e4, 0))
    run = run_of(I, positions)
    walk(run, [step := Stxm()])
    bright, dark = run.data["moments"].values[:, :2].T
    scattered = (dark / (bright + dark))[40:].mean() - (dark / (bright + dark))[:40].mean()
    outside = 1 - np.count_nonzero(step.bright) / N**2
    assert scattered == pytest.approx(1e4 / 1.1e5 * outside, rel=0.08)
    assert run.data["dark_field"].values.max() < 0.2


def test_an_empty_frame_has_no_slope_and_leaves_no_hole():
    positions = scan(size=9)
    I = frames(positions)
    I[40] = 0
    run = run_of(I, positions)
    walk(run, [Stxm()])
    assert np.isnan(run.data["moments"].values[40, 2:4]).all()
    assert all(np.isfinite(run.data[name].values).all() for name in ("slope_y", "dpc_phase", "dark_field"))
    assert run.data["transmission"].values[4, 4] < 1e-12


def test_a_near_field_is_refused():
    positions = scan(size=3)
    run = run_of(frames(positions), positions)
    del run.data["frames"].facts["beam"]
    with pytest.raises(DataError, match=r"map.stxm needs frames of a far field"):
        walk(run, [Stxm()])


@pytest.mark.parametrize("shape", [(12, 17), (13, 12)])
def test_integration_gives_an_image_back(shape):
    """cos along mirrored edges is what the mirrored grid holds exactly"""
    h, w = shape
    y, x = (np.arange(h)[:, None] + 0.5) / h, (np.arange(w) + 0.5) / w
    image = np.cos(np.pi * y) * np.cos(2 * np.pi * x)
    gy = -np.pi / h * np.sin(np.pi * y) * np.cos(2 * np.pi * x)
    gx = -2 * np.pi / w * np.cos(np.pi * y) * np.sin(2 * np.pi * x)
    assert np.allclose(gradient.integrated(gy / 1e-9, gx / 1e-9, 1e-9), image - image.mean(), atol=1e-12)


def test_points_on_one_line_and_one_point():
    line = np.stack([np.zeros(5), np.arange(5) * 1e-6], 1)
    rows, columns = gradient.grid_of(line)
    assert len(rows) == 1 and np.allclose(columns, line[:, 1])
    assert np.array_equal(
        gradient.on_grid(np.arange(5.0)[:, None], line, rows, columns)[0, :, 0], np.arange(5)
    )
    rows, columns = gradient.grid_of(np.zeros((1, 2)))
    assert len(rows) == len(columns) == 1


@pytest.mark.parametrize("turn, undone", [(0, 0), (1, 1), (4, 4), (5, 6), (2, 2), (7, 7)])
def test_frames_that_are_turned_have_slopes_of_no_image(turn, undone, monkeypatch):
    """Turned as `ptycho.prepare` does it (4 transposes, then 2 reverses rows, 1 columns) by what it says.

    The sample is no sum of one for rows and one for columns, and denser where its phase is lower.
    """

    def blobs(y, x):
        own = np.exp(-((y - 3e-7) ** 2 + (x - 2e-7) ** 2) / 2e-14) + np.exp(
            -((y + 3 * x - 1.2e-6) ** 2) / 8e-14
        )
        return -0.6 * own

    monkeypatch.setattr("tests.methods.maps.test_stxm.phase", blobs)
    positions = scan(size=21)
    I = np.fft.fftshift(frames(positions), axes=(1, 2)) * np.exp(0.5 * blobs(*positions.T))[:, None, None]
    I = I.transpose(0, 2, 1) if turn & 4 else I
    I = I[:, ::-1] if turn & 2 else I
    I = I[:, :, ::-1] if turn & 1 else I
    run = run_of(I, positions, beam=(N // 2 - bool(turn & 2), N // 2 - (turn & 1)))
    walk(run, [Stxm()])
    said = run.result.notes["verdict"]["steps"]["map.stxm"]
    assert said["paste"] == (f"orientation: {undone}" if turn else "")
    assert said["grade"] == ("wrong" if turn else "good")
    assert said["best"] < 0.05 < 0.1 < said["curl"] if turn else said["curl"] < 0.05


def test_slopes_of_noise_are_no_image_whichever_way():
    positions = scan(size=17)
    I = np.random.default_rng(0).poisson(np.full((len(positions), N, N), 0.05)).astype(float)
    run = run_of(I, positions)
    walk(run, [Stxm()])
    assert run.result.notes["verdict"]["steps"]["map.stxm"]["grade"] == "doubtful"
