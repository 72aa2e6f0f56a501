"""What a run can do. Nothing outside this folder knows a method but by its registry."""

import importlib
import pkgutil

from nanompi.run.foreign import plug_in
from nanompi.step import METHODS


def discover() -> dict[str, dict[str, type]]:
    """Import all modules in which parts register themselves, and the entry points `nanompi.methods` of other
    packages; one that cannot be imported is left out (`nanompi.run.foreign.BROKEN`)."""
    from importlib.metadata import entry_points

    for module in pkgutil.walk_packages(__path__, __name__ + "."):
        importlib.import_module(module.name)
    for point in entry_points(group="nanompi.methods"):
        plug_in(point)
    return METHODS
