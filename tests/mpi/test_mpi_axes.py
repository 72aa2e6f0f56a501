"""A job without positions and wavelength: a stranger's reader of a stack, steps on blocks, whole runs."""

import h5py
import numpy as np
import pytest

from tests import plugin

STACK = """
import numpy as np
from nanompi.data.data import Data
from nanompi.data.source import Source
from nanompi.step import item, param, reader, step, total

class Rows(Source):
    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype

    def read(self, index, threads=1):
        return self.values[index]

@reader("my.stack", gives={"data": "angle row column"})
class Stack:
    '''An array of text, one projection a row.'''

    @staticmethod
    def recognises(path, given):
        return str(path).endswith(".stack")

    def open(self, file, given):
        values = np.loadtxt(file, dtype=np.uint16).reshape(-1, 5, 6)
        angle = np.linspace(0, 3, len(values)), "rad"
        about = {"coords": {"angle": angle}, "file": file, "format": "text"}
        return {"data": Data(axes=("angle", "row", "column"), source=Rows(values), **about)}

@step("my.log", each="frame")
class Log:
    '''The logarithm of each frame.'''
    by: float = param(1.0, help="factor")

    def block(self, block, info):
        return np.log1p(block * self.by).astype(np.float32)

@step("my.sums", each="frame", gives={"sums": item(unit="counts"), "mean": total("row", "column")})
def sums(block, info):
    '''Sums of frames.'''
    return {"sums": block.sum((1, 2)), "mean": block}

@step("my.slices", each="sinogram", makes=("y", "x"))
def slices(block, info):
    '''A slice of each sinogram.'''
    return (block[:, :, :, None] * block[:, :, None]).sum(1) * info["angle"].astype(np.float32)[-1]

@step("my.fails", each="frame")
def fails(block, info):
    '''Fails.'''
    return block if info.index[-1] < 6 else block.no_such_thing
"""
JOB = """
nanompi: 1
name: x
input: {file: a.stack, select: "0:11"}
steps: [my.log, my.sums, my.slices]
run: {device: cpu}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a stack of 13 projections and the plug-in that reads it; `here(job)` writes a job."""
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(1).integers(0, 500, (13, 30))
    np.savetxt(tmp_path / "a.stack", values, "%d")
    monkeypatch.setenv("PYTHONPATH", str(plugin.install(tmp_path / "site", my_stack=STACK)))
    return lambda job: (tmp_path / "job.yaml").write_text(job)


def nanompi(mpirun, n, *argv, **how):
    return mpirun(n, ["-m", "nanompi", *map(str, argv)], **how)


def result(folder) -> dict[str, np.ndarray]:
    with h5py.File(folder / "result.h5") as file:
        return {name: file[f"entry_1/{name}/data"][()] for name in ("data", "sums", "mean")}


@pytest.mark.slow
def test_the_same_bits_on_one_and_three_ranks(mpirun, here, tmp_path):
    here(JOB)
    for n in (1, 3):
        done = nanompi(mpirun, n, "run", "job.yaml", "--folder", f"on-{n}")
        assert "11 angle x 5 row x 6 column, uint16" in done.stdout
        assert ("rows: 5 along row for 3 ranks" in done.stdout) == (n == 3)
    first = result(tmp_path / "on-1")
    values = np.loadtxt(tmp_path / "a.stack", dtype=np.uint16).reshape(-1, 5, 6)[:11]
    assert np.array_equal(first["sums"], np.log1p(values * 1.0).astype(np.float32).sum((1, 2)))
    assert first["data"].shape == (5, 6, 6)
    other = result(tmp_path / "on-3")
    assert {k: v.tobytes() for k, v in other.items()} == {k: v.tobytes() for k, v in first.items()}
    with h5py.File(tmp_path / "on-3" / "result.h5") as file:
        assert file["entry_1"].attrs["default"] == "data"
        assert file["entry_1/sums"].attrs["axes"].tolist() == ["angle"]
        assert file["entry_1/sums/data"].attrs["units"] == "counts"


def test_check_compares_axes_and_a_step_that_fails_ends_with_6(mpirun, here):
    here(JOB.replace("my.sums, my.slices", "my.slices, my.slices"))
    done = nanompi(mpirun, 1, "check", "job.yaml", code=2)
    assert "job.yaml:5:28: steps.my.slices: my.slices needs (angle, column) in each item" in done.stderr
    here(JOB.replace("my.sums, my.slices", "my.fails"))
    done = nanompi(mpirun, 2, "run", "job.yaml", code=6)
    assert "no_such_thing" in done.stderr and "my_stack.py, line " in done.stderr


@pytest.mark.slow
def test_settings_of_a_sweep_that_share_steps_get_what_a_run_alone_gets(mpirun, here, tmp_path):
    """The first two steps are done in one pass, and kept; the third is swept."""
    here(JOB.replace("my.sums, my.slices", "my.sums, {use: my.log, by: {sweep: [1.0, 3.0]}}, my.slices"))
    nanompi(mpirun, 2, "sweep", "job.yaml", "--out", "swept")
    here(JOB.replace("my.sums, my.slices", "my.sums, {use: my.log, by: 3.0}, my.slices"))
    nanompi(mpirun, 1, "run", "job.yaml", "--folder", "alone")
    (second,) = tmp_path.glob("swept/x/*/*by=3*/")
    assert {k: v.tobytes() for k, v in result(second).items()} == {
        k: v.tobytes() for k, v in result(tmp_path / "alone").items()
    }
