"""A function of a block tried outside of a run, for the tests that `nanompi new-step` writes."""

from functools import partial

import numpy as np

from nanompi.data.blocks import Info
from nanompi.data.data import Data
from nanompi.device.cpu import Cpu
from nanompi.methods.own.blocks import dependence

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
