"""Is a job file a workflow? Asked before each run, so nothing is loaded for a job that is none."""

import re
from pathlib import Path

_STAGES = re.compile(r"""\bstages["']?\s*:""")
_EXTENDS = re.compile(r"""(?:^|[{,])\s*["']?extends["']?\s*:\s*(.+)""", re.MULTILINE)


def is_workflow(file: str) -> bool:
    """Does the file, or one that it extends, have `stages:` at its top? Not where it cannot be read."""
    from nanompi.errors import JobError
    from nanompi.job.text import read_text

    try:
        text = read_text(file)
    except (OSError, JobError):
        return False
    if not (_STAGES.search(text) or _EXTENDS.search(text)):
        return False
    if not (_STAGES.search(text) or any(map(_may_be, _bases(file, text)))):
        return False
    from nanompi.job.faults import Faults
    from nanompi.job.tree import load

    return "stages" in load(file, [], Faults()).values


def _may_be(file: Path) -> bool:
    """May a base hold stages? What cannot be read, or is named by a variable, the reader of jobs looks at."""
    from nanompi.errors import JobError
    from nanompi.job.text import read_text

    try:
        text = read_text(str(file))
    except (OSError, JobError):
        return True
    return bool(_STAGES.search(text) or _EXTENDS.search(text))


def _bases(file: str, text: str) -> list[Path]:
    names = [name.split("#")[0].strip().strip("\"'}") for name in _EXTENDS.findall(text)]
    return [Path(file).parent / name for name in names]
