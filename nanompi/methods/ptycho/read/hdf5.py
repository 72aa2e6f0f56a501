"""Any HDF5 file, its datasets named in the job.

    input:
      file: scan.h5
      paths: {frames: /entry/data/data, x: "-/pos/lab_x + 0.1*/pos/lab_y", y: /pos/lab_z, energy: /e}
      units: {x: um, y: um, energy: keV}
      distance: 2.1 m

`frames` may be a group with datasets data_000001, data_000002, ... as detectors write them. See `mapped` for
the rest.
"""

from itertools import islice, pairwise

from nanompi.data.combined import JoinedFrames
from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError
from nanompi.io.hdf5 import MOST_SEEN, at, dataset, hdf5, is_hdf5, open_hdf5, unit
from nanompi.methods.ptycho.read.mapped import Mapped, check, scan_of
from nanompi.methods.ptycho.read.saturation import saturation
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader

DIGITS = "0123456789"


@reader("hdf5", gives=GIVES, steps=STEPS)
class Hdf5:
    """Any HDF5 file, by `paths:` and `units:`."""

    needs_paths = True  # `nanompi init` guesses them
    last = True  # any format that is known comes before

    paths: dict[str, str] = param(
        {}, level="basic", help="where the datasets are: frames, x, y or positions, mask, energy ..."
    )
    units: dict[str, str] = param({}, help="unit of each of them, where the file does not say it")
    corner: bool = param(False, help="frames are stored with the zero frequency at [0, 0]")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """An HDF5 file when the job has `paths:`."""
        return bool(given.get("paths")) and is_hdf5(path)

    @staticmethod
    def guess(path: str, name: str) -> list[str]:
        """The section `input`, with this name in it, that may read a file which no reader knows."""
        from nanompi.methods.ptycho.read.unknown import listed, section

        return section(name, listed(path))

    @staticmethod
    def contents(path: str) -> list[str]:
        """What is in a file. Errors: DataError."""
        from nanompi.methods.ptycho.read.unknown import contents

        return contents(path)

    @staticmethod
    def refuses(file: str, given: dict) -> str:
        """What is said of the result of some program, and what it is good for. Errors: DataError."""
        from nanompi.methods.ptycho.read.unknown import called

        return "" if given.get("paths") else called(file)

    @staticmethod
    def advises(file: str, given: dict) -> str:
        """How any HDF5 file can be read."""
        if not is_hdf5(file):
            return ""
        return (
            f"{file}: HDF5, but neither CXI, NXcxi_ptycho nor .ptyd; name its datasets, for example `paths: "
            "{frames: /entry/data/data, x: /entry/pos/x, y: /entry/pos/y}` (`nanompi inspect` lists them and "
            "guesses, `nanompi init --from` writes them into a job)"
        )

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, mask by the paths.

        Errors: JobError, DataError naming path and what there is.
        """
        check(self.paths, self.units, "/entry/data/data", given)
        with open_hdf5(file) as opened:
            has = lambda path: _is_dataset(opened, path)  # noqa: E731
            m = Mapped(file, lambda path: _with_unit(opened, path), has, self.paths, self.units)
            source = source_of(opened, self.paths["frames"], m.notes)
            scan = scan_of(m, source, given, self.corner, "hdf5")
            scan.saturated = saturation(opened, self.paths["frames"], scan.notes)
            return scan


def _is_dataset(opened, path: str) -> bool:
    return path != "" and "\0" not in path and isinstance(at(opened, path), hdf5().Dataset)


def _with_unit(opened, path: str):
    data = dataset(opened, path)
    return data, unit(data)


def source_of(opened, path: str, notes: list[str]):
    """The frames at a dataset, or at the numbered datasets of a group, joined in the order of their numbers.

    What was joined is noted; links at the end that lead to no file are left out (detectors make them before
    the frames are taken). Errors: DataError when the group has no such datasets, or several kinds of them.
    """
    group = at(opened, path)
    if not isinstance(group, hdf5().Group):
        return Hdf5Frames.of(opened, path)
    where = f"{opened.filename}: {path}"
    names, left = _series(group, where), []
    while len(names) > 1 and at(opened, f"{path}/{names[-1]}") is None:
        left.insert(0, names.pop())
    parts = [Hdf5Frames.of(opened, f"{path}/{name}") for name in names]
    if left:
        notes.append(f"warning: {where}: {_span(left)} lead to files that are not there; left out")
    notes.append(f"frames: {_span(names)} of {path}, {sum(p.shape[0] for p in parts)} frames")
    gaps = _number(names[-1]) - _number(names[0]) + 1 - len(names)
    if gaps:
        notes.append(f"warning: {where}: {gaps} numbers are missing between {names[0]} and {names[-1]}")
    return JoinedFrames.of(parts, where) if len(parts) > 1 else parts[0]


def _number(name: str) -> int:
    return int(name[len(name.rstrip(DIGITS)) :] or 0)


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)} datasets)"


def _series(group, where: str) -> list[str]:
    """Names of the datasets with the frames: data_1, data_2 ... by number; else one called data.

    Where nothing is called data, any one series of numbered names. Errors: DataError.
    """
    members = list(islice(group, MOST_SEEN))
    series: dict[str, list[str]] = {}
    for name in members:
        stem = name.rstrip(DIGITS)
        if stem != name:
            series.setdefault(stem, []).append(name)
    mine = {s: n for s, n in series.items() if s.strip("_-. ") == "data"} or (
        {} if "data" in members else series
    )
    if len(mine) == 1:
        names = sorted(next(iter(mine.values())), key=_number)
        twice = [b for a, b in pairwise(names) if _number(a) == _number(b)]
        if twice:
            raise DataError(f"{where}: two datasets have the number {_number(twice[0])}; name one dataset")
        return names
    if not mine and "data" in members:
        return ["data"]
    what = "with datasets numbered in several ways" if mine else "without datasets data, data_1, data_2 ..."
    some = ", ".join(members[:12]) + (" ..." if len(members) > 12 else "")
    raise DataError(f"{where} is a group {what}; it has {some or 'nothing'}: name one dataset")
