"""Print how to cite the program, and the papers behind what a run or a job computes."""

from pathlib import Path

from nanompi.cli import path


def arguments(parser):
    """Arguments of `nanompi cite`."""
    parser.add_argument("of", type=path, help="run folder, result file, name of a job, or job file")
    parser.add_argument("--bibtex", action="store_true", help="as entries of a BibTeX file")


def main(args) -> int:
    """Exit code 0."""
    from nanompi import papers

    found = _of_job(args.of) if Path(args.of).suffix in (".yaml", ".yml") else _of_result(args.of)
    for one in [papers.program(), *found]:
        print(one.bibtex() + "\n" if args.bibtex else one)
    return 0


def _of_job(file: str) -> list:
    from nanompi import papers
    from nanompi.job.sweeps import read_settings
    from nanompi.methods import discover

    discover()
    jobs = [setting.job for setting in read_settings(file).settings]
    return papers.of([part for job in jobs for part in (job.reader, *job.steps)])


def _of_result(name: str) -> list:
    """The papers that a result names. Errors: DataError."""
    import json

    from nanompi import papers
    from nanompi.api.calls import result_of
    from nanompi.errors import DataError
    from nanompi.io.hdf5 import at, open_hdf5

    file = result_of(name)
    with open_hdf5(str(file)) as f:
        note = at(f, "entry_1/process_1/papers/data")
        if note is None:
            raise DataError(f"{file} names no papers: it is of an older version, or of another program")
        return papers.from_note(json.loads(note.asstr()[()]))
