"""Write a first job file with comments: every parameter with its default and one sentence."""

from pathlib import Path

from nanompi.cli import new_path, path
from nanompi.errors import JobError, ResourceError


def arguments(parser):
    """Arguments of `nanompi init`."""
    parser.add_argument(
        "file",
        nargs="?",
        type=new_path,
        default="job.yaml",
        help="job file to write (job.yaml); or a method, such as xrf: xrf.yaml with simulated data of it",
    )
    parser.add_argument(
        "--from", dest="scan", type=path, metavar="SCAN", help="scan file; else one is simulated"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file")


def main(args) -> int:
    """Exit code 0; 2 when the file is there already."""
    from nanompi.job.starter import first_jobs, starter
    from nanompi.methods import discover

    discover()
    method = args.file if args.file in first_jobs() and not args.scan else ""
    args.file = f"{method}.yaml" if method else args.file

    if args.scan and not (Path(args.scan).is_file() or Path(args.scan).is_dir()):
        what = "this is no file or folder" if Path(args.scan).exists() else "there is no such file"
        raise JobError(f"--from {args.scan}: {what}")
    if Path(args.file).exists() and not args.force:
        raise JobError(f"{args.file} is there already; name another file, or overwrite it with --force")
    try:
        text = starter(args.file, args.scan or "", method or "ptycho")
        Path(args.file).write_text(text, encoding="utf-8")
    except OSError as e:
        raise ResourceError(f"{args.file}: cannot be written: {e.strerror}") from None
    print(f"{args.file} is written. Next: nanompi check {args.file}; nanompi run -n 2 {args.file}")
    return 0
