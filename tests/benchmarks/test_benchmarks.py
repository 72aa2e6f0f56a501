"""The scripts of benchmarks/: what they share, and that each still fits the program."""

import ast
import importlib
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.patience import patience

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(p.stem for p in FOLDER.glob("*.py"))
SHARED = ("faults", "harness", "problems", "scans", "scenes", "traced")  # imported, or run by mpirun


@pytest.fixture
def script(monkeypatch):
    """Import a script as python does that runs it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in (set(sys.modules) - before) & set(SCRIPTS):
        del sys.modules[name]


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_imports_is_there(script, name):
    """Also inside its functions; nothing of tests/, and no path of its own"""
    text = (FOLDER / f"{name}.py").read_text()
    assert "sys.path" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] != "tests"
            if node.module.split(".")[0] in ("nanompi", *SCRIPTS):
                module = script(node.module)
                assert all(hasattr(module, a.name) or script(f"{node.module}.{a.name}") for a in node.names)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in SHARED])
def test_help(name):
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 0 and done.stderr == ""
    assert f"python benchmarks/{name}.py" in done.stdout and "--json" in done.stdout


def test_options(script, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["x", "a.h5", "--quick", "--kind", "flat", "--cases", "dm", "ml", "--n", "3"]
    )
    given = script("harness").options(
        "", "file", quick=False, kind=("waves", "flat"), cases=["load"], n=1, part=0.5
    )
    assert vars(given) == {
        "file": "a.h5", "quick": True, "kind": "flat", "cases": ["dm", "ml"], "n": 3, "part": 0.5, "json": "",
    }  # fmt: skip


def test_ways_take_turns(script):
    """Forwards and backwards; the first turn of all does not count"""
    calls = []
    ways = {name: lambda name=name: calls.append(name) or len(calls) for name in "abc"}
    assert script("harness").turns(ways, 2) == {"a": [6, 7], "b": [5, 8], "c": [4, 9]}
    assert "".join(calls) == "abccbaabc"


def test_timed(script):
    clock, calls = iter([10.0, 16.0]), []
    assert script("harness").timed(lambda: calls.append(1), clock=lambda: next(clock), calls=3)() == 2.0
    assert len(calls) == 3


def test_table_is_aligned(script):
    rows = [{"engine": "DM", "s": 0.123456}, {"engine": "a long name", "s": 12345.6, "MB": 7}]
    assert script("harness").table(rows).splitlines() == [
        "| engine      |      s |  MB |",
        "| ----------- | -----: | --: |",
        "| DM          | 0.1235 |     |",
        "| a long name |  12346 |   7 |",
    ]


def test_figures_come_back_from_json(script, tmp_path, capsys):
    given, rows = Namespace(json=str(tmp_path / "a.json")), [{"n": 1, "s": [0.5, 2.0]}]
    script("harness").report(given, iter(rows), machine="x")
    assert json.loads((tmp_path / "a.json").read_text()) == {"machine": "x", "rows": rows}
    assert capsys.readouterr().out == "machine: x\n\n|   n | s     |\n| --: | ----- |\n|   1 | 0.5 2 |\n"


def test_cost_of_a_command_and_of_its_children(script):
    """100 MiB held by a child, 400 MiB by this process; the words of a command that fails"""
    held = np.ones(400 << 20, np.uint8)
    child = "[sys.executable, '-c', 'x = bytearray(100 << 20)']"
    cost = script("harness").cost([sys.executable, "-c", f"import subprocess, sys; subprocess.run({child})"])
    assert 100 << 20 < cost["peak"] < 300 << 20 < len(held) and 0 < cost["cpu"] and 0 < cost["wall"]
    with pytest.raises(SystemExit, match=r"ended with 3\nno such thing"):
        script("harness").cost([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"])
    with pytest.raises(SystemExit, match=r"no-such-program ended with 127\n(.*\n)*FileNotFoundError"):
        script("harness").cost(["no-such-program"])


def test_work_on_ranks(tmp_path):
    """A script starts itself on 3 ranks: the figures of rank 0 come back"""
    (tmp_path / "a.py").write_text(
        "from harness import on_ranks, options, report\n"
        "def work(team, given):\n"
        "    return [{'rank': rank} for rank in team.allgather(team.rank + given.n)]\n"
        "given = options('', n=1)\n"
        "report(given, on_ranks(3, work, given))\n"
    )
    done = subprocess.run(
        [sys.executable, "a.py", "--n", "5", "--json", "a.json"], cwd=tmp_path, text=True,
        capture_output=True, env={"PYTHONPATH": f"{FOLDER}:{FOLDER.parent}"}, timeout=patience(60),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "a.json").read_text()) == {"rows": [{"rank": 5}, {"rank": 6}, {"rank": 7}]}


def test_jobs_for_two_checkouts(script, tmp_path):
    """ML sees frames of 256², of which nothing is cut away, and differs in its iterations alone"""
    short, long = script("against").jobs("ml", tmp_path, 0.2)
    with h5py.File(tmp_path / "ml-long.h5") as file:
        assert file["frames"].shape == (40, 256, 256) and len(file["x"]) == 40
    a, b = (json.loads(path.read_text())["steps"] for path in (short, long))
    assert a[0] == b[0] == {"use": "ptycho.prepare", "size": 256}
    assert (a[1].pop("engines"), b[1].pop("engines")) == ("ML*2", "ML*40") and a[1] == b[1]


def test_ratio_of_two_checkouts(script):
    """Each turn of the new one beside that of the old one: the pairs, not the medians"""
    turns = [{"cpu": 1.0, "wall": 2.0, "peak": 1e6}, {"cpu": 10.0, "wall": 2.0, "peak": 1e6}]
    slower = [{**turn, "cpu": turn["cpu"] * 1.02} for turn in turns]
    cpu, wall, peak = script("against").compared("dm", {"old": turns, "new": slower})
    assert np.allclose([cpu["ratio"], cpu["from"], cpu["to"]], 1.02)
    assert wall["ratio"] == peak["ratio"] == 1.0 and peak["old"] == 1.0  # MB


def test_figures_of_a_house(script, tmp_path):
    (tmp_path / "low.py").write_text(
        "class A:\n    pass\n\ndef _once():\n    '''Text.'''\n    return 1\n\none = _once()\n"
    )
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "__init__.py").touch()
    (tmp_path / "top" / "low.py").write_text(
        "from nanompi.low import A\nfrom nanompi import top\n\nclass A(A):\n    pass\n"
    )
    house = script("house").layout(tmp_path)
    assert house["entries at the top"] == "2: 1 folders, 1 files" and house["folders"] == "top"
    assert house["longest function, lines"] == (2, "low.py:_once")
    assert house["private functions with one caller"] == "1 of 1, 100 % of all"
    assert house["imports between entries"] == 1
    assert (
        house["classes that share a name"]
        == "1: A(2)"
        == house["modules that share a name"].replace("low", "A")
    )


def test_files_entered_twice(script):
    assert script("house").twice(
        ["cli/run.py:main", "run/life.py:live", "run/life.py:go", "cli/run.py:work"]
    ) == ["cli/run.py"]


def test_launches_of_a_block_are_counted_without_a_card(tmp_path):
    """Kernels and transforms of a block, and a few of an iteration: 60 blocks have none of their own"""
    out = tmp_path / "figures.json"
    words = ["--frames", "2", "--blocks", "60", "--repeat", "1", "--json", str(out)]
    command = [sys.executable, str(FOLDER / "launch.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 0, done.stderr
    rows = {row["engine"]: row for row in json.loads(out.read_text())["rows"]}
    assert {name: int(row["launches"]) for name, row in rows.items()} == {"DM": 6, "AP": 5, "ML": 9}
    assert all(row["us/block"] > 0 for row in rows.values())
