"""`nanompi plan` of maps: jobs of block steps are tried on part of their data."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from nanompi.cli import main
from nanompi.cluster import tried
from nanompi.cluster.tried import part_of
from nanompi.data.data import Data
from nanompi.data.reordered import reordered
from nanompi.units import quantity
from tests.mpi.conftest import variables
from tests.patience import patience

STACK = (
    "nanompi: 1\nname: scan\n"
    "input: {format: xanes.simulate, simulate: {energies: 60, size: SIZE, species: 2, drift: 0}}\n"
    "steps: [xanes.absorbance, xanes.normalise, xanes.lcf]\nrun: {device: cpu, threads: 1}\n"
)


class Numbers:
    """Where the rows are: each value says its place"""

    chunk, whole, where, lines, costs, dtype = 1, False, "", 0, None, np.dtype(int)

    def __init__(self, *shape):
        self.shape, self.values = shape, np.arange(np.prod(shape)).reshape(shape)

    def read(self, index, threads=1):
        return self.values[index]

    def cropped(self, rows, columns):
        out = Numbers(*self.values[:, rows, columns].shape)
        out.values = self.values[:, rows, columns]
        return out


def values(data):
    return data.source.read(np.arange(data.shape[0]))


def planned(text):
    return [quantity(one, "B") for one in re.findall(r"each, (.*?) of memory per rank", text)]


def test_rows_of_a_map_are_a_map():
    """Those of a stack in the middle, with I0 of their pixels; those of spectra evenly over the map"""
    i0 = np.arange(5 * 6 * 4).reshape(5, 6, 4)
    stack = Data(axes=("energy", "y", "x"), source=Numbers(5, 6, 4), beside={"i0": i0, "truth": 1})
    stack.coords = {"y": (np.arange(6.0), "m")}
    part = part_of(stack, "y", 2)
    assert np.array_equal(values(part), stack.source.values[:, 2:4]) and part.shape == (5, 2, 4)
    assert np.array_equal(part.beside["i0"], i0[:, 2:4]) and "truth" not in part.beside
    assert part.coords["y"][0].tolist() == [2, 3] and stack.coords["y"][0].tolist() == [0, 1, 2, 3, 4, 5]
    spectra = Data(axes=("y", "x", "energy"), source=Numbers(6, 4, 5), beside={"i0": i0})
    part = part_of(spectra, "y", 3)
    assert np.array_equal(values(part), spectra.source.values[::2])
    assert np.array_equal(part.beside["i0"], i0[:, ::2])


def test_rows_of_frames_that_have_a_grid():
    grid = {"grid": (4, 3), "grid_coords": {"y": (np.arange(4.0), "m"), "x": (np.arange(3.0), "m")}}
    frames = Data(axes=("point", "row", "column"), source=Numbers(12, 2, 2), beside=dict(grid))
    part = part_of(frames, "point", 6)
    assert np.array_equal(values(part), frames.source.values[:6]) and part.beside["grid"] == (2, 3)
    assert part.beside["grid_coords"]["y"][0].tolist() == [0, 1] and frames.beside["grid"] == (4, 3)


def test_images_in_no_order_are_tried_in_theirs():
    """A stack that was measured from above is cut where its pixels are"""
    stack = Data(axes=("energy", "y", "x"), source=reordered(Numbers(3, 6, 4), 0, np.array([2, 1, 0])))
    assert np.array_equal(values(part_of(stack, "y", 2)), Numbers(3, 6, 4).values[::-1, 2:4])


@pytest.mark.slow
def test_memory_is_what_a_run_has_at_most(tmp_path, monkeypatch):
    """Within a quarter, where a third of the rows is tried"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(STACK.replace("SIZE", "120"))

    def python(*words):
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=variables(),
                              stdin=subprocess.DEVNULL, timeout=patience(120))  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("-m", "nanompi", "run", "job.yaml")
    book = json.loads((tmp_path / "runs/scan/latest/metrics.json").read_text())
    some = f"import sys; from nanompi.cluster import tried; tried.TRIED = {60 * 40 * 120 * 8}"
    plan = "from nanompi.cli import main; sys.exit(main(['plan', 'job.yaml', '--ranks', '1']))"
    said = python("-c", f"{some}; {plan}")
    assert "tried on 40 of 120 along y" in said or "tried on 80 of 120" in said
    assert planned(said) == [pytest.approx(book["ranks"][0]["peak_memory"], rel=0.25)]


def test_what_a_step_says_of_part_of_the_data_is_told(tmp_path, monkeypatch, capsys):
    """A plan of a job that cannot run ends as the run would, and leaves nothing behind"""
    monkeypatch.chdir(tmp_path)
    text = STACK.replace("SIZE", "24").replace("xanes.normalise,", "{use: xanes.normalise, min_step: 99},")
    (tmp_path / "job.yaml").write_text(text)
    monkeypatch.setattr(tried, "TRIED", 1)
    assert main(["plan", "job.yaml"]) == 3
    assert "tried on 1 of 24 along y: xanes.normalise: no pixel has an edge" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["job.yaml"]
