"""What a sweep found: table.csv, ranking.txt, sweep.h5 with the images of all runs, contact.png."""

import csv
import io
import math
import sys
from pathlib import Path

import numpy as np

from nanompi.io.atomic import new_file, new_hdf5
from nanompi.job.sweeps import label, word
from nanompi.workflow.sweep.contact import contact
from nanompi.workflow.sweep.folder import Task, read_head, tasks

BEST = {  # the smaller, the better
    "llk": lambda figures: abs(figures["llk"] - 1),
    "llk-heldout": lambda figures: figures["llk_heldout"],
    "R": lambda figures: figures["R"],
    "R-heldout": lambda figures: figures["R_heldout"],
    "truth": lambda figures: figures["phase_rmse"],
}
WITHOUT = {"llk": "R", "llk-heldout": "R-heldout"}  # where a setting saw no counting noise, and has no llk
FIGURES = ("R", "llk", "llk_heldout", "R_heldout", "photons", "phase_rmse", "resolution_nm")
SHOWN = 20  # lines of a ranking on the screen


def collect(folder: Path) -> list[dict]:
    """Write table, ranking, HDF5 and contact sheet of a sweep; the rows of the table in order of settings.

    Errors: DataError when it is not the folder of a sweep, ResourceError when it cannot be written.
    """
    head, all_tasks = read_head(folder), tasks(folder)
    score = score_of(all_tasks, head["options"]["score"])
    rows = ranked([row(t) for t in all_tasks], all_tasks, score)
    _text(folder / "table.csv", _csv(rows))
    _text(folder / "ranking.txt", ranking(rows, score, len(rows)) + "\n")
    images = [image(t) for t in all_tasks]
    _hdf5(folder / "sweep.h5", folder, all_tasks, images, rows)
    try:
        contact(folder / "contact.png", images, [_caption(t, r) for t, r in zip(all_tasks, rows)])
    except Exception as e:  # all that counts is written
        print(f"warning: there is no contact.png ({type(e).__name__}: {e})", file=sys.stderr, flush=True)
    return rows


def row(task: Task) -> dict:
    """One line of the table; what is not known is empty."""
    found = task.outcome()
    figures = found.get("figures", {})
    return {
        "setting": task.number,
        "folder": task.path.name,
        **{k: v if isinstance(v, int | float | str) else word(v) for k, v in task.values.items()},
        **{name: figures.get(name, "") for name in FIGURES},
        "seconds": found.get("seconds", ""),
        "code": found.get("code", ""),
        "message": found.get("message", "" if found else "not run"),
    }


def ranked(rows: list[dict], all_tasks: list[Task], score: str) -> list[dict]:
    """The rows with their score and rank (1 = best); both empty where a setting has no score."""
    scores = [_score(t, score) for t in all_tasks]
    order = sorted((k for k, s in enumerate(scores) if s is not None), key=lambda k: scores[k])
    places = {k: place for place, k in enumerate(order, 1)}
    return [
        {**r, "score": "" if s is None else s, "rank": places.get(k, "")}
        for k, (r, s) in enumerate(zip(rows, scores))
    ]


def score_of(all_tasks: list[Task], score: str) -> str:
    """What ranks these settings: the score that was asked for, or R where one of them has no llk."""
    ended = [found["figures"] for t in all_tasks if (found := t.outcome()) and found["code"] == 0]
    absent = any("R" in figures and "llk" not in figures for figures in ended)
    return WITHOUT.get(score, score) if absent else score


def _score(task: Task, score: str) -> float | None:
    found = task.outcome()
    try:
        value = BEST[score](found["figures"]) if found["code"] == 0 else math.nan
    except KeyError:
        return None
    return value if math.isfinite(value) else None


def ranking(rows: list[dict], score: str, most: int = SHOWN) -> str:
    """The settings from best to worst, then those that failed."""
    good = sorted((r for r in rows if r["rank"] != ""), key=lambda r: r["rank"])
    bad = [r for r in rows if r["rank"] == ""]
    head = f"{'rank':>4} {'score':>9} {'R':>8} {'llk':>8} {'seconds':>8}  setting (by {score})"
    lines = [
        f"{r['rank']:>4} {_short(r['score']):>9} {_short(r['R']):>8} {_short(r['llk']):>8} "
        f"{_short(r['seconds']):>8}  {r['folder']}"
        for r in good[:most]
    ]
    more = [f"     ... {len(good) - most} more"] if len(good) > most else []
    return "\n".join([head, *lines, *more, *(f"   - {r['folder']}: {_why(r)}" for r in bad)])


def _why(r: dict) -> str:
    if r["code"] == 0:
        return "no score: its figure is not known"
    return f"exit code {r['code']}: {r['message']}" if r["code"] != "" else "not run"


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def image(task: Task) -> np.ndarray | None:
    """(h, w) phase of a setting that has ended well, or None."""
    return _read(task)[0] if task.done() else None


def _read(task: Task) -> tuple[np.ndarray | None, str]:
    """(phase, path of its dataset in the result)."""
    import h5py

    with h5py.File(task.path / "result.h5", "r", locking=False) as f:
        group = f.get("entry_1/phase")
        if group is None:
            return None, ""
        data = group[group.attrs["signal"]]
        return data[()], data.name


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


def _hdf5(path: Path, folder: Path, all_tasks: list[Task], images: list, rows: list[dict]):
    """/entry_1/phase/data: (settings, h, w), virtual, over the middle of each run's phase; NaN where none is.

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
        h, w = (min(images[k].shape[axis] for k in there) for axis in (0, 1))
        layout = h5py.VirtualLayout((len(images), h, w), max(images[k].dtype for k in there))
        for k in there:
            data, name = images[k], _read(all_tasks[k])[1]
            y, x = ((n - m) // 2 for n, m in zip(data.shape, (h, w)))
            source = h5py.VirtualSource(f"{all_tasks[k].path.name}/result.h5", name, data.shape, data.dtype)
            layout[k] = source[y : y + h, x : x + w]
        group = entry.create_group("phase")
        group.create_virtual_dataset("data", layout, fillvalue=np.nan)
        group.attrs.update(
            NX_class="NXdata", signal="data", axes=["setting", ".", "."], title="phase of all runs"
        )
        group["setting"] = np.array([t.number for t in all_tasks])
        entry.attrs["default"] = "phase"


def _column(group, name: str, cells: list):
    """Numbers with NaN where a cell is empty; else texts."""
    if all(c == "" or (isinstance(c, int | float) and not isinstance(c, bool)) for c in cells):
        group[name] = np.array([math.nan if c == "" else c for c in cells], float)
    else:
        group[name] = [str(c) for c in cells]
