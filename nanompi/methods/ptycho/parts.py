"""Which rank has which frames at the start: by a partition, or as a checkpoint says."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.coverage import outside_in
from nanompi.step import METHODS


def parts_of(run, split: str) -> list[np.ndarray]:
    """Parts of all ranks for the scan of a run (rank 0). Errors: DataError for less frames than ranks.

    split : name of the partition
    """
    positions, ranks = run.data["data"].positions, run.team.size
    n = len(positions)
    if n < ranks:
        raise DataError(f"{n} frames cannot be split over {ranks} ranks: start at most {n}")
    saved = saved_parts(run)
    if saved:
        return saved
    parts = METHODS["partition"][split]().split(positions, ranks)
    return outside_in(positions, parts) if ranks > 1 else parts


def saved_parts(run) -> list[np.ndarray]:
    """Those of the checkpoint from which a run goes on: the same sums in the same order, the same bits.

    [] where there is none, of another number of ranks, or of less frames: some were left out of it.
    """
    saved = run.control.saved_state.parts() if run.control and run.control.saved_state else []
    fits = len(saved) == run.team.size and sum(map(len, saved)) == len(run.data["data"].positions)
    return saved if fits else []
