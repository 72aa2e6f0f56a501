"""How runs stand: found by folder or name, judged alive or lost, shown as lines; `status` and `watch`."""

import json
import os
import socket

import pytest

from nanompi.cli import main
from nanompi.errors import JobError
from nanompi.report import status
from nanompi.run import status as events


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run("star/run-0001", state="iterating", ...) makes a run folder in ./runs, alive on this host."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, **facts):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        own = {"name": "star", "state": "iterating", "ranks": 2, "pid": os.getpid(), "begun": events.now()}
        events.write(folder, {**own, "host": socket.gethostname(), "slurm_job": "", **facts})
        return folder

    return make


def aged(folder, **facts):
    """Change what stands in status.json."""
    path = folder / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def test_one_line_with_all_that_is_known(run, capsys):
    facts = {"iteration": 40, "iterations": 100, "error": 0.02314, "rate": 3.21, "eta": 200.0}
    folder = run("star/run-0001", **facts)
    assert main(["status"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "state", "iteration", "figure", "rate", "left", "ranks", "slurm"]
    assert line.split() == "star/run-0001 iterating 40/100 error 0.02314 3.21/s 3 min 20 s 2".split()
    aged(folder, R=0.1, llk=1.25)  # errors of engines are different things
    assert main(["status"]) == 0 and "40/100     llk 1.25      3.21/s" in capsys.readouterr().out


def test_runs_are_found_by_folder_name_and_folder_of_runs(run):
    first, second, other = run("star/run-0001"), run("star/run-0002"), run("leaf/run-0001")
    (first.parent / "latest").symlink_to("run-0002")
    assert [p.name for p in status.runs("star")] == ["run-0001", "run-0002"]
    assert len(status.runs()) == len(status.runs("runs")) == 3 and len(status.runs(most=2)) == 2
    assert status.runs(str(other)) == [other] and len(status.runs("runs/star")) == 2
    assert status.runs("runs/star/latest")[0].resolve() == second
    with pytest.raises(JobError, match=r'stra: no run folder, and no job in ./runs \(did you mean "star"'):
        status.runs("stra")


def test_without_runs_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 2 and "no run was started in ./runs yet" in capsys.readouterr().err


def test_a_process_that_has_gone_is_lost_at_once(run):
    gone = os.fork() or os._exit(0)
    os.waitpid(gone, 0)
    folder = run("star/run-0001", pid=gone)
    found = status.read(folder)
    assert found["state"] == "lost" and f"process {gone} on this host is gone" in found["message"]
    assert "stands" not in found["message"]
    (folder / "result.h5").touch()  # a full disk, of which status.json is the victim
    assert "its result.h5 stands" in status.read(folder)["message"]


def test_a_run_elsewhere_is_lost_after_a_minute_of_silence(run):
    folder = run("star/run-0001", host="n7")
    assert status.read(folder)["state"] == "iterating"
    aged(folder, heartbeat="2026-01-01T00:00:00.000Z")
    found = status.read(folder)
    assert found["state"] == "lost" and "no sign of life from n7 since" in found["message"]


def test_slurm_says_whether_a_job_waits_runs_or_has_gone(run):
    folder = run("star/run-0001", state="waiting", slurm_job="12")
    assert status.read(folder, {"12": ("PENDING (Priority)", "")})["slurm"] == "PENDING (Priority)"
    aged(folder, heartbeat="2026-01-01T00:00:00.000Z")
    assert status.read(folder, None)["state"] == "waiting"  # squeue does not answer
    found = status.read(folder, {})
    assert found["state"] == "lost" and found["message"] == "Slurm job 12 is no longer in the queue"


def test_the_first_error_since_the_last_begin_is_the_cause(run, capsys):
    folder = run("star/run-0001", state="stopped", code=143, message="ended by signal 15")
    end = {"state": "failed", "rank": 3, "host": "n7"}
    events.event(folder, "end", **end, code=3, message="of an earlier start")
    events.event(folder, "begin")
    events.event(folder, "end", **end, code=5, message="not a number")
    events.event(folder, "end", state="stopped", rank=0, host="n1", code=143, message="ended by signal 15")
    (folder / "events.jsonl").open("a").write('{"half a li')
    assert main(["status", "--code"]) == 5
    line, why = capsys.readouterr().out.splitlines()[1:]
    assert "failed (5)" in line and why == "    rank 3 on n7: not a number"


def test_watch_ends_when_all_have_ended(run, monkeypatch, capsys):
    folder = run("star/run-0001", iteration=1, iterations=9)
    run("star/run-0002", state="done", code=0)
    steps = iter([{"iteration": 2}, {}, {"state": "done", "code": 0}])
    monkeypatch.setattr("time.sleep", lambda s: aged(folder, **next(steps)))
    assert main(["watch", "star"]) == 0
    said = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    mine = [line[1:] for line in said if line[0] == "star/run-0001"]
    assert mine == [["iterating", "1/9"], ["iterating", "2/9"], ["done", "2/9"]] and len(said) == 5
    aged(folder, state="failed", code=3)
    assert main(["watch", "star"]) == 7 and main(["watch", str(folder)]) == 3


def test_watch_tells_no_line_again_because_a_column_became_wider(run, monkeypatch, capsys):
    folder = run("star/run-0001", iteration=1, iterations=9)
    run("star/run-0002", state="failed", code=3)
    steps = iter([{"rate": 1.5, "error": 1.234e-12}, {"state": "done", "code": 0}])
    monkeypatch.setattr("time.sleep", lambda s: aged(folder, **next(steps)))
    assert main(["watch", "star"]) == 7
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["star/run-0001", "iterating", "1/9", "error", "1.234e-12", "1.5/s", "2"] in said
    names = [line[0] for line in said]
    assert (names.count("run"), names.count("star/run-0001"), names.count("star/run-0002")) == (1, 3, 1)
