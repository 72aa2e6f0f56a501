"""From `main` to MPI: frames of the stack, files on the way, and messages to all in an iteration."""

import json
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "trip_program.py"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 49, size: 32, photons: 1e5}}
steps:
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: ML*4 DM*4
    combine: COMBINE
run: {device: cpu}
"""


def twice(stack: list[str]) -> list[str]:
    """Modules that are left, and entered once more."""
    modules = [frame.split(":")[0] for frame in stack]
    entered = Counter(m for m, before in zip(modules, ["", *modules]) if m != before)
    return [m for m, times in entered.items() if times > 1]


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["allreduce", "overlap"])
def test_the_way_to_a_sum_is_short_and_has_no_barrier(mpirun_here, tmp_path, monkeypatch, combine):
    """20 frames and 5 barriers once: sums were forwarded by four modules, and waited for all before each"""
    monkeypatch.chdir(tmp_path)
    Path("job.yaml").write_text(JOB.replace("COMBINE", combine))
    mpirun_here(2, PROGRAM, "trip.json", "run", "job.yaml")
    iterations = json.loads(Path("trip.json").read_text())
    assert [one["engine"] for one in iterations] == ["ML"] * 4 + ["DM"] * 4
    for one in iterations[:-1]:  # the last one is followed by all that comes after it
        stacks = [stack.split() for stack in one["stacks"]]
        inner = [stack for stack in stacks if any(frame.endswith("engine:_iterate") for frame in stack)]
        assert inner and max(map(len, inner)) <= 12, max(inner, key=len)
        assert [twice(stack) for stack in stacks] == [[]] * len(stacks)
        assert one["calls"].get("Barrier", 0) + one["calls"].get("Ibarrier", 0) == 0
        assert len(inner) <= {"ML": 4, "DM": 3}[one["engine"]]  # object, probe, misfit; slope of the step
