"""Pixels that do not measure are found and named; nothing good is, whatever the light does."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare import faulty
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.sample import sample_of
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
from nanompi.mpi.team import Team
from nanompi.run.reading import Input
from tests.memory import run_of, scan_of


def simulated(focus=None, **given):
    """Frames (n, H, W) of a simulated scan."""
    scan = Simulate(simulate=Simulation(**{"frames": 40, "size": 64, **given})).open("", Input(focus=focus))
    return scan.source.read(np.arange(scan.source.shape[0]))


@pytest.fixture(scope="module")
def frames():
    return simulated(photons=1e6)


def found(stack, good=None):
    """{reason: [pixels]} of everything that is taken for faulty."""
    good = np.ones(stack.shape[1:], bool) if good is None else good
    marked, top = faulty.marked(stack, good)
    bad = {"marked": marked, **faulty.find(stack, stack.sum(0, dtype=float), good & ~marked, False)}
    return {k: [tuple(map(int, p)) for p in np.argwhere(b)] for k, b in bad.items() if b.any()}, top


SCANS = {
    "usual": {},
    "many photons": {"photons": 1e9},
    "few photons": {"photons": 300},
    "modes": {"modes": 3},
    "no noise": {"noise": False},
    "raster": {"scan": "raster", "frames": 25},
    "weak object": {"phase": 0.01, "photons": 1e7},
    "near field": {"focus": 3e-3},
}


@pytest.mark.parametrize("kind", SCANS)
def test_nothing_good_is_taken_for_faulty(kind):
    assert found(simulated(**SCANS[kind])) == ({}, None)


def test_a_beam_of_one_pixel_is_kept(frames):
    """The direct beam of a very wide probe, hundreds of times as bright as what is around it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    halo = 2e4 / (1 + (y - 30) ** 2 + (x - 33) ** 2) ** 1.5
    stack = rng.poisson(halo, (40, 64, 64))
    stack[:, 30, 33] = rng.poisson(2e6, 40)
    assert found(stack) == ({}, None)


@pytest.mark.real
def test_measured_scans_keep_their_pixels(shared_data):
    import bz2
    import io

    import h5py

    packed = bz2.decompress(shared_data("S1_siemens_far_field/siemens-star-small.npz.bz2").read_bytes())
    star = np.load(io.BytesIO(packed))["data"][0]
    assert found(star[sample_of(len(star))]) == ({}, None)
    with h5py.File(shared_data("S2_petra3_near_field/PETRAIII_P25_Near_Field_Ptycho.cxi")) as file:
        data = file["entry_1/data_1/data"][()]
        bad = file["entry_1/instrument_1/detector_1/mask"][()] != 0
    some = data[sample_of(len(data))]
    assert found(some, ~bad) == ({}, None)
    alone = found(some)[0]  # without the mask of the file: four of its five pixels, and no other
    assert len(alone.pop("dead")) == 4 and alone == {}


MARKERS = {
    "uint32 65535": ("u4", 65535),
    "int64 2^32-1": ("i8", 2**32 - 1),
    "float32 65535": ("f4", 65535),
    "float64 2^32-1": ("f8", 2**32 - 1),
    "float32 1e10": ("f4", 1e10),
}


@pytest.mark.parametrize("kind", MARKERS)
def test_markers_of_any_type_are_masked_and_not_measured_elsewhere(frames, kind):
    dtype, value = MARKERS[kind]
    stack = frames.astype(dtype)
    stack[:, 40:43], stack[:, 10, 12], stack[7, 20, 20] = value, value, value
    run = run_of(Team(), scan_of(stack))
    Prepare(centre="middle", split="in order").run(run)
    f = run.data["frames"]
    good = np.fft.fftshift(f.mask)
    assert (~good).sum() == 3 * 64 + 1 and not good[40:43].any() and not good[10, 12]
    assert f.preparation["mask"] == {"marked": 193} and f.preparation["saturated"] == value
    assert np.argwhere(np.fft.fftshift(f.counts, axes=(1, 2)) < 0).tolist() == [[7, 20, 20]]
    assert "193 marked (mask.faulty: false keeps" in run.made["log"][1]


@pytest.mark.parametrize("value", [-1, -2, np.nan])
def test_negative_markers_and_nan_were_never_measured(frames, value):
    stack = frames.astype("f4")
    stack[:, 40:43] = value
    run = run_of(Team(), scan_of(stack))
    Prepare(centre="middle", split="in order").run(run)
    assert run.data["frames"].preparation["mask"] == {"never measured": 192}


def test_hot_and_dead_pixels_rows_and_columns(frames):
    rng = np.random.default_rng(1)
    stack = frames.copy()
    stack[:, 12, 40] += rng.poisson(3000, 40).astype(stack.dtype)  # hot, with its own noise
    stack[:, 5, 5] += rng.poisson(120, 40).astype(stack.dtype)  # hot where hardly a photon comes
    stack[:, 5, 6] += rng.poisson(150, 40).astype(stack.dtype)  # and its neighbour
    stack[:, 34, 35] = 0  # dead in the beam
    stack[:, 30, 28] = rng.binomial(stack[:, 30, 28], 0.02)  # dim
    stack[:, 22:24], stack[:, :, 50] = 0, 0
    stack[:, 55] += rng.poisson(40, (40, 64)).astype(stack.dtype)
    bad, top = found(stack)
    assert top is None
    assert bad["hot"] == [(5, 5), (5, 6), (12, 40)] and bad["dead"] == [(30, 28), (34, 35)]
    assert len(bad["dead rows"]) == 2 * 64 + 61 and {p[0] for p in bad["hot rows"]} == {55}
    assert set(bad) == {"hot", "dead", "dead rows", "hot rows"}


def test_the_key_keeps_them(frames):
    stack = frames.copy()
    stack[:, 12, 40] = 60000
    run = run_of(Team(), scan_of(stack))
    Prepare(centre="middle", mask=Mask(faulty=False), split="in order").run(run)
    assert run.data["frames"].mask.all() and run.data["frames"].counts.max() == 60000


def test_the_saturation_that_the_file_says_counts(frames):
    stack = frames.astype("u4")
    stack[3, 20, 20], stack[4, 21, 20] = 8000, 7999
    run = run_of(Team(), scan_of(stack, saturated=8000.0))
    Prepare(centre="middle", mask=Mask(faulty=False), split="in order").run(run)
    lost = np.fft.fftshift(run.data["frames"].counts, axes=(1, 2)) < 0
    assert np.argwhere(lost).tolist() == [[3, 20, 20]]


def test_a_bit_depth_that_the_values_exceed_is_not_theirs(frames):
    """Frames summed after the detector, with its bit depth copied along."""
    run = run_of(Team(), scan_of(frames.astype("u4") * 40, saturated=65535.0))
    Prepare(centre="middle", split="in order").run(run)
    assert int(frames.max()) * 40 > 65535 and (run.data["frames"].counts >= 0).all()
