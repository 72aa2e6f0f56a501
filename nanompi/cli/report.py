"""Write report.html of a run; or of several, one page that compares them."""

from pathlib import Path

from nanompi.cli import new_path, path


def arguments(parser):
    """Arguments of `nanompi report`."""
    parser.add_argument("run", nargs="+", type=path, help="run folder; or the name of a job: its latest run")
    parser.add_argument("--out", type=new_path, metavar="FILE", help="of several runs: compare.html")


def main(args) -> int:
    """Exit code 0; prints the path of the page."""
    from nanompi.cli.resume import found
    from nanompi.methods import discover
    from nanompi.report.report import write
    from nanompi.report.several import compare

    discover()
    folders = [found(name) for name in args.run]
    several = len(folders) > 1
    print(compare(folders, Path(args.out or "compare.html")) if several else write(folders[0]))
    return 0
