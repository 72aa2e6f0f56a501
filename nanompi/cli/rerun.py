"""Repeat the run of a result, by the job that it holds, and say whether the new result is the same."""

from functools import partial
from pathlib import Path

from nanompi.cli import loudness, new_path, path, style
from nanompi.errors import DataError, NumbersError, common, shown
from nanompi.mpi.mpiexec import one_thread, start, to_start

MANY = 5  # arrays that are told one by one


def arguments(parser):
    """Arguments of `nanompi rerun`."""
    parser.add_argument("result", type=path, help="result file, run folder, or the name of a job")
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; without it as many as then")
    parser.add_argument("--out", type=new_path, metavar="DIR", help="folder of runs, in place of then")
    most = "largest difference, over the largest value of an array, that is accepted (else code 5)"
    parser.add_argument("--max", type=float, metavar="X", help=most)
    loudness(parser)


def main(args) -> int:
    """Exit code of the job, the same from every rank; 5 where the result differs by more than --max."""
    one_thread()  # before NumPy is loaded
    from nanompi.mpi.launcher import under_launcher

    file, notes = _result(args.result)
    ranks = args.n or (None if under_launcher() else len(notes.get("run", {}).get("ranks", [0])))
    if to_start(ranks):
        return start(ranks, ["rerun", *_again(args), "--", args.result])
    from nanompi.methods import discover
    from nanompi.run.life import live, together

    with together(discover) as team:
        from nanompi.report.figures import pictures
        from nanompi.report.live import LiveView

        last = partial(_compared, file, args.max)
        live(team, partial(_prepared, args, notes), [LiveView(), pictures, last], style(args))
    return 0


def _again(args) -> list[str]:
    """The options for the ranks."""
    out = ["--out", args.out] if args.out else []
    out += [f"--max={args.max!r}"] if args.max is not None else []
    return [*out, *[f"--{style(args)}"] * (style(args) != "text")]


def _result(name: str) -> tuple[Path, dict]:
    """The file of a result and its notes. Errors: DataError where it holds no job that can be repeated."""
    from nanompi.api.calls import result_of
    from nanompi.report.record import notes_in

    file = result_of(name).resolve()  # `latest` will be another run
    notes = notes_in(file)
    job = notes.get("job")
    if not isinstance(job, dict) or "input" not in job:
        raise DataError(f"{file} holds no job; it was not written by a run of this program")
    if job["input"].get("format") == "arrays":
        raise DataError(
            f"{file} was made of the arrays of a Python program (nanompi.reconstruct), which no file holds: "
            "call that program again"
        )
    return file, notes


def _prepared(args, notes: dict, vendor: str, hosts: list[str]):
    """The job as it was, with all its defaults, in a new folder (rank 0)."""
    from nanompi.job.faults import Faults
    from nanompi.job.folder import claim, held
    from nanompi.job.job import job_of
    from nanompi.job.tree import of_values

    refuse_changed(notes.get("inputs", {}).get("files", []))
    faults = Faults()
    job = job_of(of_values(notes["job"], [], faults), "job", faults)
    return held(job, claim(job, args.out or ""), vendor, hosts)


def refuse_changed(files: list[dict]):
    """Errors: DataError where an input file is missing, or not the one that the result was made of."""
    from nanompi.io.fingerprint import of_file

    wrong = []
    for one in files:
        name = shown(one["path"])
        try:
            size, _, _, digest = of_file(one["path"], one["pieces"])
        except (OSError, ValueError):
            if not Path(one["path"]).is_dir():
                wrong.append(f"{name}: it cannot be read any more")
            continue
        if (size, digest) != (one["size"], one["sha256"]):
            wrong.append(
                f"{name}: it has changed since ({one['size']} bytes then, {size} now, or other values)"
            )
    if wrong:
        raise DataError(
            *wrong, "the input is not that of the result: put it back, or run the job as a new one"
        )


def _compared(before: Path, most: float | None, run):
    """Is the result the same? (collective) Errors: NumbersError where it differs by more than `most`."""
    found = run.team.on_root(lambda: _said(before, run))
    if most is not None and not found <= most:
        raise common(NumbersError(f"the result differs by {found:.3g}, above the limit --max {most:g}"))


def _said(before: Path, run) -> float:
    """Says how the new result and that of before differ; the largest difference (rank 0)."""
    from nanompi.report.result_differences import differences, reasons

    now = run.folder / "result.h5"
    found = differences(before, now)
    if not found:
        run.say(f"equal to the bit: {before} and {now}")
        return 0.0
    worst = sorted(found, key=found.get, reverse=True)
    told = [f"  {name}: {found[name]:.3g} of its largest value" for name in worst[:MANY]]
    told += [f"  and {len(worst) - MANY} more"] if len(worst) > MANY else []
    why = reasons(before, now) or ["nothing that is known: the same program, ranks and machine"]
    run.warn(
        "\n".join([f"not equal to {before}:", *told, "what was different:", *(f"  {one}" for one in why)])
    )
    return found[worst[0]]
