"""Tell how two results differ: aligned phases, volumes or maps, with their FRC; exit code 5 above --max."""

import sys
from contextlib import suppress
from numbers import Number
from pathlib import Path

from nanompi.cli import new_path, path
from nanompi.errors import DataError, JobError, NumbersError, shown

KINDS = (".png", ".svg", ".pdf")


def arguments(parser):
    """Arguments of `nanompi compare`."""
    parser.add_argument("a", type=path, help="result file, run folder, or the name of a job")
    parser.add_argument("b", type=path, help="the same, or a file with the truth; truth: that of A")
    most = (
        "largest phase_rmse [rad] of waves, nrmse of volumes and maps (of maps with unlike units that of the "
        "map which differs most) that is accepted"
    )
    parser.add_argument("--max", type=float, metavar="X", help=most)
    every = "all maps, spectra and patterns, also of results that hold waves or a volume"
    parser.add_argument("--maps", action="store_true", help=every)
    parser.add_argument(
        "--json", action="store_true", help="print all figures, with the FRC, as one JSON object"
    )
    drawn = (
        "a picture of both, their difference and the FRC, of maps the one that differs most: .png, .svg, .pdf"
    )
    parser.add_argument("--picture", type=new_path, metavar="FILE", help=drawn)


def main(args) -> int:
    """Exit code 0; 5 through NumbersError."""
    from nanompi.methods import discover
    from nanompi.report import map_differences

    if args.picture and Path(args.picture).suffix not in KINDS:
        raise JobError(f"--picture {args.picture}: the name ends with none of {', '.join(KINDS)}")
    args.a, args.b = _meant(args.a), _meant(args.b)
    able = [s for _, s in sorted(discover()["step"].items()) if hasattr(s, "compare")]
    step = None if args.maps else next((step for step in able if step.compares(args.a)), None)
    compare = step.compare if step else map_differences.compare
    shows = {}
    found = compare(args.a, args.b, show=shows) if args.picture else compare(args.a, args.b)
    _print_json(found) if args.json else _print(found)
    if args.picture:
        _draw(shows, args)
    judged = found["judged"]
    if args.max is not None and not found[judged] <= args.max:
        raise NumbersError(_above(judged, found[judged], args.max))
    return 0


def _above(judged: str, value: float, most: float) -> str:
    if value != value:
        return f"{judged} is not a number, so that no limit is kept (--max {most:g}): look at both results"
    return f"{judged} {value:.6g} is above the limit --max {most:g}"


def _meant(name: str) -> str:
    """The latest run, of the name of a job; all else stays as it is."""
    from nanompi.api.calls import run_of

    with suppress(DataError):
        return name if name == "truth" else str(run_of(name))
    return name


def _print(found: dict):
    """Sentences; of a step that has none, its figures."""
    for line in found.get("words") or [f"{name:<20} {text}" for name, text in lines(found)]:
        print(line)
    if "note" in found:
        sys.stdout.flush()
        print(f"warning: {shown(found['note'])}", file=sys.stderr)


def _print_json(found: dict):
    import json

    from nanompi.job.answer import finite

    print(json.dumps(finite(found), indent=1, allow_nan=False))


def _draw(shows: dict, args):
    """Errors: ResourceError where the picture cannot be written."""
    from nanompi.report.figures import save, sheet

    if not shows:
        raise DataError(f"--picture: there is nothing to draw of {args.a} and {args.b}")
    save(sheet(shows, f"A: {shown(args.a, 60)}    B: {shown(args.b, 60)}"), Path(args.picture))
    print(args.picture, file=sys.stderr if args.json else sys.stdout)


def lines(found: dict, above: str = "") -> list[tuple[str, str]]:
    """[(dotted name, text)] of what is short enough to read; the FRC curve is not."""
    out = []
    for name, value in found.items():
        if isinstance(value, dict) and name != "frc":
            out += lines(value, f"{above}{name}.")
        elif isinstance(value, Number | str):
            out.append((above + name, _text(value)))
        elif isinstance(value, list | tuple) and len(value) <= 4:
            out.append((above + name, " ".join(map(_text, value))))
    return out


def _text(value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shown(value)
