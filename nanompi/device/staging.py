"""Copies between a card and ordinary memory of the host through two pinned pieces: while one travels, the
other is filled or read. A copy from or to ordinary memory would keep card and host waiting for each other."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

PIECE = 8 << 20  # bytes


def send(card, rows, pinned: np.ndarray):
    """Start to copy pinned rows of the host to the first rows of the card; kernels that follow see them.

    The event with which they are there.
    """
    inward, event = card.ferry.inward, card.ferry.event
    inward.wait_event(card.compute.record(event()))  # which may still use this memory
    card.copy(rows, pinned, inward, inward=True)
    there = inward.record(event())
    card.compute.wait_event(there)
    return there


def bring(card, rows, host: np.ndarray):
    """The same for ordinary memory; it may change when this returns."""
    step, there = max(1, PIECE // max(1, host[:1].nbytes)), []
    cuts = [slice(i, min(i + step, len(host))) for i in range(0, len(host), step)]
    pieces = _two(card, cuts, host)
    for k, f in enumerate(cuts):
        if k >= 2:
            there[k - 2].synchronize()
        piece = pieces[k % 2][: f.stop - f.start]
        piece[...] = host[f]
        there.append(send(card, rows[f], piece))


def leave(card, array, cuts: Iterable[slice]) -> Iterator[np.ndarray]:
    """Rows of a `StreamedArray` on the host, slice by slice; those of the next one travel meanwhile.

    They are there until the next are asked for. No kernel may write the array before the last have come.
    """
    cuts, under_way = list(cuts), deque()
    card.wait()
    pieces = _two(card, cuts, array)
    for k, f in enumerate(cuts):
        under_way.append(_left(card, array, f, pieces[k % 2][: f.stop - f.start]))
        if len(under_way) == 2:
            yield _arrived(*under_way.popleft())
    while under_way:
        yield _arrived(*under_way.popleft())


def _left(card, array, f: slice, piece: np.ndarray):
    """(rows f on the host, the event with which they are there)"""
    near = min(f.stop, array.held) - f.start
    if near <= 0:
        return array.far(f), None
    card.copy(array.on_card[f.start : f.start + near], piece[:near], card.ferry.outward, inward=False)
    if f.start + near < f.stop:
        piece[near:] = array.far(slice(f.start + near, f.stop))
    return piece, card.ferry.outward.record(card.ferry.event())


def _arrived(rows: np.ndarray, event) -> np.ndarray:
    if event:
        event.synchronize()
    return rows


def _two(card, cuts: list[slice], array) -> list[np.ndarray]:
    """Pinned pieces for the longest slice of rows of an array; one where there is one slice."""
    most = max((f.stop - f.start for f in cuts), default=0)
    return [card.pinned((most, *array.shape[1:]), array.dtype) for _ in cuts[:2]]
