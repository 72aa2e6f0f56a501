"""What a result tells a year later of how it came about, in `process_1` and as NeXus has it.

about       : title, sample, proposal, user: what the job says, else what the input file says
inputs      : path, size, time and fingerprint of each file that was read (`nanompi.io.fingerprint`)
environment : machine, packages, command; log : its text; warnings : those of the log
"""

import datetime
import getpass
import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from nanompi.errors import NanompiError, shown
from nanompi.io import fingerprint
from nanompi.io.hdf5 import at, is_hdf5, open_hdf5, text
from nanompi.io.ordinary import tail, whole
from nanompi.step import param, section

LISTED = 100  # files that are told one by one; the others together
LOG, FACTS = 24 << 10, 32 << 10  # bytes of the log from its beginning and from its end; of environment.json
WARNINGS = 100
PLACES = {
    "title": ("title",),
    "sample": ("sample/name", "sample_1/name"),
    "proposal": ("experiment_identifier", "proposal"),
    "user": ("user/name", "user_1/name"),
    "measured": ("start_time",),
}
WARNING = re.compile(r"^\[ *[\d.]+ s\] warning: (.*(?:\n  .*)*)", re.M)


@section
class About:
    """What the scan is of and whose it is, for the result; what is left out is taken from the input file."""

    title: str = param("", help="of the result; else that of the scan, or the names of job and file")
    sample: str = param("", help="name of the sample")
    proposal: str = param("", help="number of the proposal or experiment")
    user: str = param("", help="who it belongs to; else the one who runs it")


def gather(run, job) -> dict[str, Any]:
    """The notes of a result about its origin (rank 0, before the result is written).

    Of a run without a folder, whoever has its log knows the rest.
    """
    origin = {"about": about(job, run.clock.elapsed()), "inputs": inputs(_stamps(run, job))}
    if not run.folder:
        return origin
    return {**origin, "environment": _environment(run.folder), **told(_log(run.folder))}


def told(log: str) -> dict[str, Any]:
    """The text of a log, and what it warns of"""
    warnings = [shown(" ".join(one.split())) for one in WARNING.findall(log)][:WARNINGS]
    return {"warnings": warnings, "log": log}


def about(job, seconds: float) -> dict[str, str]:
    """Title, sample, proposal, user, and when run and measurement began.

    seconds : since the run began
    """
    given = {name: getattr(job.about, name) for name in ("title", "sample", "proposal", "user")}
    found = of_file(job.input.file)
    out = {name: given.get(name) or found.get(name, "") for name in PLACES}
    file = os.path.basename(job.input.file.rstrip("/"))
    out["title"] = out["title"] or " of ".join(filter(None, (job.name, file)))
    with suppress(Exception):  # a container may know no name for its user
        out["user"] = out["user"] or getpass.getuser()
    begun = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    out["start_time"] = begun.astimezone().isoformat(timespec="seconds")
    return out


def of_file(file: str) -> dict[str, str]:
    """What an HDF5 file says of itself in its first entry, where NeXus and CXI have it; {} for others."""
    if not file or not is_hdf5(file):
        return {}
    with suppress(NanompiError), open_hdf5(file) as f:
        entry = next((name for name in sorted(f)[:20] if name.startswith("entry")), "")
        found = {name: _first(f, entry, places) for name, places in PLACES.items()}
        return {name: value for name, value in found.items() if value}
    return {}


def _first(f, entry: str, places: tuple[str, ...]) -> str:
    """The first of some texts that is there, as one line"""
    for place in places if entry else ():
        with suppress(NanompiError, OSError, TypeError, ValueError):
            field = at(f, f"{entry}/{place}")
            if getattr(field, "size", 0) == 1 and field.dtype.kind in "SO":
                return shown(text(field[()]).strip(), 200)
    return ""


def _stamps(run, job) -> dict[str, list]:
    """Path -> stamp of the files that were read; where a run does not follow them, of those the job names"""
    if getattr(run.control, "files", None):
        return {path: stamp for path, stamp in run.control.files.items() if stamp}
    stamps = {}
    for path in filter(os.path.isfile, [job.input.file] if job.input.file else []):
        with suppress(OSError):
            stamps[os.path.abspath(path)] = fingerprint.of_file(path)
    return stamps


def inputs(stamps: dict[str, list]) -> dict[str, Any]:
    """{"files": [{path, size (B), time, sha256, pieces}]}, and "others" where there are too many to list.

    sha256 : of so many pieces of 64 kB from all over the file, as `nanompi.io.fingerprint` takes them
    """
    paths = sorted(stamps)
    out: dict[str, Any] = {"files": [_described(path, stamps[path]) for path in paths[:LISTED]]}
    if rest := [stamps[path] for path in paths[LISTED:]]:
        digest = hashlib.sha256(json.dumps(rest).encode()).hexdigest()
        out["others"] = {"number": len(rest), "size": sum(size for size, *_ in rest), "sha256": digest}
    return out


def _described(path: str, stamp: list) -> dict[str, Any]:
    size, _, pieces, digest = stamp
    when = ""
    with suppress(OSError):
        when = datetime.datetime.fromtimestamp(os.stat(path).st_mtime, datetime.UTC)
        when = when.astimezone().isoformat(timespec="seconds")
    return {"path": path, "size": size, "time": when, "sha256": digest, "pieces": pieces}


def _log(folder: Path) -> str:
    """The text of the log so far; of a long one its beginning and its end"""
    path = Path(folder) / "logs" / "rank-0000.log"
    with suppress(OSError, ValueError):
        return whole(path, 2 * LOG).decode("utf-8", "replace")
    with suppress(OSError, ValueError):
        with open(path, "rb") as file:
            head = file.read(LOG)
        parts = (head, b"\n...\n", tail(path, LOG))
        return b"".join(parts).decode("utf-8", "replace")
    return ""


def _environment(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return json.loads(whole(Path(folder) / "environment.json", FACTS))
    return {}


def doubt(a: str, b: str) -> dict[str, str]:
    """{"note": a warning} where two results were made of the same data, as far as they tell: {} else."""
    one, two = map(_origin, (a, b))
    shared = sorted(one["files"].keys() & two["files"].keys())
    if shared:
        names = ", ".join(os.path.basename(one["files"][key]) for key in shared[:3])
    elif one["input"] and one["input"] == two["input"]:
        names = "one simulation"
    else:
        return {}
    return {"note": f"both were made of {names}: what agrees is no resolution, unless of other parts of it"}


def _origin(file: str) -> dict[str, Any]:
    """files: (size, sha256) -> path of the scan that a result was made of, and of what it leads to; input: of
    its job, where that names no file"""
    none = {"files": {}, "input": {}}
    wrong = (
        NanompiError,
        OSError,
        ValueError,
        AttributeError,
        KeyError,
        TypeError,
    )  # the notes may be anybody's
    with suppress(*wrong), open_hdf5(file) as f:
        notes = {name: at(f, f"entry_1/process_1/{name}/data") for name in ("inputs", "job")}
        known = {name: json.loads(text(field[()])) for name, field in notes.items() if field is not None}
        every, given = known.get("inputs", {}).get("files", []), known.get("job", {}).get("input", {})
        scan = [one for one in every if one["path"] == given.get("file")] or every
        files = {(one["size"], one["sha256"]): one["path"] for one in scan}
        return {"files": files, "input": {} if files or given.get("file") else given}
    return none
