"""CuPy's pool of a card's memory: chunks, split by best fit, joined when freed, given back only whole.

Arrays of one stream come from free chunks of that stream, the smallest that is large enough; what is left of
it stays behind as a free chunk. A chunk that was split goes back to the card when all its pieces are free
again, not before: memory may be free and yet not to be had for a larger array.
"""

import gc
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass


class OutOfMemoryError(MemoryError):
    """Not enough memory on the card, or above the pool's limit."""

    def __init__(self, size: int, taken: int, limit: int):
        text = f"Out of memory allocating {size:,} bytes (allocated so far: {taken:,} bytes"
        super().__init__(text + (f", limit set to: {limit:,} bytes)." if limit else ")."))


@dataclass(eq=False)
class Chunk:
    """Some bytes of one allocation of the card, and its neighbours there. line : the stream whose it is"""

    size: int
    line: int
    before: "Chunk | None" = None
    after: "Chunk | None" = None

    @property
    def whole(self) -> bool:
        return self.before is None and self.after is None

    def split(self, size: int) -> "Chunk | None":
        """Keep so many bytes; what is left, if any."""
        if size == self.size:
            return None
        rest = Chunk(self.size - size, self.line, self, self.after)
        if rest.after is not None:
            rest.after.before = rest
        self.size, self.after = size, rest
        return rest

    def join(self):
        """Take in the chunk that follows."""
        self.size += self.after.size
        self.after = self.after.after
        if self.after is not None:
            self.after.before = self


class ChunkPool:
    """The chunks of one card.

    total, limit   : bytes of the card, and of them those that the pool may take (0 = all)
    reserved, used : bytes taken from the card, and those of them in use
    """

    def __init__(self, total: int):
        self.total, self.limit = total, 0
        self.reserved = self.used = self.peak = 0
        self.free: dict[int, dict[Chunk, None]] = defaultdict(dict)  # by stream, in the order of their coming

    def take(self, size: int, line: int) -> Chunk | None:
        """A chunk for a stream. Errors: OutOfMemoryError."""
        if size == 0:
            return None
        free = self.free[line]
        chunk = min((c for c in free if c.size >= size), key=lambda c: c.size, default=None)
        if chunk is None:
            chunk = self._new(size, line)
        else:
            del free[chunk]
            rest = chunk.split(size)
            if rest is not None:
                free[rest] = None
        self.used += size
        self.peak = max(self.peak, self.used)
        return chunk

    def give(self, chunk: Chunk | None):
        """A chunk is free again, together with free neighbours."""
        if chunk is None:
            return
        self.used -= chunk.size
        free = self.free[chunk.line]
        if chunk.after in free:
            del free[chunk.after]
            chunk.join()
        if chunk.before in free:
            chunk = chunk.before
            del free[chunk]
            chunk.join()
        free[chunk] = None

    def release(self):
        """Give free chunks back to the card, save for pieces of one that is partly in use."""
        for free in self.free.values():
            for chunk in [c for c in free if c.whole]:
                del free[chunk]
                self.reserved -= chunk.size

    def _new(self, size: int, line: int) -> Chunk:
        ways: tuple[Callable, ...] = (lambda: None, self.release, lambda: (gc.collect(), self.release()))
        for make_way in ways:
            make_way()
            if self.reserved + size <= min(self.limit or self.total, self.total):
                self.reserved += size
                return Chunk(size, line)
        raise OutOfMemoryError(size, self.reserved, self.limit)
