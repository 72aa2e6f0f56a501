"""NXtomo files: all images in one dataset, an image_key for each: 0 projection, 1 flat, 2 dark, 3 invalid.

The group with `definition` = NXtomo may stand anywhere (at ESRF `entry0000`, at Diamond
`entry1/tomo_entry`). Where there is an `image_key_control`, it counts: frames taken for the alignment are -1
there, and projections in image_key. Where a file has several such groups, `entry:` names the one that is
read. The number of an image is its time, by which flats may be taken linear; `control/data`, where it has a
value for each image, is the current of the beam.
"""

import numpy as np

from nanompi.data.source import SelectedFrames, Source
from nanompi.errors import DataError, JobError
from nanompi.io.hdf5 import dataset, hdf5, is_hdf5, open_hdf5, text, walk
from nanompi.io.unwritten import complete
from nanompi.methods.tomo.read import fields
from nanompi.methods.tomo.read.stored import StoredTomogram
from nanompi.methods.tomo.read.tomogram import GIVES, STEPS, Tomogram
from nanompi.step import param, reader

PROJECTION, FLAT, DARK, INVALID = 0, 1, 2, 3
ALIGNMENT = -1  # in image_key_control alone
DATA = ("instrument/detector/data", "data/data")
KEYS = ("instrument/detector/image_key_control", "instrument/detector/image_key", "data/image_key")
ANGLE = ("sample/rotation_angle", "data/rotation_angle")
CURRENT = ("control/data",)
FACTS = {
    "pixel": (
        "sample/x_pixel_size",
        "instrument/detector/x_magnified_pixel_size",
        "instrument/detector/x_pixel_size",
    ),
    "energy": ("instrument/beam/incident_energy", "beam/incident_energy"),
    "distance": ("instrument/detector/distance",),
}


def entries_of(opened):
    """Paths of the groups whose `definition` is NXtomo, one after the other."""
    for path, thing in walk(opened):
        if path.endswith("/definition") and isinstance(thing, hdf5().Dataset) and thing.size == 1:
            if thing.dtype.kind in "SUO" and text(thing[()]).strip() == "NXtomo":
                yield path.removesuffix("/definition")


def is_nxtomo(path: str) -> bool:
    """Is it an HDF5 file with an entry of the definition NXtomo?"""
    if not is_hdf5(path):
        return False
    with open_hdf5(path) as opened:
        return next(entries_of(opened), None) is not None


def _images(opened, paths) -> Source:
    images = fields.images(opened, fields.first_of(opened, paths))
    if images is None:
        raise DataError(f"{opened.filename}: {' or '.join(paths)} is missing or empty; the images are there")
    return images


def _keys(opened, paths, images: Source) -> np.ndarray:
    """(n,) the kind of each image. Errors: DataError."""
    path = fields.first_of(opened, paths)
    if not path:
        raise DataError(
            f"{opened.filename} does not say which images are projections: "
            f"{' or '.join(paths[1:])} is missing"
        )
    where = f"{opened.filename}: {path}"
    keys = complete(dataset(opened, path), where).ravel()
    if keys.dtype.kind not in "iuf":
        raise DataError(f"{where} holds values of type {keys.dtype}; 0, 1, 2 or 3 is needed for each image")
    if len(keys) != images.shape[0]:
        raise DataError(f"{where} has {len(keys)} values, but {images.where} has {images.shape[0]} images")
    return keys


def _current(opened, paths, n: int) -> dict[str, np.ndarray]:
    """{"current": (n,)} of each image, where the file has as many positive numbers"""
    path = fields.first_of(opened, paths)
    values = complete(dataset(opened, path), path).ravel() if path else np.empty(0)
    fine = (
        len(values) == n and values.dtype.kind in "iuf" and np.isfinite(values).all() and (values > 0).all()
    )
    return {"current": values.astype(float)} if fine else {}


def _note_others(keys: np.ndarray, where: str, notes: list[str]) -> None:
    """A warning of images that are of no known kind."""
    others = np.flatnonzero(~np.isin(keys, (PROJECTION, FLAT, DARK, INVALID, ALIGNMENT)))
    if len(others):
        notes.append(
            f"warning: {where}: {len(others)} of {len(keys)} images have an image_key that is not 0, 1, 2 or "
            f"3, the first is number {others[0]} ({keys[others[0]]}); left out"
        )


@reader("nxtomo", gives=GIVES, steps=STEPS)
class NXtomo(StoredTomogram):
    """NXtomo files: projections, flats and darks in one stack, told apart by image_key."""

    entry: str = param("", help="path of the NXtomo group that is read, where a file has several; the first")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """HDF5 with an entry of the definition NXtomo."""
        return is_nxtomo(path)

    def tomogram(self, file: str) -> Tomogram:
        """The tomogram of a file; nothing is loaded. Errors: DataError naming file and dataset."""
        notes: list[str] = []
        with open_hdf5(file) as opened:
            entry = self._entry(opened, notes)
            within = lambda paths: tuple(f"{entry}/{p}" for p in paths)  # noqa: E731
            images = _images(opened, within(DATA))
            keys = _keys(opened, within(KEYS), images)
            _note_others(keys, images.where, notes)
            kind = {k: SelectedFrames(images, np.flatnonzero(keys == k)) for k in (PROJECTION, FLAT, DARK)}
            n = kind[PROJECTION].shape[0]
            angles = fields.angles(opened, within(ANGLE), n, self, notes)
            facts = fields.facts(opened, {k: within(v) for k, v in FACTS.items()}, self, notes)
            each = {"time": np.arange(len(keys), dtype=float)} | _current(opened, within(CURRENT), len(keys))
        if len(angles) == len(keys) != n:
            angles = angles[keys == PROJECTION]  # one for each image, flats and darks too
        if not n:
            raise DataError(f"{images.where}: none of {len(keys)} images is a projection (image_key 0)")
        own = Tomogram(kind[PROJECTION], angles, kind[FLAT], kind[DARK], facts, notes)
        own.per_row, own.per_flat = (
            {name: values[keys == key] for name, values in each.items()} for key in (PROJECTION, FLAT)
        )
        return own.checked()

    def _entry(self, opened, notes: list[str]) -> str:
        """The group that is read. Errors: JobError where the one that is asked for is none."""
        every = list(entries_of(opened))
        wanted = "/" + self.entry.strip("/") if self.entry else every[0]
        if wanted not in every:
            raise JobError(f'input.entry: "{self.entry}" is not one of {", ".join(every)}')
        if len(every) > 1:
            others = ", ".join(one for one in every if one != wanted)
            notes.append(f"{wanted} is read; there are {others}, too (`entry:` names another)")
        return wanted
