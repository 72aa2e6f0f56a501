"""Quantities from files: energies, wavelengths and lengths, with or without a unit, in SI."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanompi.errors import DataError, JobError, ResourceError
from nanompi.io.hdf5 import real
from nanompi.optics.geometry import PLANCK_C as HC
from nanompi.units import EV, factor, show

PHOTON = (10 * EV, 500e3 * EV)  # J, photon energies that are believed
SOFT = 50  # eV; a number without unit below it is keV
_METRE = {"micro": "um", "milli": "mm", "nano": "nm", "centi": "cm", "": "m"}
WORDS = {
    pre + word: short for pre, short in _METRE.items() for word in ("metre", "metres", "meter", "meters")
}
WORDS |= {"micron": "um", "microns": "um", "angstrom": "A", "angstroms": "A", "ev": "eV", "kev": "keV",
          "electronvolt": "eV", "kiloelectronvolt": "keV", "joule": "J", "joules": "J",
          "degree": "deg", "degrees": "deg", "radian": "rad", "radians": "rad"}  # fmt: skip
ENERGY_UNITS = {"J": 1.0, "keV": 1e3 * EV, "eV": EV}


def likely_units(number: float) -> list[str]:
    """Units in which `number` would be a photon energy between 10 eV and 500 keV."""
    return [u for u, size in ENERGY_UNITS.items() if PHOTON[0] <= number * size <= PHOTON[1]]


def joules(number: float, unit: str, where: str, notes: list[str]) -> float:
    """A photon energy in joules: by its unit, else by plausibility (J, keV or eV), which is noted.

    Without unit a number from 50 to 500 may be keV or eV (the carbon edge at 284 eV). Errors: DataError then,
    with both readings, and when it is no photon energy, with the unit that it looks like.
    """
    likely = likely_units(number)
    if unit:
        value = number * scale_of(unit, "J", where)
        if PHOTON[0] <= value <= PHOTON[1]:
            return value
        text = f"{number:g} {unit}"
    else:
        if number >= SOFT and {"keV", "eV"} <= set(likely):
            soft, hard = (show(HC / (number * ENERGY_UNITS[u]), "m") for u in ("eV", "keV"))
            raise DataError(
                f"{where} = {number:g} has no unit: it may be {number:g} eV (wavelength {soft}) or "
                f"{number:g} keV ({hard}); say which in the input section, as `units: {{energy: eV}}` or "
                f"`energy: {number:g} eV`"
            )
        if likely:
            if likely[0] != "J":
                notes.append(f"{where} = {number:g} has no unit; read as {likely[0]}")
            return number * ENERGY_UNITS[likely[0]]
        text = f"{number:g} (no unit)"
    hint = f"; the number looks like {' or '.join(likely)}" if likely else ""
    raise DataError(
        f"{where} = {text} is not a photon energy between 10 eV and 500 keV{hint}; write the right one in "
        "the input section, for example `energy: 8 keV`"
    )


def unless_given(read: Callable, given: bool, what: str, notes: list[str], none: Any = np.nan) -> Any:
    """`read()`, what the file says of `what`; where it is given otherwise, a fault of the file is a note.

    none : the answer then
    """
    try:
        return read()
    except (DataError, ResourceError) as error:
        if not given:
            raise
        notes.append(f"warning: {error}; the {what} is known otherwise")
        return none


def wavelength_of(length: Callable, energy: Callable, given: bool, notes: list[str]) -> float:
    """The wavelength (m) by what the file says; given: the job has one, and the file's may be wrong.

    length, energy : read a wavelength (m, NaN = none) and a photon energy (J, NaN = none)
    """
    known = unless_given(length, given, "wavelength", notes)
    found = unless_given(energy, given or not np.isnan(known), "wavelength", notes)
    return wavelength(*(None if np.isnan(v) else v for v in (known, found)), notes)


def given_energy(value: float) -> float:
    """Wavelength (m) of the energy (J) in the job.

    Errors: JobError with the unit that the number looks like.
    """
    if PHOTON[0] <= value <= PHOTON[1]:
        return HC / value
    number = value / (1e3 * EV)
    likely = [u for u in likely_units(number) if u != "keV"]
    hint = f"; {number:g} looks like {likely[0]}: write `energy: {number:g} {likely[0]}`" if likely else ""
    raise JobError(f"input.energy: {show(value, 'J')} is not a photon energy between 10 eV and 500 keV{hint}")


def scale_of(unit: str, into: str, where: str) -> float:
    """Size of a unit found in a file. Errors: DataError naming the place."""
    try:
        return factor(WORDS.get(unit.lower(), unit), into)
    except JobError as error:
        raise DataError(f"{where}: {error}") from None


def wavelength(length: float | None, energy: float | None, notes: list[str]) -> float:
    """The wavelength (m) from wavelength and energy (J); the wavelength wins. NaN when there is neither."""
    if length is None:
        return np.nan if energy is None else HC / energy
    if energy is not None and abs(HC / energy / length - 1) > 0.01:
        notes.append(
            f"warning: wavelength {length:.6g} m and energy {show(energy, 'J')} in the file disagree by "
            f"{100 * abs(HC / energy / length - 1):.1f} %; the wavelength is used"
        )
    return length


def one(values, where: str) -> float:
    """One number from a scalar or an array (mean, when its values agree to 1 %). Errors: DataError."""
    values = np.asarray(values)
    if values.size == 0:
        raise DataError(f"{where} holds no number")
    values = real(values, where)
    mean = float(values.mean())
    if values.size > 1 and np.ptp(values) > 0.01 * abs(mean):
        raise DataError(
            f"{where} has {values.size} values from {values.min():g} to {values.max():g}; one is needed"
        )
    return mean


def flat_frames(shape: Sequence[int], where: str, core: int = 2) -> tuple[int, ...]:
    """(frames, rows, columns) of an array of 2 to 6 dimensions, the leading ones counted together.

    core : dimensions of one row: 2 for frames, 1 for spectra (n, channels)
    """
    if shape is None or len(shape) < core or min(shape) < 1:
        text = "no values" if shape is None else f"the shape {tuple(shape)}"
        needs = "frames need (frames, rows, columns)" if core == 2 else f"{core + 1} dimensions are needed"
        raise DataError(f"{where} has {text}; {needs}")
    lead = len(shape) - core
    if math.prod(shape) >= 1 << 60:
        raise DataError(f"{where} has the shape {tuple(shape)}, more than any file can hold")
    return math.prod(shape[:lead]), *map(int, shape[lead:])
