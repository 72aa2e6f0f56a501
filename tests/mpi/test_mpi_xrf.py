"""`xrf.fit` under real ranks: maps, errors and means have the same bits on any number of them."""

import h5py
import numpy as np
import pytest

from tests.test_jobs import JOBS

SMALL = ("rows=5", "columns=6", "absent=2", "slope=20 eV")


@pytest.mark.slow
def test_one_two_and_three_ranks_give_the_same_bits(mpirun_here, tmp_path):
    """Rows of different contents; two points that were not measured; regions, of which one is on one rank"""
    mask = np.zeros((5, 6), int)
    mask[0], mask[2:] = 1, 2
    np.save(tmp_path / "mask.npy", mask)
    bits = []
    for n in (1, 2, 3):
        words = ["-m", "nanompi", "run", str(JOBS / "xrf-simulated.yaml"), "--out", str(tmp_path / str(n))]
        sets = [f"input.simulate.{one}" for one in SMALL] + [f"steps.xrf.fit.regions={tmp_path}/mask.npy"]
        mpirun_here(n, [*words, *(word for one in sets for word in ("--set", one))])
        with h5py.File(tmp_path / str(n) / "xrf-simulated" / "latest" / "result.h5") as file:
            bits.append(_bits(file["entry_1"]))
    assert bits[0] == bits[1] == bits[2]
    assert {"Fe_K/data", "Fe_K/data_errors", "deviance/data", "xrf_regions/amplitudes"} <= bits[0].keys()


def _bits(entry) -> dict[str, bytes]:
    """Of all maps, their errors, the means of regions and the model"""
    found = {}
    groups = {name: one for name, one in entry.items() if isinstance(one, h5py.Group)}
    for name, group in groups.items():
        if name in ("xrf_regions", "xrf_model") or "data_errors" in group or name == "deviance":
            for key, one in group.items():
                if isinstance(one, h5py.Dataset) and one.dtype.kind in "fiu":
                    found[f"{name}/{key}"] = one[()].tobytes()
    return found
