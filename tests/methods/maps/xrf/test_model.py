"""The model of a map's spectra, as an earlier result holds it."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.maps.xrf.model import Model
from nanompi.run.result import Result
from nanompi.run.writers.nexus import write


def a_model() -> Model:
    """Two detectors of six channels, of which the second is left out."""
    columns = np.random.default_rng(1).random((2, 6, 3))
    good = np.array([[False, True, True, True, True, False], [False] * 6])
    energies = np.array([np.arange(6.0), np.arange(6.0)]) * 10
    shares = np.array([[1.0, 1, 1], [0, 0, 0]])
    names = ["Fe_K", "elastic", "background"]
    return Model(names, columns, good, energies, shares, [{"slope": 9.6}, {}], 10e3)


def test_a_model_comes_back_from_a_result_as_it_was(tmp_path):
    model = a_model()
    write(Result(arrays=model.arrays()), tmp_path / "result.h5")
    again = Model.load(tmp_path)
    assert (again.names, again.peak, again.energy) == (model.names, model.peak, model.energy)
    for name in ("columns", "good", "energies", "shares"):
        assert np.array_equal(getattr(again, name), getattr(model, name))
    assert again.elements == ["Fe_K"] and again.detectors.tolist() == [0]


def test_channels_stand_side_by_side_as_counts_do():
    model = a_model()
    columns, detector = model.side_by_side()
    counts = np.arange(24).reshape(2, 2, 6)
    assert columns.shape == (4, 3) and detector.tolist() == [0] * 4
    assert counts[:, model.good].tolist() == [[1, 2, 3, 4], [13, 14, 15, 16]]


def test_a_result_without_a_model_says_what_to_name(tmp_path):
    write(Result(arrays={"a": np.ones(2)}), tmp_path / "result.h5")
    with pytest.raises(DataError, match=r"holds no model of spectra; name a run in which xrf\.calibrate"):
        Model.load(tmp_path)


def test_a_model_whose_parts_do_not_go_together_is_refused(tmp_path):
    write(Result(arrays=a_model().arrays()), tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5", "a") as f:
        del f["entry_1/xrf_model/shares"]
        f["entry_1/xrf_model/shares"] = np.ones(5)
    with pytest.raises(DataError, match="shapes that do not go together"):
        Model.load(tmp_path)
