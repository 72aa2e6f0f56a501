"""Check a job file: every fault at once, as FILE:LINE:COLUMN: what is wrong, what is allowed, what to do.

Where it has none, its input is opened as by a run: what the run would refuse of it is refused here. Of a
workflow (`stages:`) every item is checked as a job of its own, and identical faults of many are told once.
"""

import sys

from nanompi.cli import job_arguments
from nanompi.errors import shown


def arguments(parser):
    """Arguments of `nanompi check`."""
    job_arguments(parser)
    parser.add_argument("--no-data", action="store_true", help="check the job alone, do not open its input")
    parser.add_argument("--json", action="store_true", help="print what was found as one JSON object")
    parser.add_argument("--resolved", action="store_true", help="print the job with every default filled in")


def main(args) -> int:
    """Exit code 0, or 2 and 3 through the errors."""
    from nanompi.job import yaml12
    from nanompi.job.kind import is_workflow
    from nanompi.job.open_input import look
    from nanompi.job.sweeps import read_settings
    from nanompi.methods import discover

    discover()
    if args.json:
        return _json(args)
    if is_workflow(args.job):
        return _workflow(args)
    found = read_settings(args.job, args.set)
    job = found.settings[0].job
    notes = [] if args.no_data else look([one.job for one in found.settings])
    if args.resolved:
        print(yaml12.write(job.resolved), end="")
        return 0
    if found.settings[0].values:
        swept = ", ".join(found.settings[0].values)
        print(f"{args.job}: {found}, each checked; swept: {swept}; `nanompi sweep` runs them")
    print(f"{args.job}: no faults. {job.name}: input by {job.reader.name}; steps:")
    for step in job.steps:
        print(f"  {step.name}")
    _notes(notes)
    return 0


def _notes(notes: list[str]):
    from nanompi.run.foreign import BROKEN

    for note in notes:
        print(f"note: {shown(note)}")
    for why in BROKEN.values():
        print(f"note: {why}; it is left out", file=sys.stderr)


def _workflow(args) -> int:
    """The same for a file with `stages:`."""
    from nanompi.job import yaml12
    from nanompi.job.answer import resolved_stages
    from nanompi.job.open_input import look_at_all
    from nanompi.job.stages import read_workflow

    found = read_workflow(args.job, args.set)
    notes = [] if args.no_data else look_at_all(found)
    if args.resolved:
        print(yaml12.write(resolved_stages(found)), end="")
        return 0
    print(f"{args.job}: no faults, each item checked. {found.name}: stages:")
    for stage in found.stages:
        print(f"  {stage.about}")
    _notes(notes)
    return 0


def _json(args) -> int:
    """Print the answer as one JSON object; its exit code is the same as in words."""
    import json

    from nanompi.job.answer import answer

    found = answer(args.job, args.set, data=not args.no_data)
    print(json.dumps(found, indent=1, allow_nan=False))
    return found["code"]
