"""The loop over the blocks of steps: what a step sees of its data, and where its results go.

A block step has `block(self, block, info)`: block (k, *core) is C-contiguous and read-only, of k items with
the axes `core` of its pattern. It returns an array of k items in place of them, or a dict of those results
that it declares. It may have `start(self, run, data)`, called before the first block, and `finish(self,
run)`, after the last; both are called by all ranks, `block` by whoever has items, while data are loaded also
by several threads at once. An item may not depend on which others stand in its block.

Steps that follow one another go through their data in one pass, block by block, as far as each finds its
items whole on one rank: `start` of all, then the blocks, then `finish` of all. A step for which later ones
must wait, since its `finish` tells them something, says `ends_pass = True`; one whose items are walked again
says `stay = True`. One that keeps nothing of its blocks but its results, and integers as attributes, names
these: `block_counts = ("lost",)`, or `()`. A run that was stopped or killed amid such steps goes on with the
items that are left. What a step adds up beside its results, without saying so, is that of these items alone:
`block_tallies()` gives it for a checkpoint, {name: array}, `block_regain(tallies)` adds it on rank 0 (sums of
all ranks); `block_pictures()` gives {name: Signal} of what it holds to be drawn.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from nanompi.data.blocks import Walk, on_card
from nanompi.data.data import Data, core_of, count, free_of, replaced
from nanompi.data.load import BLOCK, load
from nanompi.data.progress import Progress
from nanompi.data.remade import Planned, Remade, slabs
from nanompi.data.respread import fitting, free_axis, respread
from nanompi.data.room import lacking, room
from nanompi.data.rows import ROUND, Turn, directly, load_rows, reading
from nanompi.units import show

SPARE = 2  # times the items that stay in memory: so much must be free for each rank


@dataclass(frozen=True)
class Pass:
    """How the next steps go through their data.

    loading : so many of them take what is read from the file, before
    axis    : the ranks share the data anew, along this axis ("": they stay as they are), and
    after   : so many go over the blocks that each rank then has
    """

    loading: int = 0
    axis: str = ""
    after: int = 0

    def __len__(self):
        return self.loading + self.after


def next_pass(run, steps: list) -> Pass:
    """How the first of some steps, and those behind it that can go along, go through their data."""
    name = getattr(steps[0], "takes", "")
    data, chain = run.data.get(name), list(takewhile(lambda s: getattr(s, "takes", "") == name, steps))
    if data is None or not chain:
        return Pass(after=1)
    if on_file(data):
        ahead = _turned(run, chain, data)
        loading = _together(chain, data.axes, data.axes[0], lambda step: on_card(run, step))
        return ahead or Pass(loading, after=int(not loading))
    free = free_of(core_of(chain[0].each, data.axes), data.axes)
    along = data.spread if data.spread in free or not free else free_axis(run.team, data, free)
    return Pass(after=max(1, _in_memory(chain, data.axes, along)))


def on_file(data: Data) -> bool:
    """Are the data where their reader has found them, each rank to read some of their rows?"""
    return data.values is None and data.spread == data.axes[0] and not isinstance(data.source, Remade)


def _together(steps: list, axes, along: str, refused=lambda step: False) -> int:
    """How many of the first steps leave the axis of the ranks free."""
    n = 0
    for step in steps:
        core = core_of(step.each, axes)
        if core is None or along in core or refused(step):
            break
        axes, n = made_axes(step, axes), n + 1
        if getattr(step, "ends_pass", False):
            break
    return n


def _in_memory(steps: list, axes, along: str) -> int:
    """The same over what is in memory: a step that makes others of its items is the last."""
    last = next((k for k, s in enumerate(steps) if s.makes or s.takes in s.gives), len(steps))
    return _together(steps[: last + 1], axes, along)


def _turned(run, steps: list, data: Data) -> Pass | None:
    """Where a step wants whole what the ranks share: what is done before the rows change ranks, what after.

    Values by themselves ("pixel") are worked on after it: counts are less to send than real numbers.
    """
    first = data.axes[0]
    ahead = _together(steps, data.axes, first)
    if ahead == len(steps) or (ahead and getattr(steps[ahead - 1], "ends_pass", False)):
        return None
    n = max((k + 1 for k in range(ahead) if steps[k].each != "pixel"), default=0)
    if any(on_card(run, step) for step in steps[:n]):
        return None
    axes = data.axes
    for step in steps[:n]:
        axes = made_axes(step, axes)
    free = [axis for axis in free_of(core_of(steps[ahead].each, axes) or axes, axes) if axis in data.axes]
    if not free:
        return None
    along = free_axis(run.team, data, free)
    return Pass(n, along, _in_memory(steps[n:], axes, along))


def walk(run, steps: list) -> None:
    """Do block steps, in as few passes as there may be (collective).

    Each leaves its results in run.data. Errors: DataError, StepError, ResourceError, those of the steps.
    """
    while steps:
        way = next_pass(run, steps)
        first, then = steps[: way.loading], steps[way.loading :][: way.after]
        if way.axis:
            walks = _by_rows(run, steps[0].takes, first, way.axis)
        else:
            walks = _while_loading(run, first) if first else []
        walks += _over_values(run, then) if then else []
        steps = steps[len(way) :]
        for one in walks:
            one.place(own=True)
            if hasattr(one.step, "finish"):
                with run.store.finishing(one.step) if run.store else nullcontext():
                    one.step.finish(run)


def loaded(run, name: str) -> Data:
    """The data of this name with their values (collective). Errors: DataError from the source."""
    data = run.data[name]
    if data.values is None and isinstance(data.source, Remade):
        data = run.data[name] = data.source.made(run, data)
    elif data.values is None:
        values = _load(run, data, lambda raw, index: raw)
        data = run.data[name] = data.holding(values, data.spread, data.parts)
    return data


def _load(run, data: Data, prepare, least: int = 1):
    """least : items of a block, though they are more than a cache holds"""
    how = {"threads": run.device.threads, "clock": run.clock, "say": run.say}
    block = max(BLOCK, least * count(data.source.shape[1:]) * np.dtype(data.source.dtype).itemsize)
    return load(run.team, data.source, data.parts, prepare, block=block, **how)


def _while_loading(run, steps: list) -> list[Walk]:
    """Steps as one function of what is read: applied in the cache, before it is stored."""
    name = steps[0].takes
    data = run.data[name]
    walks, _ = _begun(run, steps, data, lambda: data.source.read(np.arange(1)))
    _only_last(walks, name)
    prepare = _prepare(run, walks, name, data.parts)
    stay = _stay(run, walks, data)
    values = _load(
        run,
        data,
        prepare if stay else lambda raw, i: prepare(raw, i).reshape(len(raw), -1)[:, :0],
        max(getattr(step, "least", 1) for step in steps),
    )
    for one in walks:
        one.place()
    if stay:
        run.data[name] = data.holding(values, data.spread, data.parts)
    return walks


def _stay(run, walks: list[Walk], data: Data) -> bool:
    """Do items that are walked again stay in memory, so that they are read once (collective)? Not where other
    items take their place, or where there is no room for as much again beside them."""
    name = walks[0].step.takes
    if not getattr(walks[-1].step, "stay", False) or any(name in one.names for one in walks):
        return False
    own = count(data.shape) // data.size(data.spread) * len(data.parts[run.team.rank])
    short = lacking(run.team, SPARE * own * data.dtype.itemsize)
    if short > 0:
        run.say(f"{name}: no room to keep them ({show(short, 'B')} are missing); read again when needed")
    return short <= 0


def _by_rows(run, name: str, steps: list, axis: str) -> list[Walk]:
    """The same, and then the ranks get what they need along another axis (`rows`)."""
    data, team, scratch = run.data[name], run.team, run.options.scratch
    parts, why = reading(team, data.source)
    data = data.holding(None, data.spread, parts)
    walks, made = _begun(run, steps, data, lambda: data.source.read(np.arange(1)), beyond=True)
    turn = Turn.of(made, axis, parts, run.store and run.store.shares(made.size(axis)))
    if not steps and directly(team, data.source, turn):
        turn, why = turn.direct(), "each rank reads its own rows alone"
    if team.size > 1:
        run.say(f"rows: {made.size(axis)} along {axis} for {team.size} ranks; {why}")
    out = room(team, turn.held(team.rank), made.dtype, scratch, 2 * ROUND, run.say)
    prepare = _prepare(run, walks, name, parts)
    load_rows(team, data.source, turn, prepare, out, threads=run.device.threads)
    for one in walks:
        one.outs.pop(name, None)
        one.place()
    run.data[name] = made.holding(np.moveaxis(out, 0, turn.axis), axis, turn.new)
    run.data[name].source = None
    return walks


def _prepare(run, walks: list[Walk], name: str, parts: list[np.ndarray]):
    """(raw, index) -> what all steps make of these rows; parts : those of each rank"""
    own, all_rows = parts[run.team.rank], sum(map(len, parts))
    order = np.argsort(own, kind="stable")
    progress = Progress(run, walks, len(own), all_rows) if walks else None

    def prepare(raw, index):
        if not walks:
            return raw
        made = _through(walks, name, raw, index, order[np.searchsorted(own, index, sorter=order)])
        progress.add(len(index))
        return made

    return prepare


def _through(walks: list[Walk], name: str, raw, numbers, where, phase=lambda name: nullcontext()):
    """Rows through the steps of a pass, one after another; what stays is kept."""
    for one in walks:
        with phase(one.step.name):
            made = one.slab(raw, numbers)
            one.keep(where, made)
            raw = made.get(name, raw)
    return raw


def _over_values(run, steps: list) -> list[Walk]:
    """Steps over what is in memory, block by block."""
    name = steps[0].takes
    data = run.data[name] = _whole_items(run, steps[0])
    walks, made = _begun(run, steps, data, lambda: _first_row(data))
    remade = _remade(run, walks, _only_last(walks, name), data, made)
    _blocks(run, walks, iter(_slabs(run, data, walks)))
    for one in walks:
        one.place()
    if remade:
        run.data[name] = remade
    return walks


def _blocks(run, walks: list[Walk], slabs) -> None:
    """All blocks of this rank through the steps of a pass; between them the run may keep what is done, and
    stop (collective). Errors: Stopped."""
    one, more, progress = next(slabs, None), True, _progress(run, walks)
    made = _made(run, walks, one)
    if run.store and walks[0].free:
        run.store.in_place(walks, made)
    while more:
        for walk, results in zip(walks, made if one else ()):
            walk.keep(one[2], results)
        progress.add(len(one[2]) if one else 0)
        run.clock.tick()
        where, one = one and one[2], next(slabs, None)
        more = one is not None
        if run.store:
            more = run.store.turn(walks, where, more)
        made = _made(run, walks, one)


def _progress(run, walks: list[Walk]) -> Progress:
    """Of a pass over what is in memory, where some rows may have been done before."""
    if not walks[0].free:
        return Progress(run, walks, 1, 1)
    data = walks[0].data
    n, own = data.size(data.spread), data.parts[run.team.rank]
    left = run.store.todo(n) if run.store else np.ones(n, bool)
    return Progress(run, walks, int(left[own].sum()), int(left.sum()))


def _made(run, walks: list[Walk], slab) -> list[dict[str, np.ndarray]]:
    """What the steps make of a slab, one after another: what stays, for each of them; {} without a slab."""
    out, name = [], walks[0].step.takes
    raw, numbers, _ = slab or (None, None, None)
    for one in walks:
        with run.clock.phase(one.step.name):
            made = one.slab(raw, numbers) if slab else {}
        out.append({key: values for key, values in made.items() if key in one.outs})
        raw = made.get(name, raw)
    return out


def _whole_items(run, step) -> Data:
    """The data so that each item of the step is whole on one rank (collective)."""
    data, core = run.data[step.takes], core_of(step.each, run.data[step.takes].axes)
    if isinstance(data.source, Remade) and data.spread in free_of(core, data.axes):
        return data
    data = loaded(run, step.takes)
    before, data = data.spread, fitting(run.team, data, core)
    if run.store and data.spread in free_of(core, data.axes):
        parts = run.store.shares(data.size(data.spread))
        data = respread(run.team, data, data.spread, parts) if parts else data
    if before and data.spread != before:
        run.say(f"{step.name}: spread over {data.spread} in place of {before}")
    if run.team.size > 1 and not free_of(core, data.axes):
        run.say(f"{step.name}: there is one item alone; rank 0 does it")
    return data


def _slabs(run, data: Data, walks: list[Walk]):
    if walks[0].free:
        own = data.parts[run.team.rank]
        return slabs(
            run.team.rank, data, walks, order=run.store and run.store.order(data.size(data.spread), own)
        )
    return [(data.values, np.arange(1), np.arange(1))] * int(run.team.root)


def _first_row(data: Data) -> np.ndarray:
    """Of data in memory, on rank 0, the axis of the ranks first; zeros where it has none."""
    rows = next(slabs(0, data, step=1), None)
    if rows is not None:
        return rows[0]
    return np.zeros([1, *(data.size(a) for a in data.axes if a != data.spread)], data.dtype)


def _only_last(walks: list[Walk], name: str) -> list[int]:
    """Which steps give others in place of the items; what the last of them gives is kept alone."""
    changed = [k for k, one in enumerate(walks) if name in one.names]
    for k in changed[:-1]:
        del walks[k].outs[name]
    return changed


def _remade(run, walks: list[Walk], changed: list[int], data: Data, made: Data) -> Data | None:
    """What the steps make of the data, to be made again where it is needed; None where there is room for it.

    made : as the last step has it. It must be one that only looks: what the last one makes is kept.
    """
    if not changed or changed[-1] == len(walks) - 1:
        return None
    own = count(made.shape) // made.size(made.spread) * len(made.parts[run.team.rank])
    short = lacking(run.team, own * made.dtype.itemsize)
    if short <= 0:
        return None
    name = walks[0].step.takes
    del walks[changed[-1]].outs[name]
    before = data.source if data.values is None else None
    base, first = (before.data, before.walks) if before else (data, [])
    run.say(
        f"{name}: no room for them as {made.dtype} ({show(short, 'B')} are missing); made again when needed"
    )
    out = made.holding(None, made.spread, made.parts)
    out.source = Remade(made.shape, made.dtype, base, [*first, *walks[: changed[-1] + 1]])
    return out


def _begun(run, steps: list, data: Data, first, beyond: bool = False) -> tuple[list[Walk], Data]:
    """The walks of a pass, and the data as the last one has them; `beyond`: as it leaves them (collective).

    first : first() gives the first row of the data, on rank 0; it is tried, to see what the steps make
    """
    walks, sample = [], [first]
    for k, step in enumerate(steps):
        walks.append(Walk(run, step, data))
        if beyond or k < len(steps) - 1:
            data = _planned(run, walks[-1], sample)
    return walks, data


def _planned(run, last: Walk, sample: list) -> Data:
    """What a step will make of the data, as tried with one row (collective).

    sample : on rank 0 that row, as the last step gets it, and then as it leaves it
    """
    name, data = last.step.takes, last.data
    if name not in last.names:
        return data

    def tried():
        raw = sample[0]() if callable(sample[0]) else sample[0]
        sample[0] = last.slab(raw, data.parts[0][:1] if len(data.parts[0]) else np.arange(1), again=True)[
            name
        ]
        return sample[0].shape[1:], sample[0].dtype

    shape, dtype = run.team.on_root(tried)
    axes = made_axes(last.step, data.axes)
    out = last.described(name, axes, None).holding(None, data.spread, data.parts)
    sizes = dict(zip((a for a in axes if a != data.spread), shape)) | {data.spread: data.size(data.spread)}
    out.source = Planned(tuple(sizes[a] for a in axes), dtype)
    return out


def made_axes(step, axes: tuple[str, ...]) -> tuple[str, ...]:
    """The axes of the data that the step takes, after it."""
    if step.gives and step.takes not in step.gives:
        return axes
    return replaced(step.each, step.gives[step.takes].axes if step.gives else step.makes, axes)
