"""Workflow files: a job file with `stages:` in place of `steps:`; every item checked as a job of its own.

stages:
  ptycho:
    foreach: {scan: 1001-1024}
    extends: one-angle.yaml
    set: {input.file: "raw/{scan}.h5"}
  volume:
    needs: {ptycho: 0.9}
    input: {file: "{ptycho}"}
    steps: [tomo]
"""

import copy
import json
import math
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, NanompiError, nearest, shown
from nanompi.io.atomic import own_folder, write_text
from nanompi.job import braces, foreach, model
from nanompi.job import tree as load
from nanompi.job.faults import Fault, Faults, Nothing, Spot
from nanompi.job.job import Output, head, job_name, job_of, sections
from nanompi.job.paths import made_later
from nanompi.job.same_faults import kinds, told
from nanompi.job.sweeps import folder_name, label
from nanompi.job.yaml12 import Map, Seq
from nanompi.step import param, section
from nanompi.units import seconds

KEYS = ("nanompi", "name", "stages", "output", "run", "about", "extends", "set")
JOB_KEYS = ("extends", "set", "input", "steps", "output", "run", "about")
SHARED = ("output", "run", "about")  # sections of the file that stand for all its stages
NAMED = ("previous", "input", "output", "run", "about", "set", "steps")  # no stage can have these names
TASKS = 1000  # of one array at most, where the file does not say how long a chunk is
CHAIN = 8  # items of a chunk where each begins with what the one before it made


@section
class Resources:
    """What a stage wants of Slurm where the site says something else."""

    time: str | int | None = param(None, help="wall time of a task: 30min, 4h, 4:00:00")
    ranks: int | None = param(None, ge=1, help="ranks of a task")
    nodes: int | None = param(None, ge=1, help="nodes they are spread over")
    cores: int | None = param(None, ge=1, help="CPU cores of each rank")
    gpus: int | None = param(None, ge=0, help="GPUs of a node, one for each of its ranks")
    memory: str | None = param(None, kind="line", help="memory of each core: 4G")
    partition: str | None = param(None, kind="line", help="partition (queue)")
    account: str | None = param(None, kind="line", help="account that pays")
    options: list[str] | None = param(None, kind="line", help="further options of sbatch")

    def __post_init__(self):
        if self.time is not None:
            seconds(self.time)


@section
class StageOptions:
    """How the items of a stage are run."""

    chunk: int | None = param(
        None,
        ge=1,
        help="items of a chain (`{previous}`) and of one Slurm task; without it found by the program",
    )
    group: int | None = param(None, ge=1, help="ranks of an item; without it all ranks work on each item")
    at_once: int | None = param(None, ge=1, help="most items that run at the same time")
    slurm: Resources = param(
        Resources(), help="what its tasks want of Slurm where the site says something else"
    )


@dataclass
class Item:
    """One run of a stage.

    name   : of its folder; values : by the keys of `foreach`
    job    : checked, with `{previous}` the folder of the item before it in its chunk
    alone  : the same where there is none: all values with `{previous}` are left out; None where none is named
    """

    number: int
    name: str
    values: dict[str, Any]
    chunk: int = 0
    job: Any = None
    alone: Any = None


@dataclass
class Stage:
    """One stage: its items, the share of the items of others that it needs, and how it is run."""

    name: str
    needs: dict[str, float] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    group: int | None = None
    at_once: int | None = None
    slurm: dict[str, Any] = field(default_factory=dict)

    @property
    def chunks(self) -> list[list[Item]]:
        """The items of each chunk, in order."""
        out: dict[int, list[Item]] = {}
        for one in self.items:
            out.setdefault(one.chunk, []).append(one)
        return list(out.values())

    def __str__(self) -> str:
        return f"{self.name}: {len(self.items)} item{'s' * (len(self.items) != 1)}"

    @property
    def about(self) -> str:
        """Items, chunks, needs, input and steps in one line."""
        job, chunks = self.items[0].job, len(self.chunks)
        needs = ", ".join(f"{share:g} of {name}" for name, share in self.needs.items())
        words = [str(self) + f" in {chunks} chunks" * (1 < chunks < len(self.items))]
        words += [f"needs {needs}"] * bool(needs)
        words += [f"{self.group} rank{'s' * (self.group != 1)} each"] if self.group else []
        words += [f"at most {self.at_once} at once"] if self.at_once else []
        steps = ", ".join(step.name for step in job.steps)
        return "; ".join([*words, f"input by {job.reader.name}, steps {steps}"])


@dataclass
class Workflow:
    """A checked workflow. output : its section, for the folder of runs; text : the file as written.

    folder : the folder that stood for that of the workflow while its jobs were checked
    """

    name: str
    stages: list[Stage]
    output: Output
    text: str
    folder: str

    def __str__(self) -> str:
        return f"{self.name}: " + "; ".join(map(str, self.stages))


def read_workflow(file: str, settings: list[str] = ()) -> Workflow:
    """The checked workflow of a file, with `--set` texts. Call `nanompi.methods.discover()` before.

    A setting below `stages.NAME` that is no key of the stage is one of its jobs: stages.ptycho.run.threads=2.
    Errors: JobError (DataError where only the data are to blame) with one line for each fault.
    """
    faults = Faults()
    tree = load.load(file, list(settings), faults)
    if not tree.values and len(faults):
        faults.stop()
    with tempfile.TemporaryDirectory(prefix="nanompi-workflow-") as folder:
        return _Reader(tree, folder, faults).workflow(Path(file).stem)


class _Reader:
    """Reads one tree. folder : stands for that of the workflow"""

    def __init__(self, tree: load.Tree, folder: str, faults: Faults):
        self.values, self.faults, self.folder = tree.values, faults, Path(folder)
        self.text, self.sets = tree.text, tree.sets

    def workflow(self, stem: str) -> Workflow:
        """All stages, each with its jobs; all faults at once."""
        self._apply()
        head(self.values, KEYS, self.faults)
        name = job_name(self.values, stem, self.faults)
        output = sections(self.values, ("output",), self.faults)[0]
        stages: list[Stage] = []
        for key in self._stages():
            stages.append(self._stage(key, name, stages))
        self.faults.stop()
        return Workflow(name, stages, output, self.text, str(self.folder))

    def _apply(self):
        """Settings of the file and of the command line; those of jobs go into the `set` of their stage."""
        for one in self.sets:
            try:
                if of_jobs := self._of_jobs(one.path):
                    stage, path = of_jobs
                    _set_of(stage, one, path)
                else:
                    load.apply(self.values, one)
            except (KeyError, NanompiError) as error:
                self.faults.add(one.place, one.path, str(error.args[0]))

    def _of_jobs(self, path: str) -> tuple[Map, str] | None:
        """(stage, path in its jobs) where a setting is one of the jobs of a stage"""
        stages, (top, *words) = self.values.get("stages"), path.split(".", 2)
        if top != "stages" or len(words) < 2 or not isinstance(stages, Map):
            return None
        stage, key = stages.get(words[0]), words[1].split(".")[0]
        own = key in (*model.parameters(StageOptions), "foreach", "needs")
        return None if own or not isinstance(stage, Map) else (stage, words[1])

    def _stages(self) -> Map:
        given, place = self.values.get("stages"), self.values.at("stages")
        if not isinstance(given, Map) or not given:
            self.faults.add(
                place, "stages", "name the stages: stages: {first: {input: ..., steps: ...}, second: ...}"
            )
            return Map(place)
        return given

    def _stage(self, key: str, workflow: str, earlier: list[Stage]) -> Stage:
        """One stage with its items; what is wrong with it is noted."""
        stages, spot = self.values["stages"], Spot(self.values["stages"].keys_at[key], ("stages", key))
        given = stages[key]
        if not foreach.KEY.fullmatch(key.replace("-", "_")) or key in NAMED:
            text = f'"{key}" cannot name a stage: letters, digits, _ and -, at most 40, the first a letter'
            self.faults.add(spot.place, spot.path, text + f"; not {', '.join(NAMED)}")
        if not isinstance(given, Map):
            text = f"{shown(repr(given), 80)} is no stage: a mapping with {', '.join(_allowed())}"
            self.faults.add(stages.at(key), spot.path, text)
            return Stage(key)
        self._keys(given, spot)
        names = [one.name for one in earlier]
        stage = Stage(key, self._needs(given, spot, names))
        chunk = self._options(stage, given, spot)
        own = _some(given, JOB_KEYS)
        self._items(stage, given, own, spot, (names, chunk))
        if stage.items:
            _Jobs(self, stage, own, workflow).check(names)
        return stage

    def _keys(self, given: Map, spot: Spot):
        for key in given:
            if key not in _allowed():
                text = f'unknown key "{key}"{nearest(key, _allowed())}; allowed: {", ".join(_allowed())}'
                self.faults.add(given.keys_at[key], (*spot.path, key), text)

    def _options(self, stage: Stage, given: Map, spot: Spot) -> int | None:
        """How the items are run, into the stage; items of a chunk, where the file says it."""
        own = _some(given, model.parameters(StageOptions))
        options = model.build(StageOptions, own, spot, self.faults)
        if options is Nothing:
            return None
        stage.group, stage.at_once = options.group, options.at_once
        wants = {name: getattr(options.slurm, name) for name in model.parameters(Resources)}
        stage.slurm = {name: value for name, value in wants.items() if value is not None}
        return options.chunk

    def _needs(self, given: Map, spot: Spot, earlier: list[str]) -> dict[str, float]:
        """{stage: share}, also of `needs: ptycho` and `needs: [ptycho]`."""
        asked, here = given.get("needs"), spot.below("needs", given.at("needs"))
        if asked is None:
            return {}
        pairs = [(asked, 1.0, here.place)]
        if isinstance(asked, Map):
            pairs = [(key, value, asked.at(key)) for key, value in asked.items()]
        elif isinstance(asked, Seq):
            pairs = [(one, 1.0, place) for one, place in zip(asked, asked.items_at)]
        for key, share, place in pairs:
            if key not in earlier:
                known = f"allowed: {', '.join(earlier)}" if earlier else "it is the first"
                text = (
                    f"{shown(repr(key), 40)} is no stage before this one{nearest(str(key), earlier)}; {known}"
                )
                self.faults.add(place, here.path, text)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                text = f"{shown(repr(share), 40)} is not the share of items that must be there: 0 to 1"
                self.faults.add(place, (*here.path, str(key)), text)
        return {key: share for key, share, _ in pairs if key in earlier}

    def _items(self, stage: Stage, given: Map, own: Map, spot: Spot, known: tuple):
        """Number, name, values and chunk of each item. known : (names of earlier stages, items of a chunk)"""
        earlier, chunk = known
        rows = [foreach.One({}, {})]
        if "foreach" in given:
            here = spot.below("foreach", given.at("foreach"))
            taken = ["previous", *earlier, stage.name]
            rows = foreach.items(given["foreach"], here, taken, self.faults)
            stage.keys = list(given["foreach"]) if rows else []
        chain = "previous" in braces.words(own)
        if chain and "foreach" not in given:
            self.faults.add(spot.place, spot.path, "{previous} needs a `foreach:`: there is one item alone")
        length = chunk or (CHAIN if chain else math.ceil(len(rows) / TASKS)) or 1
        for k, row in enumerate(rows):
            name = folder_name(k, label(row.names)) if row.names else f"{k:04d}"
            stage.items.append(Item(k, name, row.values, k // length))
        write_items(self.folder, stage)


def write_items(folder: Path, stage: Stage):
    """STAGE/items.json: the items of a stage, for the reader of a later one."""
    items = [{"folder": one.name, "values": one.values} for one in stage.items]
    own_folder(folder / stage.name)
    text = json.dumps({"stage": stage.name, "foreach": stage.keys, "items": items}, indent=1)
    write_text(folder / stage.name / "items.json", text + "\n")


class _Jobs:
    """The jobs of one stage."""

    def __init__(self, reader: _Reader, stage: Stage, own: Map, workflow: str):
        self.reader, self.stage, self.workflow = reader, stage, workflow
        for key in [k for k in SHARED if isinstance(reader.values.get(k), Map)]:
            shared = copy.deepcopy(reader.values[key])
            if isinstance(own.get(key), Map):
                load.merge(shared, own[key])
            if key not in own or isinstance(own[key], Map):
                own.put(key, shared, reader.values.keys_at[key], reader.values.at(key))
        own.put("nanompi", 1, own.place, own.place)
        self.own, self.first = own, _without_previous(own)
        self.chain = "previous" in braces.words(own)

    def check(self, earlier: list[str]):
        """Make the job of each item; the faults of all are told, those of many items once."""
        stage, spot = self.stage, Spot(self.own.place, ("stages", self.stage.name))
        known = {name: str(self.reader.folder / name) for name in earlier}
        example = {**stage.items[0].values, **known, **({"previous": ""} if stage.keys else {})}
        braced = Faults()
        braces.check(self.own, example, spot, braced)
        self.reader.faults.found += braced.found
        for name in [one for one in earlier if one in braces.words(self.own)]:
            stage.needs.setdefault(name, 1.0)
        spoilt = {fault.place for fault in braced.found}
        pairs = [(item, fault) for item in stage.items for fault in self._item(item, known)]
        found = kinds([pair for pair in pairs if pair[1].place not in spoilt])
        self.reader.faults.found += [told(same, len(stage.items), spot) for same in found]

    def _item(self, item: Item, known: dict[str, Any]) -> list[Fault]:
        """Make both jobs of an item; their faults."""
        before = self.stage.items[item.number - 1] if item.number else None
        before = before if before and before.chunk == item.chunk else None
        words, faults = {**item.values, **known}, Faults()
        if self.chain:
            item.alone = self._job(item, self.first, words, faults)
        if before and self.chain:
            words["previous"] = str(self.reader.folder / self.stage.name / before.name)
            item.job = self._job(item, self.own, words, faults)
        else:
            item.job = item.alone or self._job(item, self.first, words, faults)
            item.alone = None
        return faults.ordered()

    def _job(self, item: Item, own: Map, words: dict[str, Any], faults: Faults):
        values, title = braces.filled(own, words), f"{self.workflow} {self.stage.name} {item.name}"
        values.put("name", title.encode()[:200].decode(errors="ignore").rstrip(), own.place, own.place)
        found = Faults()
        try:
            with made_later(str(self.reader.folder)):
                tree = load.inner(values, found)
                job = job_of(tree, "", found)
        except NanompiError:
            if not len(found):
                raise
            faults.found += found.found
            return None
        return replace(job, text=self.reader.text)


def _allowed() -> list[str]:
    return ["foreach", "chunk", "group", "at_once", "needs", "slurm", *JOB_KEYS]


def _some(given: Map, names) -> Map:
    """Those of a mapping that have one of these names, with their places."""
    out = Map(given.place)
    for name in [one for one in names if one in given]:
        out.put(name, given[name], given.keys_at[name], given.values_at[name])
    return out


def _set_of(stage: Map, one: load.Set, path: str):
    """A setting of the command line goes into `set:` of a stage."""
    if not isinstance(stage.get("set"), Map):
        if stage.get("set") is not None:
            raise JobError("`set:` of the stage is not a mapping")
        stage.put("set", Map(one.place), one.place, one.place)
    stage["set"].pop(path, None)  # the last word counts
    stage["set"].put(path, one.value, one.place, one.value_at)


def _without_previous(own: Map) -> Map:
    """The same without what begins with the item before: parameters of the input and of steps, and sets."""
    out = copy.deepcopy(own)
    parts = [out.get(key) for key in ("input", "set", "output", "run", "about")]
    parts += out["steps"] if isinstance(out.get("steps"), Seq) else []
    for part in [p for p in parts if isinstance(p, Map)]:
        for key in [k for k, value in part.items() if "previous" in braces.words(value)]:
            del part[key]
    return out
