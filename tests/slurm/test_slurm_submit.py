"""`nanompi submit`, `status` and `watch` on a real cluster."""

import json
import re


def submitted(told: str) -> tuple[str, str]:
    """(number of the job, run folder) as submit tells them."""
    return re.search(r"^job +(\d+):", told, re.M)[1], re.search(r"^folder +(\S+)", told, re.M)[1]


def test_submit_watch_and_status_of_a_job(slurm):
    (slurm.folder / "slurm").mkdir()
    (slurm.folder / "slurm/site.yaml").write_text("nodes: 2\nranks: 2\nsetup: [echo set up]\n")
    job, folder = submitted(slurm.shell("nanompi submit job.yaml --time 10min --set name=mine"))
    (slurm.folder / "job.yaml").write_text("an edit while the job waits does not reach it")
    told = slurm.shell(f"nanompi watch {folder} --every 0.3")
    assert folder == "runs/mine/run-0001" and len(re.findall(r"state +iteration", told)) == 1
    assert re.search(rf"\nmine/run-0001 +done, doubtful +4/4 +llk \d+\.\d+ .* 2 +{job}\b", told)
    assert slurm.ended(job) == ("COMPLETED", "0:0")
    assert (slurm.folder / folder / "result.h5").exists()
    assert "set up" in (slurm.folder / folder / f"slurm-{job}.log").read_text()
    assert (slurm.folder / folder / "job.yaml").read_text().startswith("nanompi: 1")
    assert slurm.facts(job)["TimeLimit"] == "00:10:00" and slurm.facts(job)["NumNodes"] == "2"
    status = json.loads(slurm.shell("nanompi status mine --json"))
    assert [s["state"] for s in status] == ["done"] and status[0]["slurm_job"] == job


def test_a_job_that_waits_and_is_cancelled_there(slurm):
    (slurm.folder / "held.yaml").write_text("options: [--hold]\n")
    job, folder = submitted(slurm.shell("nanompi submit job.yaml -n 16 --site held.yaml"))
    told = slurm.shell("nanompi status")
    assert re.search(rf"small/run-0001 +waiting +16 +{job} PENDING \(JobHeldUser\)", told), told
    slurm.shell(f"scancel {job}")
    told = slurm.shell(f"nanompi watch {folder}", code=1)
    assert "lost" in told and f"Slurm job {job} is no longer in the queue" in told


def test_what_sbatch_refuses_is_passed_on_and_leaves_no_folder(slurm):
    (slurm.folder / "mine.yaml").write_text("partition: nowhere\n")
    told = slurm.shell("nanompi submit job.yaml --site mine.yaml", code=4)
    assert "sbatch refuses the job: " in told and "invalid partition specified: nowhere" in told
    assert not list((slurm.folder / "runs/small").iterdir())
