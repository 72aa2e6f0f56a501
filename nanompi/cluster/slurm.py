"""Slurm: a readable batch script from a job and a site, sbatch, and what the queue says."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from math import ceil
from typing import Any

from nanompi.errors import JobError, ResourceError, odd, shown
from nanompi.units import clock, seconds

_THREADS = "OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS"
_BINDINGS = "SLURM_GPUS_PER_TASK SLURM_NTASKS_PER_GPU SLURM_GPU_BIND SLURM_TRES_PER_TASK SLURM_TRES_BIND"


@dataclass
class Batch:
    """One batch job.

    name   : of the job; program : of nanompi, as the shell reads it
    start  : words of nanompi the first time; resume : its words when Slurm starts the job again
    output : log file (`log_file`); head : comment lines; before : lines that the words need
    part   : words behind `nanompi status --code`, which knows the code of the error itself
    """

    name: str
    program: str
    start: str
    resume: str
    output: str
    head: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    part: str = '"$run"'


def script(batch: Batch, site: Any) -> str:
    """The text of the script. site : `nanompi.cluster.site.Site`.

    Errors: JobError where a name or path would make a line of its own.
    """
    parts = [
        ["#!/bin/bash", *(f"# {line}" for line in batch.head)],
        [f"#SBATCH {option}" for option in options(batch, site)],
        ["", *site.setup, *_environment(site)],
        ["", f"nanompi={batch.program}", *batch.before],
        [f"words=({batch.start})"],
        ['if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then', f"  words=({batch.resume})", "fi"]
        * (batch.resume != batch.start),
        [""],
        _by_srun(site.mpi, batch.part) if site.launcher == "srun" else _BY_MPIRUN,
        ["", *_REQUEUE, 'exit "$code"'],
    ]
    return "\n".join(_one_line(line) for part in parts for line in part) + "\n"


def _one_line(line: str) -> str:
    if bad := odd(line.replace("\t", " ")):
        raise JobError(f"a batch script cannot hold {bad}; it stands in: {shown(line, 200)}")
    return line


def log_file(folder: Any, name: str) -> str:
    """`--output` of a log in a folder: what Slurm expands in the path of the folder is doubled.

    name : of the file, with Slurm's %j. Errors: JobError for what #SBATCH lines cannot hold.
    """
    path = str(folder)
    bad = [c for c in '"#\\' if c in path]
    if bad:
        raise JobError(
            f"{path}: the path of a batch job cannot hold {bad[0]}, which Slurm would read in its own way; "
            "choose another folder with --out"
        )
    return f'"{path.replace("%", "%%")}/{name}"'


def options(batch: Batch, site: Any) -> list[str]:
    """The options of sbatch, one a line."""
    whole = seconds(site.time)
    margin = round(min(seconds(site.margin), whole / 4))
    signal = "B:USR1" if site.launcher == "mpirun" else "USR1"  # B: to the script alone, which hands it on
    given = {
        "partition": site.partition,
        "account": site.account,
        "nodes": site.nodes,
        "ntasks": site.ranks,
        **_cards(site),
        "cpus-per-task": site.cores,
        "mem-per-cpu": site.memory,
        "time": clock(whole),
        "signal": f"{signal}@{margin}",
        "output": batch.output,
    }
    own = [f"--{name}={value}" for name, value in given.items() if value]
    return [f"--job-name={shlex.quote(batch.name)}", *own, "--open-mode=append", "--requeue", *site.options]


def _cards(site) -> dict[str, int]:
    """Options that place the ranks on nodes with cards: as evenly as can be, no card without a rank.

    Cards are asked for by node and not by task, since a rank that sees its own card alone cannot exchange
    data with another card of the node, neither by MPI nor by NCCL.
    """
    if not site.gpus:
        return {}
    nodes = site.nodes or ceil(site.ranks / site.gpus)
    ranks = ceil(site.ranks / nodes)
    return {"nodes": nodes, "ntasks-per-node": ranks, "gpus-per-node": min(site.gpus, ranks)}


def _environment(site) -> list[str]:
    own = [f"export {name}={shlex.quote(str(value))}" for name, value in site.environment.items()]
    threads = [f"export {' '.join(f'{name}=1' for name in _THREADS.split())}"]
    return [*threads, *_EACH_SEES_ALL, *own]


def _by_srun(mpi: str, part: str) -> list[str]:
    kind = f" --mpi={shlex.quote(mpi)}" if mpi else ""
    return [
        "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",
        "# MPICH names shared memory after job and step: what a killed step left must not meet a restart.",
        'for _ in $(seq "${SLURM_RESTART_COUNT:-0}"); do srun --nodes=1 --ntasks=1 true; done',
        f'srun --kill-on-bad-exit=1{kind} "$nanompi" "${{words[@]}}"',
        "code=$?",
        "# Ranks that Slurm had to kill count with 128 and more; the run knows the code of the error itself.",
        f'[ "$code" -lt 128 ] || "$nanompi" status --code {part} || code=$?',
    ]


# Not `srun --gpu-bind=none`: Slurm 22.05 then leaves CUDA_VISIBLE_DEVICES out, and where no cgroup fences the
# cards of a job the ranks would take those of other jobs.
_EACH_SEES_ALL = [
    "# Each rank sees all cards that the job has on its node, however they were asked for.",
    f"unset {_BINDINGS}",
]
_REQUEUE = [
    "# 75: stopped in time with a checkpoint; back into the queue, unless somebody has cancelled the job.",
    'if [ "$code" -eq 75 ] && scontrol show job "$SLURM_JOB_ID" | grep -q JobState=RUNNING; then',
    '  scontrol requeue "$SLURM_JOB_ID"',
    "fi",
]
_BY_MPIRUN = [
    "# nanompi starts the mpiexec beside its Python. It hands signals on, and waits again after each.",
    "trap 'again=1; kill -USR1 $child' USR1",
    "trap 'again=1; kill -TERM $child' TERM",
    '"$nanompi" "${words[@]}" -n "$SLURM_NTASKS" &',
    "child=$! again=1",
    'while [ "$again" ]; do again=; wait "$child"; code=$?; done',
]

HAND = Batch(
    name="nanompi",
    program="${NANOMPI:-nanompi}",
    start='run "${@//%a/${SLURM_ARRAY_TASK_ID:-}}" --folder "$run"',
    resume='resume "$run"',
    output="nanompi-%j.log",
    head=(
        "sbatch [options of sbatch] FILE job.yaml [--set PATH=VALUE ...]",
        "In an array, %a in the words is the number of the task: sbatch --array=1-4 ... --set a.b=%a",
        "The program is $NANOMPI, else nanompi in PATH. `nanompi submit` writes such a script for your site.",
    ),
    before=('run=runs/$SLURM_JOB_NAME/job-${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}',),
)  # fmt: skip


# ---- Slurm's commands ----------------------------------------------------------------------------------


def need_sbatch():
    """Errors: ResourceError where there is no sbatch."""
    if not shutil.which("sbatch"):
        raise ResourceError(
            "there is no sbatch in PATH: submit on a login node of the cluster (load Slurm's "
            "module if it has one), look at the script with --dry, or run the job here with `nanompi run`"
        )


def sbatch(file: str, *options: str) -> str:
    """Submit a script; the job's number. Errors: ResourceError with sbatch's own words."""
    # SLURM_* of a job in which we may be would stand for options that the script leaves out.
    own = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_") or k == "SLURM_CONF"}
    done = subprocess.run(["sbatch", "--parsable", *options, file], capture_output=True, text=True, env=own)
    if done.returncode:
        said = " ".join(done.stderr.replace("sbatch: error:", "").split())
        raise ResourceError(f"sbatch refuses the job: {said} (script {file}; facts of the site: site.yaml)")
    return done.stdout.strip().split(";")[0]


def queue() -> dict[str, tuple[str, str]] | None:
    """(state, path of the script) of my jobs by number; state : "RUNNING", "PENDING (Priority)" ...

    None where squeue does not answer.
    """
    try:
        words = ["squeue", "--me", "--noheader", "--array", "--format=%i|%T|%r|%o"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    rows = [(line + "|").split("|", 3) for line in done.stdout.splitlines() if line.count("|") >= 2]
    return {job: (state if why in ("None", "") else f"{state} ({why})", file.rstrip("|"))
            for job, state, why, file in rows}  # fmt: skip


def cancel(jobs: list[str]):
    """Take jobs out of the queue; what scancel says of it is not heard."""
    subprocess.run(["scancel", *jobs], capture_output=True)
