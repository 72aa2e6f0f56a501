"""Users' steps and plug-ins: their errors name file and line; one that cannot be imported is left out.

A part is foreign where no module of nanompi defines it. Its errors end the program with code 6, whether it is
a step, an engine, a reader or a partition, and whichever module has called it.
"""

import sys
import traceback
from contextlib import contextmanager
from typing import get_type_hints

from nanompi.errors import NanompiError, StepError
from nanompi.step import METHODS

BROKEN: dict[str, str] = {}  # name of a plug-in: why it is left out
OWN: dict[str, list[type]] = {}  # module of a user's file: its steps, which no registry holds


def foreign(part) -> bool:
    """Is it a part (a class or an instance) of somebody else's?"""
    cls = part if isinstance(part, type) else type(part)
    return not _ours(cls.__module__)


def plug_in(point):
    """Import the plug-in of an entry point; of one that fails nothing stays but the reason in `BROKEN`."""
    kept = {kind: table.keep() for kind, table in METHODS.items()}
    try:
        point.load()
        for kind, table in METHODS.items():
            for name in set(table) - set(kept[kind]):
                _typed(table[name])
        BROKEN.pop(point.name, None)
    except (Exception, SystemExit) as e:
        for kind, table in kept.items():
            METHODS[kind].put_back(table)
        BROKEN[point.name] = f'the plug-in "{point.name}" ({point.value}) cannot be imported: {cause(e)}'


def _typed(cls: type):
    """The types of its parameters are known, before anybody asks. Errors: TypeError."""
    try:
        get_type_hints(cls)
    except Exception as e:
        file = getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__)
        raise TypeError(f'{file}: {cls.kind} "{cls.name}": the type of a parameter: {e}') from None


def left_out() -> str:
    """What the message about an unknown name adds: the plug-ins that may hold it; '' where there are none."""
    return "".join(f"; {why}" for why in BROKEN.values())


def blame(error: BaseException) -> StepError | None:
    """The error of a foreign part as a StepError with its `trace`, from the part's file on; None for others.

    Errors with a message of ours and signals keep their codes, wherever they pass; so does MemoryError.
    """
    if isinstance(error, NanompiError | MemoryError | KeyboardInterrupt):
        return None
    frames = [(frame.f_globals.get("__name__", ""), frame, line)
              for frame, line in traceback.walk_tb(error.__traceback__)]  # fmt: skip
    if isinstance(error, SystemExit) and frames and _ours(frames[-1][0]):
        return None
    called = [i for i in range(1, len(frames)) if _ours(frames[i - 1][0]) and _parts(frames[i][0])]
    if not called:
        return None
    name, frame, _ = frames[called[0]]
    file, line = [(f.f_code.co_filename, at) for n, f, at in frames if _parts(n)][-1]
    failure = StepError(
        f"{_who(name, frame.f_code.co_qualname)} failed: {file}, line {line}: {_words(error)}"
    )
    stack = traceback.extract_tb(error.__traceback__)[called[0] :]
    failure.trace = "".join(["Traceback (most recent call last):\n", *traceback.format_list(stack)])
    failure.trace += "".join(traceback.format_exception_only(error))
    return failure


@contextmanager
def blamed():
    """`with blamed(): ...`: calls of parts that may be foreign; their errors leave it as StepErrors."""
    try:
        yield
    except BaseException as e:
        if (error := blame(e)) is None:
            raise
        raise error from None


def _ours(module: str) -> bool:
    return module.split(".")[0] == "nanompi"


def _parts(module: str) -> list[type]:
    """The foreign parts that this module, or another one of its package, has registered"""
    if module in OWN:
        return OWN[module]
    classes = [cls for table in METHODS.values() for cls in table.loaded().values() if foreign(cls)]
    own = [cls for cls in classes if cls.__module__ == module]
    return own or [
        cls
        for cls in classes
        if (package := cls.__module__.rpartition(".")[0]) and module.startswith(package + ".")
    ]


def _who(module: str, qualname: str) -> str:
    """The part by name: the one whose method it is, else the only one of its module"""
    parts = _parts(module)
    named = [cls for cls in parts if qualname.split(".")[0] == cls.__qualname__.split(".")[0]] or parts
    return f'{named[0].kind} "{named[0].name}"' if len(named) == 1 else f"a part of {module}"


def _words(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and isinstance(error, mpi.Exception):
        text += " (with NANOMPI_CHECK=1 in the environment the ranks say where they do different things)"
    return " ".join(text.split())


def cause(error: BaseException) -> str:
    """File, line and words: the last line of the first file that is neither ours nor Python's machinery"""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    own = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)
           if not _ours(frame.f_globals.get("__name__", ""))
           and frame.f_globals.get("__name__", "").split(".")[0] not in sys.stdlib_module_names]  # fmt: skip
    where = [f"{file}, line {line}: " for file, line in own if file == own[0][0]]
    return (where[-1] if where else "") + _words(error)
