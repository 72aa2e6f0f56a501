"""Numbers of a simulated scan that follow from its settings; what its frames show is in test_simulate.py."""

import numpy as np
import pytest

from nanompi.errors import JobError
from nanompi.methods.ptycho.read import simulate
from nanompi.methods.ptycho.read.simulate import SimulatedFrames, Simulation, corners_of, object_pixel


@pytest.mark.parametrize("scan", ["spiral", "raster"])
@pytest.mark.parametrize("subpixel", [True, False])
def test_corners_begin_8_pixels_inside_the_object(scan, subpixel):
    found = corners_of(Simulation(frames=50, size=40, scan=scan, subpixel=subpixel))
    assert found.shape == (50, 2) and np.all(found.min(0) >= 8) and np.all(found.min(0) < 9)
    assert np.array_equal(found, np.rint(found)) is not subpixel
    given = corners_of(Simulation(frames=50, size=40, scan=scan, subpixel=subpixel, step=4.4))
    assert np.array_equal(found, given)  # 0.11 of the size
    assert not np.array_equal(found, corners_of(Simulation(frames=50, size=40, scan=scan, step=4.8)))


def test_transmission_is_that_of_the_middle_of_the_frames():
    """Frames of 9: a quarter is 2; corners from (8, 8) to (10.5, 12): rows 10 to 17 and columns 10 to 18"""
    known = np.full((40, 40), np.nan, complex)
    known[10:18, 10:19] = 3j
    assert simulate.transmission(known, np.array([[8.4, 12.0], [10.5, 8.0]]), 9) == pytest.approx(9)
    known[10:18, 10:19] = 1
    known[10, 10:19] = known[10:18, 18] = 2  # 9 + 7 of the 72 have |O|^2 = 4
    assert simulate.transmission(known, np.array([[8.4, 12.0], [10.5, 8.0]]), 9) == pytest.approx(120 / 72)


def test_pixels_of_the_object():
    """Far: wavelength * distance / (size * pixel). Near: M = (focus + distance) / focus = 5"""
    assert object_pixel(50, 1e-10, 2.0, 1e-4, None) == (pytest.approx(4e-8), None)
    size, transfer = object_pixel(16, 1e-10, 2.0, 1e-5, 0.5)
    phase = np.pi * 1e-10 * (2.0 / 5) * (3 / (16 * 2e-6)) ** 2
    assert size == pytest.approx(2e-6) and transfer[0, 3] == pytest.approx(np.exp(-1j * phase), abs=1e-5)
    with pytest.raises(JobError, match="focus before the sample"):
        object_pixel(16, 1e-10, 2.0, 1e-5, -0.5)


def flat(amplitude, **what):
    """Frames of a flat wave through nothing: all counts are in the middle pixel, (16 amplitude)^2 of them"""
    probe = np.full((1, 16, 16), amplitude, np.complex64)
    known, corners = np.ones((20, 20), np.complex64), np.array([[1.0, 2.0], [2.0, 1.0]])
    return SimulatedFrames.of(known, probe, corners, None, Simulation(size=16, **what))


@pytest.mark.parametrize(
    ("brightest", "what", "dtype"),
    [
        (39_999, {}, "u2"),
        (40_000, {}, "u4"),
        (40_001, {}, "u4"),
        (100, {"noise": False}, "f4"),
        (1e6, {"noise": False}, "f4"),
    ],
)
def test_counts_have_two_bytes_where_one_and_a_half_times_the_brightest_is_below_60000(
    brightest, what, dtype
):
    frames = flat(np.sqrt(brightest) / 16, **what)
    assert frames.dtype == dtype and frames.shape == (2, 16, 16) and frames.reachable()


def test_the_zero_frequency_is_in_the_middle_and_counts_stay_within_the_type():
    exact = flat(2.0, noise=False).read([1])[0]
    assert exact[8, 8] == pytest.approx(1024) and exact.sum() == pytest.approx(1024)
    noisy = flat(2.0)
    first, second, other = noisy.frame(0), noisy.frame(1), flat(2.0, seed=2).frame(0)
    assert abs(int(first[8, 8]) - 1024) < 6 * 32 and len({int(f[8, 8]) for f in (first, second, other)}) > 1
    noisy.probe = noisy.probe * 10
    assert noisy.frame(0)[8, 8] == 65535  # 102,400 counts


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_frames_are_read_in_the_order_asked(threads):
    frames = flat(1.0)
    got = frames.read([1, 0, 1], threads)
    assert got.dtype == np.uint16 and all(np.array_equal(g, frames.frame(i)) for g, i in zip(got, (1, 0, 1)))


@pytest.mark.parametrize("focus", [None, 0.05])
def test_a_scan_has_its_centre_at_0_and_the_photons_asked_for(open_with, focus):
    what = {"frames": 30, "size": 32, "photons": 1e5, "distance": 1.5, "pixel": 5e-5}
    scan = open_with("", "simulate", {"simulate": Simulation(**what)}, focus=focus)
    assert scan.positions.max(0) == pytest.approx(-scan.positions.min(0))
    assert scan.distance == 1.5 and scan.pixel == (5e-5, 5e-5) and scan.focus == focus
    m = (focus + 1.5) / focus if focus else 0
    size = 5e-5 / m if focus else scan.wavelength * 1.5 / (32 * 5e-5)
    assert np.ptp(scan.positions, axis=0) == pytest.approx(np.ptp(scan.truth["corners"], axis=0) * size)
    shape, corners = scan.truth["object"].shape, scan.truth["corners"]
    assert shape == tuple(corners.max(0) + 32 + 8) and corners.min() == 8
    given = open_with("", "simulate", {"simulate": Simulation(**what)}, distance=3.0, pixel=1e-5, focus=focus)
    assert given.distance == 3.0 and given.pixel == (1e-5, 1e-5)
    mean = np.abs(scan.truth["object"][16:-16, 16:-16]).mean()
    assert (np.abs(scan.truth["probe"]) ** 2).sum() * mean**2 == pytest.approx(1e5, rel=0.05)
