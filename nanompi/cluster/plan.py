"""Which step of a job can say beforehand what it needs, and which cannot."""

from nanompi.errors import JobError
from nanompi.run.foreign import foreign


def seer(job):
    """The first step that can say what the job needs. Errors: JobError where none can."""
    able = [step for step in job.steps if hasattr(step, "foresee")]
    if not able:
        names = ", ".join(step.name for step in job.steps)
        raise JobError(f"none of the steps of this job ({names}) can say beforehand what it needs")
    return able[0]


def unknown(job) -> list[str]:
    """A line where steps of others need what nobody knows."""
    others = ", ".join(step.name for step in job.steps if foreign(step))
    return [f"not known: what {others} needs; `nanompi bench` measures it"] if others else []
