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

from dataclasses import replace
from typing import Any, Literal

from nanompi.methods.ptycho.read.select import Select, select
from nanompi.methods.ptycho.scan import GIVES, Scan, as_scan
from nanompi.run.reading import open_data
from nanompi.step import param, section


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


__all__ = ["GIVES", "Input", "Scan", "completed", "open_scan"]
