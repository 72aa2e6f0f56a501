"""The table of a run and metrics.json."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np

from nanompi.data.data import Data
from nanompi.mpi.team import Team
from nanompi.run.metrics import account, keep, phases, table
from nanompi.timing import Clock


def book():
    clock = Clock(seconds={"wait": 1.0, "start-up": 1.0, "iterate": 6.0, "combine": 1.0, "my.step": 0.5},
                  bytes={"combine": 2_000_000_000})  # fmt: skip
    clock.begun -= 10.0
    data = {"data": Data(axes=("angle",), spread="angle", parts=[np.arange(5)])}
    run = SimpleNamespace(clock=clock, team=Team(alone=True), device="CPU", data=data)
    return account(run)


PEAKS = """
from nanompi.run.metrics import peak_memory
before, held = peak_memory(), bytearray(50_000_000)
print(before, peak_memory())
"""


def test_the_memory_of_who_started_a_process_is_not_its_own():
    """300 MB are held here, 50 MB there: these tests are larger than what they start"""
    held = np.ones(300_000_000, np.uint8)
    done = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert len(held) > before and 45e6 < after - before < 60e6


def test_utilisation_is_the_work_on_the_data():
    """6.5 s of 10 s: not starting, adding up, waiting, nor what no phase holds"""
    (rank,) = book()["ranks"]
    assert abs(rank["utilisation"] - 0.65) < 0.01 and rank["items"] == 5 and rank["peak_memory"] > 1e7


def test_the_table_has_each_phase_in_the_order_of_a_run():
    text = table(book())
    first = [line[:15].strip() for line in text.splitlines()[2:]]
    assert first == ["process start", "iterate", "sums over ranks", "wait for ranks", "my.step", "total"]
    assert "sums over ranks      1.00     1.00  10.0%   2.00" in text and "utilisation 65 to 65 %" in text


def test_slowest_and_mean_rank():
    one = book()
    other = {**one["ranks"][0], "seconds": {"iterate": 2.0, "write": 1.0}}
    both = {**one, "ranks": [*one["ranks"], other]}
    assert phases(both["ranks"])[-2:] == ["write", "my.step"]
    assert "iterate              6.00     4.00" in table(both)


def test_metrics_are_whole_or_not_there(tmp_path):
    keep(book(), tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["ranks"][0]["bytes"]["combine"] == 2e9
    keep(book(), tmp_path / "missing")  # a folder that is gone does not end a run
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]
