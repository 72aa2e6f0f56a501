"""Workflows under a real mpirun: groups of ranks, ends of items, killed and started again.

NANOMPI_KILLS : moments at which the workflow is killed (3)
"""

import json
import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.mpi.conftest import mpiexec, variables
from tests.mpi.test_mpi_restart import marked
from tests.patience import until

STEPS = '''
import os, time
import h5py

def follow(block, info, add=0, earlier="", bad=(0,), hold=""):
    """Adds a number, and the largest value that the item before has made; waits while `hold` is there."""
    while hold and os.path.exists(hold):
        time.sleep(0.02)
    if add in bad:
        raise ValueError(f"item {add} is bad")
    most = 0.0
    if earlier:
        with h5py.File(earlier) as file:
            most = float(file["entry_1/data/data"][()].max())
    return block + add + most
'''
JOB = """
nanompi: 1
name: w
run: {threads: 1}
stages:
  one:
    foreach: {k: 1-6}
    chunk: 3
    group: 1
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 3, photons: 1e3}}
    steps: [{python: steps.py:follow, add: "{k}", earlier: "{previous}/result.h5", bad: [0]}]
  two:
    needs: {one: 0.8}
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 3, photons: 1e3}}
    steps: [{python: steps.py:follow, add: 100, earlier: "{one}/0005-k=6/result.h5"}]
"""
NAMES = [*(f"one/{k - 1:04d}-k={k}" for k in range(1, 7)), "two/0000"]


def nanompi(mpirun, n, *argv, **how):
    return mpirun(n, ["-m", "nanompi", *map(str, argv)], NANOMPI_PICTURES="no", **how)


def arrays(folder) -> list[np.ndarray]:
    """What each item of a workflow has made."""
    found = []
    for name in NAMES:
        with h5py.File(folder / name / "result.h5") as file:
            found.append(file["entry_1/data/data"][()])
    return found


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with w.yaml and its step; the current one."""
    before, folder = os.getcwd(), tmp_path_factory.mktemp("stages")
    (folder / "w.yaml").write_text(JOB)
    (folder / "steps.py").write_text(STEPS)
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def whole(place, mpirun_here):
    """What one rank makes of the workflow."""
    nanompi(mpirun_here, 1, "run", "w.yaml", "--folder", "whole")
    return arrays(place / "whole")


@pytest.mark.slow
def test_the_answer_does_not_depend_on_ranks_or_groups(mpirun, place, whole):
    """A chain of three: each item has the largest value of the one before it, and the first does not"""
    most = [one.max() for one in whole]
    assert whole[1].min() - 2 - most[0] == whole[0].min() - 1 == whole[3].min() - 4 > 0
    assert whole[6].min() - 100 - most[5] == whole[0].min() - 1
    done = nanompi(mpirun, 2, "run", "w.yaml")
    assert same(arrays(place / "runs/w/workflow-0001"), whole) and "one: 6 items" in done.stdout
    nanompi(mpirun, 3, "run", "w.yaml", "--set", "stages.one.group=2", "--folder", "three")
    assert same(arrays(place / "three"), whole)
    assert not list(place.glob("*/one/.taken-*"))


@pytest.mark.slow
def test_what_fails_is_named_and_taken_up_and_nothing_else_is_done_again(mpirun, place, whole):
    """Item 2 is bad: the next one begins with item 1, and 5 of 6 are enough, then too few"""
    bad = ("--set", "stages.one.steps.python.bad=[2]")
    done = nanompi(mpirun, 2, "run", "w.yaml", *bad, "--folder", "part", code=7)
    said = "two goes on without 0001-k=2 (exit code 6: "
    assert said in done.stdout and "1 of 7 items have no result, the others are done" in done.stderr
    assert "nanompi resume part" in done.stderr and done.stderr.count("Traceback") == 1  # the user's
    made = [r for name in NAMES if (r := place / "part" / name / "result.h5").exists()]
    with h5py.File(place / "part/one/0002-k=3/result.h5") as file:
        third = file["entry_1/data/data"][()]
    assert third.min() - 3 - whole[0].max() == whole[0].min() - 1
    kept = {path: path.stat().st_ino for path in made}
    needs = ("--set", "stages.two.needs.one=0.9")
    few = nanompi(mpirun, 2, "run", "w.yaml", *bad, *needs, "--folder", "few", code=7)
    assert "two needs 0.9 of one: 5 of 6 items are there; missing: 0001-k=2\n" in few.stderr
    assert not (place / "few/two/0000/result.h5").exists()
    again = nanompi(mpirun, 2, "resume", "part", code=7)
    assert "one: 1 item, 5 of 6 are done" in again.stdout and "two: all is done" in again.stdout
    assert {path: path.stat().st_ino for path in made} == kept
    alone = nanompi(mpirun, 1, "resume", "part", "--stage", "one", "--chunk", 0, code=7)
    assert "nanompi resume --stage one --chunk 0 part" in alone.stderr
    for name in ("job.after.yaml", "job.alone.yaml", "job.resolved.yaml"):
        assert (place / "part/one/0001-k=2" / name).exists()


@pytest.mark.every_mpi
@pytest.mark.slow
def test_killed_at_random_moments_and_started_again_it_has_the_same_bits(python, place, whole):
    """What there is when it is killed stays as it is, to the inode: no item is done twice"""
    source, folder = random.Random(17), place / f"killed-{Path(python).parents[1].name}"
    kills, kept = int(os.environ.get("NANOMPI_KILLS", "3")), {}
    for number in range(kills):
        running, more = Running(python, folder, str(number)), source.randrange(0, max(2, 90 // kills))
        until(partial(running.came, marks(folder) + more), 60)
        time.sleep(source.uniform(0, 0.3))
        running.kill()
        for path, inode in kept.items():
            assert path.stat().st_ino == inode, path
        kept |= {path: path.stat().st_ino for path in folder.glob("*/*/result.h5")}
    assert Running(python, folder, "last").process.wait() == 0
    assert {path: path.stat().st_ino for path in kept} == kept
    assert same(arrays(folder), whole)
    assert all(json.loads((folder / name / "outcome.json").read_text())["code"] == 0 for name in NAMES)


@pytest.mark.every_mpi
@pytest.mark.slow
def test_stopped_by_a_signal_within_an_item_and_behind_one_it_goes_on(python, place, whole):
    """By USR1 to `nanompi run -n 2`: exit code 75 and the command that goes on; no item is done twice"""
    name = Path(python).parents[1].name
    folder, hold, kept = place / f"stopped-{name}", place / f"hold-{name}", {}
    results = lambda: {path: path.stat().st_ino for path in folder.glob("*/*/result.h5")}  # noqa: E731
    hold.touch()
    first = ["run", "-n", "2", "w.yaml", "--set", f"stages.one.steps.python.hold={hold}", "--folder", folder]
    words = [python, "-m", "nanompi", *map(str, first)]
    for number in range(2):
        running = Running(python, folder, f"{name}-{number}", words)
        until(partial(came, running, lambda: held(folder), results, kept if number else None), 90)
        running.process.send_signal(signal.SIGUSR1)
        hold.unlink(missing_ok=True)
        code, said = running.process.wait(), (place / f"printed-{name}-{number}").read_text()
        assert code == 75 and f"stopped by SIGUSR1; go on with: nanompi resume {folder}" in said, said
        assert {path: path.stat().st_ino for path in kept} == kept and len(results()) < len(NAMES)
        kept = results()
        words = [python, "-m", "nanompi", "resume", "-n", "2", str(folder)]
    assert Running(python, folder, f"{name}-last", words).process.wait() == 0
    assert {path: path.stat().st_ino for path in kept} == kept and same(arrays(folder), whole)


def came(running, inside, results, kept) -> bool:
    """Is an item at its step, or with `kept` one more done; or has all ended?"""
    ready = inside() if kept is None else len(results()) > len(kept)
    return ready or running.process.poll() is not None


def held(folder) -> bool:
    """Is an item at its step?"""
    states = [path.read_text() for path in folder.glob("one/*/status.json")]
    return any('"working"' in text for text in states)


def marks(folder) -> int:
    """How far a workflow is: files of its items."""
    return sum(1 for _ in folder.glob("*/*/*")) if folder.exists() else 0


class Running:
    """The workflow on two ranks; all of its processes bear a mark."""

    def __init__(self, python, folder, name, command=()):
        self.folder, self.mark = folder, f"{os.getpid()}-{name}-{time.monotonic_ns()}"
        command = command or [
            mpiexec(python),
            "-n",
            "2",
            python,
            "-m",
            "nanompi",
            "run",
            "w.yaml",
            "--folder",
            str(folder),
        ]
        own = {
            "env": variables(NANOMPI_TEST_MARK=self.mark, NANOMPI_PICTURES="no"),
            "stdin": subprocess.DEVNULL,
        }
        with open(f"printed-{name}", "w") as printed:
            self.process = subprocess.Popen(
                command, start_new_session=True, stdout=printed, stderr=printed, **own
            )

    def came(self, most: int) -> bool:
        """Are there so many files, or has it ended?"""
        return marks(self.folder) >= most or self.process.poll() is not None

    def kill(self):
        """As by a node that loses its power."""
        while pids := [pid for pid in marked(self.mark) if pid != os.getpid()]:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        self.process.wait()
