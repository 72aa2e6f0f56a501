"""For ranks in processes of their own: test parts, and a program that does little."""

import os
import sys
import time

if os.environ.get("NANOMPI_TEST_PERFORM"):
    sys.path.insert(0, os.environ["NANOMPI_TEST_ROOT"])
    from nanompi import methods, step
    from nanompi.errors import NumbersError
    from nanompi.run import perform as program
    from tests.job import parts
    from tests.patience import patience

    parts.register()
    methods.discover = lambda: step.METHODS

    def perform(job, run, *_):
        """Do what the environment says: tell the ranks, fail on one of them, or sleep."""
        what = os.environ["NANOMPI_TEST_PERFORM"]
        threads = os.environ["OMP_NUM_THREADS"]
        team, folder = run.team, run.folder
        run.say(f"{job.steps[0].name} {int(team.total(team.rank + 1)[0])} of {team.size}, {threads} thread")
        run.warn("hello")
        if what == "fail" and team.rank == team.size - 1:
            raise NumbersError("not a number")
        if what in ("sleep", "fail"):
            (folder / f"asleep-{team.rank}").touch()
            time.sleep(patience(90))  # longer than a test waits
        if team.root:
            (folder / "result.h5").touch()
            (folder / "phase.png").touch()

    program.perform = perform
