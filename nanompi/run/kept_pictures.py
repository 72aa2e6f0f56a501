"""Pictures of a run that was stopped, as its checkpoint keeps them: what has drawn them is not done again."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nanompi.run.marks import attributes, marks_of
from nanompi.run.result import Signal
from nanompi.run.writers.pictures import small

ABOVE = "picture"  # of the arrays' names
PARTS = ("data", "seen", "errors")
WORDS = ("unit", "title", "show", "usual", "note")
KINDS = "biufc"  # of dtypes that a checkpoint holds


def arrays_of(pictures: dict[str, Signal]) -> dict[str, np.ndarray]:
    """{"picture/NAME/...": array} of what `pictures_of` reads; one of other than numbers is left out."""
    return {
        f"{ABOVE}/{name}/{part}": array
        for name, signal in pictures.items()
        if all(array.dtype.kind in KINDS for array in _arrays(signal).values())
        for part, array in _arrays(small(signal)).items()
    }


def about(pictures: dict[str, Signal]) -> dict[str, dict[str, Any]]:
    """What else is to be kept of them, as JSON has it."""
    return {
        name: {word: getattr(signal, word) for word in WORDS}
        | {"axes": [[axis, unit] for axis, (_, unit) in signal.axes.items()]}
        | {"marks": attributes(signal.marks)}
        for name, signal in pictures.items()
    }


def pictures_of(known: dict[str, dict], names: list[str], array: Callable) -> dict[str, Signal]:
    """The pictures again. known : by `about`; names : of the arrays that there are; array(name) gives one"""
    held = {name for name in names if name.startswith(f"{ABOVE}/")}
    return {
        name: _signal(own, lambda part, name=name: array(f"{ABOVE}/{name}/{part}"), name, held)
        for name, own in known.items()
        if f"{ABOVE}/{name}/data" in held
    }


def _arrays(signal: Signal) -> dict[str, np.ndarray]:
    own = {part: getattr(signal, part) for part in PARTS}
    own |= {f"axis/{axis}": values for axis, (values, _) in signal.axes.items()}
    own["values"] = signal.marks.values
    return {part: np.asarray(array) for part, array in own.items() if array is not None}


def _signal(own: dict, array: Callable, name: str, held: set[str]) -> Signal:
    given = {part: array(part) for part in PARTS if f"{ABOVE}/{name}/{part}" in held}
    marks = marks_of(own["marks"])
    marks.values = array("values") if f"{ABOVE}/{name}/values" in held else None
    axes = {axis: (array(f"axis/{axis}"), unit) for axis, unit in own["axes"]}
    return Signal(axes=axes, marks=marks, **given, **{word: own[word] for word in WORDS})
