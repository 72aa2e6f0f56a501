"""`xrd.integrate`: what is not measured, hot pixels, dark and flat, names of NeXus, the grid of a scan."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.data.data import Data
from nanompi.data.source import Source
from nanompi.data.walk import walk
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.xrd.geometry import Geometry
from nanompi.methods.maps.xrd.integrate import Integrate
from nanompi.methods.maps.xrd.mask import Image, Mask
from nanompi.methods.maps.xrd.matrix import Bins, matrix, pixels, shared
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from nanompi.run.writers import nexus
from tests import walking
from tests.methods.maps.xrd.test_geometry import poni

SHAPE = (60, 70)
GOOD = "steps.xrd.integrate.poni=good.poni"
GEOMETRY = Geometry(0.1, (0.006, 0.0072), (0.02, 0.01, 0), (200e-6, 200e-6), 0.5e-10, file="made")


class Frames(Source):
    """Frames in memory"""

    def __init__(self, frames):
        self.frames, self.shape, self.dtype = frames, frames.shape, frames.dtype

    def read(self, index, threads=1):
        return self.frames[index]


def integrated(frames, beside=(), facts=(), **parameters):
    """The run after the step"""
    run = walking.run_of(Team(alone=True))
    run.made, run.warned, run.result = {}, [], Result()
    run.warn = run.warned.append
    beside = {"geometry": GEOMETRY} | dict(beside)
    source = Frames(np.asarray(frames))
    data = Data(axes=("point", "row", "column"), source=source, beside=beside, facts=dict(facts))
    run.data["data"] = data.holding(None, "point", [np.arange(len(source.frames))])
    walk(run, [Integrate(bins=40, **parameters)])
    return run


def even(level=100.0, n=1):
    """Frames of a pattern that is the same everywhere: solid angle times polarisation"""
    norm = pixels(GEOMETRY, SHAPE, slice(0, SHAPE[0]), "2th_deg", 0.99).norm.reshape(SHAPE)
    return np.repeat((level * norm)[None], n, 0).astype(np.float32)


def test_an_even_pattern_is_even():
    pattern = integrated(even()).data["pattern"].values
    assert pattern == pytest.approx(100, rel=1e-5)


def test_what_is_not_measured_changes_nothing():
    """Negative, NaN, saturated and masked pixels, and a frame that was never written"""
    frames = even(n=3)
    frames[0, 5:9, 7] = -1
    frames[0, 30:40, 50] = np.nan
    frames[1, 20, 20:30] = 5000
    mask = np.ones(SHAPE, bool)
    mask[:, 33] = False
    frames[:, :, 33] = 7777
    run = integrated(frames, {"mask": mask}, mask=Mask(saturated=4000))
    assert run.data["pattern"].values == pytest.approx(100, rel=1e-5)
    run = integrated(frames, {"mask": mask}, mask=Mask(saturated=4000), sectors=8)
    cake = run.data["pattern"]
    assert cake.axes == ("point", "azimuth", "radial") and np.isnan(cake.values).any()
    assert np.nanmax(abs(cake.values - 100)) < 1e-3
    mean = run.result.pictures["cake"]
    assert list(mean.axes) == ["azimuth", "2theta"] and not [name for name in run.data if "_cake" in name]
    assert np.array_equal(np.isnan(mean.data), np.isnan(cake.values).all(0))
    assert np.nanmax(abs(mean.data - 100)) < 1e-3


def test_hot_pixels_are_left_out():
    """Three of 1000 counts: the ring stands at 100 with them left out; counting noise stays"""
    rng = np.random.default_rng(0)
    frames = rng.poisson(even()).astype(np.uint16)
    clean = integrated(frames).data["pattern"].values
    frames[0, [10, 30, 50], [12, 44, 20]] = 1000
    hot = integrated(frames, mask=Mask(hot=6.0))
    assert any("3 values of hot pixels" in line for line in hot.lines)
    assert abs(hot.data["pattern"].values - clean).max() < 5
    assert abs(integrated(frames).data["pattern"].values - clean).max() > 5


@pytest.mark.parametrize("sectors", [1, 5])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_frame_has_the_bits_that_it_has_alone(n, sectors):
    """With a mask, hot and saturated pixels, which are others in each frame"""
    rng = np.random.default_rng(7)
    frames = rng.poisson(even(n=n)).astype(np.uint16)
    frames[rng.random(frames.shape) < 0.01] = 5000
    frames[rng.random(frames.shape) < 0.01] = 900
    own = {"sectors": sectors, "mask": Mask(saturated=4000, hot=6.0)}
    mask = {"mask": rng.random(SHAPE) > 0.1}
    every = integrated(frames, mask, **own)
    for j in range(n):
        alone = integrated(frames[j : j + 1], mask, **own)
        for name in ("pattern", "pattern_errors"):
            assert every.data[name].values[j].tobytes() == alone.data[name].values[0].tobytes()


def test_dark_and_flat(tmp_path):
    """Counts (pattern x flat + dark) give the pattern; a pixel lost in a frame takes its dark counts along"""
    rng = np.random.default_rng(1)
    dark, flat = rng.uniform(3, 9, SHAPE), rng.uniform(0.5, 1.5, SHAPE)
    flat /= flat.mean()
    np.save(tmp_path / "dark.npy", dark)
    np.save(tmp_path / "flat.npy", 3 * flat)
    frames = even() * flat + dark
    frames[0, 20:25, 20:25] = -1
    images = {name: Image(file=str(tmp_path / f"{name}.npy")) for name in ("dark", "flat")}
    assert integrated(frames, **images).data["pattern"].values == pytest.approx(100, rel=1e-4)


def test_errors_are_those_of_counting():
    """400 frames of Poisson counts scatter by what each says"""
    frames = np.random.default_rng(2).poisson(even(n=400) / 20).astype(np.uint16)
    run = integrated(frames)
    scatter = run.data["pattern"].values.std(0)
    assert (scatter / run.data["pattern_errors"].values.mean(0)) == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("sectors", [1, 4])
def test_what_neighbouring_bins_share(sectors):
    """Against the matrix written out"""
    bins = Bins("2th_deg", 12, 0.5, 5.0, sectors)
    made = matrix(GEOMETRY, SHAPE, np.ones(SHAPE, bool), bins, 0.99)
    A, number = np.zeros((len(made.norm), 12 * sectors)), np.diff(made.first)
    A[np.repeat(np.arange(len(made.norm)), number), made.bin] = made.share
    seen = made.norm @ A
    own = A.T * made.norm @ A / np.maximum(np.outer(seen, seen), 1e-30)
    got, many = shared(made, bins), (seen.reshape(sectors, 12) > 0).sum(0)
    for d in range(len(got)):
        for b in range(12 - d):
            want = np.sum([own[12 * s + b, 12 * s + b + d] for s in range(sectors)]) / many[b]
            assert got[d, b] == pytest.approx(want, rel=1e-5, abs=1e-12)


def test_points_of_a_grid_become_a_map():
    coords = {"y": (np.arange(2) * 1e-6, "m"), "x": (np.arange(3) * 1e-6, "m")}
    run = integrated(even(n=6), {"grid": (2, 3), "grid_coords": coords})
    assert run.data["pattern"].axes == ("y", "x", "radial") and run.data["pattern"].shape == (2, 3, 40)


@pytest.mark.parametrize("sectors, rank", [(1, 1), (4, 2)])
def test_names_of_nexus(tmp_path, sectors, rank):
    run = integrated(even(n=2), sectors=sectors)
    result = Result(data={name: run.data[name] for name in ("pattern", "pattern_errors")})
    nexus.write(result, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        entry, group = file["entry_1"], file["entry_1/pattern"]
        assert entry["definition"].asstr()[()] == f"NXazint{rank}d" and entry["solid_angle_applied"][()]
        names = ["azimuthal_axis", "radial_axis"][-rank:]
        assert group.attrs["signal"] == "I" and list(group.attrs["axes"]) == ["point", *names]
        assert group["I"].shape == group["I_errors"].shape == (2, *[4][: rank - 1], 40)
        assert group["radial_axis_edges"].shape == (41,)
        assert group["radial_axis"].attrs["units"] == "deg"
        assert group["radial_axis"].attrs["long_name"] == "2theta"


def test_what_is_refused(tmp_path):
    frames = even()
    with pytest.raises(JobError, match="PONI"):
        Integrate().check(Data(axes=("point", "row", "column"), source=Frames(frames)))
    lost = Geometry(**{**vars(GEOMETRY), "wavelength": None})
    beam = integrated(frames, {"geometry": lost}, {"energy": 3.97e-15}).made["xrd"][0]
    assert beam.wavelength == pytest.approx(0.5e-10, rel=1e-2)
    with pytest.raises(DataError, match="the wavelength is missing"):
        integrated(frames, {"geometry": lost})
    with pytest.raises(DataError, match="no pixel of the frames"):
        integrated(frames, {"mask": np.zeros(SHAPE, bool)})
    half = Geometry(**{**vars(GEOMETRY), "shape": (120, 140)})
    with pytest.raises(DataError, match=r"120 x 140, these have 60 x 70; were they binned 2 x 2"):
        integrated(frames, {"geometry": half})
    with pytest.raises(DataError, match="no pixel is there"):
        integrated(frames, range=[50.0, 60.0])


@pytest.mark.parametrize(
    "sets, code, said",
    [
        ([], 2, "name its PONI file"),
        (["steps.xrd.integrate.poni=no.poni"], 3, "no.poni"),
        (["steps.xrd.integrate.poni=big.poni"], 3, "122 x 166, these have 61 x 83; were they binned 2 x 2?"),
        (["steps.xrd.integrate.poni=dark.poni"], 3, "the wavelength is missing"),
        (["steps.xrd.integrate.mask.file=none.npy", GOOD], 3, "no pixel of the"),
        (["steps.xrd.integrate.range=[5, 4]", GOOD], 2, "two rising numbers"),
    ],
)
def test_exit_codes(tmp_path, monkeypatch, capfd, sets, code, said):
    """What a user may do wrong, through the program"""
    monkeypatch.chdir(tmp_path)
    with h5py.File("a.h5", "w") as file:
        file["imageseries/images"] = np.ones((1, 61, 83), np.int32)
    np.save("none.npy", np.zeros((61, 83)))
    poni(tmp_path / "good.poni")
    poni(tmp_path / "dark.poni", Wavelength=None)
    (tmp_path / "big.poni").write_text(
        (tmp_path / "good.poni").read_text().replace('"max_shape": [61, 83]', '"max_shape": [122, 166]')
    )
    (tmp_path / "job.yaml").write_text("nanompi: 1\ninput: {file: a.h5}\nsteps: [{use: xrd.integrate}]\n")
    assert main(["run", "job.yaml", *(word for text in sets for word in ("--set", text))]) == code
    assert said in "".join(capfd.readouterr())
