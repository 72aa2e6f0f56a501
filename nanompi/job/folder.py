"""The folder of one run: RUNS/NAME/run-0001. Its number is decided by mkdir, so no lock is needed."""

import contextlib
import json
import os
import platform
import re
import sys
import time
from pathlib import Path

from nanompi.errors import ResourceError
from nanompi.io.atomic import name_beside, own, own_folder, write_text
from nanompi.job import yaml12
from nanompi.run import afterwards

PACKAGES = (
    "nanompi numpy scipy h5py hdf5plugin numba blosc2 pydantic PyYAML rich mpi4py mpich openmpi "
    "cupy-cuda12x cupy-cuda13x"
).split()


def claim(job, runs: str = "") -> Path:
    """Make the next run folder of a job, with the job in it as asked and with every default. Rank 0 only.

    runs : stands for `output.folder` when given. Errors: ResourceError when it cannot be made or written.
    """
    parent = Path(runs or job.output.folder) / job.name
    with writing(parent):
        folder = numbered(parent, "run")
        _job_files(job, folder)
    return folder


def taken(job, folder: str) -> Path:
    """The run folder that a user named, for this job, whose files are written into it. Rank 0 only.

    Errors: ResourceError where it holds another job, or a result.
    """
    path = named(folder)
    if (path / "result.h5").exists():
        raise ResourceError(f"{folder} holds a result already: choose another folder, or leave --folder out")
    with writing(path):
        _held_text(path, job)
    return path


def named(folder: str) -> Path:
    """The run folder that a user named, made where it is not there. Rank 0 only. Errors: ResourceError."""
    with writing(Path(folder)):
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)


@contextlib.contextmanager
def held(job, folder: Path, vendor: str, hosts: list[str], anew: bool = False):
    """`with held(...) as (job, folder, marks, files):` the folder is locked for this job, and begun. Rank 0.

    anew  : an earlier run in it is replaced, in place of an error
    marks : {"job": hash}, by which a checkpoint knows its job; files : those that the job names
    Errors: ResourceError.
    """
    from nanompi.job.identity import files_named, identity
    from nanompi.run.lock import Lock

    with Lock(folder):
        begin(job, folder, vendor, hosts, anew)
        yield job, folder, identity(job), files_named(job)


def begin(job, folder: Path, vendor: str = "", hosts: list[str] = (), anew: bool = False):
    """Write into a run folder what is known when the run starts, and let `latest` point to it. Rank 0 only.

    The folder is locked by the caller: what it holds is looked at here. One that was claimed before (by
    `nanompi submit`), or holds a part of this job's run, keeps its job.yaml, which then is the job's text.
    vendor : the MPI library; hosts : host of each rank; anew : whatever it holds is replaced
    Errors: ResourceError when it cannot be written, holds a result already, or another job.
    """
    if not anew and (folder / "result.h5").exists() and not afterwards.pending(folder):
        raise ResourceError(f"{folder} holds a result already: choose another folder, or leave --folder out")
    with writing(folder):
        own_folder(folder / "logs")
        if anew:
            afterwards.forget(folder)
            _job_files(job, folder)
        else:
            job.text = _held_text(folder, job) or job.text
        write_text(folder / "environment.json", json.dumps(environment(vendor, hosts), indent=1) + "\n")
        # RUNS/NAME: no name of the user's own is in the way
        if not anew and folder.absolute().parent.name == job.name:
            point(folder.parent / "latest", folder.name)


def _held_text(folder: Path, job) -> str | None:
    """The text of the job that the folder holds already; else this job is written into it.

    Errors: ResourceError where it holds another job: its checkpoints and this result would be mixed.
    """
    from nanompi.job.identity import same_job

    text, resolved = _text(folder / "job.yaml"), _text(folder / "job.resolved.yaml")
    refuse_changed(folder, resolved, text)
    same = text in (None, job.text) if resolved is None else same_job(resolved, job.resolved)
    if not same:
        raise ResourceError(
            f"{folder} holds another job, or this one with other values (see job.resolved.yaml there): they "
            "must not be mixed. Choose another folder, or leave --folder out"
        )
    if text is None or resolved is None:
        _job_files(job, folder)
    return text


def refuse_changed(folder: Path, resolved: str | None, asked: str | None):
    """Errors: ResourceError where job.resolved.yaml or job.yaml (their texts) was edited since then."""
    from nanompi.job.identity import changed

    if resolved is not None and asked is not None and changed(resolved, asked):
        raise ResourceError(
            f"{folder}: job.yaml or job.resolved.yaml was changed by hand after they were written: the two, "
            "and what the run keeps, would tell different jobs. For another job start another run of it"
        )


def _text(path: Path) -> str | None:
    """The text of a regular file in a run folder; None where there is none."""
    with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8", opener=own) as file:
        return file.read()
    return None


def _job_files(job, folder: Path):
    from nanompi.job.identity import sealed

    write_text(folder / "job.yaml", job.text)
    write_text(folder / "job.resolved.yaml", sealed(yaml12.write(job.resolved), job.text))
    codes = [code for step in job.steps for code in getattr(step, "codes", list)()]
    if codes:
        own_folder(folder / "code")
    for code in codes:
        write_text(folder / "code" / _copy_name(code, codes), code.text)


def _copy_name(code, codes: list) -> str:
    """The name of the user's file; with its checksum where he has several of this name."""
    path = Path(code.path)
    others = [other for other in codes if Path(other.path).name == path.name and other.text != code.text]
    return f"{path.stem}-{code.checksum}{path.suffix}" if others else path.name


@contextlib.contextmanager
def writing(where: Path):
    """`with writing(folder): ...`: what the disk refuses is a ResourceError that names the file."""
    try:
        yield
    except OSError as e:
        raise ResourceError(
            f"{e.filename or where}: the run folder cannot be written: {e.strerror}; "
            "choose another with --out"
        ) from None


def environment(vendor: str = "", hosts: list[str] = ()) -> dict:
    """What a run depends on beside its job: versions, machine, command line, Slurm's variables."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "folder": os.getcwd(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "host": platform.node(),
        "cpus": os.cpu_count(),
        "mpi": vendor,
        "ranks": max(len(hosts), 1),
        "hosts": {host: list(hosts).count(host) for host in dict.fromkeys(hosts)},
        "packages": versions(),
        "slurm": {k: v for k, v in sorted(os.environ.items()) if k.startswith("SLURM_") and "JWT" not in k},
    }


def versions(packages=PACKAGES) -> dict[str, str]:
    """Installed versions, without importing anything; what is not installed is left out."""
    from importlib.metadata import PackageNotFoundError, version

    out = {}
    for name in packages:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            pass
    return out


def numbered(parent: Path, kind: str) -> Path:
    """Make `parent/KIND-N` with the first number after the highest there; another process may be faster."""
    parent.mkdir(parents=True, exist_ok=True)
    name = re.compile(rf"{kind}-(\d+)$")
    number = max((int(m[1]) for p in parent.iterdir() if (m := name.match(p.name))), default=0) + 1
    while True:
        folder = parent / f"{kind}-{number:04d}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def point(link: Path, name: str):
    """Let `latest` point to the new folder: a new link, renamed over the old one; over nothing else."""
    if os.path.lexists(link) and not link.is_symlink():
        return  # a file or folder of the user's
    new = name_beside(link)
    try:
        new.symlink_to(name, target_is_directory=True)
        os.replace(new, link)
    except OSError:
        new.unlink(missing_ok=True)  # a file system without links: the run itself is not harmed
