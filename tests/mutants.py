"""Random mutants: does a test fail when a comparison, a sum, a boolean or a number of the program is wrong?

    python tests/mutants.py [--number 150] [--seed 1] [--skip 0] [--modules data io/links ...]

One operator or number of one line is changed in a copy of the tree: < and <=, == and !=, `in` and `not in`,
+ and -, * and /, & and |, `and` and `or`, `not x` and x, True and False, n and n + 1 or n - 1. Texts, errors
that are raised, limits and defaults of parameters are left alone. The tests of the module's own name run
first, then those of its folder, then some of the whole program, in a child of this process for each mutant,
until one fails. Prints the survivors.
"""

import argparse
import ast
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("methods/ptycho/read", "methods/ptycho/partition", "methods/ptycho/prepare", "run/writers", "data")
PROGRAM = ("tests/test_jobs.py::test_generic_hdf5", "tests/test_jobs.py::test_siemens_star")
RANKS = {"scatter": ["tests/mpi/test_mpi_split.py"], "load": ["tests/mpi/test_mpi_split.py"]}
SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
QUIET = {"param", "section", "step", "reader", "engine", "partition", "dataclass", "field"}


@dataclass
class Mutant:
    """One change: file, line, what stood there, what stands there now, the whole text with it."""

    file: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.before} -> {self.after}"


def sites(tree: ast.AST):
    """(node, change) for all that can be changed; change(node) alters a copy of the node and returns it."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
            continue
        if isinstance(child, ast.Call) and getattr(child.func, "id", "") in QUIET:
            continue
        if isinstance(child, ast.BinOp) and isinstance(child.op, ast.Mod | ast.Add) and _text(child):
            continue
        yield from ((child, change) for change in _changes(child))
        yield from sites(child)


def _text(node) -> bool:
    return any(isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
               for n in (node.left, node.right))  # fmt: skip


def _changes(node):
    if isinstance(node, ast.Compare):
        yield from (
            lambda n, i=i: n.ops.__setitem__(i, SWAPS[type(n.ops[i])]()) for i in range(len(node.ops))
        )
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
        yield lambda n: setattr(n, "op", SWAPS[type(n.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield (
            lambda n: (
                setattr(n, "op", ast.UAdd())
                or setattr(n, "operand", ast.Call(ast.Name("bool"), [n.operand], []))
            )
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield from (lambda n, d=d: setattr(n, "value", n.value + d) for d in (1, -1))


def mutant(path: Path, number: int) -> Mutant:
    """One of the mutants of a module, in the order of `sites`."""
    tree = ast.parse(path.read_text())
    node, change = list(sites(tree))[number]
    before = ast.unparse(node)
    change(node)
    return Mutant(str(path.relative_to(ROOT)), node.lineno, before, ast.unparse(node), ast.unparse(tree))


def tests(file: str) -> list[str]:
    """The test files for a module, the nearest first."""
    folder, name = Path(file).parent.relative_to("nanompi"), Path(file).stem
    own = ROOT / "tests" / folder
    named = sorted(own.glob(f"test_{name}*.py")) + sorted(own.parent.glob(f"test_{name}*.py"))
    others = sorted(own.glob("test_*.py")) if folder.parts else []
    both = ("prepare", "read") if own.name in ("prepare", "read") else ()  # they lean on each other
    related = [path for other in both for path in sorted((own.parent / other).glob("test_*.py"))]
    files = [str(path.relative_to(ROOT)) for path in dict.fromkeys([*named, *others, *related])]
    return [*files, *RANKS.get(name, []), *PROGRAM]


def survives(tree: Path, one: Mutant, seconds: float) -> bool:
    """Run the tests in a child that has the mutant in its copy of the tree; do they all pass?"""
    target = tree / one.file
    whole = target.read_text()
    target.write_text(one.text)
    child = os.fork()
    if child == 0:
        _test(tree, tests(one.file))
    end = time.monotonic() + seconds
    try:
        while (done := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < end:
            time.sleep(0.05)
        if done[0] == 0:  # it hangs, which no test run overlooks
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        return done[1] == 0
    finally:
        target.write_text(whole)


def _test(tree: Path, files: list[str]):
    """In the child: pytest in the copy; ends the process with its exit code"""
    os.setpgid(0, 0)
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1), os.dup2(null, 2)
    import pytest

    with tempfile.TemporaryDirectory() as own:
        code = pytest.main(
            ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={own}/t", "-m", "not slow", *files]
        )
    os._exit(int(code))


def _module(name: str) -> Path:
    return ROOT / f"nanompi/{name}.py"


def main():
    """Print each survivor, then the count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", nargs="+", default=MODULES, help="folders or modules of nanompi")
    parser.add_argument("--skip", type=int, default=0, help="the first ones, tried by an earlier call")
    parser.add_argument("--seconds", type=float, default=600, help="then it hangs, which no test overlooks")
    args = parser.parse_args()
    places = [p for m in args.modules for p in sorted((ROOT / "nanompi" / m).glob("*.py")) or [_module(m)]]
    found = [(p, k) for p in places for k in range(len(list(sites(ast.parse(p.read_text())))))]
    chosen = random.Random(args.seed).sample(found, min(args.number, len(found)))[args.skip :]
    for name in ("h5py", "hdf5plugin", "numba", "pydantic", "pytest", "scipy.fft", "yaml"):
        importlib.import_module(name)  # once for all children
    left = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "*.egg-info", "runs"))
        for number, place in enumerate(chosen, 1):
            one = mutant(*place)
            if survives(tree, one, args.seconds):
                left.append(one)
                print(f"survived ({len(left)} of {number}): {one}", flush=True)
            print(f"{number} tried", end="\r", file=sys.stderr, flush=True)
    print(f"{len(left)} of {len(chosen)} mutants survive ({100 * len(left) / max(1, len(chosen)):.0f} %), "
          f"of {len(found)} in {', '.join(args.modules)}; seed {args.seed}")  # fmt: skip


if __name__ == "__main__":
    main()
