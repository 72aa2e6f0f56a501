"""The step `python`: a function of a block in a file of the user's own, which imports and registers nothing.

    def drop_background(block, info, *, percentile: float = 5.0):
        '''Subtract from each frame the level below which this part of its pixels lies.'''
        return block - info.xp.percentile(block, percentile, axis=(1, 2), keepdims=True)

In the job: `- {python: my_steps.py:drop_background, percentile: 2}`. Its other arguments are the parameters:
annotations say their types, defaults what they are when the job is silent, a line `percentile : part of the
pixels` of the docstring what they mean. It may be a class, too: `block(self, block, info)` is its function,
what it annotates its parameters, and `start(self, run, data)` is called before the first block, where what
concerns all items can be worked out. What `nanompi.step.step` is told of a step, a function or class may
hold: `drop_background.each = "frame"`, or makes, gives, takes, gpu.
"""

import dataclasses
import inspect
import os
import re
from functools import cache
from threading import Lock
from typing import Any, Literal

import numpy as np

from nanompi.data.data import PATTERNS
from nanompi.errors import JobError, StepError
from nanompi.methods.own.blocks import dependence
from nanompi.methods.own.code import Code
from nanompi.run import foreign
from nanompi.step import param, step


@step("python", each="frame")
class Python:
    """A function of a block, in a file of yours: `- {python: my_steps.py:drop_background, percentile: 2}`.

    Unit: what the function gives.

    Source: yours.

    Example::

        - {python: my_steps.py:drop_background, percentile: 2}
    """

    use, short = "python", "function"  # `{python: X}` is short for `{use: python, function: X}`

    function: str = param(help="FILE.py:NAME, a function of a block in a file beside the job")
    each: Literal[tuple(PATTERNS)] = param("frame", help="what is whole in each item of a block")
    checksum: str = param("", help="of the file; a run writes it down, and goes on with this text alone")

    @staticmethod
    def of(function: str, given: dict | None = None) -> type:
        """The step that a function is, its parameters declared. Errors: JobError.

        function : PATH.py:NAME; given : the other keys of the step
        """
        path, _, name = function.rpartition(":")
        return step_of(Code.of(path), name, str((given or {}).get("each", "")))


class OwnStep(Python):
    """What the steps of all functions have in common.

    code, target : the file's text, and the function or class in it
    """

    code: Any = None
    target: Any = None

    def __reduce__(self):
        return _restored, (self.code, self.target.__name__, _values(self))

    def elsewhere(self, place: tuple[str, str, str]) -> str:
        """Where it can stand. place : the step that reads what it would change, the name of what this gives,
        the step whose result it may take as well"""
        step, name, last = place
        return (
            f'let it stand behind {step} and take what that gives (`{self.target.__name__}.takes = "{name}"` '
            f"in its file), or behind {last}"
        )

    def codes(self) -> list[Code]:
        """The texts of which the run folder holds a copy."""
        return [self.code]

    def start(self, run, data):
        """Ready for blocks: the user's own `start`, too. Rank 0 tries its first block in pieces."""
        self.untried, self.lock, self.counts = run.team.root, Lock(), []
        self.call = self._callable()
        if hasattr(self.target, "start"):
            self.user.start(run, data)

    def finish(self, run):
        """The user's own; a warning where what it gives is no numbers."""
        if hasattr(self.target, "finish"):
            self.user.finish(run)
        counts = np.array([(0, 0), *self.counts], np.int64).sum(0)
        run.team.sum(counts)
        if counts[0]:
            run.warn(f"{self.name}: {counts[0]} of {counts[1]} values that it gives are NaN or infinite")

    def block(self, block, info):
        """What the function gives. Errors: StepError where that is not an entry for each item, or depends on
        the block."""
        try:
            made = self.call(block, info)
        except ValueError as e:
            if "read-only" in str(e):
                e.add_note("A block is read-only, since it may be a part of the data: work on a copy of it.")
            raise
        for value in made.values() if isinstance(made, dict) else [made]:
            self._check_shape(value, len(block))
            self.counts.append((int((~info.xp.isfinite(value)).sum()), np.size(value)))
        self._try(block, info)
        return made

    def _check_shape(self, made, n: int):
        """Errors: StepError where it is not one entry for each of n items."""
        if made is None:
            raise self._failed("it gives None; does it end in `return ...`?")
        if (shape := np.shape(made))[:1] != (n,):
            raise self._failed(
                f"it gives an array of the shape {shape} for a block of {n} items; the first axis counts the "
                "items, and each must have one entry"
            )
        kind = getattr(made, "dtype", None) or np.asarray(made).dtype
        if kind.kind not in NUMBERS:
            raise self._failed(f"it gives values of type {kind}; numbers are needed")

    def _failed(self, why: str) -> StepError:
        return StepError(f'step "{self.name}" failed: {why}')

    def _callable(self):
        values = {name: value for name, value in _values(self).items() if name not in TAKEN}
        if inspect.isfunction(self.target):
            return lambda block, info: self.target(block, info, **values)
        self.user = self.target(**values) if dataclasses.is_dataclass(self.target) else self.target()
        vars(self.user).update(values)
        return self.user.block

    def _try(self, block, info):
        """The first block that can be cut is done again in pieces. Errors: StepError where these differ."""
        with self.lock:
            first = self.untried and len(block) > 1
            self.untried = self.untried and not first
        if first and (difference := dependence(self._on_host, block, info)):
            raise self._failed(
                f"{self.target.__name__} takes statistics over its block, or draws random numbers: its "
                f"result depends on how many items a block has ({difference}). Blocks differ between "
                "machines and numbers of ranks. Reduce along the axes of an item alone; what all items must "
                "be known for belongs into `start` of a class"
            )

    def _on_host(self, block, info):
        made = self.call(block, info)
        if isinstance(made, dict):
            return {name: info.device.host(value) for name, value in made.items()}
        return info.device.host(made)


NUMBERS = "biufc"  # kinds of dtypes
TAKEN = tuple(f.name for f in dataclasses.fields(Python))


def step_of(code: Code, name: str, each: str = "") -> type:
    """The step that a function or class of a file is. each : what the job says of it. Errors: JobError."""
    return _class(code, name, each if each in PATTERNS else getattr(code.get(name), "each", Python.each))


@cache
def _class(code: Code, name: str, each: str) -> type:
    target = code.get(name)
    fields = [_with_default("each", each), _with_default("checksum", code.checksum)]
    about = {"code": code, "target": staticmethod(target), "__doc__": target.__doc__ or name}
    own = {"bases": (OwnStep,), "kw_only": True, "namespace": about}
    cls = dataclasses.make_dataclass(name, [*fields, *_parameters(target, code)], **own)
    cls.__module__, cls.__qualname__ = target.__module__, target.__qualname__
    cls.name = f"{os.path.basename(code.path)}:{name}"
    for mark in ("makes", "gives", "takes", "gpu"):
        setattr(cls, mark, getattr(target, mark, getattr(Python, mark)))
    cls.needs = () if cls.takes == Python.takes else (cls.takes,)
    foreign.OWN[cls.__module__] = [*foreign.OWN.get(cls.__module__, []), cls]
    return cls


def _with_default(name: str, default: str) -> tuple:
    """A parameter of `Python` with another default."""
    known = next(f for f in dataclasses.fields(Python) if f.name == name)
    return name, known.type, dataclasses.field(default=default, metadata=known.metadata)


def _parameters(target, code: Code) -> list[tuple]:
    """(name, annotation, field) of each. Errors: JobError."""
    where = f"{code.path}: {target.__name__}"
    if inspect.isclass(target):
        if not callable(getattr(target, "block", None)):
            raise JobError(f"{where} has no block(self, block, info)")
        own = _annotated(target, where)
    else:
        own = {a.name: (a.annotation, a.default) for a in _arguments(target, where)}
    if taken := [name for name in own if name in (*TAKEN, "use", "python")]:
        raise JobError(
            f"{where}: a parameter cannot be called {taken[0]}, which is the step's own; rename it"
        )
    return [(n, _type(hint, default), _field(target, n, default)) for n, (hint, default) in own.items()]


def _annotated(target, where: str) -> dict[str, tuple]:
    """{name: (annotation, default)} of what a class annotates. Errors: JobError where it cannot be made."""
    if dataclasses.is_dataclass(target):
        return {f.name: (f.type, f) for f in dataclasses.fields(target) if f.init}
    try:
        inspect.signature(target).bind()
    except TypeError as e:
        raise JobError(f"{where}: it must be possible to make one without arguments: {e}") from None
    hints = vars(target).get("__annotations__", {})
    return {n: (h, vars(target).get(n, dataclasses.MISSING)) for n, h in hints.items() if n[0] != "_"}


def _arguments(function, where: str) -> list[inspect.Parameter]:
    """Those behind `block` and `info`."""
    known = list(inspect.signature(function).parameters.values())
    any_kind = any(a.kind in (a.VAR_POSITIONAL, a.VAR_KEYWORD) for a in known)
    if len(known) < 2 or any_kind or not _may_be_info(known[1]):
        raise JobError(
            f"{where}{inspect.signature(function)} is no function of a block; write it as "
            f"{function.__name__}(block, info, *, parameter: float = 1.0)"
        )
    return known[2:]


def _may_be_info(second: inspect.Parameter) -> bool:
    """Is the second argument what it must be? `f(block, percentile=2.0)` has a parameter in its place."""
    free = second.default in (second.empty, None) or second.name == "info"
    return free and second.kind is not second.KEYWORD_ONLY


def _type(hint, default):
    """The annotation; without it the type of the default."""
    if hint is not inspect.Parameter.empty:
        return hint
    return type(default) if isinstance(default, bool | int | float | str) else Any


def _field(target, name: str, default) -> dataclasses.Field:
    if isinstance(default, dataclasses.Field):  # made by `param`, or of a dataclass
        made = default.default_factory is not dataclasses.MISSING
        value = {"default_factory": default.default_factory} if made else {"default": default.default}
        return dataclasses.field(**value, metadata=default.metadata)
    missing = default is inspect.Parameter.empty or default is dataclasses.MISSING
    return param(dataclasses.MISSING if missing else default, help=_help(target, name))


def _help(target, name: str) -> str:
    """The line `name : text` of a docstring."""
    line = re.search(rf"(?m)^\s*{re.escape(name)}\s*:\s*(.+)$", target.__doc__ or "")
    return line[1].strip() if line else ""


def _values(one) -> dict[str, Any]:
    return {f.name: getattr(one, f.name) for f in dataclasses.fields(one)}


def _restored(code: Code, name: str, values: dict):
    return step_of(code, name, values["each"])(**values)
