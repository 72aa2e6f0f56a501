"""Angles of runs that do not know theirs: a text file beside them."""

from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import must_exist


def listed(file: str) -> dict:
    """{name or number of the line: degrees} of a text file. Errors: DataError naming the line."""
    must_exist(file)
    out: dict = {}
    for number, line in enumerate(Path(file).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            out[words[0] if len(words) == 2 else len(out)] = float(words[-1])
        except ValueError:
            words = []
        if len(words) not in (1, 2):
            raise DataError(
                f"{file}: line {number} is {line.strip()!r}; a name and an angle in degrees are needed"
            )
    return out


def angles_of(files: list[str], table: dict, listed_in: str) -> np.ndarray:
    """(n,) rad of some results. Errors: DataError naming those whose angle the table does not have."""
    if table and not any(isinstance(name, str) for name in table):
        if len(table) != len(files):
            raise DataError(f"{listed_in} has {len(table)} angles for {len(files)} runs; give names, too")
        return np.deg2rad(list(table.values()))
    angles = [named(file, table) for file in files]
    unknown = [file for file, angle in zip(files, angles) if angle is None]
    if unknown:
        raise DataError(
            f"{listed_in} does not name {len(unknown)} of {len(files)} runs: {', '.join(unknown[:5])}"
        )
    return np.array(angles, np.float64)


def named(file: str, table: dict) -> float | None:
    """rad: what a table says of the run of a result; None where it does not name it."""
    return next((float(np.deg2rad(angle)) for name, angle in table.items() if name in Path(file).parts), None)
