"""Sweeps on several ranks: groups, the bits of a setting, an error in one of them, resume."""

import csv
import json

import h5py
import numpy as np
import pytest

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 40, size: 32, photons: 1e5}}
steps:
  - use: ptycho.prepare
    size: {sweep: [32, 24]}
  - use: ptycho
    engines: [{dm: 3}, ML*2]
    probe: {sweep: [{modes: 1}, {start: aperture}, {modes: 2}]}
run: {threads: 1}
"""
ARRAYS = ("object/data", "probe/data", "history/error", "history/llk")


def nanompi(mpirun, n, *argv, **how):
    return mpirun(n, ["-m", "nanompi", *map(str, argv)], **how)


def arrays(file) -> list[np.ndarray]:
    with h5py.File(file) as f:
        return [f["entry_1"][name][()] for name in ARRAYS]


def table(folder) -> list[dict]:
    with open(folder / "table.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


@pytest.mark.slow
def test_a_setting_has_the_bits_of_its_plain_run_and_an_error_ends_its_setting_alone(mpirun, here):
    """One group of 2 ranks: six settings, of which two name a lens and do not say which"""
    done = nanompi(mpirun, 2, "sweep", "job.yaml", code=7)
    folder = here / "runs/x/sweep-0001"
    assert [r["code"] for r in table(folder)] == ["0", "2", "0"] * 2
    assert (
        "0001-size=32-probe=start_aperture: exit code 2: probe.start: aperture needs" in done.stdout
        and "Traceback" not in done.stderr
    )
    assert "2 of 6 settings have no result" in done.stderr and "--resume runs/x/sweep-0001" in done.stderr
    loaded = ["prepare:" in (folder / r["folder"] / "logs/rank-0000.log").read_text() for r in table(folder)]
    assert loaded == [True, False, False] * 2
    third = folder / table(folder)[2]["folder"]
    nanompi(mpirun, 2, "run", third / "job.resolved.yaml", "--out", "plain")
    for got, want in zip(arrays(third / "result.h5"), arrays(here / "plain/x/latest/result.h5")):
        assert np.array_equal(got, want, equal_nan=True)


@pytest.mark.slow
def test_resume_runs_what_is_missing_or_failed_and_nothing_else(mpirun, here):
    """Three ranks in two groups; then one result is lost, and one had failed"""
    sets = ["steps.ptycho.probe={sweep: [{modes: 1}, {modes: 2}]}", "steps.ptycho.prepare.split=stripes"]
    nanompi(mpirun, 3, "sweep", "job.yaml", "--groups", 2, *(w for s in sets for w in ("--set", s)))
    folder = here / "runs/x/sweep-0001"
    before = {r["folder"]: (folder / r["folder"] / "result.h5").stat().st_mtime_ns for r in table(folder)}
    with h5py.File(folder / "0000-size=32-probe=modes_1/result.h5") as f:
        assert len(json.loads(f["entry_1/process_1/run/data"][()])["ranks"]) in (1, 2)
    lost, failed = "0001-size=32-probe=modes_2", "0002-size=24-probe=modes_1"
    (folder / lost / "result.h5").unlink()
    (folder / failed / "outcome.json").write_text(
        '{"code": 5, "message": "NaN", "figures": {}, "seconds": 1}'
    )
    done = nanompi(mpirun, 2, "sweep", "--resume", folder)
    assert "resume: 2 of 4 settings" in done.stdout
    after = {name: (folder / name / "result.h5").stat().st_mtime_ns for name in before}
    assert {name for name in before if after[name] != before[name]} == {lost, failed}
    assert [r["code"] for r in table(folder)] == ["0"] * 4


GROUPS = """
from nanompi.mpi.team import Team
with Team() as team:
    group = team.groups(2)
    total = group.total(team.rank + 1)[0]
    assert total == (1 + 2 if team.rank < 2 else 3), total
    assert (group.size, group.places, group.root) == (2 if team.rank < 2 else 1, team.places, team.rank != 1)
    assert group.agree(None) is None
    wrong = ValueError("one") if team.rank == 1 else None
    assert group.agree(wrong) == ((1, "one") if team.rank < 2 else None)
    assert team.total(1)[0] == 3
"""
STUCK = """
from nanompi.errors import NumbersError
from nanompi.mpi.team import Team
with Team() as team:
    group = team.groups(1)
    error = None
    if team.rank == 1:
        error = NumbersError("alone with it")
    else:
        group.total(1)  # waits for rank 1
    group.agree(error, patience=0.5)
"""


def test_groups_sum_and_agree_by_themselves(mpirun):
    mpirun(3, GROUPS)


def test_an_error_of_one_rank_whose_others_wait_ends_all(mpirun):
    done = mpirun(3, STUCK, code=5, seconds=30)
    assert "alone with it" in done.stderr
