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
from nanompi.job import yaml12

PACKAGES = (
    "nanompi numpy scipy h5py hdf5plugin scikit-learn numba blosc2 pydantic PyYAML rich mpi4py mpich openmpi "
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


def begin(job, folder: Path, vendor: str = "", hosts: list[str] = ()):
    """Write into a run folder what is known when the run starts, and let `latest` point to it. Rank 0 only.

    A folder that was claimed before (by `nanompi submit`) keeps its job.yaml, which then is the job's text.
    vendor : the MPI library; hosts : host of each rank
    Errors: ResourceError when it cannot be written, or holds a result already.
    """
    if (folder / "result.h5").exists():
        raise ResourceError(f"{folder} holds a result already: choose another folder, or leave --folder out")
    with writing(folder):
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        if (folder / "job.yaml").exists():
            job.text = (folder / "job.yaml").read_text(encoding="utf-8")
        else:
            _job_files(job, folder)
        facts = environment(vendor, hosts)
        (folder / "environment.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        _point(folder.parent / "latest", folder.name)


def _job_files(job, folder: Path):
    (folder / "job.yaml").write_text(job.text, encoding="utf-8")
    (folder / "job.resolved.yaml").write_text(yaml12.write(job.resolved), encoding="utf-8")


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


def fill(folder: Path, job, vendor: str = "", hosts: list[str] = ()):
    """Write into a run folder what is known before the run."""
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    _job_files(job, folder)
    facts = environment(vendor, hosts)
    (folder / "environment.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


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


def _point(link: Path, name: str):
    """Let `latest` point to the new folder: a new link, renamed over the old one."""
    new = link.with_name(f".{link.name}-{name}")
    try:
        new.symlink_to(name, target_is_directory=True)
        os.replace(new, link)
    except OSError:
        # A file system without links, or a real folder called `latest`: the run itself is not harmed.
        new.unlink(missing_ok=True)
