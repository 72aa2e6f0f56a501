"""`nanompi watch-folder --submit` on a real cluster."""

import json
import re


def scan(slurm, name: str, seed: int):
    """A new file in the folder raw, moved there whole."""
    sets = f"--set input.simulate.seed={seed}"
    slurm.shell(f"mkdir -p raw && nanompi simulate job.yaml {sets} -o .new.cxi && mv .new.cxi raw/{name}")


def watch(slurm, words: str = "", code: int = 0) -> list[dict]:
    """The events of a watcher that takes what is there."""
    line = f"nanompi watch-folder raw file.yaml --submit --once --still 0.1 --json {words}"
    return [json.loads(event) for event in slurm.shell(line, code=code).splitlines() if event[:1] == "{"]


def one(events: list[dict], event: str) -> dict:
    found = [e for e in events if e["event"] == event]
    assert len(found) == 1, events
    return found[0]


def test_a_file_is_submitted_once_and_its_end_is_told(slurm):
    text = (slurm.folder / "job.yaml").read_text()
    (slurm.folder / "file.yaml").write_text(re.sub(r"input: .*", "input: {file: none.cxi}", text))
    scan(slurm, "a.cxi", 1)
    told = one(watch(slurm, "--all"), "submitted")
    job, folder = told["slurm_job"], told["run"]
    assert slurm.ended(job) == ("COMPLETED", "0:0")
    assert one(watch(slurm), "done")["run"] == folder
    assert [e["event"] for e in watch(slurm)] == ["watching"]
    # killed after sbatch, before the number was written down: the queue still knows the job
    (slurm.folder / "held.yaml").write_text("options: [--hold]\n")
    scan(slurm, "b.cxi", 2)
    told = one(watch(slurm, "--site held.yaml"), "submitted")
    state = next(slurm.folder.glob("runs/small/watch-*/state.json"))
    known = json.loads(state.read_text())
    known["files"]["b.cxi"] |= {"state": "submitting", "slurm_job": ""}
    state.write_text(json.dumps(known))
    for name in ("status.json", "result.h5"):
        (slurm.folder / told["run"] / name).unlink(missing_ok=True)
    assert one(watch(slurm, "--site held.yaml"), "submitted")["slurm_job"] == told["slurm_job"]
    assert len(slurm.shell("squeue --me --noheader").splitlines()) == 1


def test_what_sbatch_refuses_waits(slurm):
    text = (slurm.folder / "job.yaml").read_text()
    (slurm.folder / "file.yaml").write_text(re.sub(r"input: .*", "input: {file: none.cxi}", text))
    (slurm.folder / "mine.yaml").write_text("partition: nowhere\n")
    scan(slurm, "a.cxi", 1)
    told = one(watch(slurm, "--all --site mine.yaml", code=7), "waits")
    assert told["code"] == 4 and "invalid partition specified: nowhere" in told["reason"]
    assert not list(slurm.folder.glob("runs/small/run-*"))


def test_a_workflow_is_submitted_for_each_file(slurm):
    text = (slurm.folder / "job.yaml").read_text()
    steps = "[{use: ptycho, engines: DM*4, probe: {start: aperture, aperture: 200um, focal: 500mm}}]"
    (slurm.folder / "file.yaml").write_text(
        f"nanompi: 1\nname: flow\nstages:\n  one:\n    input: {{file: none.cxi}}\n    steps: {steps}\n"
    )
    assert "simulate" in text
    scan(slurm, "a.cxi", 1)
    key = "--key stages.one.input.file"
    told = one(watch(slurm, f"--all {key}"), "submitted")
    slurm.until(lambda: not slurm.shell("squeue --me --noheader"), 60)
    assert one(watch(slurm, key), "done")["run"] == told["run"]
    assert (slurm.folder / told["run"] / "one/0000/result.h5").is_file()
