"""A function of a block, or a program, tried outside of a run: for tests that `nanompi new-step` writes."""

import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from nanompi.data.blocks import Info
from nanompi.data.data import Data
from nanompi.device.cpu import Cpu
from nanompi.errors import StepError
from nanompi.methods.own import handed
from nanompi.methods.own.blocks import dependence
from nanompi.methods.own.command import python
from nanompi.methods.own.program import Program, why_not

AXES = ("point", "row", "column")


def applied(function, items, axes: tuple[str, ...] = AXES, **parameters) -> np.ndarray:
    """What the function gives for a block of all items. axes : of the items, the first is walked over"""
    return np.asarray(function(items, info_of(items, axes), **parameters))


def differences(function, items, axes: tuple[str, ...] = AXES, **parameters) -> str:
    """How the result of an item depends on which others stand in its block; "" where it does not."""
    return dependence(partial(function, **parameters), items, info_of(items, axes))


def info_of(items, axes: tuple[str, ...] = AXES) -> Info:
    """What a step may know of a block of all items."""
    numbers = np.arange(len(items))
    return Info(Data(axes=tuple(axes), values=items), numbers, {axes[0]: numbers}, Cpu("single", 1))


def given_back(words: list, values: np.ndarray, axes: tuple[str, ...] = AXES) -> np.ndarray:
    """What a program gives for an array, as the step `shell` would take it. Errors: StepError.

    words : its command, in which "{in}" and "{out}" are HDF5 files, "{python}" the Python of this program
    """
    data = Data(axes=tuple(axes), values=values)
    with tempfile.TemporaryDirectory() as folder:
        files = {"{in}": Path(folder) / "data.h5", "{out}": Path(folder) / "result.h5"}
        files |= {"{python}": python()}
        handed.begun(data, files["{in}"], handed.HDF5).write(np.arange(len(values)), values)
        words = [str(files.get(word, word)) for word in map(str, words)]
        program = Program(words, os.getcwd(), dict(os.environ), None, Path(folder))
        try:
            while program.runs(1.0):
                pass
        finally:
            program.end()
        if why := why_not(program.outcome):
            raise StepError(why, *program.last)
        given = handed.read(files["{out}"], handed.HDF5, handed.Wanted.of(data, [], []), True)
        return given.source.read(np.arange(given.shape[0])).astype(given.dtype)
