"""A workflow on a terminal while it goes on: a bar for each stage, below it the items that are at work."""

from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nanompi.errors import shown
from nanompi.report.status import figure, span
from nanompi.report.watch import COLOURS, NARROW, WIDE
from nanompi.report.workflow import counted

MOST = 12  # items of a stage that have a line


def tree(one: dict[str, Any]):
    """What is shown of a workflow, as `nanompi.report.workflow.read` has it."""
    head = Text.assemble(
        (shown(one["name"], 60), "bold"), "  ", _state(one), f"  {one['done']}/{one['items']}"
    )
    parts = [head, *(part for stage in one["stages"] for part in _stage(stage))]
    if not one["stages"]:
        parts.append(Text(shown(one["message"], 500), style="red"))
    if one["again"]:
        parts.append(Text(f"to take up what is missing: {shown(one['again'], 500)}"))
    return Panel(Group(*parts), border_style="dim", expand=False)


def _stage(stage: dict[str, Any]) -> list:
    """Its name, its bar, why it stands as it does, and its busiest items"""
    total = len(stage["items"])
    line = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=total, completed=stage["done"], width=min(WIDE, 2 * NARROW))
    words = ", ".join(filter(None, (f"{stage['done']}/{total}", counted(stage), shown(stage["slurm"], 80))))
    line.add_row(Text(shown(stage["name"], 40) or "settings"), bar, _state(stage), Text(words))
    told = [stage[kind] for kind in ("message", "missing") if stage[kind]]
    why = [Text(f"  {shown(words, 600)}", style="yellow") for words in told]
    busy = [item for item in stage["items"] if item["state"] not in ("done", "waiting", "failed", "lost")]
    more = [Text(f"  and {len(busy) - MOST} more at work", style="dim")] if len(busy) > MOST else []
    return [line, *why, *map(_item, busy[:MOST]), *more]


def _item(item: dict[str, Any]) -> Text:
    ways = (("items_done", "of"), ("iteration", "iterations"))
    count = next((f"{item[a]}/{item.get(b, '?')}" for a, b in ways if a in item), "")
    words = (item.get("engine") or item.get("step", ""), count, figure(item), _left(item))
    rest = "  ".join(shown(word, 60) for word in words if word)
    return Text.assemble(f"  {item['name']}  ", _state(item), f"  {rest}")


def _left(item: dict[str, Any]) -> str:
    return f"{span(item['eta'])} left" if "eta" in item else ""


def _state(one: dict[str, Any]) -> Text:
    code = f" ({one['code']})" if one.get("code") else ""
    return Text(f"{one['state']}{code}", style=COLOURS.get(one["state"], "cyan"))
