"""Print how two results differ: aligned phases, or volumes, with their FRC; exit code 5 above --max."""

from numbers import Number

from nanompi.cli import path
from nanompi.errors import DataError, NumbersError, shown


def arguments(parser):
    """Arguments of `nanompi compare`."""
    parser.add_argument("a", type=path, help="result file or run folder")
    parser.add_argument("b", type=path, help="result file or run folder, or a file with the truth")
    most = "largest phase_rmse [rad], or nrmse of volumes, that is accepted"
    parser.add_argument("--max", type=float, metavar="X", help=most)


def main(args) -> int:
    """Exit code 0; 5 through NumbersError."""
    from nanompi.methods import discover

    able = [s for _, s in sorted(discover()["step"].items()) if hasattr(s, "compare")]
    step = next((step for step in able if step.compares(args.a)), None)
    if step is None:
        raise DataError(f"{args.a} holds neither waves nor a volume, and cannot be compared")
    found = step.compare(args.a, args.b)
    for name, text in lines(found):
        print(f"{name:<20} {text}")
    judged = found["judged"]
    if args.max is not None and not found[judged] <= args.max:
        raise NumbersError(f"{judged} {found[judged]:.6g} is above the limit --max {args.max:g}")
    return 0


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
