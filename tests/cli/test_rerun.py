"""`nanompi rerun`: the same bits from the same file, on the same ranks; what is said where it is not so."""

import re

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.report.result_differences import differences
from tests.api.scan import scan, stored


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Where the job of a small scan has run."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", stored(scan(), tmp_path), "--quiet"]) == 0
    return tmp_path


def test_equal_to_the_bit(here, capsys):
    capsys.readouterr()
    assert main(["rerun", "a", "--max", "0"]) == 0
    both = r"equal to the bit: \S*/runs/a/run-0001/result.h5 and runs/a/run-0002/result.h5"
    assert re.search(both, capsys.readouterr().out)


@pytest.mark.slow
def test_as_many_ranks_as_then(here):
    """Without -n: what two ranks have made two ranks make again, to the bit."""
    assert main(["run", "a.yaml", "-n", "2", "--quiet", "--set", "name=two"]) == 0
    assert main(["rerun", "two", "--max", "0", "--quiet"]) == 0
    with h5py.File("runs/two/run-0002/result.h5") as file:
        assert len(set(file["entry_1/partition/rank"][()])) == 2


def test_what_is_different_is_told(here, capsys):
    with h5py.File("runs/a/run-0001/result.h5", "r+") as file:
        file["entry_1/object/data"][3, 4] *= 1.5
        file["entry_1/process_1/environment/packages/numpy"][()] = "1.0"
        note = file["entry_1/process_1/environment/data"]
        text = re.sub(r'"numpy": "[^"]*"', '"numpy": "1.0"', note[()].decode())
        del file["entry_1/process_1/environment/data"]
        file["entry_1/process_1/environment/data"] = text
        size = float(np.abs(file["entry_1/object/data"][()]).max())
        apart = float(np.abs(file["entry_1/object/data"][3, 4])) / 3
    capsys.readouterr()
    assert main(["rerun", "runs/a/run-0001/result.h5"]) == 0
    out = capsys.readouterr().out
    assert "object/data: " in out and "numpy: 1.0, now " in out and "probe/data" not in out
    told = float(re.search(r"object/data: ([\d.e+-]+) of", out)[1])
    assert told == pytest.approx(apart / size, rel=0.02)
    assert main(["rerun", "runs/a/run-0001", "--max", "1e-4"]) == 5


def test_another_input_is_refused(here, capsys):
    with open("a.npz", "r+b") as file:
        file.seek(3000)
        file.write(b"other")
    assert main(["rerun", "a"]) == 3
    said = capsys.readouterr().err
    assert "a.npz: it has changed since" in said and len(list((here / "runs" / "a").glob("run-*"))) == 1


def test_arrays_that_are_equal_have_no_difference(here):
    one = here / "runs" / "a" / "latest" / "result.h5"
    assert differences(one, one) == {}


def test_a_result_of_arrays_cannot_be_repeated(here, capsys):
    import nanompi
    from tests.api.scan import FEW

    one = scan()
    keywords = {"x": one.x, "y": one.y, "probe": one.probe, **one.known, **FEW}
    nanompi.reconstruct(one.frames, folder="b", **keywords)
    assert main(["rerun", "b"]) == 3 and "arrays of a Python program" in capsys.readouterr().err
