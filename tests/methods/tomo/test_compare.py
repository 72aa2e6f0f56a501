"""Volumes compared: the figures by hand, faults in words."""

import json

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError
from nanompi.methods.tomo.compare import compare


def result(folder, volume):
    folder.mkdir()
    with h5py.File(folder / "result.h5", "w") as f:
        f["entry_1/process_1/program"], f["entry_1/data/data"] = "nanompi", volume
        f["entry_1/reconstruction/program"] = "nanompi"
    return str(folder)


@pytest.fixture
def volumes(tmp_path):
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((3, 40, 40)).astype("f4"), rng.standard_normal((3, 40, 40)).astype("f4")
    return one, two, result(tmp_path / "one", one), result(tmp_path / "two", one + two)


def test_the_figures_of_two_volumes_by_hand(volumes):
    one, two, a, b = volumes
    got, far = compare(a, b), two.astype(float)
    assert got["nrmse"] == pytest.approx(np.linalg.norm(far) / np.linalg.norm(one + far), rel=1e-5)
    assert got["correlation"] == pytest.approx(np.corrcoef(one.ravel(), (one + two).ravel())[0, 1], abs=1e-6)
    assert got["largest"] == pytest.approx(abs(two).max(), rel=1e-5) and got["pixels"] == one.size
    assert np.mean(got["frc"]["value"]) == pytest.approx(np.sqrt(0.5), abs=0.05)  # equal noise added
    same = compare(a, a)
    assert same["nrmse"] == same["largest"] == 0 and same["falls_px"] == 1


def test_complex_volumes_are_compared_as_complex(tmp_path, capsys):
    """Imaginary parts times -5; an imaginary volume against a real one; NaN keeps no limit"""
    rng = np.random.default_rng(0)
    one = rng.standard_normal((3, 20, 20)) + 1j * rng.standard_normal((3, 20, 20))
    two = one.real - 5j * one.imag
    bad = one.real.copy()
    bad[1, 2, 3] = np.nan
    shapes = {"one": one, "two": two, "real": one.real, "imaginary": 1j * one.real, "bad": bad}
    a, b, real, imaginary, lacking = (result(tmp_path / name, v) for name, v in shapes.items())
    got = compare(a, b)
    assert got["nrmse"] == pytest.approx(np.linalg.norm(one - two) / np.linalg.norm(two))
    (p, q), shows = (v - v.mean() for v in (one, two)), {}
    wanted = np.vdot(q, p).real / np.linalg.norm(p) / np.linalg.norm(q)
    assert got["correlation"] == pytest.approx(wanted) and wanted < 0
    assert got["largest"] == pytest.approx(6 * np.abs(one.imag).max())
    turned = compare(imaginary, real, shows)
    assert turned["nrmse"] == pytest.approx(np.sqrt(2)) and abs(turned["correlation"]) < 1e-9
    assert shows["difference"].data.max() == pytest.approx(np.sqrt(2) * np.abs(one.real[1]).max())
    assert main(["compare", a, b, "--max", "0.5"]) == 5 and main(["compare", a, a, "--max", "0"]) == 0
    capsys.readouterr()
    assert main(["compare", lacking, lacking, "--max", "9"]) == 5
    said = capsys.readouterr()
    assert "nrmse is not a number" in said.err and "relative difference not known" in said.out
    assert "agree" not in said.out and "nan %" not in said.out


def test_faults_in_words(volumes, tmp_path, capsys):
    one, _, a, b = volumes
    other = result(tmp_path / "other", one[:2])
    with pytest.raises(DataError, match=r"holds a volume of 3 x 40 x 40, .* one of 2 x 40 x 40"):
        compare(a, other)
    flat = result(tmp_path / "flat", one[0])
    with pytest.raises(DataError, match=r"flat/result.h5 holds no volume"):
        compare(a, flat)
    assert main(["compare", a, b, "--max", "0.1"]) == 5
    assert "nrmse 0.7" in capsys.readouterr().err
    assert main(["compare", a, b, "--max", "1"]) == 0
    with h5py.File(tmp_path / "none.h5", "w") as f:
        f["entry_1/process_1/program"] = "nanompi"
    assert main(["compare", str(tmp_path / "none.h5"), a]) == 3
    assert "holds neither waves nor a volume" in capsys.readouterr().err


def test_other_units_are_not_compared(volumes, tmp_path):
    one, _, a, _ = volumes
    b = result(tmp_path / "metric", one)
    with h5py.File(tmp_path / "metric" / "result.h5", "a") as f:
        f["entry_1/data/data"].attrs["units"] = "1/m"
    with pytest.raises(DataError, match=r"is in no unit, .* in 1/m"):
        compare(a, b)


def test_sentences_have_units_and_warn_of_the_same_data(volumes, capsys):
    one, two, a, b = volumes
    assert main(["compare", a, b]) == 0
    said = capsys.readouterr()
    first, largest, reach = said.out.splitlines()
    assert first.startswith("relative difference 70.") and "correlation 0.70" in first
    assert largest == f"largest difference {abs(two).max():.3g}, over {one.size} voxels"
    assert reach == "slices agree to 1 px at least, which is the pixel" and said.err == ""
    for name in (a, b):
        with h5py.File(f"{name}/result.h5", "a") as f:
            f["entry_1/data/data"].attrs["units"] = "1/cm"
            scan = {"path": "/data/tooth.h5", "size": 5, "sha256": "abc"}
            f["entry_1/process_1/inputs/data"] = json.dumps({"files": [scan]})
            f["entry_1/process_1/job/data"] = json.dumps({"input": {"file": "/data/tooth.h5"}})
    assert main(["compare", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == compare(a, b) and found["unit"] == "1/cm" and " 1/cm, over" in found["words"][1]
    assert found["note"].startswith("both were made of tooth.h5: what agrees is no resolution")
    assert main(["compare", a, b]) == 0
    assert capsys.readouterr().err == f"warning: {found['note']}\n"


def test_a_volume_and_the_slices_of_its_truth(volumes, capsys):
    """Two of three slices are kept: the figures are of these alone"""
    one, two, a, _ = volumes
    assert main(["compare", a, "truth"]) == 3
    assert "holds no true slices: it is no simulation (tomo.simulate)" in capsys.readouterr().err
    with h5py.File(f"{a}/result.h5", "a") as f:
        f["entry_1/truth/slices"], f["entry_1/truth/rows"] = one[[0, 2]] + two[[0, 2]], [0, 2]
    shows = {}
    got, far, true = compare(a, "truth", shows), two[[0, 2]].astype(float), (one + two)[[0, 2]]
    assert got["nrmse"] == pytest.approx(np.linalg.norm(far) / np.linalg.norm(true), rel=1e-5)
    assert (
        got["slices"] == [2, 3]
        and "compared: 2 of 3 slices, those of which the truth is kept" in got["words"]
    )
    assert np.array_equal(shows["b"].data, true[1]) and "note" not in got
    with h5py.File(f"{a}/result.h5", "a") as f:
        f["entry_1/truth/rows"][...] = [0, 3]
    with pytest.raises(DataError, match="do not fit the volume"):
        compare(a, "truth")
