"""Write the manual: one HTML file that needs no network, with a guide and all steps, readers and engines.

    nanompi manual -o manual.html
    nanompi manual --pictures pictures       the same with pictures: runs twelve small scans, some minutes
    nanompi manual --man | man -l -          the commands as a man page

Pictures that are there are not made again.
"""

import sys
from pathlib import Path

from nanompi.cli import VERBS, new_page, new_path


def arguments(parser):
    """Arguments of `nanompi manual`."""
    parser.add_argument(
        "-o", "--output", type=new_page(".html", ".1"), help="the file (manual.html; a man page: the screen)"
    )
    parser.add_argument(
        "--pictures",
        type=new_path,
        metavar="FOLDER",
        help="make the pictures of the guide there, as far as they are missing, and put them into the manual",
    )
    parser.add_argument("--man", action="store_true", help="the commands as a man page, for troff")


def main(args) -> int:
    """Exit code 0; 4 where docutils is missing or the file cannot be written."""
    from nanompi.errors import ResourceError
    from nanompi.io.atomic import write_text

    text, output = _text(args), args.output or ("" if args.man else "manual.html")
    if not output:
        sys.stdout.write(text)
        return 0
    try:
        write_text(Path(output), text)
    except OSError as error:
        raise ResourceError(f"{output}: cannot be written: {error.strerror}") from None
    print(output)
    return 0


def _text(args) -> str:
    from nanompi.methods import discover
    from nanompi.report.manual import page
    from nanompi.report.manual.man import man

    if args.man:
        return man(_verbs())
    discover()
    if not args.pictures:
        return page()
    from nanompi.workflow.gallery import make

    make(Path(args.pictures))
    return page(Path(args.pictures))


def _verbs() -> list:
    """What each verb says of itself."""
    from nanompi.cli.parser import parsers, whole
    from nanompi.report.manual.man import Verb

    every = parsers(whole())
    return [Verb(n, text, every[n].description or text, _arguments(every[n])) for n, text in VERBS.items()]


def _arguments(parser) -> list[tuple[str, str]]:
    """[("--set PATH=VALUE", help)] but --help."""
    actions = [action for action in parser._actions if action.dest != "help"]
    return [(_written(action), (action.help or "").replace("%%", "%")) for action in actions]


def _written(action) -> str:
    name = ", ".join(action.option_strings)
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    value = action.metavar or choices or (action.dest.upper() if name else action.dest)
    return f"{name} {value}" if name and action.nargs != 0 else name or str(value)
