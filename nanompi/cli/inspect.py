"""Print what a scan file says: format, frames, positions, energy, distance, pixels and the rest."""

from nanompi.cli import path, settings
from nanompi.errors import NanompiError, shown


def arguments(parser):
    """Arguments of `nanompi inspect`."""
    parser.add_argument("file", type=path, help="scan file, or a job file whose input is shown")
    settings(parser)


def main(args) -> int:
    """Exit code 0, or 3 when the file cannot be read: then its datasets, and the section that might do."""
    from nanompi.job.job import read_input
    from nanompi.methods import discover
    from nanompi.methods.ptycho.read import open_scan

    discover()
    try:
        given, reader = read_input(args.file, args.set)
        scan = open_scan(given.file, given, reader)
    except NanompiError:
        _unknown(args.file)
        raise
    for name, text in lines(scan):
        print(f"{name:<12} {shown(text)}")
    return 0


def _unknown(path: str) -> None:
    """What is in a scan file that cannot be read as it is; nothing for job files and for what is damaged."""
    from nanompi.methods.ptycho.read.unknown import report

    try:
        told = [] if path.lower().endswith((".yaml", ".yml")) else report(path)
    except NanompiError:
        return
    for line in told:
        print(shown(line))


def lines(scan) -> list[tuple[str, str]]:
    """[(name, text)] of a scan, in readable units."""
    from nanompi.optics.geometry import energy_of
    from nanompi.units import show

    n, rows, columns = scan.source.shape
    size = n * rows * columns * scan.source.dtype.itemsize
    out = [
        ("file", scan.file or "(none: simulated)"),
        ("format", scan.format),
        ("frames", f"{n} of {rows} x {columns} px, {scan.source.dtype}, {show(size, 'B')} of counts"),
        ("wavelength", f"{show(scan.wavelength, 'm')} ({show(energy_of(scan.wavelength), 'J')})"),
        ("distance", show(scan.distance, "m")),
        ("pixel", " x ".join(show(p, "m") for p in scan.pixel) + " (rows x columns)"),
        ("positions", _area(scan.positions)),
    ]
    if scan.focus is not None:
        out.append(("focus", show(scan.focus, "m") + " before the sample (near field)"))
    if scan.mask is not None:
        out.append(("mask", f"{100 * (1 - scan.mask.mean()):.3g} % of the pixels are bad"))
    out += [
        (name, _array(getattr(scan, name)))
        for name in ("monitor", "dark", "probe", "object")
        if _has(scan, name)
    ]
    return out + [("note", note) for note in scan.notes]


def _has(scan, name: str) -> bool:
    return getattr(scan, name) is not None


def _array(a) -> str:
    return f"{' x '.join(map(str, a.shape))} {a.dtype}"


def _area(positions) -> str:
    from nanompi.units import show

    spans = [show(float(s), "m") for s in positions.max(axis=0) - positions.min(axis=0)]
    return f"{len(positions)} over {spans[0]} x {spans[1]} (rows x columns)"
