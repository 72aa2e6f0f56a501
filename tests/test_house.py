"""The house: which folder may know which, and which packages are known in one place only."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from nanompi.data.source import OPTIONAL

ROOT = Path(__file__).parent.parent / "nanompi"
FILES = sorted(ROOT.rglob("*.py"))
HOUSE = (  # a word knows only those before it; `__init__` and `__main__` stand at the ends
    "__init__ errors units step papers timing optics mpi device io data run methods job report cluster"
    " workflow web api cli __main__"
).split()
# These may have methods found; nobody outside methods/ knows one by its name.
DISCOVER = ("job", "web", "api", "cli")
ONLY_HERE = {
    "matplotlib": ["report/"],
    "mpi4py": ["mpi/", "cli/doctor.py"],
    "cupy": ["device/"],
    "numba": ["device/"],
    "pydantic": ["job/"],
    "yaml": ["job/", "papers.py"],
    "starlette": ["web/"],
    "uvicorn": ["web/"],
}


def name_of(path: Path) -> str:
    """Dotted name of a module: nanompi.run.perform."""
    parts = ("nanompi", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


@cache
def imports(path: Path, lazy: bool = True) -> set[str]:
    """Full names of the modules that a file imports; lazy: also those inside functions."""
    names = set()

    def visit(node):
        if isinstance(node, ast.Import):
            names.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            whole = (f"{node.module}.{a.name}" for a in node.names)
            names.update(full if full in MODULES else node.module for full in whole)
        for child in ast.iter_child_nodes(node):
            if lazy or not isinstance(child, ast.FunctionDef | ast.Lambda):
                visit(child)

    visit(ast.parse(path.read_text()))
    return names


def word(module: str) -> str:
    """The word of the house under which a module of nanompi stands."""
    return module.split(".")[1] if "." in module else "__init__"


def breaks(path: Path) -> set[str]:
    """What a file imports although its place in the house forbids it."""
    own = word(name_of(path)) if path.name != "__main__.py" else "__main__"
    if path == ROOT / "__init__.py":
        return {n for n in imports(path) if n.startswith("nanompi")}
    out = set()
    for name in (n for n in imports(path) if n.startswith("nanompi.") and word(n) != own):
        higher = word(name) not in HOUSE or HOUSE.index(word(name)) > HOUSE.index(own)
        known = name == "nanompi.methods" and own in DISCOVER
        if higher or (word(name) == "methods" and not known):
            out.add(name)
    return out


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_folder_knows_only_those_before_it(path):
    assert breaks(path) == set()


def test_the_top_of_the_package_is_the_list_of_words():
    names = {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in FILES}
    assert names <= set(HOUSE) and len(HOUSE) == 21


def circle(known: dict[str, set[str]]) -> list[str]:
    """Names each of which knows the next, and the last the first; [] where there is no such circle."""
    done: set[str] = set()

    def follow(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        done.add(name)
        ways = (follow(other, [*way, name]) for other in sorted(known.get(name, ())))
        return next((w for w in ways if w), [])

    return next((w for w in (follow(name, []) for name in sorted(known)) if w), [])


def test_no_circle_of_modules():
    """At module level; a package counts as known by those who import something below it."""
    known = {name: {n for n in imports(path, lazy=False) if n in MODULES} for name, path in MODULES.items()}
    assert circle(known) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]  # one that is there is seen


@pytest.mark.parametrize("package", ONLY_HERE)
def test_only_here(package):
    users = [str(p.relative_to(ROOT)) for p in FILES if any(n.split(".")[0] == package for n in imports(p))]
    allowed = tuple(ONLY_HERE[package])
    assert [u for u in users if not u.startswith(allowed)] == []


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


def test_what_has_a_default_is_not_asked_for():
    """Errors, sources and devices have all their members: no getattr or hasattr with the name of one."""
    members = {"common", "trace", "threads", *OPTIONAL}
    asked = re.compile(r"""(?:get|has)attr\([^"']*["'](\w+)["']""")
    lines = [f"{p.name}: {line.strip()}" for p in FILES for line in p.read_text().splitlines()]
    assert [line for line in lines for name in asked.findall(line) if name in members] == []
