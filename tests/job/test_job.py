"""The whole job: faults with their places, inserted steps, files, the resolved job."""

import pickle

import pytest

from nanompi.errors import DataError, JobError
from nanompi.job import yaml12
from nanompi.job.job import read_input, read_job
from nanompi.step import param, step

BAD = """nanompi: 2
nme: x
input: {file: b.scan, energy: 8 kV, fil: 3}
steps:
  - use: ptyco
  - use: ptycho
    probe: {modes: three, mods: 3}
    engines: [DM*0, {mll: 3}]
  - use: ptycho.prepare
    size: banana
    normalise: 1
    split: kmean
    mask: {hot: {sweep: [1, 2]}}
run: {threads: 0}
output: 3
"""


def test_all_faults_are_told_at_once_with_line_and_column(faults):
    want = [
        ("job.yaml:1:10: nanompi: ", "2 is not a version"),
        ("job.yaml:2:1: nme: ", 'did you mean "name"?'),
        ("job.yaml:3:15: input.file: ", "no such file"),
        ("job.yaml:3:31: input.energy: ", 'did you mean "keV"?'),
        ("job.yaml:3:37: input.fil: ", 'did you mean "file"?'),
        ("job.yaml:5:10: steps.ptyco: ", 'unknown step "ptyco" (did you mean "ptycho"?)'),
        (
            "job.yaml:7:20: steps.ptycho.probe.modes: ",
            '"three" does not fit here; allowed: a whole number >= 1, <= 20',
        ),
        ("job.yaml:7:27: steps.ptycho.probe.mods: ", 'did you mean "modes"?'),
        ("job.yaml:8:15: steps.ptycho.engines.DM.iterations: ", "0 does not fit"),
        ("job.yaml:8:22: steps.ptycho.engines: ", 'unknown engine "mll" (did you mean "ML"?)'),
        ("job.yaml:10:11: steps.ptycho.prepare.size: ", "'banana' is not a quantity"),
        ("job.yaml:11:16: steps.ptycho.prepare.normalise: ", "1 does not fit here; allowed: true or false"),
        (
            "job.yaml:12:12: steps.ptycho.prepare.split: ",
            '"kmean" does not fit here (did you mean "kmeans"?)',
        ),
        (
            "job.yaml:13:17: steps.ptycho.prepare.mask.hot: ",
            "`nanompi sweep` runs all its values",
        ),
        (
            "job.yaml:14:16: run.threads: ",
            '0 does not fit here; allowed: a whole number >= 1, <= 4096 or "auto"',
        ),
        ("job.yaml:15:9: output: ", "3 does not fit here; allowed: a mapping with folder"),
    ]
    lines = faults(BAD)
    assert [line[: len(start)] for line, (start, _) in zip(lines, want)] == [start for start, _ in want]
    assert all(word in line for line, (_, word) in zip(lines, want)) and len(lines) == len(want)


def test_a_file_of_another_kind_has_one_fault(faults):
    """A notebook, the metrics of a run: not a fault for each of its keys"""
    other = "{" + ", ".join(f'"key{k}": {k}' for k in range(300)) + "}"
    (line,) = faults(other)
    assert line.startswith("job.yaml:1:1: ") and "this is no job file" in line and "nanompi init" in line
    assert len(faults("nanompi: 1\nstep: [ptycho]\ninputs: {}\n")) > 1  # slips are told one by one


def test_a_wrong_set_is_named_and_not_a_line(faults):
    lines = faults("  - use: ptycho\n", "steps.ptycho.probe.modes=99", "steps.ptico.x=1")
    assert lines[0].startswith(
        '--set steps.ptico.x=1: steps.ptico.x: "ptico" is not in the list (did you mean "ptycho"?)'
    )
    assert lines[1].startswith(
        "--set steps.ptycho.probe.modes=99: steps.ptycho.probe.modes: 99 does not fit here"
    )


def test_the_shortest_job_has_four_lines(job):
    got = job("nanompi: 1\ninput: {file: a.scan}\nsteps:\n  - use: ptycho\n")
    assert [s.name for s in got.steps] == ["ptycho.prepare", "ptycho", "ptycho.finish"]
    assert got.name == "job" and got.reader.name == "text" and got.steps[0].split == "kmeans"


def test_a_step_may_be_its_name_alone(job):
    assert [s.name for s in job("  - ptycho.finish\n").steps] == ["ptycho.prepare", "ptycho", "ptycho.finish"]


def test_an_inserted_step_can_be_set(job):
    assert job("  - use: ptycho\n", "steps.ptycho.prepare.size=64").steps[0].size == 64
    assert job("  - use: ptycho\n", "steps.ptycho.finish.frc=halves").steps[2].frc == "halves"


def test_listed_steps_stay_and_are_not_repeated(job):
    got = job("  - use: ptycho.prepare\n  - use: ptycho\n  - {use: ptycho.finish, frc: halves}\n").steps
    assert [s.name for s in got] == ["ptycho.prepare", "ptycho", "ptycho.finish"] and got[2].frc == "halves"


def test_steps_that_precede_another_are_inserted_where_the_job_does_not_name_them(parts, job, faults):
    """Those before them, too; one that is named stays where it is, and what stands late is told to move"""
    for name, before in (("a", ()), ("b", ("a",)), ("c", ("a", "b"))):
        step(f"test.{name}")(
            type(name, (), {"__doc__": "x", "preceded_by": tuple(f"test.{n}" for n in before)})
        )
    names = lambda text: [one.name for one in job(text).steps]  # noqa: E731
    assert names("  - test.c\n") == ["test.a", "test.b", "test.c"]
    assert names("  - test.a\n  - test.c\n  - test.c\n") == ["test.a", "test.b", "test.c", "test.c"]
    assert faults("  - test.c\n  - test.b\n") == [
        "job.yaml:4:5: steps.test.c: test.b, which precedes test.c, stands later; move it before test.c"
    ]


def test_a_parameter_in_place_of_a_step_spares_it(parts, job):
    step("test.first")(type("First", (), {"__doc__": "x"}))
    own = {"__annotations__": {"model": str}, "model": param("", help="x"), "preceded_by": ("test.first",)}
    step("test.second")(type("Second", (), {"__doc__": "x", "instead_of": {"model": "test.first"}, **own}))
    assert [one.name for one in job("  - test.second\n").steps] == ["test.first", "test.second"]
    assert [one.name for one in job("  - {use: test.second, model: runs/a}\n").steps] == ["test.second"]


def test_a_giver_with_required_parameters_is_named_not_inserted(faults):
    assert faults("  - use: test.lonely\n") == [
        "job.yaml:4:5: steps.test.lonely: test.lonely needs noise: put test.noise before it"
    ]


def test_two_givers_are_both_named(faults):
    step("test.other", gives=["noise"])(type("Other", (), {"__doc__": "x"}))
    assert "put test.noise or test.other before it" in faults("  - use: test.lonely\n")[0]


def test_a_giver_behind_is_told_to_move(faults):
    assert (
        "needs frames of ptycho.prepare, which stands later" in faults("  - ptycho\n  - ptycho.prepare\n")[0]
    )


def test_a_required_parameter_is_asked_for(faults):
    line = "job.yaml:4:5: steps.test.noise.level: this parameter is required: noise level"
    assert faults("  - use: test.noise\n") == [line]


@pytest.mark.parametrize(
    "text, line",
    [
        (
            "input: {file: a.scan}\nsteps: [ptycho]\n",
            "job.yaml:1:1: nanompi: the version of the format is missing",
        ),
        (
            "nanompi: true\ninput: {file: a.scan}\nsteps: [ptycho]\n",
            "job.yaml:1:10: nanompi: True is not a version",
        ),
        ("nanompi: 1\ninput: {file: a.scan}\n", "job.yaml:1:1: steps: list the steps"),
        ("nanompi: 1\ninput: {file: a.scan}\nsteps: []\n", "job.yaml:3:8: steps: list the steps"),
        (
            "nanompi: 1\ninput: {file: a.scan}\nsteps: [{probe: 3}]\n",
            "job.yaml:3:9: steps.0: a step is named by `use:`",
        ),
        (
            "nanompi: 1\ninput: {file: a.scan}\nsteps: [7]\n",
            "job.yaml:3:9: steps.0: a step is named by `use:`",
        ),
        ("nanompi: 1\nsteps: [ptycho]\n", "job.yaml:1:1: input.file: neither `file:` nor `simulate:`"),
        ("nanompi: 1\ninput: 3\nsteps: [ptycho]\n", "job.yaml:2:8: input: 3 does not fit here"),
        ("nanompi: 1\ninput: {file: 3}\nsteps: [ptycho]\n", "job.yaml:2:15: input.file: 3 does not fit here"),
        (
            "nanompi: 1\ninput: {file: a.scan, format: txt}\nsteps: [ptycho]\n",
            "job.yaml:2:31: input.format: format: ",
        ),
        (
            "nanompi: 1\nname: a/b\ninput: {file: a.scan}\nsteps: [ptycho]\n",
            "job.yaml:2:7: name: 'a/b' does not fit",
        ),
        (
            "nanompi: 1\nname: 7\ninput: {file: a.scan}\nsteps: [ptycho]\n",
            "job.yaml:2:7: name: 7 does not fit here",
        ),
    ],
)
def test_one_fault_at_the_top(faults, text, line):
    lines = faults(text)
    assert len(lines) == 1 and lines[0].startswith(line)


def test_a_file_of_an_unknown_kind_blames_the_data(here):
    (here / "x.dat").touch()
    (here / "job.yaml").write_text("nanompi: 1\ninput: {file: x.dat}\nsteps: [ptycho]\n")
    with pytest.raises(DataError, match="no reader knows this file"):
        read_job("job.yaml")


def test_a_missing_file_names_both_places(here):
    (here / "jobs").mkdir()
    (here / "jobs" / "job.yaml").write_text("nanompi: 1\ninput: {file: aa.scan}\nsteps: [ptycho]\n")
    with pytest.raises(DataError) as e:
        read_job("jobs/job.yaml")
    assert f"no such file: {here}/aa.scan nor {here}/jobs/aa.scan (did you mean" in str(e.value)


def test_a_file_is_looked_for_here_then_beside_the_job(here):
    (here / "jobs").mkdir()
    (here / "jobs" / "b.scan").touch()
    for name, place in (("a.scan", here / "a.scan"), ("b.scan", here / "jobs" / "b.scan")):
        (here / "jobs" / "job.yaml").write_text(f"nanompi: 1\ninput: {{file: {name}}}\nsteps: [ptycho]\n")
        assert read_job("jobs/job.yaml").input.file == str(place)


FULL = """  - {use: ptycho.prepare, centre: [64.5, 63], size: 64 px, mask: {hot: 3, file: a.scan}}
  - use: ptycho
    probe: {start: aperture, width: 1.2345678901 um}
    engines: [{dm: 7, alpha: 0.1, average: 3}, ML*4, {ml: , refine: ["off", "1e-3", x]}]
    limits: [1e-3, .inf]
"""


def test_the_resolved_job_reads_as_the_same_job(job, here):
    one = job(FULL, "input.energy=8.979 keV", "input.distance=1.23456789 m")
    (here / "again").mkdir()
    (here / "again" / "job.yaml").write_text(yaml12.write(one.resolved))
    two = read_job("again/job.yaml")
    assert two.resolved == one.resolved
    assert (
        two.steps == one.steps
        and two.reader == one.reader
        and two.output == one.output
        and two.run == one.run
    )
    assert two.input.energy == one.input.energy and two.input.distance == one.input.distance == 1.23456789


def test_the_resolved_job_has_every_default_and_readable_units(job):
    got = job(FULL, "input.energy=8 keV").resolved
    assert (
        got["input"]["energy"] == "8 keV" and got["input"]["format"] == "text" and got["input"]["skip"] == 0
    )
    assert got["steps"][1]["engines"][1] == {"ML": 4, "noise": "poisson", "refine": [], "floor": 0.5}
    assert got["run"]["precision"] == "single" and got["steps"][2] == {"use": "ptycho.finish", "frc": "off"}


def test_a_job_travels_between_ranks(job):
    got = job(FULL)
    assert pickle.loads(pickle.dumps(got)) == got


def test_a_step_made_from_a_function_travels_too(job):
    @step("test.print")
    def show(run, first: int = param(3, ge=1, help="how many")):
        """Print some."""
        return first + run

    got = job("  - {use: test.print, first: 5}\n")
    again = pickle.loads(pickle.dumps(got))
    assert again == got and again.steps[0].run(2) == 7


def test_input_alone_from_a_scan_file_and_from_a_job(job, here):
    given, reader = read_input("a.scan", ["input.energy=8", "input.skip=2"])
    assert (
        given.file == str(here / "a.scan")
        and reader.skip == 2
        and given.energy == pytest.approx(1.2817e-15, rel=1e-4)
    )
    (here / "j.yaml").write_text("input: {file: a.scan, skip: 4}\n")
    assert read_input("j.yaml")[1].skip == 4
    with pytest.raises(JobError, match=r'--set input\.skp=2: input\.skp: unknown parameter "skp"'):
        read_input("a.scan", ["input.skp=2"])


def test_extends_and_set_make_the_next_job(job, here):
    (here / "base.yaml").write_text("nanompi: 1\nname: base\ninput: {file: a.scan}\nsteps: [ptycho]\n")
    got = job(
        "extends: base.yaml\nname: next\nset: {steps.ptycho.prepare.size: 32, steps.ptycho.probe.modes: 2}\n"
    )
    assert got.name == "next" and got.steps[0].size == 32 and got.steps[1].probe.modes == 2
