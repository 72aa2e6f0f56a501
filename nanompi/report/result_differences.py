"""How two results of the same job differ: array by array, and what else was different."""

from pathlib import Path

import numpy as np

from nanompi.data.data import count
from nanompi.io.hdf5 import foreign, hdf5, open_hdf5
from nanompi.report.record import notes_in

OF_THE_RUN = ("process_1", "end_time", "start_time", "user_1")  # differ by themselves
SLAB = 1 << 26  # bytes that are compared at once


def differences(one: Path, other: Path) -> dict[str, float]:
    """{path of an array: largest difference over the largest value of `one`}, inf where it is missing or of
    another shape; without those that are equal to the bit. Errors: DataError."""
    with open_hdf5(str(one)) as a, open_hdf5(str(other)) as b, foreign(f"{one} and {other}"):
        first, second = _arrays(a["entry_1"]), _arrays(b["entry_1"])
        known = dict.fromkeys([*first, *second])
        found = {name: _difference(first.get(name), second.get(name)) for name in known}
    return {name: size for name, size in found.items() if size}


def _arrays(entry) -> dict:
    """{path: dataset} of what the run made; links are no arrays of their own"""
    out: dict = {}

    def add(name, thing):
        if isinstance(thing, hdf5().Dataset) and name.split("/")[0] not in OF_THE_RUN:
            out[name] = thing

    entry.visititems(add)
    return out


def _difference(a, b) -> float:
    if a is None or b is None or a.shape != b.shape:
        return np.inf
    if a.dtype.kind not in "biufc" or not count(a.shape):
        return 0.0 if np.array_equal(a[()], b[()]) else np.inf
    row = max(1, count(a.shape) // max(1, (a.shape or (1,))[0]) * a.dtype.itemsize)
    step = max(1, SLAB // row)
    cuts = [slice(i, i + step) for i in range(0, a.shape[0], step)] if a.shape else [()]
    sizes = np.array([_sizes(a[cut], b[cut]) for cut in cuts])
    most, largest = sizes.max(0)
    return float(most / largest) if largest else float(most)


def _sizes(a, b) -> tuple[float, float]:
    """(largest difference, largest value); of numbers of which one alone is none infinite"""
    a, b = (np.asarray(one, np.result_type(one, np.float64)) for one in (a, b))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    apart = np.where(same, 0, np.abs(np.where(same, 0, a) - np.where(same, 0, b)))
    most = np.inf if np.isnan(apart).any() else float(apart.max(initial=0))
    return most, float(np.nan_to_num(np.abs(a), posinf=0).max(initial=0))


def reasons(one: Path, other: Path) -> list[str]:
    """What was not the same when two results were made: version, ranks, devices, machine, packages."""
    first, second = (_circumstances(notes_in(path)) for path in (one, other))
    return [f"{name}: {first[name] or 'unknown'}, now {second[name] or 'unknown'}"
            for name in first if first[name] != second.get(name)]  # fmt: skip


def _circumstances(notes: dict) -> dict[str, str]:
    ranks, about = notes.get("run", {}).get("ranks", []), notes.get("environment", {})
    devices = dict.fromkeys(str(rank.get("device", "")) for rank in ranks)
    packages = about.get("packages", {})
    out = {"ranks": str(len(ranks) or ""), "device": ", ".join(devices)}
    out |= {name: str(about.get(name, "")) for name in ("host", "system", "python")}
    return out | {name: packages.get(name, "") for name in ("nanompi", "numpy", "scipy", "numba", "h5py")}
