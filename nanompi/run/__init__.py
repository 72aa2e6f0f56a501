"""One run from start to end: the loop over steps, log, status, checkpoints, lock, watchdog, metrics.

The package can be called, since `nanompi.run(job)` is what a program of the user's writes (`nanompi.api`).
"""

import sys
import types


class _Callable(types.ModuleType):
    def __call__(self, job, **options):
        """`nanompi.run(job, ...)`, see `nanompi.api.run_job`."""
        import nanompi

        return nanompi.run_job(job, **options)


sys.modules[__name__].__class__ = _Callable
