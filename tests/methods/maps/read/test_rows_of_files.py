"""Maps in many files: a file for each row (Xspress3), a text for each point (BL13U)."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError
from nanompi.methods.maps.read.bl13u import Bl13u
from nanompi.methods.maps.read.xspress3 import TICK, Xspress3
from nanompi.run.reading import Input, open_data, reader_of

W, D, C = 4, 2, 1024


def opened(path, reader):
    return open_data(str(path), Input(), reader)["data"]


def row_file(path, counts, factor=None):
    n, d, _ = counts.shape
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", data=counts, chunks=(1, d, C), compression="gzip")
        group = file.create_group("entry/instrument/NDAttributes")
        for k in range(1, d + 1):
            group[f"CHAN{k}SCA0"] = np.full(n, 8e6)
            if factor is None:
                group[f"CHAN{k}SCA1"], group[f"CHAN{k}SCA3"] = np.full(n, 1e5), np.full(n, 2e4)
                group[f"CHAN{k}SCA8"] = np.full(n, 5.0)
            else:
                group[f"CHAN{k}DTFactor"] = np.full(n, factor)


@pytest.fixture
def counts():
    return np.random.default_rng(5).poisson(1.0, (12, W, D, C)).astype(np.uint32)


def test_a_file_of_points_and_its_dead_time(tmp_path, counts):
    row_file(tmp_path / "scan_0001.h5", counts[0])
    assert reader_of({"file": str(tmp_path / "scan_0001.h5")}) == "xspress3"
    data = opened(tmp_path / "scan_0001.h5", Xspress3())
    assert data.axes == ("point", "detector", "channel")
    assert np.array_equal(data.source.read([3, 1]), counts[0, [3, 1]])
    assert np.allclose(data.per_row["real"], 8e6 * TICK)
    assert np.allclose(data.per_row["live"], (8e6 - 2e4 * 6 - 1e5) * TICK)


def test_a_folder_of_rows_of_which_one_is_missing_and_one_short(tmp_path, counts):
    """Numbers say which row a file is, 9 before 10; what is missing is absent, not shifted"""
    for k in range(12):
        if k != 5:
            row_file(tmp_path / f"line_{k + 3}.h5", counts[k][: W - (k == 8)], 1.25)
    assert reader_of({"file": str(tmp_path)}) == "xspress3"
    with pytest.raises(DataError, match="5 of 48 points were not measured"):
        opened(tmp_path, Xspress3())
    assert main(["inspect", str(tmp_path)]) == 3
    row_file(tmp_path / "line_11.h5", counts[8], 1.25)
    data = opened(tmp_path, Xspress3())
    assert data.shape == counts.shape and "4 of 48 points" in data.notes[0]
    read = data.source.read(np.arange(12))
    assert np.array_equal(np.delete(read, 5, 0), np.delete(counts, 5, 0)) and not read[5].any()
    assert np.allclose(data.per_row["real"][4] / data.per_row["live"][4], 1.25)
    assert np.isnan(data.per_row["live"][5]).all() and data.per_row["absent"][5].all()


def test_rows_of_other_detectors_are_no_map(tmp_path, counts):
    row_file(tmp_path / "line_1.h5", counts[0])
    row_file(tmp_path / "line_2.h5", counts[1][:, :1])
    with pytest.raises(DataError, match=r"\(1, 1024\) and \(2, 1024\) \(detectors, channels\)"):
        opened(tmp_path, Xspress3())


def test_texts_of_points(tmp_path):
    folder = tmp_path / "FullWaveForm"
    folder.mkdir()
    counts = np.random.default_rng(6).poisson(1.0, (2, 3, 3, 64))
    for y in range(2):
        for x in range(3):
            table = np.column_stack([np.arange(64), counts[y, x].T])
            np.savetxt(folder / f"{y + 1}_{x + 1}.txt", table, fmt="%g", delimiter="\t")
    head = ["head"] * 6 + [f"1 2 {value}" for value in range(6)]
    (tmp_path / "D1.txt").write_text("\n".join(head))
    assert reader_of({"file": str(tmp_path)}) == "bl13u"
    data = opened(tmp_path, Bl13u())
    assert data.shape == (2, 3, 3, 64) and np.array_equal(data.source.read([1, 0], 2), counts[[1, 0]])
    assert data.per_row["monitor"].tolist() == [[0, 1, 2], [3, 4, 5]]
    (folder / "2_3.txt").write_text("0 1 2 3\n1 2")
    with pytest.raises(DataError, match=r"2_3\.txt is no table"):
        data.source.read([1])
    (folder / "2_3.txt").unlink()
    with pytest.raises(DataError, match="1 of 6 points were not measured"):
        opened(tmp_path, Bl13u())
