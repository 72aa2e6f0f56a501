"""map() over threads, in order, a few items ahead of the caller."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator


def through(threads: int, work: Callable, pieces: Iterable) -> Iterator:
    """`work(piece)` for each piece, in the order of the pieces; at most threads + 1 pieces are under way.

    The first piece is done before the others begin, so that it may open a file for all. 0 threads: no
    thread but the caller's. An error of `work` comes to the caller; pieces not begun are dropped.
    """
    from concurrent.futures import ThreadPoolExecutor

    pieces = iter(pieces)
    if threads < 1:
        yield from map(work, pieces)
        return
    for piece in pieces:
        yield work(piece)
        break
    under_way = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                under_way.append(pool.submit(work, piece))
                if len(under_way) > threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for one in under_way:
                one.cancel()
