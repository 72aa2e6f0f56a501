"""Workflows handed to Slurm: which tasks behind which jobs, the resources of a stage, and what is refused."""

import re

import pytest

from nanompi.cli import main
from nanompi.workflow.stages.script import numbers
from tests.report.workflow_folder import ended

STAGE = "input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2}}\n    steps: [tomo.flat]\n"
WORKFLOW = f"""nanompi: 1
name: tooth
stages:
  angles:
    foreach: {{scan: 1-7}}
    chunk: 2
    at_once: 3
    group: 2
    slurm: {{time: 10min, gpus: 1, partition: fast, options: [--qos=short]}}
    {STAGE}
  dark:
    {STAGE}
  volume:
    needs: {{angles: 0.5, dark: 1}}
    slurm: {{ranks: 6}}
    {STAGE}"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A folder with workflow.yaml; sbatch notes its words in `asked` and numbers jobs from 1, squeue says
    what stands in `queue`"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    programs = {
        "sbatch": f'echo "$*" >> {tmp_path}/asked; test ! -e "{tmp_path}/full" || test "$(wc -l < {tmp_path}/'
        f'asked)" -lt 3 || {{ echo full >&2; exit 1; }}; wc -l < {tmp_path}/asked',
        "squeue": f"cat {tmp_path}/queue",
        "scancel": f'echo "scancel $*" >> {tmp_path}/asked',
    }
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    (tmp_path / "queue").touch()
    (tmp_path / "workflow.yaml").write_text(WORKFLOW)
    (tmp_path / "site.yaml").write_text("ranks: 4\ntime: 2h\npartition: slow\noptions: [--exclusive]\n")
    return tmp_path


def asked(slurm) -> list[str]:
    """The words of sbatch and scancel since the last look, without the folder"""
    words = (slurm / "asked").read_text().replace(str(slurm / "runs/tooth"), "")
    (slurm / "asked").unlink()
    return words.splitlines()


def submit(*words: str) -> int:
    return main(["submit", "workflow.yaml", "--site", "site.yaml", *words])


def test_an_array_for_a_foreach_and_jobs_behind_what_they_need(slurm, capsys):
    assert submit() == 0
    behind = "--dependency=afterany:1:2 --kill-on-invalid-dep=yes"
    assert asked(slurm) == [
        "--parsable --array=0-3%3 /workflow-0001/angles/stage.sbatch",
        "--parsable /workflow-0001/dark/stage.sbatch",
        f"--parsable {behind} /workflow-0001/volume/stage.sbatch",
    ]
    out = capsys.readouterr().out
    assert "job     1: tooth, angles: 7 of 7 items in 4 tasks\n" in out
    assert "job     3: tooth, volume: one task, behind angles, dark\n" in out


def test_the_resources_of_a_stage_stand_over_those_of_the_site(slurm, capsys):
    assert submit("--dry", "--time", "3h") == 0
    out = capsys.readouterr().out
    angles, dark, volume = re.split(r"^# sbatch .*\n", out, flags=re.M)[1:]
    for line in ("ntasks=2", "time=0:10:00", "gpus-per-node=1", "partition=fast", "qos=short", "array=0-3%3"):
        assert f"#SBATCH --{line}\n" in angles, line
    assert "exclusive" not in angles and "array" not in dark and "#SBATCH --exclusive\n" in dark
    for line in ("ntasks=4", "time=3:00:00", "partition=slow"):
        assert f"#SBATCH --{line}\n" in dark, line
    assert "#SBATCH --ntasks=6\n" in volume and 'words=(resume "$run" --stage volume)\n' in volume
    assert 'words=(resume "$run" --stage angles --chunk "$SLURM_ARRAY_TASK_ID")\n' in angles
    assert "--dependency=afterany:JOB-angles:JOB-dark --kill-on-invalid-dep=yes" in out
    assert not (slurm / "runs").exists() and not (slurm / "asked").exists()


def test_only_what_is_missing_is_submitted_again(slurm, capsys):
    assert submit() == 0
    asked(slurm)
    top = slurm / "runs/tooth/workflow-0001"
    for name in ("angles/0000-scan=1", "angles/0001-scan=2", "angles/0004-scan=5", "dark/0000"):
        ended(top / name)
    ended(top / "angles/0002-scan=3", 6, "empty")
    assert main(["submit", "runs/tooth/latest", "--dry"]) == 0
    assert "# sbatch --array=1-3%3 " in capsys.readouterr().out
    assert main(["submit", "runs/tooth/latest", "--site", "site.yaml"]) == 0
    assert asked(slurm) == [
        "--parsable --array=1-3%3 /workflow-0001/angles/stage.sbatch",
        "--parsable --dependency=afterany:1 --kill-on-invalid-dep=yes /workflow-0001/volume/stage.sbatch",
    ]
    assert "angles: 4 of 7 items in 3 tasks" in capsys.readouterr().out
    for path in [*top.glob("angles/0*"), top / "volume/0000"]:
        ended(path)
    assert main(["submit", "runs/tooth/workflow-0001"]) == 0
    assert "all items are there, nothing was submitted" in capsys.readouterr().out
    assert not (slurm / "asked").exists()


def test_a_workflow_in_the_queue_is_not_submitted_again(slurm, capsys):
    assert submit() == 0
    asked(slurm)
    (slurm / "queue").write_text(f"3|PENDING|Dependency|{slurm}/runs/tooth/latest/volume/stage.sbatch\n")
    assert main(["submit", "runs/tooth/workflow-0001"]) == 2
    told = "stage volume is in the queue as job 3 (PENDING (Dependency)): wait until it has ended"
    assert told in capsys.readouterr().err
    (slurm / "queue").unlink()
    assert main(["submit", "runs/tooth/workflow-0001"]) == 4
    assert "squeue does not answer" in capsys.readouterr().err and not (slurm / "asked").exists()


def test_where_sbatch_refuses_a_stage_those_before_it_are_cancelled(slurm, capsys):
    (slurm / "full").touch()
    assert submit() == 4
    assert "sbatch refuses the job: full" in capsys.readouterr().err
    assert asked(slurm)[-1] == "scancel 1 2" and list((slurm / "runs/tooth").iterdir()) == []


BAD = [
    ("gpus: 1", "gpus: -1", "stages.angles.slurm.gpus: -1 does not fit here"),
    ("time: 10min", "time: soon", "stages.angles.slurm"),
    ("partition: fast", "partition: 'a b'", "stages.angles.slurm: partition: 'a b': allowed are letters"),
    ("--qos=short", "qos", "stages.angles.slurm: options: 'qos' is not an option of sbatch"),
    ("gpus: 1", "cards: 1", 'unknown parameter "cards"'),
]


@pytest.mark.parametrize("good, bad, told", BAD, ids=[bad for _, bad, _ in BAD])
def test_bad_resources_name_the_stage(slurm, capsys, good, bad, told):
    (slurm / "workflow.yaml").write_text(WORKFLOW.replace(good, bad))
    assert submit() == 2
    err = capsys.readouterr().err
    assert told in err and "Traceback" not in err and not (slurm / "runs").exists()


def test_what_does_not_fit_a_workflow_that_was_begun(slurm, capsys):
    assert submit() == 0
    for words in (["--set", "name=x"], ["--out", "elsewhere"]):
        assert main(["submit", "runs/tooth/workflow-0001", *words]) == 2
        assert "its jobs stay as they are" in capsys.readouterr().err
    assert main(["submit", "runs"]) == 3 and "not the folder of a workflow" in capsys.readouterr().err


def test_numbers_of_tasks():
    assert numbers([7, 0, 2, 1, 9, 10]) == "0-2,7,9-10" and numbers([4]) == "4"
