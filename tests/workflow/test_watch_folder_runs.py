"""A watched folder with real runs: kills, signals, two watchers, and a file that grows while it is read."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from nanompi.cli import main, watch_folder
from nanompi.methods.ptycho.compare import compare
from nanompi.run.lock import Lock
from nanompi.workflow.folder.state import State, place
from tests.patience import patience, until

WRITER = Path(__file__).with_name("swmr_writer.py")
ENGINES = "ML*5"


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A scan of 36 frames and one of 144, of 32² px, with their truth."""
    folder = tmp_path_factory.mktemp("scans")
    for frames in (36, 144):
        job = folder / "sim.yaml"
        job.write_text(f"nanompi: 1\ninput: {{simulate: {{frames: {frames}, size: 32}}}}\nsteps: [ptycho]\n")
        assert main(["simulate", str(job), "-o", str(folder / f"{frames}.cxi")]) == 0
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where watchers stand: job.yaml, and the folder raw."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NANOMPI_PICTURES", "no")
    (tmp_path / "raw").mkdir()
    write_job(tmp_path, ENGINES)
    yield tmp_path
    for process in Watching.begun:
        if process.poll() is None:
            process.kill()  # its run ends with it
            process.wait()
    Watching.begun.clear()


def write_job(folder: Path, engines: str):
    text = (
        f"nanompi: 1\nname: star\ninput: {{file: none.cxi}}\nsteps: [{{use: ptycho, engines: {engines}}}]\n"
    )
    (folder / "job.yaml").write_text(text)


class Watching:
    """A watcher in a process of its own; `said` are its events so far. begun : the processes of a test"""

    begun: list = []

    def __init__(self, folder: Path, *words: str):
        self.out = folder / "said.txt"
        command = [sys.executable, "-m", "nanompi", "watch-folder", "raw", "job.yaml", "--json", *words]
        with open(self.out, "ab") as out:
            own = {"stdout": out, "stderr": subprocess.STDOUT, "cwd": folder, "start_new_session": True}
            self.process = subprocess.Popen(command, **own)
        self.begun.append(self.process)

    @property
    def said(self) -> list[dict]:
        return [json.loads(line) for line in self.out.read_text().splitlines() if line.startswith("{")]

    def events(self, event: str) -> list[dict]:
        return [one for one in self.said if one["event"] == event]

    def until(self, event: str, count: int = 1, seconds: float = 60):
        until(lambda: len(self.events(event)) >= count, seconds, self.out.read_text)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(patience(30))

    def code(self) -> int:
        return self.process.wait(patience(60))


def entries(folder: Path):
    return State(place(folder / "runs" / "star", os.path.realpath(folder / "raw")), "", "").entries


def results(folder: Path) -> list[Path]:
    return sorted((folder / "runs" / "star").glob("run-*/result.h5"))


@pytest.mark.slow
def test_killed_again_and_again_it_runs_each_file_once(folder, scans):
    """Killed while it starts, looks into a file, runs; the run ends with it. Then it is left to end."""
    assert Watching(folder, "--once").code() == 0
    for k in range(2):
        shutil.copy(scans / "36.cxi", folder / "raw" / f"{k}.cxi")
        with h5py.File(folder / "raw" / f"{k}.cxi", "a") as file:
            file.attrs["number"] = k  # two scans, not one and its copy
    for event in ("watching", "run", "goes on", "done"):
        one = Watching(folder, "--still", "0.1", "--every", "0.1")
        before = len(one.events(event))
        one.until(event, before + 1)
        one.end(signal.SIGKILL)
    last = Watching(folder, "--still", "0.1", "--once")
    assert last.code() == 0, last.out.read_text()
    assert {name: entry.state for name, entry in entries(folder).items()} == {
        "0.cxi": "done",
        "1.cxi": "done",
    }
    assert [str(r.parent) for r in results(folder)] == sorted(e.run for e in entries(folder).values())
    assert len(results(folder)) == 2 and len(last.events("run")) == 2


@pytest.mark.slow
def test_a_signal_is_passed_to_the_run_and_the_next_watcher_goes_on_with_it(folder, scans):
    """30000 iterations would take minutes; the second watcher ends them early by the file `stop`."""
    write_job(folder, "ML*30000")
    shutil.copy(scans / "36.cxi", folder / "raw" / "a.cxi")
    one = Watching(folder, "--all", "--still", "0.1", "--every", "0.1")
    run = folder / "runs" / "star" / "run-0001"
    until(lambda: (run / "history.jsonl").exists(), 60, one.out.read_text)
    assert one.end(signal.SIGINT) == 75
    assert entries(folder)["a.cxi"].state == "running" and not (run / "result.h5").exists()
    (run / "stop").touch()
    assert Watching(folder, "--once", "--still", "0.1").code() == 0
    assert entries(folder)["a.cxi"].state == "done" and results(folder) == [run / "result.h5"]
    log = (run / "logs" / "rank-0000.log").read_text()
    assert "resum" in log or "goes on" in log


@pytest.mark.slow
def test_a_file_that_grows_is_reconstructed_by_rounds_and_at_last_as_the_whole(folder, scans):
    """The last round is as near to the truth as a run of the whole file; both reach 0.003 rad here. A round
    of half of the frames has seen half of the field, and is no result."""
    write_job(folder, "DM*20 ML*20")
    one = Watching(folder, "--live", "--least", "40", "--still", "4", "--every", "0.2")
    one.until("watching")
    words = [sys.executable, str(WRITER), str(scans / "144.cxi"), str(folder / "raw" / "a.cxi"), "0.5", "4"]
    writer = subprocess.Popen(words)
    one.until("round done", seconds=120)
    assert writer.wait(patience(60)) == 0
    one.until("done", seconds=120)
    assert one.end(signal.SIGTERM) == 0
    rounds, entry = one.events("round done"), entries(folder)["a.cxi"]
    assert 40 <= rounds[0]["frames"] <= 144 and entry.state == "done"
    assert entry.run not in [one["run"] for one in rounds]
    words = ["run", "job.yaml", "--quiet", "--set", "input.file=raw/a.cxi", "--out", "whole"]
    assert main(words) == 0
    live, whole = (compare(str(f), "truth")["phase_rmse"] for f in (entry.run, "whole/star/latest"))
    assert live <= 1.1 * whole and whole < 0.01
    with h5py.File(Path(entry.run) / "result.h5") as file:
        assert len(file["entry_1/positions/corners"]) == 144


def test_a_second_watcher_of_the_same_folder_is_refused(folder, capsys):
    where = place(folder / "runs" / "star", os.path.realpath("raw"))
    where.mkdir(parents=True)
    with Lock(where):
        assert main(["watch-folder", "raw", "job.yaml", "--once"]) == 4
    assert "another watcher of this folder" in capsys.readouterr().err
    (folder / "raw2").mkdir()
    assert main(["watch-folder", "raw2", "job.yaml", "--once"]) == 0  # another folder, the same runs


def test_times_may_have_units():
    parser = argparse.ArgumentParser()
    watch_folder.arguments(parser)
    args = parser.parse_args(["raw", "job.yaml", "--patience", "10min", "--still", "500 ms"])
    watch_folder._check(args)
    assert (args.patience, args.still, args.every) == (600, 0.5, 5)


@pytest.mark.parametrize(
    "words, why",
    [
        (["nowhere", "job.yaml"], "no such folder"),
        (["raw", "nowhere.yaml"], "nowhere.yaml"),
        (["raw", "job.yaml", "--every", "0"], "--every"),
        (["raw", "job.yaml", "--patience", "10 parsec"], "--patience"),
        (["raw", "job.yaml", "--growth", "nan"], "--growth"),
        (["raw", "job.yaml", "--live", "--submit"], "--submit"),
        (["raw", "job.yaml", "--time", "1h"], "--submit"),
        (["raw", "job.yaml", "--pattern", "/raw/*.h5"], "--pattern"),
        (["raw", "job.yaml", "--set", "steps.ptycho.probe.modez=3"], 'did you mean "modes"'),
        (["raw", "job.yaml", "-n", "0"], "-n 0"),
        (["raw", "job.yaml", "--list"], "no watcher has looked"),
        (["raw", "job.yaml", "--set", "name=a/b"], "name"),
    ],
)
def test_slips_of_the_command_line_end_with_2(folder, capsys, words, why):
    assert main(["watch-folder", *words]) == 2
    err = capsys.readouterr().err
    assert why in err and "Traceback" not in err and not (folder / "runs").exists()


@pytest.mark.slow
def test_what_is_known_is_listed_and_tried_again(folder, capsys):
    (folder / "raw" / "old.cxi").write_text("nothing")
    assert main(["watch-folder", "raw", "job.yaml", "--once"]) == 0
    capsys.readouterr()
    assert main(["watch-folder", "raw", "job.yaml", "--list"]) == 0
    assert capsys.readouterr().out == "old.cxi: left\n"
    assert main(["watch-folder", "raw", "job.yaml", "--again", "failed"]) == 0
    assert capsys.readouterr().out == "no file has failed: nothing is tried again\n"
    assert main(["watch-folder", "raw", "job.yaml", "--again", "old.cxi"]) == 0
    assert "by the next watcher" in capsys.readouterr().out
    assert main(["watch-folder", "raw", "job.yaml", "--again", "odl.cxi"]) == 3
    assert 'did you mean "old.cxi"' in capsys.readouterr().err
    assert main(["watch-folder", "raw", "job.yaml", "--once", "--still", "0.1", "--json"]) == 7
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in said] == ["watching", "again", "waits"] and said[-1]["code"] == 3
