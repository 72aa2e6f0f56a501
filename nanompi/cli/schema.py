"""Print the JSON schema of job files: an editor then completes and checks them."""

import json
from pathlib import Path

from nanompi.cli import new_page
from nanompi.errors import ResourceError


def arguments(parser):
    """Arguments of `nanompi schema`."""
    parser.add_argument("file", nargs="?", type=new_page(".json"), help="write it here and not on the screen")


def main(args) -> int:
    """Exit code 0."""
    from nanompi.job.schema_file import known_schema
    from nanompi.methods import discover

    discover()
    text = json.dumps(known_schema(), indent=1, ensure_ascii=False) + "\n"
    if not args.file:
        print(text, end="")
        return 0
    try:
        Path(args.file).write_text(text, encoding="utf-8")
    except OSError as e:
        raise ResourceError(f"{args.file}: cannot be written: {e.strerror}") from None
    print(f"{args.file}: first line of a job for editors: # yaml-language-server: $schema={args.file}")
    return 0
