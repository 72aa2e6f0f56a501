"""Everything that a job file can name: readers, steps, engines; and their parameters.

A part stands in one file with its parameters beside it and registers itself on import:

    @step("my.filter", needs=["frames"], gives=["filtered"])
    class Filter:
        '''One sentence for `nanompi methods`.'''
        width: float = param(2.0, unit="px", gt=0, help="width of the filter")

        def run(self, run): ...

    @step("my.print")
    def print_frames(run, first: int = param(3, ge=1, help="how many frames")): ...

    @step("my.smooth", each="frame")
    class Smooth:
        width: float = param(2.0, unit="px", gt=0, help="width of the filter")

        def block(self, block, info):  # (k, row, column) -> the same; see `nanompi.data.walk`
            ...

    @step("my.map", each="frame", gives={"sum": item(), "mean": total("row", "column")})
    def count(block, info, dark: float = param(0.0, help="subtracted")):
        frames = block - dark
        return {"sum": frames.sum((1, 2)), "mean": frames}

The decorated class becomes a dataclass. From the declared parameters come checks, defaults, help and the
JSON schema (`nanompi.job.model`). Nothing here knows YAML or pydantic.
"""

import dataclasses
import importlib
import inspect
from collections.abc import Iterator, MutableMapping
from typing import Any

KINDS = ("reader", "step", "engine", "projection", "partition")
LEVELS = ("basic", "expert")
OWN = "_"  # what a block step gives under such a name is for its own `finish`, which takes it away


class Parts(MutableMapping):
    """The parts of one kind by name. Of one that is only expected the module is imported when it is asked for
    by name, or with all others (`values`, `items`); names, `having` and `facts` import nothing."""

    def __init__(self):
        self._all: dict[str, type | dict[str, Any]] = {}

    def __getitem__(self, name: str) -> type:
        one = self._all[name]
        if isinstance(one, dict):
            importlib.import_module(one["module"])
            one = self._all[name]
        if isinstance(one, dict):  # its module was imported before, and the table emptied since
            raise KeyError(name)
        return one

    def __setitem__(self, name: str, cls: type):
        self._all[name] = cls

    def __delitem__(self, name: str):
        del self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name) -> bool:
        return name in self._all

    def clear(self) -> None:
        """None is left, and none imported for it."""
        self._all.clear()

    def expect(self, name: str, facts: dict[str, Any]) -> None:
        """A part that nothing has imported yet, with what `facts_of` says of it and its module."""
        self._all.setdefault(name, facts)

    def loaded(self) -> dict[str, type]:
        """Those that are imported."""
        return {name: one for name, one in self._all.items() if not isinstance(one, dict)}

    def origin(self, name: str) -> tuple[str, str] | None:
        """(module, class) of a part, "" for the class where it is not imported; None where there is none."""
        one = self._all.get(name)
        return (one["module"], "") if isinstance(one, dict) else one and (one.__module__, one.__qualname__)

    def arrange(self) -> None:
        """The program's own parts in the order of their modules, whichever was imported first: of several
        readers that recognise a file the first one takes it. Others stay where they stand."""
        modules = {name: self.origin(name)[0].split(".") for name in self._all}
        own = {name: module for name, module in modules.items() if module[0] == "nanompi"}
        order = iter(sorted(own, key=own.get))
        names = [next(order) if name in own else name for name in self._all]
        self._all = {name: self._all[name] for name in names}

    def keep(self) -> dict[str, Any]:
        """The table as it is now, for `put_back`."""
        return dict(self._all)

    def put_back(self, kept: dict[str, Any]) -> None:
        """The table as it was."""
        self._all = dict(kept)

    def facts(self, what: str) -> dict[str, Any]:
        """{name: one of the facts of `facts_of`}."""
        find = FACTS[what]
        return {name: one[what] if isinstance(one, dict) else find(one) for name, one in self._all.items()}

    def having(self, attribute: str) -> list[str]:
        """Names of the parts that have an attribute or a parameter."""
        return [name for name, one in self._all.items() if _has(one, attribute)]


def _has(part, attribute: str) -> bool:
    if isinstance(part, dict):
        return attribute in part["has"] or attribute in part["fields"]
    return hasattr(part, attribute) or attribute in getattr(part, "__dataclass_fields__", ())


FACTS: dict[str, Any] = {
    "doc": lambda part: " ".join((part.__doc__ or "").strip().split("\n\n")[0].split()),
    "gives": lambda part: list(getattr(part, "gives", ())),
    "steps": lambda part: list(getattr(part, "steps", ())),
    "last": lambda part: bool(getattr(part, "last", False)),
    "fields": lambda part: list(getattr(part, "__dataclass_fields__", ())),
    "has": lambda part: [name for name in dir(part) if not name.startswith("_")],
}


def facts_of(part: type) -> dict[str, Any]:
    """What can be known of a part before its module is imported, JSON-able: the first paragraph of its text,
    names of what it gives, steps of a first job, is it asked last, names of parameters, of attributes."""
    return {what: find(part) for what, find in FACTS.items()}


METHODS: dict[str, Parts] = {kind: Parts() for kind in KINDS}


def param(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    unit: str = "",
    bare: str = "",
    kind: str = "",
    level: str = "expert",
    same_answer: bool = False,
    word: str = "",
    **limits,
):
    """One parameter: a dataclass field with what the job file must know of it.

    default : the value when the job file is silent; without it the parameter is required. A list, dict or
        dataclass instance is copied for each use.
    help    : one sentence, shown by `nanompi methods` and in editors.
    unit    : the value may carry a unit ("55 um") and is stored in this one (SI: "m", "J", "s", "rad"; or
        "px", "B").
    bare    : the unit of a bare number, where it is not `unit`.
    kind    : the value is a chain of registered parts of this kind ("DM*100 ML*200", or a list), or the
        name of one where its type is str; or it is the name of a "file" that is read (a folder, too), of a
        "dataset" (FILE.npy or FILE.h5:/place in it) or of a "folder" that is written; or one "line" of a
        script.
    level   : "basic" for the few that a beginner touches: forms show them first, `nanompi init --level basic`
        writes no others. What is required is basic by itself.
    same_answer : another value gives the same answer but for rounding: a run that was stopped may go on
        with another one.
    word    : its name in a job, where Python has taken that for itself (`in`).
    limits  : ge, gt, le, lt.
    """
    if level not in LEVELS:
        raise TypeError(f'"{level}" is no level of a parameter; allowed: {", ".join(LEVELS)}')
    about = {"help": help, "unit": unit, "bare": bare or unit, "kind": kind, "limits": limits}
    about |= {"level": "basic" if default is dataclasses.MISSING else level, "same_answer": same_answer}
    about |= {"word": word} if word else {}
    if isinstance(default, (list, dict)) or dataclasses.is_dataclass(default):
        import copy

        return dataclasses.field(default_factory=lambda: copy.deepcopy(default), metadata=about)
    return dataclasses.field(default=default, metadata=about)


def same_answer(part) -> list[str]:
    """Names of the parameters of a part (a class or an instance) that do not change the answer."""
    return [word_of(f) for f in dataclasses.fields(part) if f.metadata.get("same_answer")]


def word_of(field: dataclasses.Field) -> str:
    """The name of a parameter in a job."""
    return field.metadata.get("word", field.name)


def section(cls):
    """A group of parameters inside a part (`probe: {start: data, modes: 3}`): a dataclass with keyword
    arguments."""
    return dataclasses.dataclass(kw_only=True)(cls)


@dataclasses.dataclass(frozen=True)
class Item:
    """A result of a block step: for each item of the block one entry with these axes."""

    axes: tuple[str, ...]
    unit: str = ""
    title: str = ""


class Total(Item):
    """The same, added up over all items of all ranks: int64 or float64, without rounding before the end."""


def item(*axes: str, unit: str = "", title: str = "") -> Item:
    """One entry for each item: `gives={"maps": item("line"), "residual": item()}`."""
    return Item(axes, unit, title)


def total(*axes: str, unit: str = "", title: str = "") -> Total:
    """The step gives one entry for each item, (k, *axes); the program adds up all of all ranks."""
    return Total(axes, unit, title)


def _part(kind: str, name: str, **marks):
    def register(thing):
        cls = _class_of(thing, bool(marks.get("each"))) if inspect.isfunction(thing) else thing
        cls = dataclasses.dataclass(kw_only=True)(cls)
        cls.kind, cls.name = kind, name
        for key, value in marks.items():
            setattr(cls, key, value)
        other = METHODS[kind].origin(name)
        if other and other not in ((cls.__module__, cls.__qualname__), (cls.__module__, "")):
            raise TypeError(f'two {kind}s are called "{name}": in {other[0]} and in {cls.__module__}')
        METHODS[kind][name] = cls
        return thing

    return register


def _class_of(function, blocks: bool = False):
    """A step class from `def f(run, a: int = param(...))`, or from `def f(block, info, a: ...)`."""
    arguments = list(inspect.signature(function).parameters.values())[2 if blocks else 1 :]
    fields = [(a.name, a.annotation, *(() if a.default is a.empty else (a.default,))) for a in arguments]

    def call(self, *given):
        return function(*given, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})

    own = {"block" if blocks else "run": call, "__reduce__": _reduced}
    cls = dataclasses.make_dataclass(function.__name__, fields, kw_only=True, namespace=own)
    cls.__doc__, cls.__module__, cls.__qualname__ = (
        function.__doc__,
        function.__module__,
        function.__qualname__,
    )
    return cls


def _reduced(self):
    """Pickle a step made from a function by its name: its module holds the function, not the class."""
    values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
    return _restored, (self.kind, self.name, values)


def _restored(kind: str, name: str, values: dict):
    return METHODS[kind][name](**values)


def step(name: str, needs=(), gives=(), *, each="", makes=(), takes="data", gpu=False):
    """Register a step: `run(self, run)` works on what earlier steps gave (`run.data`, `run.made`).

    needs, gives : names of what earlier steps must have given, and of what it gives itself; of data with axes
        {"frames": "point row column"}
    each  : it works on blocks (`nanompi.data.walk`): "frame", "sinogram", "spectrum", "pixel", "whole"
    gives : of such a step: {name: item(...) or total(...)}; without it `block` gives what replaces its items.
        "_name" is for its own `finish` alone, which takes it out of run.data
    makes : the axes of such an item, where they are not those of the block
    takes : name of the data that it walks
    gpu   : its blocks are arrays of the card where the job runs on cards
    It may have more, by which the program knows it without its name:
    lanes                    so many items are best in a block, in place of as many as a cache holds
    start_checks             its `start` refuses all that its `check` does, of images that are read once
    least                    a block has so many items where there are, though a cache holds fewer
    preceded_by              names of steps that are done before it, inserted where the job does not name them
    instead_of               {parameter: name of such a step}: where it is given, that step is not inserted
    idle(self, data)         is there nothing for it to do on such data? It is passed over then
    check(self, data)        for `nanompi check`, and for a run before it loads: raises what its `run`
        would raise of files; may give a list of notes
    maps_after(self, data, known)   names of the maps that there may be behind it, for `nanompi check`;
        known : those before it; None where the data must tell; without it nobody knows
    fits(self, known, sure)  raises what its `run` would raise of the data before it; known : {name: axes,
        None = not known}; sure : there are no others (`nanompi.data.ahead`)
    check_maps(self, known)  raises where it names a map that is none of these
    explains                 {name: what the figure means}, of its verdict, for `nanompi methods`
    logs                     the same of its log and history
    fill_in                  {parameter: example}: what a job for a file must say, though it has a default; it
        stands in a first job with the words "fill in"
    sources(self)            modules, classes, functions whose docstrings name the papers behind it, or DOIs,
        where its own docstring or module does not tell (`nanompi.papers`)
    gives_figures, summary   the figures of a finished run, by which sweeps rank (`nanompi.run.figures`)
    compares(path)           is it a result of this step? static
    compare(a, b, show=None) two of them in numbers, for `nanompi compare`: a dict that names under "judged"
        the figure that a limit is for, and may have sentences under "words", a doubt under "note"; static.
        show : a dict to be filled with what a picture shows, `nanompi.run.result.Signal`s by name
    ends_pass                True where later steps wait for its `finish` (a block step that finds something
        out of all items); the others go through their data together, block by block
    axes_of(known)           {name: axes} of the data that it gives, where `gives` cannot say it; known :
        those of the data before it
    before(self, run), after(self, run)   called by all ranks before the first step of the job, and when its
        result is written
    as_stored                {name: (step, given, last)}: it reads these data as the reader gave them; a step
        that changes them can stand behind `step` and take `given`, or behind `last`
    elsewhere(place)         where it can stand instead, for people; place : as in `as_stored`
    stay                     True where later steps walk its items again: they stay in memory, where there is
        room for them twice, and are read once
    foresee(job, threads)    memory and time beforehand, for `nanompi plan` and `bench`: an object with
        report(ranks, link, gpu, per_card, within), total(ranks, link) = (seconds, bytes of a rank) for
        workflows, and compared(books, ranks, items, link), as
        `nanompi.methods.ptycho.scaling.forecast.Forecast` has them
    """
    if not each:
        gives = _axes(gives) if isinstance(gives, dict) else tuple(gives)
        return _part("step", name, needs=tuple(needs), gives=gives, each="")
    needs = (*(() if takes == "data" else (takes,)), *needs)
    marks = {"each": each, "makes": tuple(makes), "takes": takes, "gpu": gpu}
    return _part("step", name, needs=needs, gives=dict(gives), **marks)


def idle(step, data) -> bool:
    """Has a step nothing to do on these data?"""
    return data is not None and bool(getattr(step, "idle", lambda data: False)(data))


def reader(name: str, gives: dict[str, str] | None = None, *, steps=()):
    """Register a reader: `open(self, file, given)`, and for files `recognises(path, given) -> bool` (static,
    cheap).

    gives : {"data": "angle row column"}: `open`, on rank 0, gives {name: nanompi.data.data.Data} of these
        axes, nothing loaded (data alone are {"data": data}); without it nobody knows the axes beforehand
    steps : names of those that `nanompi init` writes into a first job for such data
    """
    return _part("reader", name, gives=_axes(gives or {}), steps=tuple(steps))


def _axes(gives: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Names of axes, as texts with spaces between them."""
    return {name: tuple(text.split()) for name, text in gives.items()}


def engine(name: str):
    """Register an engine: it has `iterations`, `start(self, p)` and `iterate(self, p, i)`, p the problem; all
    that it must and may offer stands in `nanompi.methods.ptycho.engines.protocol`."""
    return _part("engine", name)


def projection(name: str):
    """Register a link of the chain of `cdi`: it has `iterations` and `coefficients(self) -> (c, d, t)`, as
    `nanompi.methods.cdi.projections` says."""
    return _part("projection", name)


def partition(name: str):
    """Register a partition: `split(self, positions, parts, weights) -> [indices]`."""
    return _part("partition", name)
