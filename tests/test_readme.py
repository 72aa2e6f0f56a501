"""What the READMEs show is true: commands run, links lead somewhere, tables name what there is."""

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from nanompi.cli import VERBS, main
from nanompi.methods import discover
from nanompi.step import METHODS
from tests.mpi import warm
from tests.readmes import NOT_RUN, READMES, ROOT, Story, blocks_of, lay_entry_points, small_jobs

README = READMES["."]
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|sbatch|cu))`")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a reader of a README stands: the repository's folders, small jobs, a scan."""
    small_jobs(tmp_path / "jobs")
    shutil.copytree(ROOT / "slurm", tmp_path / "slurm")
    for name in ("benchmarks", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["simulate", str(tmp_path / "jobs" / "siemens-star.yaml"), "-o", str(tmp_path / "scan.cxi")]
    assert main(words) == 0
    return tmp_path


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in READMES])
def test_every_block_runs(name, folder):
    """Those of the first page with the command as it is installed; others in a Python that is warm"""
    story = Story(folder)
    if name != ".":
        story.commands = (warm.command(folder / "bin"), *story.commands)
        story.python = tuple(warm.rank(sys.executable, {}))
    story.tell(READMES[name])
    print(*story.left_out, sep="\n")


@pytest.fixture
def registry():
    """What is registered during a test is forgotten afterwards."""
    before = {kind: dict(table) for kind, table in discover().items()}
    yield
    for kind, table in METHODS.items():
        table.clear()
        table.update(before[kind])


@pytest.mark.parametrize("name", [n for n, page in READMES.items() if any(b.file for b in blocks_of(page))])
def test_modules_can_be_imported_and_jobs_are_correct(name, folder, registry, monkeypatch):
    """Without running them: what a renamed module, parameter or step would break"""
    monkeypatch.chdir(folder)
    files = [block for block in blocks_of(READMES[name], "python", "yaml") if block.file]
    for block in files:
        Path(block.file).write_text(block.text)
    for block in files:
        if block.language == "python":
            exec(block.text, {"__name__": Path(block.file).stem})
        else:
            assert main(["check", block.file]) == 0


@pytest.mark.parametrize("name", [n for n, page in READMES.items() if blocks_of(page, "toml")])
def test_pip_would_install_the_modules_of_a_package(name, tmp_path):
    for block in blocks_of(READMES[name], "toml"):
        lay_entry_points(tmp_path, tomllib.loads(block.text))
    assert list(tmp_path.glob("*.dist-info/entry_points.txt"))


def test_what_is_not_run_is_there():
    """A block that is gone leaves no permission behind."""
    used = {b.why_not for readme in READMES.values() for b in blocks_of(readme)}
    assert set(NOT_RUN.values()) <= used


@pytest.mark.parametrize("name", READMES)
def test_a_block_has_a_language_and_a_place(name):
    """What has none of ours would not be run by anybody."""
    for block in blocks_of(READMES[name]):
        assert block.language in ("sh", "python", "yaml", "toml", "text"), f"line {block.line}"
        assert block.file or block.language not in ("yaml", "toml"), f"line {block.line}: no name of a file"


def test_the_first_page_is_short():
    assert README.stat().st_size <= 8192


@pytest.mark.parametrize("name", READMES)
def test_links_lead_somewhere(name):
    readme = READMES[name]
    for target, anchor in LINK.findall(readme.read_text()):
        if "://" in target:
            continue
        file = readme.parent / target if target else readme
        assert file.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}: no such heading"


def anchors(file: Path) -> set[str]:
    """Names of the headings of a page, as web pages of repositories make them."""
    heads = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", READMES)
def test_files_that_are_named_exist(name):
    readme = READMES[name]
    for path in PATH.findall(readme.read_text()):
        if "NAME" in path:
            continue
        assert any((place / path).exists() for place in (ROOT, readme.parent)), f"{path} does not exist"


def test_every_verb_is_named():
    text = "\n".join(readme.read_text() for readme in READMES.values())
    assert {verb for verb in VERBS if f"nanompi {verb}" not in text} == set()


def test_the_table_of_methods_is_that_of_nanompi_methods():
    """A step, engine or reader that lands gets its row in README.md, one that goes loses it."""
    table = README.read_text().partition("## Methods")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| (.*?) \|", table, re.M) for name in re.findall(r"`([\w.]+)`", row)
    }
    kinds = [discover()[kind] for kind in ("step", "engine", "reader")]
    ours = {name for kind in kinds for name, cls in kind.items() if cls.__module__.startswith("nanompi.")}
    assert named == ours


def test_every_program_of_benchmarks_is_named():
    text = READMES["benchmarks"].read_text()
    programs = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "benchmarks" / "results").glob("*")]
    assert [p.name for p in programs if p.name not in text and p.name != "siemens-star.png"] == []


def test_every_job_is_named():
    text = READMES["jobs"].read_text()
    assert [p.name for p in (ROOT / "jobs").glob("*.yaml") if p.name not in text] == []


def test_two_commands_and_no_more_for_the_set_up():
    """Each after its mark, on one line: .ci/run looks for them so"""
    marked = re.findall(r"<!-- ([\w-]+) -->\n```sh\n(.*?)\n```", README.read_text())
    assert [m[0] for m in marked] == ["main-job", "tests"]
    assert all(line.startswith("python3 -m venv .venv && ") for _, line in marked)
    assert README.read_text().count("-m venv") == 2
