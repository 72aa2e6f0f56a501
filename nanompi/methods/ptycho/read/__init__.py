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
from typing import Any

from nanompi.methods.ptycho.read.select import select
from nanompi.methods.ptycho.scan import GIVES, Scan, as_scan
from nanompi.run.reading import Input, open_data


def open_scan(file: str, given: Input, reader: Any) -> Scan:
    """The scan that `reader` (an instance with its parameters) finds, completed, selected, guarded.

    Rank 0 only. Errors: JobError, DataError, ResourceError.
    """
    return as_scan(open_data(file, given, reader)["data"])


def completed(scan: Scan, given: Input) -> Scan:
    """What a reader gives as the job wants it. Errors: JobError, DataError."""
    from nanompi.methods.ptycho.read.guard import check_monitor, guard, override
    from nanompi.methods.ptycho.read.identity import fingerprint, with_grid
    from nanompi.methods.ptycho.read.live import so_far
    from nanompi.methods.ptycho.read.missing import leave_missing_out
    from nanompi.methods.ptycho.read.stage import staged

    scan = so_far(scan) if given.live else scan
    scan = staged(override(with_grid(scan), given), given.lag, given.rotate, given.stretch)
    scan.fingerprint = scan.fingerprint or fingerprint(scan.source)
    check_monitor(scan)
    return replace(guard(leave_missing_out(select(scan, given.select))))  # its facts are those of the end


__all__ = ["GIVES", "Scan", "completed", "open_scan"]
