"""Small scan files of every kind, made from one known scan."""

import h5py
import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.read import open_scan
from nanompi.run.reading import Input
from nanompi.step import METHODS

N, H, W = 30, 24, 20
EV = 1.602176634e-19


class Known:
    """A scan of 30 frames, 24 x 20, whose numbers the tests compare with."""

    def __init__(self):
        rng = np.random.default_rng(3)
        self.frames = rng.poisson(20, (N, H, W)).astype(np.uint16)
        self.frames[:, 0, :] = np.arange(N)[:, None]  # every frame has its own first row
        self.xy = rng.uniform(-2e-6, 2e-6, (N, 2))
        self.energy, self.distance, self.pixel = 8000 * EV, 2.5, 75e-6
        self.wavelength = 1.549802e-10  # 12.398420 keV A / 8 keV
        self.bad = np.zeros((H, W), np.uint8)
        self.bad[3, 4] = self.bad[10, 11] = 1


@pytest.fixture
def known():
    return Known()


@pytest.fixture
def cxi_file(tmp_path, known):
    """make(**changes) writes a CXI file; a change of None leaves a dataset out, a tuple is (value, unit)."""

    def make(name="scan.cxi", **changes):
        x, y = known.xy.T
        values = {
            "instrument_1/detector_1/data": known.frames,
            "instrument_1/detector_1/distance": known.distance,
            "instrument_1/detector_1/x_pixel_size": known.pixel,
            "instrument_1/detector_1/y_pixel_size": known.pixel,
            "instrument_1/detector_1/mask": known.bad,
            "instrument_1/source_1/energy": known.energy,
            "sample_1/geometry_1/translation": np.stack([x, y, 0 * x], 1),
        }
        short = {k.rsplit("/", 1)[1]: k for k in values}
        values.update({short.get(k, k.replace("__", "/")): v for k, v in changes.items()})
        path = tmp_path / name
        path.unlink(missing_ok=True)  # an earlier scan may still have it open
        with h5py.File(path, "w") as file:
            file["cxi_version"] = 160
            for key, value in values.items():
                if value is None:
                    continue
                value, unit = value if isinstance(value, tuple) else (value, "")
                file[f"entry_1/{key}"] = value
                if unit:
                    file[f"entry_1/{key}"].attrs["units"] = unit
        return str(path)

    return make


def open_with(path, reader="cxi", own=None, **given):
    """open_scan with the reader's own parameters and the input section's."""
    discover()
    return open_scan(str(path), Input(file=str(path), **given), METHODS["reader"][reader](**(own or {})))


@pytest.fixture(name="open_with")
def open_with_fixture():
    return open_with
