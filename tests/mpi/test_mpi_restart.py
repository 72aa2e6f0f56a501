"""Runs that are stopped, killed, starved of disk or stalled, and then go on as if nothing had been."""

import os
import re
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.mpi.conftest import mpiexec, variables
from tests.patience import patience, until

PROGRAM = Path(__file__).parent / "restart_program.py"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 36, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm, modes: 4}
    engines: DM*20 RAAR*5 AP*5 ML*20
run: {device: cpu, checkpoint: 0}
"""
NAMES = ("object/data", "probe/data", "history/error", "history/R", "history/iteration")
EACH = ("--set", "run.checkpoint=1 us")  # a checkpoint after each iteration


@pytest.fixture
def nanompi(mpirun, tmp_path, monkeypatch):
    """`nanompi(ranks, events, *arguments)` in a folder with job.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)

    def call(ranks, events, *argv, **how):
        return mpirun(ranks, PROGRAM, *events.split(), "--", *argv, **how)

    return call


def arrays(run) -> dict[str, np.ndarray]:
    """What the run in a folder found."""
    with h5py.File(Path(run) / "result.h5") as f:
        return {name: f["entry_1"][name][()] for name in NAMES}


def same_bits(a: dict, b: dict):
    for name in NAMES:
        assert np.array_equal(a[name], b[name], equal_nan=True), name


def newest(run) -> Path:
    return sorted(Path(run).glob("checkpoint-*"))[-1]


@pytest.mark.every_mpi
@pytest.mark.slow
def test_stopped_and_killed_again_and_again_gives_the_same_bits(nanompi):
    whole = nanompi(2, "", "run", "job.yaml", "--out", "whole")
    assert "checkpoint after" not in whole.stdout
    said = nanompi(2, "USR1@8@1", "run", "job.yaml", code=75).stderr  # a signal to any one rank
    assert said.count("stopped by SIGUSR1 after iteration 8; go on with: nanompi resume -n 2 /") == 1
    assert "Traceback" not in said and newest("runs/x/latest").name == "checkpoint-000008"
    nanompi(2, "KILL@23@1", "resume", "x", *EACH, code=None)
    flip(newest("runs/x/latest") / "rank-0001", 400)
    said = nanompi(2, "TERM@37@0 TERM@37@1", "resume", "runs/x", code=75)
    assert re.search(r"checkpoint-00002\d is refused: .*rank-0001: the block of waves", said.stdout)
    assert "resumed after iteration 2" in said.stdout and "start probe" not in said.stdout
    assert "; written by nanompi" not in said.stdout
    nanompi(2, "INT@45@0", "resume", "x", "--set", "run.threads=2", code=75)
    assert "resumed after iteration 45" in nanompi(2, "", "resume", "runs/x/run-0001").stdout
    same_bits(arrays("whole/x/latest"), arrays("runs/x/latest"))
    assert not list(Path("runs/x/latest").glob("*checkpoint*0*"))  # the result is there
    assert "is finished" in nanompi(1, "", "resume", "x").stdout
    log = Path("runs/x/run-0001/logs/rank-0000.log").read_text()
    assert log.count("resumed after iteration") == 4 and "iteration 8;" not in log


def flip(path: Path, at: int):
    """One bit of a file changes."""
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["allreduce", "overlap"])
def test_another_number_of_ranks_gives_the_same_to_rounding(nanompi, combine):
    double = ("--set", "run.precision=double", "--set", f"steps.ptycho.combine={combine}")
    nanompi(2, "", "run", "job.yaml", "--out", "whole", *double)
    nanompi(2, "USR1@13@0", "run", "job.yaml", *double, code=75)  # after DM; the next in the midst of ML
    said = nanompi(3, "USR1@40@2", "resume", "x", code=75)
    assert "written by 2 ranks: on 3 the same but for rounding" in said.stdout
    nanompi(1, "", "resume", "x")
    want, got = arrays("whole/x/latest"), arrays("runs/x/latest")
    for name in NAMES:
        assert got[name].shape == want[name].shape
        assert np.nanmax(abs(got[name] - want[name])) <= 1e-9 * np.nanmax(abs(want[name])), name


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["allreduce", "overlap"])
def test_frames_left_out_are_taken_in_once_wherever_a_run_was_stopped(nanompi, combine):
    """Stopped while they are left out, and after they were taken in, on other numbers of ranks"""
    own = ["engines=DM*6 ML*6", "heldout=0.25", f"combine={combine}", "probe.modes=1"]
    words = [word for text in own for word in ("--set", f"steps.ptycho.{text}")]
    words += ["--set", "run.precision=double"]
    nanompi(1, "", "run", "job.yaml", "--out", "whole", *words)
    nanompi(2, "USR1@4@1", "run", "job.yaml", *words, code=75)
    said = nanompi(3, "USR1@13@0", "resume", "x", code=75).stdout
    assert "9 frames left out: held" in said and "taken in for 2 more iterations of ML" in said
    said = nanompi(2, "", "resume", "x").stdout
    assert "left out: held" not in said and "taken in" not in said
    want, got = (read(folder) for folder in ("whole/x/latest", "runs/x/latest"))
    assert want["history/held"].shape == (14,) and want["held/frame"].shape == (9,)
    for name, a in want.items():
        assert np.nanmax(abs(got[name] - a)) <= 1e-9 * np.nanmax(abs(a)), name


def read(run) -> dict[str, np.ndarray]:
    """What the run in a folder found, and what its frames left out said"""
    more = ("history/held", "history/held_error", "held/frame", "held/deviance")
    with h5py.File(Path(run) / "result.h5") as f:
        return arrays(run) | {name: f["entry_1"][name][()] for name in more}


@pytest.mark.every_mpi
@pytest.mark.slow
def test_files_in_the_run_folder_keep_and_end(nanompi):
    said = nanompi(2, "checkpoint@1@0 clock@2@0 stop@12@0", "run", "job.yaml", SLOW="0.3").stdout
    assert "checkpoint after iteration 1:" in said
    stopped = re.search(r"stopped by the file \S+ after iteration (\d+): the remaining", said)
    assert 12 <= int(stopped[1]) <= 17 and said.count("resumed") == 0
    found = arrays("runs/x/latest")
    assert len(found["history/R"]) == int(stopped[1]) and np.isfinite(found["history/R"][-1])
    with h5py.File("runs/x/latest/result.h5") as f:
        assert b"after iteration" in f["entry_1/process_1/course/data"][()]
    assert not list(Path("runs/x/latest").glob("stop"))


# ---- disks -------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A folder on a disk of 4 MiB; where it cannot be mounted, files are limited instead."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    if mounted:
        monkeypatch.setenv("DISK", "1")
    yield place
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk_costs_a_checkpoint_and_not_the_run(nanompi, disk):
    said = nanompi(2, "full:200000@3@0 full:200000@3@1 room@20@0 room@20@1", "run", "job.yaml", "--out", disk,
                   *EACH)  # fmt: skip
    assert re.search(r"warning: no checkpoint after iteration 3: rank \d on \S+: ", said.stdout)
    assert "the run goes on" in said.stdout and "checkpoint after iteration 2" in said.stdout
    assert (disk / "x/latest/result.h5").exists() and not list(disk.glob("x/run-0001/.checkpoint*"))


@pytest.mark.slow
def test_a_full_disk_when_the_run_must_stop_is_code_4(nanompi, disk):
    events = "checkpoint@1@0 full:0@8@0 full:0@8@1 USR1@9@0"
    said = nanompi(2, events, "run", "job.yaml", "--out", disk, code=4)
    assert "stopped by a signal without a checkpoint" in said.stderr and "are lost" in said.stderr
    assert said.stderr.count("nanompi: stopped") == 1 and "Traceback" not in said.stderr
    (disk / "x/filler").unlink(missing_ok=True)
    assert "resumed after iteration 1 " in nanompi(2, "", "resume", disk / "x").stdout


@pytest.mark.slow
def test_a_full_disk_costs_the_result_and_not_the_checkpoint(nanompi, disk):
    nanompi(1, "", "run", "job.yaml", "--out", "whole")
    said = nanompi(1, "checkpoint@1@0 full:30000@50@0", "run", "job.yaml", "--out", disk, code=4)
    assert "result.h5: cannot be written" in said.stderr and "Traceback" not in said.stderr
    (disk / "x/filler").unlink(missing_ok=True)
    nanompi(1, "", "resume", disk / "x")
    same_bits(arrays("whole/x/latest"), arrays(disk / "x/latest"))


@pytest.mark.slow
def test_a_folder_that_becomes_read_only(nanompi):
    """Nor can it be entered, where a folder above it is one user's alone, as those of pytest are"""
    said = nanompi(2, "readonly@3@0 writable@8@0", "run", "job.yaml", *EACH).stdout
    assert re.search(r"warning: no checkpoint after iteration [3-7]: Permission denied", said)
    assert "checkpoint after iteration 9" in said


# ---- ranks -------------------------------------------------------------------------------------------------

SOON = "checkpoint@1@0 watch:20@8@0 watch:20@8@1"  # watched closely from the iteration in which it happens;
# who waits speaks 10 s after who stands still, which a busy machine must not turn round
WAITS = r"rank 0 on \S+: no progress for \d+ s in phase PLACE for rank 1 on \S+;"
OVERLAP = WAITS.replace("PLACE", "(iterate, it waits in max|combine, it waits in exchange)")
STALLS = [
    ("stall", r"rank 1 on \S+: no progress for \d+ s in phase iterate; the job is ended"),
    pytest.param("STOP", OVERLAP, marks=pytest.mark.slow),
    pytest.param("frozen", OVERLAP, marks=pytest.mark.slow),
    pytest.param("frozen", WAITS.replace("PLACE", "combine, it waits in sum"), marks=pytest.mark.slow),
]


@pytest.mark.every_mpi
@pytest.mark.parametrize("how, text", STALLS, ids=["stall", "STOP", "frozen", "frozen, allreduce"])
def test_a_rank_that_stands_still_is_named(nanompi, how, text):
    combine = ("--set", "steps.ptycho.combine=" + ("allreduce" if "in sum" in text else "overlap"))
    said = nanompi(2, f"{SOON} {how}@8@1", "run", "job.yaml", *combine, code=4)
    assert re.search(text, said.stderr), said.stderr
    assert said.stderr.count("no progress") == 1 and "line" in said.stderr
    assert how == "STOP" or "in happen" in said.stderr  # the stack of the one to blame, if it can tell it
    assert newest("runs/x/latest").name == "checkpoint-000001"


@pytest.mark.every_mpi
@pytest.mark.slow
def test_two_jobs_in_one_folder(nanompi, python):
    events = ["hold@2@0", "USR1@5@0"]
    command = [mpiexec(python), "-n", "2", python, str(PROGRAM), *events, "--", "run", "job.yaml"]
    first = subprocess.Popen(command, env=variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(
            lambda: all(Path("runs/x/latest", name).exists() for name in (".lock-0001", "job.resolved.yaml"))
        )
        said = nanompi(1, "", "resume", "x", code=4).stderr
        assert re.search(rf"is in use by process \d+ on {os.uname().nodename}; wait until", said)
    finally:
        Path("runs/x/go").touch()
    assert first.wait(patience(60)) == 75


BAD = """
import sys
import nanompi.methods.ptycho.prepare.plan as plan
apply = plan.Plan.apply
def spoilt(self, block, index):
    import numpy as np
    out = apply(self, block, index).astype(np.float32)
    out[index == 29] = np.nan
    return out
plan.Plan.apply = spoilt
from nanompi.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.every_mpi
@pytest.mark.slow
def test_a_bad_frame_is_named(nanompi, mpirun):
    said = mpirun(2, BAD, "run", "job.yaml", code=5).stderr
    assert re.search(r"not finite are frames 29 of rank [01] on \S+\. Mask these pixels", said), said
    assert said.count("nanompi:") == 1 and "Traceback" not in said


def marked(mark: str) -> list[int]:
    """The processes that have a variable NANOMPI_TEST_MARK of this value, zombies left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
            if f"NANOMPI_TEST_MARK={mark}".encode() in environ.split(b"\0"):
                found += [int(folder.name)] * (
                    "Z" not in (folder / "stat").read_text().rpartition(")")[2][:3]
                )
        except OSError:
            continue
    return found


@pytest.mark.every_mpi
@pytest.mark.slow
def test_mpirun_is_killed(nanompi, python):
    """kill -9 of mpirun itself: the ranks end, too, and the run goes on from its last checkpoint"""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    command = [mpiexec(python), "-n", "2", python, str(PROGRAM), "--", "run", "job.yaml", *EACH]
    first = subprocess.Popen(
        command,
        env=variables(SLOW="0.2", NANOMPI_TEST_MARK=mark),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: list(Path().glob("runs/x/run-0001/checkpoint-*")), 40)
    assert len(marked(mark)) >= 3
    first.kill()
    assert first.wait(patience(10)) == -9
    until(lambda: not marked(mark), 10)
    assert "resumed after iteration" in nanompi(2, "", "resume", "x").stdout
    assert arrays("runs/x/latest")["history/iteration"][-1] == 50


@pytest.mark.slow
def test_the_input_is_truncated_or_replaced_while_a_run_is_stopped(nanompi, tmp_path):
    job = JOB.replace("{simulate: {frames: 36, size: 32, photons: 1e5}}", "{file: scan.cxi}")
    (tmp_path / "scan.yaml").write_text(JOB)
    (tmp_path / "job.yaml").write_text(job)
    nanompi(1, "", "simulate", "scan.yaml", "-o", "scan.cxi")
    nanompi(2, "USR1@8@1", "run", "job.yaml", code=75)
    whole = Path("scan.cxi").read_bytes()
    Path("scan.cxi").write_bytes(whole[: len(whole) // 2])
    said = nanompi(2, "", "resume", "x", code=3)
    assert "truncated" in said.stderr and "Traceback" not in said.stderr
    assert "checkpoint-000008 is refused: " in said.stdout + said.stderr
    assert [p.name for p in Path("runs/x/latest").glob("*checkpoint*")] == ["refused-checkpoint-000008"]
    nanompi(1, "", "simulate", "scan.yaml", "-o", "other.cxi", "--set", "input.simulate.photons=3e5")
    os.replace("other.cxi", "scan.cxi")
    said = nanompi(2, "", "resume", "x").stdout
    assert "resumed after" not in said
    assert arrays("runs/x/latest")["history/iteration"][0] == 1


@pytest.mark.slow
def test_the_mask_changes_after_a_run_was_resumed(nanompi, tmp_path):
    """The file counts at the second stop, too, although other ones may not be read again by then."""
    mask = np.ones((32, 32), bool)
    np.save(tmp_path / "m.npy", mask)
    prepare = "steps:\n  - use: ptycho.prepare\n    mask: {file: m.npy}\n"
    (tmp_path / "job.yaml").write_text(JOB.replace("steps:\n", prepare))
    nanompi(2, "USR1@8@1", "run", "job.yaml", code=75)
    assert "resumed after iteration 8" in nanompi(1, "USR1@12@0", "resume", "x", code=75).stdout
    np.save(tmp_path / "m.npy", mask & (np.arange(32) > 4))
    said = nanompi(2, "", "resume", "x").stdout
    assert "m.npy has changed since the run read it; the run begins anew" in said
    assert "resumed after" not in said and arrays("runs/x/latest")["history/iteration"][0] == 1
