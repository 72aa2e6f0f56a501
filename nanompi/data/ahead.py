"""What data there will be behind each step, as far as readers and steps declare it: before a run."""

from nanompi.data.data import core_of, free_of, replaced
from nanompi.step import OWN, Total

Known = dict[str, tuple[str, ...] | None]  # axes of data by name; None = not known


def given_by(step, axes: tuple[str, ...] | None) -> Known:
    """The axes of what a step gives; axes : of what it takes"""
    gives = getattr(step, "gives", ())
    if not getattr(step, "each", ""):
        return gives if isinstance(gives, dict) else dict.fromkeys(gives)
    if axes is None:
        return dict.fromkeys(gives or (step.takes,))
    core = core_of(step.each, axes)
    free = free_of(core, axes)
    made = {k: kind.axes if isinstance(kind, Total) else (*free, *kind.axes)
            for k, kind in gives.items() if not k.startswith(OWN)}  # fmt: skip
    return made or {step.takes: replaced(step.each, step.makes, axes)}


def behind(step, known: Known) -> Known:
    """What a step adds to the data that are known."""
    if hasattr(step, "axes_of"):
        return step.axes_of(known)
    axes = known.get(getattr(step, "takes", ""))
    return given_by(step, axes if axes and core_of(step.each, axes) is not None else None)


def sure(steps: list) -> bool:
    """Do these steps give nothing but what they declare? Those of a user may."""
    return all(type(one).__module__.startswith("nanompi.") and one.name != "python" for one in steps)


def must_fit(steps: list, known: Known, all_known: bool = True) -> None:
    """A step may have fits(known, sure), which raises what its `run` would raise of the data that are there.

    known : what the reader gives; all_known : there is nothing else
    Errors: JobError, DataError of the steps.
    """
    for k, one in enumerate(steps):
        if hasattr(one, "fits"):
            one.fits(known, all_known and sure(steps[:k]))
        known = known | behind(one, known)
