"""What a report says in tables: facts of a run, its cost, by which figures it was judged, what to cite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nanompi.errors import shown
from nanompi.report.record import Record
from nanompi.report.status import span
from nanompi.run.metrics import LABELS, phases
from nanompi.units import EV, show

UNITS = {
    "energy": "J",
    "distance": "m",
    "object_pixel": "m",
    "pixel": "m",
}  # of a geometry


def facts(run: Record, notes: dict[str, Any]) -> list[tuple[str, str]]:
    """[(name, value)] for the head of a page: title, sample, when, where, how long, energy, pixel ..."""
    status, metrics = run.status, run.metrics
    out = _about(run, notes)
    out.append(("begun", str(status.get("begun", "")).replace("T", " ")[:16] + " UTC" * ("begun" in status)))
    seconds = metrics.get("seconds")
    out.append(("took", span(seconds) if _number(seconds) else ""))
    ranks, device = status.get("ranks", 0), status.get("device", "")
    out.append(("ranks", f"{ranks}" + f", {device}" * bool(device) if ranks else ""))
    out.append(("pictures", run.left_out and f"none ({run.left_out})"))
    geometry = notes.get("geometry") if isinstance(notes.get("geometry"), dict) else {}
    for name, unit in UNITS.items():
        value = geometry.get(name)
        value = value[0] if isinstance(value, list) and value else value
        if _number(value):
            out.append((name.replace("object_pixel", "pixel"), _short(value, unit)))
    return [(name, value) for name, value in out if value]


def _about(run: Record, notes: dict[str, Any]) -> list[tuple[str, str]]:
    """Title and sample: of the result, else of the job; no title that is the name of the run alone"""
    known = [tree for tree in (run.resolved.get("about"), notes.get("about")) if isinstance(tree, dict)]
    words = {k: v for tree in known for k, v in tree.items() if isinstance(v, str) and v.strip()}
    if words.get("title") == run.status.get("name"):
        words.pop("title", None)
    return [(name, shown(words[name], 200)) for name in ("title", "sample") if name in words]


def papers(notes: dict[str, Any]) -> list[tuple[str, str]]:
    """What to cite: [(reference, address or "")]."""
    found = notes.get("papers") if isinstance(notes.get("papers"), list) else []
    known = [one for one in found if isinstance(one, dict) and one.get("text")]
    return [(str(one["text"]).partition(" https://")[0], _address(one)) for one in known]


def _address(paper: dict[str, Any]) -> str:
    return f"https://doi.org/{quote(str(paper['doi']))}" if paper.get("doi") else ""


def cost(run: Record) -> list[dict[str, Any]]:
    """[{phase, worst (s), mean (s), share (0 to 100), rate (GB/s) or ""}] of a run that has ended."""
    ranks = run.metrics.get("ranks")
    ranks = (
        [r for r in ranks if isinstance(r, dict) and _numbers(r.get("seconds"))]
        if isinstance(ranks, list)
        else []
    )
    out = []
    for phase in phases(ranks):
        own = [r["seconds"].get(phase, 0.0) for r in ranks]
        nbytes = sum(r.get("bytes", {}).get(phase, 0) for r in ranks if _numbers(r.get("bytes")))
        rate = f"{nbytes / max(own) / 1e9:.2f}" if nbytes and max(own) > 0 else ""
        out.append(
            {"phase": LABELS.get(phase, phase), "worst": max(own), "mean": sum(own) / len(own), "rate": rate}
        )
    most = max((one["worst"] for one in out), default=0) or 1
    shown = [one for one in out if one["worst"] >= 0.005]
    return [one | {"share": 100 * one["worst"] / most} for one in shown]


def tests(notes: dict[str, Any]) -> list[dict[str, Any]]:
    """[{step, grade, words, figures [(name, value)]}] of the steps that judged."""
    verdict = notes.get("verdict") if isinstance(notes.get("verdict"), dict) else {}
    steps = verdict.get("steps") if isinstance(verdict.get("steps"), dict) else {}
    out = []
    for name, own in steps.items():
        if isinstance(own, dict):
            rest = {k: v for k, v in own.items() if k not in ("grade", "words", "paste")}
            out.append({"step": name, "grade": str(own.get("grade", "")), "words": str(own.get("words", "")),
                        "figures": list(_figures(rest))})  # fmt: skip
    return out


def name_of(folder: Path) -> str:
    """The name of a run: modes/run-0001."""
    return "/".join(Path(folder).resolve().parts[-2:])


def _figures(rest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in rest.items():
        if _number(value):
            yield name, f"{value:.4g}"
        elif isinstance(value, str | bool) and value != "":
            yield name, str(value)


def _short(value: float, unit: str) -> str:
    size = EV if unit == "J" else 1.0
    text = show(float(f"{value / size:.4g}") * size, unit)
    return text.replace("um", "µm") if text.endswith("um") else text


def _number(value) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300


def _numbers(tree) -> bool:
    return isinstance(tree, dict) and all(map(_number, tree.values()))
