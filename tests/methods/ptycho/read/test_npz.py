"""Parts of the NPZ reader; whole files are read in test_formats.py."""

import bz2
import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.ptycho.read import npz

FRAMES = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)


def packed(save=np.savez, **arrays) -> bytes:
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


def source(path, key="d"):
    with npz.zip_of(str(path)) as archive:
        return npz.NpzFrames.of(archive, str(path), key)


@pytest.mark.parametrize(
    ("name", "data", "whole"),
    [
        ("a.npz", packed(other=np.ones(3), d=FRAMES), False),
        ("b.npz", packed(np.savez_compressed, d=FRAMES), True),
        ("c.npz", packed(d=np.asfortranarray(FRAMES)), True),
        ("d.npz.bz2", bz2.compress(packed(d=FRAMES)), True),
        ("e.NPZ.GZ", gzip.compress(packed(d=FRAMES)), True),
        ("f.npz", packed(d=FRAMES[None, None]), False),
        ("g.npz", packed(d=FRAMES.astype(">u2")), False),
    ],
)
def test_frames_are_mapped_or_held(tmp_path, name, data, whole):
    (tmp_path / name).write_bytes(data)
    of = source(tmp_path / name)
    assert of.whole is whole and of.shape == (5, 6, 7) and of.chunk == 1 and of.reachable()
    assert (of.offset > 0) is not whole and of._held is None
    for _ in range(2):
        assert np.array_equal(of.read([4, 0, 0]), FRAMES[[4, 0, 0]])
    assert of._held is not None and pickle.loads(pickle.dumps(of))._held is None
    assert of == pickle.loads(pickle.dumps(of)) and of.origin() == [
        "npz",
        "d",
        {"file": str(tmp_path / name)},
    ]
    of.close()
    assert of._held is None and np.array_equal(of.read([1]), FRAMES[[1]])
    with pytest.raises(DataError, match="0 to 4"):
        of.read([5])


def test_a_file_that_is_gone_is_not_reachable(tmp_path):
    (tmp_path / "a.npz").write_bytes(packed(d=FRAMES))
    of = source(tmp_path / "a.npz")
    (tmp_path / "a.npz").unlink()
    assert not of.reachable()


def test_bytes_begin_after_the_name_and_the_extra_field(tmp_path):
    """A member whose local header has an extra field, which a zip of other programs may have"""
    array, path = io.BytesIO(), tmp_path / "a.npz"
    np.save(array, FRAMES)
    info = zipfile.ZipInfo("long/name.npy")
    info.extra = b"\xfe\xca\x03\x00abc"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first", "text")
        archive.writestr(info, array.getvalue())
    of = source(path, "long/name")
    assert path.read_bytes()[of.offset :].startswith(FRAMES.tobytes())
    assert np.array_equal(of.read(range(5)), FRAMES)


@pytest.mark.parametrize(
    ("given", "left"),
    [((1, 1, 3), (3,)), ((1, 1), (1,)), ((2, 1, 3), (2, 1, 3)), ((1, 2, 1), (2, 1)), ((), ())],
)
def test_leading_dimensions_of_one_are_dropped(given, left):
    assert npz._squeezed(np.ones(given)).shape == left


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_both_versions_of_the_header_are_read(tmp_path, version):
    array = io.BytesIO()
    np.lib.format.write_array(array, np.asfortranarray(FRAMES), version)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("d.npy", array.getvalue())
        archive.writestr("bare", array.getvalue())
    with npz.zip_of(str(tmp_path / "a.npz")) as archive:
        for name in ("d.npy", "bare"):
            assert npz.header_of(archive, name) == ((5, 6, 7), np.uint16)
            with archive.open(name) as member:
                assert npz._header(member, name)[1] is True
        assert np.array_equal(npz.array_of(archive, "a", "bare"), FRAMES)
        with pytest.raises(DataError, match=r'no array "x".*; the file has d, bare'):
            npz.array_of(archive, "a", "x")


@pytest.mark.parametrize("data", [np.array([{}], object), np.array([(1, None)], [("a", "i4"), ("b", "O")])])
def test_python_objects_are_never_loaded(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(packed(d=data))
    with npz.zip_of(str(tmp_path / "a.npz")) as archive, pytest.raises(DataError, match="Python objects"):
        npz.header_of(archive, "d.npy")
    with npz.zip_of(str(tmp_path / "a.npz")) as archive, pytest.raises(DataError):
        npz.array_of(archive, "a.npz", "d")


@pytest.mark.parametrize("name", ["a.npz", "a.npz.gz", "a.npz.bz2", "A.NPZ", "A.Npz.Bz2"])
def test_it_is_known_by_its_name(name):
    assert npz.Npz.recognises(name, {}) and not npz.Npz.recognises(name + "x", {})
