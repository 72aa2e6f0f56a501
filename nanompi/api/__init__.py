"""For programs and notebooks in Python: the same path as the command line, in memory.

    result = nanompi.reconstruct(frames, x=x, y=y, energy="8 keV", distance="2.1 m", pixel="55 um")
    result.object, result.probe, result.pixel, result.history, result.verdict

Nothing is written unless a folder is given, nothing is printed unless `log=True`. Errors are exceptions with
all faults (`error.faults`); an interrupt ends iterations early, with the result that there is. Under
`mpirun -n 4 python script.py` every rank calls the same; arrays of the result stand on rank 0, and figures,
verdict and history on all.
"""

from nanompi.api.calls import load, reconstruct, run_job
from nanompi.api.result import Result

__all__ = ["Result", "load", "reconstruct", "run_job"]
