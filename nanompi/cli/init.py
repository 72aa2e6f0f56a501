"""Write a first job file: what a beginner touches as comments, with defaults, or all parameters.

    nanompi init --from scan.cxi      for a scan; energy, distance and pixel of the file stand in the comments
    nanompi init --list               what one can begin with: modes, near-field, tomo, xrf ...
    nanompi init volume --from raw    a workflow of all scans in the folder raw
    nanompi init modes                a job of that kind, with simulated data; with --from for a scan

Folders of job files in $NANOMPI_TEMPLATES are templates, too.
"""

import sys
from pathlib import Path

from nanompi.cli import new_path, path
from nanompi.errors import JobError, NanompiError, ResourceError, shown


def arguments(parser):
    """Arguments of `nanompi init`."""
    parser.add_argument(
        "file",
        nargs="?",
        type=new_path,
        help="job file to write (job.yaml); or the name of a template, such as xrf: xrf.yaml",
    )
    parser.add_argument(
        "--from", dest="scan", type=path, metavar="SCAN", help="scan file; else one is simulated"
    )
    parser.add_argument("--template", metavar="NAME", default="", help="what to begin with; see --list")
    parser.add_argument("--list", action="store_true", help="show the templates")
    parser.add_argument(
        "--level",
        choices=("basic", "expert"),
        default="basic",
        help="parameters that stand in comments: those that a beginner touches, or all",
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file")


def main(args) -> int:
    """Exit code 0; 2 when the file is there already."""
    from nanompi.job.templates import find, no_template, templates
    from nanompi.methods import discover
    from nanompi.run.foreign import BROKEN

    discover()
    if args.list:
        for name, one in templates().items():
            print(f"{name:<14} {one.about}" + (f"  ({one.file})" if one.file else ""))
        for why in BROKEN.values():
            print(f"note: {why}; it is left out", file=sys.stderr)
        return 0
    if args.file in templates() and not args.template:
        args.template, args.file = args.file, f"{args.file}.yaml"
    elif args.file and not args.file.endswith((".yaml", ".yml")):
        raise JobError(f"{no_template(args.file)}; the name of a job file ends with .yaml")
    args.file = args.file or f"{args.template or 'job'}.yaml"
    template = find(args.template) if args.template else None
    if args.scan and not (Path(args.scan).is_file() or Path(args.scan).is_dir()):
        what = "this is no file or folder" if Path(args.scan).exists() else "there is no such file"
        raise JobError(f"--from {args.scan}: {what}")
    if Path(args.file).exists() and not args.force:
        raise JobError(f"{args.file} is there already; name another file, or overwrite it with --force")
    try:
        Path(args.file).write_text(_text(args, template), encoding="utf-8")
    except OSError as e:
        raise ResourceError(f"{args.file}: cannot be written: {e.strerror}") from None
    print(f"{args.file} is written. Next: nanompi check {args.file}; nanompi run -n 2 {args.file}")
    if args.scan and not (template and template.workflow) and (why := _lacks(args.file, args.scan)):
        print(f"warning: {why}", file=sys.stderr)
    return 0


def _lacks(file: str, scan: str) -> str:
    """What must be done in the job file before it can run; "" where nothing is known."""
    from nanompi.job.open_input import look
    from nanompi.job.starter import knows
    from nanompi.job.sweeps import read_settings

    if not knows(scan):
        return f"no reader knows {shown(scan)}: name one by `format:` in {file}, or another file"
    try:
        look([one.job for one in read_settings(file).settings])
    except NanompiError as error:
        if keys := ", ".join(f"{key}:" for key in error.missing):
            return f"the scan does not say all: fill in {keys} in `input` of {file}"
        return f"something must be filled in before it runs: {error}"
    return ""


def _text(args, template) -> str:
    from nanompi.job.schema_file import schema_file
    from nanompi.job.starter import starter

    if not (template and template.file):
        return starter(args.file, args.scan or "", template, args.level, schema_file())
    if not args.scan:
        return template.file.read_text(encoding="utf-8")
    from nanompi.job.yaml12 import write

    scan = str(Path(args.scan).absolute())
    return write({"nanompi": 1, "extends": str(template.file), "set": {"input.file": scan}})
