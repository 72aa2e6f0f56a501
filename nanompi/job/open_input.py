"""Opens the input of a checked job as a run would: for `nanompi check`, which shows faults of the data."""

import json

from nanompi.data.ahead import must_fit
from nanompi.errors import JobError, NanompiError
from nanompi.run.reading import open_data
from nanompi.step import idle


def look(jobs: list) -> list[str]:
    """Open the input of each job and let its steps look at it; each different input once. The scans' notes.

    As `look_at`.
    """
    return look_at(jobs)[0]


def look_at(jobs: list) -> tuple[list[str], tuple[int, ...]]:
    """As `look`: (the scans' notes, shape of what the last input holds).

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
        _check_maps(job, scans[given])
    return list(dict.fromkeys(notes)), next(iter(scans.values())).shape


def _check_maps(job, data) -> None:
    """Do steps find the data, and name maps, that those before them may give? Errors: JobError, DataError.

    Steps say so by `maps_after`; behind one that does not nothing is known.
    """
    must_fit(job.steps, {"data": data.axes}, all_known=False)
    known: list[str] | None = []
    for step in job.steps:
        if known is not None and hasattr(step, "check_maps"):
            step.check_maps(known)
        known = step.maps_after(data, known) if known is not None and hasattr(step, "maps_after") else None


def look_at_all(workflow) -> list[str]:
    """The same for the items of a workflow whose input is there before it begins. Notes, each once.

    Errors: those of all items, as one JobError or DataError
    """
    seen, notes, errors, later = set(), [], [], {}
    for stage in workflow.stages:
        for job, item in [(item.alone or item.job, item) for item in stage.items]:
            text = _text([job.resolved["input"], job.resolved["steps"]])
            if workflow.folder in text:
                later[stage.name] = f"{stage.name}: what it reads is made by stages before it"
            elif text not in seen:
                seen.add(text)
                try:
                    notes += look([job])
                except NanompiError as error:
                    errors.append((error, f"stage {stage.name}, item {item.name}: {error}"))
    if errors:
        kinds = {type(error) for error, _ in errors}
        raise (kinds.pop() if len(kinds) == 1 else JobError)(*(line for _, line in errors))
    return [*dict.fromkeys(notes), *later.values()]


def _opened(job):
    """The first of the data"""
    return next(iter(open_data(job.input.file, job.input, job.reader).values()))


def _text(values) -> str:
    return json.dumps(values, sort_keys=True, default=str)
