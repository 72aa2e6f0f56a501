"""The true maps of a simulation, kept in the result for `nanompi compare A truth`."""

from collections.abc import Mapping

import numpy as np

from nanompi.run.result import TRUTH


def keep_truth(run, maps: Mapping) -> None:
    """True maps by name, those of the simulated data, into the result."""
    for name, values in maps.items():
        run.result.arrays[f"{TRUTH}/{name}"] = np.asarray(values)
