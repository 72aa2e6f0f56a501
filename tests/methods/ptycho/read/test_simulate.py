"""The simulation: its truth explains its frames; and scans written to a file come back equal."""

import pickle

import numpy as np
import pytest

from nanompi.errors import JobError
from nanompi.methods import discover
from nanompi.methods.ptycho.read.export import write
from nanompi.methods.ptycho.read.simulate import Simulation
from nanompi.run.reading import reader_of

EV = 1.602176634e-19


def simulated(open_with, given=None, **what):
    what = {"frames": 20, "size": 32, "photons": 1e5, **what}
    return open_with("", "simulate", {"simulate": Simulation(**what)}, **(given or {}))


def intensity(scan, j):
    """|F(P O)|^2 written out once more: the transform by its sum."""
    O, P, corner = scan.truth["object"], scan.truth["probe"], scan.truth["corners"][j]
    y, x = corner.astype(int)
    n = P.shape[-1]
    k = np.arange(n) - n // 2
    F = np.exp(-2j * np.pi * np.outer(k, np.arange(n)) / n) / np.sqrt(n)
    return sum(np.abs(F @ (p * O[y : y + n, x : x + n]) @ F.T) ** 2 for p in P)


@pytest.mark.parametrize("modes", [1, 3])
def test_the_truth_explains_the_frames(open_with, modes):
    scan = simulated(open_with, modes=modes, noise=False)
    frames = scan.source.read(np.arange(20))
    for j in (0, 7, 19):
        assert np.allclose(frames[j], intensity(scan, j), rtol=1e-3, atol=1e-5 * frames.max())


def test_counts_are_poisson_counts_of_the_asked_mean(open_with):
    exact, noisy = simulated(open_with, noise=False), simulated(open_with)
    mean, counts = exact.source.read(np.arange(20)), noisy.source.read(np.arange(20))
    assert counts.dtype == np.uint16
    chi = ((counts - mean) ** 2 / mean)[mean > 5]
    assert chi.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / chi.size))
    assert counts.sum((1, 2)).mean() == pytest.approx(1e5, rel=0.05)


def test_frames_do_not_depend_on_who_reads_them(open_with):
    scan = simulated(open_with)
    whole = scan.source.read(np.arange(20))
    other = pickle.loads(pickle.dumps(scan.source))
    assert np.array_equal(other.read([13, 2, 2], threads=2), whole[[13, 2, 2]])
    again = simulated(open_with)
    assert np.array_equal(again.source.read(np.arange(20)), whole)
    assert not np.array_equal(simulated(open_with, seed=2).source.read(np.arange(20)), whole)


def test_positions_are_the_corners_in_metres(open_with):
    scan = simulated(open_with, {"energy": 10e3 * EV, "distance": 3.0})
    size = 1.2398419843320026e-10 * 3.0 / (32 * 55e-6)
    steps = np.diff(scan.positions, axis=0) / size
    assert np.allclose(steps, np.diff(scan.truth["corners"], axis=0))
    assert np.array_equal(scan.truth["corners"], np.rint(scan.truth["corners"]))
    assert scan.probe is None  # no start guess is supplied


def test_object_is_a_bounded_star_and_covers_all_frames(open_with):
    scan = simulated(open_with, size=64, frames=100)
    O, corners = scan.truth["object"], scan.truth["corners"]
    assert O.dtype == np.complex64 and 0.6 <= np.abs(O).min() and np.abs(O).max() <= 1
    assert -1 <= np.angle(O).min() and np.angle(O).max() <= 0 and np.ptp(np.angle(O)) > 0.8
    assert corners.min() >= 8 and np.all(corners.max(0) + 64 + 8 <= O.shape)
    assert np.corrcoef(np.abs(O).ravel(), np.angle(O).ravel())[0, 1] > 0.5  # the star absorbs and retards
    # neither part follows from the other: the texture is complex-valued
    assert abs(np.corrcoef(np.abs(O[:25, :25]).ravel(), np.angle(O[:25, :25]).ravel())[0, 1]) < 0.9


def test_probe_modes_are_orthogonal_with_falling_power(open_with):
    P = simulated(open_with, modes=3, size=64).truth["probe"].reshape(3, -1)
    gram = P.conj() @ P.T
    power = np.diag(gram).real
    assert np.allclose(gram - np.diag(power), 0, atol=1e-5 * power[0])
    assert np.allclose(power / power[0], [1, 1 / 3, 1 / 9], rtol=1e-4)


def test_subpixel_positions_shift_the_probe(open_with):
    scan = simulated(open_with, subpixel=True, noise=False, scan="raster")
    corners = scan.truth["corners"]
    j = int(np.argmax(np.abs(corners - np.rint(corners)).max(1)))
    # a shift leaves the power spectrum of the probe alone: through a hole it is the same frame
    scan.source.known = np.ones_like(scan.source.known)
    shifted, whole = (
        scan.source.frame(j),
        np.abs(np.fft.fftshift(np.fft.fft2(scan.truth["probe"][0], norm="ortho"))) ** 2,
    )
    assert np.allclose(shifted, whole, rtol=1e-3, atol=1e-4 * whole.max())
    assert np.abs(corners - np.rint(corners)).max() > 0.3


def test_bright_frames_get_more_bits(open_with):
    assert simulated(open_with, photons=1e8).source.dtype == np.uint32


def test_frames_are_made_where_they_are_read_and_not_carried_along(open_with):
    scan = simulated(open_with, frames=400, size=128, photons=1e6)
    assert scan.source.shape == (400, 128, 128) and len(pickle.dumps(scan.source)) < 4e6


def test_simulation_is_chosen_by_its_key(open_with):
    discover()
    assert reader_of({"simulate": {}}) == "simulate"
    with pytest.raises(JobError, match="focus before the sample"):
        simulated(open_with, {"focus": -0.1})
    with pytest.raises(JobError, match="one mode only"):
        simulated(open_with, {"focus": 0.1}, modes=2)


def test_near_field_keeps_the_photons_and_shows_the_object(open_with):
    scan = simulated(open_with, {"focus": 5e-3}, size=64, photons=1e6, noise=False, phase=0.3)
    frames = scan.source.read(np.arange(20))
    size = 55e-6 * 5e-3 / 2.005
    assert np.allclose(
        np.diff(scan.positions, axis=0), np.diff(scan.truth["corners"], axis=0) * size, rtol=1e-9, atol=1e-15
    )
    O, P, corners = scan.truth["object"], scan.truth["probe"], scan.truth["corners"].astype(int)
    for j in (0, 11):  # free space loses nothing
        y, x = corners[j]
        psi = P[0] * O[y : y + 64, x : x + 64]
        assert frames[j].sum() == pytest.approx((np.abs(psi) ** 2).sum(), rel=1e-4)
    # seen through nothing over no distance a frame is the beam itself
    scan.source.transfer, scan.source.known = np.ones((64, 64), "c8"), np.ones_like(O)
    assert np.allclose(scan.source.frame(3), np.abs(P[0]) ** 2, rtol=1e-3, atol=1e-3)
    assert scan.focus == 5e-3 and P.shape == (1, 64, 64)


@pytest.mark.parametrize("reader", ["nexus", "cxi"])
def test_a_written_scan_comes_back_equal(tmp_path, open_with, reader):
    scan = simulated(open_with, modes=2)
    scan.mask = np.ones((32, 32), bool)
    scan.mask[3, 5] = False
    scan.monitor = np.linspace(1, 2, 20)
    write(scan, tmp_path / "sim.cxi")
    discover()
    assert reader_of({"file": str(tmp_path / "sim.cxi")}) == "nexus"
    again = open_with(tmp_path / "sim.cxi", reader)
    index = np.arange(20)
    assert (
        np.array_equal(again.source.read(index), scan.source.read(index)) and again.source.dtype == np.uint16
    )
    assert np.allclose(again.positions, scan.positions, rtol=1e-9, atol=1e-16)
    for name in ("wavelength", "distance", "pixel"):
        assert getattr(again, name) == pytest.approx(getattr(scan, name), rel=1e-12)
    assert np.array_equal(again.mask, scan.mask) and np.array_equal(again.monitor, scan.monitor)
    assert sorted(again.truth) == ["corners", "frame_shape", "object", "pixel_size", "probe"]
    part = open_with(tmp_path / "sim.cxi", reader, select="3:9")
    assert part.fingerprint == again.fingerprint == scan.fingerprint != ""
    assert all(np.array_equal(again.truth[k], scan.truth[k]) for k in again.truth)
    assert [p.name for p in tmp_path.iterdir()] == ["sim.cxi"]


def test_a_written_scan_in_fft_order_is_turned(tmp_path, open_with):
    scan = simulated(open_with)
    frames = scan.source.read([4])
    write(scan, tmp_path / "a.cxi")
    scan.corner, scan.focus, scan.truth = True, 0.01, {}
    write(scan, tmp_path / "b.cxi", compression="gzip")
    again = open_with(tmp_path / "b.cxi", "nexus")
    assert not again.corner and again.focus == 0.01
    assert np.array_equal(again.source.read([4]), np.fft.fftshift(frames, (1, 2)))
