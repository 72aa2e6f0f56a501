"""The loop over the blocks of a step: what a step sees of its data, and where its results go.

A block step has `block(self, block, info)`: block (k, *core) is C-contiguous and read-only, of k items with
the axes `core` of its pattern. It returns an array of k items in place of them, or a dict of those results
that it declares. It may have `start(self, run, data)`, called before the first block, and `finish(self,
run)`, after the last; both are called by all ranks, `block` by whoever has items, also by several threads at
once. An item may not depend on which others stand in its block.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.blocks import Walk, on_card
from nanompi.data.data import Data, core_of, free_of
from nanompi.data.load import load
from nanompi.data.respread import fitting


def walk(run, steps: list) -> None:
    """Do a block step; or several of them, in one pass, while their data are loaded (collective).

    Each leaves its results in run.data. Errors: DataError, StepError, those of the steps.
    """
    if with_loading(run, steps):
        walks = _while_loading(run, steps)
    else:
        walks = [_over_values(run, *steps)]
    for one in walks:
        if hasattr(one.step, "finish"):
            one.step.finish(run)


def with_loading(run, steps: list) -> int:
    """How many of the next steps can be done in one pass while their data are loaded.

    Those from the first on that want whole rows of the file, on the CPU, and what the others leave of them.
    """
    name = getattr(steps[0], "takes", "")
    data = run.data.get(name)
    if data is None or data.values is not None or data.spread != data.axes[0]:
        return 0
    axes, n = data.axes, 0
    for step in steps:
        core = core_of(step.each, axes) if getattr(step, "takes", "") == name else None
        if core is None or axes[0] in core or on_card(run, step):
            break
        axes, n = made_axes(step, axes), n + 1
    return n


def loaded(run, name: str) -> Data:
    """The data of this name with their values (collective). Errors: DataError from the source."""
    data = run.data[name]
    if data.values is None:
        values = _load(run, data, lambda raw, index: raw)
        data = run.data[name] = data.holding(values, data.spread, data.parts)
    return data


def _load(run, data: Data, prepare):
    threads = run.device.threads
    return load(run.team, data.source, data.parts, prepare, threads=threads, clock=run.clock, say=run.say)


def _over_values(run, step) -> Walk:
    """One step over what is in memory."""
    data = loaded(run, step.takes)
    before, data = data.spread, fitting(run.team, data, core_of(step.each, data.axes))
    if before and data.spread != before:
        run.say(f"{step.name}: spread over {data.spread} in place of {before}")
    if run.team.size > 1 and not free_of(core_of(step.each, data.axes), data.axes):
        run.say(f"{step.name}: there is one item alone; rank 0 does it")
    run.data[step.takes] = data
    with run.clock.phase(step.name):
        one = Walk(run, step, data)
        for raw, rows, where in one.slabs():
            one.keep(where, one.slab(raw, rows))
            run.clock.tick()
        one.place()
    return one


def _while_loading(run, steps: list) -> list[Walk]:
    """Steps as one function of what is read: applied in the cache, before it is stored."""
    name = steps[0].takes
    data, walks = run.data[name], []
    sample = [lambda: data.source.read(np.arange(1))]
    for step in steps:
        walks.append(Walk(run, step, _planned(run, walks[-1], sample) if walks else data))
    own = data.parts[run.team.rank]
    order, changed = np.argsort(own, kind="stable"), [one for one in walks if name in one.names]

    def prepare(raw, index):
        where = order[np.searchsorted(own, index, sorter=order)]
        for one in walks:
            made = one.slab(raw, index)
            raw = made.pop(name, raw)
            one.keep(where, made)
        return raw if changed else np.empty((len(raw), 0), np.uint8)

    values = _load(run, data, prepare)
    for one in walks:
        one.place(leave_out=name)
    if changed:
        run.data[name] = changed[-1].made(name, values)
    return walks


def _planned(run, last: Walk, sample: list) -> Data:
    """What the steps so far will make of the data, as tried with one row (collective).

    sample : on rank 0 that row, as the last step gets it, and then as it leaves it
    """

    def tried():
        raw = sample[0]() if callable(sample[0]) else sample[0]
        sample[0] = last.slab(raw, np.arange(1)).get(last.step.takes, raw)
        return sample[0].shape[1:], sample[0].dtype

    shape, dtype = run.team.on_root(tried)
    last.sums.clear()
    data = last.data
    if last.step.takes in last.names:
        axes = made_axes(last.step, data.axes)
        data = last.described(last.step.takes, axes, None).holding(None, data.spread, data.parts)
        data.source = Planned((last.data.source.shape[0], *shape), dtype)
    return data


@dataclass
class Planned:
    """In place of a source: what steps will give that are done in the same pass."""

    shape: tuple[int, ...]
    dtype: np.dtype


def made_axes(step, axes: tuple[str, ...]) -> tuple[str, ...]:
    """The axes of the data that the step takes, after it."""
    if step.gives and step.takes not in step.gives:
        return axes
    core = core_of(step.each, axes)
    made = step.gives[step.takes].axes if step.gives else step.makes or core
    return (*free_of(core, axes), *made)
