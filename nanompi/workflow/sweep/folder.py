"""The folder of a sweep: RUNS/NAME/sweep-0001/0003-alpha=0.9/ ... each setting a run folder of its own.

settings.json        what is swept: number, folder and values of each setting, how they are judged
job.yaml             the job file
NNNN-.../            job.resolved.yaml from the beginning; outcome.json when it has run
table.csv sweep.h5 contact.png ranking.txt       at the end
"""

import csv
import json
import re
from dataclasses import asdict
from pathlib import Path

from nanompi.errors import DataError, JobError
from nanompi.io.atomic import new_file, own_folder, write_text
from nanompi.io.hdf5 import foreign
from nanompi.job import yaml12
from nanompi.job.folder import numbered, refuse_changed, writing
from nanompi.job.identity import sealed
from nanompi.job.resolve import values
from nanompi.job.text import read_text
from nanompi.run.figures import Figure
from nanompi.workflow.task import Task


def create(found, runs: str = "", folder: str = "") -> tuple[Path, list[Task]]:
    """Make the folder of a sweep (the next sweep-NNNN, or `folder`, which may hold the same sweep already).

    found : nanompi.job.sweeps.Settings. Rank 0 only. Errors: ResourceError; JobError for another sweep there.
    """
    job = found.settings[0].job
    parent = Path(runs or job.output.folder) / job.name
    with writing(Path(folder or parent)):
        path = Path(folder) if folder else numbered(parent, "sweep")
        path.mkdir(parents=True, exist_ok=True)
        _head(path, found)
        write_text(path / "job.yaml", found.text)
        for one in found.settings:
            own = path / one.name / "job.resolved.yaml"
            if not own.exists():  # of an array, each task comes here
                own_folder(own.parent)
                write_text(own, sealed(yaml12.write(one.job.resolved), found.text))
    return path, [Task(s.number, path / s.name, s.values, s.job) for s in found.settings]


def _head(path: Path, found):
    settings = [{"number": s.number, "folder": s.name, "values": s.values} for s in found.settings]
    head = {"name": found.settings[0].job.name, "total": found.total, "options": values(found.options)}
    figures = {name: asdict(figure) for name, figure in found.figures.items()}
    head = json.loads(json.dumps({**head, "figures": figures, "settings": settings}))
    if (path / "settings.json").exists() and read_head(path) != head:
        raise JobError(f"--folder {path}: another sweep is there; name a new folder")
    with new_file(path / "settings.json") as file:
        file.write(json.dumps(head, indent=1).encode())


def read_head(path: Path) -> dict:
    """What stands in settings.json. Errors: DataError."""
    with foreign(f"{path}: this is not the folder of a sweep: settings.json"):
        head = json.loads(read_text(str(path / "settings.json")))
        names = [one["folder"] for one in head["settings"]]
        fits = all(re.fullmatch(r"[0-9]{4,}(-[\w.+=-]*)?", name) for name in names)
        numbers = [one["number"] for one in head["settings"]]
        if not fits or numbers != list(range(len(names))) or not isinstance(head["options"]["score"], str):
            raise DataError(f"{path}/settings.json: its settings are not those of a sweep")
        if not all(isinstance(one["values"], dict) for one in head["settings"]):
            raise DataError(f"{path}/settings.json: a setting has no values")
        judges(head)
        return head


def judges(head: dict) -> dict[str, Figure]:
    """The figures by which the settings are told apart, as the head of a sweep has them."""
    return {name: Figure(**values) for name, values in head["figures"].items()}


def tasks(path: Path) -> list[Task]:
    """All settings of a sweep, without their jobs. Errors: DataError."""
    return [Task(s["number"], path / s["folder"], s["values"]) for s in read_head(path)["settings"]]


def best(path: Path, most: int) -> list[Path]:
    """Folders of the settings with a result, those of the best rank in table.csv first. Errors: DataError."""
    done = [task.path for task in tasks(path) if task.done()]
    ranks = {}
    if (path / "table.csv").is_file():
        with foreign(f"{path}/table.csv"):
            rows = list(csv.DictReader(read_text(str(path / "table.csv")).splitlines()))
            ranks = {row["folder"]: int(row["rank"]) for row in rows if row.get("rank", "").isdigit()}
    return sorted(done, key=lambda folder: ranks.get(folder.name, len(done) + 1))[:most]


def again(path: Path) -> list[Task]:
    """The settings that are missing or failed, with their jobs: never tried ones first."""
    from nanompi.job.job import read_job

    left = sorted((t for t in tasks(path) if not t.done()), key=lambda t: bool(t.outcome()))
    for one in left:
        one.job = read_job(str(one.path / "job.resolved.yaml"))
        asked, one.job.text = one.job.text, read_text(str(path / "job.yaml"))
        refuse_changed(one.path, asked, one.job.text)
    return left
