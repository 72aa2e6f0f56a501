"""Write the simulated scan of a job (`input: {simulate: ...}`) to an NXcxi_ptycho file, with its truth."""

import os
from contextlib import suppress

from nanompi.cli import job_arguments, new_path
from nanompi.errors import DataError, JobError, ResourceError


def arguments(parser):
    """Arguments of `nanompi simulate`."""
    job_arguments(parser)
    parser.add_argument("-o", "--out", type=new_path, metavar="FILE", help="file to write (NAME.cxi)")


def main(args) -> int:
    """Exit code 0; 2 when the job's input is no simulated scan."""
    from nanompi.job.job import read_job
    from nanompi.methods import discover
    from nanompi.run.reading import open_data

    discover()
    job = read_job(args.job, args.set)
    if job.reader.name != "simulate":
        raise JobError(
            f"{args.job}: the input is read by {job.reader.name}; only what `simulate` makes is written"
        )
    path = args.out or f"{job.name}.cxi"
    _refuse_measured(path)
    try:
        open_data(job.input.file, job.input, job.reader)["data"].export(path)
    except OSError as e:
        raise ResourceError(f"{path}: cannot be written: {e.strerror or e}") from None
    print(f"{path}: {os.path.getsize(path) / 1e6:.1f} MB")
    return 0


def _refuse_measured(path: str):
    """Errors: JobError where the file is there already and holds no truth: nobody simulated it."""
    from nanompi.io.hdf5 import at, open_hdf5

    if not os.path.isfile(path):
        return
    with suppress(DataError), open_hdf5(path) as file:
        if at(file, "entry_1/truth") is not None:
            return
    raise JobError(f"{path} is there already, and is no simulated scan; choose another name by --out")
