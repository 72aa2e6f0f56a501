"""What a detector makes of lines, against areas and places that are known."""

import numpy as np
import pytest

from nanompi.methods.maps.xrf.response import (
    FWHM,
    PAIR,
    START,
    Detector,
    Peaks,
    Window,
    columns,
    compton,
    escape,
    peaks_of,
    pileup,
)

NONE = START | {"tail": 0.0, "ctail": 0.0, "slope": 10.0, "energy": 10e3}


def one_line(at=5e3, **p):
    """A single peak over channels of 10 eV"""
    peaks = Peaks(np.array([at]), np.ones(1), np.zeros(1, int), np.zeros(1, int), 1)
    return columns(NONE | p, peaks, 0, 900)[:, 0]


def test_a_peak_has_the_area_1_and_the_width_of_the_detector():
    y, at = one_line(), 10.0 * np.arange(900)
    centre = (y * at).sum()
    width = FWHM * np.sqrt(
        (y * (at - centre) ** 2).sum() - 100 / 12
    )  # channels add a twelfth of their square
    wanted = np.sqrt(100.0**2 + FWHM**2 * 0.12 * PAIR * 5e3)
    assert y.sum() == pytest.approx(1, abs=1e-6) and centre == pytest.approx(5e3, abs=0.01)
    assert width == pytest.approx(wanted, rel=1e-4)


def test_channels_are_integrals_and_not_samples():
    """Channels as wide as the peak hold what four narrow ones hold"""
    peaks = Peaks(np.array([5e3]), np.ones(1), np.zeros(1, int), np.zeros(1, int), 1)
    wide = columns(NONE | {"slope": 160.0}, peaks, 0, 60)[:, 0]
    narrow = columns(NONE | {"slope": 40.0, "offset": -60.0}, peaks, 0, 240)[:, 0]
    assert np.allclose(wide, narrow.reshape(60, 4).sum(1), atol=1e-7)


def test_a_tail_takes_area_from_the_peak_and_goes_to_lower_energies():
    """Its mean lies one decay below the line; far out nothing overflows"""
    y, at = one_line(tail=0.1, gamma=3.0), 10.0 * np.arange(900)
    s = np.hypot(100 / FWHM, np.sqrt(0.12 * PAIR * 5e3))
    assert y.sum() == pytest.approx(1, abs=2e-4)
    assert (y * at).sum() == pytest.approx(5e3 - 0.1 * 3 * s, abs=0.5)
    assert np.all(np.isfinite(y)) and y[100] == 0


def test_a_shelf_is_as_high_as_it_is_declared():
    """0.01 of the peak for each keV: over 3 keV below the peak 0.03 of its area"""
    assert one_line(step=0.01)[100:400].sum() == pytest.approx(0.03, rel=1e-3)


def test_escape_peaks_of_silicon_and_germanium():
    """Reed & Ware 1972 have 1.0 % for Ca K-alpha; below the edge there are none; Ge, above its edge, 15 %"""
    at, part = escape(np.array([1.5e3, 3690.0]), "Si")
    assert part[0] == 0 and 0.008 < part[1] < 0.011
    assert at[1] == pytest.approx(3690 - 1740, abs=1)
    assert 0.13 < escape(np.array([12e3]), "Ge")[1][0] < 0.2


def test_light_is_scattered_by_the_formula_of_compton():
    assert compton(10e3, 90) == pytest.approx(10e3 / (1 + 10e3 / 510998.95))
    assert compton(10e3, 0) == 10e3


def test_families_have_a_column_each_and_scatter_two():
    peaks = peaks_of(["Ca_K", "Fe_K"], 10e3, Detector(chip=""))
    y = columns(NONE, peaks, 50, 1100)
    assert y.shape == (1050, 4) and np.allclose(y.sum(0), 1, atol=1e-3)
    assert [50 + int(np.argmax(c)) for c in y.T] == [369, 640, 1000, 981]


def test_a_window_weakens_soft_lines_of_a_family_more():
    """Through 10 um of aluminium, K-beta of calcium gains on K-alpha"""
    bare = peaks_of(["Ca_K"], 10e3, Detector(chip=""))
    dimmed = peaks_of(["Ca_K"], 10e3, Detector((Window("Al", 2.7, 10e-6),), chip=""))
    part = [p.area[(p.scatter == 0) & (p.at > 3900)].sum() for p in (bare, dimmed)]
    assert 1.05 < part[1] / part[0] < 1.5


def test_two_photons_that_come_at_once_count_as_their_sum():
    """Lines at 2 and 3 keV: pile-up at 4, 5 and 6 keV as 1 : 2 : 1, on a scale that does not begin at 0"""
    p = NONE | {"offset": -50.0}
    counts = np.zeros(900)
    counts[[205, 305]] = 1e3  # 2000 and 3000 eV
    y = pileup(counts, p, 100, 900)
    at = -50 + 10.0 * np.arange(100, 900)
    assert y.sum() == pytest.approx(1)
    assert at[y > 0.01].tolist() == [4000, 5000, 6000] and y[at == 5000] == pytest.approx(0.5)
