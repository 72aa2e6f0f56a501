"""Write report.html of a run, workflow or sweep; or one page that compares several runs, or the best of a
sweep."""

import sys
from pathlib import Path

from nanompi.cli import new_page, path
from nanompi.errors import DataError, JobError


def arguments(parser):
    """Arguments of `nanompi report`."""
    text = "run folder; the name of a job: its latest run; a workflow; folder of a sweep: all of them as "
    text += "they stand, and the best compared"
    parser.add_argument("run", nargs="+", type=path, help=text)
    parser.add_argument(
        "--out",
        type=new_page(".html"),
        metavar="FILE",
        help="in place of RUN/report.html; of several: of compare.html",
    )
    text = "draw the previews of one run, too: of a setting of a sweep, or where it was run without"
    parser.add_argument("--pictures", action="store_true", help=text)


def main(args) -> int:
    """Exit code 0; prints the path of the page."""
    from nanompi.methods import discover
    from nanompi.report.workflow import is_sweep, is_workflow

    discover()
    swept = [Path(name) for name in args.run if is_sweep(Path(name))]
    if len(swept) == len(args.run) == 1 and not args.out:
        return _sweep(swept[0], args)
    folders = [folder for name in args.run for folder in _folders(name)]
    if flow := next(filter(is_workflow, folders), None):
        print(_workflow(flow, args))
    elif not swept and len(folders) == 1:
        from nanompi.report.report import write

        if args.pictures:
            print(*_pictures(folders[0]), sep="\n")
        print(write(folders[0], Path(args.out) if args.out else None))
    else:
        from nanompi.report.several import compare

        if args.pictures:
            raise JobError(f"--pictures: of one run; {len(folders)} are named")
        print(compare(folders, Path(args.out or "compare.html")))
    return 0


def _pictures(folder: Path) -> list[Path]:
    """Draw previews/ of a run that has ended. Errors: DataError where it has no result."""
    from nanompi.report.figures import previews
    from nanompi.report.record import record
    from nanompi.run.result import Result
    from nanompi.run.status import event

    run = record(folder)
    if not (folder / "result.h5").is_file():
        raise DataError(f"{folder}: --pictures draws a result, and there is no result.h5")
    result = Result(signals=dict(run.signals()), notes=run.notes)
    drawn = previews(result, folder / "previews", lambda text: print(f"warning: {text}", file=sys.stderr))
    event(folder, "pictures", left_out="")
    return drawn


def _workflow(folder: Path, args) -> Path:
    """Write the page of a workflow. Errors: JobError where more than it was named."""
    from nanompi.cluster.slurm import queue
    from nanompi.report.workflow_page import write

    if len(args.run) > 1:
        raise JobError(f"{folder} is a workflow, which has a page of its own: name it alone, or its runs")
    if args.pictures:
        raise JobError(f"--pictures: of one run; {folder} is a workflow, whose items are runs")
    return write(folder, Path(args.out) if args.out else None, queue())


def _sweep(folder: Path, args) -> int:
    """Write report.html, all settings as they stand, and compare.html, those of the best that are done."""
    from nanompi.cluster.slurm import queue
    from nanompi.report.several import compare
    from nanompi.report.workflow_page import write

    if args.pictures:
        raise JobError(f"--pictures: of one run; {folder} is a sweep, whose settings are runs")
    print(write(folder, None, queue()))
    if folders := _folders(str(folder)):
        print(compare(folders, folder / "compare.html"))
    return 0


def _folders(name: str) -> list[Path]:
    """The runs that are meant. Errors: JobError, DataError."""
    from nanompi.cli.resume import found
    from nanompi.report.workflow import is_sweep

    if not is_sweep(Path(name)):
        return [found(name)]
    from nanompi.report.several import MOST
    from nanompi.workflow.sweep.folder import best

    return best(Path(name), MOST)
