"""Frames of HDF5 files without positions, on a grid, over points; what is refused."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError, JobError
from nanompi.methods import discover
from nanompi.methods.maps.read.frames import Frames
from nanompi.run.reading import Input, reader_of

RNG = np.random.default_rng(0)


def stored(path, frames, **others):
    """A file with frames at /raw/frames and others beside them: name = values or (values, unit)"""
    with h5py.File(path, "w") as file:
        file["raw/frames"] = frames
        for name, values in others.items():
            values, unit = values if isinstance(values, tuple) else (values, "")
            file[f"raw/{name}"] = values
            if unit:
                file[f"raw/{name}"].attrs["units"] = unit
    return str(path)


def opened(file, *names, **given):
    """What the reader gives"""
    reader = Frames(paths={name: f"/raw/{name}" for name in ("frames", *names)})
    return reader.open(file, Input(file=file, **given))["data"]


def test_one_image(tmp_path):
    image = RNG.poisson(9, (5, 7)).astype(np.uint16)
    data = opened(stored(tmp_path / "a.h5", image))
    assert data.axes == ("point", "row", "column") and data.shape == (1, 5, 7)
    assert np.array_equal(data.source.read(np.arange(1))[0], image)


def test_a_grid_of_frames(tmp_path):
    """Axes of its own length, and one value for each point, in another unit"""
    frames = RNG.poisson(9, (2, 3, 5, 7)).astype(np.uint16)
    x = np.broadcast_to(np.arange(3) * 0.5, (2, 3))
    mask = np.zeros((5, 7), np.uint8)
    mask[2, 3] = 1
    others = {"y": (np.arange(2.0), "um"), "x": (x, "um"), "mask": mask, "energy": (8.0, "keV")}
    data = opened(stored(tmp_path / "a.h5", frames, **others), *others)
    assert data.beside["grid"] == (2, 3) and np.array_equal(data.source.read([4])[0], frames[1, 1])
    assert data.beside["grid_coords"]["x"][0] == pytest.approx([0, 0.5e-6, 1e-6])
    assert data.beside["grid_coords"]["y"][0] == pytest.approx([0, 1e-6])
    assert not data.beside["mask"][2, 3] and data.beside["mask"].sum() == 34
    assert data.facts["energy"] == pytest.approx(8e3 * 1.602176634e-19)


def test_points(tmp_path):
    frames, at = np.ones((4, 5, 7), np.int32), np.arange(4.0)
    data = opened(stored(tmp_path / "a.h5", frames, y=(at, "um"), x=(at, "mm")), "y", "x")
    assert data.coords["point"][0][3] == pytest.approx([3e-6, 3e-3])
    with pytest.raises(DataError, match="3 values for 4 frames"):
        opened(stored(tmp_path / "b.h5", frames, y=at, x=at[:3]), "y", "x")


def test_frames_that_were_never_written_are_absent(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("raw/frames", (4, 5, 7), "u2", chunks=(1, 5, 7))
        data[:3] = 1
    data = opened(str(tmp_path / "a.h5"))
    assert data.per_row["absent"].tolist() == [False, False, False, True]
    assert "1 of 4 frames were never written" in data.notes[0]


def test_what_is_refused(tmp_path):
    file = stored(tmp_path / "a.h5", np.ones((2, 5, 7)), mask=np.zeros((5, 6)))
    with pytest.raises(JobError, match='"flat" is not one of'):
        Frames(paths={"frames": "/raw/frames", "flat": "/raw/mask"}).open(file, Input(file=file))
    with pytest.raises(JobError, match="frames is missing"):
        Frames().open(file, Input(file=file))
    with pytest.raises(DataError, match="they must agree"):
        opened(file, "mask")


def test_image_series_are_found(tmp_path, capsys):
    discover()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["imageseries/images"] = np.ones((1, 5, 7), np.int32)
    assert reader_of({"file": str(tmp_path / "a.h5")}) == "frames"
    assert reader_of({"file": str(tmp_path / "a.h5"), "paths": {"frames": "/x"}}) == "hdf5"
    assert main(["inspect", str(tmp_path / "a.h5")]) == 0
    assert "1 point x 5 row x 7 column, int32" in capsys.readouterr().out


@pytest.mark.real
def test_s5(shared_data, capsys):
    file = shared_data("S5_xrd_ceo2_pilatus2m") / "ceria_50x30_740mm_000005_Pilatus2M.hdf5"
    assert main(["inspect", str(file)]) == 0
    assert "1 point x 1679 row x 1475 column, int32" in capsys.readouterr().out
