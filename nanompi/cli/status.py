"""One line for each run: state, iteration, likelihood, rate, time left, ranks, Slurm's state.

Below a workflow its stages, with how many of their items are done, and what works or has failed in each.
"""

from nanompi.cli import path
from nanompi.errors import JobError


def arguments(parser):
    """Arguments of `nanompi status`."""
    which(parser)
    parser.add_argument("--stage", metavar="NAME", help="with --code, of a workflow: the code of this stage")
    parser.add_argument("--chunk", type=int, metavar="K", help="with --stage: of this chunk of its items")


def which(parser):
    """Which runs are meant."""
    parser.add_argument(
        "where",
        nargs="?",
        type=path,
        help="folder of a run, a workflow or of runs (runs); name of a job",
    )
    parser.add_argument("--most", type=int, default=20, metavar="N", help="the newest N runs (20)")
    parser.add_argument(
        "--code", action="store_true", help="end with the exit code of the run, where it has one"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def main(args) -> int:
    """Exit code 0, or 2 when there is no run; with --code that of the newest run."""
    import json

    if (args.stage or args.chunk is not None) and not args.code:
        raise JobError("--stage and --chunk go with --code")

    from nanompi.report import status, workflow

    found = look(args)
    print(json.dumps(found, indent=1) if args.json else "\n".join(status.table(workflow.flat(found))))
    if args.stage is not None:
        return workflow.part_code(found[-1], args.stage, args.chunk)
    return code(found[-1]) if args.code else 0


def code(found: dict) -> int:
    """The exit code of a run, where it has told one (0 else); 1 for what is no code of a process."""
    number = found.get("code", 1 if found["state"] == "failed" else 0)
    return number if 0 <= number < 256 else 1


def look(args) -> list[dict]:
    """How the runs and workflows stand now."""
    from nanompi.cluster import slurm
    from nanompi.report import status, workflow

    if args.most < 1:
        raise JobError(f"--most {args.most}: a number of runs, 1 or more")
    folders = status.runs(args.where or "", args.most)
    found = [workflow.standing(f) for f in folders]
    if any(map(_asks_slurm, found)):
        queue = slurm.queue()
        found = [workflow.standing(f, queue) for f in folders]
    return found


def _asks_slurm(found: dict) -> bool:
    """Does Slurm know more of it?"""
    from nanompi.report import status

    if "stages" in found:
        return found["submitted"] and found["done"] < found["items"]
    return bool(found.get("slurm_job")) and found["state"] not in status.OVER
