"""Probes and objects out of results of other programs, in files of their layouts."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.compare import compare
from nanompi.methods.ptycho.start import StartObject, StartProbe, check_start
from nanompi.methods.ptycho.wave import object_on_grid, on_grid, read_wave
from nanompi.optics.geometry import Geometry
from nanompi.run.writers.nexus import write

PIXEL = (20e-9, 25e-9)


def spot(shape=(40, 48), pixel=PIXEL, modes=2) -> np.ndarray:
    """(modes, h, w) complex64: a curved, lopsided spot about n // 2, the same in metres for any pixel."""
    y, x = (((np.arange(n) - n // 2) * p)[s] for n, p, s in zip(shape, pixel, (np.s_[:, None], np.s_[None])))
    first = np.exp(-((y / 120e-9) ** 2) - (x / 160e-9) ** 2 + 1j * (y / 200e-9 + (x / 250e-9) ** 2))
    return np.array([first * (x / 1e-7) ** k for k in range(modes)]).astype(np.complex64)


def grid(parent, pixel=PIXEL):
    parent["y_pixel_size"], parent["x_pixel_size"] = pixel


def pynx(f, P, O):
    for name, a in (("result_1", O[None]), ("result_2", P)):
        grid(f.create_group(f"entry_1/{name}"))
        f[f"entry_1/{name}/data"] = a
    f["entry_1/object"], f["entry_1/probe"] = (h5py.SoftLink(f"/entry_1/result_{k}") for k in (1, 2))
    f["entry_last"] = h5py.SoftLink("/entry_1")


def ptypy(f, P, O):
    for name, a in (("probe", P), ("obj", O[None])):
        f[f"content/{name}/SscanG00/data"], f[f"content/{name}/SscanG00/_psize"] = a, PIXEL


def ptychodus(f, P, O):
    f["probe"], f["object"] = P[None], O[None]  # a series of one probe; one layer
    for name in ("probe", "object"):
        f[name].attrs["pixel_height_m"], f[name].attrs["pixel_width_m"] = PIXEL


def cosmic(f, P, O):
    f["entry_1/instrument_1/source_1/illumination"], f["entry_1/image_1/data"] = P, O
    f["entry_1/instrument_1/source_1/energy"] = 6.62607015e-34 * 299792458 / 1e-10
    detector = f.create_group("entry_1/instrument_1/detector_1")
    detector["distance"] = 1.0
    grid(detector, [1e-10 / (n * p) for n, p in zip(P.shape[-2:], PIXEL)])


def matlab(f, P, O):
    kind = np.dtype([("real", "f4"), ("imag", "f4")])
    for name, a in (("outputs/probes", P), ("outputs/object_roi", O)):
        turned = np.ascontiguousarray(np.swapaxes(a, -1, -2)).astype(np.complex64)
        f[name] = turned.view(np.float32).reshape(*turned.shape, 2).view(kind)[..., 0]
        f[name].attrs["MATLAB_class"] = np.bytes_("single")
    f["p/dx_spec"] = np.array(PIXEL)[:, None]


def own(f, P, O):
    f["entry_1/probe/data"], f["entry_1/object/data"], f["entry_1/object/pixel_size"] = P, O, PIXEL


LAYOUTS = {
    "nanompi": own,
    "PyNX": pynx,
    "ptypy": ptypy,
    "Ptychodus": ptychodus,
    "COSMIC": cosmic,
    "MATLAB": matlab,
}
P, O = spot(), spot((70, 90), modes=1)[0] + 1


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_of_other_programs(tmp_path, name):
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as f:  # MATLAB keeps its name there
        LAYOUTS[name](f, P, O)
    for kind, known in (("probe", P), ("object", O[None])):
        wave = read_wave(str(tmp_path / "x.h5"), kind)
        assert np.array_equal(wave.data, known), kind
        assert wave.pixel == pytest.approx(PIXEL, rel=1e-6)


def test_the_last_step_of_a_pynx_file_is_taken(tmp_path):
    with h5py.File(tmp_path / "x.cxi", "w") as f:
        for n, scale in ((1, 2), (2, 1)):
            for name, a in (("object", O[None]), ("probe", P)):
                f[f"entry_{n}/{name}/data"] = scale * a
                grid(f[f"entry_{n}/{name}"])
        f["entry_last"] = h5py.SoftLink("/entry_2")
    for kind, known in (("probe", P), ("object", O[None])):
        assert np.array_equal(read_wave(str(tmp_path / "x.cxi"), kind).data, known)


def test_numpy_files(tmp_path):
    np.save(tmp_path / "p.npy", P[0])
    wave = read_wave(str(tmp_path / "p.npy"), "probe", pixel=2e-8)
    assert np.array_equal(wave.data, P[:1]) and wave.pixel.tolist() == [2e-8, 2e-8]
    size = {"probe_pixel_height_m": PIXEL[0], "probe_pixel_width_m": PIXEL[1]}
    np.savez(tmp_path / "p.npz", probe=P, other=np.arange(3), **size)
    wave = read_wave(str(tmp_path / "p.npz"), "probe")
    assert np.array_equal(wave.data, P) and wave.pixel == pytest.approx(PIXEL)


def test_a_probe_is_resampled_about_its_middle(tmp_path):
    np.save(tmp_path / "p.npy", P)
    wave = read_wave(str(tmp_path / "p.npy"), "probe")
    wave.pixel = np.array(PIXEL)
    for shape, pixel in (((64, 64), (25e-9, 20e-9)), ((48, 56), (15e-9, 30e-9)), ((40, 48), PIXEL)):
        found, known = on_grid(wave, pixel, shape), spot(shape, pixel)
        assert np.abs(found - known).max() < 0.01 * np.abs(known).max()  # the spot fades at the old edge


def test_an_object_is_resampled_about_its_middle_and_is_one_outside(tmp_path):
    np.save(tmp_path / "o.npy", O)
    wave = read_wave(str(tmp_path / "o.npy"), "object", pixel=20e-9)
    out = object_on_grid(wave, (40e-9, 40e-9), (101, 101))
    assert out[0, 0] == 1 and out[50, 0] == 1
    fine = object_on_grid(wave, (20e-9, 20e-9), (30, 30))
    assert np.abs(fine - O[20:50, 30:60]).max() < 1e-5


def bad_files():
    def hdf5(write):
        def make(path):
            with h5py.File(path, "w") as f:
                write(f)

        return make

    nan = P.copy()
    nan[0, 3, 3] = np.nan
    return {
        "no such layout": (
            hdf5(lambda f: f.create_dataset("x", data=1)),
            "no probe where",
        ),
        "not finite": (hdf5(lambda f: ptypy(f, nan, O)), "1 values of the probe are not finite"),
        "counts": (hdf5(lambda f: ptypy(f, np.ones((3, 40, 40), "u2"), O)), "type uint16, which are no wave"),
        "frames": (hdf5(lambda f: ptypy(f, np.ones((300, 40, 40)), O)), "300 modes.* are these the frames"),
        "a line": (hdf5(lambda f: ptypy(f, np.ones((1, 1, 40)), O)), "has the shape"),
        "zero": (hdf5(lambda f: ptypy(f, 0 * P, O)), "zero everywhere"),
        "two storages": (
            hdf5(lambda f: (ptypy(f, P, O), f.copy("content/probe/SscanG00", "content/probe/SscanG01"))),
            "2 storages .*path: content/probe/SscanG00/data",
        ),
        "an old MATLAB file": (
            lambda path: path.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200)),
            "save it with `-v7",
        ),
        "text": (lambda path: path.write_text("hello"), "neither HDF5 nor NPZ nor NPY"),
        "objects": (lambda path: np.savez(path.open("wb"), probe=np.array([{}], object)), "cannot be read"),
        "cut off": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)), "cannot be"),
    }


@pytest.mark.parametrize("name", bad_files())
def test_what_is_no_probe_is_refused_with_the_reason(tmp_path, name):
    make, words = bad_files()[name]
    make(tmp_path / "x.h5")
    how = StartProbe(start="file", file=str(tmp_path / "x.h5"))
    with pytest.raises(DataError, match=words) as error:
        check_start(how, StartObject(), None)
    assert "x.h5" in str(error.value)


def test_what_is_missing_is_asked_for(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["a/wave"] = P
    file = str(tmp_path / "x.h5")
    with pytest.raises(DataError, match="no dataset a/wive"):
        read_wave(file, "probe", "a/wive")
    wave = read_wave(file, "probe", "a/wave")
    with pytest.raises(DataError, match="does not say the size of a pixel; add `pixel"):
        on_grid(wave, Geometry(1e-10, 1.0, (5e-5, 5e-5), (64, 64)).pixel, (64, 64))
    with pytest.raises(DataError, match="does not say the size of a pixel"):
        check_start(StartProbe(start="file", file=file, path="a/wave"), StartObject(), None)
    with pytest.raises(JobError, match=r"needs probe\.file"):
        check_start(StartProbe(start="file"), StartObject(), None)


@pytest.mark.slow
@pytest.mark.parametrize("pixel", [1.0, 1.25])
def test_compare_takes_results_of_other_programs(tmp_path, star, star_result, pixel):
    """Without places the middles are laid on each other; another pixel is resampled"""
    write(star_result(star.truth), tmp_path / "a.h5")
    shape = tuple(int(n / pixel) // 2 * 2 for n in star.truth.shape)
    with h5py.File(tmp_path / "b.h5", "w") as f:
        wave = read_wave(str(tmp_path / "a.h5"), "object")
        f["object"] = object_on_grid(wave, (pixel * star.pixel,) * 2, shape)[None]
        f["object"].attrs["pixel_height_m"] = f["object"].attrs["pixel_width_m"] = pixel * star.pixel
    one = compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))
    two = compare(str(tmp_path / "b.h5"), str(tmp_path / "a.h5"))
    limit = 1e-3 if pixel == 1 else 0.06  # the coarser pixel has lost the fine texture of 0.04 rad
    assert one["phase_rmse"] < 1e-2 and two["phase_rmse"] < limit
