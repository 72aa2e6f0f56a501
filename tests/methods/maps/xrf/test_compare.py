"""Maps of a run against the truth of its simulation, and against another run's."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.maps.compare import compare


def result(path, maps, errors=None, truth=None):
    """A result file with some maps"""
    with h5py.File(path, "w") as file:
        for name, values in maps.items():
            file[f"entry_1/{name}/data"] = values
            if errors:
                file[f"entry_1/{name}/data_errors"] = np.full_like(values, errors)
        for name, values in (truth or {}).items():
            file[f"entry_1/map_truth/{name}"] = values
    return str(path)


def test_figures_are_those_of_the_difference(tmp_path):
    """A tenth of the points is off by 3 errors, all others by half of one"""
    true = np.full((10, 10), 4.0)
    own = true + 0.5
    own[0], own[1, 1] = true[0] + 3, np.nan
    path = result(tmp_path / "a.h5", {"Fe_K": own}, 1.0, {"Fe_K": true, "Cu_K": true})
    got = compare(path, "truth")
    d = (own - true)[np.isfinite(own)]
    assert got["judged"] == "nrmse" and list(got["maps"]) == ["Fe_K"]
    assert got["nrmse"] == pytest.approx(np.sqrt((d**2).mean()) / 4)
    assert got["maps"]["Fe_K"] == pytest.approx(
        {"mean": 4, "bias": d.mean(), "rmse": np.sqrt((d**2).mean()), "covered": 89 / 99}
    )


def test_complex_maps_and_maps_without_a_number(tmp_path):
    """Other imaginary parts are another map; where no point has a number in both, no limit is kept"""
    wave = np.full((2, 3), 3 + 4j)
    one, two = (
        result(tmp_path / f"{k}.h5", {"t": v, "u": v.real}) for k, v in enumerate((wave, wave.conj()))
    )
    got = compare(one, two)
    assert got["nrmse"] == pytest.approx(8 / np.sqrt(25 + 9)) and got["maps"]["t, real part"]["rmse"] == 0
    none = result(tmp_path / "none.h5", {"t": wave, "u": np.full((2, 3), np.nan)})
    with pytest.raises(DataError, match=r"u: no point has a number in both"):
        compare(one, none)


def test_two_runs(tmp_path):
    one = result(tmp_path / "a.h5", {"Fe_K": np.full((2, 3), 2.0), "Ca_K": np.ones((2, 3))})
    two = result(tmp_path / "b.h5", {"Fe_K": np.ones((2, 3)), "Ti_K": np.ones((2, 3))})
    assert compare(one, two)["nrmse"] == pytest.approx(1)


def test_what_does_not_go_together_is_told(tmp_path):
    one = result(tmp_path / "a.h5", {"Fe_K": np.ones((2, 3))})
    two = result(tmp_path / "b.h5", {"Fe_K": np.ones((3, 3))})
    three = result(tmp_path / "c.h5", {"Ti_K": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"Fe_K: .*a.h5 has the shape \(2, 3\), .*b.h5 has \(3, 3\)"):
        compare(one, two)
    with pytest.raises(DataError, match="no map of the same name; they were fitted with other elements"):
        compare(one, three)
    with pytest.raises(DataError, match="it is no simulation"):
        compare(one, "truth")
