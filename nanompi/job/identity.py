"""What makes two runs the same job: a checkpoint of one may go on in the other."""

import hashlib
import json
import os


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
