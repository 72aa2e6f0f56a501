"""Which step of a job can say beforehand what it needs; a job of block steps alone is tried."""

from nanompi.errors import JobError
from nanompi.run.foreign import foreign


class Trials:
    """In place of a step that can say what the job needs: all of them, on part of the data."""

    @staticmethod
    def foresee(job, threads: int):
        """`nanompi.cluster.tried.Tried`. Errors: JobError, DataError."""
        from nanompi.cluster.tried import Tried

        return Tried(job, threads)


def seer(job):
    """The first step that can say what the job needs, or what tries the job.

    Errors: JobError where there are steps of others, which are not tried.
    """
    able = [step for step in job.steps if hasattr(step, "foresee")]
    if able:
        return able[0]
    if any(map(foreign, job.steps)):
        names = ", ".join(step.name for step in job.steps)
        raise JobError(f"none of the steps of this job ({names}) can say beforehand what it needs")
    return Trials


def unknown(job) -> list[str]:
    """A line where steps of others need what nobody knows."""
    others = ", ".join(step.name for step in job.steps if foreign(step))
    return [f"not known: what {others} needs; `nanompi bench` measures it"] if others else []
