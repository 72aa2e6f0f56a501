"""One line for each run: state, iteration, error, rate, time left, ranks, Slurm's state."""

from nanompi.cli import path


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
    return found[-1].get("code", 0) if args.code else 0


def look(args) -> list[dict]:
    """How the runs stand now."""
    from nanompi import slurm
    from nanompi.report import status

    folders = status.runs(args.where or "", args.most)
    found = [status.read(f) for f in folders]
    if any(s.get("slurm_job") and s["state"] not in status.OVER for s in found):
        queue = slurm.queue()
        found = [status.read(f, queue) for f in folders]
    return found
