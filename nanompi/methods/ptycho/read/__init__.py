"""Readers of scans: one file format = one module. What they give is completed by `completed`, on rank 0.

A reader, complete:

    @reader("name", gives=GIVES)
    class Name:
        '''One sentence for `nanompi methods`.'''
        own: float = param(...)  # stands beside `file:` in the input section

        @staticmethod
        def recognises(path, given: dict) -> bool: ...  # cheap; of a file or folder; `given`: as written
        def open(self, file: str, given: Input) -> Scan: ...  # rank 0; unknown is NaN or None
"""

import os
from dataclasses import replace
from typing import Any, Literal

from nanompi.errors import DataError, JobError, nearest
from nanompi.methods.ptycho.read.select import Select, select
from nanompi.methods.ptycho.scan import GIVES, Scan, as_scan
from nanompi.run.foreign import left_out
from nanompi.run.reading import open_data
from nanompi.step import METHODS, param, section


@section
class Input:
    """Where the scan is, and what its file does not say (values here win over those in the file)."""

    file: str = param("", kind="file", help="scan file, or folder of files; its format is found by itself")
    format: str = param("auto", help="name of a reader, where the file does not tell")
    energy: float | None = param(None, unit="J", bare="keV", gt=0, help="photon energy")
    wavelength: float | None = param(None, unit="m", gt=0, help="wavelength; wins over energy")
    distance: float | None = param(None, unit="m", gt=0, help="from the sample to the detector")
    pixel: float | None = param(None, unit="m", gt=0, help="detector pixel size")
    focus: float | None = param(None, unit="m", help="near field: from the focus to the sample")
    gain: float | Literal["auto"] = param(
        "auto", gt=0, help="stored units of one count; auto = found from the values and their noise"
    )
    select: Select = param(
        Select(),
        help='part of the scan: "0:100", "::2", "middle:100", or all but some: {without: [17, 40:52]}',
    )
    mask_good: Literal["auto", "zero", "nonzero"] = param(
        "auto", help="value of good pixels in the mask of the file; auto follows the format"
    )


def reader_of(given: dict) -> str:
    """Name of the reader for an `input` section as written.

    It is `format`, or follows from a reader's own key, or is found from the file.

    `simulate:` names the simulation; `paths:` any HDF5 or NPZ; else the first reader that recognises the
    file. Errors: JobError, DataError with what was looked for.
    """
    readers = METHODS["reader"]
    name = given.get("format", "auto")
    if name != "auto":
        if name not in readers:
            raise JobError(
                f'format: "{name}" is not a reader; '
                f"allowed: auto, {', '.join(readers)}{nearest(name, readers)}{left_out()}"
            )
        return name
    if "simulate" in given:
        return "simulate"
    file = given.get("file")
    if not file:
        raise JobError("neither `file:` nor `simulate:` is given: name the scan file")
    from nanompi.io import hdf5

    folder = os.path.isdir(file)
    if not folder:
        hdf5.must_exist(file)
    if not folder and not given.get("paths"):
        _no_result(file)
    found = [name for name, one in readers.items() if _recognises(one, file, given)]
    found = [name for name in found if name != "hdf5"] or found  # any HDF5 by paths: where no format is known
    if not found and hdf5.is_hdf5(file):
        hdf5.open_hdf5(file).close()  # says so when the file is truncated
        raise DataError(
            f"{file}: HDF5, but neither CXI, NXcxi_ptycho nor .ptyd; name its datasets, for example `paths: "
            "{frames: /entry/data/data, x: /entry/pos/x, y: /entry/pos/y}` (`nanompi inspect` lists them and "
            "guesses, `nanompi init --from` writes them into a job)"
        )
    if not found:
        what = "is a folder that no reader knows; name the file in it, or a reader"
        what = what if folder else "no reader knows this file; name one"
        raise DataError(
            f"{file}{'' if folder else ':'} {what} with `format:` ({', '.join(readers)}){left_out()}"
        )
    return found[0]


def _no_result(file: str) -> None:
    """DataError when the file is the result of some program, with what it is good for."""
    from nanompi.methods.ptycho.read.unknown import called

    if reason := called(file):
        raise DataError(reason)


def _recognises(one, file: str, given: dict) -> bool:
    """What a reader says of a file; where its test fails it is not the reader."""
    try:
        return bool(getattr(one, "recognises", lambda *_: False)(file, given))
    except Exception:
        return False


def open_scan(file: str, given: Input, reader: Any) -> Scan:
    """The scan that `reader` (an instance with its parameters) finds, completed, selected, guarded.

    Rank 0 only. Errors: JobError, DataError, ResourceError.
    """
    return as_scan(open_data(file, given, reader)["data"])


def completed(scan: Scan, given: Input) -> Scan:
    """What a reader gives as the job wants it. Errors: JobError, DataError."""
    from nanompi.methods.ptycho.read.guard import check_monitor, guard, override
    from nanompi.methods.ptycho.read.identity import fingerprint, with_grid
    from nanompi.methods.ptycho.read.missing import leave_missing_out

    scan = override(with_grid(scan), given)
    scan.fingerprint = scan.fingerprint or fingerprint(scan.source)
    check_monitor(scan)
    return replace(guard(leave_missing_out(select(scan, given.select))))  # its facts are those of the end


__all__ = ["GIVES", "Input", "Scan", "completed", "open_scan", "reader_of"]
