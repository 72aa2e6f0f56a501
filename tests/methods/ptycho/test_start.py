"""Start values: lens, crop and padding, the defocus found from the data, overlap."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.beam import defocused, spread
from nanompi.methods.ptycho.modes import extra_modes, orthogonalise, power
from nanompi.methods.ptycho.overlap import check_overlap, diameter
from nanompi.methods.ptycho.positions import Shifts, place
from nanompi.methods.ptycho.scale import seen
from nanompi.methods.ptycho.start import (
    CLOSE,
    StartProbe,
    _mapped_object,
    lens_probe,
    probe_kind,
    same_pixel,
    same_shape,
)
from nanompi.optics.geometry import Geometry
from tests.scene import problem

FAR = Geometry(1.24e-10, 2.0, (75e-6, 75e-6), (128, 128))


def test_lens_probe_has_the_size_of_the_shadow():
    """Far behind the focus the probe is the lens in projection: diameter = aperture * defocus / focal"""
    lens = StartProbe(start="aperture", aperture=100e-6, focal=0.05, defocus=1e-3)
    P = lens_probe(lens, FAR)
    lit = abs(P) > 0.3 * abs(P).max()
    width = np.sqrt(4 / np.pi * lit.sum() * FAR.pixel[0] * FAR.pixel[1])
    assert width == pytest.approx(100e-6 * 1e-3 / 0.05, rel=0.1)


def test_lens_that_misses_the_detector_is_refused():
    with pytest.raises(JobError, match=r"none of the detector|all of the detector"):
        lens_probe(StartProbe(start="aperture", aperture=100e-3, focal=0.05), FAR)
    with pytest.raises(JobError, match=r"needs probe\.aperture"):
        lens_probe(StartProbe(start="aperture"), FAR)


def test_probe_is_cropped_and_padded_about_its_centre():
    P = np.zeros((10, 8), complex)
    P[5, 4] = 1
    for shape in ((6, 12), (20, 4), (10, 8)):
        out = same_shape(P, shape, "a probe")
        assert out.shape == (1, *shape) and out[0, shape[0] // 2, shape[1] // 2] == 1
    with pytest.raises(DataError, match="zero everywhere"):
        same_shape(np.zeros((4, 4)), (8, 8), "a probe")


def test_a_probe_of_a_file_that_is_named_is_taken():
    """Without `start: file`, as the first of a chain leaves the name out and nothing else"""
    with_probe, without = SimpleNamespace(probe=np.ones((8, 8))), SimpleNamespace(probe=None)
    for how, wanted in ((StartProbe(file="x.h5"), "file"), (StartProbe(), "data")):
        assert probe_kind(how, without) == wanted
    assert probe_kind(StartProbe(file="x.h5"), with_probe) == "file"
    assert probe_kind(StartProbe(), with_probe) == "input"
    assert probe_kind(StartProbe(start="data", file="x.h5"), with_probe) == "data"


def test_how_far_the_pixel_of_an_earlier_result_may_differ():
    """That of a probe by as much as from one energy to another, of an object not at all"""
    same_pixel([2e-8, 2e-8], [2.1e-8, 2.1e-8], "x.h5", CLOSE)
    for other, nearly in (([2.1e-8, 2e-8], ()), ([3e-8, 3e-8], (CLOSE,))):
        with pytest.raises(DataError, match="its object pixel is 2e-08"):
            same_pixel([2e-8, 2e-8], other, "x.h5", *nearly)


@pytest.mark.parametrize("width", [-0.2, -0.1, 0.15])
def test_defocus_gives_the_width(width):
    """rms radius of the probe in parts of the frame"""
    k = np.hypot(np.fft.fftfreq(128, 1 / 128)[:, None], np.fft.fftfreq(128, 1 / 128))
    wave = 0.5 * (1 - np.tanh((k - 20) / 2))
    P = defocused(wave, width, (1e-8, 1e-8))
    y, x = np.indices(P.shape) - 64
    rms = np.sqrt(((y**2 + x**2) * abs(P) ** 2).sum() / (abs(P) ** 2).sum()) / 128
    assert rms == pytest.approx(abs(width), rel=0.1)
    assert spread(wave, (1e-8, 1e-8)) == pytest.approx(20 / np.sqrt(2), rel=0.05)


def test_photons_on_good_pixels_alone_make_the_scale():
    p, _, P = problem("double")
    whole = seen(p, P)
    assert whole == pytest.approx(power(P).sum(), rel=1e-12)
    p.mask[:16] = 0
    assert 0.3 * whole < seen(p, P) < 0.7 * whole


def test_modes_are_orthogonal_and_ordered():
    _, _, P = problem("double")
    modes = extra_modes(P, 4)
    flat = modes.reshape(4, -1)
    gram = flat.conj() @ flat.T
    assert np.allclose(gram, np.diag(np.diag(gram)), atol=1e-9 * abs(gram).max())
    assert power(modes) / power(P).sum() == pytest.approx(np.array([8, 4, 2, 1]) / 15)
    mixed = np.array([modes[0] + modes[1], modes[1] - 0.5 * modes[0]])
    out = orthogonalise(mixed)
    assert power(out)[0] >= power(out)[1] and abs(np.vdot(out[0], out[1])) < 1e-9 * power(out)[0]
    incoherent = lambda m: (abs(np.fft.fft2(m)) ** 2).sum(0)  # noqa: E731
    assert np.allclose(incoherent(out), incoherent(mixed))


GRID = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2)


def told_overlap(steps, pixel=(1e-8, 1e-8), guessed=False):
    """What is said of a grid of frames, its steps in parts of the probe."""
    said, wave = [], np.ones((64, 64)) * (np.hypot(*np.indices((64, 64)) - 0.0) < 12)
    P = defocused(wave, 0.1, (1e-8, 1e-8))[None]
    corners = GRID * steps * np.sqrt(np.prod(diameter(P) * pixel)) / pixel
    check_overlap(P, SimpleNamespace(corners=corners), np.array(pixel), guessed, said.append)
    return said[0]


def test_overlap_is_told_and_demanded():
    assert "overlap: 70 %" in told_overlap(0.3) and "expect" not in told_overlap(0.3)
    assert "overlap: 70 %" in told_overlap(0.3, (1e-8, 3e-8))  # of metres, not of pixels
    with pytest.raises(DataError, match=r"do not overlap: .* unit of the positions"):
        told_overlap(2)


def test_a_guessed_probe_is_not_taken_for_a_measurement():
    """Neither the overlap nor the unit of the positions is blamed where the width is a guess"""
    with pytest.raises(DataError, match=r"guess .* need not be the cause") as error:
        told_overlap(2, guessed=True)
    assert "unit" not in str(error.value)
    assert "as guessed from the data" in told_overlap(0.3, guessed=True)
    assert "unit" in told_overlap(0.7) and "unit" not in told_overlap(0.7, guessed=True)


def told_of(*moved, twice=()):
    """What is said beyond the overlap of a grid; frame 7 lies (rows, columns) of the probe off frame 24"""
    said, P = [], problem("double")[2]
    corners = np.array(GRID * 0.3 * np.sqrt(np.prod(diameter(P))))
    if moved:
        corners[7] = corners[24] + np.array(moved) * np.sqrt(np.prod(diameter(P)))
    corners = np.concatenate([corners, corners[list(twice)]])
    numbers = np.arange(len(corners)) + 40
    check_overlap(P, SimpleNamespace(corners=corners), np.ones(2), False, said.append, numbers)
    assert said[0].startswith("overlap: 70 %")
    return said[1:]


def test_frames_that_no_other_overlaps_are_named():
    """A position that is wrong by a glitch: the rest overlaps well, and nothing else would tell"""
    assert told_of() == told_of(0.9, 0) == []
    (said,) = told_of(1.1, 0)
    assert said.startswith("warning") and "away: 47. " in said


def test_frames_at_the_place_of_another_one_are_named():
    """A motor that stood still: rare, else it is how the scan was meant"""
    (said,) = told_of(0, 0)
    assert "very place of another one: 47, 64;" in said
    (said,) = told_of(twice=range(3, 8))
    assert "one: 43:48, 65:70;" in said and told_of(twice=[]) == []


def test_places():
    """Corner + rest is the position to 1/16 pixel; rests lie in [-1/2, 1/2); the units are doubted"""
    rng, pixel = np.random.default_rng(0), np.array([20e-9, 30e-9])
    positions = rng.uniform(0, 5e-6, (300, 2))
    p = place(positions, pixel, (32, 24), 8)
    told = p.at[:, :2] + p.rests[p.at[:, 2]]
    assert abs(told - p.corners).max() <= 1 / 16 + 1e-12
    assert p.rests.min() >= -0.5 and p.rests.max() < 0.5 and len(p.rests) <= 64
    assert (p.at[:, :2] >= 0).all() and (p.at[:, :2] + [32, 24] <= p.shape).all()
    assert np.allclose((p.corners - p.corners[0]) * pixel, positions - positions[0])
    with pytest.raises(DataError, match="in um, not in m"):
        place(positions * 1e6, pixel, (32, 24))
    with pytest.raises(DataError, match="one pixel"):
        place(positions * 1e-6, pixel, (32, 24))


def test_shifts_are_unitary_and_adjoint():
    p, _, P = problem("double", modes=2)
    rests = np.array([[0.25, -0.5], [0.0, 0.0], [-0.375, 0.125]])
    shifts, rng = Shifts(p.device, rests, P.shape[-2:]), np.random.default_rng(0)
    library = shifts.library(P)
    assert np.allclose(library[1], P)
    assert power(library).sum(1) == pytest.approx(np.full(3, power(P).sum()))
    num = rng.standard_normal(library.shape) + 1j * rng.standard_normal(library.shape)
    assert np.vdot(num, library) == pytest.approx(np.vdot(shifts.adjoint(num), P))


def test_an_object_from_the_maps_of_stxm():
    """At the middle of each frame it has the phase and transmission that the maps have there"""
    grid = np.arange(12) * 4e-8
    y, x = np.meshgrid(grid, grid, indexing="ij")
    phase, level = 1e7 * y - 5e6 * x, 0.5 + 1e6 * x
    coords = {"y": (1e-6 + grid, "m"), "x": (2e-6 + grid, "m")}
    own = {"dpc_phase": phase, "transmission": level}
    data = {name: Data(axes=("y", "x"), values=values, coords=coords) for name, values in own.items()}
    geometry = SimpleNamespace(pixel=(2e-8, 2e-8), shape=(16, 16))
    places = SimpleNamespace(shape=(40, 40), origin=(1e-6, 2e-6))
    O = _mapped_object(data, places, geometry)
    assert O.dtype == np.complex64
    for j in (0, 4, 11):  # the frame of the place j of the map has its corner at 2 j, its middle 8 px on
        assert O[2 * j + 8, 2 * j + 8] == pytest.approx(
            np.sqrt(level[j, j]) * np.exp(1j * phase[j, j]), abs=1e-5
        )
    assert O[0, 0] == O[8, 8]  # beyond the scan as at its edge
    with pytest.raises(JobError, match=r"needs the step map\.stxm before ptycho"):
        _mapped_object({}, places, geometry)
