"""How runs stand, renewed until all have ended; Ctrl-C leaves them alone.

On a terminal with bars, the course of a figure and the ranks; elsewhere one line for each run that changed,
with --json an object. Of a workflow its stages, and the items that are at work or have failed.
"""

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from nanompi.cli import status
from nanompi.errors import JobError
from nanompi.run.streams import raw


def arguments(parser):
    """Arguments of `nanompi watch`."""
    status.which(parser)
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="seconds between two looks (2)")


def main(args) -> int:
    """Exit code of the run, or 7 when one of several has not ended well; a run that is lost counts as 1.

    Of a workflow 7 where a stage could not begin or items of the last are missing.
    """
    from nanompi.report.status import over

    if not 0 <= args.every < 1e6:
        raise JobError(f"--every {args.every}: a number of seconds")
    with _screen() if sys.stdout.isatty() and not args.json else _lines(args.json) as show:
        while True:
            found = status.look(args)
            show(found)
            if all(map(over, found)):
                return _code(found)
            time.sleep(max(args.every, 0.1))


@contextmanager
def _screen():
    """show(found) renews what stands on the terminal."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=raw(sys.stdout), force_terminal=True)
    with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield lambda found: live.update(_drawn(found), refresh=True)


def _drawn(found: list[dict]):
    """Workflows as trees, then the runs."""
    from rich.console import Group

    from nanompi.report.record import record
    from nanompi.report.watch import view
    from nanompi.report.watch_workflow import tree

    flows = [tree(one) for one in found if "stages" in one]
    runs = [record(Path(one["folder"])).standing(one) for one in found if "stages" not in one]
    return Group(*flows, *([view(runs)] if runs else []))


@contextmanager
def _lines(as_json: bool):
    """show(found) prints the lines that changed; a column that became wider changes none."""
    from nanompi.report.status import table
    from nanompi.report.workflow import flat

    before: set[str] = set()

    def show(found):
        lines = list(map(json.dumps, found)) if as_json else table(flat(found))
        words = [" ".join(line.split()) for line in lines]
        if new := [line for line, its in zip(lines, words) if its not in before]:
            print("\n".join(new), flush=True)
        before.clear()
        before.update(words)

    yield show


def _code(found: list[dict]) -> int:
    codes = [1 if s["state"] == "lost" else status.code(s) for s in found]
    return codes[0] if len(codes) == 1 else 7 if any(codes) else 0
