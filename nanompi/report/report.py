"""report.html of a run: one file that asks for nothing else, renewed by rename while the run goes on.

What is shown comes from `nanompi.report.record` alone: a run of any method has signals, a history, ranks,
phases and a verdict. A page of several runs is made by `nanompi.report.several`.
"""

import base64
import functools
import hashlib
import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import NanompiError, shown
from nanompi.io.atomic import complaint, write_text
from nanompi.report.coded import as_url, gray_png
from nanompi.report.frames import SIDE, Frame, frames
from nanompi.report.plots import history_curves, plot, single
from nanompi.report.record import Record, plain_yaml, record
from nanompi.report.tables import cost, facts, papers, tests
from nanompi.run.result import Signal

HERE = Path(__file__).parent
SCRIPTS = ("basics.js", "view.js", "curves.js", "report.js")
BUDGET = 850_000  # px of all images together: below 3 MB even of noise
STILL = 384  # px of the picture for readers without scripts
SMALL_FROM = 5  # images of one kind from which on they are drawn small
PERIOD = 10  # seconds after which a page of a run that goes on is loaded anew


def write(folder: Path, file: Path | None = None, signals: Mapping[str, Signal] | None = None) -> Path:
    """Write report.html into the folder of a run, or what it holds into another file; its path.

    signals : those that are shown, where they are at hand: else they are read from the files of the run.
    Call `nanompi.methods.discover()` before.
    Errors: DataError where there is no such folder, ResourceError where it cannot be written.
    """
    path = file or Path(folder) / "report.html"
    text = page("report.html.j2", **_of_one(record(folder), signals))
    try:
        write_text(path, text)
    except OSError as error:
        raise complaint(path, len(text), error) from error
    return path


def page(template: str, data: dict[str, Any], **values) -> str:
    """The text of a page; data : what its scripts get, JSON-able."""
    css, scripts = _parts()
    return _template(template).render(css=css, js=scripts, css_hash=_hash(css), js_hash=_hash(scripts),
                                      some=data, data=for_script(data), **values)  # fmt: skip


def for_script(data: Any) -> str:
    """JSON that may stand inside <script>, whatever its texts hold."""
    text = json.dumps(_finite(data), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def pictures(signals, warnings: list[str], budget: int = BUDGET) -> tuple[list[Frame], list, list]:
    """All images of some signals, as large as the budget allows, all plots of them, and (title, value) of
    what is one number."""
    side, images, plots, values = SIDE, [], [], []
    for _ in range(2):
        own = [
            (frames(name, signal, side), value := single(name, signal), None if value else plot(name, signal))
            for name, signal in _readable(signals, warnings)
        ]
        images, plots = [one for many, *_ in own for one in many], [one for *_, one in own if one]
        values = [one for _, one, _ in own if one]
        area = sum(one.values.size * one.parts for one in images)
        if area <= budget:
            break
        side = max(32, int(side * math.sqrt(budget / area)))
    return _told_apart(images), plots, values


def _told_apart(images: list[Frame]) -> list[Frame]:
    """Those of one title, as planes of a volume, have their name behind it."""
    titles = [one.title for one in images]
    return [replace(one, title=f"{one.title} ({one.name})") if titles.count(one.title) > 1 else one
            for one in images]  # fmt: skip


def still(frame: Frame) -> str:
    """A picture in gray, as data URL, for readers without scripts."""
    step = -(-max(frame.values.shape) // STILL)
    values = frame.values[::step, ::step]
    low, high = (math.log10(v) if frame.log else v for v in (frame.low, frame.high))
    gray = np.nan_to_num(np.clip((values - low) / (high - low), 0, 1) * 255, nan=208).astype(np.uint8)
    return as_url(gray_png(gray))


def _of_one(run: Record, known: Mapping[str, Signal] | None = None) -> dict[str, Any]:
    """What the page of one run shows"""
    warnings = list(run.warnings)
    signals = guarded(run.signals, {}, warnings) if known is None else known
    history = guarded(lambda: run.history, {"i": np.array([]), "engine": []}, warnings)
    notes = guarded(lambda: run.notes, {}, warnings)
    images, plots, values = pictures(signals, warnings)
    data = {
        "images": [one.described() for one in images if not _is_small(images, one)],
        "small": [one.described() for one in images if _is_small(images, one)],
        "history": history_curves([("", history)]),
        "plots": [one for one in plots if not _is_history(one, history)],
        "live": run.live,
        "written": time.time(),
        "period": PERIOD,
    }
    return {
        "data": data,
        "status": run.status,
        "live": run.live,
        "period": PERIOD,
        "title": run.status.get("name") or run.folder.resolve().parent.name,
        "folder": run.folder.resolve().name,
        "facts": facts(run, notes),
        "values": values,
        "verdict": verdict_of(run.status, notes),
        "tests": tests(notes),
        "warnings": list(dict.fromkeys(warnings)),
        "still": still(images[0]) if images else "",
        "still_title": images[0].title if images else "",
        "cost": cost(run),
        "ranks": run.ranks,
        "differing": _differing(run.resolved_text) if run.resolved else [],
        "job": run.job_text,
        "log": run.log_tail(),
        "papers": papers(notes),
    }


def verdict_of(status: dict[str, Any], notes: dict[str, Any]) -> dict[str, str]:
    """Grade, words, and lines to paste; {} where nothing has been judged"""
    said = notes.get("verdict")
    if isinstance(said, dict) and said.get("grade"):
        return {name: str(said.get(name, "")) for name in ("grade", "words", "paste")}
    grade = status.get("verdict", "")
    return {"grade": grade, "words": status.get("reason", ""), "paste": ""} if grade else {}


@functools.lru_cache(4)
def _differing(resolved: bytes) -> list:
    """Of a job.resolved.yaml, which stays as it is while its report is renewed"""
    from nanompi.report.changed_parameters import differing

    return differing(plain_yaml(resolved))


def _readable(signals, warnings: list[str]) -> Iterable[tuple[str, Signal]]:
    """Those of the signals that can be read; the others are warned of."""
    for name in signals:
        signal = guarded(lambda name=name: signals[name], None, warnings)
        if signal is not None:
            yield name, signal


def guarded(read, nothing, warnings: list[str]):
    """What `read` gives; `nothing` and a warning where a file is damaged"""
    try:
        return read()
    except NanompiError as error:
        warnings.append(shown(error, 300))
        return nothing


def _is_small(images: list[Frame], one: Frame) -> bool:
    """Of many alike, such as the maps of elements, and modes"""
    return one.angle is not None or sum(other.map == one.map for other in images) >= SMALL_FROM


def _is_history(plotted: dict[str, Any], history: dict[str, Any]) -> bool:
    """Does the history of the run say the same with more?"""
    return len(history["i"]) > 0 and plotted.get("label") == "iteration"


def _finite(tree: Any) -> Any:
    """The same with None where a number is none"""
    if isinstance(tree, dict):
        return {str(name): _finite(one) for name, one in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(one) for one in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def _parts() -> tuple[str, str]:
    """Style and scripts of a page"""
    scripts = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return (HERE / "page.css").read_text(encoding="utf-8"), scripts


@functools.cache
def _template(name: str):
    from jinja2 import Environment, FileSystemLoader

    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template(name)
