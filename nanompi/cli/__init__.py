"""The command line. One file per verb, imported when used: `arguments(parser)` and `main(args) -> code`."""

import argparse
import sys

from nanompi import __version__
from nanompi.errors import (
    JobError,
    NanompiError,
    ResourceError,
    complain,
    explained,
    internal,
    lines,
    nearest,
    no_path,
    odd,
    shown,
)
from nanompi.run.streams import give_up, standing

VERBS = {
    "run": "run a job, alone or on N ranks",
    "resume": "go on with a run that was stopped",
    "rerun": "repeat the run of a result, and say whether the new one is the same",
    "sweep": "run all settings of a job with {sweep: ...} in one allocation",
    "try": "one picture strip in minutes: some values of one parameter",
    "submit": "hand a job to Slurm, or show its batch script (--dry)",
    "status": "one line for each run: state, iteration, likelihood, rate, time left",
    "watch": "the same, repeated until all runs have ended",
    "watch-folder": "each new complete file of a folder becomes a run, or a submission",
    "plan": "memory, messages, time and number of ranks of a job, before it starts",
    "bench": "run a job on 1, 2, 4 ... ranks; speed-up and efficiency of each phase",
    "check": "check a job file: all faults at once, with line and column",
    "init": "write a first job file with comments",
    "geometry": "is the scan as the job says: orientation, lag, distance, rotation, scales of the axes",
    "inspect": "print geometry and size of a scan file",
    "serve": "show runs in a browser, and start them",
    "methods": "list steps, readers and engines, or the parameters of one",
    "completion": "print what bash, zsh or tcsh needs to complete commands, options and files",
    "manual": "write the manual: one HTML file that needs no network",
    "new-step": "write a step of your own: a function in a file, and a test of it",
    "schema": "print the JSON schema of job files, for editors",
    "report": "write report.html of a run, or one page that compares several",
    "compare": "align two results, print phase error and FRC",
    "convert": "write a result as TIFF, NPZ, for ptypy, for PyNX or as a picture",
    "cite": "the papers behind a run or a job, as text or BibTeX",
    "simulate": "write the simulated scan of a job to a file",
    "doctor": "show MPI, devices, packages and what is missing",
}


RUNS = (
    "run",
    "resume",
    "rerun",
    "sweep",
    "try",
    "bench",
    "watch-folder",
)  # they go on where nobody hears them


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; the exit code. A user's mistake gives a message, never a traceback."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        with standing(lasting=argv[:1] != [] and argv[0] in RUNS):
            main_of_verb, args = _parsed(argv)
            return main_of_verb(args) or 0
    except NanompiError as e:
        return _say(f"nanompi: {e}", e.code)
    except KeyboardInterrupt:
        return _say("nanompi: stopped", 130)
    except BrokenPipeError:
        give_up(sys.stdout)  # the reader of our output (`| head`) has gone
        return 0
    except SystemExit as e:  # argparse, and a team that has already told its error
        return e.code if isinstance(e.code, int) else 0 if e.code is None else _say(str(e.code), 1)
    except MemoryError as e:
        return _say(f"nanompi: out of memory: {e}", ResourceError.code)
    except Exception as e:  # the last net
        return _last(e)


def _last(error: Exception) -> int:
    """The exit code of an error that nobody expected: of a part of somebody else's; or ours, in one line."""
    from nanompi.run.foreign import blame

    error = blame(error) or explained(error)
    if not isinstance(error, NanompiError):
        return _say(f"nanompi: {internal(error)}", 1)
    complain(error)
    return error.code


def _parsed(argv: list[str]):
    """(`main` of a verb, its arguments). Errors: SystemExit where nothing but a text was asked for."""
    import importlib

    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        raise SystemExit(0 if argv else 2)
    if argv[0] in ("-V", "--version", "version"):
        print(f"nanompi {__version__}")
        raise SystemExit(0)
    if argv[0] not in VERBS:
        unknown = f'nanompi: unknown command "{argv[0]}"{nearest(argv[0], VERBS)}\n\n{_help()}'
        raise SystemExit(_say(unknown, 2))
    module = importlib.import_module(f"nanompi.cli.{argv[0].replace('-', '_')}")
    parser = argparse.ArgumentParser(
        f"nanompi {argv[0]}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.arguments(parser)
    return module.main, parser.parse_args(argv[1:])


def path(text: str) -> str:
    """A file or folder of the command line: a text that can name one (type of an argument)."""
    if why := no_path(text):
        raise argparse.ArgumentTypeError(f'"{shown(text, 80)}" cannot be the name of a file: {why}')
    return text


def new_path(text: str) -> str:
    """The same for what will be made: a line of a batch script or of a log may get it."""
    if odd(text):
        raise argparse.ArgumentTypeError(f'"{shown(text, 80)}": no name of a new file may hold {odd(text)}')
    return path(text)


def new_page(*ends: str):
    """The same for a page that takes the place of an older one: no scan or job is written over by a slip.

    ends : how its name ends, one of them
    """

    def kind(text: str) -> str:
        if not new_path(text).endswith(ends):
            raise argparse.ArgumentTypeError(f'"{shown(text, 80)}" must end with {" or ".join(ends)}')
        return text

    return kind


def job_arguments(parser: argparse.ArgumentParser):
    """What all verbs that read a job take."""
    parser.add_argument("job", type=path, help="job file (YAML)")
    settings(parser)


def reuse_argument(parser: argparse.ArgumentParser):
    """`--reuse WORKFLOW`"""
    text = "of a workflow that was changed: take over what is done in this one and asked for alike"
    parser.add_argument("--reuse", type=path, metavar="WORKFLOW", help=text)


def no_reuse(args):
    """Errors: JobError where a job that is no workflow has `--reuse`."""
    if args.reuse:
        raise JobError(f"--reuse: {args.job} is no workflow (no `stages:`)")


def settings(parser: argparse.ArgumentParser):
    """`--set PATH=VALUE`, as often as wanted."""
    text = "as an edit of the job: --set steps.ptycho.probe.modes=3"
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help=text)


def loudness(parser: argparse.ArgumentParser):
    """`--quiet` and `--json`: what a run tells on the screen; its log file is the same."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--quiet", action="store_true", help="tell only warnings and the files of the result")
    one.add_argument("--json", action="store_true", help="tell events, a JSON object in each line of stdout")


def style(args) -> str:
    """text, quiet or json"""
    return "json" if args.json else "quiet" if args.quiet else "text"


def _help() -> str:
    lines = [f"  {name:<10} {text}" for name, text in VERBS.items()]
    head = "usage: nanompi COMMAND ...    (nanompi COMMAND -h explains one)\n"
    return "\n".join([head, *lines])


def _say(text: str, code: int) -> int:
    sys.stdout.flush()
    print(lines(text), file=sys.stderr, flush=True)
    return code
