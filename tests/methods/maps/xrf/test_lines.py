"""Families of lines: those that a beam makes, where they stand, what is said of others."""

import numpy as np
import pytest

from nanompi.errors import JobError
from nanompi.methods.maps.xrf import lines

BEAM = 10e3


def test_lines_of_iron_stand_where_they_are_known_to():
    at, share = lines.lines("Fe_K", BEAM)
    assert share.sum() == pytest.approx(1) and np.all(share > 0)
    assert abs(at[np.argmax(share)] - 6404) < 1.5  # K-alpha 1, Bearden: 6403.84 eV
    beta = share[at > 6900].sum() / share[at < 6900].sum()
    assert 0.12 < beta < 0.15  # K-beta over K-alpha: 0.135 (Scofield)


def test_a_beam_below_an_edge_takes_its_lines_away():
    """Lead: L3 edge at 13.04 keV, L2 at 15.20 keV, L1 at 15.86 keV; the L2 lines come with the second"""
    low, _ = lines.lines("Pb_L", 14e3)
    high, _ = lines.lines("Pb_L", 20e3)
    assert not lines.excited("Pb_L", 13e3) and lines.excited("Pb_M", 13e3)
    assert low.max() < 13.04e3 < high.max()  # L-gamma at 14.76 keV is a line of L2


@pytest.mark.parametrize("text, name", [("Fe", "Fe_K"), ("fe-K", "Fe_K"), ("Pb", "Pb_M"), ("La L", "La_L")])
def test_elements_are_named_in_many_ways(text, name):
    assert lines.family_of(text, BEAM) == name


@pytest.mark.parametrize(
    "text, words",
    [
        ("Fee_K", r'"Fee_K" begins with no element.*allowed: Fe, Fe_K'),
        ("Fe_Q", "Q is no family of lines; allowed: Fe_K, Fe_L, Fe_M"),
        ("Pb_L", r"Pb_L is not excited by a beam of 10 keV: its edge is at 13\.0"),
        ("Zr_K", r"its edge is at 18 keV|its edge is at 17\.99"),
    ],
)
def test_families_that_cannot_be_are_refused_with_their_reason(text, words):
    with pytest.raises(JobError, match=words):
        lines.family_of(text, BEAM)


def test_windows_are_known_by_name_or_formula():
    """Be, 24 um: 0.3 of the light at 1 keV, nearly all at 10 keV (Henke)"""
    through = np.exp(-lines.attenuation("Be", [1e3, 10e3]) * lines.density("Be") * 24e-4)
    assert 0.02 < through[0] < 0.15 and through[1] > 0.995
    assert lines.density("Kapton Polyimide Film") == pytest.approx(1.42)
    assert lines.density("C10H8O4") is None
    with pytest.raises(JobError, match='"Unobtainium" is no element, formula or compound'):
        lines.attenuation("Unobtainium", [5e3])
