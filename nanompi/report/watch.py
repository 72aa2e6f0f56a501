"""Runs on a terminal while they go on: bar, rate, time left, the course of a figure, the ranks.

Texts of files are shown as they are, without what a terminal would obey, and never as markup.
"""

import math
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nanompi import units
from nanompi.errors import shown
from nanompi.report.record import Record
from nanompi.report.status import OVER, over, span

BLOCKS = "▁▂▃▄▅▆▇█"
COLOURS = {"done": "green", "failed": "red", "lost": "red", "stopped": "yellow"}
RANKS, WIDE, NARROW = 16, 60, 16  # rows of the table of ranks; width of bars, in characters
STEEP = 10.0  # largest over smallest value above which the course is drawn by its logarithm


def view(runs: list[Record]):
    """What is shown of some runs: of one all there is, of several a line each."""
    return _one(runs[0]) if len(runs) == 1 else _several(runs)


def _one(run: Record):
    status = run.status
    parts = [_head(status), *_bars(status), *_course(run.history)]
    if why := status.get("message") or status.get("reason"):
        parts.append(Text(shown(why, 500), style="red" if status["state"] in ("failed", "lost") else ""))
    if run.warnings:
        more = f" and {len(run.warnings) - 1} more" if len(run.warnings) > 1 else ""
        parts.append(Text(f"warning: {shown(run.warnings[-1], 300)}{more}", style="yellow"))
    if run.ranks and not over(status):
        parts.append(_ranks(run.ranks))
    return Panel(Group(*parts), border_style="dim", expand=False)


def _several(runs: list[Record]):
    table = Table(box=None, pad_edge=False)
    for name in ("run", "state", "", "iteration", "figure", "rate", "left"):
        table.add_column(name, no_wrap=name != "run", overflow="fold")
    for run in runs:
        status, name, values = run.status, *_figure(run.history)
        table.add_row(
            Text(shown("/".join(run.folder.absolute().parts[-2:]), 40)), _state(status),
            _bar(status, NARROW) if _counts(status) else "", Text(_counted(status)),
            Text(f"{name} {values[-1]:.4g}" if values else ""), Text(_rate(status)), Text(_left(status)),
        )  # fmt: skip
    return table


def _head(status: dict[str, Any]) -> Text:
    words = (shown(status.get("engine", "") or status.get("step", ""), 60), _counted(status), _rate(status))
    left = f"{_left(status)} left" if _left(status) else ""
    rest = "  ".join(word for word in (*words, left) if word)
    return Text.assemble((shown(status.get("name", ""), 60), "bold"), "  ", _state(status), "  ", rest)


def _state(status: dict[str, Any]) -> Text:
    state = status["state"]
    good = f", {shown(status['verdict'], 60)}" if "verdict" in status and state == "done" else ""
    code = f" ({status['code']})" if state in OVER and status.get("code") else ""
    return Text(f"{state}{code}{good}", style=COLOURS.get(state, "cyan"))


def _counts(status: dict[str, Any]) -> tuple[int, int] | None:
    """(how many iterations are done, of how many), or items of a step; None where nothing is counted"""
    for done, whole in (("items_done", "items"), ("iteration", "iterations")):
        if type(status.get(done)) is int and type(status.get(whole)) is int and status[whole] > 0:
            return status[done], status[whole]
    return None


def _bars(status: dict[str, Any]) -> list[Table]:
    """The bar on a line of its own, which a bare one would not end"""
    line = Table.grid()
    if _counts(status):
        line.add_row(_bar(status, WIDE))
    return [line] if _counts(status) else []


def _bar(status: dict[str, Any], width: int) -> ProgressBar:
    done, whole = _counts(status)
    return ProgressBar(total=whole, completed=min(max(0, done), whole), width=width)


def _counted(status: dict[str, Any]) -> str:
    counts = _counts(status)
    return f"{counts[0]}/{counts[1]}" if counts else ""


def _rate(status: dict[str, Any]) -> str:
    return f"{status['rate']:.3g}/s" if "rate" in status else ""


def _left(status: dict[str, Any]) -> str:
    return span(status["eta"]) if "eta" in status and not over(status) else ""


def _figure(history: dict[str, Any]) -> tuple[str, list[float]]:
    """(name, values) of the figure that tells most of those that were computed"""
    for name in ("llk", "R", "error"):
        values = [float(v) for v in history.get(name, ()) if math.isfinite(v)]
        if values:
            return name, values
    return "", []


def _course(history: dict[str, Any]) -> list[Text]:
    """How a figure went, and what the frames left out say"""
    name, values = _figure(history)
    if not values:
        return []
    held = [v for v in history.get("held", ()) if math.isfinite(v)]
    last = f" {values[-1]:.4g}" + (f", held out {held[-1]:.4g}" if held else "")
    return [Text.assemble(f"{name} ", (spark(values), "cyan"), last)]


def spark(values: list[float], width: int = 40) -> str:
    """The last values as a line of blocks; by their logarithm where they span more than ten times."""
    some = values[-width:]
    if len(some) < 2:
        return ""
    scale = math.log if min(some) > 0 and max(some) > STEEP * min(some) else float
    low, high = scale(min(some)), scale(max(some))
    return "".join(BLOCKS[min(7, int(8 * (scale(v) - low) / ((high - low) or 1)))] for v in some)


def _ranks(ranks: list[dict[str, Any]]) -> Group:
    table = Table(box=None, pad_edge=False)
    for name in ("rank", "host", "device", "frames", "memory", "busy"):
        table.add_column(name, justify="left" if name in ("host", "device") else "right", no_wrap=True)
    for number, rank in enumerate(ranks[:RANKS]):
        memory = units.show(rank["memory"], "B") if "memory" in rank else ""
        busy, frames = (f"{scale * rank[k]:.0f}{mark}" if k in rank else "" for k, scale, mark in FORMS)
        cells = (number, rank.get("host", ""), rank.get("device", ""), frames, memory, busy)
        table.add_row(*(Text(shown(cell, 40)) for cell in cells))
    return Group(table, *_more(ranks[RANKS:]))


FORMS = (("busy", 100, " %"), ("frames", 1, ""))


def _more(ranks: list[dict[str, Any]]) -> list[Text]:
    """What there is to say of the ranks that find no room"""
    busy = [100 * rank["busy"] for rank in ranks if "busy" in rank]
    words = f", busy {min(busy):.0f} to {max(busy):.0f} %" if busy else ""
    return [Text(f"and {len(ranks)} more{words}", style="dim")] if ranks else []
