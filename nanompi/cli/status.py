"""One line for each run: state, iteration, likelihood, rate, time left, ranks, Slurm's state."""

from nanompi.cli import path
from nanompi.errors import JobError


def arguments(parser):
    """Arguments of `nanompi status`."""
    parser.add_argument(
        "where", nargs="?", type=path, help="run folder, name of a job, or folder of runs (runs)"
    )
    parser.add_argument("--most", type=int, default=20, metavar="N", help="the newest N runs (20)")
    parser.add_argument(
        "--code", action="store_true", help="end with the exit code of the run, where it has one"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def main(args) -> int:
    """Exit code 0, or 2 when there is no run; with --code that of the newest run."""
    import json

    from nanompi.report import status

    found = look(args)
    print(json.dumps(found, indent=1) if args.json else "\n".join(status.table(found)))
    return code(found[-1]) if args.code else 0


def code(found: dict) -> int:
    """The exit code of a run, where it has told one (0 else); 1 for what is no code of a process."""
    number = found.get("code", 1 if found["state"] == "failed" else 0)
    return number if 0 <= number < 256 else 1


def look(args) -> list[dict]:
    """How the runs stand now."""
    from nanompi.cluster import slurm
    from nanompi.report import status

    if args.most < 1:
        raise JobError(f"--most {args.most}: a number of runs, 1 or more")
    folders = status.runs(args.where or "", args.most)
    found = [status.read(f) for f in folders]
    if any(s.get("slurm_job") and s["state"] not in status.OVER for s in found):
        queue = slurm.queue()
        found = [status.read(f, queue) for f in folders]
    return found
