"""One of several runs of a program: by a group of ranks, and how it ended. For sweeps and workflows."""

import gc
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import replace

from nanompi.errors import NanompiError, Stopped, complain, exit_code
from nanompi.job.folder import held, writing
from nanompi.report.at_the_end import at_the_end
from nanompi.report.figures import pictures
from nanompi.run.figures import summary
from nanompi.run.life import Ranks, live
from nanompi.run.reuse import Reuse
from nanompi.timing import Clock
from nanompi.workflow.task import Task

BEFORE = "result.before.h5"  # the result of an item that is made anew, until the new one stands


def _say(task: Task):
    print(task.line(), flush=True)


def attempt(ranks: Ranks, task: Task, work: Callable[[Ranks], dict], say: Callable[[Task], None] = _say):
    """One task, and how it ended: noted in its folder and said in one line (collective in the group).

    work : work(ranks) runs it; its figures. say : tells how it ended (rank 0 of the group)
    An error that all ranks of the group meet ends the task alone.
    Errors: Stopped; any error that strikes a single rank
    """
    begun, error, figures, group = time.monotonic(), None, {}, ranks.team
    try:
        figures = work(ranks)
    except Stopped:
        raise
    except Exception as e:
        error = e
        if e.trace if isinstance(e, NanompiError) else not isinstance(e, MemoryError):
            complain(e, e.__traceback__, f"{task.path.name}: ")
        e.__traceback__ = e.__context__ = None  # they would keep the arrays of the run
    gc.collect()
    try:
        failed = group.agree(error)
    except Exception as e:
        e.args = (f"{task.path.name}: {e}",)
        task.record(exit_code(e), str(e), time.monotonic() - begun, {})
        raise
    code, message = failed or (0, "")
    if group.root:
        seconds = time.monotonic() - begun
        task.record(code, message, seconds, figures)
        if code and (said := _put_back(task)):
            task.record(code, f"{message}; {said}", seconds, figures)
        if task.done():
            with suppress(OSError):
                (task.path / BEFORE).unlink(missing_ok=True)
        say(task)


def _put_back(task: Task) -> str:
    """Where none was made anew the result of before stands again; what there is to say of it.

    To be called when the outcome is noted: a result without one would be taken for a new one.
    """
    old, result = task.path / BEFORE, task.path / "result.h5"
    if not old.is_file():
        return ""
    with suppress(OSError):
        if not result.exists():
            old.replace(result)
            return "result.h5 is still the one that it had before"
    return f"the result that it had before is {BEFORE}"


def run_of(ranks: Ranks, task: Task, prepare: Callable, reuse: Reuse | None = None, writers=(pictures,)):
    """Run a task as `nanompi run` would; its figures (rank 0 of the group has them).

    prepare : as `nanompi.run.life.live` wants it; the task has its job then
    writers : as `nanompi.run.perform.perform` wants them
    """
    run = live(replace(ranks, clock=Clock()), prepare, writers, "none", reuse, at_the_end)
    return run.team.on_root(lambda: summary(run, task.job.steps))


@contextmanager
def prepared(task: Task, vendor: str, hosts: list[str]):
    """The folder of the task is locked, as that of any run, and holds no outcome of an earlier one."""
    with held(task.job, task.path, vendor, hosts, anew=True) as begun:
        with writing(task.path):
            # The result first: one without an outcome is that of a run that was ended in its report.
            if task.outcome() and (task.path / "result.h5").is_file():
                (task.path / "result.h5").replace(task.path / BEFORE)
            (task.path / "result.h5").unlink(missing_ok=True)
            (task.path / "outcome.json").unlink(missing_ok=True)
        yield begun
