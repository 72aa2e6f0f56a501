"""The checked job, and how it is made from a file; all faults at once."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nanompi.errors import JobError, NanompiError, nearest, shown
from nanompi.job import model, order, own
from nanompi.job import tree as load
from nanompi.job.faults import Faults, Nothing, Spot
from nanompi.job.leaf import PLAIN
from nanompi.job.paths import is_made_later
from nanompi.job.sweeps import SweepOptions
from nanompi.job.tree import Sweep
from nanompi.job.yaml12 import Map, Seq, plain
from nanompi.run.foreign import left_out
from nanompi.run.options import Options
from nanompi.run.provenance import About
from nanompi.run.reading import Input, reader_of
from nanompi.step import METHODS, param, section

VERSION = 1
NAME = re.compile(r"\w(?:[\w +=@.-]*[\w+=@.-])?")


@section
class Output:
    """Where the result goes."""

    folder: str = param(
        "runs",
        kind="folder",
        level="basic",
        help="folder of all runs; this one is FOLDER/NAME/run-0001, counted up",
    )
    keep: list[str] = param(
        [], help="names of the data in the result; without it what steps on blocks gave: data, maps ..."
    )
    type: Literal["same", "float32", "uint16"] = param(
        "same",
        help="how stacks of floats are stored: as computed, in single precision, or as integers with scale "
        "and offset from 0.2 to 99.8 % of the values, half the size of float32",
    )
    tiff: Literal["off", 8, 16, 32] = param(
        "off", help="stacks as TIFF files, too, one a slice, of so many bits; 32 = floats"
    )
    zarr: bool = param(False, help="stacks as OME-Zarr 0.5, too, with levels (pip install nanompi[zarr])")


@dataclass
class Job:
    """One checked job.

    input    : what every reader knows; reader : the chosen reader with its own parameters
    steps    : step instances in order
    text     : the job file as written
    resolved : the job with every default, as plain values that read as the same job
    """

    name: str
    input: Input
    reader: Any
    steps: list
    output: Output = field(default_factory=Output)
    run: Options = field(default_factory=Options)
    about: About = field(default_factory=About)
    text: str = ""
    resolved: dict = field(default_factory=dict)


SECTIONS = {"input": Input, "output": Output, "run": Options, "sweep": SweepOptions, "about": About}
KEYS = ("nanompi", "name", "input", "steps", "output", "run", "sweep", "about", "extends", "set")


def read_job(file: str, settings: list[str] = ()) -> Job:
    """The checked job of a file, with `--set` texts. Call `nanompi.methods.discover()` before.

    Errors: JobError (DataError where only the data are to blame) with one line for each fault.
    """
    faults = Faults()
    tree = load.load(file, list(settings), faults)
    if not tree.values and len(faults):
        faults.stop()
    return job_of(tree, Path(file).stem, faults)


def read_input(file: str, settings: list[str] = ()) -> tuple[Input, Any]:
    """Input and reader of a job file, or of a scan file alone. Errors as for `read_job`."""
    faults, values = Faults(), Map()
    tree = load.Tree(values, [s for text in settings if (s := load.setting(text, faults))])
    if file.lower().endswith((".yaml", ".yml")):
        tree = load.load(file, list(settings), faults)
    else:
        load.apply(values, load.Set("input.file", file, values.place, values.place))
    _apply(tree.values, tree.sets, faults, last=True)
    given, reader = _input(_mapping(tree.values, "input", faults), faults)
    faults.stop()
    return given, reader


def written(tree: load.Tree, faults: Faults) -> Map:
    """The job as written, its sets applied and its steps complete; `tree` is used up."""
    values = tree.values
    _is_job(values, faults)
    _name_steps(values)
    left = _apply(values, tree.sets, faults, last=False)
    head(values, KEYS, faults)
    steps = order.complete(_list(values, faults), faults)
    values.put("steps", steps, *_places(values, "steps"))
    _apply(values, left, faults, last=True)
    _still_steps(steps, faults)
    return values


def _still_steps(steps: Seq, faults: Faults):
    """Has a setting put something else in the place of a step that the program has added? Of what stood in
    the job that is told already."""
    pairs = zip(steps, steps.items_at)
    others = [at for one, at in pairs if not isinstance(one, Map) or order.step_of(one) is None]
    for at in others if not len(faults) else ():
        text = (
            "a value stands in the place of a whole step: set its parameters one by one, steps.NAME.KEY=VALUE"
        )
        faults.add(at, "steps", text)


def _is_job(values: Map, faults: Faults):
    """Of a file of another kind, such as a JSON of a run, that alone is told, and not each of its keys."""
    own = sorted(str(key) for key in values.keys() - set(KEYS))
    if len(own) > 2 and not values.keys() & {"input", "steps", "run", "output"}:
        text = f"this is no job file: it has neither `input:` nor `steps:`, but {', '.join(own[:3])} ..."
        faults.add(values.place, "", f"{shown(text, 200)}; `nanompi init` writes a first one")
        faults.stop()


def job_of(tree: load.Tree, stem: str, faults: Faults) -> Job:
    """The checked job of a tree, which is used up. Errors: all faults at once, also those found before."""
    from nanompi.job.resolve import resolved

    if "stages" in tree.values:
        text = "this is a workflow, read by run, submit, check and plan; here one job is needed"
        faults.add(tree.values.keys_at["stages"], "stages", text)
        faults.stop()
    values = written(tree, faults)
    steps = values["steps"]
    given, reader = _input(_mapping(values, "input", faults), faults)
    name = job_name(values, stem, faults)
    built = [_step(one, at, faults) for one, at in zip(steps, steps.items_at)]
    output, run, about, _ = sections(values, ("output", "run", "about", "sweep"), faults)
    known = order.check_axes(built, steps, reader, faults)
    for one in getattr(output, "keep", ()):
        if known and one not in known:
            text = f'no step gives "{one}"{nearest(one, known)}; at the end there are {", ".join(known)}'
            faults.add(values.at("output"), "output.keep", text)
    faults.stop()
    job = Job(name, given, reader, built, output, run, about, tree.text)
    job.resolved = resolved(job)
    return job


def _apply(values: Map, sets: list, faults: Faults, last: bool) -> list:
    """Apply sets in order; those for steps not listed are returned, or faults when this is the last time."""
    left = []
    for one in sets:
        try:
            load.apply(values, one, METHODS["step"])
        except KeyError as e:
            left.append(one)
            if last:
                faults.add(one.place, one.path, e.args[0])
        except NanompiError as e:
            faults.add(one.place, one.path, str(e))
    return left


def head(values: Map, keys: tuple[str, ...], faults: Faults):
    """The keys at the top, of which these are known, and the version of the format."""
    for key in values:
        if key not in keys:
            text = f'unknown key "{key}"{nearest(key, keys)}; allowed: {", ".join(keys)}'
            faults.add(values.keys_at[key], key, text)
    version = values.get("nanompi")
    if "nanompi" not in values:
        faults.add(
            values.place,
            "nanompi",
            f"the version of the format is missing: write `nanompi: {VERSION}` as the first line",
        )
    elif version is True or version != VERSION:
        text = f"{version!r} is not a version of the format that this program reads; write {VERSION}"
        faults.add(values.at("nanompi"), "nanompi", text)


def _places(values: Map, key: str):
    return values.keys_at.get(key, values.place), values.at(key)


def job_name(values: Map, stem: str, faults: Faults) -> str:
    """The job's name, which names a folder and a Slurm job; that of the job file when there is none."""
    name = values.get("name", stem)
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name.encode()) > 200:
        text = f"{shown(repr(name), 80)} does not fit here; allowed: letters, digits, spaces and _.+=@-, at "
        text += "most 200 bytes; the first a letter, a digit or _"
        text += "" if "name" in values else ". It is the name of the file: write `name:`"
        hint = f' (write it in quotes: "{name}")' if type(name) in (int, float) else ""
        faults.add(values.at("name"), "name", text + hint)
    return name


def _list(values: Map, faults: Faults) -> Seq:
    """The steps as written, each a mapping."""
    given, place = values.get("steps"), values.at("steps")
    if not isinstance(given, Seq) or not given:
        faults.add(
            place,
            "steps",
            "list the steps, for example `steps: [{use: ptycho}]` (`nanompi methods` names them)",
        )
        return Seq(place)
    _name_steps(values)
    for number, one in enumerate(given):
        if isinstance(one, Map):
            one.number = number
    own.find(given, faults)
    return given


def _name_steps(values: Map):
    """`- ptycho` is short for `- use: ptycho`."""
    given = values.get("steps")
    for i, one in enumerate(given if isinstance(given, Seq) else ()):
        if isinstance(one, str):
            given[i] = order.named(one, given.items_at[i])
    own.named_shortly(given if isinstance(given, Seq) else Seq())


def _mapping(values: Map, key: str, faults: Faults) -> Map:
    given, place = values.get(key), values.at(key)
    if isinstance(given, Map) or given is None:
        return given if given is not None else Map(place)
    faults.add(
        place,
        key,
        f"{given!r} does not fit here; allowed: a mapping with {', '.join(model.parameters(SECTIONS[key]))}",
    )
    return Map(place)


def sections(values: Map, keys, faults: Faults) -> list:
    """The checked sections of a job as written; Nothing where one has faults."""
    return [_simple(values, key, faults) for key in keys]


def _simple(values: Map, key: str, faults: Faults):
    if isinstance(values.get(key), str) and hasattr(SECTIONS[key], "from_value"):
        return model.value(values[key], SECTIONS[key], PLAIN, Spot(values.at(key), (key,)), faults)
    given = _mapping(values, key, faults)
    return model.build(SECTIONS[key], given, Spot(given.place, (key,)), faults)


def _step(one, place, faults: Faults):
    if not isinstance(one, Map):
        return Nothing
    cls = order.step_of(one)
    return (
        Nothing
        if cls is None
        else model.build(cls, one, Spot(place, order.path_of(one)), faults, extra=("use",))
    )


def _input(given: Map, faults: Faults):
    """(Input, reader) of the section `input`, which holds the parameters of both."""
    spot = Spot(given.place, ("input",))
    if isinstance(given.get("file"), str) and given["file"]:
        given["file"] = model.found_file(given["file"], spot.below("file", given.at("file")), faults)
    cls, before = None, len(faults)
    if not any(isinstance(given.get(k), Sweep | Map | Seq | int | float) for k in ("file", "format")):
        cls = _reader(given, spot, faults)
    known = [*model.parameters(Input), *_own(cls)]
    for key in given:
        if key not in known:
            faults.add(given.keys_at[key], (*spot.path, key), model.unknown(key, known))
    common = model.build(Input, given, spot, faults, extra=tuple(given))
    reader = (
        model.build(cls, given, spot, faults, extra=tuple(given))
        if cls and len(faults) == before
        else Nothing
    )
    return common, reader


def _own(cls) -> list[str]:
    """Parameters of the reader; of all readers while it is not known which."""
    readers = [cls] if cls else METHODS["reader"].values()
    return list(dict.fromkeys(name for r in readers for name in model.parameters(r)))


def _reader(given: Map, spot: Spot, faults: Faults):
    key = "format" if "format" in given else "file"
    if key == "file" and any(f.path in ("input", "input.file") for f in faults.found):
        return None
    try:
        if key == "file" and is_made_later(str(given.get(key, ""))) and not os.path.exists(given[key]):
            known = f"allowed: {', '.join(METHODS['reader'])}{left_out()}"
            raise JobError(f"a stage before this one makes the file: name its reader by `format:`; {known}")
        name = reader_of(plain(given))
        if name not in METHODS["reader"]:
            raise JobError(
                f'there is no reader "{name}"; allowed: {", ".join(METHODS["reader"])}' + left_out()
            )
        return METHODS["reader"][name]
    except NanompiError as e:
        faults.add(given.at(key), (*spot.path, key), str(e), data=e.code == 3)
        return None
