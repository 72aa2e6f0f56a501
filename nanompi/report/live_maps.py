"""Maps and slices while block steps make them, for the live view of a run.

Ranks are never made to wait for it: every SELDOM seconds each writes what it has of the maps into the folder
`live` of the run, and rank 0 shows what lies there, nan where nothing has come yet. Where the others do not
see that folder, their rows stay so. Of results that are an image for each item, as slices are, rank 0 shows
its last one. How the ranks are goes the same way.
"""

import json
import time
from pathlib import Path
from threading import Lock

import numpy as np

from nanompi.data.buffer import FrameBuffer
from nanompi.data.infile import RowsInFile
from nanompi.data.planes import FRAMES
from nanompi.io.atomic import new_file, remove, write_text
from nanompi.run.result import Signal

SELDOM = 10.0  # seconds between two pictures
SHARE = 0.01  # part of the time that they may cost
MOST = 9  # maps in one picture
NUMBERS = ":rows"  # behind the name of a map, in a file: which rows it holds
SIDE = 256  # points of a map along each axis at most: every second, third ... is taken
SLICE = 1024  # the same of an image


class LiveMaps:
    """The maps of a run that its block steps have by now (collective).

    view : nanompi.report.live.LiveView, which has them written
    """

    def __init__(self, run, view):
        self.run, self.view, self.next, self.lock = run, view, time.monotonic() + SELDOM, Lock()
        if run.team.root:
            remove(run.folder / "live")  # of a run that was killed, perhaps on more ranks
        self.folder = Path(run.team.bcast(str(run.folder / "live")))

    def hurry(self) -> None:
        """Show them as soon as there are more."""
        self.next = 0.0

    def end(self) -> None:
        """Nothing is shown any more (collective)."""
        self.run.glimpse = lambda walks: None
        self.run.team.barrier()
        if self.run.team.root:
            remove(self.folder)

    def show(self, walks: list) -> None:
        """Write own rows of the maps, and on rank 0 have those of all shown, where it is time to do so."""
        begun = time.monotonic()
        with self.lock:
            if begun < self.next:
                return
            self.next = begun + SELDOM
        try:
            self._show(walks, begun)
        except Exception as error:  # a picture is worth no run
            self.run.warn(f"no picture of what there is by now ({type(error).__name__}: {error})")
            self.run.glimpse = lambda walks: None

    def _show(self, walks: list, begun: float) -> None:
        root, own = self.run.team.root, {}
        if root:
            self.folder.mkdir(exist_ok=True)
        if not self.folder.is_dir():
            return
        results = [(walk, key, rows) for walk in walks for key, rows in walk.outs.items()]
        for walk, key, rows in results:
            if isinstance(rows, FrameBuffer) and rows.counts is not None and len(own) < MOST:
                own |= _maps(walk, key, rows)
        with new_file(self.folder / f"{self.run.team.rank}.npz") as file:
            np.savez(file, **own)
        write_text(self.folder / f"{self.run.team.rank}.json", json.dumps(self.view.standing()))
        images = _images(results) if root else {}
        spent = time.monotonic() - begun
        self.next = begun + max(SELDOM, spent / SHARE)
        if root:
            self.view.tell(self.ranks)
        if root and (own or images):
            data = walks[-1].data
            axes, lines = _axes(data), data.size("y") if "y" in data.axes else 0
            self.view.draw(lambda: self.signals(axes, lines) | images, spent)

    def ranks(self) -> list[dict]:
        """How the ranks are, in their order (rank 0)."""
        files = sorted(self.folder.glob("*.json"), key=lambda path: int(path.stem))
        return [json.loads(path.read_text()) for path in files]

    def signals(self, axes: dict, rows: int) -> dict[str, Signal]:
        """The maps of all ranks, nan where nothing has come (rank 0). axes : y and x, where they are known"""
        out: dict[str, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.npz")):
            with np.load(path) as parts:
                for key in parts:
                    if key.endswith(NUMBERS):
                        continue
                    image = out.setdefault(key, np.full((rows, parts[key].shape[1]), np.nan, np.float32))
                    image[parts[key + NUMBERS]] = parts[key]
        step = max(1, rows // SIDE)
        return {key: _signal(key, image[::step], axes, step) for key, image in out.items()}


def _axes(data) -> dict:
    """Coordinates of y and x, where each is a number"""
    found = {axis: data.coords[axis] for axis in ("y", "x") if axis in data.coords}
    good = len(found) == 2 and all(np.ndim(values) == 1 for values, _ in found.values())
    return found if good else {}


def _signal(key: str, image: np.ndarray, axes: dict, step: int) -> Signal:
    """The map, with the places of the points that were taken"""
    taken = {}
    for axis, n in zip("yx", image.shape) if axes else ():
        values, unit = axes[axis]
        taken[axis] = np.asarray(values)[:: step if axis == "y" else max(1, len(values) // SIDE)][:n], unit
    return Signal(image, taken, title=f"{key}, so far", show="map")


def _images(results: list) -> dict[str, Signal]:
    """The last image of each result that has one for each item along a single axis"""
    out = {}
    for walk, key, rows in results:
        if len(walk.free) == 1 and walk.names[key].axes in FRAMES and len(out) < MOST:
            out |= _image(walk, key, rows)
    return out


def _image(walk, key: str, rows: FrameBuffer | RowsInFile) -> dict[str, Signal]:
    if isinstance(rows, RowsInFile):
        number, place = rows.newest, [slice(None)] * len(rows.array.shape)
        place[rows.axis] = number
        values = rows.array.part(tuple(place)) if number >= 0 else None
    else:
        done = np.flatnonzero(rows.done)
        values = rows.counts[done[-1]] if len(done) else None
        number = walk.data.parts[walk.run.team.rank][done[-1]] if len(done) else -1
    if values is None or values.dtype.kind not in "biuf":
        return {}
    step = -(-max(values.shape) // SLICE)
    image = np.array(values[::step, ::step], np.float32)
    return {key: Signal(image, title=f"{key}, {walk.free[0]} {number}, so far", show="image")}


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
        name = str(name).replace("/", "_").strip(".") or f"map {k}"  # it becomes one in a file
        out |= {name: values[..., k], name + NUMBERS: numbers}
    return out
