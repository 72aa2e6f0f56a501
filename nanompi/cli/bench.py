"""Run a job on 1, 2, 4 ... ranks; PAR_p = T_1 / T_p and PEFF_p = T_1 / (p T_p) of each phase and of all.

Writes scaling.md, scaling.csv, scaling.json and scaling.svg into a folder. With --predict also what is to be
expected on more ranks than there are: from the measured time of a frame, the real partition of a large scan
and a link, for both ways to combine.
"""

import json
from pathlib import Path

from nanompi.cli import job_arguments, new_path
from nanompi.cli.plan import link, links
from nanompi.cluster.plan import seer
from nanompi.errors import JobError, ResourceError
from nanompi.io.atomic import write_text
from nanompi.mpi.children import bound
from nanompi.mpi.mpiexec import environment, mpiexec, one_thread, stopping

MOST = 10**9  # of ranks and of frames


def arguments(parser):
    """Arguments of `nanompi bench`."""
    job_arguments(parser)
    parser.add_argument("--ranks", default="1,2", metavar="1,2,4", help="numbers of ranks, 1 first")
    parser.add_argument("--threads", type=int, default=1, metavar="T", help="threads of each rank")
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="K", help="K runs in turns; the quickest counts"
    )
    parser.add_argument(
        "--out", type=new_path, default="scaling", metavar="DIR", help="folder of tables and runs"
    )
    parser.add_argument(
        "--predict", default="", metavar="8,64,512", help="predict these numbers of ranks, too"
    )
    parser.add_argument("--scans", default="100000", metavar="N,M", help="frames of the scans to predict")
    links(parser)


def main(args) -> int:
    """Exit code 0; 6 where a run failed."""
    one_thread()
    ranks, more, scans = (_numbers(args, name) for name in ("ranks", "predict", "scans"))
    if ranks[:1] != [1]:
        raise JobError(f"--ranks {args.ranks}: begin with 1, against which the others are measured")
    from nanompi.cluster import measure
    from nanompi.job.job import read_job
    from nanompi.methods import discover

    discover()
    wire, job = link(args), read_job(args.job, args.set)
    seeing = more or (len(ranks) > 1 and any(hasattr(step, "foresee") for step in job.steps))
    step = seer(job) if seeing else None
    runs = [[_run(args, job, p, k) for p in ranks] for k in range(max(1, args.repeat))]  # in turns
    books = [measure.best(list(same)) for same in zip(*runs)]
    text, prediction = "\n".join(filter(None, (measure.table(books), measure.turns(runs)))), {}
    print(text)
    if step:
        prediction = step.foresee(job, args.threads).compared(books, more, scans, wire)
        print(prediction["text"])
    _write(Path(args.out), job, books, text, prediction)
    return 0


def _numbers(args, name: str) -> list[int]:
    given = getattr(args, name)
    try:
        out = [int(float(word)) for word in given.split(",") if word]
    except (ValueError, OverflowError):
        out = [0]
    if not all(1 <= n <= MOST for n in out):
        raise JobError(f"--{name} {given}: write numbers from 1, such as 1,2,4")
    return out


def _run(args, job, ranks: int, k: int) -> dict:
    """One run; says so, since it may take long"""
    from nanompi.cluster import measure

    folder = Path(args.out) / f"ranks-{ranks}-{k + 1}"
    for n in range(2, 10_000):
        if not folder.exists():
            break
        folder = folder.with_name(f"ranks-{ranks}-{k + 1}-{n}")
    sets = [word for text in [*args.set, f"run.threads={args.threads}"] for word in ("--set", text)]
    words = measure.command(launcher := mpiexec(), ranks, [*sets, "--folder", str(folder), "--", args.job])
    print(f"{ranks} rank{'s' * (ranks > 1)}, run {k + 1} of {max(1, args.repeat)} ...", flush=True)
    return measure.run(bound(words, stopping(launcher)), folder, environment(), ranks)


def _write(folder: Path, job, books, text, prediction: dict):
    """Tables, picture and figures. Errors: ResourceError."""
    from nanompi.cluster import chart, measure
    from nanompi.run.metrics import phases

    means = {len(b["ranks"]): {name: sum(r["seconds"].get(name, 0.0) for r in b["ranks"]) / len(b["ranks"])
                               for name in phases(b["ranks"])} for b in books}  # fmt: skip
    at = {(r["phase"], r["ranks"]): r["PEFF"] for r in measure.rows(books)}
    curves = {
        f"{name}, measured": {p: at[name, p] for p in means} for name in (measure.ITERATIONS, measure.TOTAL)
    }
    ways = prediction.get("curves", {})
    for scan, found in list(ways.items())[-1:]:
        curves |= {
            f"{method}, predicted, {scan}": {p: e for p, (e, _) in f.items()} for method, f in found.items()
        }
    files = {
        "scaling.md": f"# {job.name}\n\n{text}\n{prediction.get('text', '')}\n",
        "scaling.csv": measure.comma_separated(books),
        "scaling.svg": chart.chart(means, curves, job.name),
        "scaling.json": json.dumps(
            {"runs": books, "predicted": ways, "checks": prediction.get("checks", [])}, indent=1
        ),
    }
    try:
        for name, content in files.items():
            write_text(folder / name, content)
    except OSError as e:
        raise ResourceError(f"{folder}: the tables cannot be written: {e.strerror}") from None
    print(*(folder / name for name in files), sep="\n")
