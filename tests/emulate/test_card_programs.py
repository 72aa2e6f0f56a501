"""What is meant for a machine with a card, once on the emulated one, so that it works where a card is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import patience

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def python(*words, environ):
    command = [sys.executable, *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=patience(300), cwd=ROOT, env=environ
    )


def test_the_tests_for_a_card(emulated):
    """Some of each file of tests/cuda; none is skipped"""
    some = "small and uint16 or one and single or fifty or auto_takes or atomic or too_small"
    done = python("-m", "pytest", "-p", "no:cacheprovider", "tests/cuda", "-k", some, environ=emulated())
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout and int(done.stdout.split(" passed")[0].split()[-1]) > 20


def test_the_benchmark_of_kernels(emulated, tmp_path):
    """Bytes within the limits of each engine, which the program itself checks, and a rate"""
    words = ["benchmarks/kernels.py", "--size", "32", "--frames", "70", "--modes", "2"]
    done = python(*words, "--json", str(tmp_path / "a.json"), environ=emulated(MEMORY=64 << 20))
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "a.json").read_text())
    sums = {row["engine"]: row for row in figures["rows"] if row["kernel"] == "all"}
    assert {engine: row["limit"] for engine, row in sums.items()} == {"DM": 282, "AP": 218, "ML": 332}
    assert figures["frames"] == "70 x 32²" and all(row["frame-iterations/s"] > 0 for row in sums.values())
