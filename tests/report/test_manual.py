"""The manual, by what a reader looks for in it."""

import re
from html.parser import HTMLParser

import pytest

from nanompi.cli import main
from nanompi.errors import JobError
from nanompi.job.job import SECTIONS
from nanompi.methods import discover
from nanompi.report import manual
from nanompi.step import METHODS

discover()


@pytest.fixture(scope="module")
def page():
    return manual.page()


def test_every_part_and_parameter_has_its_place(page):
    ids = set(re.findall(r'<section id="([^"]+)"', page))
    parts = {(kind, name) for kind, table in METHODS.items() for name in table}
    assert {f"{kind}-{name}" for kind, name in parts} | {f"section-{name}" for name in SECTIONS} <= ids
    assert "<code>probe.modes</code>" in page and "<code>watchdog</code>" in page


def test_links_in_the_page_lead_somewhere_and_ids_are_of_one_place(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {link for link in re.findall(r'href="#([^"]+)"', page)} <= set(ids)


class Sources(HTMLParser):
    """What a browser would load of a page."""

    def __init__(self):
        super().__init__()
        self.loaded = []

    def handle_starttag(self, tag, attrs):
        """src of anything; href of what is no link to follow"""
        self.loaded += [value for key, value in attrs if key == "src" or (key == "href" and tag != "a")]


def test_nothing_is_loaded_from_elsewhere(page):
    sources = Sources()
    sources.feed(page)
    assert all(value.startswith("data:") for value in sources.loaded)


def test_a_fragment_is_one_entry_for_other_pages():
    text = manual.fragment("dm")
    assert text.startswith('<section id="engine-DM">') and text.count("<section") == 1
    with pytest.raises(JobError, match="ptycho"):
        manual.fragment("ptyco")


def test_the_command_writes_it(tmp_path, capsys):
    assert main(["manual", "-o", str(tmp_path / "m.html")]) == 0
    assert (tmp_path / "m.html").read_text().startswith("<!doctype html>")


def test_without_docutils_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "docutils.core", None)
    assert main(["manual"]) == 4
    assert "pip install 'nanompi[web]'" in capsys.readouterr().err
