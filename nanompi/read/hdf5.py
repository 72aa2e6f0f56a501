"""Any HDF5 file, its datasets named in the job.

    input:
      file: scan.h5
      paths: {frames: /entry/data/data, x: "-/pos/lab_x + 0.1*/pos/lab_y", y: /pos/lab_z, energy: /e}
      units: {x: um, y: um, energy: keV}
      distance: 2.1 m

`frames` may be a group with datasets data_000001, data_000002, ... as detectors write them. See `mapped` for
the rest.
"""

from nanompi.errors import DataError
from nanompi.files import dataset, hdf5, is_hdf5, open_hdf5, unit
from nanompi.read import Input
from nanompi.read.combined import JoinedFrames
from nanompi.read.frames import Hdf5Frames
from nanompi.read.mapped import Mapped, check, scan_of
from nanompi.scan import Scan
from nanompi.step import param, reader


@reader("hdf5")
class Hdf5:
    """Any HDF5 file, by `paths:` and `units:`."""

    paths: dict[str, str] = param(
        {}, help="where the datasets are: frames, x, y or positions, mask, energy ..."
    )
    units: dict[str, str] = param({}, help="unit of each of them, where the file does not say it")
    corner: bool = param(False, help="frames are stored with the zero frequency at [0, 0]")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """An HDF5 file when the job has `paths:`."""
        return bool(given.get("paths")) and is_hdf5(path)

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, mask by the paths.

        Errors: JobError, DataError naming path and what there is.
        """
        check(self.paths, self.units, "/entry/data/data")
        with open_hdf5(file) as opened:
            has = lambda path: _is_dataset(opened, path)  # noqa: E731
            m = Mapped(file, lambda path: _with_unit(opened, path), has, self.paths, self.units)
            return scan_of(m, source_of(opened, self.paths["frames"]), given, self.corner, "hdf5")


def _is_dataset(opened, path: str) -> bool:
    try:
        return isinstance(opened.get(path), hdf5().Dataset)
    except (ValueError, RuntimeError):
        return False


def _with_unit(opened, path: str):
    data = dataset(opened, path)
    return data, unit(data)


def source_of(opened, path: str):
    """The frames at a dataset, or at a group of datasets in the order of their names."""
    group = opened.get(path)
    if not isinstance(group, hdf5().Group):
        return Hdf5Frames.of(opened, path)
    parts = [f"{path}/{k}" for k in sorted(group) if k.startswith("data")]
    if not parts:
        raise DataError(
            f"{opened.filename}: {path} is a group without datasets data...; it has {', '.join(group)}"
        )
    return JoinedFrames.of([Hdf5Frames.of(opened, p) for p in parts], f"{opened.filename}: {path}")
