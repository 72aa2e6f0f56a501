"""The input of a job as data with axes: what a reader gives, checked and selected; nothing is loaded."""

from contextlib import nullcontext

import numpy as np

from nanompi.data.data import Data, even
from nanompi.data.source import SelectedFrames, complete
from nanompi.errors import DataError, StepError
from nanompi.io.hdf5 import foreign
from nanompi.run.foreign import blamed

FACTS = ("energy", "distance", "pixel")  # that a job may give in the input section


def open_data(file: str, given, reader) -> dict[str, Data]:
    """What `reader` (an instance with its parameters) gives, by name (rank 0).

    given : the section `input`. Errors: DataError, JobError, ResourceError; StepError of a foreign reader.
    """
    with foreign(file) if file else nullcontext():
        with blamed():
            opened = reader.open(file, given)
        named = opened if isinstance(opened, dict) else {"data": opened}
        _as_declared(reader, named)
        return {name: _completed(data, given) for name, data in named.items()}


def _as_declared(reader, opened: dict):
    """Errors: StepError where a reader gives something else than data of the axes that it declares."""
    for name, one in opened.items():
        if not isinstance(one, Data):
            kind = type(one).__name__
            raise StepError(f'reader "{reader.name}" failed: it gives {kind} in place of Data as "{name}"')
    axes, declared = {name: data.axes for name, data in opened.items()}, getattr(reader, "gives", {})
    if {name: axes.get(name) for name in declared} != declared:
        raise StepError(f'reader "{reader.name}" failed: it gives {axes}; declared: {declared}')


def _completed(data: Data, given) -> Data:
    if data.source is not None:
        data.source = complete(data.source)
    if hasattr(data, "completed"):  # data with rules of their own
        return data.completed(given)
    if len(data.shape) != len(data.axes):
        raise DataError(f"{data.file}: an array of the shape {data.shape} has no axes {', '.join(data.axes)}")
    for axis, (values, _) in data.coords.items():
        if axis not in data.axes or len(values) != data.size(axis):
            raise DataError(f"{data.file}: {len(values)} values of {axis} for data of {data}")
    known = {name: getattr(given, name, None) for name in FACTS}
    data.facts = data.facts | {name: value for name, value in known.items() if value is not None}
    return data if given.select.whole else selected(data, given.select)


def selected(data: Data, select) -> Data:
    """Some rows of the data, as the job says. Errors: JobError."""
    axis, every = data.axes[0], data.shape[0]
    numbers = select.numbers(every)
    values = None if data.values is None else data.values[numbers]
    out = data.holding(values, "", [])
    out.source = None if data.source is None else SelectedFrames(data.source, numbers)
    if axis in data.coords:
        along, unit = data.coords[axis]
        out.coords = data.coords | {axis: (np.asarray(along)[numbers], unit)}
    out.notes = [*data.notes, f"selected {select}: {len(numbers)} of {every} along {axis}"]
    return out


def spread_evenly(data: Data, ranks: int) -> Data:
    """Data that a reader gives, of which each rank will read an equal run of rows."""
    if data.source is None or data.spread:
        return data
    return data.holding(None, data.axes[0], even(data.shape[0], ranks))
