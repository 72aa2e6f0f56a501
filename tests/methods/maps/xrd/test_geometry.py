"""PONI files, shares of pixels and whole patterns, against pyFAI on a small tilted detector; what is
refused."""

import json

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.errors import DataError
from nanompi.methods.maps.xrd.geometry import DETECTORS, Geometry, fits, read_poni
from nanompi.methods.maps.xrd.matrix import Bins, limits, matrix

SHAPE = (61, 83)
TILTED = Geometry(
    0.11, (0.0041, 0.0052), (0.21, -0.13, 0.4), (120e-6, 130e-6), 0.7e-10, orientation=3, shape=SHAPE
)


NEAR = Geometry(0.1, (0.0037, 0.0054), (0.02, -0.01, 0.4), (120e-6, 130e-6), 1e-10, shape=SHAPE)


def poni(path, geometry=TILTED, version=2.1, **other):
    """Write a PONI file"""
    config = {"pixel1": geometry.pixel[0], "pixel2": geometry.pixel[1], "max_shape": SHAPE}
    config["orientation"] = geometry.orientation
    lines = [f"poni_version: {version}", "Detector: Detector", f"Detector_config: {json.dumps(config)}"]
    if version == 1:
        lines = [f"PixelSize{k + 1}: {size}" for k, size in enumerate(geometry.pixel)]
    lines += [f"Distance: {geometry.distance}", *(f"Poni{k + 1}: {v}" for k, v in enumerate(geometry.poni))]
    lines += [f"Rot{k + 1}: {v}" for k, v in enumerate(geometry.rot)]
    lines += [f"{k}: {v}" for k, v in ({"Wavelength": geometry.wavelength} | other).items()]
    path.write_text("# made\n" + "\n".join(lines) + "\n")
    return str(path)


def pattern(geometry, frame, good, bins, polarisation=0.99):
    """(I, errors) of one frame"""
    m, K = matrix(geometry, frame.shape, good, bins, polarisation), Cpu().kernels
    sums = np.empty((2, bins.number * bins.sectors, 3))
    for k, counts in enumerate((frame.reshape(1, -1).astype(np.float32), m.norm[None])):
        K.integrate_frames(
            counts, m.norm, np.zeros_like(m.norm), np.inf, (m.first, m.bin, m.share), None, sums[k : k + 1]
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[0, :, 0] / sums[1, :, 0], np.sqrt(sums[0, :, 1]) / sums[1, :, 0]


def frame():
    """Counts, and which pixels are good"""
    rng = np.random.default_rng(0)
    return rng.poisson(50, SHAPE), rng.random(SHAPE) > 0.03


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
@pytest.mark.parametrize("unit", ["2th_deg", "q_nm^-1"])
def test_patterns_are_those_of_pyfai(tmp_path, orientation, unit):
    """To 1e-4 of the maximum, each orientation, tilted by all three rotations; errors likewise"""
    import pyFAI

    geometry = Geometry(**{**vars(TILTED), "orientation": orientation})
    counts, good = frame()
    bins = Bins(unit, 90, *limits(geometry, SHAPE, good, unit))
    own, errors = pattern(read_poni(poni(tmp_path / "a.poni", geometry)), counts, good, bins)
    ai = pyFAI.load(str(tmp_path / "a.poni"))
    how = {"unit": unit, "mask": ~good, "method": ("bbox", "csr", "cython"), "polarization_factor": 0.99}
    want = ai.integrate1d(counts, 90, error_model="poisson", **how)
    assert bins.centres == pytest.approx(want.radial, abs=1e-5 * float(want.radial.max()))
    assert own == pytest.approx(want.intensity, abs=1e-4 * float(want.intensity.max()))
    assert errors == pytest.approx(want.sigma, abs=1e-3 * float(want.sigma.max()))


def test_cakes_are_those_of_pyfai(tmp_path):
    """Where chi does not come round from 180 to -180 deg, and not at the beam: pyFAI has its own way there"""
    import pyFAI

    counts, good = frame()
    bins = Bins("2th_deg", 20, *limits(NEAR, SHAPE, good, "2th_deg"), 12)
    own = pattern(NEAR, counts, good, bins)[0].reshape(12, 20)
    ai = pyFAI.load(poni(tmp_path / "a.poni", NEAR))
    want = ai.integrate2d(
        counts, 20, 12, unit="2th_deg", mask=~good, method=("bbox", "csr", "cython"),
        polarization_factor=0.99, azimuth_range=(-180, 180), radial_range=(bins.low, bins.high),
    )  # fmt: skip
    seen = (want.count > 1)[1:-1, 2:]
    assert seen.sum() > 60
    assert own[1:-1, 2:][seen] == pytest.approx(
        want.intensity[1:-1, 2:][seen], abs=2e-3 * float(want.intensity.max())
    )


def test_a_cake_adds_up_to_its_pattern():
    """Its sectors hold all shares of a pattern, across +-180 deg, too"""
    good = np.ones(SHAPE, bool)
    middle = Geometry(0.1, (0.0036, 0.0052), (0, 0, 0), (120e-6, 130e-6), 1e-10)
    low, high = limits(middle, SHAPE, good, "2th_deg")
    sums = []
    for sectors in (1, 7):
        m = matrix(middle, SHAPE, good, Bins("2th_deg", 30, low, high, sectors), None)
        sums.append(np.bincount(m.bin, m.share, 30 * sectors).reshape(sectors, 30).sum(0))
        assert np.bincount(np.repeat(np.arange(good.size), np.diff(m.first)), m.share) == pytest.approx(
            1, abs=1e-5
        )
    assert sums[0] == pytest.approx(sums[1], rel=1e-5)


def test_versions_of_poni_files(tmp_path):
    for version in (1, 2, 2.1):
        found = read_poni(poni(tmp_path / "a.poni", version=version))
        assert (found.distance, found.poni, found.rot, found.pixel) == (
            TILTED.distance, TILTED.poni, TILTED.rot, TILTED.pixel,
        )  # fmt: skip
        assert found.shape == (None if version == 1 else SHAPE) and found.wavelength == TILTED.wavelength
    path = tmp_path / "named.poni"
    path.write_text("Distance: 1\nPoni1: 0\nPoni2: 0\nDetector: Pilatus CdTe 2M\nWavelength: None\n")
    assert (read_poni(str(path)).shape, read_poni(str(path)).wavelength) == ((1679, 1475), None)


def test_detectors_are_those_of_pyfai():
    from pyFAI.detectors import detector_factory

    for family, (size, shapes) in DETECTORS.items():
        for name, shape in shapes.items():
            want = detector_factory(f"{family}{name}")
            assert (want.MAX_SHAPE, want.pixel1, want.pixel2) == (shape, size, size)


@pytest.mark.parametrize(
    "text, said",
    [
        ("Poni1: 0\nPoni2: 0\n", "distance is missing"),
        ("Distance: 740\nPoni1: 0\nPoni2: 0\n", "distance = 740 m; 0.001 to 50 m is sensible"),
        ("Distance: 1\nPoni1: 0\nPoni2: 0\nWavelength: 0.2\n", "wavelength = 0.2 m; .* lengths in m"),
        ("Distance: far\nPoni1: 0\nPoni2: 0\n", "distance = far is no number"),
        ("Distance: 1\nPoni1: 0\nPoni2: 0\nDetector_config: {'a'\n", "Detector_config is no JSON"),
        (
            'Distance: 1\nPoni1: 0\nPoni2: 0\nDetector_config: {"orientation": 7}\n',
            "orientation 7 is not one",
        ),
    ],
)
def test_bad_poni_files(tmp_path, text, said):
    path = tmp_path / "bad.poni"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_poni(str(path))


def test_a_poni_of_another_shape_names_both_and_the_binning(tmp_path):
    big = Geometry(**{**vars(TILTED), "file": "a.poni"})
    with pytest.raises(DataError, match=r"61 x 83, these have 30 x 41; were they binned 2 x 2"):
        fits(big, (30, 41), None)
    with pytest.raises(DataError, match="another detector"):
        fits(big, (83, 61), None)
    with pytest.raises(DataError, match="120 x 130 um, those of the frames of 240 x 260 um"):
        fits(big, SHAPE, (240e-6, 260e-6))


def test_no_pixel_left():
    with pytest.raises(DataError, match="no pixel of the frames"):
        limits(TILTED, SHAPE, np.zeros(SHAPE, bool), "2th_deg")
