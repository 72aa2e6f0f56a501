"""Arrays as messages: flat, small ones together, large ones in pieces."""

import time
from contextlib import contextmanager

import numpy as np

PIECE = 1 << 30  # bytes of one message: counts stay below 2**31 with every MPI
ROUND = 8 << 20  # bytes of one Allreduce: the work array of MPI stays in the cache, 2-4 times faster
LARGE = 1 << 20  # bytes from which an array is summed by itself: a copy would cost more than a message


def reals(a: np.ndarray) -> np.ndarray:
    """A flat view of the real numbers of an array. Errors: ValueError where it does not lie in one piece:
    what is written would be lost."""
    if not a.flags.c_contiguous:
        raise ValueError(f"an array {a.shape} is not C-contiguous: it does not lie in one piece")
    return a.reshape(-1).view(a.real.dtype)


@contextmanager
def packed(flat: list[np.ndarray]):
    """The arrays to be summed: small ones, if there are several, in one copy, from which they come back."""
    small = [a for a in flat if a.nbytes < LARGE]
    if len(small) < 2:
        yield flat
        return
    together = np.concatenate(small)
    yield [*(a for a in flat if a.nbytes >= LARGE), together]
    for a, part in zip(small, np.split(together, np.cumsum([a.size for a in small])[:-1])):
        a[...] = part


def pieces(flat: np.ndarray, most: int = PIECE) -> list[np.ndarray]:
    """Parts of a flat array, of at most so many bytes each."""
    step = max(1, min(most, PIECE) // flat.itemsize)
    return [flat[i : i + step] for i in range(0, flat.size, step)]


def calmly(request):
    """Wait without a busy loop: the threads of this rank need the core."""
    while not request.Test():
        time.sleep(2e-5)
