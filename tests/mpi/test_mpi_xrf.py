"""`xrf.fit` under real ranks: maps, errors and means have the same bits on any number of them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.methods.maps.xrf.simulate import SimulateSpectra, SpectraSimulation
from nanompi.units import EV
from tests.methods.maps.read.mda_file import write_mda
from tests.test_jobs import JOBS

PROGRAM = Path(__file__).parent / "xrf_program.py"
SMALL = ("rows=5", "columns=6", "absent=2", "slope=20 eV")
STEPS = "[{{use: xrf.fit, regions: {0}/mask.npy}}, {{use: xrf.quantify, standard: {1}}}]"
STANDARD = "{{file: {0}/film.mda, areal: {{Fe: 0.5, Ca: 1}}}}"


@pytest.mark.slow
def test_one_two_and_three_ranks_give_the_same_bits(mpirun_here, tmp_path):
    """Rows of different contents; two points that were not measured; regions, of which one is on one rank;
    masses by a standard of its own"""
    mask = np.zeros((5, 6), int)
    mask[0], mask[2:] = 1, 2
    np.save(tmp_path / "mask.npy", mask)
    write_standard(tmp_path / "film.mda")
    bits = []
    steps = STEPS.format(tmp_path, STANDARD.format(tmp_path))
    for n in (1, 2, 3):
        words = ["-m", "nanompi", "run", str(JOBS / "xrf-simulated.yaml"), "--out", str(tmp_path / str(n))]
        sets = [f"input.simulate.{one}" for one in SMALL] + [f"steps={steps}"]
        mpirun_here(n, [*words, *(word for one in sets for word in ("--set", one))])
        with h5py.File(tmp_path / str(n) / "xrf-simulated" / "latest" / "result.h5") as file:
            bits.append(_bits(file["entry_1"]))
    assert bits[0] == bits[1] == bits[2]
    assert {"Fe_K/data", "Fe_K/data_errors", "deviance/data", "xrf_regions/amplitudes"} <= bits[0].keys()
    assert {"Fe_K_areal/data", "Cu_K_areal/data_errors"} <= bits[0].keys()


@pytest.mark.slow
def test_killed_and_stopped_it_goes_on_to_the_same_bits(mpirun, tmp_path, monkeypatch):
    """`xrf.prepare` and `xrf.calibrate` are done again, `xrf.fit` on the rows that are left, on another
    number of ranks"""
    monkeypatch.chdir(tmp_path)
    sets = [f"input.simulate.{one}" for one in ("rows=8", "columns=6", "absent=2", "slope=20 eV")]
    sets.append("steps=[xrf.prepare, {use: xrf.calibrate, elements: [Ca, Fe, Cu]}, xrf.fit]")
    words = [str(JOBS / "xrf-simulated.yaml"), *(word for one in sets for word in ("--set", one))]

    def nanompi(n, events, *argv, **how):
        return mpirun(n, PROGRAM, *events.split(), "--", *argv, NANOMPI_PICTURES="no", **how)

    nanompi(1, "", "run", *words, "--out", "whole")
    every = ("--set", "run.checkpoint=1 us")  # a checkpoint after each block
    nanompi(2, "KILL@15@1", "run", *words, *every, code=None)
    run = tmp_path / "runs" / "xrf-simulated" / "latest"
    assert not (run / "result.h5").exists()
    said = nanompi(1, "USR1@8@0", "resume", "xrf-simulated", code=75)
    assert "resumed after block" in said.stdout and "written by 2 ranks: on 1 the same bits" in said.stdout
    said = nanompi(3, "", "resume", "xrf-simulated")
    assert "resumed after block" in said.stdout
    with h5py.File("whole/xrf-simulated/latest/result.h5") as one, h5py.File(run / "result.h5") as other:
        assert _bits(one["entry_1"]) == _bits(other["entry_1"])
        assert np.isfinite(other["entry_1/Fe_K/data"][()]).sum() == 8 * 6 - 2


def write_standard(path) -> None:
    """Another sample before the same two detectors"""
    s = SpectraSimulation(rows=5, columns=4, seed=2, slope=20 * EV)
    counts = SimulateSpectra(simulate=s).open("", None)["data"].source.read(np.arange(s.rows))
    write_mda(path, counts.astype(np.float32), np.arange(s.rows), np.arange(s.columns))


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
