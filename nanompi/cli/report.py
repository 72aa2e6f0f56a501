"""Write report.html of a run; or one page that compares several, or the best settings of a sweep."""

from pathlib import Path

from nanompi.cli import new_page, path


def arguments(parser):
    """Arguments of `nanompi report`."""
    text = "run folder; the name of a job: its latest run; folder of a sweep: its best settings"
    parser.add_argument("run", nargs="+", type=path, help=text)
    parser.add_argument(
        "--out",
        type=new_page(".html"),
        metavar="FILE",
        help="in place of RUN/report.html; of several: of compare.html",
    )


def main(args) -> int:
    """Exit code 0; prints the path of the page."""
    from nanompi.methods import discover

    discover()
    swept = [Path(name) for name in args.run if (Path(name) / "settings.json").is_file()]
    folders = [folder for name in args.run for folder in _folders(name)]
    if not swept and len(folders) == 1:
        from nanompi.report.report import write

        print(write(folders[0], Path(args.out) if args.out else None))
    else:
        from nanompi.report.several import compare

        usual = swept[0] / "compare.html" if len(args.run) == len(swept) == 1 else "compare.html"
        print(compare(folders, Path(args.out or usual)))
    return 0


def _folders(name: str) -> list[Path]:
    """The runs that are meant. Errors: JobError, DataError."""
    from nanompi.cli.resume import found

    if not (Path(name) / "settings.json").is_file():
        return [found(name)]
    from nanompi.report.several import MOST
    from nanompi.workflow.sweep.folder import best

    return best(Path(name), MOST)
