"""From the keywords of `nanompi.reconstruct` to a job, and to the arrays that its reader gets.

A keyword is a parameter of the job by its own name: those of `input` and of the step `ptycho` stand alone
(`select=`, `heldout=`, `probe={"modes": 2}`); `prepare=`, `finish=`, `run=` and `output=` hold those of the
steps ptycho.prepare and ptycho.finish and of these sections.
"""

from typing import Any

from nanompi.api.values import is_array, written
from nanompi.errors import JobError, nearest
from nanompi.job.faults import Faults, Place
from nanompi.job.job import SECTIONS
from nanompi.job.model import parameters
from nanompi.step import METHODS

ARRAYS = ("x", "y", "mask", "dark", "monitor")
EITHER = ("positions", "probe", "object", "pixel")  # arrays of the input, or parameters of the job
STEPS = {"prepare": "ptycho.prepare", "finish": "ptycho.finish"}


def split(keywords: dict[str, Any], faults: Faults) -> tuple[dict, dict[str, Any]]:
    """(job as plain values, arrays by name); what is wrong goes to `faults`."""
    given = {name: one for name, one in keywords.items() if one is not None}
    arrays = {name: given.pop(name) for name in ARRAYS if name in given}
    for name, one in arrays.items():
        if isinstance(one, dict):
            text = f'an array is needed; for the parameters of this name: prepare={{"{name}": ...}}'
            faults.add(Place(), name, text)
    arrays |= {name: given.pop(name) for name in EITHER if is_array(given.get(name))}
    _starts(given, arrays)
    job = {"input": {"format": "arrays"}, "ptycho": {"use": "ptycho"}}
    homes = _homes()
    for name, one in given.items():
        _put(job, homes, name, one, faults)
    steps = [job.pop(name) for name in ("prepare", "ptycho", "finish") if name in job]
    return {"nanompi": 1, **job, "steps": steps}, arrays


def _starts(given: dict, arrays: dict):
    """An object or a probe to start from is an array of the input, also as {"start": array, ...}."""
    for name in ("probe", "object"):
        if isinstance(given.get(name), dict) and is_array(given[name].get("start")):
            arrays[name] = given[name]["start"]
            given[name] = {key: one for key, one in given[name].items() if key != "start"}
    if "object" in arrays:
        given["object"] = {"start": "input", **given.get("object", {})}


def _homes() -> dict[str, str]:
    """Where in the job a keyword belongs; "" for one that is a section or a step itself."""
    reader = [name for name in parameters(METHODS["reader"]["arrays"])]
    own = [name for name in parameters(SECTIONS["input"]) if name not in ("file", "format")]
    of_step = parameters(METHODS["step"]["ptycho"])
    return dict.fromkeys([*own, *reader], "input") | dict.fromkeys(of_step, "ptycho") | dict.fromkeys(
        [*STEPS, "run", "output"], ""
    )  # fmt: skip


def _put(job: dict, homes: dict, name: str, one: Any, faults: Faults):
    """One keyword into the job."""
    if name not in homes:
        known = [*ARRAYS, *EITHER, *homes]
        text = f'unknown parameter "{name}"{nearest(name, known)}; allowed: {", ".join(dict.fromkeys(known))}'
        return faults.add(Place(), name, text)
    try:
        one = written(one)
    except JobError as error:
        return faults.add(Place(), name, str(error))
    if homes[name]:
        job[homes[name]][name] = one
    elif not isinstance(one, dict):
        faults.add(Place(), name, f"{one!r} does not fit here; allowed: a mapping")
    else:
        job[name] = ({"use": STEPS[name]} if name in STEPS else {}) | one
