"""Maps by name, with their errors, in the result."""

import h5py
import numpy as np

from nanompi.data.data import Data, even
from nanompi.methods.maps.named import named
from nanompi.run.result import Result
from nanompi.run.writers.nexus import write


class Made:
    """What of a run `named` needs"""

    def __init__(self, **data):
        self.data, self.given = data, dict.fromkeys(data)


def lines(offset: float, rows=5, columns=4, number=3) -> Data:
    values = offset + np.arange(rows * columns * number, dtype=np.float32).reshape(rows, columns, number)
    coords = {"y": (np.arange(rows) * 1e-6, "m"), "x": (np.arange(columns) * 2e-6, "m")}
    return Data(
        axes=("y", "x", "line"), values=values, coords=coords, spread="y", parts=even(rows, 1), unit="counts"
    )


def test_each_line_becomes_a_map_with_its_errors(tmp_path):
    run = Made(elements=lines(0), elements_errors=lines(1000))
    named(run, "elements", ["Ca_K", "Fe_K", "Cu_K"], errors="elements_errors")
    assert list(run.data) == list(run.given)
    assert set(run.data) == {f"{name}{mark}" for name in ("Ca_K", "Fe_K", "Cu_K") for mark in ("", "_errors")}

    write(Result(data=run.data), tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5") as file:
        assert "Fe_K_errors" not in file["entry_1"]
        fe = file["entry_1/Fe_K"]
        assert np.array_equal(fe["data"], lines(0).values[..., 1])
        assert np.array_equal(fe["data_errors"], lines(1000).values[..., 1])
        assert fe.attrs["signal"] == "data" and list(fe.attrs["axes"]) == ["y", "x"]
        assert fe["data"].attrs["units"] == "counts" and np.allclose(fe["x"], [0, 2, 4, 6])


def test_errors_of_other_axes_stay_a_result_of_their_own(tmp_path):
    other = Data(axes=("line",), values=np.arange(3.0))
    write(Result(data={"Fe": lines(0), "Fe_errors": other}), tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5") as file:
        assert "data_errors" not in file["entry_1/Fe"] and "Fe_errors" in file["entry_1"]
