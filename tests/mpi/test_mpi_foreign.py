"""Parts of others in a run: engines with batches, errors with file and line, ranks that differ."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests import plugin

BATCHES = "[DM*10, {my.rpie: 10, batches: 7}]"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 61, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: ENGINES
run: {device: cpu, precision: double}
"""
MORE = """
import numpy as np
from nanompi.step import engine, param, reader, step

class Three:
    iterations: int = param(3, ge=0, help="number of iterations")

    def start(self, p):
        pass

@engine("my.uneven")
class Uneven(Three):
    '''As many sums as frames.'''
    iterations: int = param(3, ge=0, help="number of iterations")

    def iterate(self, p, i):
        for k in range(len(p.index)):
            num = p.zeros(p.O)
            p.join(num)  # a frame
        return {"error": float(p.total([1.0])[0])}  # the end

@engine("my.broken")
class Broken(Three):
    iterations: int = param(3, ge=0, help="number of iterations")

    def iterate(self, p, i):
        if p.team.rank == p.team.size - 1:
            self.deeper(i)
        p.join(p.zeros(p.O))

    def deeper(self, i):
        raise ValueError(f"iteration {i} is bad")

@step("my.leaves", needs=["frames"])
def leaves(run):
    raise SystemExit(42)

@step("my.sums", needs=["frames"])
def sums(run):
    run.team.sum(np.ones((2, 3)))
"""


@pytest.fixture
def nanompi(mpirun_here, tmp_path, monkeypatch):
    """`nanompi(ranks, *words)` where the parts of somebody else are installed."""
    monkeypatch.chdir(tmp_path)
    folder = plugin.install(tmp_path / "theirs", rpie=plugin.RPIE, more=MORE)
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def call(ranks, *words, engines="DM*8", **how):
        Path("job.yaml").write_text(JOB.replace("ENGINES", engines))
        return mpirun_here(ranks, ["-m", "nanompi"], *words, **how)

    return call


def arrays(folder) -> dict[str, np.ndarray]:
    with h5py.File(Path(folder) / "result.h5") as f:
        return {
            name: f["entry_1"][name][()]
            for name in ("object/data", "probe/data", "history/error", "history/llk")
        }


def where(mark: str) -> int:
    """Line of MORE in which a text stands."""
    return next(i for i, text in enumerate(MORE.splitlines(), 1) if mark in text)


@pytest.mark.slow
@pytest.mark.parametrize("many, way", [(3, "overlap"), (2, "allreduce")])
def test_an_engine_with_batches_in_one_file_gives_one_answer_on_1_2_3_ranks(nanompi, many, way):
    """61 frames in 7 batches; regions too, where a rank holds its part of the object alone"""
    for n, combine in ((1, "allreduce"), (many, way)):
        words = ("--set", f"steps.ptycho.combine={combine}", "--out", f"on-{n}")
        said = nanompi(n, "run", "job.yaml", *words, engines=BATCHES, NANOMPI_CHECK="1")
        assert "my.rpie: checkpoints hold object and probe alone" in said.stdout
    one = arrays("on-1/x/latest")
    llk = one["history/llk"]
    assert llk[19] < 0.3 * llk[9]  # 13.9 after DM, then 3.7; AP comes to 3.5
    for name, got in arrays(f"on-{many}/x/latest").items():
        assert np.nanmax(abs(got - one[name])) <= 1e-9 * np.nanmax(abs(one[name])), name


@pytest.mark.slow
def test_it_is_planned_and_checkpoints_change_nothing(nanompi):
    assert "frames each" in nanompi(1, "plan", "job.yaml", engines="my.rpie*5").stdout
    nanompi(1, "run", "job.yaml", "--out", "whole", engines="my.rpie*5")
    words = ("run", "job.yaml", "--set", "run.checkpoint=1e-9 s", "--out", "kept")
    nanompi(1, *words, engines="my.rpie*5")
    for a, b in zip(arrays("whole/x/latest").values(), arrays("kept/x/latest").values()):
        assert np.array_equal(a, b, equal_nan=True)


def test_an_error_in_an_engine_is_code_6_with_the_users_lines_alone(nanompi):
    said = nanompi(2, "run", "job.yaml", engines="my.broken*3", code=6).stderr
    line = where("raise ValueError")
    host = os.uname().nodename
    place = f"{Path('theirs/more.py').absolute()}, line {line}: "
    told = f'nanompi: rank 1 on {host}: engine "my.broken" failed: {place}'
    assert said.count(told + "ValueError: iteration 0 is bad") == 1, said
    assert said.count("Traceback") == 1 and "nanompi/ptycho" not in said and "in deeper" in said
    events = [json.loads(e) for e in Path("runs/x/latest/events.jsonl").read_text().splitlines()]
    assert [(e["code"], "my.broken" in e["message"]) for e in events if e["event"] == "end"] == [(6, True)]


def test_a_step_that_leaves_python_is_code_6(nanompi):
    words = ("--set", "steps=[{use: my.leaves}]")
    said = nanompi(2, "run", "job.yaml", *words, code=6).stderr
    assert 'step "my.leaves" failed' in said and "SystemExit: 42" in said


@pytest.mark.slow
def test_ranks_that_do_different_things_are_named_with_both_lines(nanompi):
    """31 and 30 frames: the 31st sum of one rank meets the end of the other"""
    words = ("run", "job.yaml", "--set", "steps.ptycho.combine=allreduce")
    said = nanompi(2, *words, engines="my.uneven*3", NANOMPI_CHECK="1", code=6).stderr
    a, b = (where(mark) for mark in ("# a frame", "# the end"))
    assert (
        "rank 0 calls sum of " in said and f"more.py, line {a}; rank 1 calls sum of (1,) float64" in said
    ), said
    assert f"more.py, line {b}. Every rank" in said and "Traceback" not in said


DIFFERENT = """
import sys
import numpy as np
from nanompi.mpi.team import Team
with Team() as team:
    if sys.argv[1] == "shape":
        team.sum(np.ones(2 + team.rank))
    elif sys.argv[1] == "verb":
        team.barrier() if team.rank else team.bcast(1)
    elif sys.argv[1] == "end" and team.rank:
        team.barrier()
"""


@pytest.mark.parametrize(
    "what, texts",
    [
        ("shape", ["rank 0 calls sum of (2,) float64", "rank 1 calls sum of (3,) float64"]),
        ("verb", ["rank 0 calls bcast in", "rank 1 calls barrier in"]),
        ("end", ["rank 0 calls nothing more", "rank 1 calls barrier in"]),
    ],
)
def test_programs_that_differ(mpirun_here, what, texts):
    said = mpirun_here(2, DIFFERENT, what, code=6, NANOMPI_CHECK="1").stderr
    assert all(text in said for text in texts) and said.count("the ranks do different things") == 1, said
