"""Numbers of files with their units: each limit itself, and a little beyond it."""

import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.io import quantities

EV = 1.602176634e-19  # J, exact in the SI
HC = 6.62607015e-34 * 299792458.0


@pytest.mark.parametrize(
    "number, unit, electronvolts",
    [
        (10, "eV", 10),
        (9.99, "eV", None),
        (500, "keV", 500e3),
        (500.1, "keV", None),
        (49.9, "", 49.9e3),  # the least of the two that it may be is not believed: below 50 it is keV
        (501, "", 501),
        (0.1, "", 100),
        (8e3 * EV, "", 8e3),  # of the size of joules
        (1e-15, "J", 1e-15 / EV),
        (0.0, "", None),
    ],
)
def test_an_energy_by_its_unit_or_its_size(number, unit, electronvolts):
    notes = []
    if electronvolts is None:
        with pytest.raises(DataError, match="is not a photon energy"):
            quantities.joules(number, unit, "f: /e", notes)
        return
    assert quantities.joules(number, unit, "f: /e", notes) == pytest.approx(electronvolts * EV, rel=1e-12)
    assert len(notes) == (not unit and number > 1e-9)  # a guess is told; joules are none


@pytest.mark.parametrize("number", [50, 284, 500])
def test_what_may_be_electronvolts_or_thousands_of_them(number):
    soft, hard = f"{HC / (number * EV) * 1e9:.6g} nm", f"{HC / (number * 1e3 * EV) * 1e12:.6g} pm"
    with pytest.raises(DataError) as error:
        quantities.joules(number, "", "f: /e", [])
    assert f"{soft}) or {number} keV ({hard})" in str(error.value)


def test_an_energy_of_the_job():
    for good in (10, 8e3, 500e3):
        assert quantities.given_energy(good * EV) == pytest.approx(HC / (good * EV), rel=1e-9)
    with pytest.raises(JobError, match=r"8000 looks like eV: write `energy: 8000 eV`"):
        quantities.given_energy(8000e3 * EV)
    with pytest.raises(JobError) as error:  # 8 eV: the unit that was meant is that which it has
        quantities.given_energy(8 * EV)
    assert "looks like" not in str(error.value)


@pytest.mark.parametrize("factor, notes", [(1.0, 0), (1.0099, 0), (0.9901, 0), (1.0101, 1), (0.9899, 1)])
def test_wavelength_and_energy_may_differ_by_a_hundredth(factor, notes):
    length, said = 1.5e-10, []
    assert quantities.wavelength(length, HC / (length * factor), said) == length and len(said) == 0 + notes
    if notes:
        assert f"disagree by {100 * abs(factor - 1):.1f} %; the wavelength is used" in said[0]
    assert quantities.wavelength(None, HC / length, said) == pytest.approx(length, rel=1e-9)
    assert np.isnan(quantities.wavelength(None, None, said)) and len(said) == notes


def test_an_energy_of_the_file_that_is_wrong_is_a_note_where_a_wavelength_is_known():
    def wrong():
        raise DataError("no energy")

    notes, nothing = [], lambda: np.nan
    assert quantities.wavelength_of(lambda: 1e-10, wrong, False, notes) == 1e-10
    assert notes == ["warning: no energy; the wavelength is known otherwise"]
    for given in (False, True):
        for first, second in ((wrong, nothing), (nothing, wrong)):
            if given:
                assert np.isnan(quantities.wavelength_of(first, second, True, []))
            else:
                with pytest.raises(DataError, match="no energy"):
                    quantities.wavelength_of(first, second, False, [])


@pytest.mark.parametrize(
    "numbers, mean",
    [
        (3, 3),
        ([7.5], 7.5),
        ([99.5, 100.5], 100),  # apart by a hundredth of the mean
        ([-99.5, -100.5], -100),
        ([99.4, 100.6], None),
        ([-99.4, -100.6], None),
        ([0.0, 0.0], 0),
        ([], None),
        (np.inf, np.inf),  # refused by whoever knows what it is
    ],
)
@pytest.mark.filterwarnings("error")
def test_one_number(numbers, mean):
    if mean is None:
        with pytest.raises(DataError, match=r"one is needed|holds no number"):
            quantities.one(numbers, "f: /d")
    else:
        assert quantities.one(numbers, "f: /d") == mean


@pytest.mark.parametrize(
    "shape, flat",
    [
        ((5, 7), (1, 5, 7)),
        ((3, 5, 7), (3, 5, 7)),
        ((2, 3, 5, 7), (6, 5, 7)),
        ((1, 1, 1), (1, 1, 1)),
        ((5,), None),
        ((), None),
        (None, None),
        ((0, 5, 7), None),
        ((1 << 20, 1 << 20, 1 << 19), (1 << 20, 1 << 20, 1 << 19)),
        ((1 << 20, 1 << 20, 1 << 20), None),  # 2^60 values
    ],
)
def test_frames_of_any_leading_dimensions(shape, flat):
    if flat is None:
        with pytest.raises(DataError, match=r"f: /d has"):
            quantities.flat_frames(shape, "f: /d")
    else:
        assert quantities.flat_frames(shape, "f: /d") == flat


@pytest.mark.parametrize(
    "word, size", [("Millimetre", 1e-3), ("meters", 1), ("Angstrom", 1e-10), ("nm", 1e-9)]
)
def test_words_for_units(word, size):
    assert quantities.scale_of(word, "m", "f: /d") == pytest.approx(size, rel=1e-12)
