"""The section `run` of a job: how it runs."""

from typing import Literal

from nanompi.step import param, section


@section
class Options:
    """How the job runs; none of these changes the answer beyond rounding."""

    device: Literal["auto", "cpu", "cuda"] = param(
        "auto", level="basic", help="where the ranks compute; auto takes the cards where every rank has one"
    )
    precision: Literal["single", "double"] = param(
        "single", help="float32 and complex64, or float64 and complex128"
    )
    threads: int | Literal["auto"] = param(
        "auto", ge=1, le=4096, help="threads of each rank; auto shares the cores of a node"
    )
    cache: str = param(
        "",
        kind="folder",
        help="folder in which prepared frames are kept for later runs, seen by all ranks; empty = off",
    )
    scratch: str = param(
        "",
        kind="folder",
        help="folder on a disk of each node, for rows of data that do not fit into its memory; empty = off",
    )
    transport: Literal["staged", "auto", "mpi", "nccl"] = param(
        "staged", help="how sums of cards travel: through the host, or by what a test finds to work"
    )
    checkpoint: float = param(
        600.0,
        unit="s",
        ge=0,
        help="time between two checkpoints (10min); 0 = only when asked by a signal or file",
    )
    watchdog: float = param(
        600.0, unit="s", ge=0, help="end the job when a rank makes no progress for this time; 0 = never"
    )
    live: Literal["auto", "off"] = param(
        "auto",
        help="the image while the run goes on, for at most 1 % of its time; off = none before its end, "
        "whoever asks, and no memory for one",
    )
    strict: bool = param(False, help="end with code 5, all written, where the result is not found good")
