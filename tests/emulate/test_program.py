"""The whole program with run.device: cuda, in processes that find the emulated card in the place of CuPy."""

import json
import re
import subprocess
import sys

import pytest

from nanompi.cli import main
from nanompi.methods.ptycho.earlier_result import load_result
from tests.mpi.conftest import mpirun_here, variables  # noqa: F401  (fixtures)
from tests.mpi.warm import rank
from tests.patience import patience

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 36, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: DM*3 ML*2
run: {precision: double}
"""
SEARCHED = ("--set", "steps.ptycho.probe.start=data")  # five times the work of the rest


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A folder with job.yaml"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def run(*words, code=0, **environ) -> subprocess.CompletedProcess:
    """`nanompi run job.yaml` on one rank"""
    command = [*rank(sys.executable, environ), "-m", "nanompi", "run", "job.yaml", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, env=variables(**environ), timeout=patience(120)
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def want(tmp_path_factory):
    """The answer of the CPU on one rank"""
    return on_the_cpu(tmp_path_factory.mktemp("cpu"))


def on_the_cpu(folder, *words) -> dict:
    """What the job gives there, in this process"""
    (folder / "cpu.yaml").write_text(JOB)
    assert (
        main(["run", f"{folder}/cpu.yaml", "--out", f"{folder}/cpu", "--set", "run.device=cpu", *words]) == 0
    )
    return load_result(folder / "cpu/x/latest")


def same(folder, want):
    got = load_result(folder)
    for name in ("object", "probe"):
        assert abs(got[name] - want[name]).max() <= 1e-8 * abs(want[name]).max(), name


@pytest.mark.slow
def test_ranks_share_a_card(mpirun_here, emulated, job, want):  # noqa: F811
    """Three ranks on two cards; sums through the host's memory; the answer is that of one rank on the CPU"""
    words = ["-m", "nanompi", "run", "job.yaml", "--out", "cards", "--set", "run.device=cuda"]
    said = mpirun_here(3, words, **emulated(CARDS=2)).stdout
    assert "device: CUDA on each of 3 ranks, double precision, sums through the host's memory, shared" in said
    assert said.count("CUDA card 0 of 2, Emulated card") == 2 and "shared by 2 ranks" in said
    assert said.count("CUDA card 1 of 2") == 1
    same(job / "cards/x/latest", want)


@pytest.mark.slow
def test_instances_of_one_card_have_its_memory_each(mpirun_here, emulated, job, want):  # noqa: F811
    """MIG: one PCI address, two UUIDs"""
    words = ["-m", "nanompi", "run", "job.yaml", "--out", "cards", "--set", "run.device=cuda"]
    said = mpirun_here(2, words, **emulated(CARDS=2, MIG=1)).stdout
    assert "CUDA card 1 of 2" in said and "shared by" not in said
    same(job / "cards/x/latest", want)


NO_ROOM = """
import sys
from nanompi.cli import main
from nanompi.device import shared
shared.FOLDER = "/nowhere"
sys.exit(main({}))
"""


@pytest.mark.slow
def test_without_room_for_shared_memory_the_sums_go_their_other_way(mpirun_here, emulated, job, want):  # noqa: F811
    words = ["run", "job.yaml", "--out", "cards", "--set", "run.device=cuda"]
    said = mpirun_here(2, NO_ROOM.format(words), **emulated(CARDS=2)).stdout
    assert "double precision, sums through the host's memory\n" in said
    same(job / "cards/x/latest", want)


@pytest.mark.slow
@pytest.mark.parametrize("transport, how", [("staged", ""), ("nccl", "; from card to card by NCCL")])
def test_cards_that_hold_a_region_each(mpirun_here, emulated, job, want, transport, how):  # noqa: F811
    words = ["-m", "nanompi", "run", "job.yaml", "--out", "cards", "--set", "run.device=cuda"]
    words += ["--set", "steps.ptycho.combine=overlap", "--set", f"run.transport={transport}"]
    said = mpirun_here(3, words, **emulated(CARDS=3, NCCL="works")).stdout
    assert re.search(
        r"object sums: exchange of overlaps, .* with at most 2 other ranks \(an .*\)" + how, said
    )
    same(job / "cards/x/latest", want)


@pytest.mark.slow
def test_one_card_for_each_rank_as_under_srun(emulated, job):
    """With the start of the probe searched on the card"""
    card = emulated() | {"CUDA_VISIBLE_DEVICES": "0"}
    said = run("--out", "one", "--set", "run.device=auto", *SEARCHED, **card).stdout
    assert "CUDA card 0 of 1" in said and "start probe from the data" in said
    same(job / "one/x/latest", on_the_cpu(job, *SEARCHED))
    (rank,) = json.loads((job / "one/x/latest/metrics.json").read_text())["ranks"]
    assert rank["seconds"]["compile"] > 0  # a phase of its own


@pytest.mark.slow
def test_a_transport_that_crashes_in_its_test_is_a_line_in_the_log(mpirun_here, emulated, job):  # noqa: F811
    words = ["-m", "nanompi", "run", "job.yaml", "--set", "run.device=cuda", "--set", "run.transport=auto"]
    words += ["--set", "steps.ptycho.engines=DM*1"]
    said = mpirun_here(2, words, **emulated(CARDS=2, AWARE=0)).stdout
    assert "sums through the host's memory, shared within a node (nccl: ImportError: libnccl.so.2: " in said
    assert "; mpi: its test ended with SIGSEGV)" in said


CURES = {
    "no card": ({"CUDA_VISIBLE_DEVICES": ""}, ["no card is visible", "CUDA_VISIBLE_DEVICES=''", "--gpus"]),
    "no driver": ({"NANOMPI_FAKE_DRIVER": "0"}, ["no NVIDIA driver", "srun --gpus=1"]),
    "old driver": ({"NANOMPI_FAKE_DRIVER": "11040"}, ["driver knows CUDA 11.4", "nanompi[cuda12]"]),
    "no toolkit": ({"NANOMPI_FAKE_TOOLKIT": "0"}, ["toolkit", 'pip install "nanompi[cuda12]"']),
    "no headers": ({"NANOMPI_FAKE_HEADERS": "0"}, ["toolkit is missing or incomplete", "cuda_fp16.h"]),
}


@pytest.mark.parametrize("case", CURES)
def test_what_is_missing_is_said_with_its_cure(emulated, job, case):
    environ, words = CURES[case]
    said = run("--set", "run.device=cuda", code=4, **emulated() | environ).stderr
    assert said.startswith("nanompi: run.device: cuda, but ") and "Traceback" not in said
    assert all(w in said for w in words), said


@pytest.mark.slow
@pytest.mark.parametrize("case", ["no card", "no headers"])
def test_auto_takes_the_cpu_and_says_why(emulated, job, case):
    environ, words = CURES[case]
    said = run("--set", "steps.ptycho.engines=DM*1", **emulated() | environ).stdout
    line = next(line for line in said.splitlines() if "device: CPU with" in line)
    assert words[0] in line


def test_no_cupy_is_said_with_the_line_that_installs_it(job, tmp_path):
    """A package of this name that cannot be imported, and a finder that knows none"""
    code = (
        "import sys; sys.modules['cupy'] = None; from nanompi.cli import main;"
        "sys.exit(main(['run', 'job.yaml', '--set', 'run.device=cuda']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables())
    assert done.returncode == 4 and 'pip install "nanompi[cuda12]"' in done.stderr, done.stderr


def test_out_of_memory_is_code_4_with_numbers(emulated, job):
    said = run("--set", "run.device=cuda", code=4, **emulated(MEMORY=300_000)).stderr
    assert "MiB" in said or "bytes" in said
    assert "Traceback" not in said
