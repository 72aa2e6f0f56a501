"""Workflow files: items, braces, needs, and all faults at once with their places."""

import json

import pytest

from nanompi.cluster.site import Site
from nanompi.errors import DataError, NanompiError
from nanompi.job import braces
from nanompi.job.answer import answer
from nanompi.job.kind import is_workflow
from nanompi.job.model import parameters
from nanompi.job.schema import whole
from nanompi.job.stages import Resources, read_workflow
from tests.job.validate import valid

HEAD = "nanompi: 1\nname: x\nstages:\n"
FIRST = """  first:
    foreach: {scan: 1-3}
    input: {file: a.scan, energy: "{scan}"}
    steps: [ptycho]
"""


@pytest.fixture
def workflow(here):
    """workflow(text, *sets) -> Workflow, of the text of its stages"""

    def make(text=FIRST, *sets, head=HEAD):
        (here / "w.yaml").write_text(head + text)
        return read_workflow("w.yaml", sets)

    return make


@pytest.fixture
def faults(workflow):
    """faults(text, *sets) -> lines of the error"""

    def lines(*args, **how):
        with pytest.raises(NanompiError) as e:
            workflow(*args, **how)
        return str(e.value).splitlines()

    return lines


def stage(foreach, own=""):
    return FIRST.replace("{scan: 1-3}", foreach).replace(', energy: "{scan}"', "") + own


@pytest.mark.parametrize(
    "foreach, values",
    [
        ("{scan: 1001-1003}", [1001, 1002, 1003]),
        ("{scan: 0009-0011}", ["0009", "0010", "0011"]),  # names of files keep their zeros
        ("{scan: [3, a, 0.5]}", [3, "a", 0.5]),
        ("{scan: {from: 0, to: 180, count: 4}}", [0, 60, 120, 180]),
        ("{scan: {from: 0 deg, to: 1 deg, step: 0.5 deg}}", ["0.0 deg", "0.5 deg", "1.0 deg"]),
    ],
)
def test_items_by_lists_ranges_and_steps(workflow, foreach, values):
    found = workflow(stage(foreach)).stages[0]
    assert [item.values["scan"] for item in found.items] == values and found.keys == ["scan"]


def test_items_by_files_in_the_order_of_their_numbers(workflow, here, monkeypatch):
    (here / "raw").mkdir()
    for k in (10, 9, 2):
        (here / f"raw/s{k}.scan").touch()
    monkeypatch.setenv("RAW", str(here / "raw"))
    for pattern in ("raw/*.scan", "${RAW}/s*.scan"):
        text = stage(f'{{f: "{pattern}"}}').replace("file: a.scan", 'file: "{f}"')
        found = workflow(text).stages[0]
        assert [item.name for item in found.items] == ["0000-f=s2", "0001-f=s9", "0002-f=s10"]
        assert found.items[1].job.input.file == str(here / "raw/s9.scan")


def test_several_keys_go_side_by_side(workflow, faults):
    found = workflow(stage("{scan: 1-2, angle: [0, 90]}")).stages[0]
    assert [item.values for item in found.items] == [{"scan": 1, "angle": 0}, {"scan": 2, "angle": 90}]
    assert found.items[1].name == "0001-scan=2-angle=90"
    (line,) = faults(stage("{scan: 1-2, angle: [0, 90, 180]}"))
    assert line.startswith("w.yaml:5:33: stages.first.foreach.angle: ") and "scan has (2), not 3" in line


def test_braces_keep_types_and_take_formats(workflow):
    text = FIRST.replace("a.scan", '"{scan:03d}{{}}.scan"')
    with pytest.raises(DataError, match=r"001\{\}\.scan"):
        workflow(text)
    jobs = [item.job for item in workflow().stages[0].items]
    assert [job.resolved["input"]["energy"] for job in jobs] == ["1 keV", "2 keV", "3 keV"]
    assert [job.name for job in jobs][:2] == ["x first 0000-scan=1", "x first 0001-scan=2"]


def test_a_shell_command_has_braces_of_its_own():
    from nanompi.job.faults import Faults
    from nanompi.job.yaml12 import plain, read

    given, _ = read('{shell: "blur {in} {out} {sigma}", sigma: "{scan}", env: "${HOME}"}', "", Faults())
    assert braces.words(given) == {"scan"}
    want = {"shell": "blur {in} {out} {sigma}", "sigma": 7, "env": "${HOME}"}
    assert plain(braces.filled(given, {"scan": 7})) == want


CHAIN = """  first:
    foreach: {scan: 1-5}
    chunk: 2
    input: {file: a.scan}
    steps:
      - use: ptycho.prepare
        mask: {file: "{previous}/result.h5"}
      - use: ptycho
        probe: {modes: 2}
    set: {steps.ptycho.probe.modes: 3}
"""


def test_the_first_of_a_chunk_leaves_out_what_stands_on_the_item_before(workflow):
    made = workflow(CHAIN)
    found = made.stages[0]
    assert [item.chunk for item in found.items] == [0, 0, 1, 1, 2]
    masks = [item.job.steps[0].mask for item in found.items]
    assert [bool(mask.file) for mask in masks] == [False, True, False, True, False]  # the default stands
    assert masks[3].file == f"{made.folder}/first/0002-scan=3/result.h5"
    assert found.items[3].alone.steps[0].mask.file == "" and found.items[2].alone is None
    assert all(item.job.steps[1].probe.modes == 3 for item in found.items)
    assert len(workflow(CHAIN.replace("    chunk: 2\n", "")).stages[0].chunks) == 1  # a chain of up to 8


LATER = """  second:
    input: {file: "{first}/0000-scan=1/result.scan", format: text}
    steps: [ptycho]
"""


def test_a_later_stage_reads_the_folder_of_an_earlier_one_before_its_results_are_there(workflow, here):
    made = workflow(FIRST + LATER)
    second = made.stages[1]
    assert second.needs == {"first": 1.0}  # named in braces
    assert second.items[0].job.input.file == f"{made.folder}/first/0000-scan=1/result.scan"
    assert workflow(FIRST + LATER + "    needs: {first: 0.9}\n").stages[1].needs == {"first": 0.9}
    for short in ("first", "[first]"):
        assert workflow(FIRST + LATER + f"    needs: {short}\n").stages[1].needs == {"first": 1.0}
    with pytest.raises(DataError, match="no such file"):  # outside of the workflow all files must be there
        workflow(FIRST + LATER.replace("{first}", "second"))
    assert answer("w.yaml", data=False)["code"] == 3


def test_extends_set_and_sections_of_the_file_stand_for_its_stages(workflow, here):
    (here / "base.yaml").write_text("nanompi: 1\ninput: {file: a.scan}\nsteps: [ptycho]\nrun: {threads: 3}\n")
    text = """  first:
    foreach: {scan: 1-2}
    extends: base.yaml
    set: {steps.ptycho.probe.modes: "{scan}"}
"""
    head = HEAD.replace("stages", "run: {precision: double}\nstages")
    jobs = [item.job for item in workflow(text, head=head).stages[0].items]
    assert [job.steps[1].probe.modes for job in jobs] == [1, 2]
    assert all((job.run.threads, job.run.precision) == (3, "double") for job in jobs)
    sets = ("stages.first.foreach.scan=[5]", "stages.first.steps.ptycho.probe.modes=7", "name=y")
    made = workflow(text, *sets, "stages.first.group=2")
    (item,) = made.stages[0].items
    assert (made.name, made.stages[0].group) == ("y", 2)
    assert (item.name, item.job.steps[1].probe.modes) == ("0000-scan=5", 7)


BAD = """  first:
    foreach: {scan: 1-3}
    chnk: 2
    group: 0
    input: {file: "raw/{scan}.scan"}
    steps: [{use: ptycho, fooo: 1}]
    slurm: {time: banana, gpu: 1}
  second:
    needs: {fist: 0.5, first: 2}
    input: {file: "{frst}/a"}
    steps: [ptyco]
"""


def test_all_faults_at_once_those_of_many_items_told_once(faults):
    lines = faults(BAD, head=HEAD + "  third: 3\n")
    text = "\n".join(lines)
    assert len(lines) == 11
    for words in (
        "stages.third: 3 is no stage",
        'stages.first.chnk: unknown key "chnk" (did you mean "chunk"?)',
        "stages.first.group: 0 does not fit here",
        "raw/1.scan (in all 3 items)",
        'fooo: unknown parameter "fooo"',
        "stages.first.slurm: 'banana' is not a quantity",
        'stages.first.slurm.gpu: unknown parameter "gpu" (did you mean "gpus"?)',
        "'fist' is no stage before this one (did you mean \"first\"?); allowed: third, first",
        "stages.second.needs.first: 2 is not the share",
        '{frst} is not known here (did you mean "first"?); allowed: {third}, {first}',
        'unknown step "ptyco"',
    ):
        assert words in text, (words, text)


@pytest.mark.parametrize(
    "text, why",
    [
        (stage("{scan: 9-2}"), "write 2-9"),
        (stage("{scan: 1-99999}"), "99999 items; at most 10000"),
        (stage("{scan: 5}"), "write a list, a range"),
        (stage("{scan: []}"), "write a list, a range"),
        (stage("{scan: [{a: 1}]}"), "is not a number or a text"),
        (stage("{scan: {from: 0, to: 1, count: 1}}"), "count: 1 is not a whole number from 2"),
        (stage("{scan: raw/*.h5}"), "no such files: "),
        (stage("{previous: 1-2}"), "is taken"),
        (stage("{first: 1-2}"), "is taken"),
        (FIRST + LATER.replace(", format: text", ""), "name its reader by `format:`; allowed: "),
        (stage("7"), "foreach: {scan: 1001-1024}"),
        (FIRST.replace("{scan}", "{scan:q}"), "1 cannot be written as 'q'"),
        (FIRST.replace("{scan}", "{}"), "{} names nothing"),
        (
            FIRST.replace("    foreach: {scan: 1-3}\n", "").replace("{scan}", "{previous}"),
            "needs a `foreach:`",
        ),
        (FIRST.replace("ptycho]", "{use: ptycho, update: {sweep: [1, 2]}}]"), "a sweep stands here"),
        (FIRST.replace("first:", "run:"), '"run" cannot name a stage'),
        (FIRST.replace("    steps", "    extends: w.yaml\n    steps"), "this is a workflow"),
        ("", "name the stages"),
    ],
)
def test_faults(faults, text, why):
    assert why in "\n".join(faults(text))


def test_a_fault_of_one_item_names_it(faults, workflow, here):
    for k in (1, 2):
        (here / f"{k}.scan").touch()
    text = FIRST.replace("a.scan", '"{scan}.scan"')
    (line,) = faults(text)
    assert line.endswith('3.scan (did you mean "1.scan"?) (item 0002-scan=3)') or "(item 0002-scan=3)" in line
    (line,) = faults(text.replace("1-3", "1-7"))
    assert "(item 0002-scan=3, and 4 more of 7 items)" in line


def test_what_a_workflow_is(here):
    (here / "base.yaml").write_text("nanompi: 1\nstages: {a: {}}\n")
    texts = {
        "nanompi: 1\nstages: {a: {}}\n": True,
        '{"nanompi": 1, "stages": {}}': True,
        "extends: base.yaml\n": True,
        "nanompi: 1\n# stages: none\nsteps: [ptycho]\n": False,
        "extends: missing.yaml\n": False,
        "nanompi: 1\nabout: {stages: x}\n": False,
    }
    for text, want in texts.items():
        (here / "t.yaml").write_text(text)
        assert is_workflow("t.yaml") is want, text
    assert not is_workflow("nowhere.yaml")


def test_the_answer_and_the_schema(workflow, here):
    workflow(FIRST + LATER)
    found = answer("w.yaml", data=False)
    assert [(s["name"], s["items"], s["input"]) for s in found["stages"]] == [
        ("first", 3, "text"),
        ("second", 1, "text"),
    ]
    assert found["code"] == 0 and found["settings"] == 4 and json.dumps(found)
    from nanompi.job.faults import Faults
    from nanompi.job.yaml12 import plain, read

    rule = whole()
    for text, fits in ((FIRST + LATER, True), (BAD, False), (CHAIN, True)):
        assert valid(plain(read(HEAD + text, "", Faults())[0]), rule) is fits


def test_what_slurm_is_told_are_keys_of_the_site():
    assert set(parameters(Resources)) <= set(parameters(Site))
