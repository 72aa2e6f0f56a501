"""Align two results (shift, ramp, scale), print the phase error and the FRC; exit code 5 above --max."""

from numbers import Number

from nanompi.cli import path
from nanompi.errors import DataError, NumbersError, shown


def arguments(parser):
    """Arguments of `nanompi compare`."""
    parser.add_argument("a", type=path, help="result file or run folder")
    parser.add_argument("b", type=path, help="result file or run folder, or a file with the truth")
    parser.add_argument("--max", type=float, metavar="RAD", help="largest phase RMSE that is accepted")


def main(args) -> int:
    """Exit code 0; 5 through NumbersError."""
    from nanompi.methods import discover

    found = _compared(
        [s.compare for s in discover()["step"].values() if hasattr(s, "compare")], args.a, args.b
    )
    for name, text in lines(found):
        print(f"{name:<20} {text}")
    rmse = float(found["phase_rmse"])
    if args.max is not None and not rmse <= args.max:
        raise NumbersError(f"the phase RMSE {rmse:.6g} rad is above the limit --max {args.max:g}")
    return 0


def _compared(ways: list, a: str, b: str) -> dict:
    """By the first step that can compare these results. Errors: DataError, what the first one says."""
    faults = []
    for compare in ways:
        try:
            return compare(a, b)
        except DataError as e:
            faults.append(e)
    raise faults[0]


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
