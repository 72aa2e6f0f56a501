"""Moves data between the ranks: to another axis of spread, or another distribution along it."""

import numpy as np

from nanompi.data.data import Data, even, free_of, on_rank_0

TAG = 72


def fitting(team, data: Data, core: tuple[str, ...]) -> Data:
    """The data spread so that every item of the pattern `core` is whole on one rank (collective).

    Nothing moves where it is so already. Where no axis is left to be spread, rank 0 has all.
    """
    free = free_of(core, data.axes)
    if data.spread in free:
        return data
    if free:
        axis = free_axis(team, data, free)
        return respread(team, data, axis, even(data.size(axis), team.size))
    return respread(team, data, data.axes[0], on_rank_0(data.size(data.axes[0]), team.size)) if core else data


def free_axis(team, data: Data, free: tuple[str, ...]) -> str:
    """Along which of some axes the ranks are to share the data."""
    return next((a for a in free if data.size(a) >= team.size), max(free, key=data.size))


def respread(team, data: Data, axis: str, parts: list[np.ndarray]) -> Data:
    """The same data, loaded, with these parts along `axis` on the ranks (collective).

    In round k a rank gives to the k-th rank behind it and takes from the k-th before it; memory beside the
    old values: the new ones and two pieces.
    """
    if _alike(data, axis, parts):
        return data
    new = data.axes.index(axis)
    if not data.spread:
        return data.holding(taken(data.values, new, parts[team.rank]), axis, parts)
    if team.size == 1 and _rising(data.parts[0]) and _rising(parts[0]):
        return data.holding(data.values, axis, parts)
    old, me, shape = data.axes.index(data.spread), team.rank, list(data.shape)
    shape[new] = len(parts[me])
    out = np.empty(shape, data.dtype)
    for k in range(team.size):
        to, source = (me + k) % team.size, (me - k) % team.size
        leave, place = parts[to], data.parts[source]
        if new == old:
            leave, place = shared(data.parts[me], parts[to])[0], shared(data.parts[source], parts[me])[1]
        size = (*shape[:old], len(place), *shape[old + 1 :])
        piece = np.ascontiguousarray(taken(data.values, new, leave))
        out[(slice(None),) * old + (run_of(place),)] = _swapped(team, piece, to, source, size)
    return data.holding(out, axis, parts)


def shares(left: np.ndarray, ranks: int) -> list[np.ndarray]:
    """Parts of rows of which only those `left`, (n,) bool, are to be worked on: each rank has as many."""
    both = (np.array_split(np.flatnonzero(some), ranks) for some in (left, ~left))
    return [np.concatenate(pair) for pair in zip(*both)]


def _alike(data: Data, axis, parts) -> bool:
    return data.spread == axis and all(map(np.array_equal, data.parts, parts))


def _rising(part) -> bool:
    return np.array_equal(part, np.arange(len(part)))


def shared(have: np.ndarray, want: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows in `have`, places in `want`) of the numbers that stand in both, in the order of `want`."""
    if not len(have):
        return np.arange(0), np.arange(0)
    order = np.argsort(have, kind="stable")
    at = np.minimum(np.searchsorted(have, want, sorter=order), len(have) - 1)
    places = np.flatnonzero(have[order[at]] == want)
    return order[at[places]], places


def taken(values: np.ndarray, axis: int, index: np.ndarray) -> np.ndarray:
    """Some entries along an axis; a view where they follow one another."""
    return values[(slice(None),) * axis + (run_of(index),)]


def run_of(index: np.ndarray):
    """An index whose numbers follow one another as a slice, which needs no copy."""
    if len(index) and index[-1] - index[0] + 1 == len(index) and np.all(np.diff(index) == 1):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _swapped(team, piece: np.ndarray, to: int, source: int, shape) -> np.ndarray:
    """Give a piece to one rank and take one of this shape from another; nothing is sent for an empty one."""
    if to == team.rank:
        return piece
    sent = team.isend(piece, to, TAG) if piece.size else []
    out = np.empty(shape, piece.dtype)
    if out.size:
        out = team.recv(source, TAG).view(piece.dtype).reshape(shape)
    team.wait(sent)
    return out
