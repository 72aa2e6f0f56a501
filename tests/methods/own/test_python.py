"""A function in a user's file as a step: its parameters, its faults, its results, its way to other ranks."""

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import JobError, StepError
from nanompi.job.job import read_job
from nanompi.methods import discover
from nanompi.methods.own.python import Python
from nanompi.methods.own.trial import applied, differences, info_of
from tests import plugin

FRAMES = np.random.default_rng(1).poisson(20, (12, 16, 16)).astype(np.uint16)
PLACES = """def second(block, percentile: float = 2.0): return block
def star(block, *, percentile=2.0): return block
"""
JOB = "nanompi: 1\ninput: {simulate: {frames: 16, size: 32}}\nsteps:\n  - STEP\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the user's file."""
    discover()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_steps.py").write_text(plugin.STEPS)
    return tmp_path


def made(name: str, **values):
    """A step of the user's file, started."""
    step = Python.of(f"{Path('my_steps.py').absolute()}:{name}")(function="", **values)
    step.start(SimpleNamespace(team=SimpleNamespace(root=True)), SimpleNamespace(shape=FRAMES.shape))
    return step


def job(step: str, *sets):
    Path("jobs").mkdir(exist_ok=True)
    Path("jobs/job.yaml").write_text(JOB.replace("STEP", step))
    return read_job("jobs/job.yaml", sets)


# ---- the job -----------------------------------------------------------------------------------------------


def test_its_arguments_are_checked_parameters(here):
    (here / "jobs").mkdir()
    (here / "my_steps.py").rename(here / "jobs/my_steps.py")  # beside the job, not in the working folder
    one = job("{python: my_steps.py:drop_background, percentile: 2}").steps[0]
    assert (one.percentile, one.how, one.n, one.each) == (2.0, "level", 3, "frame")
    assert one.function == f"{here}/jobs/my_steps.py:drop_background"


@pytest.mark.parametrize(
    "step, text",
    [
        (
            "percentile: high",
            'job.yaml:4:55: steps.python.percentile: "high" does not fit here; allowed: a nu',
        ),
        (
            "percentil: 2",
            'job.yaml:4:43: steps.python.percentil: unknown parameter "percentil" (did you',
        ),
        ("how: levl", '"levl" does not fit here (did you mean "level"?)'),
        (
            "each: slice",
            '"slice" does not fit here; allowed: "frame", "sinogram", "spectrum", "pixel", "whole"',
        ),
        ("n: 2.5", "2.5 does not fit here; allowed: a whole number"),
    ],
)
def test_wrong_parameters_are_faults_of_the_job(step, text):
    with pytest.raises(JobError) as caught:
        job("{python: my_steps.py:drop_background, " + step + "}")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "function, text",
    [
        ("my_step.py:x", 'my_step.py (did you mean "my_steps.py"?)'),
        (
            "my_steps.py:drop_backgroun",
            'no function drop_backgroun (did you mean "drop_background"?)',
        ),
        ("my_steps.py", '"my_steps.py" does not fit here; write it as FILE.py:NAME'),
        ("my_steps.py:bare", "bare(block) is no function of a block; write it as bare(block, info, *,"),
        ("places.py:second", "second(block, percentile: float = 2.0) is no function of a block; write it as"),
        ("places.py:star", "star(block, *, percentile=2.0) is no function of a block; write it as"),
        ("my_steps.py:odd", "a job file cannot give the parameter what"),
        ("broken.py:f", "broken.py cannot be imported: FOLDER/broken.py, line 2: ZeroDivisionError"),
        ("leaves.py:f", "leaves.py cannot be imported: FOLDER/leaves.py, line 1: SystemExit: 3"),
        ("syntax.py:f", "syntax.py, line 1: SyntaxError"),
        ("taken.py:f", "a parameter cannot be called each"),
    ],
)
def test_what_is_no_step_is_a_fault_of_the_job(here, function, text):
    (here / "broken.py").write_text("\n1 / 0\n")
    (here / "leaves.py").write_text("raise SystemExit(3)\n")
    (here / "syntax.py").write_text("x = = 1\n")
    (here / "taken.py").write_text("def f(block, info, each=1): return block\n")
    (here / "places.py").write_text(PLACES)
    with pytest.raises(JobError) as caught:
        job(f"{{python: '{function}'}}")
    assert text.replace("FOLDER", str(here)) in str(caught.value) and "job.yaml:4:" in str(caught.value)


def test_an_import_leaves_nothing_behind(here, capsys):
    text = "import os\nos.chdir('/')\nprint('hello')\ndef f(block, info): return block\n"
    (here / "loud.py").write_text(text)
    job("{python: loud.py:f}")
    assert Path.cwd() == here and capsys.readouterr().out == ""


def test_the_resolved_job_reads_as_the_same_and_refuses_another_text(here):
    from nanompi.job import yaml12

    one = job("{python: my_steps.py:drop_background, percentile: 2, each: whole}")
    Path("resolved.yaml").write_text(yaml12.write(one.resolved))
    again = read_job("resolved.yaml")
    assert again.resolved == one.resolved and again.steps[0].each == "whole"
    with (here / "my_steps.py").open("a") as file:
        file.write("\n# another text\n")
    with pytest.raises(JobError, match=r"resolved.yaml:\d+:\d+: .*checksum: .*my_steps.py has another text"):
        read_job("resolved.yaml")


# ---- the work ----------------------------------------------------------------------------------------------


def test_it_gives_what_the_function_gives():
    level = np.percentile(FRAMES, 10, axis=(1, 2), keepdims=True)
    got = made("drop_background", percentile=10.0).block(FRAMES, info_of(FRAMES))
    assert np.array_equal(got, (FRAMES - level).astype(np.float32))


def test_a_class_knows_all_before_the_first_block():
    got = made("Scale", power=2.0).block(FRAMES, info_of(FRAMES))
    assert np.array_equal(got, (FRAMES / 144).astype(np.float32))


def test_other_ranks_get_the_text_and_not_the_file(here):
    one = job("{python: my_steps.py:drop_background, percentile: 2}").steps[0]
    sent = pickle.dumps(one)
    (here / "my_steps.py").write_text("1 / 0")
    again = pickle.loads(sent)
    assert again == one and again.code.text == plugin.STEPS and copy.deepcopy(one) == one


@pytest.mark.parametrize(
    "name, text",
    [
        ("normalise", "normalise takes statistics over its block"),
        ("random", "or draws random numbers"),
        ("nothing", "it gives None; does it end in `return ...`?"),
        ("few", "it gives an array of the shape (1, 16, 16) for a block of 12 items"),
        ("words", "it gives values of type <U1; numbers are needed"),
    ],
)
def test_what_cannot_be_right_is_said(name, text):
    with pytest.raises(StepError) as caught:
        made(name).block(FRAMES, info_of(FRAMES))
    assert text in str(caught.value) and f'step "my_steps.py:{name}" failed' in str(caught.value)


def test_only_the_first_block_is_tried_and_only_by_rank_0():
    info = info_of(FRAMES)
    one = made("normalise")
    one.block(FRAMES[:1], info_of(FRAMES[:1]))  # cannot be cut: not yet tried
    assert one.untried
    one.untried = False  # as on other ranks
    one.block(FRAMES, info)
    good, calls = made("drop_background"), []
    call = good.call
    good.call = lambda *given: calls.append(len(given[0])) or call(*given)
    good.block(FRAMES, info)
    good.block(FRAMES, info)
    assert calls == [12, 12, 4, 4, 4, 12]


def test_declared_results_are_tried_and_placed_too(here):
    text = """
from nanompi.step import item, total

class Count:
    each, gives = "frame", {"sum": item(), "mean": total("row", "column")}

    def block(self, block, info):
        return {"sum": block.sum((1, 2)) / WHAT, "mean": block}
"""
    for what, fits in (("2", True), ("block.max()", False)):
        (here / "my_steps.py").write_text(text.replace("WHAT", what))
        cls = Python.of(f"{here}/my_steps.py:Count")
        assert (list(cls.gives), cls.takes, cls.needs, cls.makes) == (["sum", "mean"], "data", (), ())
        if fits:
            assert set(made("Count").block(FRAMES, info_of(FRAMES))) == {"sum", "mean"}
        else:
            with pytest.raises(StepError, match=r"\(sum: 8 of 12 items differ"):
                made("Count").block(FRAMES, info_of(FRAMES))


@pytest.mark.parametrize(
    "head, fits",
    [
        (
            "@dataclass\nclass Add:\n    what: float\n    more: list = field(default_factory=lambda: [1])\n",
            True,
        ),
        ("class Add:\n    what: float\n    more = [1]\n", True),
        ("class Add:\n    what: float\n    more = [1]\n    def __init__(self, x): pass\n", False),
    ],
)
def test_classes_as_users_write_them(here, head, fits):
    text = "from dataclasses import dataclass, field\n" + head
    text += "    def block(self, block, info):\n        return block + self.what + self.more[0]\n"
    (here / "my_steps.py").write_text(text)
    if fits:
        assert np.array_equal(made("Add", what=2.0).block(FRAMES, info_of(FRAMES)), FRAMES + 3.0)
    else:
        with pytest.raises(JobError, match="it must be possible to make one without arguments"):
            Python.of(f"{here}/my_steps.py:Add")


def test_marks_of_a_function(here):
    with (here / "my_steps.py").open("a") as file:
        file.write("\nflat.each, flat.makes, flat.takes = 'frame', ('row',), 'frames'\n")
    cls = Python.of(f"{here}/my_steps.py:flat")
    assert (cls.makes, cls.takes, cls.needs, cls.each) == (("row",), "frames", ("frames",), "frame")


def test_differences_in_words():
    from numpy import mean

    assert differences(lambda block, info: block - block.mean((1, 2), keepdims=True), FRAMES) == ""
    said = differences(lambda block, info: block - mean(block), FRAMES)
    assert said.startswith("12 of 12 items differ between one piece and 3, the first is item 0: ")
    assert "in 3 pieces" in differences(lambda block, info: np.zeros((len(block), len(block))), FRAMES)
    kept = applied(lambda block, info: info.index, FRAMES)
    assert np.array_equal(kept, np.arange(12)) and differences(lambda block, info: info.index, FRAMES) == ""


def test_what_it_wants_whole_is_compared_with_what_the_reader_gives():
    needs = r"needs \(detector, channel\) or .* in each item; the data of simulate"
    with pytest.raises(JobError, match=needs):
        job("{python: my_steps.py:drop_background, each: spectrum}")


def test_parameters_may_be_called_as_the_verbs_of_a_step_are(here):
    """`before` and `after` of a step are called by the program: of these two parts they are parameters"""
    (here / "mine.py").write_text(
        "def more(block, info, before: float = 0, after: str = ''):\n    return block + before\n"
    )
    (here / "job.yaml").write_text(
        "nanompi: 1\ninput: {format: xanes.simulate, simulate: {energies: 20, size: 16}}\n"
        "steps:\n  - xanes.absorbance\n  - {python: mine.py:more, before: 1, after: word}\n"
        "  - {use: xanes.normalise, before: constant}\n"
    )
    assert main(["run", "job.yaml", "--quiet"]) == 0
    with h5py.File("runs/job/latest/result.h5") as file:
        level = np.nanmedian(file["entry_1/data/data"][..., :5])
    assert (
        abs(level) < 0.2
    )  # what was added, at least 1 in edge steps, went with the constant before the edge
