"""Papers: each DOI that the program names is in CITATION.cff, and a job names those of what it uses alone."""

import re
from pathlib import Path

import pytest
import yaml

from nanompi import papers
from nanompi.job.job import read_job
from nanompi.methods import discover
from nanompi.step import METHODS

ROOT = Path(papers.__file__).parent
DOI = re.compile(r"10\.\d{4,9}/[^\s`'\",;]+")
UNTITLED = {"10.1088/2040-8986/abbab9"}  # could not be looked up
JOB = """nanompi: 1
name: x
input: {simulate: {frames: 9, size: 16}}
steps:
  - use: ptycho
    probe: {modes: 2}
    engines: DM*1 ML*4 DM*1
    positions: true
    frc: halves
"""
SCAN = "nanompi: 1\nname: x\ninput: {file: scan.h5}\nsteps: [{use: tomo, method: %s}]\n"


def whole(doi: str) -> str:
    """A DOI as it ends in a sentence, without what belongs to that."""
    doi = doi.rstrip(".:")
    while doi.count(")") > doi.count("("):
        doi = doi[: doi.rindex(")")].rstrip(".:")
    return doi.lower()


def test_the_table_holds_what_the_program_names_and_nothing_else():
    texts = [p.read_text() for p in ROOT.rglob("*") if p.suffix in (".py", ".cu", ".cuh")]
    named = {whole(doi) for text in texts for doi in DOI.findall(text)}
    assert named == set(papers.table())


def test_the_table_is_a_citation_file():
    about = yaml.safe_load(papers.TABLE.read_text())
    assert about["cff-version"] == "1.2.0" and {"message", "title", "authors"} <= set(about)
    known = {"type", "doi", "title", "authors", "journal", "publisher", "collection-title", "year", "volume",
             "start"}  # fmt: skip
    for one in about["references"]:
        assert set(one) <= known
        assert one["doi"] in UNTITLED or {"title", "authors", "year"} <= set(one), one["doi"]


def dois(text: str, tmp_path) -> list[str]:
    """Of a job."""
    (tmp_path / "job.yaml").write_text(text)
    (tmp_path / "scan.h5").touch()
    job = read_job(str(tmp_path / "job.yaml"), ["input.format=nxtomo"] if "scan.h5" in text else [])
    return [paper.doi for paper in papers.of([job.reader, *job.steps])]


def test_a_job_names_the_papers_of_what_it_uses(tmp_path):
    discover()
    found = dois(JOB, tmp_path)
    assert found == [
        "10.1016/j.jsb.2005.05.009",  # frc
        "10.1016/j.ultramic.2008.12.011",  # DM, once
        "10.1088/1367-2630/14/6/063004",  # ML
        "10.1038/nature11806",  # two modes
        "10.1364/JOSA.72.000923",
    ]
    assert "10.1038/nature11806" not in dois(JOB.replace("modes: 2", "modes: 1"), tmp_path)
    mlem, sirt = (dois(SCAN % method, tmp_path) for method in ("mlem", "sirt"))
    assert set(mlem) ^ set(sirt) == {"10.1109/TMI.1982.4307558", "10.1109/TMI.2008.923696"}


def test_each_part_can_be_asked():
    discover()
    parts = [cls for kind in METHODS.values() for cls in kind.values()]
    assert len(papers.of(parts)) > 10
    for cls in parts:
        try:
            one = cls()
        except Exception:  # it needs parameters
            continue
        assert all(isinstance(paper, papers.Paper) for paper in papers.of([one]))


def test_a_paper_as_text_and_as_bibtex():
    paper = papers.table()["10.1088/1367-2630/14/6/063004"]
    assert paper.short == "Thibault & Guizar-Sicairos 2012"
    assert str(paper).endswith("New Journal of Physics 14, 063004 (2012). https://doi.org/" + paper.doi)
    text = paper.bibtex()
    assert text.startswith("@article{Thibault2012063004,\n  author = {Thibault, P. and Guizar-Sicairos, M.},")
    assert text.count("{") == text.count("}") and "pages = {063004}" in text
    assert papers.from_note(papers.noted([paper])) == [paper]
    assert papers.program().bibtex().startswith("@misc{nanompi,") and "doi" not in str(papers.program())


@pytest.mark.parametrize("doi", sorted(UNTITLED))
def test_what_could_not_be_looked_up_is_its_doi_alone(doi):
    assert str(papers.table()[doi]) == f"https://doi.org/{doi}"
