"""The photon energies of a stack: from a text or a dataset, in eV; images are put into their order."""

import copy

import numpy as np

from nanompi.data.data import Data
from nanompi.data.reordered import reordered
from nanompi.errors import DataError
from nanompi.io.quantities import SOFT, scale_of
from nanompi.methods.maps.read.columns import table_of
from nanompi.units import EV

JOULES = 1e-12  # a number below it is an energy in J


def of_text(file: str, n: int, what: str = "energies") -> np.ndarray:
    """(n,) the numbers of a text, the last column of each row; of a list that begins with its own count, as
    MIDAS and the microscopes of the ALS write it, those behind it. Errors: DataError."""
    values = table_of(file)[1]
    values = values[0] if len(values) == 1 else values[:, -1 if what != "energies" else 0]
    if len(values) == n + 1 and values[0] == n:
        values = values[1:]
    return fitting(values, n, file, what)


def fitting(values: np.ndarray, n: int, where: str, what: str = "energies") -> np.ndarray:
    """The same values. Errors: DataError where there are not n of them."""
    if len(values) != n:
        raise DataError(
            f"{where}: {len(values)} {what} for {n} images; are some images missing, or is it the list of "
            "another scan?"
        )
    return values


def in_ev(values: np.ndarray, unit: str, where: str, notes: list[str]) -> np.ndarray:
    """Energies in eV, by their unit; without one numbers below 50 are keV, which is noted, below 1e-12 J."""
    largest = np.abs(values).max()
    if not unit:
        unit = "J" if largest < JOULES else "keV" if largest < SOFT else "eV"
        if unit != "eV":
            notes.append(f"{where} has no unit; read as {unit}")
    return values if unit.lower() == "ev" else values * (scale_of(unit, "J", where) / EV)


def check_energies(values: np.ndarray, numbers: np.ndarray, where: str) -> None:
    """Errors: DataError naming the first energy that is none, or that an earlier image has, too.

    numbers : of the images that the job selects; the others may be as they are
    """
    energies = values[numbers]
    if not (np.isfinite(energies).all() and energies.min() > 0):
        bad = numbers[np.argmin(np.isfinite(energies) & (energies > 0))]
        raise DataError(f"{where}: energy number {bad} is {values[bad]:g} eV; it must be above 0")
    order = np.argsort(energies, kind="stable")
    again = np.flatnonzero(np.diff(energies[order]) == 0)
    if len(again):
        pairs = numbers[order[again]], numbers[order[again + 1]]
        before, k = min(zip(*pairs), key=lambda pair: pair[1])
        raise DataError(
            f"{where}: the energy is repeated at number {k}: {values[k]:g} eV, as number {before} "
            f"({len(again)} such of {len(energies)}); leave it out by "
            f"`input: {{select: {{without: [{k}]}}}}`"
        )


def rising(data: Data) -> Data:
    """The same images in the order of their energies, which is said where it is not that of the file."""
    along, unit = data.coords["energy"]
    order = np.argsort(along, kind="stable")
    if (np.diff(order) > 0).all():
        return data
    out, axis = copy.copy(data), data.axes.index("energy")
    out.source = reordered(data.source, axis, order)
    out.coords = data.coords | {"energy": (along[order], unit)}
    if "i0" in data.beside:
        out.beside = data.beside | {"i0": data.beside["i0"][order]}
    out.notes = [*data.notes, _sorted_how(along, unit)]
    return out


def _sorted_how(along: np.ndarray, unit: str) -> str:
    steps = np.diff(along)
    how = f"measured from {along[0]:g} to {along[-1]:g} {unit}; turned to rising energies"
    if (steps < 0).all():
        return how
    k = int(np.flatnonzero(steps < 0)[0]) + 1
    return (
        f"the energies are in no order ({along[k]:g} after {along[k - 1]:g} {unit}); images are sorted by "
        "energy"
    )
