"""The photon energies of a stack: from a text or a dataset, in eV, and rising."""

import numpy as np

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


def must_rise(values: np.ndarray, numbers: np.ndarray, where: str) -> None:
    """Errors: DataError naming the first energy that is not above the one before it.

    numbers : of the images that the job selects; the others may be as they are
    """
    energies = values[numbers]
    if not (np.isfinite(energies).all() and energies.min() > 0):
        bad = numbers[np.argmin(np.isfinite(energies) & (energies > 0))]
        raise DataError(f"{where}: energy number {bad} is {values[bad]:g} eV; it must be above 0")
    wrong = np.flatnonzero(np.diff(energies) <= 0)
    if not len(wrong):
        return
    k, before = numbers[wrong[0] + 1], numbers[wrong[0]]
    word = "is repeated" if values[k] == values[before] else "falls"
    advice = f"leave it out by `input: {{select: {{without: [{k}]}}}}`"
    if len(wrong) == len(energies) - 1:
        advice = "was the scan made from above? Store images and energies in rising order"
    raise DataError(
        f"{where}: the energy {word} at number {k}: {values[k]:g} eV after {values[before]:g} eV "
        f"({len(wrong)} such of {len(energies)}); energies must rise: {advice}"
    )
