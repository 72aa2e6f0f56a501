"""site.yaml: what a cluster wants to know. The only place with facts of a site; every key has a default."""

import os
import re
import stat
from pathlib import Path
from typing import Literal

from nanompi.errors import JobError, nearest
from nanompi.job import model, yaml12
from nanompi.job.faults import Faults, Place, Spot
from nanompi.job.text import read_text
from nanompi.job.yaml12 import Map
from nanompi.step import param, section
from nanompi.units import seconds

MAY = (0,)  # users beside oneself whose site file is believed: root
PLACES = ("slurm/site.yaml", "~/.config/nanompi/site.yaml")


@section
class Site:
    """How jobs are submitted here."""

    partition: str = param("", kind="line", help="partition (queue) of the jobs")
    account: str = param("", kind="line", help="account that pays for them")
    ranks: int = param(4, ge=1, help="ranks of a job (-n on the command line)")
    nodes: int | None = param(None, ge=1, help="nodes they are spread over; null: as Slurm finds place")
    cores: int = param(1, ge=1, help="CPU cores of each rank")
    gpus: int = param(0, ge=0, help="GPUs of a node, one for each of its ranks; 0: none")
    memory: str = param("", kind="line", help="memory of each core, as sbatch writes it: 4G")
    time: str | int = param("1h", help="wall time (--time on the command line): 30min, 4h, 2d or 4:00:00")
    margin: str | int = param("2min", help="so long before its end a job is told to save and to stop")
    launcher: Literal["srun", "mpirun"] = param("srun", help="what starts the ranks")
    mpi: str = param(
        "pmi2",
        kind="line",
        help="srun --mpi=: pmi2 for MPICH, pmix for Open MPI, empty for the site's default",
    )
    setup: list[str] = param([], kind="line", help="lines of the script before the program: module load ...")
    environment: dict[str, str | int | float] = param(
        {}, kind="line", help="environment variables of the ranks"
    )
    nanompi: str = param("", kind="line", help="the program on the nodes; empty: the one that submits")
    options: list[str] = param([], kind="line", help="further options of sbatch: --qos=short, --exclusive")

    def __post_init__(self):
        seconds(self.time)
        seconds(self.margin)
        for name in ("partition", "account", "memory", "mpi"):
            if not re.fullmatch(r"[\w.,:+@/=-]*", value := getattr(self, name)):
                raise JobError(f"{name}: {value!r}: allowed are letters, digits and . , : + @ / = - _")
        for name in self.environment:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise JobError(f"environment: {name!r} is not the name of a variable")
        for option in self.options:
            if not option.startswith("-"):
                raise JobError(f"options: {option!r} is not an option of sbatch, such as --qos=short")


def site(file: str = "") -> tuple[Site, str]:
    """The site and its file: `file`, ./slurm/site.yaml, ~/.config/nanompi/site.yaml, or defaults.

    Errors: JobError with one line for each fault of the file; or where it was found and not named, and
    others may have written its commands.
    """
    if file and not Path(file).exists():
        folder = Path(file).parent
        near = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        raise JobError(f"--site {file}: there is no such file{nearest(Path(file).name, near)}")
    found = next((p for p in map(os.path.expanduser, [file] if file else PLACES) if Path(p).exists()), "")
    if found and not file:
        _trusted(Path(found))
    return (_read(found), found) if found else (Site(), "")


def _trusted(file: Path):
    """The commands of a site file run as the user: it must not be one that anybody could put there."""
    for path in (file, file.parent):
        facts = path.stat()
        strange = facts.st_uid not in (os.getuid(), *MAY)
        if strange or facts.st_mode & stat.S_IWOTH:
            why = "belongs to another user" if strange else "can be written by everybody (chmod o-w)"
            raise JobError(
                f"{path} {why}, and the commands in {file} would run as yours: read it, then name it by "
                f"--site {file}"
            )


def _read(file: str) -> Site:
    faults = Faults()
    try:
        given, place = yaml12.read(read_text(file), file, faults)
    except (OSError, JobError) as e:
        raise JobError(f"{file}: {e}") from None
    if given is None:
        given = Map(place)
    if not isinstance(given, Map):
        faults.add(place, "", f"a site file is a mapping of {', '.join(model.parameters(Site))}")
    made = None if len(faults) else model.build(Site, given, Spot(Place(file, 1, 1)), faults)
    faults.stop()
    return made
