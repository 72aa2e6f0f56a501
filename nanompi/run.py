"""What a step sees, and the loop over the steps."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nanompi.clock import Clock
from nanompi.step import param, section
from nanompi.team import Team


@section
class Options:
    """How the job runs; none of these changes the answer beyond rounding."""

    device: Literal["auto", "cpu", "cuda"] = param("auto", help="where the ranks compute")
    precision: Literal["single", "double"] = param("single", help="float32 and complex64, or float64 and complex128")
    threads: int | Literal["auto"] = param("auto", ge=1, help="threads of each rank; auto shares the cores of a node")
    split: str = param("kmeans", help="how scan positions are split over the ranks: kmeans or stripes")
    frames: Literal["auto", "read", "scatter"] = param("auto", help="each rank reads its frames, or rank 0 sends them")
    combine: Literal["allreduce"] = param("allreduce", help="how object and probe sums travel between the ranks")


@dataclass
class Run:
    """What a step sees.

    team, device, clock, say : the ranks, this rank's device, time per phase, the log (`say(text)`: rank 0 only)
    folder  : run folder (exists on rank 0)
    scan    : positions, geometry, mask (`nanompi.scan.Scan`), on every rank, without frames
    parts   : list over ranks of global frame indices; `parts[team.rank]` are this rank's frames
    made    : what earlier steps gave, by name
    """

    team: Team
    device: Any
    options: Options
    folder: Path
    name: str = ""
    scan: Any = None
    parts: list = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    made: dict[str, Any] = field(default_factory=dict)
    say: Any = print
