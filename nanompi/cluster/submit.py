"""From a checked job to a batch job of Slurm in a run folder of its own."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from nanompi.cluster import slurm
from nanompi.errors import NanompiError
from nanompi.io.atomic import write_text
from nanompi.run import status


def submit(job, here, source: str, runs: str = "", notice: str = "", folder="") -> tuple[Path, str]:
    """Claim the next run folder of a job and submit its script; the folder and the number of the job.

    here, source : `cluster.site.site()`; runs : stands for `output.folder`; notice : command for its end
    folder : of this one run, in place of the next
    Errors: ResourceError where sbatch refuses; the folder is gone again then.
    """
    from nanompi.job.folder import claim, taken

    folder = taken(job, folder) if folder else claim(job, runs)
    file = folder / "run.sbatch"
    try:
        write_text(file, slurm.script(batch(job.name, folder.absolute(), here, source, notice), here))
        number = slurm.sbatch(str(file))
    except (OSError, NanompiError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    waiting(folder, job.name, here.ranks, slurm_job=number)
    return folder, number


def waiting(folder: Path, name: str, ranks: int, **facts):
    """Say of a run folder that was claimed that its run is to come; it may have begun already."""
    if not (folder / "status.json").exists():
        head = {"nanompi": 1, "name": name, "state": "waiting", "ranks": ranks, **facts}
        status.write(folder, {**head, "begun": status.now()})


def batch(name: str, folder: Path, here, source: str, notice: str = "") -> slurm.Batch:
    """The batch job of a run folder. The words name the job as checked: later edits do not reach it.

    notice : command for its end, or ""
    """
    run, more = shlex.quote(str(folder)), f" --notify {shlex.quote(notice)}" if notice else ""
    return slurm.Batch(
        name=name,
        program=shlex.quote(here.nanompi or program()),
        start='run "$run/job.resolved.yaml" --folder "$run"' + more,
        resume='resume "$run"' + more,
        output=slurm.log_file(folder, "slurm-%j.log"),
        head=(f"nanompi submit: the job of {folder} {with_site(source)}",),
        before=(f"run={run}",),
    )


def with_site(source: str) -> str:
    """Whose site file is in a script, for its head: it may be one that others wrote."""
    return f"with {os.path.abspath(source)}" if source else "with no site file"


def program() -> str:
    """The nanompi that is running."""
    own = Path(sys.argv[0])
    neighbour = Path(sys.executable).with_name("nanompi")
    return next(
        (os.path.abspath(p) for p in (own, neighbour) if p.name == "nanompi" and p.is_file()), "nanompi"
    )
