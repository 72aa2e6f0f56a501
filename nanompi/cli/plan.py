"""Say before a job starts what each rank will need: memory, bytes on the wire, time; and how many ranks pay.

A few frames in the middle of the scan are tried on this machine (one core of it); the others are not read.
Of a workflow (`stages:`) the first item of each stage is planned, and time and memory are summed over all.
"""

from nanompi.cli import job_arguments
from nanompi.cluster.plan import seer, unknown
from nanompi.errors import JobError, shown
from nanompi.mpi.mpiexec import one_thread

MOST = 10**6  # of ranks, threads, ranks on a card


def arguments(parser):
    """Arguments of `nanompi plan`."""
    job_arguments(parser)
    parser.add_argument(
        "--ranks", default="1", metavar="1,2", help="number of ranks that is planned, or some"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="T", help="threads (cores) of each rank")
    parser.add_argument("--gpu-mem", default="", metavar="40G", help="memory of a card, where ranks have one")
    parser.add_argument("--per-card", type=int, default=1, metavar="N", help="ranks that share a card")
    parser.add_argument("--time", default="", metavar="2h", help="advise the fewest ranks that end within it")
    links(parser)


def links(parser):
    """What the network between the ranks is like."""
    parser.add_argument("--link", default="10GB/s", metavar="RATE", help="of the network, per rank")
    parser.add_argument("--latency", default="5us", metavar="TIME", help="of a message")


def link(args):
    """The network as said. Errors: JobError."""
    from nanompi.mpi.link import Link
    from nanompi.units import quantity

    rate, latency = quantity(args.link.removesuffix("/s"), "B"), quantity(args.latency, "s")
    if rate <= 0 or latency < 0:
        raise JobError(f"--link {args.link} --latency {args.latency}: write them as 25GB/s and 2us")
    return Link(rate, latency)


def main(args) -> int:
    """Exit code 0; 2 and 3 through the errors; 4 where a card is too small for one frame."""
    one_thread()
    for name in ("threads", "per_card"):
        if not 1 <= getattr(args, name) <= MOST:
            raise JobError(f"--{name.replace('_', '-')} {shown(getattr(args, name), 40)}: 1 to {MOST}")
    ranks = numbers(args.ranks)
    from nanompi.job.job import read_job
    from nanompi.job.kind import is_workflow
    from nanompi.methods import discover
    from nanompi.units import quantity, seconds

    discover()
    wire, within = link(args), seconds(args.time) if args.time else None
    memory = quantity(args.gpu_mem, "B") if args.gpu_mem else None
    if is_workflow(args.job):
        from nanompi.job.stages import read_workflow
        from nanompi.workflow.stages.plan import plan

        found = read_workflow(args.job, args.set)
        print("\n\n".join("\n".join(plan(found, n, args.threads, wire)) for n in ranks))
        return 0
    job = read_job(args.job, args.set)
    forecast = seer(job).foresee(job, args.threads)
    print("\n\n".join(forecast.report(n, wire, memory, args.per_card, within) for n in ranks))
    print("".join(f"{line}\n" for line in unknown(job)), end="")
    return 0


def numbers(text: str) -> list[int]:
    """Numbers of ranks, separated by commas. Errors: JobError."""
    words = text.split(",")
    if not all(
        word.strip().isascii() and word.strip().isdigit() and 1 <= int(word) <= MOST for word in words
    ):
        raise JobError(f"--ranks {shown(text, 40)}: a number from 1 to {MOST}, or some, such as 1,2,4")
    return [int(word) for word in words]
