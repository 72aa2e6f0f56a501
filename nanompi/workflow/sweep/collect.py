"""What a sweep found: table.csv, ranking.txt, sweep.h5 with the images of all runs, contact.png."""

import csv
import io
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.io.atomic import new_file, new_hdf5
from nanompi.job.sweeps import label, word
from nanompi.report.contact import Panel, contact
from nanompi.run.figures import Figure
from nanompi.run.switches import PICTURES, on
from nanompi.workflow.sweep.folder import Task, judges, read_head, tasks
from nanompi.workflow.sweep.paired import decided

SHOWN = 20  # lines of a ranking on the screen


def collect(folder: Path) -> tuple[list[dict], str]:
    """Write table, ranking, HDF5 and contact sheet of a sweep.

    Returns the rows of the table in order of settings, and the best of them as a text. Errors: DataError when
    it is not the folder of a sweep, ResourceError when it cannot be written.
    """
    head, all_tasks = read_head(folder), tasks(folder)
    figures, asked, outcomes = judges(head), head["options"]["score"], [t.outcome() for t in all_tasks]
    judge = judge_of(figures, asked, outcomes)
    named = [row(t, o, figures) for t, o in zip(all_tasks, outcomes)]
    rows, said = ranked(named, outcomes, judge, all_tasks)
    _text(folder / "table.csv", _csv(rows))
    _text(folder / "ranking.txt", f"{ranking(rows, figures, judge, len(rows))}\n{said}")
    images = [image(t) for t in all_tasks]
    _hdf5(folder / "sweep.h5", all_tasks, images, rows)
    if on(PICTURES):
        _contact(folder, [_panel(t, r, one) for t, r, one in zip(all_tasks, rows, images)], images)
    instead = ""
    if judge and judge[1].score != asked:
        instead = f"some settings have no {asked}: ranked by {judge[1].score}, not by {asked}\n"
    return rows, f"{instead}{ranking(rows, figures, judge)}\n{said}".rstrip()


def _contact(folder: Path, panels: list[Panel], images: list) -> None:
    """The contact sheet; all that counts is written before."""
    try:
        one = next((one for one in images if one is not None), Image(None, "", ""))
        contact(folder / "contact.png", panels, f"{folder.name}: {one.name}".rstrip(": "), one.unit)
    except Exception as e:
        print(f"warning: there is no contact.png ({type(e).__name__}: {e})", file=sys.stderr, flush=True)


def row(task: Task, found: dict, names: Iterable[str]) -> dict:
    """One line of the table, of a setting with this outcome; what is not known is empty."""
    figures = found.get("figures", {})
    return {
        "setting": task.number,
        "folder": task.path.name,
        **{k: v if isinstance(v, int | float | str) else word(v) for k, v in task.values.items()},
        **{name: figures.get(name, "") for name in names},
        "seconds": found.get("seconds", ""),
        "code": found.get("code", ""),
        "message": found.get("message", "" if found else "not run"),
    }


def ranked(rows: list[dict], outcomes: list[dict], judge, all_tasks: list[Task]) -> tuple[list[dict], str]:
    """The rows with their score and rank (1 = best), both empty where a setting has no score; and a line on
    whether the best is any better than the next.

    judge : as `judge_of` gives it
    """
    scores = [_score(found, judge) for found in outcomes]
    order, said = sorted((k for k, s in enumerate(scores) if s is not None), key=lambda k: scores[k]), ""
    if judge:
        order, said = decided(order, all_tasks, judge[1])
    places = {k: place for place, k in enumerate(order, 1)}
    full = [
        {**r, "score": "" if s is None else s, "rank": places.get(k, "")}
        for k, (r, s) in enumerate(zip(rows, scores))
    ]
    return full, said + "\n" * bool(said)


def judge_of(figures: dict[str, Figure], asked: str, outcomes: list[dict]) -> tuple[str, Figure] | None:
    """(name, figure) that ranks the settings of a sweep: of the score that was asked for, or the first that
    all settings have of those that stand in for it. None where no step offers a score."""
    name = next((name for name, figure in figures.items() if asked and figure.score == asked), None)
    if name is None:
        return None
    ended = [found["figures"] for found in outcomes if found and found["code"] == 0]
    chain = [name]
    while (instead := figures[chain[-1]].instead) and instead not in chain:
        chain.append(instead)
    name = next((one for one in chain if all(one in found for found in ended)), name)
    return name, figures[name]


def _score(found: dict, judge: tuple[str, Figure] | None) -> float | None:
    """How far the figure of a setting is from the best value; None where it has none."""
    if judge is None or found.get("code") != 0:
        return None
    name, figure = judge
    value = abs(found["figures"].get(name, math.nan) - figure.best)
    return value if math.isfinite(value) else None


def ranking(rows: list[dict], figures: dict[str, Figure], judge, most: int = SHOWN) -> str:
    """The settings from best to worst, then those that failed."""
    good = sorted((r for r in rows if r["rank"] != ""), key=lambda r: r["rank"])
    bad = [r for r in rows if r["rank"] == ""]
    names = [n for n, figure in figures.items() if figure.score and any(r[n] != "" for r in rows)]
    by = f" (by {judge[1].score})" if judge else ""
    head = (
        " ".join([f"{'rank':>4} {'score':>9}", *(f"{n:>8}" for n in (*names, "seconds"))]) + f"  setting{by}"
    )
    lines = [
        " ".join([f"{r['rank']:>4} {_short(r['score']):>9}", *(f"{_short(r[n]):>{max(8, len(n))}}"
                  for n in (*names, "seconds"))]) + f"  {r['folder']}"
        for r in good[:most]
    ]  # fmt: skip
    more = [f"     ... {len(good) - most} more"] if len(good) > most else []
    return "\n".join([head, *lines, *more, *(f"   - {r['folder']}: {_why(r)}" for r in bad)])


def _why(r: dict) -> str:
    if r["code"] == 0:
        return "no score: its figure is not known"
    return f"exit code {r['code']}: {r['message']}" if r["code"] != "" else "not run"


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass
class Image:
    """The main image of a result: values (h, w), its name and unit, the path of its dataset, and its width in
    a unit of its own, "" where that is not known."""

    values: np.ndarray | None
    name: str
    unit: str
    path: str = ""
    width: tuple[float, str] = (0.0, "")


def image(task: Task) -> Image | None:
    """What a viewer opens first in the result of a setting; None where there is none, or no image."""
    import h5py

    if not task.done():
        return None
    with h5py.File(task.path / "result.h5", "r", locking=False) as f:
        name = f["entry_1"].attrs.get("default", "")
        group = f["entry_1"].get(name) if name else None
        data = None if group is None else group.get(group.attrs.get("signal", "data"))
        if getattr(data, "ndim", 0) != 2 or data.dtype.kind == "c":
            return None
        return Image(data[()], name, str(data.attrs.get("units", "")), data.name, _width(group))


def _width(group) -> tuple[float, str]:
    """Width of an image (NXdata) and its unit, by its last axis"""
    axis = group.get(str(np.ravel(group.attrs.get("axes", "."))[-1]))
    if axis is None or axis.size < 2:
        return 0.0, ""
    pixel = abs(float(axis[-1] - axis[0])) / (axis.size - 1)
    return pixel * axis.size, str(axis.attrs.get("units", ""))


def _panel(task: Task, r: dict, one: Image | None) -> Panel:
    """A setting on the contact sheet; the first of the ranking is framed."""
    first = r["rank"] == 1
    return Panel(one and one.values, _caption(task, r), first, *(one.width if one else (0.0, "")))


def _caption(task: Task, r: dict) -> list[str]:
    """What stands below a picture: the swept values; the rank, or why there is none."""
    place = f"rank {r['rank']}, {_short(r['score'])}" if r["rank"] != "" else _why(r)
    return [*label(task.values).split(" "), place]


def _csv(rows: list[dict]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _text(path: Path, text: str):
    with new_file(path) as file:
        file.write(text.encode())


def _hdf5(path: Path, all_tasks: list[Task], images: list[Image | None], rows: list[dict]):
    """/entry_1/NAME/data: (settings, h, w), virtual, over the middle of each run's main image; NaN where
    there is none. NAME : as in the results (phase ...)

    /entry_1/table/NAME: a column each.
    """
    import h5py

    with new_hdf5(path) as f:
        f.attrs.update(NX_class="NXroot", default="entry_1")
        entry = f.create_group("entry_1")
        entry.attrs["NX_class"] = "NXentry"
        for name in rows[0]:
            _column(entry.require_group("table"), name.replace("/", "_"), [r[name] for r in rows])
        there = [k for k, a in enumerate(images) if a is not None]
        if not there:
            return
        name = images[there[0]].name
        h, w = (min(images[k].values.shape[axis] for k in there) for axis in (0, 1))
        layout = h5py.VirtualLayout((len(images), h, w), max(images[k].values.dtype for k in there))
        for k in there:
            data, file = images[k].values, f"{all_tasks[k].path.name}/result.h5"
            y, x = ((n - m) // 2 for n, m in zip(data.shape, (h, w)))
            source = h5py.VirtualSource(file, images[k].path, data.shape, data.dtype)
            layout[k] = source[y : y + h, x : x + w]
        group = entry.create_group(name)
        group.create_virtual_dataset("data", layout, fillvalue=np.nan)
        group.attrs.update(
            NX_class="NXdata", signal="data", axes=["setting", ".", "."], title=f"{name} of all runs"
        )
        group["setting"] = np.array([t.number for t in all_tasks])
        entry.attrs["default"] = name


def _column(group, name: str, cells: list):
    """Numbers with NaN where a cell is empty; else texts."""
    if all(c == "" or (isinstance(c, int | float) and not isinstance(c, bool)) for c in cells):
        group[name] = np.array([math.nan if c == "" else c for c in cells], float)
    else:
        group[name] = [str(c) for c in cells]
