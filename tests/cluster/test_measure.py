"""PAR and PEFF from figures of runs; the picture."""

import csv
import io
import xml.etree.ElementTree as ET

import pytest

from nanompi.cluster import chart, measure
from nanompi.errors import StepError


def run(ranks: int, iterate: float, wait: float, wall: float) -> dict:
    rank = {"seconds": {"iterate": iterate, "wait": wait}, "whole": {"iterate": iterate + wait}, "bytes": {},
            "sent": {"iterate": 1000}, "utilisation": 0.9, "peak_memory": 2e8}  # fmt: skip
    return {"wall": wall, "ranks": [rank] * ranks}


BOOKS = [run(1, 8.0, 0.0, 10.0), run(2, 4.0, 0.5, 6.0)]


def test_par_and_peff_are_those_of_their_definition():
    at = {(r["phase"], r["ranks"]): r for r in measure.rows(BOOKS)}
    assert at["iterate", 2]["PAR"] == 2 and at["iterate", 2]["PEFF"] == 1
    assert at["iterations", 2]["PEFF"] == pytest.approx(8 / (2 * 4.5))
    assert at["total", 2]["PAR"] == pytest.approx(10 / 6) and at["total", 1]["PEFF"] == 1


def test_table_and_csv():
    text = measure.table(BOOKS)
    assert "| PEFF total | 1.00 | 0.83 |" in text and "| UTL, % | 90 to 90 | 90 to 90 |" in text
    assert "| MEM, MB per rank | 200 | 200 |" in text
    rows = list(csv.DictReader(io.StringIO(measure.comma_separated(BOOKS))))
    assert {"phase": "total", "ranks": "2", "seconds": "6.0"}.items() <= rows[-1].items()


def test_the_quickest_of_some_runs():
    assert measure.best([run(1, 1, 0, 5.0), run(1, 1, 0, 4.0)])["wall"] == 4.0


def test_efficiency_is_taken_within_each_turn():
    """A machine that became twice as fast after the first turn changes neither side of a ratio"""
    runs = [[run(1, 8, 0, 10.0), run(2, 4, 1, 8.0)], [run(1, 4, 0, 5.0), run(2, 2, 0, 2.5)]]
    said = measure.turns(runs)
    assert "* 2 ranks, iterations: 0.90 (0.80 to 1.00)" in said
    assert "* 2 ranks, total: 0.81 (0.62 to 1.00)" in said
    assert measure.turns(runs[:1]) == ""


def test_a_run_that_fails_is_told_with_its_last_words(tmp_path):
    with pytest.raises(StepError, match=r"2 ranks ended with exit code 3:\nwhat is wrong"):
        measure.run(["sh", "-c", "echo what is wrong >&2; exit 3"], tmp_path, {}, 2)


def test_the_picture_is_svg_with_bars_and_curves():
    bars = {1: {"load": 1.0, "iterate": 8.0}, 2: {"load": 0.5, "iterate": 4.0}}
    text = chart.chart(bars, {"a < b": {1: 1.0, 2: 0.9, 8: 0.5}}, "title & more")
    root = ET.fromstring(text)
    tags = [element.tag.split("}")[1] for element in root.iter()]
    assert tags.count("polyline") == 1 and tags.count("circle") == 3
    assert {"2.5", "5", "7.5", "10"} <= {e.text for e in root.iter()}  # bars up to 9 s: round numbers
    assert [e.text for e in root.iter() if e.text and "title" in e.text] == ["title & more"]
    tall = [
        float(e.get("height"))
        for e in root.iter()
        if e.get("fill") == chart.COLOURS["iterate"] and e.get("width") == "90.0"
    ]
    assert tall[0] == pytest.approx(2 * tall[1], abs=0.2)
