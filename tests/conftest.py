"""Scenes that several tests share."""

import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi import step
from nanompi.optics.ramp import usual_light
from nanompi.run.result import Result, Signal
from nanompi.run.switches import GEOMETRY, PICTURES

SLURM = "tests/slurm/"
LONGEST = [SLURM, "tests/test_jobs.py", "tests/mpi/test_mpi_restart.py", "tests/emulate/test_doctor.py"]
LONGEST += ["tests/test_readme.py", "tests/mpi/test_mpi_engines.py", "tests/emulate/test_beyond_the_card.py"]
for part in (PICTURES, GEOMETRY):  # they take most of the time of a small run; tests of them ask for them
    os.environ.setdefault(part, "no")


def siemens_star(n: int, spokes: int = 18) -> np.ndarray:
    """(n, n) complex64: gold-like spokes, 0.8 rad and 15 % absorption, smooth edges, a fine texture."""
    y, x = np.indices((n, n)) - n / 2 + 0.5
    r, angle = np.hypot(y, x), np.arctan2(y, x)
    spoke = 0.5 + 0.5 * np.tanh(3 * np.sin(spokes * angle) * np.maximum(r, 1) / spokes)
    star = spoke * 0.5 * (1 - np.tanh(r - 0.42 * n)) + 0.5 * (1 - np.tanh(r - 0.03 * n)) * (1 - spoke)
    texture = np.random.default_rng(5).normal(0, 0.04, (n, n))
    return ((1 - 0.15 * star) * np.exp(0.8j * star + 1j * texture)).astype(np.complex64)


def probe_modes(n: int) -> np.ndarray:
    """(3, n, n) complex64 with 80, 15 and 5 % of the power: a curved spot, two Hermite modes."""
    y, x = (np.indices((n, n)) - n / 2) / (0.15 * n)
    spot = np.exp(-(y**2 + x**2) / 2 + 0.7j * (y**2 + x**2))
    modes = np.stack([spot, spot * x, spot * y])
    modes /= np.sqrt((np.abs(modes) ** 2).sum((1, 2)))[:, None, None]
    return (modes * np.sqrt(1e6 * np.array([0.8, 0.15, 0.05]))[:, None, None]).astype(np.complex64)


def moved(image, shift, ramp, scale):
    """The image moved by `shift` px (row, column), with a phase ramp in rad per px, times `scale`."""
    ky, kx = np.fft.fftfreq(image.shape[0]), np.fft.fftfreq(image.shape[1])
    turn = np.exp(-2j * np.pi * (ky[:, None] * shift[0] + kx * shift[1]))
    y, x = np.indices(image.shape)
    return np.fft.ifft2(np.fft.fft2(image) * turn) * np.exp(1j * (ramp[0] * y + ramp[1] * x)) * scale


@pytest.fixture
def star() -> SimpleNamespace:
    """A Siemens star of 256² px of 20 nm, scanned by 144 frames of 64² px: truth, probe, corners, weight."""
    truth, probe = siemens_star(256), probe_modes(64)
    steps = np.linspace(8, 256 - 64 - 8, 12).round()
    corners = np.stack([v.ravel() for v in np.meshgrid(steps, steps, indexing="ij")], 1)
    weight = np.zeros(truth.shape, np.float32)
    for y, x in corners.astype(int):
        weight[y : y + 64, x : x + 64] += (np.abs(probe) ** 2).sum(0)
    return SimpleNamespace(truth=truth, probe=probe, corners=corners, weight=weight, pixel=20e-9, moved=moved)


def make_result(star, image: np.ndarray) -> Result:
    """What `ptycho.finish` gives for a reconstructed object `image` (256, 256) of the scene `star`."""
    box = slice(24, 232)
    crop, n = image[box, box].astype(np.complex64), 208
    along = {k: ((np.arange(n) - n / 2) * star.pixel, "m") for k in ("y", "x")}
    window = {k: ((np.arange(64) - 32) * star.pixel, "m") for k in ("y", "x")}
    count = np.arange(1, 101)
    error = 0.11 + 0.4 * np.exp(-count / 12)
    power, lit = (np.abs(star.probe) ** 2).sum((1, 2)), (star.weight[box, box], usual_light(star.weight))
    return Result(
        main="phase",
        signals={
            "phase": Signal(
                np.angle(crop).astype(np.float32), along, "rad", "phase of the object", "angle", *lit
            ),
            "amplitude": Signal(
                np.abs(crop).astype(np.float32), along, "", "amplitude of the object", "image", *lit
            ),
            "probe": Signal(star.probe, window, "", "probe modes", "modes"),
            "history": Signal(error, {"iteration": (count, "")}, "", "R-factor", "curve"),
        },
        arrays={
            "object/data": image.astype(np.complex64),
            "object/pixel_size": (np.full(2, star.pixel), {"units": "m"}),
            "object/weight": star.weight,
            "probe/data": star.probe,
            "probe/power": power / power.sum(),
            "positions/measured": (star.corners * star.pixel, {"units": "m"}),
            "positions/corners": star.corners,
            "image_1/data": crop,
            "image_1/origin": np.array([24, 24]),
            "history/r_factor": error,
            "history/likelihood": error**2,
            "partition/rank": np.zeros(len(star.corners), np.int32),
            "truth/object": star.truth,
            "truth/probe": star.probe,
            "truth/corners": star.corners,
        },
        notes={
            "job": "nanompi: 1\nname: star\n",
            "environment": {"ranks": 2, "numpy": np.__version__, "devices": ["cpu", "cpu"]},
            "metrics": {"r_factor": np.float32(0.11), "phases": {"iterate": 12.5}},
            "geometry": {"energy": 1.28e-15, "distance": 2.0, "detector_pixel": [75e-6, 75e-6]},
        },
    )


@pytest.fixture
def drawn(monkeypatch):
    """Runs of this test draw their pictures."""
    monkeypatch.setenv(PICTURES, "yes")


@pytest.fixture
def neighbours(monkeypatch):
    """Verdicts of runs of this test try other geometries."""
    monkeypatch.setenv(GEOMETRY, "yes")


@pytest.fixture(scope="module")
def browser():
    """Chromium, once for a file of tests."""
    from tests.browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def star_result(star):
    """Call it with an object (256, 256) for the `Result` of its reconstruction."""
    return lambda image: make_result(star, image)


@pytest.fixture
def parts():
    """A registry with nothing but the test parts; the real one is put back afterwards."""
    from tests.job import parts as own

    kept = {kind: dict(table) for kind, table in step.METHODS.items()}
    for table in step.METHODS.values():
        table.clear()
    own.register()
    yield step.METHODS
    for kind, table in kept.items():
        step.METHODS[kind].clear()
        step.METHODS[kind].update(table)


def shared_data(name: str) -> Path:
    """A file of the measured data: in $NANOMPI_DATA, else in ../shared/data. Skips without the folder."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NANOMPI_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"measured data are not here ({folder}); set NANOMPI_DATA")
    return folder / name


@pytest.fixture(name="shared_data")
def shared_data_fixture():
    """`shared_data(name)` as a fixture."""
    return shared_data


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Files that take minutes go first, so that at the end no process waits for one of them: those of
    `LONGEST`, then by their tests, of which a slow one takes as long as some 40 others."""
    weights = Counter()
    for item in items:
        weights[item.path] += 40 if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: (_rank(item.nodeid), -weights[item.path], str(item.path)))


def _rank(nodeid: str) -> int:
    return next((k for k, one in enumerate(LONGEST) if nodeid.startswith(one)), len(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Several processes share the files, as they are ordered; those with the Slurm, of which there is one, go
    to one."""
    config.option.loadscopereorder = False
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return SLURM if file.startswith(SLURM) else file

    return Files(config, log)


def pytest_sessionfinish(session, exitstatus):
    """In CI a skipped test, or file of tests, is a failure, unless the test is marked as one for a GPU."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    told = reporter.stats.get("skipped", []) if reporter else []
    skipped = [report for report in told if "gpu" not in getattr(report, "keywords", ())]
    if os.environ.get("CI") and skipped and exitstatus == 0:
        reporter.write_line(f"CI: {len(skipped)} skipped tests count as failures")
        session.exitstatus = 1
