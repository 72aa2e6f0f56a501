"""Maps by name from a result with one entry for each line, component, peak ..."""

import numpy as np

from nanompi.data.data import Data


def named(run, key: str, names: list[str], unit: str = "", errors: str = "") -> None:
    """run.data[name] for each entry along the last axis of run.data[key], which is taken away; nothing moves.

    names  : of the entries, in order; results of the run from now on
    errors : of another result of the same axes: their standard errors, which become NAME_errors
    """
    for source, mark in ((key, ""), (errors, "_errors")) if errors else ((key, ""),):
        data = run.data.pop(source)
        run.given.pop(source, None)
        about = {"spread": data.spread, "parts": data.parts, "facts": data.facts, "file": data.file}
        coords = {axis: known for axis, known in data.coords.items() if axis in data.axes[:-1]}
        for k, name in enumerate(names):
            values = np.ascontiguousarray(data.values[..., k])
            title = name.replace("_", " ") + (", standard error" if mark else "")
            axes = data.axes[:-1]
            run.data[name + mark] = Data(
                axes=axes, values=values, coords=coords, unit=unit or data.unit, title=title, **about
            )
            run.given[name + mark] = None
