"""Arrays of a program that calls this one: read where they stand, by the ranks that have them.

    with held({"frames": frames, "x": x}) as key:
        source = FramesInMemory.of(key, "frames")

A source is sent to other ranks as its key; whoever holds arrays under it reads its own, and rank 0 sends the
frames to the others.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError, NanompiError
from nanompi.io.quantities import flat_frames

HELD: dict[str, dict[str, Any]] = {}


@contextmanager
def held(key: str, arrays: dict[str, Any]) -> Iterator[str]:
    """`with held(key, arrays):` they are known under a key, which all ranks have in common."""
    HELD[key] = arrays
    try:
        yield key
    finally:
        del HELD[key]


@dataclass
class FramesInMemory(Source):
    """Frames of an array, or of anything with shape, dtype and slices, such as a dataset of h5py."""

    key: str
    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    chunk: int = 1

    @classmethod
    def of(cls, key: str, name: str) -> "FramesInMemory":
        """The source for one of the arrays that are held. Errors: DataError for what are no frames."""
        one = HELD[key][name]
        if not hasattr(one, "shape") or not hasattr(one, "dtype"):
            raise DataError(f"{name}: {type(one).__name__} has no shape and dtype; give an array")
        shape, chunks = flat_frames(one.shape, name), getattr(one, "chunks", None)
        chunk = chunks[0] if isinstance(chunks, tuple) and len(one.shape) == 3 else 1
        return cls(key, name, shape, np.dtype(one.dtype), chunk if isinstance(chunk, int) else 1)

    @property
    def where(self) -> str:
        """What it is called, for messages."""
        return self.name

    def reachable(self) -> bool:
        """Has this rank the array?"""
        return HELD.get(self.key, {}).get(self.name) is not None

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` in any order, copied: (len(index), rows, columns)."""
        index, frames = check_index(index, self.shape[0], self.where), HELD[self.key][self.name]
        if isinstance(frames, np.ndarray) and frames.ndim > 2:
            return np.asarray(frames[np.unravel_index(index, frames.shape[:-2])])
        out = np.empty((len(index), *self.shape[1:]), self.dtype)
        with _readable(self.where):
            if len(frames.shape) == 2:  # a single frame
                out[:] = np.asarray(frames[:, :])
                return out
            at = np.unravel_index(index, frames.shape[:-2])
            for place in _runs(at):
                out[place] = frames[tuple(_run(axis[place]) for axis in at)]
        return out


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """What an array of somebody else's raises when it is read is a DataError that names its file and line."""
    try:
        yield
    except (NanompiError, MemoryError):
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{name} cannot be read: {words} ({last.filename}, line {last.lineno})") from None


def _runs(at: tuple[np.ndarray, ...]) -> list[slice]:
    """Pieces of an index of frames in which the last number alone goes up, one by one."""
    steps = np.diff(np.stack(at), axis=1)
    ends = np.flatnonzero((steps[-1] != 1) | (steps[:-1] != 0).any(0)) + 1
    return [slice(a, b) for a, b in zip([0, *ends], [*ends, len(at[0])], strict=True) if b > a]


def _run(numbers: np.ndarray):
    """A number where it stays the same, else a slice. One frame of a stack is a slice, too."""
    first, last = int(numbers[0]), int(numbers[-1])
    return first if first == last and len(numbers) > 1 else slice(first, last + 1)
