"""A sweep while it goes on: each setting with state, iteration, figure, image; the contact sheet at last."""

import io
import re

import pytest
from PIL import Image
from rich.console import Console

from nanompi.cli import main
from nanompi.report.status import runs, table
from nanompi.report.watch_workflow import tree
from nanompi.report.workflow import flat, read, standing
from nanompi.report.workflow_page import SHEET, write
from nanompi.run.lock import Lock
from tests.report.workflow_folder import at_work, ended, sweep, with_image

ALPHAS = (0.5, 0.7, 0.9, 1.1)


@pytest.fixture
def going(tmp_path, monkeypatch):
    """One setting is done, one at work, one has failed, one waits."""
    folder = sweep(tmp_path / "runs/star/sweep-0001", *ALPHAS)
    ended(folder / "0000-alpha=0.5")
    with_image(at_work(folder / "0001-alpha=0.7", llk=1.234))
    ended(folder / "0002-alpha=0.9", 5, "the error is not a number", image=False)
    monkeypatch.chdir(tmp_path)
    with Lock(folder):
        yield folder


def test_each_setting_is_told_as_it_stands(going):
    found = read(going)
    assert (found["state"], found["done"], found["items"], found["again"]) == ("working", 1, 4, "")
    items = found["stages"][0]["items"]
    assert [one["state"] for one in items] == ["done", "iterating", "failed", "waiting"]
    assert (items[1]["iteration"], items[1]["iterations"], items[1]["llk"]) == (3, 9, 1.234)
    assert items[0]["values"] == {"steps.0.alpha": 0.5} and "not a number" in items[2]["message"]


def test_a_sweep_between_two_settings_is_not_over(going):
    """Its settings alone, as runs, would all have ended: `watch` would end before the next begins"""
    ended(going / "0001-alpha=0.7")
    assert read(going)["state"] == "working"


def test_one_that_nobody_works_on_says_how_it_goes_on(tmp_path):
    folder = sweep(tmp_path / "sweep-0001", *ALPHAS)
    ended(folder / "0000-alpha=0.5")
    found = read(folder)
    assert found["state"] == "stopped" and found["again"] == f"nanompi sweep --resume {folder}"


def test_status_finds_sweeps_among_runs_and_has_a_line_for_each_setting(going):
    assert runs() == [going.relative_to(going.parents[2])]
    lines = table(flat([standing(going)]))
    assert re.search(r"sweep-0001 +working +1/4", lines[1])
    assert re.search(r"0000-alpha=0.5 +done", lines[2])
    assert re.search(r"0001-alpha=0.7 +iterating +3/9 +llk 1.234", lines[3])
    assert "not a number" in "\n".join(lines) and "alpha=1.1" not in "\n".join(lines)


def test_watch_shows_them(going):
    out = io.StringIO()
    Console(file=out, width=120).print(tree(read(going)))
    assert "settings" in out.getvalue() and "1/4" in out.getvalue()
    assert re.search(r"0001-alpha=0.7 +iterating +ML +3/9 +llk 1.234", out.getvalue())


def test_the_page_has_the_image_so_far_and_comes_back_by_itself(going):
    text = write(going).read_text()
    tiles = re.findall(r"<li>(.*?)</li>", text, re.S)
    assert len(tiles) == 4 and [tile.count("data:image/png") for tile in tiles] == [1, 1, 0, 0]
    assert "ML 3/9, llk 1.234" in tiles[1] and "waiting" in tiles[3] and 'http-equiv="refresh"' in text
    assert "Contact sheet" not in text


def test_the_page_of_one_that_is_over_has_the_contact_sheet(going):
    for alpha in ("0001-alpha=0.7", "0002-alpha=0.9", "0003-alpha=1.1"):
        ended(going / alpha)
    Image.new("L", (9, 9), 7).save(going / "contact.png")
    text = write(going).read_text()
    assert "Contact sheet" in text and 'http-equiv="refresh"' not in text
    (going / "contact.png").write_bytes(b"\0" * (SHEET + 1))
    assert "Contact sheet" not in write(going).read_text()


def test_report_writes_that_page_before_any_setting_is_done(going, capsys):
    (going / "0000-alpha=0.5/result.h5").unlink()
    assert main(["report", str(going)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(going / "report.html")]
    ended(going / "0000-alpha=0.5")
    assert main(["report", str(going)]) == 0
    made = capsys.readouterr().out.splitlines()
    assert made == [str(going / "report.html"), str(going / "compare.html")]


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x", "settings": [{"number": 0, "folder": "../x"}]}'])
def test_a_head_that_is_none_is_a_sweep_that_is_lost(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)
    found = standing(tmp_path)
    assert (found["state"], found["stages"]) == ("lost", []) and "settings.json" in found["message"]
    assert "settings.json cannot be read" in write(tmp_path).read_text()
