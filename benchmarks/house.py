"""Figures of the house: how the program is laid out, and how far it is from `main` to MPI.

    python benchmarks/house.py [--checkouts FOLDER ...]      a column for each; run by this Python

Counted from the text of nanompi/, and from a job of 2 ranks (100 frames of 64², sums by Allreduce) whose
collective calls are noted. Lengths are without docstring.
One word, one thing, as far as it can be counted: classes, modules and public functions whose name another
module has, too (but for the verbs of cli/ and the texts of a kernel), and for the words that once had two
meanings the places where a class, a function, a method or a module is called so.
"""

import ast
import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from harness import ONE_THREAD, ROOT, options, report
from scans import ptycho, simulated, write_job

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
WORDS = ("parts", "rows", "kept", "share", "split", "exchange", "former", "memory", "geometry", "plan")
FILLERS = ("told", "found", "come", "beside")
COMBINE = ("steps.ptycho.combine=allreduce", "run.combine=allreduce")  # where it stands, and where it stood
FEW, MANY = 3, 7  # iterations: what differs between two runs belongs to an iteration


def modules(package: Path) -> dict[str, ast.Module]:
    """path below the package -> its tree"""
    return {str(p.relative_to(package)): ast.parse(p.read_text()) for p in sorted(package.rglob("*.py"))}


def length(function) -> int:
    """Lines, without the docstring."""
    text = ast.get_docstring(function, clean=False) and function.body[0]
    own = text.end_lineno - text.lineno + 1 if text else 0
    return function.end_lineno - function.lineno + 1 - own


def functions(trees: dict) -> list[tuple[int, str]]:
    """(lines, place) of all functions."""
    return [(length(node), f"{path}:{node.name}") for path, tree in trees.items() for node in ast.walk(tree)
            if isinstance(node, FUNCTION)]  # fmt: skip


def called_once(trees: dict) -> tuple[int, int]:
    """(private functions that their module names once, private functions)"""
    once = every = 0
    for tree in trees.values():
        names = Counter(getattr(n, "id", getattr(n, "attr", None)) for n in ast.walk(tree))
        private = [n.name for n in ast.walk(tree) if isinstance(n, FUNCTION) and n.name.startswith("_")]
        private = [name for name in private if not name.startswith("__")]
        once, every = once + sum(names[name] == 1 for name in private), every + len(private)
    return once, every


def arrows(trees: dict) -> set[tuple[str, str]]:
    """(importing, imported) entries at the top of the package."""
    rooms = {path.split("/")[0].removesuffix(".py") for path in trees} - {"__init__"}
    pairs = set()
    for path, tree in trees.items():
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{a.name}" for a in node.names]
            pairs |= {(path.split("/")[0].removesuffix(".py"), n.split(".")[1]) for n in names
                      if n.startswith("nanompi.") and n.split(".")[1] in rooms}  # fmt: skip
    return {(a, b) for a, b in pairs if a != b}


def meanings(trees: dict) -> dict[str, dict[str, set[str]]]:
    """{classes, modules, functions: {name: its modules, if more than one}}"""
    places = {"classes": defaultdict(set), "modules": defaultdict(set), "functions": defaultdict(set)}
    for path, tree in trees.items():
        if path.startswith("cli/") or "/kernels/" in path or Path(path).stem == "__init__":
            continue
        places["modules"][Path(path).stem].add(path)
        for node in tree.body:
            kind = {ast.ClassDef: "classes", ast.FunctionDef: "functions"}.get(type(node))
            if kind and not node.name.startswith("_"):
                places[kind][node.name].add(path)
    return {kind: {name: where for name, where in names.items() if len(where) > 1}
            for kind, names in places.items()}  # fmt: skip


def words(trees: dict) -> dict[str, set[str]]:
    """{word of WORDS: the modules that define something of that name}"""
    places = defaultdict(set)
    for path, tree in trees.items():
        names = {Path(path).stem, *(n.name for n in ast.walk(tree) if isinstance(n, FUNCTION | ast.ClassDef))}
        for name in {name.lower() for name in names} & set(WORDS):
            places[name].add(path)
    return places


def fillers(trees: dict) -> Counter:
    """How often a variable has a name that says nothing."""
    names = (n for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.Name))
    return Counter(n.id for n in names if isinstance(n.ctx, ast.Store) and n.id in FILLERS)


def traced(checkout: Path, engine: str, iterations: int) -> dict:
    """What benchmarks/traced.py has noted of a run of 2 ranks with so many iterations."""
    from nanompi.mpi.mpiexec import environment, mpiexec

    with tempfile.TemporaryDirectory() as folder:
        write_job(Path(folder, "house.yaml"), simulated(100, 64), ptycho(f"{engine}*{iterations}"))
        start = [mpiexec(), "-n", "2", sys.executable, ROOT / "benchmarks" / "traced.py", "calls.json", "run"]
        words = [*start, "house.yaml", "--set"]
        env = {**environment(), **ONE_THREAD, "PYTHONPATH": str(checkout)}
        for combine in COMBINE:
            done = subprocess.run([*words, combine], cwd=folder, env=env, capture_output=True, text=True)
            if done.returncode == 0:
                return json.loads(Path(folder, "calls.json").read_text())
        raise SystemExit(f"the job ended with {done.returncode}\n{done.stdout}{done.stderr}")


def iteration(checkout: Path, engine: str) -> dict:
    """Of one iteration of an engine: {calls: {name: times}, stack: the longest to an Allreduce}."""
    few, many = (traced(checkout, engine, n) for n in (FEW, MANY))
    each = {k: {name: (n - few[k].get(name, 0)) / (MANY - FEW) for name, n in many[k].items()} for k in many}
    stacks = [s.split() for s, times in each["stacks"].items() if times >= 1]
    return {"calls": {k: n for k, n in each["calls"].items() if n >= 1}, "stack": max(stacks, key=len)}


def twice(stack: list[str]) -> list[str]:
    """Files of a stack that are entered more than once."""
    files = [frame.split(":")[0] for frame in stack]
    entered = Counter(file for file, before in zip(files, ["", *files]) if file != before)
    return [file for file, times in entered.items() if times > 1]


def counted(names: dict) -> str:
    """`name(times)`, the most frequent first."""
    times = {name: where if isinstance(where, int) else len(where) for name, where in names.items()}
    return " ".join(f"{name}({n})" for name, n in sorted(times.items(), key=lambda one: -one[1])) or "none"


def layout(package: Path) -> dict[str, object]:
    """Figure -> value, of the text alone."""
    trees = modules(package)
    top = {path.split("/")[0] for path in trees} - {"__init__.py", "__main__.py"}
    folders = sorted(name for name in top if not name.endswith(".py"))
    every, (once, private), same = functions(trees), called_once(trees), meanings(trees)
    lines = {path: len((package / path).read_text().splitlines()) for path in trees}
    return {
        "entries at the top": f"{len(top)}: {len(folders)} folders, {len(top) - len(folders)} files",
        "folders": " ".join(folders),
        "modules": len(trees),
        "lines": sum(lines.values()),
        "longest module, lines": max((n, path) for path, n in lines.items()),
        "functions": len(every),
        "median function, lines": statistics.median(n for n, _ in every),
        "longest function, lines": max(every),
        "private functions with one caller": f"{once} of {private}, {100 * once / len(every):.0f} % of all",
        "imports between entries": len(arrows(trees)),
        **{f"{kind} that share a name": f"{len(same[kind])}: {counted(same[kind])}" for kind in same},
        "modules that define the word": counted(words(trees)),
        "variables named by a filler": counted(fillers(trees)),
    }


def trip(checkout: Path) -> dict[str, object]:
    """Figure -> value, of the run of two ranks."""
    out = {}
    for engine in ("ML", "DM"):
        one = iteration(checkout, engine)
        calls = ", ".join(f"{name} {n:g}" for name, n in sorted(one["calls"].items()))
        out[f"collective calls of an iteration, {engine}"] = calls
        if engine == "ML":
            out["frames from main to the Allreduce"] = len(one["stack"])
            out["the frames"] = " ".join(one["stack"])
            out["files entered twice"] = " ".join(twice(one["stack"])) or "none"
    return out


def commit(checkout: Path) -> str:
    """The short name of what is checked out."""
    command = ["git", "log", "-1", "--format=%h"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True).stdout.strip() or str(
        checkout
    )


def main():
    given = options(__doc__, checkouts=[str(ROOT)])
    checkouts = [Path(folder).resolve() for folder in given.checkouts]
    columns = {commit(c): {**layout(c / "nanompi"), **trip(c)} for c in checkouts}
    names = dict.fromkeys(name for figures in columns.values() for name in figures)
    rows = ({"figure": n, **{c: figures.get(n, "") for c, figures in columns.items()}} for n in names)
    report(given, rows)


if __name__ == "__main__":
    main()
