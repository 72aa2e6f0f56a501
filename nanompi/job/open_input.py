"""Opens the input of a checked job as a run would: for `nanompi check`, which shows faults of the data."""

import json

from nanompi.run.reading import open_data
from nanompi.step import idle


def look(jobs: list) -> list[str]:
    """Open the input of each job and let its steps look at it; each different input once. The scans' notes.

    A step may have `check(data)`, of the first of the data, which raises what its `run` would raise of files
    and values, and may give a list of notes.
    Errors: those of the run: DataError, JobError, ResourceError.
    """
    scans, seen, notes = {}, set(), []
    for job in jobs:
        given = _text(job.resolved["input"])
        if given not in scans:
            scans = {given: _opened(job)}  # one at a time: they are large
            notes += scans[given].notes
        for step, values in zip(job.steps, job.resolved["steps"]):
            once = (given, _text(values))
            if hasattr(step, "check") and once not in seen and not idle(step, scans[given]):
                notes += step.check(scans[given]) or []
                seen.add(once)
    return list(dict.fromkeys(notes))


def _opened(job):
    """The first of the data"""
    return next(iter(open_data(job.input.file, job.input, job.reader).values()))


def _text(values) -> str:
    return json.dumps(values, sort_keys=True, default=str)
