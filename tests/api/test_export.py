"""`nanompi convert` and `Result.save`: what other programs read is what the result holds."""

import numpy as np
import pytest
from PIL import Image

import nanompi
from nanompi.api.sources import Kept
from nanompi.cli import main
from nanompi.data.data import Data
from nanompi.methods.ptycho.wave import read_wave
from nanompi.run.result import Result, Signal
from tests.api.scan import FEW, scan


@pytest.fixture(scope="module")
def result():
    one = scan()
    return nanompi.reconstruct(one.frames, x=one.x, y=one.y, probe=one.probe, **one.known, **FEW)


@pytest.fixture(scope="module")
def maps() -> nanompi.Result:
    """Maps of two elements, and a volume of three slices."""
    rng = np.random.default_rng(3)
    along = {axis: (np.arange(n) * 2e-6, "m") for axis, n in (("y", 4), ("x", 5))}
    named = {"line": (np.array(["Fe", "Zn"], object), ""), **along}
    two = Data(axes=("line", "y", "x"), values=rng.random((2, 4, 5), np.float32), coords=named, unit="counts")
    deep = {"z": (np.arange(3) * 2e-6, "m"), **along}
    volume = Data(axes=("z", "y", "x"), values=rng.random((3, 4, 5), np.float32), coords=deep)
    plane = Signal(volume.values[1], along, show="image")
    tree = Result(data={"maps": two, "volume": volume}, planes={"volume": plane}, notes={"job": {}})
    return nanompi.Result("maps", Kept(tree))


def test_pynx_finds_its_names_in_a_result(result, tmp_path):
    import h5py

    result.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        last = file["entry_last"]
        assert last["object/data"].shape == (1, *result.object.shape) and last["object/data"].is_virtual
        np.testing.assert_array_equal(last["object/data"][0], result.object)
        np.testing.assert_array_equal(last["probe/data"][()], result.probe)
        np.testing.assert_array_equal(last["object/obj_illumination"][()], result.array("object/weight"))
        assert last["process_1/command"][()].decode()
        assert last["object/data"].id.get_storage_size() == 0  # nothing is stored twice
    for kind, wave in (("object", result.object), ("probe", result.probe[0])):
        read = read_wave(str(tmp_path / "a.h5"), kind)
        np.testing.assert_array_equal(read.data[0], wave)
        np.testing.assert_allclose(read.pixel, result.pixel)
    np.testing.assert_array_equal(nanompi.load(tmp_path / "a.h5").object, result.object)


def test_nothing_is_written_over_the_result_and_the_scan_it_was_made_of(result, tmp_path):
    scan = tmp_path / "scan.cxi"
    scan.write_bytes(b"weeks of work")
    result.save(tmp_path / "a.h5")
    loaded = nanompi.load(tmp_path / "a.h5")
    loaded.notes["inputs"] = {"files": [{"path": str(scan)}]}
    (tmp_path / "link.cxi").symlink_to(scan)
    for name in ("a.h5", "scan.cxi", "link.cxi"):
        with pytest.raises(nanompi.NanompiError, match="choose another name"):
            loaded.save(tmp_path / name)
    assert scan.read_bytes() == b"weeks of work" and nanompi.load(tmp_path / "a.h5").probe is not None


@pytest.mark.parametrize("kind", [".ptyr", ".cxi"])
def test_waves_of_other_programs(result, tmp_path, kind):
    (path,) = result.save(tmp_path / f"a{kind}")
    for name, wave in (("object", result.object[None]), ("probe", result.probe)):
        read = read_wave(str(path), name)
        np.testing.assert_array_equal(read.data, wave)
        np.testing.assert_allclose(read.pixel, result.pixel)


def test_the_origin_of_ptypy_is_where_the_object_lies(result, tmp_path):
    """Pixel of the storage that is the middle of a frame, as ptypy has it: (coordinate - origin) / psize."""
    import h5py

    (path,) = result.save(tmp_path / "a.ptyr")
    with h5py.File(path) as file:
        storage = file["content/obj/SscanG00"]
        place = (result.array("positions/measured")[0] - storage["_origin"][()]) / storage["_psize"][()]
        assert storage["_energy"][()] == pytest.approx(8, rel=1e-3)
    middle = result.array("positions/corners")[0] + np.array(result.probe.shape[1:]) // 2
    np.testing.assert_allclose(place, middle, atol=0.5)


def test_arrays_of_numpy(result, tmp_path):
    (path,) = result.save(tmp_path / "a.npz")
    with np.load(path) as file:
        np.testing.assert_array_equal(file["object"], result.object)
        np.testing.assert_array_equal(file["phase"], result.signals["phase"].data)
        np.testing.assert_array_equal(file["history_llk"], result.history["llk"])
        assert file["positions"].shape == (36, 2) and '"energy"' in str(file["about"])


def test_images_with_their_pixel(result, tmp_path):
    """Float32, pixels per um in the tags, and the unit in the line that ImageJ reads."""
    files = result.save(tmp_path / "a.tif")
    assert [file.name for file in files] == ["a-phase.tif", "a-amplitude.tif"]
    with Image.open(files[0]) as image:
        assert image.mode == "F"
        np.testing.assert_array_equal(np.array(image), result.signals["phase"].data.astype(np.float32))
        assert 1 / float(image.tag_v2[282]) == pytest.approx(result.pixel[1] * 1e6, rel=1e-6)
        assert "unit=um" in image.tag_v2[270]


def test_maps_and_volumes(maps, tmp_path):
    assert set(maps.maps) == {"Fe", "Zn"} and maps.data["volume"].shape == (3, 4, 5)
    names = sorted(file.name for file in maps.save(tmp_path / "m.tif"))
    slices = [f"m-volume-{k}.tif" for k in range(3)]
    assert names == sorted([*slices, "m-maps_Fe.tif", "m-maps_Zn.tif"])
    with Image.open(tmp_path / "m-volume-2.tif") as image:
        np.testing.assert_array_equal(np.array(image), maps.data["volume"][2])
        assert 1 / float(image.tag_v2[282]) == pytest.approx(2)
    stored = nanompi.load(maps.save(tmp_path / "m.h5")[0])
    assert set(stored.maps) == {"Fe", "Zn"}
    np.testing.assert_array_equal(stored.maps["Zn"], maps.maps["Zn"])
    assert sorted(file.name for file in stored.save(tmp_path / "n.tif")) == [f"n{n[1:]}" for n in names]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.ptyr", "holds no object and probe"),
        ("a.cxi", "holds no object and probe"),
        ("a.jpg", r"allowed: .tif, .tiff, .npz"),
        ("nowhere/a.tif", "there is no folder"),
    ],
)
def test_what_a_format_cannot_hold(maps, tmp_path, name, words):
    with pytest.raises(nanompi.NanompiError, match=words):
        maps.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_command(result, tmp_path, capsys):
    result.save(tmp_path / "a.h5")
    assert main(["convert", str(tmp_path / "a.h5"), str(tmp_path / "b.tif"), "--signal", "phase"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'b.tif'}\n"
    assert main(["convert", str(tmp_path / "a.h5"), str(tmp_path / "c.tif"), "--signal", "phas"]) == 3
    assert 'did you mean "phase"' in capsys.readouterr().err


def test_the_command_overwrites_nothing_unasked(result, tmp_path, capsys):
    result.save(tmp_path / "a.h5")
    for name in ("scan.cxi", "x-amplitude.tif", "b.png"):
        (tmp_path / name).write_bytes(b"of the user")
        out = str(tmp_path / name.replace("-amplitude", ""))
        assert main(["convert", str(tmp_path / "a.h5"), out]) == 2
        assert f"{name} is there already" in capsys.readouterr().err
        assert (tmp_path / name).read_bytes() == b"of the user" and not (tmp_path / "x-phase.tif").exists()
    assert main(["convert", str(tmp_path / "a.h5"), str(tmp_path / "x.tif"), "--force"]) == 0
    assert (tmp_path / "x-amplitude.tif").read_bytes() != b"of the user"


@pytest.mark.slow
def test_a_picture(result, tmp_path):
    (path,) = result.save(tmp_path / "a.png")
    with Image.open(path) as image:
        assert min(image.size) > 300 and len(image.convert("L").getcolors(256)) > 50
    shown = result._repr_html_()
    assert "good" in shown and shown.count("data:image/png;base64,") == 1
    result.show("phase").save(tmp_path / "a.svg")
    assert "phase" in (tmp_path / "a.svg").read_text()
    with pytest.raises(nanompi.NanompiError, match="the result has no"):
        result.show("faze")
    assert set(result.shown) > set(result.signals)
