"""`nanompi plan` and `nanompi bench` for real, on a small job and 1, 2 and 4 ranks."""

import json
import re
import subprocess
import sys

import pytest

from tests.mpi.conftest import variables
from tests.patience import patience

JOB = """
nanompi: 1
name: small
input: {simulate: {frames: 60, size: 32, photons: 1e4, subpixel: SUB}}
steps:
  - use: ptycho
    engines: [{dm: 3, probe: {after: 1}}, {ml: 17}]
    probe: {modes: MODES, start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    combine: COMBINE
run: {device: cpu, checkpoint: 0, precision: PRECISION}
"""


def job(*values: str) -> str:
    """The job with these modes, sub-pixel places, precision, way to combine"""
    text = JOB
    for name, value in zip(("MODES", "SUB", "PRECISION", "COMBINE"), values):
        text = text.replace(name, value)
    return text


@pytest.fixture
def nanompi(tmp_path):
    """`nanompi(*words)` in a folder with job.yaml; what it says"""
    (tmp_path / "job.yaml").write_text(job("1", "false", "single", "auto"))

    def call(*words, code=0):
        command = [sys.executable, "-m", "nanompi", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=variables(), timeout=patience(120))  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


CASES = [
    pytest.param(("1", "false", "single", "allreduce"), marks=pytest.mark.slow),
    pytest.param(("2", "true", "double", "allreduce"), marks=pytest.mark.slow),
    pytest.param(("1", "false", "double", "overlap"), marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_bench_predicts_the_bytes_of_2_and_4_ranks_exactly(nanompi, tmp_path, case):
    (tmp_path / "job.yaml").write_text(job(*case))
    ranks = "1,2,4" if case[0] == "1" else "1,2"
    said = nanompi(
        "bench", "job.yaml", "--ranks", ranks, "--out", "out", "--predict", "8,64", "--scans", "2000"
    )
    checks = json.loads((tmp_path / "out/scaling.json").read_text())["checks"]
    assert [c["ranks"] for c in checks] == [2, 4][: len(checks)] and len(checks) == ranks.count(",")
    assert all(c["bytes"] == c["predicted_bytes"] > 0 and c["factor"] > 0 for c in checks), checks
    assert "| PEFF total | 1.00 |" in said and re.search(r"\| 2000 frames \| 64 \| 0\.\d+", said)
    assert (tmp_path / "out/scaling.svg").read_text().startswith("<svg")
    assert "total,2," in (tmp_path / "out/scaling.csv").read_text()
    metrics = json.loads((tmp_path / "out/ranks-2-1/metrics.json").read_text())
    every = set("start-up import read split load prepare iterate combine wait".split())
    first, second = (set(rank["seconds"]) for rank in metrics["ranks"])
    assert every <= second and every | {"write"} <= first  # rank 0 writes what it has
    for rank in metrics["ranks"]:
        assert sum(rank["seconds"].values()) == pytest.approx(metrics["seconds"], rel=0.4)


@pytest.mark.slow
def test_plan_tells_memory_messages_and_time(nanompi, tmp_path):
    said = nanompi("plan", "job.yaml", "--ranks", 2, "--gpu-mem", "40G", "--time", "1h")
    assert "on 2 ranks: 30 frames each" in said and "card of 40 GB: blocks of" in said
    assert "1 rank end within 3600 s" in said and "<- planned" in said
    assert len(re.findall(r"^ +\d+ +[\d.]+ +[\d.]+ ", said, re.M)) == 6  # 1, 2, ... 32; there are 60 frames
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_mistakes(nanompi):
    assert "begin with 1" in nanompi("bench", "job.yaml", "--ranks", "2,4", code=2)
    assert "write numbers from 1" in nanompi("bench", "job.yaml", "--predict", "8,x", code=2)
    assert "--ranks 0" in nanompi("plan", "job.yaml", "--ranks", 0, code=2)
    assert "not a unit" in nanompi("plan", "job.yaml", "--link", "3 kg", code=2)
    assert "60 frames, fewer than the 61 ranks" in nanompi("plan", "job.yaml", "--ranks", 61, code=3)
