"""XANES under real ranks: alignment, normalisation, amounts, components have the same bits on any number."""

import h5py
import pytest

NAMES = ("data", "edge_step", "edge_step_errors", "e0", "edge_energy", "reduced", "oxidized", "misfit")
NAMES += ("class", "class_spectra", "component_1", "component_2", "component_spectra")
JOB = """
nanompi: 1
name: ranks
input: {format: xanes.simulate, simulate: {energies: 40, size: 32, counts: 3e4, drift: 0.3}}
steps:
  - xanes.absorbance
  - map.align
  - xanes.normalise
  - xanes.lcf
  - {use: map.components, method: kmeans, number: 3}
  - {use: map.components, method: nmf, number: 2, iterations: 50}
"""


@pytest.mark.slow
def test_one_two_and_three_ranks_give_the_same_bits(mpirun_here, tmp_path):
    """Images are spread over the ranks while they are aligned, rows of pixels behind that"""
    job, bits = tmp_path / "job.yaml", []
    job.write_text(JOB)
    for n in (1, 2, 3):
        mpirun_here(n, ["-m", "nanompi", "run", str(job), "--out", str(tmp_path / str(n))])
        with h5py.File(tmp_path / str(n) / "ranks" / "latest" / "result.h5") as file:
            own = [part[()].tobytes() for part in (file["entry_1/alignment/shifts"], *found(file))]
        bits.append(own)
    assert bits[0] == bits[1] == bits[2] and all(any(part) for part in bits[0])


def found(file):
    """The results of all steps, and their errors"""
    for name in NAMES:
        group, mark = (name.removesuffix("_errors"), "_errors") if name.endswith("_errors") else (name, "")
        yield file[f"entry_1/{group}/data{mark}"]
