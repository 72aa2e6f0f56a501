"""The rays of a tomogram: which line each value of a sinogram is the integral along."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Rays:
    """Column t of the projection at angle a is the integral along

        t = (x - (size - 1) / 2) cos a + (y - (size - 1) / 2) sin a + axis

    angles : (A,) float64, rad, in any order
    share  : (A,) float64, rad, the part of the half turn that each stands for (`angles.weights`)
    columns, size : of a sinogram, and of a slice (size, size): x to the right, y down
    weighted : values have shares, and are 0 where nobody measured (`field.Field`)
    The column of the axis may differ from row to row, and goes to a method with the sinograms.
    """

    angles: np.ndarray
    share: np.ndarray
    columns: int
    size: int
    weighted: bool = False


class Method(Protocol):
    """What makes slices of sinograms: `Method(rays, options, device)`, options the parameters of the step.

    lanes : so many slices are best made at once; any number is allowed
    as_measured : it wants the rays of a double field of view as they are, without weights
    takes : names of the options that change what it makes, and "halves" where halves of the projections tell
        what it resolves
    tell : tell(k) where it is slow: k more slices are made, from any thread
    The bits of a slice depend neither on its neighbours, nor on how many are made at once or by how many
    threads.
    """

    lanes: int = 1
    as_measured: bool = False
    takes: tuple[str, ...] = ()
    tell: Callable[[int], None] = staticmethod(lambda k: None)

    def slices(self, sinograms, axes: np.ndarray):
        """(k, A, columns) line integrals -> (k, size, size) attenuation per pixel, on the same device.

        axes : (k,) float64 px, column of the rotation axis in each row
        """

    def tallies(self) -> dict[str, np.ndarray]:
        """What it adds up over its slices for `notes`, in place."""
        return {}

    def notes(self, team) -> dict:
        """What there is to say of the iterations over all slices of all ranks; collective."""
        return {}
