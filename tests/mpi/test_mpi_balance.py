"""Frames move from slow ranks to others: the answer stays, and nobody waits for long."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

ENGINES = Path(__file__).parent / "balance_engines.py"
PROGRAM = Path(__file__).parent / "balance_program.py"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 64, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm, modes: 2}
    engines: DM*8 AP*4 ML*8
run: {device: cpu, checkpoint: 0}
"""
NAMES = ("object/data", "probe/data", "history/error", "history/R")


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 2])
def test_moves_do_not_change_the_answer(mpirun, tmp_path, n):
    mpirun(n, ENGINES, "moved", tmp_path / "out.npz")
    out = dict(np.load(tmp_path / "out.npz"))
    stays = [key for key in out if key.startswith("stay/")]
    assert {key.split("/")[2] for key in stays} >= {"DM", "AP", "RAAR", "rPIE", "ML"}
    for key in stays:
        want, got = out[key], out[key.replace("stay", "move", 1)]
        if key.endswith("sent"):
            assert want == 0 and got > 30 * 32 * 32 * 2
        elif key.endswith("frames"):
            assert np.array_equal(np.sort(got), np.sort(want)) and len(got) == 36
        elif key.endswith("history"):
            assert np.allclose(got, want, rtol=1e-9, atol=0), key
        else:
            assert abs(got - want).max() <= 1e-9 * abs(want).max(), key


@pytest.mark.slow
def test_a_rank_of_half_the_speed_costs_no_more_than_its_share(mpirun_here, tmp_path):
    """Speeds 1 and 1/2: at best an iteration takes 4/3 of the undisturbed time; without a move, twice."""
    mpirun_here(2, ENGINES, "slow", tmp_path / "out.json", "clock")
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["auto"]["wall"] <= 1.05 * out["ideal"], out  # 6 of 100 iterations before the move
    assert out["speeds"][0] / out["speeds"][1] == pytest.approx(2)
    assert out["off"]["wall"] == pytest.approx(1.5 * out["ideal"])
    assert out["auto"]["frames"] in ([67, 33], [66, 34])
    assert out["auto"]["said"][0].startswith("balance: rank 1 on ")


@pytest.mark.slow
def test_three_speeds(mpirun_here, tmp_path):
    """The first 6 of 30 iterations run as the ranks were"""
    mpirun_here(3, ENGINES, "mixed", tmp_path / "out.json", "clock")
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["auto"]["frames"] == pytest.approx([57, 29, 14], abs=3)
    assert out["ideal"] < out["auto"]["wall"] < 0.75 * out["off"]["wall"], out


@pytest.fixture
def nanompi(mpirun_here, tmp_path, monkeypatch):
    """`nanompi(ranks, events, *arguments, SHIFT=...)` in a folder with job.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)

    def call(ranks, events, *argv, **how):
        return mpirun_here(ranks, PROGRAM, *events.split(), "--", *argv, **how)

    return call


def arrays(folder, names=NAMES) -> dict[str, np.ndarray]:
    with h5py.File(Path(folder) / "result.h5") as f:
        return {name: f["entry_1"][name][()] for name in names}


def near(a, b):
    for name in NAMES:
        both = np.isfinite(a[name])
        assert abs(a[name] - b[name])[both].max() <= 1e-8 * abs(a[name])[both].max(), name


@pytest.mark.slow
def test_the_program_moves_frames_and_tells_it(nanompi):
    double = (
        "run",
        "job.yaml",
        "--set",
        "run.precision=double",
        "--set",
        "steps.ptycho.prepare.split=kmeans",
        "--set",
    )
    slow = {"PACE": "0.1,0.2"}
    off = nanompi(2, "", *double, "steps.ptycho.balance=off", "--out", "off", **slow)
    on = nanompi(2, "", *double, "steps.ptycho.balance=auto", "--out", "on", **slow)
    assert "balance" not in off.stdout
    told = [line for line in on.stdout.splitlines() if "balance: rank 1 on" in line]
    assert told and "of 64 frames move to other ranks" in told[0]
    near(arrays("off/x/latest"), arrays("on/x/latest"))
    owner = arrays("on/x/latest", ["partition/rank"])["partition/rank"]
    ranks = json.loads(Path("on/x/latest/metrics.json").read_text())["ranks"]
    assert [r["items"] for r in ranks] == np.bincount(owner).tolist() and 38 <= ranks[0]["items"] <= 46
    assert ranks[0]["bytes"].get("balance", 0) + ranks[1]["bytes"]["balance"] >= 6 * 32 * 32 * 2


@pytest.mark.slow
def test_a_short_job_never_moves(nanompi):
    said = nanompi(2, "", "run", "job.yaml", PACE="0.0005,0.004").stdout  # 2.5 s in all
    assert "balance:" not in said and "32 frames on each of 2 ranks" in said


SHIFT = "3:1,3 10:3,1 15:1,3"  # within DM, AP, ML


@pytest.mark.slow
def test_checkpoints_between_moves_give_the_same_bits(nanompi):
    nanompi(2, "", "run", "job.yaml", "--out", "whole", SHIFT=SHIFT)
    nanompi(2, "USR1@5@0", "run", "job.yaml", code=75, SHIFT=SHIFT)
    said = nanompi(2, "USR1@17@1", "resume", "x", code=75, SHIFT=SHIFT).stdout
    assert "resumed after iteration 5" in said and "17 to 47 frames" in said
    assert "17 to 47 frames" in nanompi(2, "", "resume", "x", SHIFT=SHIFT).stdout
    whole, again = (arrays(f"{folder}/x/latest", [*NAMES, "partition/rank"]) for folder in ("whole", "runs"))
    for name in whole:
        assert np.array_equal(whole[name], again[name], equal_nan=True), name


@pytest.mark.slow
def test_resumed_on_another_number_of_ranks(nanompi):
    double = ("--set", "run.precision=double")
    nanompi(1, "", "run", "job.yaml", "--out", "whole", *double)
    nanompi(2, "USR1@6@1", "run", "job.yaml", *double, code=75, SHIFT=SHIFT)
    nanompi(1, "", "resume", "x")
    near(arrays("whole/x/latest"), arrays("runs/x/latest"))


@pytest.mark.slow
def test_frames_left_out_stay_where_they_are(nanompi):
    words = ("run", "job.yaml", "--set", "run.precision=double", "--set", "steps.ptycho.heldout=0.1")
    nanompi(2, "", *words, "--out", "stay")
    nanompi(2, "", *words, "--out", "move", SHIFT="3:1,3 15:3,1")
    near(*(arrays(f"{folder}/x/latest") for folder in ("stay", "move")))
    one, two = (arrays(f"{folder}/x/latest", ["history/held"]) for folder in ("stay", "move"))
    assert one["history/held"][-1] == pytest.approx(two["history/held"][-1], rel=1e-8)
