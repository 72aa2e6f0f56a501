"""What falls out of the models: schema, methods, the starter job; and the run folder."""

import json
import threading

import pytest

from nanompi.errors import JobError, ResourceError
from nanompi.job import folder, methods, yaml12
from nanompi.job.schema import SWEEP, schema
from nanompi.job.starter import starter
from nanompi.methods import discover
from nanompi.step import LEVELS, METHODS, param
from tests.job.validate import valid

FIRST = {"nanompi": 1, "input": {"file": "a.scan"}}


def job_of(*steps):
    return {**FIRST, "steps": list(steps)}


def test_the_schema_names_every_part_with_defaults_and_help(parts):
    found = json.loads(json.dumps(schema()))
    steps = found["properties"]["steps"]["items"]["oneOf"]
    ptycho = next(s for s in steps if s.get("properties", {}).get("use") == {"const": "ptycho"})
    assert ptycho["description"] == "Object and probe from the frames." and ptycho["required"] == ["use"]
    modes = ptycho["properties"]["probe"]["properties"]["modes"]
    assert modes == {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 20}, SWEEP],
        "default": 1,
        "description": "number of probe modes",
        "title": "modes",
        "x-level": "expert",
    }
    assert ptycho["properties"]["probe"]["default"] == {"start": "data", "modes": 1, "width": None}
    energy = found["properties"]["input"]["properties"]["energy"]
    assert energy["x-unit"] == "keV" and energy["x-level"] == "basic" and energy["title"] == "energy"
    assert energy["description"] == "photon energy (a bare number is in keV)"
    assert {"skip", "paths", "simulate", "file"} <= set(found["properties"]["input"]["properties"])


def test_a_parameter_of_several_readers_names_them(parts):
    own = schema()["properties"]["input"]["properties"]
    named = {name: one["x-reader"] for name, one in own.items() if "x-reader" in one}
    assert named and all(
        name in methods.parameters(METHODS["reader"][r]) for name in named for r in named[name]
    )
    assert all(one["x-level"] in LEVELS and one["title"] for one in own.values())


def test_a_parameter_by_which_readers_mean_different_things_has_a_rule_of_each():
    """Else the page would show for one reader what another one means"""
    discover()
    every = schema()["properties"]["input"]["properties"]["simulate"]
    rules = {reader: one["properties"] for one in every["anyOf"] for reader in one["x-reader"]}
    assert sorted(rules) == sorted(every["x-reader"])
    assert "frames" in rules["simulate"] and "planes" not in rules["simulate"]
    assert "planes" in rules["cdi.simulate"] and "angles" in rules["tomo.simulate"]


def test_what_is_required_is_basic(parts):
    assert param(help="").metadata["level"] == "basic" and param(1, help="").metadata["level"] == "expert"
    with pytest.raises(TypeError, match="basic, expert"):
        param(1, level="begginer", help="")


GOOD = [
    job_of("ptycho"),
    job_of({"use": "ptycho", "engines": "DM*100 ML*200"}),
    job_of({"use": "ptycho", "engines": [{"dm": 100, "alpha": 0.9}, {"ML": None}, "DM*3"], "update": 3}),
    job_of({"use": "ptycho.prepare", "size": "64 px", "centre": [1, 2]}, {"use": "test.noise", "level": 1.0}),
    {**job_of({"use": "ptycho", "probe": {"modes": {"sweep": [1, 2]}}}), "sweep": "zip"},
    {**job_of("ptycho"), "sweep": {"random": 3, "score": "R"}},
    {"extends": "other.yaml", "set": {"steps.ptycho.update": 3}},
    {
        **job_of("ptycho"),
        "input": {"file": "a", "energy": "8 keV"},
        "run": {"threads": "auto"},
        "output": {"folder": "x"},
    },
]
WRONG = [
    {"nanompi": 1, "steps": ["ptycho"]},
    {**job_of("ptycho"), "nanompi": 2},
    {**job_of("ptycho"), "nme": "x"},
    job_of(),
    job_of("ptyco"),
    job_of({"use": "ptyco"}),
    job_of({"use": "ptycho", "mods": 3}),
    job_of({"use": "ptycho", "probe": {"modes": "three"}}),
    job_of({"use": "ptycho", "probe": {"modes": 0}}),
    job_of({"use": "ptycho", "engines": [{"dm": 3, "alpha": 7}]}),
    job_of({"use": "ptycho", "engines": [{"xx": 3}]}),
    job_of({"use": "ptycho.prepare", "size": "banana"}),
    job_of({"use": "ptycho.prepare", "centre": "atuo"}),
    job_of({"use": "test.noise"}),
    {**job_of("ptycho"), "run": {"threads": 0}},
]


@pytest.mark.parametrize("job", GOOD)
def test_the_schema_accepts_good_jobs(parts, job):
    assert valid(job, schema())


@pytest.mark.parametrize("job", WRONG)
def test_the_schema_refuses_wrong_jobs(parts, job):
    assert not valid(job, schema())


def test_the_schema_accepts_a_resolved_job(job):
    resolved = job(
        "  - {use: ptycho, engines: [{dm: 3, average: 2}, ML], probe: {width: 3}}\n", "input.energy=8"
    ).resolved
    assert valid(resolved, schema())


def test_methods_show_name_default_range_and_help(parts):
    rows = {r[0]: r[1:] for r in methods.rows(methods.find("PTYCHO")[0])}
    assert rows["probe.modes"] == ("1", "a whole number >= 1, <= 20", "number of probe modes")
    assert rows["probe.width"][1] == "a number with a unit (a bare number is in um) > 0 or null"
    assert rows["engines"][:2] == ("DM*10 ML", "a chain of DM, ML")
    assert methods.rows(methods.find("test.noise")[0])[0][1] == "required"
    assert {r[0]: r[1] for r in methods.rows(methods.find("ptycho.prepare")[0])}["mask.hot"] == "12.0"


def test_methods_of_an_unknown_name_say_the_nearest(parts):
    with pytest.raises(
        JobError, match=r'"ptico" is not a step, reader or engine \(did you mean "ptycho"\?\)'
    ):
        methods.find("ptico")


def test_a_starter_is_a_job_without_faults(job, here):
    assert [s.name for s in job(starter("job.yaml", "a.scan")).steps] == [
        "ptycho.prepare",
        "ptycho",
        "ptycho.finish",
    ]
    assert job(starter("job.yaml")).reader.name == "simulate"


def test_the_comments_of_a_starter_are_its_defaults(job):
    text = starter("job.yaml", "a.scan")
    lines = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line for line in text.splitlines()
    ]
    assert "    mask:" in [line.split(" #")[0].rstrip() for line in lines] and "hot: 12.0" in text
    assert job("\n".join(lines[3:])).resolved["steps"] == job(text).resolved["steps"]


# ---- the run folder ----------------------------------------------------------------------------------------


def test_a_run_folder_is_numbered_and_holds_what_is_known(job, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    one = job()
    first, second = folder.claim(one), folder.claim(one)
    assert not (first.parent / "latest").exists()  # a run that waits is not the latest
    folder.begin(one, first, "MPICH 5", ["n1", "n1", "n2"])
    folder.begin(one, second)
    assert (str(first), str(second)) == ("runs/job/run-0001", "runs/job/run-0002")
    assert (first.parent / "latest").readlink().name == "run-0002"
    assert (first / "job.yaml").read_text() == one.text and (first / "logs").is_dir()
    assert yaml12.plain(one.resolved) == job((first / "job.resolved.yaml").read_text()).resolved
    facts = json.loads((first / "environment.json").read_text())
    assert facts["mpi"] == "MPICH 5" and facts["ranks"] == 3 and facts["hosts"] == {"n1": 2, "n2": 1}
    assert facts["slurm"]["SLURM_JOB_ID"] == "17" and facts["packages"]["numpy"]


def test_another_job_in_a_folder_is_refused_and_the_same_goes_on(job, tmp_path):
    one, run = job(), tmp_path / "F"
    run.mkdir()
    folder.begin(one, run)
    other = job(one.text.replace("use: ptycho", "use: ptycho.prepare"))
    with pytest.raises(ResourceError, match="F holds another job, or this one with other values") as e:
        folder.begin(other, run)
    assert e.value.code == 4 and (run / "job.yaml").read_text() == one.text
    again = job((run / "job.resolved.yaml").read_text())
    again.resolved["run"]["device"] = "cpu"  # as `resume --set run.device=cpu`
    folder.begin(again, run)
    assert again.text == one.text and (run / "job.yaml").read_text() == one.text
    (run / "job.resolved.yaml").write_text("{")
    with pytest.raises(ResourceError, match="holds another job"):
        folder.begin(one, run)


@pytest.mark.parametrize("name, old, new", [
    ("job.yaml", "use: ptycho", "use:  ptycho"),
    ("job.resolved.yaml", "modes: 1", "modes: 2"),
])  # fmt: skip
def test_a_job_that_was_edited_in_the_run_folder_is_refused(job, tmp_path, name, old, new):
    one, run = job(), tmp_path / "F"
    run.mkdir()
    folder.begin(one, run)
    text = (run / name).read_text()
    assert old in text
    (run / name).write_text(text.replace(old, new))
    with pytest.raises(ResourceError, match="was changed by hand"):
        folder.begin(job((run / "job.resolved.yaml").read_text()), run)
    (run / name).write_text(text.replace("checkpoint: 600", "checkpoint: 60"))
    folder.begin(job((run / "job.resolved.yaml").read_text()), run)


def test_a_job_file_of_the_users_own_is_not_replaced(job, tmp_path):
    one, run = job(), tmp_path / "F"
    run.mkdir()
    (run / "job.yaml").write_text("nanompi: 1\n")
    with pytest.raises(ResourceError, match="holds another job"):
        folder.begin(one, run)
    assert (run / "job.yaml").read_text() == "nanompi: 1\n"
    (run / "job.yaml").write_text(one.text)
    folder.begin(one, run)
    assert (run / "job.resolved.yaml").exists()


def test_files_of_a_run_are_not_written_through_links(job, tmp_path):
    run, victim = tmp_path / "F", tmp_path / "victim"
    run.mkdir()
    (tmp_path / "elsewhere").mkdir()
    victim.write_text("precious")
    for name in ("job.yaml", "job.resolved.yaml", "environment.json"):
        (run / name).symlink_to(victim)
    (run / "logs").symlink_to(tmp_path / "elsewhere")
    folder.begin(job(), run)
    assert victim.read_text() == "precious" and not any(p.is_symlink() for p in run.iterdir())


@pytest.mark.parametrize("there", ["file", "folder", "nothing"])
def test_latest_is_a_link_of_the_program_and_replaces_nothing_else(job, tmp_path, there):
    one = job()
    for parent in (tmp_path / "mine", tmp_path / "runs" / one.name):
        (parent / "run-0001").mkdir(parents=True)
        latest = parent / "latest"
        if there == "file":
            latest.write_text("mine")
        elif there == "folder":
            latest.mkdir()
        folder.begin(one, parent / "run-0001")
        assert latest.is_symlink() == (there == "nothing" and parent.name == one.name)
        assert latest.exists() == (there != "nothing" or parent.name == one.name)
        assert len(list(parent.iterdir())) == 1 + latest.exists()


def test_a_run_folder_with_a_result_is_not_used_again(job, here):
    (here / "mine").mkdir()
    (here / "mine" / "result.h5").touch()
    with pytest.raises(ResourceError, match="mine holds a result already"):
        folder.begin(job(), here / "mine")


def test_the_number_follows_the_highest(job, here):
    (here / "out" / "job" / "run-0041").mkdir(parents=True)
    (here / "out" / "job" / "run-x").mkdir()
    assert folder.claim(job(), runs="out").name == "run-0042"


def test_many_at_once_get_folders_of_their_own(job):
    one, made = job(), []
    workers = [threading.Thread(target=lambda: made.append(folder.claim(one))) for _ in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert sorted(p.name for p in made) == [f"run-{i:04d}" for i in range(1, 9)]


def test_a_folder_that_cannot_be_made_is_a_resource_error(job, here):
    (here / "runs").write_text("a file")
    with pytest.raises(
        ResourceError, match=r"the run folder cannot be written: .* choose another with --out"
    ):
        folder.claim(job())
