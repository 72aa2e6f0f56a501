"""Results of block steps: large ones written in place into the result file while it grows; what is done.

Rank 0 lays the file out under a name of its own beside result.h5; every rank writes its rows there. What is
done is known from checkpoints (`run.checkpoint`): numbers of the rows, the small results of these, sums so
far, and what the steps before have found. A resumed run does the other rows alone, on any number of ranks.
"""

import copy
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.data.data import Data, count
from nanompi.data.exact import ExactSum
from nanompi.data.infile import ArrayInFile, RowsInFile
from nanompi.data.respread import shares
from nanompi.data.scaling import Scaling, sampled, scaling_of
from nanompi.errors import JobError, common
from nanompi.io import growing
from nanompi.io.atomic import complaint, remove
from nanompi.run.checkpoint import State
from nanompi.run.control import BLOCK
from nanompi.run.kept_pictures import about, arrays_of, pictures_of
from nanompi.run.pace import Pace
from nanompi.run.status import quiet
from nanompi.step import OWN

LARGE = 4 << 20  # bytes of a result from which on it is written in place
NAME = ".result.h5.{}.part"
TALLY = "tally"  # above the names of what a step adds up by itself, in a checkpoint
OFTEN = 0.5  # seconds of work between two looks of all ranks, where nothing of a pass goes to the file


class Store:
    """The large results of a run.

    kind  : how floats of three axes and more are stored: "same" = as computed, "float32", "uint16"
    final : names of the results of the steps at work that nothing later takes the place of
    arrays: {name: ArrayInFile} that have their place, complete or not
    """

    def __init__(self, run, kind: str = "same"):
        self.run, self.team, self.kind = run, run.team, kind
        self.folder = run.team.bcast(Path(run.folder).absolute() if run.team.root and run.folder else None)
        self.path: Path | None = None
        self.arrays: dict[str, ArrayInFile] = {}
        self.final: set[str] = set()
        self.seen: bool | None = None
        self.found: dict[str, Any] = {}
        self.saved, self.done = None, []
        self.last, self.facts = 0, {}
        self.numbers: dict[int, int] = {}
        self.finished: set[int] = set()
        self.pace, self.gentle = Pace(), False
        if saved := self._saved():
            self._adopt(saved)
        elif self.folder and run.team.root:
            self._clear()

    # ---- places in the file ----------------------------------------------------------------------------

    def shared(self) -> bool:
        """Do all ranks see the folder of the result? (collective, the first time)"""
        if self.folder is None:
            return False
        if self.seen is None:
            sign = self.team.on_root(self._sign)
            self.seen = self.team.all(sign.exists() and os.access(self.folder, os.W_OK))
            if self.team.root:
                sign.unlink(missing_ok=True)
            if not self.seen:
                self.run.say(f"large results go through rank 0: not every rank sees {self.folder}")
        return self.seen

    def _sign(self) -> Path:
        """A file whose name nobody can guess (rank 0)."""
        sign = self.folder / f".seen-{secrets.token_hex(8)}"
        try:
            sign.touch()
        except OSError as error:
            raise complaint(sign, 0, error) from error
        return sign

    def sampled(self, n: int) -> np.ndarray:
        """Which of n rows must be done first: those by which a range of values is found."""
        return sampled(n) if self.kind == "uint16" and self.final else np.arange(0)

    def place(self, name: str, shape: tuple[int, ...], dtype, sample=None) -> ArrayInFile | None:
        """Where a result belongs, all in one file (collective); None = in memory.

        sample : values of this rank among the `sampled` rows, where it has some
        Errors: ResourceError where the disk has no room.
        """
        scaled = np.dtype(dtype).kind == "f" and len(shape) > 2 and self.kind != "same"
        size = count(shape) * np.dtype(dtype).itemsize
        if not size or not (size > LARGE or scaled) or not self.shared():
            return None
        if (known := self.arrays.get(name)) and known.shape == tuple(shape):
            return known
        scaling, stored = None, np.dtype(np.float32 if scaled else dtype)
        if scaled and self.kind == "uint16":
            scaling, stored = self.scaling(sample), np.dtype(np.uint16)
        start = self.team.on_root(lambda: self._start(name, shape, stored))
        self.path = self.team.bcast(self.path)
        self.arrays[name] = ArrayInFile(self.path, start, tuple(shape), stored, scaling)
        return self.arrays[name]

    def scaling(self, sample) -> Scaling:
        """From the sampled rows of all ranks (collective)."""
        return scaling_of(self.team, np.empty(0, np.float32) if sample is None else sample)

    def _start(self, name: str, shape, dtype) -> int:
        """The byte at which a new array begins (rank 0)."""
        path = self.path or self.folder / NAME.format(secrets.token_hex(4))
        try:
            start = growing.place(path, f"entry_1/{name}/data", shape, dtype)
        except BaseException:
            if self.path is None:
                remove(path)
            raise
        self.path = path
        return start

    def stored(self, name: str, data: Data) -> Data:
        """The same data in the file, where they are large: each rank writes what it holds (collective)."""
        mine = any(data.source is array for array in self.arrays.values())
        if mine or not data.spread or not (data.values is not None or isinstance(data.source, ArrayInFile)):
            return data
        axis, sample = data.axes.index(data.spread), None
        if self.kind == "uint16" and data.values is not None:
            first = np.isin(data.parts[self.team.rank], sampled(data.size(data.spread)))
            sample = np.moveaxis(data.values, axis, 0)[first]
        array = self.place(name, data.shape, data.dtype, sample)
        if array is None:
            return data
        for numbers, values in data.slabs(self.team.rank):
            array.write(numbers, values, axis)
        self.team.barrier()
        return data.in_file(array, self.team.size)

    def name_of(self, data: Data) -> str:
        """The name under which data have their place in the file; "" where they have none."""
        return next((name for name, array in self.arrays.items() if data.source is array), "")

    def renamed(self, path: Path) -> None:
        """The file has its name."""
        self.path = None
        for array in self.arrays.values():
            array.path = path

    # ---- restart ---------------------------------------------------------------------------------------

    def begin(self, numbers: list[int], final: set[str], steps=()) -> None:
        """A step, or several in one pass, begin.

        numbers : theirs in the job; final : names of results that nothing later takes the place of
        """
        self.numbers = {id(step): number for step, number in zip(steps, numbers)}
        self.final, self.done, self.last, self.pace = final, [], numbers[-1], Pace()
        self.gentle = bool(self.run.control and self.run.control.signals.gentle)
        self.facts = {name: _facts(data) for name, data in self.run.data.items()}
        saved = self._saved()
        self.saved = saved if saved and saved.facts["store"]["last"] in numbers else None
        self._notes_again()

    @contextmanager
    def finishing(self, step) -> Iterator[None]:
        """`with store.finishing(step):` one that had finished before the run was stopped, and has now seen
        the rows alone that are left, changes nothing of what it found, and is not heard."""
        run, words, number = self.run, (self.run.say, self.run.warn), self.numbers.get(id(step))
        before = self.saved is not None and number in self.saved.facts["store"].get("finished", ())
        if before:
            run.say = run.warn = quiet
        try:
            yield
        finally:
            run.say, run.warn = words
        if before:
            self._notes_again()
        elif number is not None:
            self.finished.add(number)

    def _notes_again(self) -> None:
        """What was found before the run was stopped, where these steps go on; of later ones all stays."""
        if not self.saved:
            return
        known, notes = self.saved.facts["store"], self.run.result.notes
        for name, own in copy.deepcopy(known["notes"]).items():
            both = isinstance(own, dict) and isinstance(notes.get(name), dict)
            notes[name] = notes[name] | own if both else own
        if self.team.root:
            names = list(self.saved.head.arrays)
            self.run.result.pictures |= pictures_of(known.get("pictures", {}), names, self.saved.array)

    def _saved(self):
        """The checkpoint from which the run goes on, where it is one of blocks."""
        saved = self.run.control and self.run.control.saved_state
        return saved if saved and "store" in saved.facts else None

    def before(self, name: str) -> ArrayInFile | None:
        """The place of a result of which some rows were done before."""
        return self.arrays.get(name) if self.saved else None

    def todo(self, n: int) -> np.ndarray:
        """Which of n rows of all ranks are to be done in this pass: (n,) bool."""
        out = np.ones(n, bool)
        for part in self.saved.parts() if self.saved else ():
            out[part] = False
        return out

    def shares(self, n: int) -> list[np.ndarray] | None:
        """Which of n rows each rank is to have, so that each has as many to do; None: all are to be done."""
        left = self.todo(n)
        return None if left.all() else shares(left, self.team.size)

    def order(self, n: int, own: np.ndarray) -> list[np.ndarray]:
        """Places of the rows that a rank is to do, those first that tell a range of values.

        n : rows of all ranks; own : numbers of those of this rank
        """
        left = self.todo(n)[own]
        first = left & np.isin(own, self.sampled(n))
        return [np.flatnonzero(some) for some in (first, left & ~first) if some.any()]

    def in_place(self, walks: list, made: list[dict]) -> None:
        """What of the results of a pass goes straight to the file, and what was done before (collective).

        made : for each walk the results of the first block of this rank
        """
        for walk, results in zip(walks, made):
            walk.in_place(results)
        self.regain(walks)

    def regain(self, walks: list) -> None:
        """The results of rows that were done before are there again; sums on rank 0 alone (collective)."""
        if not self.saved:
            return
        own = walks[0].data.parts[self.team.rank]
        before = np.flatnonzero(~self.todo(sum(map(len, walks[0].data.parts)))[own])
        self.done = [before]
        for key, buffer in _buffers(walks):
            if any(key in file.arrays for file in self.saved.files) and len(before):
                for where, rows in self.saved.rows(key, own[before]):
                    buffer.put(before[where], rows)
        for title, walk in _titled(walks) if self.team.root else ():
            for name, one in walk.all_sums().items():
                if kept := self._arrays(f"{title}/{name}/"):
                    one.join(ExactSum.of(kept))
            if hasattr(walk.step, "block_regain") and (kept := self._arrays(f"{TALLY}/{title}/")):
                walk.step.block_regain(kept)
            for name, number in self.saved.facts["store"].get("counts", {}).get(title, {}).items():
                setattr(walk.step, name, getattr(walk.step, name) + number)
        self.run.control.back(self.saved.facts["number"])

    def _arrays(self, above: str) -> dict[str, np.ndarray]:
        names = [name for name in self.saved.head.arrays if name.startswith(above)]
        return {name.removeprefix(above): self.saved.array(name) for name in names}

    def turn(self, walks: list, where: np.ndarray | None, more: bool) -> bool:
        """After each block of a pass (collective, where something of it goes to the file, or its steps can go
        on with what is in a checkpoint): keep what is done and stop, where it is asked for. True = some rank
        has another block, or may have. Nothing is kept of a pass in which a step `gathers` of its blocks what
        is no declared result: it begins again.

        where : (k,) rows of this rank that are done now; more : has this rank another block?
        Errors: Stopped, ResourceError.
        """
        control, files = self.run.control, any(walk.in_file() for walk in walks)
        if any(hasattr(walk.step, "gathers") for walk in walks) or not (files or self._can_go_on(walks)):
            return more
        self.done += [] if where is None else [where]
        if control is None:
            return bool(self.team.max(more))
        if not files and not self.pace.due(self.team, min(OFTEN, control.interval or OFTEN)):
            return True
        with self.run.clock.phase("checkpoint"):
            more = control.block(lambda: self._state(walks), more)
        if not files and not more:
            control.signals.gentle = self.gentle  # what follows may have no blocks to keep
        return more

    def _can_go_on(self, walks: list) -> bool:
        """Do small results of this pass make a checkpoint? Where its steps have told that they keep nothing
        of their blocks but these and what they count."""
        here = self.run.control is not None and self.folder is not None and walks[0].free
        return bool(here) and all(hasattr(walk.step, "block_counts") for walk in walks)

    def _state(self, walks: list) -> State:
        """What a resumed run must know (collective)."""
        for walk in walks:
            for rows in walk.in_file():
                rows.flush()
        local = np.concatenate([np.arange(0), *self.done])
        head = self.path and self.team.root
        arrays = {"result file": growing.head(self.path, self._places())} if head else {}
        for title, walk in _titled(walks):
            for name, one in walk.all_sums().items():
                state = one.state(self.team)
                arrays |= {f"{title}/{name}/{key}": value for key, value in state.items()}
            arrays |= self._tallied(title, walk)
        pictures = self._pictures(walks)
        arrays |= arrays_of(pictures)
        own = self._facts() | {"counts": self._counts(walks), "pictures": plain(about(pictures))}
        index, beside = walks[0].data.parts[self.team.rank][local], [self.path] if self.path else []
        facts = {"store": own, "what": BLOCK}
        return State(facts, arrays, dict(self._rows(walks, local)), index, beside)

    def _tallied(self, title: str, walk) -> dict[str, np.ndarray]:
        """What a step adds up beside its declared results, of all ranks (collective)"""
        own = walk.step.block_tallies() if hasattr(walk.step, "block_tallies") else {}
        tallies = {f"{TALLY}/{title}/{name}": one.copy() for name, one in own.items()}
        for one in tallies.values():
            self.team.sum(one)
        return tallies

    def _pictures(self, walks) -> dict:
        """On rank 0 those of the result, and what steps at work hold on any rank to be drawn (collective)"""
        able = [walk.step.block_pictures for walk in walks if hasattr(walk.step, "block_pictures")]
        every = [self.team.gather(drawn()) or () for drawn in able]
        if not self.team.root:
            return {}
        return {k: v for ranks in every for one in ranks for k, v in one.items()} | self.run.result.pictures

    def _counts(self, walks) -> dict[str, dict[str, int]]:
        """What the steps have counted on all ranks (collective)"""
        out = {}
        for title, walk in _titled(walks):
            names = getattr(walk.step, "block_counts", ())
            totals = self.team.total(*(getattr(walk.step, name) for name in names))
            out[title] = {name: int(number) for name, number in zip(names, totals)}
        return out

    def _rows(self, walks, local):
        for key, buffer in _buffers(walks):
            if buffer.counts is not None:
                values = buffer.counts
                yield key, ((len(local), *values.shape[1:]), values.dtype, _pieces(values, local))

    def _facts(self) -> dict:
        arrays = {
            name: {"start": a.start, "shape": a.shape, "kind": a.kind.str,
                   "scaling": a.scaling and [a.scaling.scale, a.scaling.offset]}
            for name, a in self.arrays.items()
        }  # fmt: skip
        notes = self.saved.facts["store"]["notes"] if self.saved else self.run.result.notes
        own = {
            "file": self.path and self.path.name,
            "stored as": self.kind,
            "arrays": arrays,
            "found": self.found,
            "finished": sorted(self.finished),
            "last": self.last,
        }
        return plain(own | {"notes": notes})

    def _places(self) -> list[tuple[int, int]]:
        return [(array.start, array.nbytes) for array in self.arrays.values()]

    def _adopt(self, saved) -> None:
        """Go on with the file of a checkpoint, as it was then (collective)."""
        facts = saved.facts["store"]
        if facts["stored as"] != self.kind:
            text = f"output.type was {facts['stored as']} when the run was stopped, and cannot be another now"
            raise common(JobError(text))
        self.path, self.found = facts["file"] and self.folder / facts["file"], facts["found"]
        self.finished = set(facts.get("finished", ()))
        for name, one in facts["arrays"].items():
            scaling = one["scaling"] and Scaling(*one["scaling"])
            shape, kind = tuple(one["shape"]), np.dtype(one["kind"])
            self.arrays[name] = ArrayInFile(self.path, one["start"], shape, kind, scaling or None)
        if self.team.root:
            if self.path:
                growing.set_head(self.path, self._places(), saved.array("result file"))
            self._clear()
        self.team.barrier()

    def _clear(self) -> None:
        """Files that a run has left which was ended before its first checkpoint go (rank 0)."""
        for path in self.folder.glob(NAME.format("*")):
            if path != self.path:
                remove(path)

    # ---- what earlier steps have found -----------------------------------------------------------------

    def recall(self, number: int) -> bool:
        """What step `number` found before the run was stopped is there again; False: it must be done."""
        saved = self._saved()
        found = self.found.get(str(number)) if saved and saved.facts["store"]["last"] > number else None
        for name, known in (found or {}).items():
            data = self.run.data[name]
            data.facts |= {key: _tuples(value) for key, value in known["facts"].items()}
            data.coords |= {axis: (np.asarray(own), unit) for axis, (own, unit) in known["coords"].items()}
        return found is not None

    def remember(self, step) -> None:
        """What the last of the steps has found, for a run that goes on after it: of one that only looks, and
        leaves nothing but what is known of the data."""
        if getattr(step, "ends_pass", False) and all(name.startswith(OWN) for name in step.gives):
            now = {name: _facts(data) for name, data in self.run.data.items()}
            self.found[str(self.last)] = {
                name: _new(own, self.facts.get(name, {})) for name, own in now.items()
            }


def _facts(data: Data) -> dict[str, dict]:
    """What is known of data, as JSON has it."""
    coords = {axis: known for axis, known in data.coords.items() if np.asarray(known[0]).dtype.kind in "biuf"}
    return plain({"facts": data.facts, "coords": coords})


def _new(after: dict, before: dict) -> dict[str, dict]:
    """What was not so before."""
    return {
        part: {key: value for key, value in known.items() if before.get(part, {}).get(key) != value}
        for part, known in after.items()
    }


def _buffers(walks: list):
    """(name, FrameBuffer) of the small results of a pass"""
    return [
        (f"{title}/{k}", out)
        for title, w in _titled(walks)
        for k, out in w.outs.items()
        if not isinstance(out, RowsInFile)
    ]


def _titled(walks: list) -> list[tuple]:
    """(name, walk): a step that a pass has twice has a number behind the second."""
    names = [walk.step.name for walk in walks]
    before = [names[:k].count(name) for k, name in enumerate(names)]
    return [(f"{w.step.name}-{n + 1}" if n else w.step.name, w) for n, w in zip(before, walks)]


def _pieces(values: np.ndarray, local: np.ndarray):
    return lambda slices: (values[local[piece]] for piece in slices)


def plain(value):
    """A tree as JSON has it: numbers of NumPy as those of Python, arrays and tuples as lists."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
