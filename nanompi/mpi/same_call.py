"""NANOMPI_CHECK=1: do all ranks call the same verb, with arrays of one shape and type, from the same line?

Where they do not, MPI would stand still, fail with words of its own, or add up what does not belong together.
"""

import os
import sys

from nanompi.errors import NanompiError, StepError, common

CHECK = os.environ.get("NANOMPI_CHECK", "") not in ("", "0")
BETWEEN_TWO = ("recv", "wait")  # verbs that not all ranks call
OURS = "nanompi"


def compare(team, verb: str, arrays=()):
    """Before a verb (collective). Errors, on all ranks: StepError or NanompiError that names two lines."""
    if team.size == 1 or verb in BETWEEN_TWO:
        return
    what = [f"{a.shape} {a.dtype.name}" for a in arrays if verb == "sum"]
    called = team.comm.allgather((" ".join([verb, *(["of", " and ".join(what)] * bool(what))]), *place()))
    other = next((r for r, call in enumerate(called) if call != called[0]), None)
    if other is None:
        return
    texts = [f"rank {r} calls {called[r][0]} in {called[r][1]}" for r in (0, other)]
    kind = StepError if called[0][2] or called[other][2] else NanompiError
    rule = "Every rank must call the same verbs, in the same order, with arrays of the same shapes"
    raise common(kind(f"the ranks do different things: {texts[0]}; {texts[1]}. {rule}"))


def others_go_on(team) -> NanompiError | None:
    """The error where this rank has come to its end and others have not (collective)."""
    try:
        compare(team, "nothing more")
    except NanompiError as e:
        return e
    return None


def place() -> tuple[str, bool]:
    """("FILE, line N" of what calls the verb, is it foreign): the innermost line of a part of somebody else's
    that nanompi has called, or else the line that calls the team."""
    frames, frame = [], sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name not in ("nanompi.mpi.same_call", "nanompi.mpi.team", "nanompi.mpi.halo"):
            frames.append((name.split(".")[0], f"{frame.f_code.co_filename}, line {frame.f_lineno}"))
        frame = frame.f_back
    last = max((i for i, (top, _) in enumerate(frames) if top == OURS), default=-1)
    for i, (top, where) in enumerate(frames):
        if top != OURS and top not in sys.stdlib_module_names and (i < last or last < 0):
            return where, True
    return (frames[0][1] if frames else "?"), False
