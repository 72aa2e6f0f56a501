"""Bytes of a rank: by hand, and (slow) against the measured peaks of three jobs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nanompi.errors import ResourceError
from nanompi.methods.ptycho.scaling.look import JobSizes
from nanompi.methods.ptycho.scaling.memory import card, memory


def sizes(engine="DM", modes=1, size=256, item=2):
    at, raw = np.zeros((1000, 2), int), size * size * 2
    return JobSizes(at, (2000, 2000), (size, size), modes, 1, item, raw, False, [(engine, 10, 10)])


def test_frames_waves_and_object_by_hand():
    got = memory(sizes(modes=3), 1000, threads=2, libraries=300 << 20)
    assert got["frames"] == 1000 * 65536 * 2 and got["waves"] == 1000 * 65536 * 3 * 8
    assert got["object"] == 3.5 * 8 * 4e6 and got["libraries"] == 300 << 20
    assert got["work"] == 2 * (3 * 8 + 3 * 4) * 65536  # each thread one frame: waves, and three reals
    assert memory(sizes("ML"), 1000)["work"] > 32 << 20  # a block of waves more
    assert memory(sizes(), 1000, held=10_000)["object"] == 3.5 * 8 * 10_000


def test_a_probe_for_each_frame_by_hand():
    """Four arrays like the waves of all frames, and two shapes with directions; none where ML never runs"""
    one, free = (memory(replace(sizes("ML"), varies=n), 1000) for n in (0, 2))
    assert free.pop("probes of the frames") == (4 * 1000 + 2 * 5) * 65536 * 8 and free == one
    assert memory(replace(sizes("DM"), varies=2), 1000) == memory(sizes("DM"), 1000)


def test_halves_by_hand():
    """In groups of ranks their counts once more, and three objects; a rank alone has half of the waves"""
    half = replace(sizes(), halves="frames")
    assert memory(half, 500)["halves"] == 500 * 65536 * 2 + 3 * 8 * 4e6
    assert memory(half, 1000)["halves"] == 0
    assert memory(replace(half, halves="counts"), 1000)["halves"] == 1000 * 65536 * 2 + 3 * 8 * 4e6


def test_few_frames_need_most_for_the_start_probe():
    got = memory(sizes(), 2)
    assert got["start"] > got["waves"] and memory(sizes(), 1000)["start"] == 0


def test_what_a_card_holds():
    """1000 frames of 256²: 8 + 2 bytes a pixel, 0.66 GB in all"""
    fits, not_all = card(sizes(), 1000, 40e9), card(sizes(), 1000, 1.1e9)
    assert fits["waves"] == fits["counts"] == 1000 and 0.66e9 < fits["need"] < 2e9
    assert card(sizes(), 1000, 1.05 * fits["need"])["waves"] == 1000
    assert 0 < not_all["waves"] < 1000
    with pytest.raises(ResourceError, match="too little memory"):
        card(sizes(), 1000, 0.4e9)


@pytest.mark.slow
def test_within_15_percent_of_the_measured_peak_on_three_jobs(tmp_path):
    program, out = Path(__file__).parents[4] / "benchmarks" / "planned.py", tmp_path / "figures.json"
    command = [sys.executable, str(program), "--quick", "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    ratios = [row["ratio"] for row in json.loads(out.read_text())["rows"]]
    assert len(ratios) == 3 and all(abs(r - 1) < 0.15 for r in ratios), done.stdout + done.stderr
