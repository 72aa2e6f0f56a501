"""TIFF files: pages in both byte orders, several strips, deflated, BigTIFF; what is refused with words."""

import struct
import zlib

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.io.tiff import is_tiff, pages

KINDS = {"u": 1, "i": 2, "f": 3}


def write(path, images, order="<", big=False, strips=1, deflate=False, predictor=1, samples=1):
    """A file with these pages, as cameras write them"""
    out = bytearray(b"II" if order == "<" else b"MM")
    out += struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0)
    link, n, form = (8, "Q", "HHQQ") if big else (4, "I", "HHII")
    for image in images:
        rows = image.astype(image.dtype.newbyteorder(order))
        if predictor == 2:
            rows = np.diff(image, axis=1, prepend=image.dtype.type(0)).astype(rows.dtype)
        parts = [part.tobytes() for part in np.array_split(rows, strips)]
        parts = [zlib.compress(part) for part in parts] if deflate else parts
        offsets = []
        for part in parts:
            offsets.append(len(out))
            out += part
        lists = {}
        for name, values in (("at", offsets), ("of", list(map(len, parts)))):
            lists[name] = len(out) if strips > 1 else values[0]
            out += struct.pack(f"{order}{strips}{n}", *values) if strips > 1 else b""
        kind = 16 if big else 4
        tags = [(256, kind, 1, image.shape[1]), (257, kind, 1, image.shape[0]),
                (258, kind, 1, 8 * image.itemsize), (259, kind, 1, 8 if deflate else 1),
                (273, kind, strips, lists["at"]), (277, kind, 1, samples), (279, kind, strips, lists["of"]),
                (317, kind, 1, predictor), (339, kind, 1, KINDS[image.dtype.kind])]  # fmt: skip
        out[link : link + struct.calcsize(n)] = struct.pack(order + n, len(out))
        out += struct.pack(order + ("Q" if big else "H"), len(tags))
        for tag in tags:
            out += struct.pack(order + form, *tag)
        link = len(out)
        out += struct.pack(order + n, 0)
    path.write_bytes(bytes(out))
    return str(path)


def images(dtype, n=2):
    return (np.random.default_rng(0).random((n, 5, 7)) * 200).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"order": ">"},
        {"big": True},
        {"strips": 3},
        {"deflate": True, "strips": 2},
        {"order": ">", "big": True},
    ],
)
def test_pages_come_back(tmp_path, dtype, how):
    want = images(dtype)
    file = write(tmp_path / "a.tif", want, **how)
    got = pages(file)
    assert is_tiff(file) and len(got) == 2
    assert all(
        np.array_equal(p.read(), one) and p.read().dtype == np.dtype(dtype) for p, one in zip(got, want)
    )


def test_differences_are_added_up(tmp_path):
    want = images("u2")
    file = write(tmp_path / "a.tif", want, deflate=True, predictor=2)
    assert all(np.array_equal(p.read(), one) for p, one in zip(pages(file), want))


def test_other_compressions_are_read_by_pillow(tmp_path):
    from PIL import Image

    want = images("u2", 1)[0]
    Image.fromarray(want).save(tmp_path / "a.tif", compression="tiff_lzw")
    (page,) = pages(str(tmp_path / "a.tif"))
    assert page.compression == 5 and np.array_equal(page.read(), want)


def test_what_is_refused(tmp_path):
    (tmp_path / "text.tif").write_text("no image at all")
    with pytest.raises(DataError, match="is no TIFF file"):
        pages(str(tmp_path / "text.tif"))
    assert not is_tiff(str(tmp_path / "text.tif"))
    with pytest.raises(DataError, match="3 values a pixel; gray images are needed"):
        pages(write(tmp_path / "rgb.tif", images("u1"), samples=3))
    file = write(tmp_path / "a.tif", images("u2", 1))
    whole = (tmp_path / "a.tif").read_bytes()
    (page,) = pages(file)
    (tmp_path / "a.tif").write_bytes(whole[:40])
    with pytest.raises(DataError, match="page 0 is damaged or cut off"):
        page.read()
    with pytest.raises(DataError, match="no TIFF file, or is cut off"):
        pages(file)
