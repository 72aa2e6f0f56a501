"""Is the result right? What steps say of what they made, and the worst of it: the verdict of the run.

    give(run, "ptycho", "doubtful", "the frames want to move by 0.4 px", paste="positions: true", held=1.31)

A step knows one of three grades, or says nothing:

good     : all that was tested is as it should be
doubtful : a figure tells that something is missing, or nothing could be tested
wrong    : a test tells that the image does not show the sample

It stands at the end of the log, in status.json, and in the result (process_1/verdict).
"""

from typing import Any

import numpy as np

from nanompi.errors import NumbersError, common

GRADES = ("good", "doubtful", "wrong")
ERRORS = "_errors"  # standard errors: there may be none
SHOWN = 8  # names in a sentence
PIECE = 1 << 20  # values looked at together


def give(run, step: str, grade: str, words: str = "", paste: str = "", **figures):
    """What a step says of its result; a later word of the same step takes the place of its first.

    words : one sentence, the reason; paste : the line of the job that would mend it
    figures : by which it was judged, plain numbers and texts
    """
    if grade not in GRADES:
        raise ValueError(f"{grade}: a grade is one of {', '.join(GRADES)}")
    own = {"grade": grade, "words": words, "paste": paste, **figures}
    run.result.notes.setdefault("verdict", {}).setdefault("steps", {})[step] = own


def worst(steps: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Grade, words and lines to paste of those with the worst grade; {} where no step gave one."""
    if not steps:
        return {}
    grade = max((own["grade"] for own in steps.values()), key=GRADES.index)
    those = {name: own for name, own in steps.items() if own["grade"] == grade}
    words = "; ".join(f"{name}: {own['words']}" for name, own in those.items() if own["words"])
    lines = dict.fromkeys(own["paste"] for own in those.values() if own["paste"])
    return {"grade": grade, "words": words, "paste": "\n".join(lines)}


def judge_numbers(run):
    """What block steps gave is wrong where none of it holds a number, doubtful where some of it holds none:
    NaN all over (collective)."""
    given = {k: run.data[k].values for k in run.given if k in run.data and not k.endswith(ERRORS)}
    own = {k: v for k, v in given.items() if getattr(v, "dtype", np.dtype(int)).kind in "fc"}
    names = run.team.bcast(list(own))  # rank 0 may have some alone
    known = run.team.total(*(name in own and has_number(own[name]) for name in names)) if names else ()
    empty = [name for name, some in zip(names, known) if not some]
    if empty:
        grade = "wrong" if len(empty) == len(names) else "doubtful"
        some = ", ".join(empty[:SHOWN]) + " ..." * (len(empty) > SHOWN)
        give(run, "result", grade, f"not one number in {some}: NaN everywhere")


def has_number(values: np.ndarray) -> bool:
    """Is one of them neither NaN nor infinite? No more is looked at than it takes."""
    rows = np.atleast_1d(values)
    step = max(1, PIECE * len(rows) // max(1, rows.size))
    return any(np.isfinite(rows[i : i + step]).any() for i in range(0, len(rows), step))


def conclude(run) -> dict[str, str]:
    """The verdict of all steps, into the notes and to those who look at the status (collective)."""
    notes = run.result.notes
    found = run.team.bcast(worst(notes.get("verdict", {}).get("steps", {})) if run.team.root else None)
    if found:
        notes["verdict"] = {**found, "steps": notes.get("verdict", {}).get("steps", {})}
        run.note("writing", verdict=found["grade"], reason=found["words"])
    return found


def tell(run, found: dict[str, str], strict: bool):
    """The last word of the log; found : as `conclude` gave it (collective).

    strict : Errors: NumbersError where it is not good, on all ranks.
    """
    if not found:
        return
    text = f"the result is {found['grade']}" + f": {found['words']}" * bool(found["words"])
    said = f"{text}\n  in the job: " + found["paste"].replace("\n", "\n              ")
    text = said if found["paste"] else text
    if found["grade"] == "good":
        return run.say(text)
    if strict:
        line = f"; in the job: {'; '.join(found['paste'].splitlines())}" * bool(found["paste"])
        words = f"the result is {found['grade']}: {found['words']}{line} (run.strict; all has been written)"
        raise common(NumbersError(words))
    run.team.on_root(lambda: run.warn(text))
