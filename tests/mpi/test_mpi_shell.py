"""Programs of users on real ranks: the same bits on any number, the others asleep, all ended with the run."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.mpi.conftest import mpiexec, variables
from tests.mpi.shell_program import LIMIT
from tests.patience import patience, until

WORK = """
import os, sys, time
import h5py, numpy as np

given, made, how = sys.argv[1:]
if how == "waits":
    open("started", "a").write("x")
    while not os.path.exists("go"):
        time.sleep(0.05)
with h5py.File(given) as f, h5py.File(made, "w") as g:
    data = f["data"][()]
    g["data"] = (data - data.mean((1, 2), keepdims=True)).astype("f4")
print("done", os.getpid())
if how == "code":
    sys.exit(3)
"""
LATER = "\n\ndef later(block, info, *, fails: bool = False):\n    assert not fails\n    return block + 1\n"
JOB = """
nanompi: 1
name: x
input: {format: tomo.simulate, simulate: {angles: 7, size: 16, rows: 5, photons: 100}}
steps:
  - {shell: "{python} work.py {in} {out} {how}", how: plain}
  - {python: later.py:later}
run: {device: cpu, watchdog: 600}
"""
WORDS = ["-m", "nanompi"]
HOW = "steps.shell.how="


@pytest.fixture
def nanompi(mpirun_here, tmp_path, monkeypatch):
    """`nanompi(ranks, *words)` in a folder with a job, a program and a function."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NANOMPI_PICTURES", "no")
    for name, text in {"work.py": WORK, "later.py": LATER, "job.yaml": JOB}.items():
        Path(name).write_text(text)
    return lambda ranks, *words, **how: mpirun_here(ranks, [*WORDS, *words], **how)


def result(run) -> np.ndarray:
    with h5py.File(Path(run) / "result.h5") as f:
        return f["entry_1/data/data"][()]


def left() -> list[Path]:
    """What of a program's files is still there."""
    return [*Path(".").rglob(".scratch-*"), *Path(".").rglob("nanompi-shell-*")]


@pytest.mark.slow
def test_the_same_bits_on_1_2_3_ranks(nanompi):
    """7 projections, which 3 ranks share unevenly, in hdf5 and in tiff; 12 ranks would have none for some"""
    for n in (1, 2, 3):
        said = nanompi(n, "run", "job.yaml", "--out", f"on-{n}").stdout
        assert said.count("shell:work.py: done") == 1 and left() == []
    bits = {result(f"on-{n}/x/latest").tobytes() for n in (1, 2, 3)}
    assert len(bits) == 1
    values = result("on-3/x/latest") - 1
    assert values.shape == (7, 5, 16) and abs(values.mean((1, 2))).max() < 1e-4
    book = json.loads(Path("on-3/x/latest/metrics.json").read_text())
    (program,) = book["programs"]
    assert program["peak_memory"] > 5e6 and program["seconds"] > 0
    assert book["ranks"][0]["seconds"]["program"] > 0 and "program" not in book["ranks"][1]["seconds"]
    assert book["ranks"][1]["cpu"] < 10 * book["ranks"][0]["cpu"]


@pytest.mark.slow
def test_a_program_that_fails_is_code_6_from_every_rank(nanompi):
    said = nanompi(2, "run", "job.yaml", "--set", HOW + "code", code=6)
    assert said.stderr.count('step "shell:work.py" failed: it ended with code 3') == 1
    assert "Traceback" not in said.stderr and "  done" in said.stderr and left() == []
    said = nanompi(2, "run", "job.yaml", "--set", "steps.0={shell: 'pyhton work.py'}", code=6).stderr
    assert "there is no program pyhton in PATH" in said and "Traceback" not in said


class Waiting:
    """A run on some ranks whose program waits for a file `go`."""

    def __init__(self, ranks: int, *words, program=None):
        start = [str(program)] if program else WORDS
        command = [mpiexec(sys.executable), "-n", str(ranks), sys.executable, *start, *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=variables(), start_new_session=True, **pipes)
        until(lambda: Path("started").exists() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.process.communicate()

    def end(self, code) -> str:
        """Wait for its end; what it has said."""
        out, errors = self.process.communicate(timeout=patience(60))
        assert self.process.returncode in code, (self.process.returncode, out, errors)
        return out + errors


def of_program() -> list[int]:
    """Processes of the program in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, where = (path / "cmdline").read_bytes(), os.readlink(path / "cwd")
        except OSError:
            continue
        found += [int(path.name)] if b"work.py\0" in words and where == os.getcwd() else []
    return found


@pytest.mark.slow
def test_the_others_sleep_and_no_watchdog_ends_a_program_that_takes_its_time(nanompi):
    """It runs twice as long as the watchdog lets anything stand still"""
    one = Waiting(
        2, "run", "job.yaml", "--set", HOW + "waits", program=Path(__file__).parent / "shell_program.py"
    )
    ranks = ranks_here()
    before, began = {pid: cpu(pid) for pid in ranks}, time.monotonic()
    while time.monotonic() - began < 2 * LIMIT:
        time.sleep(0.1)
    used, passed = {pid: cpu(pid) - before[pid] for pid in ranks}, time.monotonic() - began
    Path("go").touch()
    one.end((0,))
    assert len(ranks) == 2 and max(used.values()) < 0.3 * passed, used


def ranks_here() -> list[int]:
    """The ranks that work in this folder."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    python = os.fsencode(sys.executable) + b"\0"
    mine = [pid for pid in pids if words_of(pid).startswith(python) and b"\0run\0" in words_of(pid)]
    return [pid for pid in mine if os.readlink(f"/proc/{pid}/cwd") == os.getcwd()]


def words_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def cpu(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, code, gentle",
    [(signal.SIGINT, (130,), False), (signal.SIGTERM, (143,), False), (signal.SIGUSR1, (75,), True)],
)
def test_a_signal_ends_the_program_too_and_a_resumed_run_begins_it_again(nanompi, number, code, gentle):
    one = Waiting(2, "run", "job.yaml", "--set", HOW + "waits")
    assert of_program()
    if gentle:  # as Slurm sends it, to the ranks
        subprocess.run(
            ["pkill", f"-{int(number)}", "-s", str(one.process.pid), "-f", "nanompi run"], check=True
        )
    else:
        one.process.send_signal(number)
    said = one.end(code)
    until(lambda: not of_program() and left() == [], why=lambda: f"{of_program()} {left()}")
    if gentle:
        assert (
            "stopped by SIGUSR1 while shell:work.py ran, which begins again; go on with: nanompi re" in said
        )
    Path("go").touch()
    nanompi(2, "resume", "x")
    assert Path("started").read_text() == "xx" and result("runs/x/latest").shape == (7, 5, 16)


@pytest.mark.slow
def test_killed_ranks_leave_no_program_and_no_file(nanompi):
    one = Waiting(2, "run", "job.yaml", "--set", HOW + "waits")
    for pid in ranks_here():
        os.kill(pid, signal.SIGKILL)
    one.process.communicate(timeout=patience(60))
    until(lambda: not of_program() and left() == [], why=lambda: f"{of_program()} {left()}")


@pytest.mark.slow
def test_a_later_step_that_fails_does_not_cost_the_program_again(nanompi):
    text = Path("later.py").read_text()
    Path("later.py").write_text(text.replace("not fails", "False"))
    nanompi(2, "run", "job.yaml", code=6)
    Path("later.py").write_text(text)
    before = sorted(Path("runs/x/run-0001/.shell").iterdir())
    assert [p.name for p in before] == ["1.h5", "1.json"]
    Path("runs/x/run-0001/.shell/1.h5").touch()
    said = nanompi(3, "run", "job.yaml", "--folder", "runs/x/run-0001", code=None)
    assert said.returncode == 4 and "holds another job" in said.stderr  # another text of the function


@pytest.mark.slow
def test_a_stopped_run_takes_what_the_program_gave(nanompi):
    """The second program is stopped; the first is not run again, on another number of ranks."""
    two = "steps.1={shell: '{python} work.py {in} {out} waits'}"
    one = Waiting(2, "run", "job.yaml", "--set", two)
    os.kill(ranks_here()[0], signal.SIGUSR1)
    one.end((75,))
    Path("go").touch()
    said = nanompi(3, "resume", "x").stdout
    assert said.count("not run again: what it gave before is there") == 1
    assert said.count("shell:work.py: done") == 1
    assert not Path("runs/x/latest/.shell").exists()
    programs = json.loads(Path("runs/x/latest/metrics.json").read_text())["programs"]
    assert [one.get("kept", False) for one in programs] == [True, False]


@pytest.mark.slow
def test_after_the_run(nanompi):
    look = "{shell: '{python} -c \"import h5py, sys; print(*h5py.File(sys.argv[1]))\" {in}', when: after}"
    said = nanompi(2, "run", "job.yaml", "--set", f"steps=[{look}, {{python: later.py:later}}]").stdout
    assert 0 < said.index("shell:python: ") < said.index(" entry_1\n") < said.index("where the time went")
    said = nanompi(2, "run", "job.yaml", "--set", "steps.0={shell: 'false {in}', when: after}", code=6).stderr
    assert 'step "shell:false" failed: it ended with code 1; it has printed nothing' in said
    assert result("runs/x/latest").shape == (7, 5, 16)  # it stands


@pytest.mark.slow
def test_in_memory_two_ranks_go_through_it_together(nanompi, mpirun_here):
    """Without a run folder nothing is kept for a restart: no rank waits for what the others do not ask"""
    program = """
    import numpy as np
    import nanompi
    from mpi4py import MPI

    made = nanompi.run("job.yaml")
    if MPI.COMM_WORLD.rank == 0:
        np.save("memory.npy", made.data["data"])
    """
    mpirun_here(2, program)
    nanompi(1, "run", "job.yaml", "--out", "one")
    assert np.array_equal(np.load("memory.npy"), result("one/x/run-0001"))
