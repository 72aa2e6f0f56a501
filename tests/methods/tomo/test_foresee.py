"""`nanompi plan` of a tomogram: what a run on some ranks reads, sends, makes and holds."""

import json
import re
import subprocess
import sys

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.units import quantity
from tests.mpi.conftest import variables
from tests.patience import patience

ANGLES, ROWS, COLUMNS = 90, 10, 64
JOB = "nanompi: 1\nname: scan\ninput: {file: scan.h5}\nsteps: [tomo]\nrun: {device: cpu, threads: 1}\n"


def write(folder, angles, rows, columns, **storage):
    """A disk before the detector"""
    rng, x = np.random.default_rng(1), np.linspace(-1, 1, columns)
    light = np.exp(-np.sqrt(np.clip(0.6 - x**2, 0, None)))
    images = rng.poisson(3000, (8, rows, columns))
    with h5py.File(folder / "scan.h5", "w") as file:
        some = (images * light).astype(np.uint16)[np.arange(angles) % 8]
        file.create_dataset("exchange/data", data=some, **storage)
        file["exchange/data_white"] = images.astype(np.uint16)
        file["exchange/data_dark"] = rng.poisson(5, (8, rows, columns)).astype(np.uint16)
        file["exchange/theta"] = np.arange(angles) * 180 / angles
    (folder / "job.yaml").write_text(JOB)


@pytest.mark.parametrize(
    "storage, sent", [({"chunks": (1, ROWS, COLUMNS), "compression": "gzip"}, 0.5), ({}, 0)]
)
def test_bytes_of_one_and_two_ranks(tmp_path, monkeypatch, capsys, storage, sent):
    """Each byte is read once; half of it goes to the other rank where the file has projections whole"""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, ANGLES, ROWS, COLUMNS, **storage)
    assert main(["plan", "job.yaml", "--ranks", "1,2"]) == 0
    text = capsys.readouterr().out
    said = re.findall(r"reads (.*?), once, sends (.*?) and makes (.*?) of slices", text)
    counts, slices = 2 * ANGLES * ROWS * COLUMNS, 4 * ROWS * COLUMNS**2
    expected = [(counts, 0, slices), (counts / 2, sent * counts / 2, slices / 2)]
    assert [[quantity(one, "B") for one in each] for each in said] == [
        pytest.approx(e, rel=2e-3) for e in expected
    ]
    assert "on 1 rank: 10 rows each" in text and "on 2 ranks: 5 rows each" in text
    assert len(re.findall("<- planned", text)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, 2])
def test_memory_is_what_a_run_has_at_most(tmp_path, ranks):
    """Within 15 %: 92 MB of counts, 184 MB of line integrals, blocks of both, 0.25 GB of libraries; on two
    ranks rounds of 64 MB may or may not be under way when the most is held, which the load decides"""
    write(tmp_path, 600, 160, 480, chunks=(1, 160, 480), compression="gzip", compression_opts=1)

    def nanompi(*words):
        command = [sys.executable, "-m", "nanompi", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=variables(), timeout=patience(120))  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    nanompi("run", "-n", str(ranks), "job.yaml")
    figures = json.loads((tmp_path / "runs/scan/latest/metrics.json").read_text())["ranks"]
    said = re.search(
        r"rows each, (.*?) of memory per rank", nanompi("plan", "job.yaml", "--ranks", str(ranks))
    )
    assert quantity(said[1], "B") == pytest.approx(max(rank["peak_memory"] for rank in figures), rel=0.15)


def test_ranks_that_are_no_numbers_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    for words in ("0", "1,", "two", "1;2"):
        assert main(["plan", "job.yaml", "--ranks", words]) == 2
        assert "a number from 1 to 1000000, or some, such as 1,2,4" in capsys.readouterr().err
