"""The index of parts says what a full discovery finds, and is made anew when the program changes."""

import json
import os
import subprocess
import sys

import pytest

from nanompi.run import index
from nanompi.step import FACTS, METHODS, Parts

PROGRAM = """
import json, sys
from nanompi.methods import discover
from nanompi.run import index
from nanompi.step import FACTS
tables = discover()
known = {kind: {what: table.facts(what) for what in FACTS} for kind, table in tables.items()}
before = len([name for name in sys.modules if name.startswith("nanompi.methods.")])
classes = {kind: {name: cls.__name__ for name, cls in table.items()} for kind, table in tables.items()}
full = {kind: {what: table.facts(what) for what in FACTS} for kind, table in tables.items()}
print(json.dumps({"known": known, "full": full, "before": before, "classes": classes}))
"""


FIRST = """
import nanompi.methods.ptycho.read.nexus
from nanompi.methods import discover
from nanompi.step import reader
@reader("own")
class Own:
    "Of somebody else"
print(*discover()["reader"])
"""


def test_the_order_of_parts_is_that_of_their_modules(tmp_path):
    """Whatever was imported before the first start, which the index remembers: a CXI file of one image was
    taken by the reader of scans from then on. Those of others stay where they were registered."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    after = "from nanompi.methods import discover; print(*discover()['reader'])"
    texts = [subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True,
                            check=True).stdout.split() for text in (FIRST, after)]  # fmt: skip
    first, second = texts
    assert first.index("own") < 4 and second.index("cdi.pattern") < second.index("cxi")
    assert [name for name in first if name != "own"] == second


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """What two starts know of all parts: the first of a user, and the second"""
    home = tmp_path_factory.mktemp("cache")
    environment = os.environ | {"XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-c", PROGRAM]
    return [json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
            for _ in range(2)]  # fmt: skip


def test_the_index_says_what_a_full_discovery_finds(starts):
    first, second = starts
    assert second["known"] == second["full"] == first["full"]
    for kind, table in first["full"].items():
        assert list(second["known"][kind]["doc"]) == list(table["doc"])  # and in its order
    assert second["classes"] == first["classes"] and len(first["classes"]["step"]) > 30


def test_nothing_is_imported_for_it(starts):
    """A first start imports each part and what it needs: above two hundred modules"""
    first, second = starts
    assert second["before"] < 5 and first["before"] > 150


def test_another_state_of_the_program_is_no_index(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(index, "state", lambda: "one")
    facts = {"module": "nanompi.nowhere", **{key: [] for key in FACTS}}
    place = index._place()
    place.parent.mkdir()
    kept = METHODS["step"].keep()
    try:
        for text, good in (
            ({"state": "one", "parts": [["step", "never.made", facts]]}, True),
            ({"state": "other", "parts": [["step", "never.made", facts]]}, False),
            ({"state": "one", "parts": [["stop", "never.made", facts]]}, False),
            ({"state": "one", "parts": [["step", "never.made", {"module": "nanompi"}]]}, False),
            ({"state": "one", "parts": []}, False),
            ([], False),
        ):
            METHODS["step"].put_back(kept)
            place.write_text(json.dumps(text))
            assert index.expected() == good, text
            assert ("never.made" in METHODS["step"]) == good
        place.write_text('{"state": "one", "par')
        METHODS["step"].put_back(kept)
        assert not index.expected()
    finally:
        METHODS["step"].put_back(kept)


def test_a_file_that_is_changed_changes_the_state(monkeypatch, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.py").write_text("x = 1\n")
    monkeypatch.setattr(index, "PACKAGE", tmp_path)
    states = []
    for text in ("x = 1\n", "x = 12\n"):
        (tmp_path / "sub/a.py").write_text(text)
        index.state.cache_clear()
        states.append(index.state())
    index.state.cache_clear()
    assert states[0] != states[1]


def test_a_part_is_imported_when_it_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "late_part.py").write_text("import tests.run.test_index as t\nt.TABLE['late'] = int\n")
    monkeypatch.syspath_prepend(tmp_path)
    TABLE.clear()
    TABLE.expect("late", {"module": "late_part", **{key: ["x"] for key in FACTS}})
    assert "late" in TABLE and len(TABLE) == 1 and TABLE.facts("gives") == {"late": ["x"]}
    assert TABLE.having("x") == ["late"] and TABLE.loaded() == {} and "late_part" not in sys.modules
    assert TABLE["late"] is int and TABLE.loaded() == {"late": int}
    assert TABLE.get("never") is None


TABLE = Parts()
