"""Maps while they are made: previews/live.png of a run whose block steps are at work.

Ranks are never made to wait for it: every SELDOM seconds each writes what it has of the maps into the folder
`live` of the run, and rank 0 draws what lies there, gray where nothing has come yet. Where the others do not
see that folder, their rows stay gray.
"""

import time
from pathlib import Path
from threading import Lock

import numpy as np

from nanompi.data.buffer import FrameBuffer
from nanompi.io.atomic import new_file
from nanompi.report.previews import draw_signals
from nanompi.run.result import Signal

SELDOM = 10.0  # seconds between two pictures
MOST = 9  # maps in one picture
NUMBERS = ":rows"  # behind the name of a map, in a file: which rows it holds
SIDE = 256  # points of a map along each axis at most: every second, third ... is taken


class LiveMaps:
    """A writer for `nanompi.run.perform.perform`, told of the run before."""

    def begin(self, run) -> None:
        """From now on the run shows what it has."""
        self.run, self.shown, self.lock = run, time.monotonic(), Lock()
        self.folder = run.team.bcast(str(run.folder / "live"))
        run.glimpse = self.show

    def __call__(self, run) -> None:
        """The run is done; its own pictures take the place of these."""
        for path in [*Path(self.folder).glob("*.npz"), run.folder / "previews" / "live.png"]:
            path.unlink(missing_ok=True)
        run.team.barrier()
        if run.team.root and Path(self.folder).is_dir():
            Path(self.folder).rmdir()

    def show(self, walks: list) -> None:
        """Write own rows of the maps, and on rank 0 draw those of all, where the last time is long ago."""
        with self.lock:
            now = time.monotonic()
            if now - self.shown < SELDOM:
                return
            self.shown = now
        try:
            self._show(walks)
        except Exception as error:  # a picture is worth no run
            self.run.warn(f"no picture of what there is by now ({type(error).__name__}: {error})")
            self.run.glimpse = lambda walks: None

    def _show(self, walks: list) -> None:
        folder, root = Path(self.folder), self.run.team.root
        if root:
            folder.mkdir(exist_ok=True)
        if not folder.is_dir():
            return
        own = {}
        for walk in walks:
            for key, rows in walk.outs.items():
                if isinstance(rows, FrameBuffer) and rows.counts is not None and len(own) < MOST:
                    own |= _maps(walk, key, rows)
        with new_file(folder / f"{self.run.team.rank}.npz") as file:
            np.savez(file, **own)
        if root and own:
            draw_signals(self._signals(folder, walks[-1].data), folder.parent / "previews" / "live.png")

    def _signals(self, folder: Path, data) -> dict[str, Signal]:
        """The maps of all ranks, NaN where nothing has come."""
        out: dict[str, np.ndarray] = {}
        every = data.size("y")
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as parts:
                for key in parts:
                    if key.endswith(NUMBERS):
                        continue
                    image = out.setdefault(key, np.full((every, parts[key].shape[1]), np.nan, np.float32))
                    image[parts[key + NUMBERS]] = parts[key]
        step = max(1, every // SIDE)
        return {key: Signal(image[::step], title=f"{key}, so far", show="map") for key, image in out.items()}


def _maps(walk, key: str, rows: FrameBuffer) -> dict[str, np.ndarray]:
    """{name: values (rows, columns)} of a result with one value, or a few, at each point of a scan y, x; with
    the numbers of its rows; {} of another."""
    if walk.free != ("y", "x") or len(walk.names[key].axes) > 1 or key.endswith("_errors"):
        return {}
    values = rows.counts[rows.done]
    step = max(1, values.shape[1] // SIDE)
    values = values[:, ::step]
    numbers = walk.data.parts[walk.run.team.rank][rows.done]
    if values.ndim == 2:
        return {key: values, key + NUMBERS: numbers}
    axis = walk.names[key].axes[0]
    names = walk.data.coords.get(axis, ([f"{key.strip('_')} {k}" for k in range(values.shape[2])], ""))[0]
    out = {}
    for k, name in enumerate(list(names)[:MOST]):
        out |= {str(name): values[..., k], str(name) + NUMBERS: numbers}
    return out
