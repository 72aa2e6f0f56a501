"""Lines of the elements from the tables of xraylib: energies, shares, edges, cross sections.

A family is all lines of an element that end in one shell: "Fe_K", "La_L", "Pb_M". In the families L and M
vacancies move between subshells (Coster-Kronig) and come down from inner shells (cascades), so that the
shares of their lines depend on the energy of the beam (`CS_FluorLine_Kissel_Cascade` of xraylib).
"""

from functools import lru_cache

import numpy as np

from nanompi.errors import JobError, nearest

NUMBERS = {"K": range(-29, 0), "L": range(-113, -29), "M": range(-219, -113)}  # of lines, in xraylib
SUBSHELLS = {"K": (0,), "L": (1, 2, 3), "M": (4, 5, 6, 7, 8)}
LEAST = 1e-4  # share of a line below which it is left out
HEAVIEST = 94  # number of the last element whose lines are tabulated throughout


def xraylib():
    """The module. Errors: JobError with the line that installs it."""
    try:
        import xraylib

        return xraylib
    except ImportError as error:
        raise JobError(
            'energies and shares of lines need xraylib: pip install "nanompi[xrf]"; without it `xrf.fit: '
            "{model: RUN_FOLDER}` takes the model of an earlier run"
        ) from error


def symbols() -> list[str]:
    """Of all elements, lightest first."""
    table = xraylib()
    return [table.AtomicNumberToSymbol(z) for z in range(1, HEAVIEST + 1)]


def family_of(text: str, energy: float) -> str:
    """The name of a family: "Fe_K" of "Fe_K", "Fe-K", "Fe K" or "Fe"; without a shell the innermost whose
    edge lies below the energy of the beam, eV.

    Errors: JobError for what is no element, or what is not excited.
    """
    symbol, _, shell = text.replace("-", "_").replace(" ", "_").partition("_")
    symbol, known = symbol.capitalize(), symbols()
    if symbol not in known:
        raise JobError(
            f'"{text}" begins with no element{nearest(symbol, known)}; allowed: Fe, Fe_K, La_L, Pb_M'
        )
    if not shell:
        shell = next((s for s in NUMBERS if excited(f"{symbol}_{s}", energy)), "K")
    shell = shell.upper()
    if shell not in NUMBERS:
        raise JobError(
            f'"{text}": {shell} is no family of lines; allowed: {symbol}_K, {symbol}_L, {symbol}_M'
        )
    name = f"{symbol}_{shell}"
    if not excited(name, energy):
        raise JobError(
            f"{name} is not excited by a beam of {energy / 1e3:.4g} keV: its edge is at "
            f"{edge(name) / 1e3:.4g} keV; leave it out, or give another family of {symbol}"
        )
    return name


def _split(name: str) -> tuple[int, str]:
    symbol, _, shell = name.partition("_")
    return xraylib().SymbolToAtomicNumber(symbol), shell


def edge(name: str) -> float:
    """eV, lowest absorption edge of the shell of a family; infinite where the element has none."""
    number, shell = _split(name)
    known = [_value(xraylib().EdgeEnergy, number, sub) for sub in SUBSHELLS[shell]]
    return 1e3 * min((e for e in known if e > 0), default=np.inf)


def excited(name: str, energy: float) -> bool:
    """Does a beam of this energy, eV, make lines of a family?"""
    return edge(name) < energy and len(lines(name, energy)[0]) > 0


def _value(function, *arguments) -> float:
    """An entry of the tables, 0 where there is none."""
    try:
        return float(function(*arguments))
    except ValueError:
        return 0.0


@lru_cache(maxsize=1024)
def lines(name: str, energy: float) -> tuple[np.ndarray, np.ndarray]:
    """(energies (n,) eV, shares (n,)) of the lines of a family that a beam of this energy, eV, makes.

    Those of less than `LEAST` are left out, the others have the sum 1; nothing where none is made.
    """
    number, shell = _split(name)
    table = xraylib()
    at = np.array([_value(table.LineEnergy, number, k) for k in NUMBERS[shell]]) * 1e3
    if shell == "K":
        rate = np.array([_value(table.RadRate, number, k) for k in NUMBERS[shell]])
    else:
        rate = np.array([_section(number, k, energy) for k in NUMBERS[shell]])
    rate[at <= 0] = 0
    keep = rate > LEAST * rate.sum()
    return at[keep], rate[keep] / max(rate[keep].sum(), 1e-300)


def _section(number: int, line: int, energy: float) -> float:
    return _value(xraylib().CS_FluorLine_Kissel_Cascade, number, line, energy / 1e3)


def cross_section(name: str, energy: float) -> float:
    """cm2/g, with which a beam of this energy, eV, makes all lines of a family together."""
    number, shell = _split(name)
    return sum(_section(number, k, energy) for k in NUMBERS[shell])


def main_line(name: str, energy: float) -> float:
    """eV, the strongest line of a family."""
    at, share = lines(name, energy)
    return float(at[np.argmax(share)])


def families(energy: float, low: float, high: float) -> list[str]:
    """All families that a beam of this energy makes and whose strongest line stands from low to high, eV."""
    known = [f"{symbol}_{shell}" for symbol in symbols() for shell in NUMBERS]
    return [f for f in known if excited(f, energy) and low <= main_line(f, energy) <= high]


def attenuation(material: str, energies: np.ndarray) -> np.ndarray:
    """cm2/g of an element, a compound of the NIST list, or a formula, at energies in eV.

    Errors: JobError for what is none of these.
    """
    section = xraylib().CS_Total_CP
    try:
        return np.array([section(material, float(e) / 1e3) for e in np.atleast_1d(energies)])
    except ValueError as error:
        raise JobError(
            f'"{material}" is no element, formula or compound of the NIST list: {error}'
        ) from error


def density(material: str) -> float | None:
    """g/cm3 of an element or a compound of the NIST list; None for a formula."""
    table = xraylib()
    if material in symbols():
        return _value(table.ElementDensity, table.SymbolToAtomicNumber(material)) or None
    try:
        return float(table.GetCompoundDataNISTByName(material)["density"])
    except ValueError:
        return None
