"""Stacks as TIFF files and as OME-Zarr, as others read them."""

from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from nanompi.data.data import Data, even
from nanompi.errors import ResourceError
from nanompi.io.newtiff import write_tiff
from nanompi.mpi.team import Team
from nanompi.run.foresight import expected, foresee
from nanompi.run.result import Result
from nanompi.run.store import Store
from nanompi.run.writers import nexus
from nanompi.run.writers.omezarr import halved, levels
from nanompi.run.writers.stacks import write_stacks
from nanompi.step import item
from tests import walking

RNG = np.random.default_rng(3)


@pytest.fixture
def written(tmp_path):
    """`written(values, type, tiff=, zarr=)`: folder of a result with this volume of voxels of 0.5 um"""

    def call(values, kind="same", tiff="off", zarr=False):
        run = walking.run_of(Team(alone=True))
        n = len(values)
        coords = {a: (np.arange(k) * 5e-7, "m") for a, k in zip("zyx", values.shape)}
        data = Data(axes=("z", "y", "x"), values=values, spread="z", parts=even(n, 1), coords=coords)
        run.result, run.folder, run.control = Result(data={"data": data}), tmp_path, None
        run.store = Store(run, kind)
        nexus.write_result(run)
        write_stacks(run, SimpleNamespace(tiff=tiff, zarr=zarr))
        return tmp_path

    return call


@pytest.mark.parametrize("shape", [(5, 7), (8, 3)])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_an_image_is_read_back(tmp_path, shape, kind):
    import tifffile

    image = (RNG.random(shape) * 250).astype(kind)
    write_tiff(tmp_path / "a.tif", image, pixel=0.65, words="c0=1\n")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        assert np.array_equal(page.asarray(), image) and page.dtype == image.dtype
        across, down = page.tags["XResolution"].value, page.tags["YResolution"].value
        assert across == down and across[1] / across[0] == pytest.approx(0.65, rel=1e-8)
        assert file.is_imagej and file.imagej_metadata["unit"] == "um" and file.imagej_metadata["c0"] == 1


@pytest.mark.parametrize("bits, error", [(8, 1 / 255), (16, 1 / 65535), (32, 0)])
@pytest.mark.parametrize("kind", ["same", "uint16"])
def test_a_stack_of_tiff_files(written, bits, error, kind):
    """Half a step of the range of values (0 to 1, all but the outermost 0.2 %) is lost; that of the first
    uint16 too"""
    import tifffile

    values = RNG.random((12, 20, 30)).astype(np.float32)
    files = sorted((written(values, kind, tiff=bits) / "tiff/data").iterdir())
    assert [f.name for f in files] == [f"data_{i:02d}.tif" for i in range(12)]
    stored = np.stack([tifffile.imread(f) for f in files]).astype(float)
    with tifffile.TiffFile(files[0]) as file:
        about = file.imagej_metadata
        assert file.pages[0].dtype == {8: np.uint8, 16: np.uint16, 32: np.float32}[bits]
    found = stored * about.get("c1", 1.0) + about.get("c0", 0.0)
    inner = (values > 0.003) & (values < 0.99)
    assert 0.9 < inner.mean()
    most = error * (1 if bits == 8 else 0.55) + (0.55 / 65535 if kind == "uint16" else 0)  # 8 bits: cut off
    assert np.abs(found - values)[inner].max() <= most + 1e-7


def test_integers_of_a_result_have_scale_and_offset(written):
    values = RNG.normal(size=(20, 30, 40)).astype(np.float32)
    with h5py.File(written(values, "uint16") / "result.h5") as f:
        group = f["entry_1/data"]
        stored, scale, offset = group["data"], group["scaling_factor"][()], group["offset"][()]
        assert stored.dtype == np.uint16 and stored.attrs["scaling"] == scale
        found = stored[()] * scale + offset
    low, high = np.percentile(values, [0.2, 99.8])
    assert offset == pytest.approx(low, rel=0.1) and offset + 65535 * scale == pytest.approx(high, rel=0.1)
    inside = (values > offset) & (values < offset + 65535 * scale)
    assert inside.mean() > 0.99 and np.abs(found - values)[inside].max() < 0.51 * scale + 1e-6


def test_omezarr_of_three_levels(written):
    """Shards cut off at every end; the second level is the mean of eight voxels of the first"""
    import zarr

    values = RNG.normal(size=(70, 300, 131)).astype(np.float32)
    group = zarr.open_group(written(values, zarr=True) / "data.ome.zarr", mode="r")
    about = group.attrs["ome"]
    assert about["version"] == "0.5"
    (image,) = about["multiscales"]
    assert [(a["name"], a["type"], a["unit"]) for a in image["axes"]] == [
        (axis, "space", "micrometer") for axis in "zyx"
    ]
    assert [d["path"] for d in image["datasets"]] == ["0", "1", "2"]
    scale, shift = image["datasets"][2]["coordinateTransformations"]
    assert scale == {"type": "scale", "scale": pytest.approx([2.0] * 3)}
    assert shift == {"type": "translation", "translation": pytest.approx([0.75] * 3)}
    first, second, third = (group[str(k)] for k in range(3))
    assert first.shards == (64, 512, 512) and second.shards == (32, 256, 256)
    assert first.metadata.dimension_names == ("z", "y", "x")
    assert np.array_equal(first[...], values)
    assert second.shape == (35, 150, 66) and third.shape == (18, 75, 33)
    even_ = values[:, :, :130].reshape(35, 2, 150, 2, 65, 2).mean((1, 3, 5), dtype=float)
    assert np.abs(second[:, :, :65] - even_).max() < 1e-6
    assert np.array_equal(third[...], halved(second[...]))


def test_levels_end_where_nothing_is_left_to_see():
    assert levels((2048, 2048, 2048))[-1] == (256,) * 3 and levels((5, 100, 90)) == [(5, 100, 90)]
    assert halved(np.array([[[1, 2], [3, 5]]], np.uint16)).tolist() == [[[3]]]


def test_a_disk_that_is_too_small_is_said_before_anything_is_read():
    """40 TB of slices: what the step says of them, and what files beside the result will take"""
    step = SimpleNamespace(each="sinogram", takes="data", gives={"data": item("y", "x")}, makes=())
    step.sizes = lambda known: {"y": known["column"], "x": known["column"]}
    source = SimpleNamespace(shape=(5, 10**6, 3200), dtype=np.dtype(np.uint16))
    data = Data(axes=("angle", "row", "column"), source=source)
    assert expected([step], data) == 10**6 * 3200**2 and expected([], data) == 0
    run = walking.run_of(Team(alone=True), data=data)
    run.folder = Path.cwd()
    output = SimpleNamespace(type="same", tiff="off", zarr=False)
    with pytest.raises(ResourceError, match=r"result.h5: cannot be written.* needs 4\d\S* TB"):
        foresee(run, SimpleNamespace(steps=[step], output=output), [step])
    source.shape = (5, 2, 3)
    foresee(run, SimpleNamespace(steps=[step], output=output), [step])
