"""What a program gets of a run: arrays, figures, verdict; in memory, or read when asked for."""

import html
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.api.sources import Kept, Others, Stored
from nanompi.job.folder import environment
from nanompi.run.provenance import told
from nanompi.run.result import Signal


class Result:
    """The result of a run, of any method.

    name    : of the job; folder : of the run, None where it has none; log : what was said
    root    : has this rank the arrays? Under mpirun rank 0 alone has: on the others `object` and `probe` are
        None, `signals`, `data` and `maps` are empty, `show` and `save` do nothing
    """

    def __init__(
        self, name: str, source: Any, *, root: bool = True, folder: Path | None = None, log: str = ""
    ):
        self.name, self.root, self.folder, self.log = name, root, folder, log
        self._source = source

    @classmethod
    def of(cls, run, log: str = "") -> "Result":
        """The result of a run that has ended (collective)."""
        hosts = run.team.allgather(run.team.host)
        if run.team.root and not run.folder:
            run.result.notes |= {"environment": environment(run.team.vendor, hosts), **told(log)}
        few = run.team.bcast(Others.of(run.result) if run.team.root else None)
        source = few
        if run.team.root:
            source = Stored(run.folder / "result.h5") if run.folder else Kept(run.result)
        return cls(run.name, source, root=run.team.root, folder=run.folder, log=log)

    # ---- what there is

    @property
    def object(self) -> np.ndarray | None:
        """(rows, columns) complex, the object as it was reconstructed; None for other methods."""
        return self._source.array("object/data")

    @property
    def image(self) -> np.ndarray | None:
        """(rows, columns) complex, the scanned part of the object without phase ramp."""
        return self._source.array("image_1/data")

    @property
    def probe(self) -> np.ndarray | None:
        """(modes, rows, columns) complex, strongest first."""
        return self._source.array("probe/data")

    @property
    def pixel(self) -> np.ndarray | None:
        """(2,) m, size of a pixel of object and probe along rows and columns."""
        size = self.notes.get("geometry", {}).get("object_pixel")
        return None if size is None else np.array(size)

    @property
    def history(self) -> dict[str, np.ndarray]:
        """{name: (iterations,)}: iteration, engine, error, R, llk ...; nan where it was not computed."""
        return self._source.history

    @property
    def notes(self) -> dict[str, Any]:
        """{name: tree}: job, geometry, preparation, metrics, run, verdict ..."""
        return self._source.notes

    @property
    def verdict(self) -> dict[str, Any]:
        """grade ("good", "doubtful", "wrong"), words, paste (lines of the job that would help), steps; {}
        where nothing was judged."""
        return self.notes.get("verdict", {})

    @property
    def signals(self) -> Mapping[str, Signal]:
        """{name: Signal} of all that can be shown: data, axes with units, unit, title; of volumes planes, of
        stacks of maps each ("maps Fe"). Read when asked for."""
        return self._source.signals

    @property
    def shown(self) -> Mapping[str, Signal]:
        """The signals, and what else there is to look at: spectra with their fit, positions, frames ..."""
        return self._source.shown

    @property
    def data(self) -> Mapping[str, np.ndarray]:
        """{name: array} of all that the run made, whole: volumes, stacks of maps ... Read when asked for."""
        return self._source.data

    @property
    def maps(self) -> dict[str, np.ndarray]:
        """{name: (y, x)}: the maps of a scan; of a stack each by its own name: "Fe", or "maps Fe" where
        several are called so."""
        flat = [key for key in self.signals if self._source.axes.get(key, 2) == 2]
        shown = {key: one.data for key in flat if (one := self.signals[key]).show == "map"}
        short = Counter(key.partition(" ")[2] or key for key in shown)
        names = {key: key.partition(" ")[2] or key for key in shown}
        return {names[key] if short[names[key]] == 1 else key: one for key, one in shown.items()}

    def array(self, place: str) -> np.ndarray | None:
        """An array of the result, by its path under /entry_1: "positions/refined"; None for no such."""
        return self._source.array(place)

    # ---- to look at, to keep

    def show(self, *names: str):
        """A picture of all that can be shown, or of some signals: a notebook shows it; it has `save(path)`.

        Errors: DataError for a name that the result does not have.
        """
        if self.root:
            from nanompi.api.picture import picture

            return picture(self, names)

    def save(self, path) -> list[Path]:
        """Write it to a file, of the kind that its name says (.h5, .tif, .npz, .ptyr, .cxi, .png), as
        `nanompi convert` does; the files that were written.

        Errors: JobError, DataError, ResourceError.
        """
        from nanompi.api.export import export

        return export(self, Path(path)) if self.root else []

    @property
    def sources(self) -> list[Path]:
        """The files that it was made of, and the one that holds it."""
        files = [Path(one["path"]) for one in self.notes.get("inputs", {}).get("files", [])]
        own = getattr(self._source, "path", None)
        return [*files, own] if own else files

    def write(self, path: Path) -> None:
        """All there is as a result.h5 (`nanompi.run.writers.nexus`). Errors: ResourceError."""
        self._source.write(path)

    def __repr__(self):
        there = ", ".join(self.signals) or "nothing on this rank"
        grade = f", {self.verdict['grade']}" if self.verdict else ""
        return f"<nanompi result {self.name}{grade}: {there}>"

    def _repr_html_(self) -> str:
        """For notebooks: name, verdict, picture."""
        found = self.verdict
        grade = f"{found['grade']}: {found['words']}" if found.get("words") else found.get("grade", "")
        head = f"<p><b>{html.escape(self.name)}</b> {html.escape(grade)}</p>"
        shown = self.show()
        if shown is None or not (png := shown._repr_png_()):
            return head
        source = f"data:image/png;base64,{b64encode(png).decode()}"
        return f'{head}<img alt="{html.escape(repr(self))}" src="{source}">'
