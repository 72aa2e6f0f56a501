"""Run all settings of a job with `{sweep: ...}` in one allocation; resume, collect, or submit as an array."""

from contextlib import ExitStack
from pathlib import Path

from nanompi.cli import new_path, path, settings
from nanompi.cli.submit import asked, site_arguments
from nanompi.cluster.submit import program, with_site
from nanompi.errors import JobError, NanompiError, PartError
from nanompi.mpi.mpiexec import one_thread, start, to_start
from nanompi.run import notify


def arguments(parser):
    """Arguments of `nanompi sweep`."""
    parser.add_argument(
        "job", nargs="?", type=path, help="job file (YAML) with {sweep: ...} in place of some values"
    )
    settings(parser)
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    parser.add_argument("--groups", type=int, default=0, metavar="G", help="groups of ranks (one each node)")
    parser.add_argument(
        "--out", type=new_path, metavar="DIR", help="folder of runs, in place of output.folder"
    )
    parser.add_argument(
        "--folder", type=new_path, metavar="DIR", help="folder of this sweep; RUNS/NAME/sweep-0001"
    )
    parser.add_argument("--only", type=int, metavar="K", help="setting K alone (from 0): a task of an array")
    parser.add_argument("--resume", type=path, metavar="DIR", help="run what is missing or failed in a sweep")
    parser.add_argument("--collect", type=path, metavar="DIR", help="only write table, ranking and pictures")
    parser.add_argument("--submit", action="store_true", help="as a Slurm array, and a job that collects")
    parser.add_argument("--dry", action="store_true", help="with --submit: show the scripts, submit nothing")
    site_arguments(parser)
    notify.argument(parser)


def main(args) -> int:
    """Exit code 0; 7 when settings failed, the others are done."""
    one_thread()
    _fit_together(args)
    if args.submit:
        return _submit(args)
    if args.collect or to_start(args.n):
        with notify.told(args.notify) as ended:
            ended.code = _collect(args) if args.collect else start(args.n, ["sweep", *again(args)])
        return ended.code
    return work(args)


def work(args, shorten=None) -> int:
    """What each rank does. shorten : changes the job of each setting before it is run (`nanompi try`)."""
    from nanompi.methods import discover
    from nanompi.run.life import together

    with together(discover) as ranks, notify.told(args.notify, ranks.team), ExitStack() as stack:
        from nanompi.workflow.sweep.work import group_number, page, run_settings

        team = ranks.team
        folder, todo, text = team.on_root(lambda: _plan(args, stack, shorten))
        groups = group_number(team, args.groups, len(todo))
        notify.here(folder)
        if team.root:
            page(folder)
            print(f"{text} by {groups} group{'s' * (groups > 1)} of {team.size} ranks; {folder}", flush=True)
        with ranks.dog.watching(team, ranks.clock, None, 0):  # a group may wait long for another
            run_settings(ranks, todo, groups)
        team.on_root(lambda: _end(folder) if args.only is None else _alone(todo))
    return 0


def _plan(args, stack, shorten):
    """(folder, settings to run with their jobs, what is run in words); rank 0.

    The folder is locked for a whole sweep; tasks of an array lock but their settings
    (`nanompi.workflow.sweep.work`).
    """
    from nanompi.run.lock import Lock
    from nanompi.workflow.sweep import folder

    def locked(where):
        if args.only is None:
            stack.enter_context(Lock(where))

    if args.resume:
        where = Path(args.resume)
        folder.read_head(where)
        locked(where)
        todo = [t for t in folder.again(where) if args.only in (None, t.number)]
        return where, todo, f"resume: {len(todo)} of {len(folder.tasks(where))} settings"
    found = _found(args)
    if shorten:
        shorten(found)
    if args.only is not None and not 0 <= args.only < len(found.settings):
        raise JobError(f"--only {args.only}: there are {found}, 0 to {len(found.settings) - 1}")
    where, todo = folder.create(found, args.out, args.folder)
    locked(where)
    return where, [t for t in todo if args.only in (None, t.number)], str(found)


def _found(args):
    """All settings of the job, each checked; at least one thing is swept."""
    from nanompi.job.sweeps import read_settings

    found = read_settings(args.job, args.set)
    if not found.settings[0].values:
        raise JobError(f"{args.job}: nothing is swept: write {{sweep: [1, 2, 3]}} in place of a value")
    return found


def _alone(todo: list):
    """The task of an array ends as its setting did."""
    for task in todo:
        found = task.outcome()
        if found["code"] != 0:
            raise PartError(f"{task.path.name}: exit code {found['code']}: {found['message']}")


def _end(folder: Path):
    """Collect, tell, and complain of what failed."""
    from nanompi.workflow.sweep.collect import collect

    rows, best = collect(folder)
    print(best)
    for made in filter(Path.exists, (folder / n for n in ("table.csv", "sweep.h5", "contact.png"))):
        print(made, flush=True)
    _pages(folder)
    bad = [r for r in rows if r["code"] != 0]
    if bad:
        raise PartError(
            f"{len(bad)} of {len(rows)} settings have no result (the list above says why), the others "
            f"are done: nanompi sweep --resume {folder} tries them again"
        )


def _pages(folder: Path):
    """The page of all settings, and that of the best; one that cannot be made costs the sweep nothing."""
    from nanompi.report.several import MOST, compare
    from nanompi.workflow.sweep.folder import best
    from nanompi.workflow.sweep.work import page

    why = page(folder)
    print(
        f"there is no page of all settings: {why}" if why else f"settings: {folder / 'report.html'}",
        flush=True,
    )
    try:
        if folders := best(folder, MOST):
            print(f"report: {compare(folders, folder / 'compare.html')}", flush=True)
    except NanompiError as error:
        print(f"there is no page of the settings: {error}", flush=True)


def _collect(args) -> int:
    notify.here(args.collect)
    _end(Path(args.collect))
    return 0


def _submit(args) -> int:
    """Check all settings, write their folder and both scripts, and hand these to sbatch."""
    from nanompi.cluster.site import site
    from nanompi.cluster.slurm import need_sbatch
    from nanompi.methods import discover
    from nanompi.workflow.sweep import folder, script

    discover()
    found, (here, source) = _found(args), site(args.site)
    here = asked(here, args)
    if not args.dry:
        need_sbatch()
    where, _ = folder.create(found, args.out, args.folder)
    own = {"program": here.nanompi or program(), "source": with_site(source)}
    files = script.write(where, found.settings[0].job.name, len(found.settings), here, args.notify, **own)
    if args.dry:
        print("\n".join(f"# {file}\n{file.read_text(encoding='utf-8')}" for file in files))
        return 0
    first, last = script.submit(*files)
    print(f"{found}: array {first}, collected by {last}; {where}\nlook: squeue -j {first},{last}")
    return 0


def again(args) -> list[str]:
    """The arguments for the ranks."""
    words = [word for text in args.set for word in ("--set", text)]
    for name in ("out", "folder", "resume", "groups", "only"):
        value = getattr(args, name)
        words += [f"--{name}", str(value)] if value or (name == "only" and value == 0) else []
    return [*words, *(["--", args.job] if args.job else [])]


def _fit_together(args):
    """Refuse what makes no sense together."""
    if bool(args.job) == bool(args.resume or args.collect):
        raise JobError("name a job file, or --resume FOLDER, or --collect FOLDER")
    if args.n is not None and args.n < 1:
        raise JobError(f"-n {args.n}: the number of ranks is 1 or more")
    if args.submit and args.resume:
        raise JobError(
            f"--submit and --resume: submit {args.resume}/sweep.sbatch with --array=NUMBERS instead"
        )
    if args.groups < 0:
        raise JobError(f"--groups {args.groups}: the number of groups is 1 or more; 0 is one each node")
