"""What the stand-in offers and what nanompi/device uses, as dotted names, for the check against CuPy."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

# inventions of the stand-in, and classes that CuPy hides behind a function
OWN = frozenset(
    """
    cupy.Race cupy.counts cupy.emulated cupy.cuda.MemoryPool.peak_bytes cupy.cuda.Stream.line
    cupy.cuda.runtime.Pinned cupy.cuda.runtime.cards cupy.cuda.runtime.number cupy.cuda.runtime.pinned
    cupy.cuda.Event.timed
    """.split()
)
CARDS = "cuda streamed pinned plans transport nccl card".split()  # of nanompi/device, that know only cards
MODULES = "cupy cupy.cuda cupy.cuda.runtime cupy.cuda.compiler cupy.fft cupyx cupyx.scipy.fft"
CLASSES = """
    cupy.ndarray cupy.RawModule cupy.cuda.Stream cupy.cuda.Event cupy.cuda.Device cupy.cuda.MemoryPool
    cupy.cuda.MemoryPointer cupy.cuda.PinnedMemoryPool
    cupy.cuda.compiler.CompileException cupy.cuda.cufft.PlanNd
    cupy.cuda.memory.OutOfMemoryError
    """


def offered() -> list[str]:
    """All public names of the stand-in that is imported now, methods and attributes too."""
    from cupy import names

    found = [f"cupy.{n}" for n in names.FUNCTIONS | names.CONSTANTS]
    for module in MODULES.split():
        public = import_module(module)
        for name, value in vars(public).items():
            if not name.startswith("_") and not inspect.ismodule(value) and _at_home(value, public):
                found.append(f"{module}.{name}")
    for path in CLASSES.split():
        found += [path, *(f"{path}.{n}" for n in vars(look(path)) if not n.startswith("_"))]
    return sorted(set(found) - OWN)


def _at_home(value, module) -> bool:
    """A thing of its own, not what the module imports from elsewhere in Python"""
    where = getattr(value, "__module__", None)
    own = where is None or where.startswith(("cupy", module.__name__))
    return own and not isinstance(value, dict)


def look(path: str):
    """The thing behind a dotted name, through attributes, or submodules where there is none."""
    first, *rest = path.split(".")
    found, way = import_module(first), first
    for name in rest:
        way = f"{way}.{name}"
        if not hasattr(found, name) and inspect.ismodule(found):
            import_module(way)
        found = getattr(found, name)
    return found


def keywords(paths: list[str]) -> dict[str, list[str]]:
    """The keywords that functions and classes of the stand-in take, where they are written out."""
    found = {}
    for path in paths:
        thing = look(path)
        if inspect.isclass(thing) and issubclass(thing, Exception):
            continue
        if inspect.isclass(thing) or inspect.isfunction(thing):
            listed = inspect.signature(thing).parameters.values()
            given = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            found[path] = [p.name for p in listed if p.kind in given and p.default is not p.empty]
    return found


def of_cards(device: Path) -> list[Path]:
    """Files of nanompi/device that know nothing but cards: there the array module is CuPy."""
    own = [path for path in device.glob("*.py") if path.stem in CARDS]
    return sorted([*own, *device.glob("checks/*.py"), *device.glob("kernels/*_cuda.py")])


def on_cards(tests: Path) -> list[Path]:
    """Files of tests that run on a card: those of tests/cuda, and the modules whose tests they take over."""
    own = sorted((tests / "cuda").glob("*.py"))
    trees = [ast.parse(path.read_text()) for path in own]
    taken = {node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules = (
        tests.parent / f"{name.replace('.', '/')}.py" for name in sorted(taken) if name.startswith("tests.")
    )
    return [*own, *(path for path in modules if path.name != "conftest.py")]


def used(paths: list[Path], called=()) -> tuple[set[str], dict[str, set[str]]]:
    """(dotted names of cupy and cupyx in Python files, {name: keywords of its calls})

    called : what else than its own name CuPy is called in them: `xp`, an argument
    NCCL is left out: both CuPy and its stand-in have it only where the library is.
    """
    names, calls = set(), {}
    for path in paths:
        tree = ast.parse(path.read_text())
        aliases = _aliases(tree) | dict.fromkeys(called, "cupy")
        aliases |= _assigned(tree, aliases)
        for node in ast.walk(tree):
            if name := _dotted(node, aliases):
                names.add(name)
            if isinstance(node, ast.Call) and (name := _dotted(node.func, aliases)):
                calls.setdefault(name, set()).update(k.arg for k in node.keywords if k.arg)
    return names, calls


def _assigned(tree, aliases) -> dict[str, str]:
    """{"runtime": "cupy.cuda.runtime"} from assignments of modules to names"""
    found = {}
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Assign)):
        ends = zip(*((e.elts if isinstance(e, ast.Tuple) else [e]) for e in (node.targets[0], node.value)))
        for target, value in ends:
            name = _dotted(value, aliases)
            if isinstance(target, ast.Name) and name in MODULES.split():
                found[target.id] = name
    return found


def _aliases(tree) -> dict[str, str]:
    """{"cp": "cupy"} from the import statements, wherever they stand"""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0]
                for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return {k: v for k, v in found.items() if v.split(".")[0] in ("cupy", "cupyx")}


def _dotted(node, aliases) -> str | None:
    name = _chain(node, aliases)
    return None if name is None or "nccl" in name.split(".") else name


def _chain(node, aliases) -> str | None:
    parts = []
    while isinstance(node, ast.Attribute):
        if node.attr == "xp" and node.attr in aliases:  # self.xp, card.xp
            return ".".join([aliases["xp"], *reversed(parts)])
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in aliases:
        return ".".join([aliases[node.id], *reversed(parts)])
    return None
