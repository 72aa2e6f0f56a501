"""Parts of a .ptyd: what each of its entries may look like; whole files are read in test_formats.py."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.read import ptyd
from nanompi.run.reading import Input

EV = 1.602176634e-19


@pytest.fixture
def stored(tmp_path):
    """stored(**entries) writes a file, "__" in a name stands for "/", and opens it; None = an empty group"""
    files = []

    def make(**entries):
        files.append(h5py.File(tmp_path / f"{len(files)}.ptyd", "w"))
        for name, value in entries.items():
            name = name.replace("__", "/")
            if value is None:
                files[-1].create_group(name)
            else:
                files[-1][name] = value
        return files[-1]

    yield make
    for file in files:
        file.close()


def prepared(file, paths=None, units=None):
    return ptyd.Prepared(file, paths or {}, units or {})


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["chunks/0", "meta"], True),
        (["chunks/0", "info"], True),
        (["chunks/0"], False),
        (["meta", "info"], False),
    ],
)
def test_it_is_known_by_chunks_and_meta_or_info(stored, tmp_path, names, found):
    with stored(**dict.fromkeys(names)) as file:
        path = file.filename
    assert ptyd.Ptyd.recognises(path, {}) is ptyd.Ptyd.recognises(path, {"paths": {"x": "/a"}}) is found
    assert not ptyd.Ptyd.recognises(path, {"paths": {"frames": "/a"}})
    (tmp_path / "text").write_text("no HDF5")
    assert not ptyd.Ptyd.recognises(str(tmp_path / "text"), {})


def test_lengths_and_energy_have_the_units_of_the_job(stored):
    file = stored(meta__distance=2500.0, meta__psize=[75.0, 50.0], meta__energy=8000.0, info__focus=3.0)
    of = prepared(file, units={"distance": "mm", "pixel": "um", "energy": "eV"})
    assert of.length("distance") == pytest.approx(2.5) and of.length("focus") == 3.0
    assert of.pixel() == pytest.approx((75e-6, 50e-6)) and of.energy() == pytest.approx(
        8000 * EV, rel=1e-6, abs=0
    )
    assert prepared(stored(meta__energy=8.0)).energy() == pytest.approx(8000 * EV, rel=1e-6, abs=0)
    empty = prepared(stored())
    assert np.isnan([empty.length("distance"), empty.energy(), *empty.pixel()]).all()


def test_one_pixel_size_is_that_of_rows_and_columns(stored):
    assert prepared(stored(meta__psize=7e-5)).pixel() == (7e-5, 7e-5)
    assert prepared(stored(meta__psize=[7e-5])).pixel() == (7e-5, 7e-5)
    with pytest.raises(DataError, match="a holds no number"):
        prepared(stored(a=np.empty(0)), {"pixel": "/a"}).pixel()


def test_a_path_of_the_job_wins_over_meta_and_meta_over_info(stored):
    file = stored(meta__distance=1.0, info__distance=2.0, info__energy=3.0, a=4.0)
    assert [prepared(file, p).length("distance") for p in ({}, {"distance": "/a"})] == [1.0, 4.0]
    assert prepared(file).length("energy") == 3.0


@pytest.mark.parametrize("shape", [(6,), (6, 3), (2, 6), (6, 2, 1)])
def test_positions_have_two_columns(stored, shape):
    file = stored(all=np.ones((6, 2)), a=np.ones(shape), chunks__0__positions=np.ones(shape))
    found = prepared(file, {"positions": "/all"}, {"positions": "um"}).positions(["chunks/0"])
    assert found.shape == (6, 2) and found == pytest.approx(1e-6)
    for paths in ({}, {"positions": "/a"}):
        with pytest.raises(DataError, match=r"has the shape .* \(frames, 2\) is needed"):
            prepared(file, paths).positions(["chunks/0"])


@pytest.mark.parametrize("place", ["meta__positions_scan", "info__positions_scan", "info__positions_theory"])
def test_positions_of_the_scan_are_taken_by_the_indices_of_a_chunk(stored, place):
    every = np.arange(20.0).reshape(10, 2)
    own = {"chunks__0__positions": every[:2] + 100, "chunks__1__indices": [7, 3, 9]}
    file = stored(**{place: every}, **own, chunks__2__data=[1])
    found = prepared(file).positions(["chunks/0", "chunks/1"])
    assert np.array_equal(found, [*(every[:2] + 100), *every[[7, 3, 9]]])
    with pytest.raises(DataError, match="chunks/2 has no positions"):
        prepared(file).positions(["chunks/2"])
    with pytest.raises(DataError, match="chunks/0 has no positions"):
        prepared(stored(chunks__0__indices=[1])).positions(["chunks/0"])


def test_chunks_stand_in_the_order_of_their_numbers(stored):
    file = stored(chunks__note=1.0, **{f"chunks__{k}__data": [1.0] for k in range(11)})
    assert ptyd._chunks(file) == [f"chunks/{k}" for k in range(11)]
    with pytest.raises(DataError, match="chunks/0 is missing; the file has 1 chunks"):
        ptyd._chunks(stored(chunks__1__data=[1.0]))
    with pytest.raises(DataError, match="chunks/1 is missing; the file has 2 chunks"):
        ptyd._chunks(stored(chunks__0__data=[1.0], chunks__2__data=[1.0]))
    with pytest.raises(DataError, match="chunks/1 has no data"):
        ptyd._chunks(stored(chunks__0__data=[1.0], chunks__1__indices=[1]))
    with pytest.raises(DataError, match="chunks is empty"):
        ptyd._chunks(stored(chunks=None))


def test_values_that_are_none_or_lists(stored):
    file = stored(a=3.0, none=[1.0], empty=np.empty(0), nothing=h5py.Empty("f8"), group=None)
    file["none"].attrs["type"] = "None"
    file["list/00000"], file["list/00001"], file["part/00000"] = 5.0, 6.0, 7.0
    file["part/00001"] = np.empty(0)
    assert ptyd._value(file, "a") == 3 and np.array_equal(ptyd._value(file, "list"), [5, 6])
    assert all(ptyd._value(file, n) is None for n in ("none", "empty", "nothing", "group", "part", "gone"))


def mask(file, chunks=("chunks/0", "chunks/1"), said=""):
    notes = []
    found = ptyd._mask(file, list(chunks), "auto", notes, said)
    return found if found is None else np.argwhere(~found).tolist(), len(notes)


def test_masks_are_weights_above_0_of_all_frames_or_common_ones(stored):
    good, each = np.ones((4, 5)), np.ones((3, 4, 5))
    good[1, 2] = each[2, 3, 4] = 0
    one, two = {"chunks__0__weights": each}, {"chunks__1__weights": good, "chunks__0__weights": each}
    common = {"meta__weight2d": good, "chunks__0__weights": np.empty(0), "chunks__1__weights": [1.0, 0.0]}
    assert mask(stored(**one)) == ([[3, 4]], 1) and mask(stored(**two)) == ([[1, 2], [3, 4]], 1)
    assert mask(stored(**common)) == ([[1, 2]], 0) and mask(stored(info__weight2d=good)) == (None, 0)
    assert mask(stored(meta__weight2d=good[0])) == mask(stored()) == (None, 0)
    assert mask(stored(a=good[:, ::-1], **two), said="/a") == ([[1, 2]], 0)
    empty = stored(chunks__0__weights=np.empty((0, 4, 5)), meta__weight2d=good)
    assert mask(empty) == ([[1, 2]], 0)


def test_what_the_job_gives_may_be_wrong_in_the_file(stored):
    file = stored(meta__energy=[1.0, 2.0, 3.0], meta__distance=[1.0, 2.0, 3.0], meta__psize=["a", "b"])
    given = dict(wavelength=None, energy=1.28e-15, distance=2.0, pixel=(1e-5, 1e-5))
    for least in (given, {**given, "energy": None, "wavelength": 1e-10}):
        of = prepared(file)
        found = ptyd._geometry(of, Input(**least))
        assert (
            np.isnan([found["wavelength"], found["distance"], *found["pixel"]]).all() and len(of.notes) == 3
        )
    for name in ("energy", "distance", "pixel"):
        with pytest.raises(DataError, match="meta/"):
            ptyd._geometry(prepared(file), Input(**{**given, name: None}))


def test_frames_cannot_be_named(stored):
    with pytest.raises(JobError, match="leave `frames` out"):
        ptyd.Ptyd(paths={"frames": "/a"}).open(stored().filename, None)
