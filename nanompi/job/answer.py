"""What a check finds, as plain values for programs: pages, editors, notebooks."""

import math
from typing import Any

from nanompi.errors import NanompiError, shown
from nanompi.job.faults import Fault


def answer(file: str, settings: list[str] = (), data: bool = True) -> dict[str, Any]:
    """Check a job file, and its input where `data`. Call `nanompi.methods.discover()` before.

    code   : the exit code of `nanompi check`
    faults : of each its path (steps by their number), file, line, column (0 = not in a file), text, and data:
             is the input to blame, and not the job? Empty for a job without faults, of which then are told
    name, input (the reader), shape (of the data, [] where they were not opened)
    steps, settings (how many a sweep makes), swept (paths), notes, left_out (parts
    of others that cannot be loaded), resolved (the job with every default)
    A workflow has in place of input and steps `stages`: of each its name, items, chunks, needs, input, steps
    """
    from nanompi.job.kind import is_workflow
    from nanompi.job.open_input import look_at
    from nanompi.job.stages import read_workflow
    from nanompi.job.sweeps import read_settings
    from nanompi.run.foreign import BROKEN

    try:
        if is_workflow(file):
            return _of_workflow(read_workflow(file, settings), data)
        found = read_settings(file, settings)
        notes, shape = look_at([one.job for one in found.settings]) if data else ([], ())
    except NanompiError as error:
        return {"code": error.code, "faults": faults_of(error)}
    job = found.settings[0].job
    return {
        "code": 0,
        "faults": [],
        "name": job.name,
        "input": job.reader.name,
        "shape": list(shape),
        "steps": [step.name for step in job.steps],
        "settings": len(found.settings),
        "swept": list(found.settings[0].values),
        "notes": [shown(note) for note in notes],
        "left_out": [shown(why) for why in BROKEN.values()],
        "resolved": finite(job.resolved),
    }


def _of_workflow(workflow, data: bool) -> dict[str, Any]:
    """The answer for a workflow without faults. Errors: those of the inputs that are there."""
    from nanompi.job.open_input import look_at_all
    from nanompi.run.foreign import BROKEN

    notes = look_at_all(workflow) if data else []
    return {
        "code": 0,
        "faults": [],
        "name": workflow.name,
        "stages": [_of_stage(stage) for stage in workflow.stages],
        "settings": sum(len(stage.items) for stage in workflow.stages),
        "notes": [shown(note) for note in notes],
        "left_out": [shown(why) for why in BROKEN.values()],
        "resolved": finite(resolved_stages(workflow)),
    }


def resolved_stages(workflow) -> dict[str, Any]:
    """The job of the first item of each stage, with every default."""
    return {stage.name: stage.items[0].job.resolved for stage in workflow.stages}


def _of_stage(stage) -> dict[str, Any]:
    job = stage.items[0].job
    return {
        "name": stage.name,
        "items": len(stage.items),
        "chunks": len(stage.chunks),
        "needs": stage.needs,
        "input": job.reader.name,
        "steps": [step.name for step in job.steps],
    }


def faults_of(error: NanompiError) -> list[dict[str, Any]]:
    """The faults that an error tells, as `answer` gives them; one without a place for another error."""
    return [_plain(one) for one in error.faults] or [
        {"path": "", "file": "", "line": 0, "column": 0, "text": str(error), "data": error.code == 3}
    ]


def _plain(fault: Fault) -> dict[str, Any]:
    place = fault.place
    where = {"path": fault.counted, "file": place.file, "line": place.line, "column": place.column}
    return {name: shown(v) if isinstance(v, str) else v for name, v in where.items()} | {
        "text": shown(fault.text),
        "data": fault.data,
    }


def finite(value):
    """The same values, inf and nan as text: JSON has neither."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
