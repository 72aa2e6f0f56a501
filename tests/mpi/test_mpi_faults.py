"""A rank that fails ends all ranks within seconds, with its message and exit code; nobody waits for ever."""

import os
from pathlib import Path

import pytest

from tests.patience import until

PROGRAM = Path(__file__).parent / "fault_program.py"
OWN = "internal error, please report it"
FAULTS = [  # how, exit code, what stderr says after "rank R on HOST: "
    ("data", 3, "scan.h5: frame 7 cannot be read"),
    ("numbers", 5, "the error is nan at iteration 3"),
    ("value", 1, OWN),
    ("memory", 4, "out of memory: Unable to allocate 12 GiB"),
    ("exit", 143, "stopped (SIGTERM)"),
    ("exit with 0", 1, "stopped (SystemExit 0)"),
    ("exit with text", 1, "stopped (SystemExit enough)"),
    ("keyboard", 130, "stopped (SIGINT)"),
]


def all_gone(folder):
    """Wait until no process of the ranks is there (a zombie is none); the test fails if one stays."""
    ranks = [int(p.read_text()) for p in folder.glob("pid-*")]
    assert ranks
    until(lambda: not any(map(_runs, ranks)), 2, lambda: f"left: {ranks}")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("n, failing", [(2, 0), (3, 2)])
@pytest.mark.parametrize("how, code, text", FAULTS, ids=[f[0] for f in FAULTS])
def test_an_error_on_one_rank_ends_all(mpirun, tmp_path, n, failing, how, code, text):
    done = mpirun(n, PROGRAM, failing, how, tmp_path, code=code, seconds=20)
    said = f"nanompi: rank {failing} on {os.uname().nodename}: {text}"
    assert done.stderr.count(said) == 1, done.stderr
    # Ours shows where, once; the user's shows no traceback.
    assert done.stderr.count("Traceback") == done.stderr.count("ValueError: of") == (how == "value")
    all_gone(tmp_path)


@pytest.mark.parametrize("n, failing", [(2, 0), (3, 2)])
def test_a_killed_rank_ends_all(mpirun, tmp_path, n, failing):
    mpirun(n, PROGRAM, failing, "kill", tmp_path, code=None, seconds=20)
    assert len(list(tmp_path.glob("pid-*"))) == n
    all_gone(tmp_path)


def test_a_library_that_is_missing_on_one_rank_ends_all(mpirun, tmp_path):
    program = """
        import os, sys, time
        from pathlib import Path
        rank = os.environ.get("PMI_RANK") or os.environ["OMPI_COMM_WORLD_RANK"]
        folder = Path(sys.argv.pop())
        (folder / f"pid-{rank}").write_text(str(os.getpid()))
        if rank == "1":
            sys.modules["nanompi.run.perform"] = None
        from nanompi.cli import main
        sys.exit(main(["run", str(folder / "job.yaml"), "--out", str(folder)]))
        """
    job = "nanompi: 1\ninput: {simulate: {frames: 9, size: 32}}\nsteps: [ptycho]\n"
    (tmp_path / "job.yaml").write_text(job)
    done = mpirun(2, program, tmp_path, code=1, seconds=20)
    assert (
        "ModuleNotFoundError: import of nanompi.run.perform halted" in done.stderr
        and "rank 1 on" in done.stderr
    )
    all_gone(tmp_path)
