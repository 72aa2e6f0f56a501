"""Reference spectra from files: CSV and other tables, XDI, Athena's .nor, pairs of columns (.r), HDF5."""

import os
import re
from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import hdf5, is_hdf5, open_hdf5, real, unit, walk, whole
from nanompi.methods.maps.read import energies
from nanompi.methods.maps.read.columns import labels, table_of

SPECTRUM = ("norm", "flat", "mu", "xmu", "mutrans", "mufluor", "mu_trans", "absorbance", "absorption", "od")
BEHIND = ("itrans", "i1", "it")  # what came through
GLOW = ("ifluor", "if", "fluor", "fluorescence")
FEWEST = 5  # energies of a reference


@dataclass
class Reference:
    """One spectrum: energies (n,) eV, rising; values (n,) absorption on any scale."""

    name: str
    energies: np.ndarray
    values: np.ndarray
    file: str = ""


def read(files: list[str]) -> list[Reference]:
    """The references of some files, each under a name of its own. Errors: DataError naming the file."""
    found = [one for file in files for one in (_of_hdf5(file) if is_hdf5(file) else [_of_text(file)])]
    taken: set[str] = set()
    for one in found:
        one.name = next(n for n in (one.name, *(f"{one.name}_{k}" for k in range(2, 999))) if n not in taken)
        taken.add(one.name)
    return found


def plain_name(text: str) -> str:
    """A name for a map of the result: letters, digits and _."""
    return re.sub(r"\W+", "_", text).strip("_") or "reference"


def rising(name: str, e: np.ndarray, values: np.ndarray, file: str) -> Reference:
    """A reference with its energies in order, each once. Errors: DataError where it holds too little."""
    good = np.isfinite(e) & np.isfinite(values)
    e, first = np.unique(e[good], return_index=True)
    if len(e) < FEWEST:
        raise DataError(f"{file}: {len(e)} energies with a value are too few for a reference")
    values = values[good][first]
    if not np.ptp(values):
        raise DataError(f"{file}: the spectrum {name} is the same at all energies")
    return Reference(name, e, values, file)


def _of_text(file: str) -> Reference:
    head, table = table_of(file)
    if table.shape[1] < 2:
        raise DataError(f"{file} has one column; a reference needs energies and a spectrum")
    names = labels(head, table.shape[1])
    at = next((k for k, name in enumerate(names) if name.startswith("energy")), 0)
    e = energies.in_ev(table[:, at], "", file, [])
    stem = os.path.basename(file).rsplit(".", 1)[0]
    return rising(plain_name(stem), e, _spectrum(table, names, at), file)


def _spectrum(table: np.ndarray, names: list[str], at: int) -> np.ndarray:
    """The column of the spectrum by its name, else from detectors, else the first beside the energies"""
    place = {name: k for k, name in enumerate(names)}
    if known := [place[name] for name in SPECTRUM if name in place]:
        return table[:, known[0]]
    with np.errstate(divide="ignore", invalid="ignore"):
        for kind, through in ((BEHIND, True), (GLOW, False)):
            own = [place[name] for name in kind if name in place]
            if own and "i0" in place:
                ratio = table[:, own[0]] / table[:, place["i0"]]
                return -np.log(ratio) if through else ratio
    return table[:, 1 if at == 0 else 0]


def _of_hdf5(file: str) -> list[Reference]:
    """All spectra of a file: one-dimensional datasets beside an `energy` of their length."""
    out = []
    with open_hdf5(file) as opened:
        sets = {path: one for path, one in walk(opened)
                if isinstance(one, hdf5().Dataset) and len(one.shape) == 1}  # fmt: skip
        for path, one in sets.items():
            above, _, name = path.rpartition("/")
            e = next((sets[p] for w in ("energy", "energies") if (p := f"{above}/{w}") in sets), None)
            wanted = name.lower() in SPECTRUM or name.lower().startswith("reference")
            if e is None or not wanted or e.shape != one.shape:
                continue
            along = energies.in_ev(real(whole(e), file), unit(e), file, [])
            own = name if name.lower().startswith("reference") else above.rpartition("/")[2] or name
            own = re.sub("^reference_", "", own, flags=re.I)
            out.append(rising(plain_name(own), along, real(whole(one), file), f"{file}: {path}"))
    if not out:
        raise DataError(
            f"{file}: no spectrum is found beside an `energy`; name it {', '.join(SPECTRUM[:4])} or "
            " reference_NAME, or write it as a text with two columns"
        )
    return out
