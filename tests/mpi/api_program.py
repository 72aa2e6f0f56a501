"""`nanompi.reconstruct` on each rank: with frames everywhere, with those of rank 0 alone, with a fault."""

import sys

import numpy as np
from mpi4py import MPI

import nanompi
from tests.api.scan import FEW, scan

one, rank = scan(), MPI.COMM_WORLD.rank
double = {"run": {"threads": 1, "precision": "double"}}
# Of ten iterations of ML: each ten more make what rounding does 5 to 40 times as large in this scan.
FEW["engines"] = "DM*20 ML*10"
keywords = {"x": one.x, "y": one.y, "probe": one.probe, **one.known, **FEW, **double}
made = nanompi.reconstruct(one.frames, **keywords)
sent = nanompi.reconstruct(one.frames if rank == 0 else None, **keywords)
assert "rank 0 reads the frames and sends them" in sent.log or rank or MPI.COMM_WORLD.size == 1
assert made.root == (rank == 0) and (made.object is None) == (rank > 0) == (not made.signals)
figures = MPI.COMM_WORLD.allgather((made.history["error"].tolist(), made.verdict, made.pixel.tolist()))
assert all(other == figures[0] for other in figures)
try:
    nanompi.reconstruct(one.frames, **keywords | {"engines": "ML*3"}, modes=2)
except nanompi.NanompiError as error:
    assert [fault.path for fault in error.faults] == ["modes"]
else:
    raise AssertionError("a fault is an exception on every rank")
MPI.COMM_WORLD.Barrier()
if rank == 0:
    np.testing.assert_array_equal(sent.object, made.object)
    np.savez(sys.argv[1], object=made.object, probe=made.probe, error=made.history["error"])
    print("all ranks go on", MPI.COMM_WORLD.size)
