"""A file that no reader knows is shown and guessed; results of programs are called by their name."""

import bz2
import io

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError
from nanompi.job.job import read_input
from nanompi.methods import discover
from nanompi.methods.ptycho.read import open_scan
from nanompi.methods.ptycho.read.unknown import Entry, guessed, listed
from nanompi.run.reading import reader_of


@pytest.fixture
def arrays(known):
    """Path -> (values, unit) of the known scan under names of no format"""
    x, y = known.xy.T * 1e6
    return {
        "run/eiger/frames": (known.frames, ""),
        "run/motors/samx_um": (x, "um"),
        "run/motors/samy_um": (y, "um"),
        "run/motors/theta": (0 * x, "deg"),
        "run/ring_current": (x + 9, "mA"),
        "run/mono/photon_energy": (8.0, "keV"),
        "run/eiger/distance": (2.5, "m"),
        "run/eiger/pixel_size": (75e-6, "m"),
        "run/eiger/pixel_mask": (known.bad, ""),
    }


@pytest.fixture
def hdf5_file(tmp_path, arrays, monkeypatch):
    monkeypatch.chdir(tmp_path)
    discover()
    with h5py.File("any.h5", "w") as file:
        for path, (value, unit) in arrays.items():
            file[path] = value
            file[path].attrs["units"] = unit
        file["run/title"], file["empty"] = "a title", h5py.Empty("f8")
    return "any.h5"


def right(given, reader, known):
    scan = open_scan(given.file, given, reader)
    assert np.allclose(scan.positions, known.xy[:, ::-1], rtol=1e-9, atol=0) and (~scan.mask).sum() == 2
    assert scan.wavelength == pytest.approx(known.wavelength, rel=1e-6)


def test_inspect_shows_the_tree_and_the_section_which_reads_the_file(hdf5_file, known, capsys, tmp_path):
    assert main(["inspect", hdf5_file]) == 3
    said = capsys.readouterr()
    assert (
        "/run/eiger/frames   30 x 24 x 20 uint16" in said.out
        and "/run/motors/samx_um   30 float64   um" in said.out
    )
    assert "/empty   empty float64" in said.out and "name its datasets" in said.err
    (tmp_path / "job.yaml").write_text(said.out[said.out.index("input:") :])
    right(*read_input("job.yaml"), known)


def test_init_writes_the_section(hdf5_file, known, tmp_path):
    assert main(["init", "--from", hdf5_file, "new.yaml"]) == 0
    right(*read_input("new.yaml"), known)
    assert "a guess by shapes and names" in (tmp_path / "new.yaml").read_text()


@pytest.mark.parametrize("name", ["a.npz", "a.npz.bz2"])
def test_npz(hdf5_file, arrays, known, capsys, tmp_path, name):
    packed = io.BytesIO()
    np.savez(packed, **{k.rsplit("/", 1)[-1]: v for k, (v, _) in arrays.items()})
    (tmp_path / name).write_bytes(
        bz2.compress(packed.getvalue()) if name.endswith("2") else packed.getvalue()
    )
    assert main(["inspect", name]) == 2
    text = capsys.readouterr().out
    assert "frames   30 x 24 x 20 uint16" in text and "\n  units: {x: um, y: um}  # by the names" in text
    (tmp_path / "job.yaml").write_text(text[text.index("input:") :].replace("# units", "units"))
    right(*read_input("job.yaml"), known)


def test_what_is_missing_stands_in_the_section_as_a_comment(hdf5_file, capsys):
    with h5py.File(hdf5_file, "a") as file:
        del file["run/mono"], file["run/motors"]
    assert main(["inspect", hdf5_file]) == 3
    text = capsys.readouterr().out
    assert "# x: ...  # columns" in text and "# energy: 8 keV  # the file has none" in text


def test_frames_behind_links_and_in_numbered_parts(hdf5_file, known):
    with h5py.File("master.h5", "w") as file:
        for k in range(3):
            with h5py.File(f"part{k}.h5", "w") as part:
                part["d"] = known.frames[10 * k : 10 * k + 10]
            file[f"entry/data/data_{k + 1}"] = h5py.ExternalLink(f"part{k}.h5", "/d")
        file["entry/pos_x"], file["entry/pos_y"] = known.xy.T
        file["entry/gone"], file["entry/me"] = h5py.ExternalLink("no.h5", "/d"), h5py.SoftLink("/entry/me")
    assert guessed(listed("master.h5"))[0] == {
        "frames": "/entry/data",
        "x": "/entry/pos_x",
        "y": "/entry/pos_y",
    }


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("ptypy", ["content/probe/S0/data", "content/obj/S0/data"]),
        ("Ptychodus", ["probe", "object", "probe_position_x_m", "probe_position_y_m"]),
        (
            "nanompi",
            ["entry_1/object/data", "entry_1/probe/data", "entry_1/image_1/data", "entry_1/data_1/data"],
        ),
        ("without frames", ["entry_1/image_1/data", "entry_1/instrument_1/source_1/probe"]),
    ],
)
def test_results_are_called_by_their_name(hdf5_file, name, paths):
    with h5py.File("result.h5", "w") as file:
        for path in paths:
            file[path] = np.ones((12, 12))
    for call in (lambda: reader_of({"file": "result.h5"}), lambda: read_input("result.h5")):
        with pytest.raises(
            DataError, match=rf"result.h5 is .*{name}.*not a scan; for its probe write `probe: "
        ):
            call()
    assert main(["init", "--from", "result.h5", "x.yaml"]) == 3


FRAMES = Entry("/e/data", (30, 24, 20), np.dtype("u2"))


@pytest.mark.parametrize(
    "others, found",
    [
        ({"/e/positions": (30, 2)}, {"positions": "/e/positions"}),
        ({"/e/positions": (2, 30)}, {"positions": "/e/positions"}),
        ({"/e/scan_pos": (7, 2), "/e/positions_of_all": (30, 2)}, {"positions": "/e/positions_of_all"}),
        ({"/e/positions": (30, 3)}, {}),
        ({"/e/flat": (30, 2)}, {}),
        ({"/e/x": (30,), "/e/y": (30,), "/e/positions": (30, 2)}, {"x": "/e/x", "y": "/e/y"}),
        ({"/e/x": (29,), "/e/y": (30,)}, {}),
        ({"/e/x": (5, 6), "/e/y": (5, 6)}, {"x": "/e/x", "y": "/e/y"}),
    ],
)
def test_places_are_those_of_as_many_points_as_frames(others, found):
    entries = [FRAMES, *(Entry(path, shape, np.dtype("f8")) for path, shape in others.items())]
    paths, _ = guessed(entries)
    assert {key: path for key, path in paths.items() if key in ("x", "y", "positions")} == found


def test_short_names_of_motors_are_guessed():
    from nanompi.methods.ptycho.read.unknown import names_axis

    assert (
        names_axis("sx", "x")
        and names_axis("sy", "y")
        and not names_axis("sx", "y")
        and not names_axis("s", "x")
    )


@pytest.mark.parametrize(
    "lost, words",
    [
        ("distance", "the file says no distance; write for example `distance:"),
        ("translation", "missing positions: 30 frames and 27 positions"),
    ],
)
def test_a_known_file_that_lacks_something_gets_no_guess(known, tmp_path, capsys, lost, words):
    """The reader knows where all is: what is in the file is shown, and what the section lacks is told"""
    discover()
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["data"], detector["x_pixel_size"], detector["y_pixel_size"] = known.frames, 75e-6, 75e-6
        if lost != "distance":
            detector["distance"] = 2.5
        file["entry_1/instrument_1/source_1/energy"] = 1.2e-15
        places = np.pad(known.xy, ((0, 0), (0, 1)))
        file["entry_1/sample_1/geometry_1/translation"] = places[: 27 if lost == "translation" else 30]
        file["cxi_version"] = 150
    assert main(["inspect", str(tmp_path / "a.cxi")]) == 3
    said = capsys.readouterr()
    assert (
        words in said.err and "detector_1/data   30 x 24 x 20 uint16" in said.out and "guess" not in said.out
    )


def test_of_a_job_file_with_a_fault_nothing_is_listed(tmp_path, capsys):
    """Not even an empty line"""
    (tmp_path / "a.yaml").write_text("nanompi: 1\ninput: {file: nowhere.cxi}\nsteps: [ptycho]\n")
    assert main(["inspect", str(tmp_path / "a.yaml")]) == 3
    assert capsys.readouterr().out == ""
