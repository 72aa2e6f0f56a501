"""`nanompi run`: alone, with -n, signals, exit codes, the choice of mpiexec."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nanompi.cli import main
from nanompi.errors import NumbersError, ResourceError
from nanompi.mpi import mpiexec
from nanompi.run import perform as run
from tests.patience import patience, until

DOUBLES = Path(__file__).parent / "doubles"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def alone(here, monkeypatch):
    """No launcher around, and a list of what `perform` got."""
    for name in [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_"))]:
        monkeypatch.delenv(name)
    calls = []
    monkeypatch.setattr(run, "perform", lambda *args: calls.append(args))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return calls


def test_run_alone_gives_job_team_folder_and_log(alone, here, capsys):
    assert main(["run", "job.yaml", "--set", "name=x", "--out", "out"]) == 0
    job, run, *_ = alone[0]
    folder = run.folder
    assert job.name == "x" and run.team.size == 1 and str(folder) == "out/x/run-0001"
    assert "x: 1 rank, MPI:" in (folder / "logs" / "rank-0000.log").read_text()
    assert (here / "out/x/latest/job.resolved.yaml").exists()


def test_run_tells_where_the_result_is(alone, here, monkeypatch, capsys):
    def perform(job, run, *_):
        (run.folder / "previews").mkdir()
        (run.folder / "result.h5").touch()
        (run.folder / "previews" / "phase.png").touch()

    monkeypatch.setattr(run, "perform", perform)
    assert main(["run", "job.yaml"]) == 0
    assert capsys.readouterr().out.endswith(
        "runs/job/run-0001/result.h5\nruns/job/run-0001/previews/phase.png\n"
        "report: runs/job/run-0001/report.html\n"
    )


def test_errors_of_a_run_end_with_their_code(alone, here, monkeypatch, capsys):
    def perform(*_):
        raise NumbersError("not a number")

    monkeypatch.setattr(run, "perform", perform)
    assert main(["run", "job.yaml"]) == 5 and capsys.readouterr().err == "nanompi: not a number\n"
    assert (
        main(["run", "job.yaml", "--set", "run.threads=0"]) == 2 and not (here / "runs/job/run-0002").exists()
    )
    assert main(["run", "job.yaml", "-n", "0"]) == 2


def test_n_inside_a_launcher_must_agree(alone, monkeypatch, capsys):
    monkeypatch.setenv("PMI_SIZE", "3")
    assert main(["run", "job.yaml", "-n", "2"]) == 2
    assert "already one of 3 ranks under mpirun or srun: leave -n out" in capsys.readouterr().err


def test_a_lone_rank_of_a_wrong_launcher_is_refused(alone, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert main(["run", "job.yaml"]) == 4 and "each would do the whole job alone" in capsys.readouterr().err


# ---- mpiexec -----------------------------------------------------------------------------------------------


def tool(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_the_mpiexec_beside_python_is_taken_first(tmp_path, monkeypatch):
    mine = tool(tmp_path / "bin", "mpiexec", "exit 0")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert mpiexec.mpiexec() == str(mine)


@pytest.mark.parametrize(
    "library, want", [("Open MPI v5.0.6", "b/mpirun"), ("MPICH Version: 5.0", "a/mpiexec")]
)
def test_else_the_one_of_the_library_that_python_loads(tmp_path, monkeypatch, library, want):
    python = tool(tmp_path / "bin", "python", f"echo '{library}'")
    tool(tmp_path / "a", "mpiexec", "echo HYDRA build details:")
    tool(tmp_path / "b", "mpirun", "echo 'mpirun (Open MPI) 5.0.6'")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", f"{tmp_path}/a:{tmp_path}/b:/usr/bin:/bin")
    assert mpiexec.mpiexec() == str(tmp_path / want)


def test_without_a_fitting_mpiexec_the_way_to_get_one_is_told(tmp_path, monkeypatch):
    python = tool(tmp_path / "bin", "python", "echo 'Open MPI v5'")
    tool(tmp_path / "a", "mpiexec", "echo HYDRA build details:")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", f"{tmp_path}/a")
    with pytest.raises(
        ResourceError, match=r'mpiexec of Open MPI.*a/mpiexec of MPICH; .*pip install "nanompi\[mpi\]"'
    ):
        mpiexec.mpiexec()
    tool(tmp_path / "bin", "python", "exit 1")
    with pytest.raises(
        ResourceError, match=r'cannot load one; install one with: pip install "nanompi\[mpi\]"'
    ):
        mpiexec.mpiexec()


def test_the_command_the_environment_and_the_exit_code(alone, here, monkeypatch, tmp_path):
    tool(
        tmp_path / "bin",
        "mpiexec",
        'printf "%s " "$@" > said; echo $OMPI_ALLOW_RUN_AS_ROOT $OMP_NUM_THREADS >> said; exit 75',
    )
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert main(["run", "job.yaml", "-n", "3", "--set", "a=1 um", "--out", "o"]) == 75
    words = f"-n 3 {tmp_path}/bin/python -P -m nanompi run --set a=1 um --out o -- job.yaml 1 1\n"
    assert (here / "said").read_text() == words


def test_threads_are_one_unless_set(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    mpiexec.one_thread()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("4", "1")


@pytest.mark.parametrize("given, want", [("0", "1"), ("many", "1"), ("", "1"), ("3", "3"), ("4,2", "4,2")])
def test_a_number_of_threads_that_is_none_becomes_one(monkeypatch, given, want):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    mpiexec.one_thread()
    assert os.environ["OMP_NUM_THREADS"] == want
    assert os.environ["NUMBA_NUM_THREADS"] == want.split(",")[0].replace("4", "1")


# ---- real ranks --------------------------------------------------------------------------------------------


def nanompi(what: str, *argv: str) -> subprocess.Popen:
    own = {
        "PYTHONPATH": f"{DOUBLES}:{ROOT}",
        "NANOMPI_TEST_ROOT": str(ROOT),
        "NANOMPI_TEST_PERFORM": what,
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "nanompi", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **own},
    )


def test_two_ranks_do_one_job_together(alone, here):
    out, err = (p := nanompi("done", "run", "-n", "2", "job.yaml")).communicate(timeout=patience(60))
    assert p.returncode == 0, err
    assert "ptycho.prepare 3 of 2, 1 thread" in out and out.endswith(
        "run-0001/result.h5\nruns/job/run-0001/phase.png\nreport: runs/job/run-0001/report.html\n"
    )
    assert "warning: rank 1 on" in err and [p.name for p in (here / "runs/job").glob("run-*")] == ["run-0001"]


def test_a_fault_of_the_job_is_told_once_by_two_ranks(alone, here):
    _, err = (p := nanompi("done", "run", "-n", "2", "job.yaml", "--set", "run.threads=0")).communicate(
        timeout=patience(60)
    )
    assert p.returncode == 2 and err.count("run.threads: 0 does not fit here") == 1 and "Traceback" not in err


def test_an_error_on_the_last_rank_ends_both_with_its_code(alone, here):
    _, err = (p := nanompi("fail", "run", "-n", "2", "job.yaml")).communicate(timeout=patience(60))
    assert p.returncode == 5 and "rank 1 on" in err and "not a number" in err


@pytest.mark.parametrize("ranks", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_with_128_and_their_number(alone, here, ranks, number):
    process = nanompi("sleep", "run", "-n", ranks, "job.yaml")
    until(lambda: len(list(here.glob("runs/job/run-0001/asleep-*"))) == int(ranks))
    process.send_signal(number)
    _, err = process.communicate(timeout=patience(60))
    assert process.returncode == 128 + number and "Traceback" not in err
