"""`with fake_cupy(CARDS=2):` the stand-in for CuPy in this process, fresh, and gone afterwards."""

import os
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

FOLDER = str(Path(__file__).parent)
ROOT = str(Path(__file__).parents[3])


@contextmanager
def fake_cupy(**settings):
    """The module `cupy` of the stand-in. settings: NANOMPI_FAKE_<NAME>, as an environment for its time.

    Modules that import cupy are to be imported inside; those of nanompi.device that have it are dropped
    at both ends.
    """
    settings = {f"NANOMPI_FAKE_{k}": str(v) for k, v in settings.items()}
    before = {k: os.environ.get(k) for k in settings}
    kept = {k: sys.modules.pop(k) for k in list(sys.modules) if _ours(k)}
    sys.path.insert(0, FOLDER)
    os.environ.update(settings)
    try:
        yield import_module("cupy")
    finally:
        sys.path.remove(FOLDER)
        for k in [k for k in sys.modules if _ours(k)]:
            del sys.modules[k]
        sys.modules.update(kept)
        for k, v in before.items():
            os.environ.pop(k) if v is None else os.environ.update({k: v})


def _ours(name: str) -> bool:
    return name.split(".")[0] in ("cupy", "cupyx") or name == "nanompi.device.cuda"


def environment(**settings) -> dict:
    """The environment of a child process in which `import cupy` gives the stand-in."""
    path = os.pathsep.join(filter(None, (FOLDER, ROOT, os.environ.get("PYTHONPATH"))))
    return dict(os.environ, PYTHONPATH=path) | {f"NANOMPI_FAKE_{k}": str(v) for k, v in settings.items()}
