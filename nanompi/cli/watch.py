"""One line for each run as `nanompi status`, repeated until all have ended; Ctrl-C leaves them alone."""

import sys
import time

from nanompi.cli import status
from nanompi.errors import JobError
from nanompi.run.streams import raw


def arguments(parser):
    """Arguments of `nanompi watch`."""
    status.arguments(parser)
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="seconds between two looks (2)")


def main(args) -> int:
    """Exit code of the run, or 7 when one of several has not ended well; a run that is lost counts as 1."""
    from nanompi.report.status import over, table

    if not 0 <= args.every < 1e6:
        raise JobError(f"--every {args.every}: a number of seconds")
    before: list[str] = []
    while True:
        found = status.look(args)
        lines = table(found)
        _show(lines, before)
        before = lines
        if all(map(over, found)):
            return _code(found)
        time.sleep(max(args.every, 0.1))


def _show(lines: list[str], before: list[str]):
    """On a terminal the table stays in its place; elsewhere the lines that changed are printed."""
    if sys.stdout.isatty():
        raw(sys.stdout).write(f"\x1b[{len(before)}A\x1b[J" if before else "")
        print("\n".join(lines), flush=True)
    elif new := [line for line in lines if line not in before]:
        print("\n".join(new), flush=True)


def _code(found: list[dict]) -> int:
    codes = [1 if s["state"] == "lost" else status.code(s) for s in found]
    return codes[0] if len(codes) == 1 else 7 if any(codes) else 0
