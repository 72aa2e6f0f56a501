"""nanompi: from a hard X-ray nanoprobe scan to an image, as one MPI program.

    import nanompi
    result = nanompi.reconstruct(frames, x=x, y=y, energy="8 keV", distance="2.1 m", pixel="55 um")
    result = nanompi.run("job.yaml")
    result = nanompi.load("runs/job/latest")

What stands behind these names is imported when one of them is used (`nanompi.api`).
"""

__version__ = "0.1.0"

_OFFERED = {"reconstruct": "api", "run_job": "api", "load": "api", "Result": "api", "NanompiError": "errors"}


def __getattr__(name: str):
    import importlib

    if name == "run":  # the package can be called: nanompi.run(job)
        return importlib.import_module("nanompi.run")
    if name in _OFFERED:
        return getattr(importlib.import_module(f"nanompi.{_OFFERED[name]}"), name)
    raise AttributeError(f"module 'nanompi' has no attribute '{name}'")


def __dir__():
    return sorted([*globals(), *_OFFERED, "run"])
