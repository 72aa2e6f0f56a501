"""Images of results as a source: each is read, placed and made when it is asked for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.methods.runs.grid import Grid
from nanompi.methods.runs.image import Image, load, made


@dataclass
class RunImages(Source):
    """(n, rows, columns) of n results on one grid; memory: one image for each thread."""

    images: list[Image]
    grid: Grid
    sign: float = 1.0
    chunk: int = 1
    shape: tuple[int, int, int] = field(init=False)
    dtype: np.dtype = field(init=False)

    def __post_init__(self):
        self.shape = (len(self.images), *self.grid.shape)
        kinds = [one.dtype for one in self.images]
        self.dtype = np.result_type(*kinds)

    @property
    def where(self) -> str:
        """The first file, for messages."""
        return self.images[0].file

    def origin(self) -> list:
        """What of each result, where."""
        of = [[one.of, {"file": one.file}] for one in self.images]
        return ["runs", self.sign, self.grid.starts.tolist(), self.grid.steps.tolist(), of]

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Images `index`: (len(index), rows, columns). Errors: DataError naming the file."""
        index = check_index(index, len(self.images), self.where)
        with ThreadPoolExecutor(max(1, threads)) as pool:
            found = list(pool.map(self._one, index.tolist()))
        return np.stack(found) if found else np.empty((0, *self.shape[1:]), self.dtype)

    def _one(self, k: int) -> np.ndarray:
        own = self.grid.on(k, load(self.images[k]))
        return (self.sign * made(self.images[k], own)).astype(self.dtype)
