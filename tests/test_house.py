"""The layers: a module imports only lower layers and its own folder; some packages are known in one place
only."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "nanompi"
LAYERS = [
    {"errors", "foreign", "step", "units", "clock", "children", "streams", "words"},
    {"launcher", "samecall", "team", "device"},
    {"split", "scatter", "exchange", "packing", "rows", "lanes", "cache", "stamp", "cover", "files", "former"}
    | {"newfile", "arrayfile", "progress", "events", "checkpoint", "course", "signals", "lock", "watchdog"}
    | {"deadman", "optics", "scan", "heaps", "left_out", "links", "parts", "result", "written"},
    {"read", "partition", "prep", "ptycho", "tomo", "maps", "flow", "write"},
    {"run", "kept", "account"},
    {"job", "report", "slurm", "scaling"},
    {"sweep"},
    {"cli"},
    {"__main__"},
]
ONLY_HERE = {
    "mpi4py": ["team.py", "cli/doctor.py"],
    "cupy": ["device/"],
    "numba": ["device/"],
    "sklearn": ["partition/"],
    "pydantic": ["job/"],
    "yaml": ["job/"],
}
FILES = sorted(ROOT.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{a.name}" for a in node.names}
    return found


def layer(name: str) -> int:
    """Number of the layer of the first name below nanompi."""
    return next(i for i, names in enumerate(LAYERS) if name in names)


def single(name: str) -> bool:
    """Is it a module which stands alone at the top of the package?"""
    return (ROOT / f"{name}.py").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_layers(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "nanompi" or len(parts) < 2 or parts[1] == own or parts[1].startswith("__version"):
            continue
        same_folder = layer(parts[1]) == layer(own) and single(parts[1]) and single(own)
        assert layer(parts[1]) < layer(own) or same_folder, f"{own} imports {name}"


@pytest.mark.parametrize("package", ONLY_HERE)
def test_only_here(package):
    users = [str(p.relative_to(ROOT)) for p in FILES if any(n.split(".")[0] == package for n in imports(p))]
    allowed = tuple(ONLY_HERE[package])
    assert [u for u in users if not u.startswith(allowed)] == []


def test_every_folder_has_a_layer():
    names = {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in FILES} - {"__init__"}
    assert names <= set().union(*LAYERS)


def test_the_tests_wait_with_patience():
    """A limit of time that stands as a number breaks on a busy machine."""
    limit = re.compile(
        r"timeout=\d|(\.wait|\.join)\(\d+\)|assert .*(monotonic|perf_counter|process_time)\(\) - "
    )
    tests = (p for p in ROOT.parent.glob("tests/**/*.py") if p.name != Path(__file__).name)
    lines = [f"{p.name}: {line.strip()}" for p in tests for line in p.read_text().splitlines()]
    assert [line for line in lines if limit.search(line)] == [], "use tests.patience"


def test_top_level():
    """Nothing else at the top than what the house names."""
    import subprocess

    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT.parent, capture_output=True, text=True, check=True
    ).stdout
    top = {line.split("/")[0] for line in tracked.splitlines()}
    named = "setup.cfg pyproject.toml README.md LICENSE .gitignore .ci nanompi jobs slurm tests benchmarks"
    assert top <= set(named.split())


def test_children_in_python_are_started_in_one_place():
    """`nanompi.children.python` keeps modules of the working folder out of them."""
    starts = [p for p in FILES if "sys.executable," in p.read_text() or "sys.executable]" in p.read_text()]
    assert [p.name for p in starts] == ["children.py"]
