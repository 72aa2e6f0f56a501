"""Is one setting better than another one? Where both are judged by the same items, the differences item by
item tell more than two figures with their errors: what makes an item hard is hard for both.

A setting that is ahead by less than one standard error of these differences has won nothing. Then the first
one wins, in the order in which the job names them: from the simple to the complex, as people write them.
"""

from pathlib import Path

import numpy as np

from nanompi.run.figures import Figure
from nanompi.workflow.sweep.folder import Task


def values_of(task: Task, figure: Figure) -> tuple[np.ndarray, np.ndarray] | None:
    """(the items, the value of each) behind the figure of a setting; None where its result has none."""
    import h5py

    if not figure.items or not task.done():
        return None
    with h5py.File(task.path / "result.h5", "r", locking=False) as f:
        names = [f"entry_1/{name}" for name in (figure.items, figure.values)]
        return tuple(f[name][()] for name in names) if all(name in f for name in names) else None


def ratio(one, two) -> tuple[float, float] | None:
    """Mean of `two` over that of `one` and its standard error, by pairs; None where the items are not the
    same. one, two : as `values_of` gives them"""
    if one is None or two is None or len(one[0]) < 2 or not np.array_equal(one[0], two[0]):
        return None
    a, b = one[1], two[1]
    r = b.mean() / a.mean()
    return float(r), float((b - r * a).std(ddof=1) / np.sqrt(len(a)) / abs(a.mean()))


def decided(order: list[int], all_tasks: list[Task], figure: Figure) -> tuple[list[int], str]:
    """(places in the list of settings from best to worst, what is said of the best). Only where less is
    better: the figure has its best at 0.

    order : the same by the figure alone
    """
    values = {k: values_of(all_tasks[k], figure) for k in order}
    if len(order) < 2 or figure.best or values[order[0]] is None:
        return order, ""
    best, ratios = order[0], {k: ratio(values[order[0]], values[k]) for k in order[1:]}
    alike = [k for k, found in ratios.items() if found and found[0] - 1 < found[1]]
    winner = min([best, *alike])
    rest = [k for k in order if k != winner]
    return [winner, *rest], _words(all_tasks, winner, rest, values, figure)


def _words(all_tasks, winner, rest, values, figure) -> str:
    """The winner against the nearest other one"""
    found = ratio(values[winner], values[rest[0]])
    if found is None:
        return ""
    one, two = (Path(all_tasks[k].path).name for k in (winner, rest[0]))
    pairs = len(values[winner][0])
    how = f"its {figure.score} is {found[0]:.3f} +- {found[1]:.3f} of that of {one}, by {pairs} pairs"
    if found[0] - 1 < found[1]:
        return f"{two} is not better than {one}, which stands first: {how}"
    return f"{two} is worse than {one}: {how}"
