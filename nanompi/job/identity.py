"""What makes two runs the same job: a checkpoint of one may go on in the other."""

import hashlib
import json
import os

from nanompi.job import yaml12
from nanompi.job.faults import Faults


def same_job(text: str, resolved: dict) -> bool:
    """Does the text of a job.resolved.yaml ask for the same answer? `run` and `output` may differ."""
    one, other = (_answer(t) for t in (text, yaml12.write(resolved)))
    return one is not None and one == other


def _answer(text: str) -> dict | None:
    """What of a resolved job changes the answer; None where the text is no job."""
    faults = Faults()
    values, _ = yaml12.read(text, "job.resolved.yaml", faults)
    if len(faults) or not isinstance(values, dict):
        return None
    return {k: yaml12.plain(v) for k, v in values.items() if k not in ("run", "output")}


def identity(job) -> dict[str, str]:
    """{"job": hash of all that changes the answer, "input": size and time of the input file}"""
    own = {k: v for k, v in job.resolved.items() if k not in ("run", "output")}
    text = json.dumps(own, sort_keys=True, default=str)
    return {"job": hashlib.sha256(text.encode()).hexdigest()[:16], "input": _stamp(job.input.file)}


def _stamp(file) -> str:
    if not isinstance(file, str) or not os.path.isfile(file):
        return "none"
    told = os.stat(file)
    return f"{told.st_size} bytes, changed at {told.st_mtime_ns / 1e9:.6f}"
