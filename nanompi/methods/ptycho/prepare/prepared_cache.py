"""Cache of prepared frames (`run.cache`), with what `ptycho.prepare` had found for them.

They serve when nothing has changed that they follow from: the frames of the file
(`nanompi.io.fingerprint`), mask, dark image, monitor and geometry of the scan, the parameters of the step,
the files these name, the version of this program. Threads, ranks and the partition do not count.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from types import NoneType

import numpy as np

from nanompi import __version__
from nanompi.errors import NanompiError
from nanompi.io import cache
from nanompi.io.fingerprint import noted, of_array, of_file, stamp
from nanompi.io.hdf5 import dataset, is_hdf5, must_exist, open_hdf5
from nanompi.methods.ptycho.prepare.crop import Cut
from nanompi.methods.ptycho.prepare.plan import Plan
from nanompi.step import same_answer
from nanompi.units import show

FORMAT = 6  # of what is kept: another number, and older ones are not found
ARRAYS = ("mask", "dark", "scale")
NUMBER = (int, float)
FACTS = {"top": (*NUMBER, NoneType), "rebin": int, "corner": bool, "pixel": list, "gain": NUMBER,
         "whole": bool, "noise": str, "fano": NUMBER, "notes": dict, "sure": bool,
         "dark_ones": list}  # fmt: skip


def key(given, scan) -> str | None:
    """Name of prepared frames; None where the frames are in no file. given: the step.

    Errors: OSError, DataError, ResourceError.
    """
    source = stamp(scan.source)
    if source is None:
        return None
    files = [b for b in (given.mask, given.dark) if getattr(b, "file", "")]
    of = {
        "format": [FORMAT, __version__],
        "user": os.geteuid(),
        "frames": [source, list(scan.source.shape), str(scan.source.dtype)],
        "scan": [scan.saturated, *(of_array(a) for a in (scan.mask, scan.dark, scan.monitor))],
        "geometry": [scan.corner, scan.focus is None, [float(p) for p in scan.pixel]],
        "gain": scan.gain,
        "step": {k: v for k, v in asdict(given).items() if k not in same_answer(given)},
        "files": [_behind(b.file, b.path) for b in files],
    }
    return hashlib.sha256(json.dumps(of, sort_keys=True, default=str).encode()).hexdigest()[:24]


def _behind(file: str, path: str) -> list:
    """The stamps of a file with a mask or a dark image, and of all that `path` in it leads to."""
    with noted() as files:
        must_exist(file)
        if is_hdf5(file):
            with open_hdf5(file) as opened:
                dataset(opened, path)
    return [of_file(f) for f in files]


class PreparedCache:
    """The place of the prepared frames of a run in its cache; `of` gives None where there is none."""

    def __init__(self, run, folder: Path, key: str):
        self.run, self.folder, self.key = run, folder, key

    @classmethod
    def of(cls, run, given) -> "PreparedCache | None":
        """Collective. given: the step."""
        if not run.options.cache:
            return None
        name, why = run.team.on_root(lambda: _named(given, run.data["data"]))
        if not name:
            run.say(f"cache: nothing is kept: {why}")
            return None
        folder = run.team.on_root(lambda: Path(run.options.cache).expanduser().absolute())
        return cls(run, folder, name)

    def read(self, threads: int) -> tuple[Plan | None, np.ndarray | None]:
        """(what was found for all frames, those of this rank), or (None, None) (collective)."""
        run, plan, counts = self.run, None, None
        with run.clock.phase("load"):
            found, wrong = cache.find(run.team, self.folder, self.key)
            if found is not None:
                plan, wrong = _plan(found)
            if plan is not None:
                counts, wrong = cache.read(run.team, found, run.data["data"].parts[run.team.rank], threads)
        if wrong:
            run.say(f"cache: {self.folder / self.key} is not used, the frames are prepared again: {wrong}")
        if counts is None:
            return None, None
        run.clock.count("load", counts.nbytes)
        run.say(f"cache: frames as prepared before, from {self.folder / self.key}")
        return plan, counts

    def write(self, plan: Plan, counts: np.ndarray, threads: int) -> None:
        """Keep them for later runs; the log says where, or why not (collective)."""
        run, more, parts = self.run, packed(plan), self.run.data["data"].parts
        with run.clock.phase("cache"):
            wrong = cache.write(run.team, self.folder, self.key, counts, parts, more, threads)
        size = sum(map(len, parts)) * int(np.prod(counts.shape[1:])) * counts.itemsize
        if wrong:
            run.say(f"cache: the frames are not kept, the run goes on: {wrong}")
        else:
            run.say(f"cache: {show(size, 'B')} of frames are kept in {self.folder / self.key}")


def _plan(found: cache.Index) -> tuple[Plan | None, str]:
    """(plan, "") or (None, what is wrong), the same on all ranks."""
    try:
        return unpacked(found.facts, found.arrays), ""
    except ValueError as error:
        return None, str(error)


def _named(given, scan) -> tuple[str, str]:
    """(key, "") or ("", why there is none)."""
    try:
        name = key(given, scan)
    except (OSError, NanompiError) as error:
        return "", str(error)
    return (name, "") if name else ("", "the frames are in no file")


def packed(plan: Plan) -> tuple[dict, dict[str, np.ndarray]]:
    """(facts, arrays) of a plan."""
    arrays = {name: getattr(plan, name) for name in ARRAYS if getattr(plan, name) is not None}
    facts = {name: getattr(plan, name) for name in FACTS} | {"transpose": plan.window.transpose}
    facts |= {name: bool(facts[name]) for name, kind in FACTS.items() if kind is bool}  # not NumPy's
    return facts, {**arrays, "rows": plan.window.rows, "columns": plan.window.columns}


def unpacked(facts: dict, arrays: dict[str, np.ndarray]) -> Plan:
    """The plan of which `packed` made them. Errors: ValueError where they are not such."""
    window = _window(facts.get("transpose"), arrays.get("rows"), arrays.get("columns"))
    values = {name: facts.get(name) for name in FACTS} | {name: arrays.get(name) for name in ARRAYS}
    wrong = [name for name, kind in FACTS.items() if not isinstance(values[name], kind)]
    shape = (len(window.rows), len(window.columns))
    for name, dtype in (("mask", bool), ("dark", np.float32)):
        if values[name] is not None and (values[name].dtype, values[name].shape) != (dtype, shape):
            wrong.append(name)
    pixel = values["pixel"] if "pixel" not in wrong else []
    if values["mask"] is None or wrong or len(pixel) != 2 or not all(isinstance(p, NUMBER) for p in pixel):
        raise ValueError("what was found for the frames is not as this version keeps it")
    return Plan(window, **values | {"pixel": tuple(pixel)})


def _window(transpose, rows, columns) -> Cut:
    for index in (rows, columns):
        if index is None or index.dtype.kind != "i" or index.ndim != 1:
            raise ValueError("the window of the frames is missing")
    return Cut(bool(transpose), rows, columns)
