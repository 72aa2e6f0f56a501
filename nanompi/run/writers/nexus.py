"""The result as HDF5 that is CXI 1.6 and NeXus at once; plain h5py reads it.

    /                     @cxi_version dataset 160, @default "entry_1"
    /entry_1              NXentry, @default the main signal
        phase, ...        NXdata, one per signal, axes in um; so for data with axes that block steps gave,
                          their errors (a result NAME_errors) beside them as data_errors; or with the
                          names of an application definition, where the data declare one (nanompi.data.nexus);
                          @marks_...: where engines begin and what else its picture shows (nanompi.run.marks)
        pictures/NAME     NXdata, what else is shown: spectra with their fit, rings, drift; to be drawn
                          from the file as it was in the run
        image_1/data      CXI image: the cropped complex object; with process_1, source_1, detector_1 as links
        data_1/data       link to it, where CXI programs look first
        object, probe, positions, history, truth ...    arrays by path
        process_1         NXprocess: program, version, date and every note (JSON text, and its numbers)
                          among them where it came from (`nanompi.run.provenance`)
        title, start_time, end_time, experiment_identifier, sample_1, user_1    NeXus, as far as known
        instrument_1      source energy and detector, where the notes have a "geometry"
    /entry_last           the same by the names of PyNX, as links (`nanompi.run.writers.pynx`)
CXI 1.6: github.com/cxidb/CXI. NeXus: NXdata with @signal, @axes, @NAME_indices (rules of NIAC 2014).
"""

import datetime
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import nanompi
from nanompi.data.data import Data, count
from nanompi.io.atomic import new_hdf5
from nanompi.run.marks import BY_NAME, attributes
from nanompi.run.result import Result, Signal
from nanompi.run.writers import pynx, spread
from nanompi.units import DIMENSIONS

# Bytes of an array that is compressed. Gzip makes 60 MB/s of phases and weights and saves a third of them: of
# a large result, with its complex object that shrinks by less, a tenth for half a second in which all wait.
PACKED = 1 << 16, 4 << 20
PROPOSAL = {"proposal": "experiment_identifier"}  # the name that NeXus has for it
ERRORS = "_errors"  # at the end of the name of a result: standard errors of the one without


def write_result(run):
    """result.h5 in the folder of a run (collective): each rank writes what is large of its own, rank 0 the
    rest, for which the others send what they hold.

    Errors: ResourceError.
    """
    team, store, result, path = run.team, run.store, run.result, run.folder / "result.h5"
    result.data = {name: store.stored(name, data) for name, data in result.data.items()}
    if not any(data.values is not None and data.spread for data in result.data.values()):
        team.on_root(lambda: write(result, path, store=store, warn=run.warn))
    elif team.root:
        write(result, path, team, store, warn=run.warn)
    else:
        for data in result.data.values():
            spread.send(team, data)
    team.rest()
    store.renamed(path)


def write(result: Result, path: Path, team=None, store=None, packed: bool = True, warn=print):
    """Write a result to `path`, which is replaced only when the new file is complete.

    team  : the ranks, where there are data that they share
    store : nanompi.run.store.Store, where some have their place in the file already
    packed : False for a file that soon goes again: signals are not compressed
    warn  : is told of a picture that cannot be written
    Errors: ResourceError naming the file, size needed and free space; an older file is then untouched.
    """
    with new_hdf5(Path(path), store and store.path) as f:
        f["cxi_version"] = 160
        f.attrs.update(NX_class="NXroot", default="entry_1", creator=f"nanompi {nanompi.__version__}")
        entry = _group(f, "entry_1", "NXentry")
        entry.attrs["NX_class"] = "NXentry"
        if store:
            _at_their_names(entry, result, store)
        entry["end_time"] = _now()
        for place, value in result.arrays.items():
            _array(entry, place, value, result.groups)
        lit: dict[int, Any] = {}
        for name, signal in result.signals.items():
            _signal(entry, name, signal, lit, packed)
        for name, signal in result.pictures.items():
            _picture(_group(entry, "pictures", "NXcollection"), name, signal, warn)
        for name, data in result.data.items():
            _data(entry, name, data, team)
        for name in filter(partial(_measured, result), result.data):
            _errors(entry, name)
        for name in filter(result.shown_by_name, result.data):
            entry[name].attrs["show"] = BY_NAME
        for name, data in result.data.items():
            if data.nexus and name in entry:
                _defined(entry, name, data)
        entry.attrs["default"] = result.main or next(iter([*result.signals, *result.data]), "image_1")
        _about(entry, result.notes.get("about", {}))
        _process(entry, result.notes)
        _instrument(entry, result.notes.get("geometry", {}))
        _image(entry, result)
        pynx.link(f, result.notes)


def _at_their_names(entry, result: Result, store):
    """What was written in place stands under the names of the result; what nobody wants any more goes."""
    names = {store.name_of(data): name for name, data in result.data.items()}
    for old in store.arrays:
        if old not in names:
            del entry[old]
        elif names[old] != old:
            entry.move(old, names[old])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).astimezone().isoformat(timespec="seconds")


def _group(parent, name: str, nexus: str):
    group = parent.require_group(name)
    group.attrs.setdefault("NX_class", nexus)
    return group


def _array(entry, place: str, value, classes: dict[str, str]):
    """arrays["a/b"] = array, or (array, {attribute: value})."""
    data, marks = value if isinstance(value, tuple) else (value, {})
    above, _, name = place.rpartition("/")
    parent, path = entry, ""
    for part in filter(None, above.split("/")):
        path = f"{path}/{part}".lstrip("/")
        parent = _group(parent, part, classes.get(path, "NXcollection"))
    dataset(parent, name, data).attrs.update(marks)


def dataset(parent, name: str, data, packed: bool = True):
    """One dataset; float images of `PACKED` size with shuffle and gzip 1, which any HDF5 can undo."""
    if isinstance(data, str):
        return parent.create_dataset(name, data=data)
    data = np.asarray(data)
    return parent.create_dataset(name, data=data, **(_packed(data.shape, data.dtype) if packed else {}))


def _packed(shape, dtype) -> dict:
    """How a dataset is stored."""
    size = count(shape) * dtype.itemsize
    if len(shape) < 2 or dtype.kind not in "fc" or not PACKED[0] <= size <= PACKED[1]:
        return {}
    return {"compression": "gzip", "compression_opts": 1, "shuffle": True, "chunks": _chunks(shape, dtype)}


def _chunks(shape, dtype) -> tuple[int, ...]:
    """Bands of whole rows of about 1 MB: few pieces, and a viewer reads a part of a large image quickly."""
    rows = max(1, min(shape[-2], (1 << 20) // max(1, shape[-1] * dtype.itemsize)))
    return (1,) * (len(shape) - 2) + (rows, shape[-1])


# ---- NeXus ----------------------------------------------------------------------------------------


def _signal(entry, name: str, signal: Signal, lit: dict, packed: bool):
    """lit : {id of what signals have as `seen`: its dataset}; signals that share it, share the dataset"""
    group = _group(entry, name, "NXdata")
    group.attrs["NX_class"] = "NXdata"
    field = _field(group, name, signal.data, packed)
    found = group[field]
    axes = _axes(group, signal)
    others = set(group) - {field, *axes}
    curves = sorted(k for k in others if getattr(group[k], "shape", None) == found.shape)
    group.attrs.update(signal=field, title=signal.title or name, show=signal.show, **attributes(signal.marks))
    if signal.seen is not None:
        _weight(group, signal, lit)
    if found.ndim:
        group.attrs["axes"] = axes
    if curves:
        group.attrs["auxiliary_signals"] = curves
    found.attrs.update(units=signal.unit, long_name=_label(signal.title or name, signal.unit))
    if signal.note:
        found.attrs["description"] = signal.note


def _picture(group, name: str, signal: Signal, warn):
    """What cannot be drawn either, as its axes do not fit, is not there, and costs no result"""
    name = name.replace("/", "_")
    try:
        _signal(group, name, signal, {}, True)
        if signal.marks.values is not None:
            group[name]["marks_values"] = np.asarray(signal.marks.values)
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        warn(f"the picture {name} is not in the result: {error}")
        if name in group:
            del group[name]


def _weight(group, signal: Signal, lit: dict):
    """How well each pixel was seen, in per cent of what is usual: uint8, up to 255"""
    if id(signal.seen) not in lit:
        percent = np.clip(100 / max(signal.usual, 1e-300) * np.nan_to_num(signal.seen), 0, 255)
        lit[id(signal.seen)] = dataset(group, "weight", np.rint(percent).astype(np.uint8))
        lit[id(signal.seen)].attrs.update(units="%", long_name="illumination, of what is usual [%]")
    else:
        group["weight"] = lit[id(signal.seen)]


def _field(group, name: str, data, packed: bool = True) -> str:
    """Name of the signal's dataset; the same values already in this group are not stored twice."""
    data = np.asarray(data)
    for key, there in group.items():
        alike = (there.shape, there.dtype) == (data.shape, data.dtype)
        if alike and np.array_equal(there[()], data, equal_nan=True):
            return key
    free = "data" if "data" not in group else name
    dataset(group, free, data, packed)
    return free


def _axes(group, signal: Signal) -> list[str]:
    """Write the axes, the last for the last dimension; names for @axes, "." where a dimension has none."""
    rank = np.ndim(signal.data)
    names = ["."] * (rank - len(signal.axes)) + list(signal.axes)
    for k, name in enumerate(names):
        if name == ".":
            continue
        values, unit = in_um(*signal.axes[name])
        if len(values) != np.shape(signal.data)[k]:
            raise ValueError(
                f"axis {name} has {len(values)} values for {np.shape(signal.data)[k]} of the signal"
            )
        if name not in group:
            group[name] = values
        group[name].attrs.update(units=unit, long_name=_label(name, unit))
        group.attrs[f"{name}_indices"] = k
    return names


def _data(entry, name: str, data: Data, team):
    """NXdata of data with axes; an axis without coordinates counts from 0."""
    group = _group(entry, name, "NXdata")
    group.attrs["NX_class"] = "NXdata"
    field = group["data"] if data.values is None else _filled(group, data, team)
    axes = [_axis(group, k, axis, data) for k, axis in enumerate(data.axes)]
    title = data.title or name
    group.attrs.update(signal="data", title=title)
    if axes:
        group.attrs["axes"] = axes
    field.attrs.update(units=data.unit, long_name=_label(title, data.unit))
    if scaling := getattr(data.source, "scaling", None):
        group["scaling_factor"], group["offset"] = scaling.scale, scaling.offset
        field.attrs.update(scaling=scaling.scale, offset=scaling.offset)


def _measured(result: Result, name: str) -> bool:
    """Is there another result of the same axes that holds the errors of this one?"""
    errors = result.data.get(f"{name}{ERRORS}")
    return errors is not None and errors.shape == result.data[name].shape


def _errors(entry, name: str):
    """Errors stand beside what they belong to, as NXdata has them (NXdata: FIELDNAME_errors)."""
    entry.move(f"{name}{ERRORS}/data", f"{name}/data_errors")
    del entry[f"{name}{ERRORS}"]


def _defined(entry, name: str, data: Data):
    """Signal, axes and what goes with them get the names of an application definition."""
    group, own = entry[name], data.nexus
    marks = {key: value for key, value in group.attrs.items() if key.endswith("_indices")}
    names = {axis: new for axis, (new, _) in own.axes.items() if axis in data.axes}
    for old, new in {**names, "data": own.signal, f"data{ERRORS}": f"{own.signal}{ERRORS}"}.items():
        if old in group:
            group.move(old, new)
    for axis, new in names.items():
        group[new].attrs["long_name"] = own.axes[axis][1]
        group.attrs[f"{new}_indices"] = marks[f"{axis}_indices"]
        del group.attrs[f"{axis}_indices"]
    axes = [names.get(axis, axis) for axis in group.attrs["axes"]]
    group.attrs.update(signal=own.signal, axes=axes)
    for field, (values, unit, long_name) in own.fields.items():
        group[field] = values
        group[field].attrs.update(units=unit, long_name=long_name)
    for place, value in {"definition": own.name, **own.flags}.items():
        if place not in entry:
            entry[place] = value


def _filled(group, data: Data, team):
    """A dataset with values that the ranks hold."""
    field = group.create_dataset("data", data.shape, data.dtype, **_packed(data.shape, data.dtype))
    spread.write(team, data, field)
    return field


def _axis(group, k: int, axis: str, data: Data) -> str:
    """Write the coordinates along axis number k; its name for @axes, "." for names and places, which are no
    numbers that rise."""
    values, unit = data.coords.get(axis, (np.arange(data.size(axis)), ""))
    values = np.asarray(values)
    several = {axis: values} if values.ndim == 1 else {f"{axis}_{n}": v for n, v in zip("yx", values.T)}
    for key, along in several.items():
        text = along.dtype.kind not in "biuf"
        along, own = (along.astype(object), "") if text else in_um(along, unit)
        group[key] = along
        group[key].attrs.update(units=own, long_name=_label(key, own))
        group.attrs[f"{key}_indices"] = k
    return axis if axis in several and values.dtype.kind in "biuf" else "."


def in_um(values, unit: str) -> tuple[np.ndarray, str]:
    """An axis in um where it is a length: in_um([1e-6], "m") = [1.0], "um"."""
    length = DIMENSIONS["m"].get(unit)
    values = np.asarray(values)
    return (values, unit) if length is None else (values * (length / 1e-6), "um")


def _label(text: str, unit: str) -> str:
    return f"{text} [{unit}]" if unit else text


# ---- CXI ------------------------------------------------------------------------------------------


def _image(entry, result: Result):
    """What CXI asks of image_1, and links to where the image comes from."""
    if "image_1/data" not in entry:
        return
    import h5py

    image, data = entry["image_1"], entry["image_1/data"]
    image.attrs.update(NX_class="NXdata", signal="data", title="reconstructed object")
    image["data_space"], image["data_type"] = "real", "complex transmission"
    image["dimensionality"] = data.ndim
    image["process_1"] = h5py.SoftLink("/entry_1/process_1")
    for part in ("source_1", "detector_1"):
        if f"instrument_1/{part}" in entry:
            image[part] = h5py.SoftLink(f"/entry_1/instrument_1/{part}")
    if "object/pixel_size" in entry:
        size = entry["object/pixel_size"][()] * data.shape[-2:]
        image["image_size"] = np.array([size[1], size[0], 0.0])  # CXI counts x, y, z
        image["image_size"].attrs["units"] = "m"
    first = _group(entry, "data_1", "NXdata")
    first["data"] = h5py.SoftLink("/entry_1/image_1/data")
    first.attrs["signal"] = "data"


def _instrument(entry, geometry: dict):
    """notes["geometry"], each optional: energy [J], wavelength, distance, detector_pixel (y, x) [m]."""
    if not geometry:
        return
    instrument = _group(entry, "instrument_1", "NXinstrument")
    source = _group(instrument, "source_1", "NXsource")
    detector = _group(instrument, "detector_1", "NXdetector")
    y, x = geometry.get("detector_pixel") or (None, None)
    for group, name, value, unit in (
        (source, "energy", geometry.get("energy"), "J"),
        (source, "wavelength", geometry.get("wavelength"), "m"),
        (detector, "distance", geometry.get("distance"), "m"),
        (detector, "y_pixel_size", y, "m"),
        (detector, "x_pixel_size", x, "m"),
    ):
        if value is not None:
            group[name] = float(value)
            group[name].attrs["units"] = unit


def _about(entry, about: dict[str, str]):
    """notes["about"] (`nanompi.run.provenance`) as NeXus has it: title, times, sample, user, proposal."""
    for name, place in (
        ("title", "title"),
        ("start_time", "start_time"),
        ("proposal", "experiment_identifier"),
    ):
        if about.get(name) and place not in entry:
            entry[place] = about[name]
    for name, place, nexus in (("sample", "sample_1", "NXsample"), ("user", "user_1", "NXuser")):
        if about.get(name):
            _group(entry, place, nexus)["name"] = about[name]


# ---- how it was made ------------------------------------------------------------------------------


def _process(entry, notes: dict):
    process = _group(entry, "process_1", "NXprocess")
    process["program"], process["version"], process["date"] = "nanompi", nanompi.__version__, _now()
    for name, note in notes.items():
        group = _group(process, name, "NXnote")
        text = isinstance(note, str)
        group["type"] = "text/plain" if text else "application/json"
        group["data"] = note if text else json.dumps(note, indent=1, default=_plain)
        if isinstance(note, dict):
            _scalars(group, note)


def _scalars(group, tree: dict):
    """Numbers, switches and texts of a note as datasets of their own, which viewers show by name."""
    for key, value in tree.items():
        key = str(key).replace("/", "_")
        if key in group or key in ("", "."):
            continue
        if isinstance(value, dict):
            _scalars(_group(group, key, "NXcollection"), value)
        elif isinstance(value, bool | int | float | str | np.generic):
            group[key] = value


def _plain(value):
    """What JSON does not know: NumPy numbers and arrays, paths."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)
