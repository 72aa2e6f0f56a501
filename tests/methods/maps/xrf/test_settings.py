"""Elements and start values from files of other programs."""

import pytest

from nanompi.errors import DataError
from nanompi.methods.maps.xrf.settings import settings_of

PYMCA = """
[peaks]
Fe = K
Pb = L, M
[fit]
energy = 17.5
[detector]
zero = -0.02
gain = 0.0098
noise = 0.1
fano = 0.114
"""
MAPS = """
   list the elements that you want to be fit
ELEMENTS_TO_FIT: Si, Ca, Au_L, Si_Si, COHERENT_SCT_AMPLITUDE
CAL_OFFSET_[E_OFFSET]: -0.004
CAL_OFFSET_[E_OFFSET]_MAX: 0.5
CAL_SLOPE_[E_LINEAR]: 0.0095
COHERENT_SCT_ENERGY: 10.0
COMPTON_ANGLE: 87.3
"""


def test_a_configuration_of_pymca_gives_elements_and_scale(tmp_path):
    (tmp_path / "a.cfg").write_text(PYMCA)
    got = settings_of(str(tmp_path / "a.cfg"))
    assert got.elements == ["Fe_K", "Pb_L", "Pb_M"] and got.energy == 17500
    assert got.start == pytest.approx({"offset": -20, "slope": 9.8, "noise": 100, "fano": 0.114})


def test_an_override_file_of_maps_gives_the_same(tmp_path):
    (tmp_path / "maps_fit_parameters_override.txt").write_text(MAPS)
    got = settings_of(str(tmp_path / "maps_fit_parameters_override.txt"))
    assert got.elements == ["Si", "Ca", "Au_L"] and got.energy == 10e3
    assert got.start == pytest.approx({"offset": -4, "slope": 9.5, "angle": 87.3})


@pytest.mark.parametrize(
    "text, words",
    [
        ("nothing", "neither a line ELEMENTS_TO_FIT"),
        ("ELEMENTS_TO_FIT: Ca\nCAL_SLOPE_[E_LINEAR]: ten", r'CAL_SLOPE_\[E_LINEAR\] is "ten", which is no'),
        ("[peaks]\nFe K", "a.cfg"),
    ],
)
def test_other_files_are_refused_with_their_name(tmp_path, text, words):
    (tmp_path / "a.cfg").write_text(text)
    with pytest.raises(DataError, match=words):
        settings_of(str(tmp_path / "a.cfg"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="none"):
        settings_of(str(tmp_path / "none.cfg"))
