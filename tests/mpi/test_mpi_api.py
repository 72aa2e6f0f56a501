"""A Python program under mpirun that calls `nanompi.reconstruct`: each rank has the result, and goes on."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "api_program.py"


@pytest.mark.slow  # three runs of python with an image each
def test_a_program_under_mpirun(mpirun, tmp_path):
    images = []
    for n in (1, 2, 3):
        done = mpirun(n, PROGRAM, tmp_path / f"{n}.npz", seconds=120)
        assert done.stdout.strip() == f"all ranks go on {n}" and done.stderr == ""
        images.append(np.load(tmp_path / f"{n}.npz"))
    for other in images[1:]:
        for name in ("object", "probe", "error"):
            size = np.abs(images[0][name]).max()
            assert np.abs(other[name] - images[0][name]).max() < 1e-9 * size


@pytest.mark.every_mpi
@pytest.mark.slow
def test_an_error_of_one_rank_ends_all(mpirun):
    """As on the command line: the others wait for it in a sum."""
    program = """
        import nanompi, numpy as np
        from mpi4py import MPI
        from tests.api.scan import FEW, scan
        from nanompi.data.memory import FramesInMemory
        one, read = scan(), FramesInMemory.read
        def fails(self, index, threads=1):
            if MPI.COMM_WORLD.rank == 1 and len(index) > 5:
                raise RuntimeError("a broken disk")
            return read(self, index, threads)
        FramesInMemory.read = fails
        nanompi.reconstruct(one.frames, x=one.x, y=one.y, probe=one.probe, **one.known, **FEW)
    """
    done = mpirun(2, program, code=None, seconds=120)
    assert "rank 1 on" in done.stderr and "a broken disk" in done.stderr
