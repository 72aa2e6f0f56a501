"""The result of a run as a tree of arrays with axes and units, before any file format."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.data.data import Data
from nanompi.errors import DataError, NanompiError
from nanompi.io.hdf5 import foreign

ITEMS = "items.json"  # lists the items of a stage in its folder
TRUTH = "map_truth"  # of a simulation, below /entry_1: a dataset for each true map
OUTSIDE, LIT = 0.1, 0.3  # of the usual light: less is not shown; colours span what has more
OF_EVERY_RESULT = (
    "end_time",
    "process_1",
    "instrument_1",
    "image_1",
    "data_1",
    "title",
    "start_time",
    "experiment_identifier",
    "sample_1",
    "user_1",
    "pictures",
)  # under /entry_1


@dataclass
class Marks:
    """What a picture shows beside the data of a signal.

    names  : of curves, in order; label : what their values are, or those of points
    begins : (place on the axis, words) where something begins: an engine
    aim    : the value that curves should reach
    centre : (row, column) px of a frame; rings : (radius px, words) around it
    values : (n,) by which points have their colours
    """

    names: tuple[str, ...] = ()
    label: str = ""
    begins: tuple[tuple[float, str], ...] = ()
    aim: float | None = None
    centre: tuple[float, float] | None = None
    rings: tuple[tuple[float, str], ...] = ()
    values: np.ndarray | None = None


@dataclass
class Signal:
    """One array that a viewer can show with axes (an NXdata group).

    data  : array
    axes  : name -> (1-D array, unit), one per dimension in order; fewer or none where a dimension has no axis
    unit  : unit of the data
    title : for people
    show  : how a picture is made of it: "image" (h, w) in gray; "map" (h, w) in colours with their bar;
        "angle" (h, w) in rad, which has no ends; "frame" (h, w) of a detector, in logarithms, NaN where it is
        masked; "modes" (n, h, w) complex fields; "curve" (n,) or (k, n); "spectrum" (k, n) measured, fit,
        parts of the fit; "positions" (n, 2) row and column; "arrows" (n, 2, 2) points and where they go from
        there; "" = none is made
    seen  : (h, w) or None: how well each pixel of an image was seen, `usual` = as is usual. Where it is less
        than a tenth nothing is drawn, and the grays span what was seen better than three tenths
    errors : standard errors of the data, of the same shape, or None
    note  : a sentence on what the values mean, such as a sign, which the file keeps beside them
    marks : what else a picture shows
    """

    data: np.ndarray
    axes: dict[str, tuple[np.ndarray, str]] = field(default_factory=dict)
    unit: str = ""
    title: str = ""
    show: str = ""
    seen: np.ndarray | None = None
    usual: float = 1.0
    note: str = ""
    errors: np.ndarray | None = None
    marks: Marks = field(default_factory=Marks)

    def lit(self, part: float) -> np.ndarray | None:
        """(h, w) bool: where more than this part of the usual was seen; None where nobody knows, or that is
        nowhere."""
        area = None if self.seen is None else np.asarray(self.seen) > part * self.usual
        return area if area is not None and area.any() else None


@dataclass
class Result:
    """What the writers write: signals by name ("phase" ...), plain arrays by path, notes (JSON-able),
    geometry for CXI.

    main     : name of the signal that a viewer opens first
    signals  : name -> Signal
    arrays   : "object/data" -> array or text (or (array, {"units": "m"})), written as it is under /entry_1/
    groups   : "object" -> NeXus class of a group of these; NXcollection where none is given
    notes    : name -> JSON-able tree (job, environment, metrics, preparation ...)
    data     : name -> data with axes, of which each rank may hold a part
    apart    : name of data -> names of those that hold what is looked at of it; where all of them are
        written, no picture is made of it; () where there is nothing to look at
    planes   : name -> what of the data is shown, made when they are written (`nanompi.run.writers.images`)
    pictures : name -> what else is shown: curves, frames; it stands in the file to be drawn later
    """

    main: str = ""
    signals: dict[str, Signal] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Data] = field(default_factory=dict)
    apart: dict[str, tuple[str, ...]] = field(default_factory=dict)
    planes: dict[str, Signal] = field(default_factory=dict)
    pictures: dict[str, Signal] = field(default_factory=dict)

    def free_name(self, name: str) -> str:
        """The name itself, or with a number where a signal, an array or a part of every result has it."""
        taken = {*OF_EVERY_RESULT, *self.signals, *(place.split("/")[0] for place in self.arrays)}
        others = (f"{name}_{k}" for k in range(2, 2 + len(taken)))
        return next(free for free in (name, *others) if free not in taken)

    def shown_by_name(self, name: str) -> bool:
        """Has each part of these data that people look at a name of its own in the result?"""
        return name in self.apart and self.data.keys() >= set(self.apart[name])


def result_file(path: str | Path) -> Path:
    """The result file that a path means: itself, or `result.h5` in a run folder, or in that of a stage's only
    item. Errors: DataError."""
    path = only_item(Path(path))
    file = path / "result.h5" if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{file}: there is no such file; name a result.h5 or a run folder that holds one")
    return file


def only_item(path: Path) -> Path:
    """The run folder of a stage that has one item; any other path is left as it is. Errors: DataError."""
    if not (path / ITEMS).is_file():
        return path
    with foreign(f"{path / ITEMS}: this is not the list of a stage"):
        names = [one["folder"] for one in json.loads((path / ITEMS).read_text(encoding="utf-8"))["items"]]
    if len(names) != 1:
        raise DataError(f"{path} is a stage of {len(names)} items; name one of them: {', '.join(names[:3])}")
    return path / names[0]


def result_holds(path: str, *places: str) -> bool:
    """Does a result hold something at these places?

    True for what is no readable result of this program: whoever opens it will say why.
    """
    from nanompi.io.hdf5 import at, open_hdf5

    try:
        with open_hdf5(str(result_file(path))) as f:
            own = at(f, "entry_1/process_1/program") is not None
            return not own or all(at(f, f"entry_1/{place}") is not None for place in places)
    except NanompiError:
        return True
