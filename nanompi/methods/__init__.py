"""What a run can do. Nothing outside this folder knows a method but by its registry."""

import importlib
import re
from pathlib import Path

from nanompi.run import index
from nanompi.run.foreign import plug_in
from nanompi.run.plugins import offered
from nanompi.step import METHODS, Parts

HERE = Path(__file__).parent
REGISTERS = re.compile(rb"^@(step|reader|engine|projection|partition)\(", re.M)


def discover() -> dict[str, Parts]:
    """All parts that register themselves, and those of the entry points `nanompi.methods` of other packages;
    one that cannot be imported is left out (`nanompi.run.foreign.BROKEN`).

    The modules of the program are imported when a part is asked for, where an index of an earlier start knows
    them (`nanompi.run.index`), else all of them now.
    """
    known = index.expected()
    for name in _modules() if not known else ():
        importlib.import_module(name)
    for parts in METHODS.values():
        parts.arrange()
    if not known:
        index.write()
    for point in offered("nanompi.methods"):
        plug_in(point)
    return METHODS


def _modules() -> list[str]:
    """Modules with a part, by their text: of five modules four have none, and need not be imported for it."""
    files = [file for file in sorted(HERE.rglob("*.py")) if REGISTERS.search(file.read_bytes())]
    names = [(__name__, *file.relative_to(HERE).with_suffix("").parts) for file in files]
    return [".".join(name).removesuffix(".__init__") for name in names]
