"""A result in files of other programs, by the end of their name: `nanompi convert`, `Result.save`.

.tif         float32, one image a file, pixel size in the tags: images and maps by name, volumes by slices
.npz         object, probe, pixel, positions, history, and all other arrays by their names
.ptyr        ptypy: content/obj, content/probe (layout of ptypy's results, github.com/ptycho/ptypy)
.cxi         CXI 1.6 with the names of PyNX (entry_1/object/data with an axis of modes, entry_last)
.png, .svg, .pdf   a picture of all that can be shown
.h5          all there is
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nanompi.errors import DataError, JobError, nearest
from nanompi.io.atomic import new_file, new_hdf5
from nanompi.io.newtiff import write_tiff
from nanompi.run.writers import pynx
from nanompi.run.writers.nexus import in_um

KEV = 1.602176634e-16  # J
NEITHER = "holds no object and probe, and a file of this kind holds nothing else; use .tif, .npz, .png or .h5"


def export(result, path: Path, names=(), over: bool = True) -> list[Path]:
    """Write a result to `path`; the files that were written, more than one for several images in TIFF.

    names : of the signals that are wanted, for .tif, .npz and pictures; all without
    over  : may it take the place of files that are there?
    Errors: JobError for a kind of file that is not known, DataError for what it cannot hold, ResourceError.
    """
    write = KINDS.get(path.suffix.lower())
    if write is None:
        known = f"allowed: {', '.join(KINDS)}{nearest(path.suffix, KINDS)}"
        raise JobError(f"{path}: the end of its name says no kind of file that can be written; {known}")
    for name in names:
        known = [*(result.shown if write is picture else result.signals)]
        known += [one for one in result.data if one not in known]
        if name not in known:
            raise DataError(f'the result has no "{name}"{nearest(name, known)}; it has {", ".join(known)}')
    if not path.parent.is_dir():
        raise JobError(f"{path}: there is no folder {path.parent}")
    if path.exists() and any(one.exists() and one.samefile(path) for one in result.sources):
        raise JobError(f"{path}: the result stands in this file, or was made of it; choose another name")
    if write is tif:
        return tif(result, path, tuple(names), over)
    _free([path], over)
    return write(result, path, tuple(names))


def _free(paths: list[Path], over: bool) -> None:
    """Errors: JobError where one of them is there and must not be lost."""
    if there := [path for path in paths if path.exists() and not over]:
        raise JobError(f"{there[0]} is there already; choose another name, or overwrite it with --force")


# ---- TIFF --------------------------------------------------------------------------------------------------


def tif(result, path: Path, names: tuple, over: bool = True) -> list[Path]:
    """Each image in a file of its own, PATH-NAME.tif where there are several; slices of volumes numbered."""
    found = dict(_images(result, names))
    if not found:
        raise DataError("nothing of this is an image of real numbers; use .npz or .h5, or name a signal")
    stems = {name: path.with_name(f"{path.stem}-{_word(name)}{path.suffix}") for name in found}
    stems = stems if len(found) > 1 else dict.fromkeys(found, path)
    files = {name: _numbered(stems[name], len(images)) for name, (images, _) in found.items()}
    written = [file for some in files.values() for file in some]
    _free(written, over)
    for name, (images, pixel) in found.items():
        for image, out in zip(images, files[name]):
            with new_file(out) as file:
                write_tiff(file, np.asarray(image, np.float32), pixel)
    return written


def _numbered(stem: Path, n: int) -> list[Path]:
    """The path itself; of several images a path for each, with its number"""
    digits = len(str(n - 1))
    return [stem] if n == 1 else [stem.with_name(f"{stem.stem}-{k:0{digits}}{stem.suffix}") for k in range(n)]


def _word(name: str) -> str:
    """A name as a part of the name of a file."""
    return "".join(c if c.isalnum() or c in "_.+=@-" else "_" for c in name)


def _images(result, names: tuple) -> Iterator[tuple[str, tuple[np.ndarray, float]]]:
    """(name, (images (n, h, w), pixel in um)): volumes whole, all else as it is shown."""
    volumes = [name for name in result.data if _is_volume(result, name)]
    for name in names or [*volumes, *(one for one in result.signals if _of(one) not in volumes)]:
        if name in volumes:
            shown = result.signals.get(name)
            yield name, (result.data[name], _pixel(shown) if shown else 0.0)
        elif name in result.signals and _is_image(signal := result.signals[name]):
            yield name, (signal.data[None], _pixel(signal))


def _of(name: str) -> str:
    """The volume of which a plane is shown under this name."""
    return name.removesuffix("-zx").removesuffix("-zy")


def _is_volume(result, name: str) -> bool:
    """A stack of slices; one of maps with names is shown by each."""
    named = any(key.startswith(f"{name} ") for key in result.signals)
    return not named and name in result.signals and _shape(result, name) == 3


def _shape(result, name: str) -> int:
    one = result.data[name]
    return one.ndim if one.dtype.kind in "biuf" else 0


def _is_image(signal) -> bool:
    return signal.show in ("image", "map", "angle", "frame") and np.asarray(signal.data).dtype.kind in "biuf"


def _pixel(signal) -> float:
    """um, 0 where the last axis is no length."""
    values, unit = in_um(*next(reversed(signal.axes.values()), ((), "")))
    return float(abs(values[-1] - values[0]) / (len(values) - 1)) if unit == "um" and len(values) > 1 else 0.0


# ---- NumPy -------------------------------------------------------------------------------------------------


def npz(result, path: Path, names: tuple) -> list[Path]:
    """All arrays by name, and "about": the notes as JSON."""
    own = {"object": result.object, "probe": result.probe, "pixel": result.pixel}
    own["positions"] = _first(result, "positions/refined", "positions/measured")
    own |= {f"history_{name}": values for name, values in result.history.items()}
    arrays = {} if names else {name: one for name, one in own.items() if one is not None}
    for name in names or [one for one in result.data if one not in arrays]:
        arrays[name] = result.data[name] if name in result.data else result.signals[name].data
    about = json.dumps({key: one for key, one in result.notes.items() if key != "log"}, default=str)
    with new_file(path) as file:
        np.savez(file, **arrays, about=np.array(about))
    return [path]


def _first(result, *places: str) -> np.ndarray | None:
    return next((one for place in places if (one := result.array(place)) is not None), None)


# ---- HDF5 of other programs ----------------------------------------------------------------------------


def _waves(result) -> tuple[np.ndarray, np.ndarray]:
    """(1, H, W) object and (modes, h, w) probe, complex64. Errors: DataError where there are none."""
    if result.object is None or result.probe is None:
        raise DataError(f"{result.name} {NEITHER}")
    return result.object[None].astype(np.complex64), result.probe.astype(np.complex64)


def ptyr(result, path: Path, names: tuple) -> list[Path]:
    """Storages of ptypy: data with an axis of layers, pixel size and origin in m, energy in keV."""
    waves, geometry = _waves(result), result.notes.get("geometry", {})
    half = (
        np.array(waves[1].shape[1:]) // 2 * result.pixel
    )  # ptypy's coordinates are of the middles of frames
    origins = {"obj": result.array("object/corner") - half, "probe": -half}
    with new_hdf5(path) as file:
        file["header/kind"], file["header/description"] = "minimal", "written by nanompi"
        for name, wave in zip(("obj", "probe"), waves, strict=True):
            one, origin = file.create_group(f"content/{name}/SscanG00"), origins[name]
            one["data"], one["shape"], one["_psize"], one["_origin"] = wave, wave.shape, result.pixel, origin
            one["_center"] = -origin / result.pixel
            one["_energy"] = geometry.get("energy", 0.0) / KEV
    return [path]


def cxi(result, path: Path, names: tuple) -> list[Path]:
    """Object and probe by the names of PyNX, the object as CXI's image, too; entry_last is entry_1."""
    import h5py

    waves, geometry = _waves(result), result.notes.get("geometry", {})
    with new_hdf5(path) as file:
        file["cxi_version"] = 160
        entry = file.create_group("entry_1")
        file["entry_last"] = h5py.SoftLink("/entry_1")
        file.attrs["default"], entry.attrs["NX_class"] = "entry_1", "NXentry"
        for name, wave in zip(("object", "probe"), waves, strict=True):
            pynx.pixels(entry.require_group(name), result.pixel)
            entry[f"{name}/data"] = wave
        entry["object/obj_illumination"] = result.array("object/weight")
        positions = _first(result, "positions/refined", "positions/measured")
        entry["positions/data"] = np.column_stack([positions[:, ::-1], np.zeros(len(positions))]).T
        entry["instrument_1/source_1/energy"] = geometry.get("energy", np.nan)
        entry["process_1/program"], entry["process_1/command"] = "nanompi", pynx.command(result.notes)
        entry["image_1/data"] = h5py.SoftLink("/entry_1/object/data")
        entry["data_1"] = h5py.SoftLink("/entry_1/image_1")
    return [path]


def whole(result, path: Path, names: tuple) -> list[Path]:
    """A result.h5."""
    result.write(path)
    return [path]


def picture(result, path: Path, names: tuple) -> list[Path]:
    """A sheet of what can be shown."""
    shown = result.show(*names)
    if shown is None:
        raise DataError(f"{result.name}: nothing of it can be shown")
    shown.save(path)
    return [path]


KINDS: dict[str, Callable] = {
    ".tif": tif, ".tiff": tif, ".npz": npz, ".ptyr": ptyr, ".cxi": cxi, ".h5": whole,
    ".png": picture, ".svg": picture, ".pdf": picture,
}  # fmt: skip
