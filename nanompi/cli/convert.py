"""Write a result as TIFF, NPZ, for ptypy (.ptyr), for PyNX (.cxi) or as a picture, as its new name says."""

from pathlib import Path

from nanompi.cli import new_path, path


def arguments(parser):
    """Arguments of `nanompi convert`."""
    parser.add_argument("run", type=path, help="run folder, result file, or the name of a job")
    parser.add_argument("out", type=new_path, help="OUT.tif, .npz, .ptyr, .cxi, .png, .svg, .pdf or .h5")
    text = "this signal alone (phase, probe, Fe_K ...), as often as wanted"
    parser.add_argument("--signal", action="append", default=[], metavar="NAME", help=text)
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def main(args) -> int:
    """Exit code 0; the files that were written are printed."""
    from nanompi.api import load
    from nanompi.api.export import export

    for file in export(load(args.run), Path(args.out), args.signal, args.force):
        print(file)
    return 0
