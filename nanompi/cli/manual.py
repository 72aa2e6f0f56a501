"""Write the manual: one HTML file that needs no network, of all steps, readers, engines and a guide."""

from pathlib import Path

from nanompi.cli import new_path


def arguments(parser):
    """Arguments of `nanompi manual`."""
    parser.add_argument("-o", "--output", type=new_path, default="manual.html", help="the file (manual.html)")


def main(args) -> int:
    """Exit code 0; 4 where docutils is missing or the file cannot be written."""
    from nanompi.io.atomic import write_text
    from nanompi.methods import discover
    from nanompi.report.manual import page

    discover()
    write_text(Path(args.output), page())
    print(args.output)
    return 0
