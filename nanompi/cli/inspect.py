"""Print what a scan file says: format, frames, positions, energy, distance, pixels and the rest."""

from nanompi.cli import path, settings
from nanompi.errors import NanompiError, shown


def arguments(parser):
    """Arguments of `nanompi inspect`."""
    parser.add_argument("file", type=path, help="scan file, or a job file whose input is shown")
    settings(parser)


def main(args) -> int:
    """Exit code 0, or 3 when the file cannot be read: then its datasets, and the section that might do."""
    from nanompi.job.job import read_input
    from nanompi.methods import discover
    from nanompi.run.reading import open_data, unread

    discover()
    reader = None
    try:
        given, reader = read_input(args.file, args.set)
        opened = open_data(given.file, given, reader)
    except NanompiError:
        for line in unread(args.file, reader):
            print(shown(line))
        raise
    for name, text in (line for data in opened.values() for line in data.described()):
        print(f"{name:<12} {shown(text)}")
    return 0
