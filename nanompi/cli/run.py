"""Run a job: alone, on N ranks (-n N starts mpiexec), or as one rank under mpirun or srun.

A job file with `stages:` is a workflow: its stages are run one after the other, the items of each by groups
of these ranks. With --folder of one that was begun, what is missing is taken up.
"""

from functools import partial

from nanompi.cli import job_arguments, loudness, new_path, no_reuse, reuse_argument, style
from nanompi.mpi.mpiexec import one_thread, start, to_start
from nanompi.run import notify


def arguments(parser):
    """Arguments of `nanompi run`."""
    job_arguments(parser)
    loudness(parser)
    notify.argument(parser)
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    parser.add_argument(
        "--out", type=new_path, metavar="DIR", help="folder of runs, in place of output.folder"
    )
    parser.add_argument(
        "--folder", type=new_path, metavar="RUN", help="folder of this one run, in place of a new one"
    )
    reuse_argument(parser)


def main(args) -> int:
    """Exit code of the job, the same from every rank."""
    one_thread()  # before NumPy is loaded
    if to_start(args.n):
        with notify.told(args.notify) as ended:
            ended.code = start(args.n, ["run", *_again(args)])
        return ended.code
    from nanompi.job.kind import is_workflow
    from nanompi.methods import discover
    from nanompi.run.life import live, together

    with together(discover) as ranks, notify.told(args.notify, ranks.team):
        if ranks.team.on_root(lambda: is_workflow(args.job)):
            from nanompi.workflow.stages.work import Voice, perform

            perform(ranks, partial(_begun, args), Voice(style(args)))
            return 0
        from nanompi.report.at_the_end import at_the_end
        from nanompi.report.figures import pictures
        from nanompi.report.live import LiveView

        live(ranks, partial(_prepared, args), [LiveView(), pictures], style(args), last=at_the_end)
    return 0


def _begun(args, stack):
    """The workflow in its folder, which is locked, and the command that takes up what is missing (rank 0)."""
    from nanompi.job.stages import read_workflow
    from nanompi.run.lock import Lock
    from nanompi.workflow.stages import folder
    from nanompi.workflow.stages.reuse import take_over, workflow_of
    from nanompi.workflow.stages.work import Part, Voice, command

    workflow = read_workflow(args.job, args.set)
    old = workflow_of(args.reuse) if args.reuse else None
    path = folder.create(workflow, args.out, args.folder)
    stack.enter_context(Lock(path))
    voice = Voice(style(args))
    voice(f"{workflow}; {path}", "workflow", name=workflow.name, folder=str(path))
    for line in take_over(folder.read(path), old) if old else ():
        voice(line, "reuse", text=line)
    return Part(folder.read(path)), command(path)


def _prepared(args, vendor: str, hosts: list[str]):
    """The checked job in its folder (rank 0)."""
    from nanompi.job.folder import claim, held, named
    from nanompi.job.job import read_job

    no_reuse(args)
    job = read_job(args.job, args.set)
    return held(job, named(args.folder) if args.folder else claim(job, args.out), vendor, hosts)


def _again(args) -> list[str]:
    """The arguments for the ranks."""
    sets = [word for text in args.set for word in ("--set", text)]
    own = [
        word for name in ("out", "folder", "reuse") if (v := getattr(args, name)) for word in (f"--{name}", v)
    ]
    own += [f"--{style(args)}"] * (style(args) != "text")
    return [*sets, *own, "--", args.job]
