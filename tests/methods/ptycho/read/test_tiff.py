"""Scans as folders of TIFF files and a text of positions."""

import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.io.newtiff import write_tiff
from nanompi.methods import discover
from nanompi.methods.ptycho.read import open_scan
from nanompi.run.reading import Input, reader_of
from nanompi.step import METHODS
from nanompi.units import EV

GEOMETRY = {"energy": 8000 * EV, "distance": 2.0, "pixel": 55e-6}
RANDOM = np.random.default_rng(5)
FRAMES = RANDOM.poisson(200, (12, 24, 20)).astype(np.uint16)
X, Y = (np.arange(12) % 4) * 0.3 + 0.01, (np.arange(12) // 4) * 0.25
LINES = [f"{k} {x:.3f} {y:.3f}" for k, (x, y) in enumerate(zip(X, Y, strict=True))]


@pytest.fixture
def folder(tmp_path):
    """Twelve frames, in files whose names sort otherwise than their numbers"""
    for k, frame in enumerate(FRAMES):
        write_tiff(tmp_path / f"scan_{k}.tif", frame)
    return tmp_path


def opened(folder, **own):
    discover()
    return open_scan(str(folder), Input(file=str(folder), **GEOMETRY), METHODS["reader"]["tiff"](**own))


@pytest.mark.parametrize(
    "text",
    [
        "# frame x(um) y(um)\n" + "\n".join(LINES),
        "frame, x_um, y_um\n" + "\n".join(line.replace(" ", ", ") for line in LINES),
        "% a scan\n\n# frame\tsamx [um]\tsamy [um]\n" + "\n".join(line.replace(" ", "\t") for line in LINES),
        "frame\tx/um\ty / um\n" + "\n".join(line.replace(" ", "\t") for line in LINES),
        "# file x[um] y[um]\n" + "\n".join(f"scan_{line.split()[0]}.tif {line[2:]}" for line in LINES[::-1]),
    ],
)
def test_frames_meet_their_positions(folder, text):
    (folder / "positions.txt").write_text(text)
    discover()
    assert reader_of({"file": str(folder)}) == "tiff"
    scan = opened(folder)
    order = np.argsort(scan.positions @ [1e3, 1])  # by rows, then columns
    assert np.allclose(scan.positions[order], np.stack([Y, X], 1) * 1e-6, rtol=0, atol=1e-9)
    assert np.array_equal(scan.source.read(order), FRAMES) and scan.pixel == (55e-6, 55e-6)


@pytest.mark.parametrize("between", ["\t", ";", "; ", "   "])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_decimal_commas_and_texts_of_other_programs(folder, between, encoding):
    """Positions were whole numbers of um with the commas taken for ends of columns"""
    lines = [line.replace(".", ",").replace(" ", between) for line in LINES]
    text = between.join(("frame", "x[µm]", "y[µm]")) + "\r\n" + "\r\n".join(lines)
    (folder / "positions.txt").write_text(text, encoding=encoding)
    scan = opened(folder)
    assert np.allclose(scan.positions, np.stack([Y, X], 1) * 1e-6, rtol=0, atol=1e-9)


def test_a_folder_without_images_and_a_text_that_is_none(folder, tmp_path):
    (folder / "p.dat").write_bytes(b"\0\1\2" * 99)
    with pytest.raises(DataError, match=r"p.dat is no text with lines of numbers"):
        opened(folder, positions="p.dat")
    (tmp_path / "none").mkdir()
    (tmp_path / "none/p.txt").write_text("# f x(um) y(um)\n" + "\n".join(LINES))
    with pytest.raises(DataError, match=r"none holds no TIFF files"):
        opened(tmp_path / "none")


def test_columns_and_units_where_the_text_says_none(folder):
    (folder / "p.dat").write_text("\n".join(LINES))
    given = {"file": str(folder), "positions": "p.dat"}
    discover()
    assert reader_of(given) == "tiff" and reader_of({"file": str(folder)}) == "tomo.tiff"
    with pytest.raises(JobError, match=r"3 columns without names: which is x.*columns: {x: 1, y: 2}"):
        opened(folder, positions="p.dat")
    with pytest.raises(JobError, match=r"unit of x: write `units: {x: um, y: um}`"):
        opened(folder, columns={"x": 1, "y": 2})
    scan = opened(folder, columns={"x": 1, "y": 2}, units={"x": "um", "y": "um"})
    assert np.allclose(scan.positions, np.stack([Y, X], 1) * 1e-6, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "# x(um) y(um)\n" + "\n".join(line[2:].strip() for line in LINES[:-1]),
            "11 positions for 12 frames",
        ),
        ("# x(um) y(um)\n1 2\n3 4 5\n", "line 2 of the numbers has 3 words, the first 2"),
        ("# f x(um) y(um)\n" + "\n".join(LINES).replace("0.910", "none"), "column 1.*none"),
        (
            "# f x(um) y(um)\n" + "\n".join(f"no_{line.split()[0]}.tif {line[2:]}" for line in LINES),
            "no_0.tif",
        ),
        ("nothing at all", "has 0 texts"),
    ],
)
def test_a_text_that_does_not_fit_is_named(folder, text, words):
    (folder / "positions.txt").write_text(text)
    with pytest.raises((DataError, JobError), match=words):
        opened(folder)


def test_a_text_that_is_not_there(folder):
    (folder / "positions.txt").write_text("# x(um) y(um)\n")
    with pytest.raises(DataError, match=r"no .*position.txt.*positions.txt"):
        opened(folder, positions="position.txt")


def test_a_file_of_many_pages(tmp_path):
    from PIL import Image

    pages = [Image.fromarray(frame) for frame in FRAMES]
    pages[0].save(tmp_path / "all.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "positions.txt").write_text("# frame x(um) y(um)\n" + "\n".join(LINES))
    discover()
    assert reader_of({"file": str(tmp_path / "all.tif"), "positions": "positions.txt"}) == "tiff"
    assert np.array_equal(opened(tmp_path / "all.tif").source.read([11, 0]), FRAMES[[11, 0]])
