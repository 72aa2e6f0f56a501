"""The input of a job: which reader it is for, and the data with axes that it gives; nothing is loaded."""

import os
from contextlib import nullcontext
from typing import Literal

from nanompi.data.data import Data, by_cost, even
from nanompi.data.select import Select
from nanompi.data.source import complete
from nanompi.errors import DataError, JobError, NanompiError, StepError, nearest
from nanompi.io.hdf5 import foreign, is_hdf5, let_grow, must_exist, open_hdf5
from nanompi.run.foreign import blamed, left_out
from nanompi.step import METHODS, param, section


@section
class Input:
    """Where the scan is, and what its file does not say (values here win over those in the file)."""

    file: str = param(
        "", kind="file", level="basic", help="scan file, or folder of files; its format is found by itself"
    )
    format: str = param("auto", help="name of a reader, where the file does not tell")
    energy: float | None = param(None, unit="J", bare="keV", gt=0, level="basic", help="photon energy")
    wavelength: float | None = param(None, unit="m", gt=0, help="wavelength; wins over energy")
    distance: float | Literal["auto"] | None = param(
        None,
        unit="m",
        gt=0,
        level="basic",
        help="from the sample to the detector; auto (ptychography): that of the file, corrected by what the "
        "frames say; in the near field it is `focus` that is corrected",
    )
    pixel: float | None = param(None, unit="m", gt=0, level="basic", help="detector pixel size")
    focus: float | None = param(None, unit="m", help="near field: from the focus to the sample")
    angle: float | None = param(
        None, unit="rad", bare="deg", help="rotation of the sample, kept in the result for a tomogram"
    )
    lag: int = param(
        0,
        help="ptychography: frames are late by so many: frame i is of position i - lag; the ends are dropped",
    )
    rotate: float = param(
        0.0,
        unit="rad",
        bare="deg",
        help="ptychography: positions are turned by so much about their middle, from rows (down) to columns "
        "(to the right), as a stage that is turned against the detector asks for",
    )
    stretch: float = param(
        0.0,
        gt=-0.5,
        lt=0.5,
        help="ptychography: positions are stretched by such a part (0.05 = 5 %) from row to row against "
        "columns, as a stage whose axes have different scales asks for",
    )
    gain: float | Literal["auto"] = param(
        "auto", gt=0, help="stored units of one count; auto = found from the values and their noise"
    )
    select: Select = param(
        Select(),
        level="basic",
        help='part of the scan: "0:100", "::2", "middle:100", or all but some: {without: [17, 40:52]}',
    )
    live: bool = param(
        False,
        help="ptychography: the file still grows (HDF5 SWMR): the frames that are there so far with their "
        "positions",
    )
    mask_good: Literal["auto", "zero", "nonzero"] = param(
        "auto", help="value of good pixels in the mask of the file; auto follows the format"
    )

    def __post_init__(self):
        if self.focus == 0:
            raise JobError(
                "focus: 0, the sample would be in the focus: leave it out for the far field; in the near "
                "field write its distance from there, such as 5 mm"
            )

    @property
    def known_distance(self) -> float | None:
        """m, None where the job gives none, or leaves it to the frames"""
        return None if self.distance == "auto" else self.distance


def reader_of(given: dict) -> str:
    """Name of the reader for an `input` section as written.

    It is `format`; or the reader that has its name as a key of the section (`simulate:`); or the first that
    recognises the file, those that say `last = True` after all others. A reader may also have two static
    functions (file, given) -> text: `refuses` says why a file is an input of nobody, `advises` what to write
    for one that no reader recognises. Errors: JobError, DataError with what was looked for.
    """
    readers = METHODS["reader"]
    if given.get("live") is True and given.get("file"):
        let_grow(given["file"])
    name = given.get("format", "auto")
    if name != "auto":
        if name not in readers:
            known = f"allowed: auto, {', '.join(readers)}{nearest(name, readers)}{left_out()}"
            raise JobError(f'format: "{name}" is not a reader; {known}')
        return name
    own = [name for name, fields in readers.facts("fields").items() if name in fields]
    if names := [name for name in own if name in given]:
        return names[0]
    if not given.get("file"):
        keys = "".join(f" nor `{name}:`" for name in own)
        raise JobError(f"neither `file:`{keys} is given: name the file")
    return _reader_of(given["file"], given)


def _reader_of(file: str, given: dict) -> str:
    """Name of the reader for a file or folder. Errors: DataError."""
    readers, folder = METHODS["reader"], os.path.isdir(file)
    if not folder:
        must_exist(file)
        refuse(file, given)
    last = readers.facts("last")
    order = sorted(readers.having("recognises"), key=last.get)  # the others are not imported
    found = next((name for name in order if _recognises(readers[name], file, given)), None)
    if found:
        return found
    if not folder:
        if is_hdf5(file):
            open_hdf5(file).close()  # says so when the file is truncated
        _told("advises", file, given)
    what = " is a folder that no reader knows; name the file in it, or a reader"
    what = what if folder else ": no reader knows this file; name one"
    raise DataError(f"{file}{what} with `format:` ({', '.join(readers)}){left_out()}")


def refuse(file: str, given: dict) -> None:
    """Errors: DataError where a reader says that the file is an input of nobody."""
    _told("refuses", file, given)


def _told(what: str, file: str, given: dict) -> None:
    """DataError with what the first reader says that has something to say of a file."""
    for name in METHODS["reader"].having(what):
        if text := getattr(METHODS["reader"][name], what)(file, given):
            raise DataError(text)


def _recognises(one, file: str, given: dict) -> bool:
    """What a reader says of a file; where its test fails it is not the reader."""
    try:
        return bool(one.recognises(file, given))
    except Exception:
        return False


def unread(file: str, reader=None) -> list[str]:
    """Lines about a file that could not be opened: what is in it, and sections `input` that may read it,
    where no reader knows it, or one that needs `paths:`; [] for job files and for what is damaged.

    reader : the one that could not open it, None where there was none
    """
    if file.lower().endswith((".yaml", ".yml")):
        return []
    readers, guess = METHODS["reader"], reader is None or getattr(reader, "needs_paths", False)
    head = ["", "a guess by shapes and names, to be looked at before it is used:", ""]
    try:
        lines = [line for name in readers.having("contents") for line in readers[name].contents(file)]
        sections = [readers[name].guess(file, file) for name in readers.having("guess") if guess]
    except NanompiError:
        return []
    return lines + [line for section in sections if section for line in (*head, *section)]


def open_data(file: str, given, reader) -> dict[str, Data]:
    """What `reader` (an instance with its parameters) gives, by name (rank 0).

    given : the section `input`. Errors: DataError, JobError, ResourceError; StepError of a foreign reader.
    """
    with foreign(file) if file else nullcontext():
        with blamed():
            opened = reader.open(file, given)
        named = opened if isinstance(opened, dict) else {"data": opened}
        _as_declared(reader, named)
        return {name: _completed(data, given) for name, data in named.items()}


def _as_declared(reader, opened: dict):
    """Errors: StepError where a reader gives something else than data of the axes that it declares."""
    for name, one in opened.items():
        if not isinstance(one, Data):
            kind = type(one).__name__
            raise StepError(f'reader "{reader.name}" failed: it gives {kind} in place of Data as "{name}"')
    axes, declared = {name: data.axes for name, data in opened.items()}, getattr(reader, "gives", {})
    if {name: axes.get(name) for name in declared} != declared:
        raise StepError(f'reader "{reader.name}" failed: it gives {axes}; declared: {declared}')


def _completed(data: Data, given) -> Data:
    if data.source is not None:
        data.source = complete(data.source)
    return data.completed(given)


def spread_evenly(data: Data, ranks: int) -> Data:
    """Data that a reader gives, of which each rank will read a run of rows: as many, or of the same cost."""
    if data.source is None or data.spread:
        return data
    costs = data.source.costs
    parts = even(data.shape[0], ranks) if costs is None else by_cost(costs, data.source.chunk, ranks)
    return data.holding(None, data.axes[0], parts)
