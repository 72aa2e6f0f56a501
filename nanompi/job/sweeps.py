"""All settings of a job with sweeps, each checked as a job of its own; all faults at once."""

import copy
import itertools
import math
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nanompi.errors import JobError, NanompiError, nearest
from nanompi.job import tree as load
from nanompi.job.faults import Faults
from nanompi.job.swept import MOST, alive, chosen
from nanompi.job.yaml12 import Map, plain
from nanompi.run.figures import Figure, figures_of
from nanompi.step import param, section

MOST_SWEEPS = 100


@section
class SweepOptions:
    """How the sweeps of a job combine, and what makes one setting better than another."""

    combine: Literal["product", "zip"] = param(
        "product",
        help="every value with every other, or the first with the first, the second with the second",
    )
    random: int | None = param(None, ge=1, help="draw so many settings from all of them, without repeats")
    seed: int = param(1, ge=0, help="another number draws other settings")
    score: str = param(
        "auto",
        level="basic",
        help="the ranking: a score that a step of the job offers (`nanompi methods STEP` lists them); auto = "
        "the usual one of the step",
    )
    heldout: float = param(
        0.05, gt=0, lt=0.5, help="part of the data left out, where the score that is named asks for it"
    )

    @classmethod
    def from_value(cls, value: str) -> "SweepOptions":
        """`sweep: zip` means `sweep: {combine: zip}`"""
        if value not in ("product", "zip"):
            raise JobError(f"{value!r} does not fit here; allowed: product, zip, or a mapping: {{random: 8}}")
        return cls(combine=value)


@dataclass
class Setting:
    """One setting: its number from 0, the swept values by their path in the job, and its job."""

    number: int
    values: dict[str, Any]
    job: Any

    @property
    def label(self) -> str:
        """ "alpha=0.9 modes=2": the shortest names that tell the swept values apart."""
        return label(self.values)

    @property
    def name(self) -> str:
        """Name of its folder: "0003-alpha=0.9-modes=2"."""
        return folder_name(self.number, self.label)


@dataclass
class Settings:
    """What a job with sweeps makes.

    total : of all combinations; settings : those that are run; figures : what tells finished runs apart
    """

    total: int
    settings: list[Setting]
    options: SweepOptions
    text: str
    figures: dict[str, Figure]

    def __str__(self) -> str:
        n = len(self.settings)
        drawn = f" drawn from {self.total} (seed {self.options.seed})" if n < self.total else ""
        return f"{n} setting{'s' * (n != 1)}{drawn}"


def read_settings(file: str, settings: list[str] = ()) -> Settings:
    """All settings of a job file, with `--set` texts. Call `nanompi.methods.discover()` before.

    A job without a sweep is one setting. Errors: JobError (DataError) with the faults of all settings.
    """
    from nanompi.job.job import sections, written

    faults = Faults()
    tree = load.load(file, list(settings), faults)
    if not tree.values and len(faults):
        faults.stop()
    as_written = written(copy.deepcopy(tree), Faults())  # a --set may have replaced a sweep by one value
    options, swept = sections(as_written, ("sweep",), faults)[0], alive(as_written)
    picks, total = _picks(swept, options, faults)
    found = [_setting(k, tree, swept, pick, Path(file).stem, faults) for k, pick in enumerate(picks)]
    figures = {k: v for one in found if one for k, v in figures_of(one.job.steps).items()}
    chosen_score = _score(as_written, options, figures, faults)
    faults.stop()
    named, options.score = options.score != "auto", chosen_score
    if named and any(figure.held_out for figure in figures.values() if figure.score == chosen_score):
        for one in found:
            _hold_out(one.job, options)
    return Settings(total, found, options, tree.text, figures)


def _score(values, options, figures: dict[str, Figure], faults: Faults) -> str:
    """The score that was asked for, or the usual one; "" where no step offers any."""
    asked = getattr(options, "score", "auto")
    scores = [figure.score for figure in figures.values() if figure.score]
    if asked == "auto":
        return next((figure.score for figure in figures.values() if figure.usual), "")
    if asked not in scores:
        text = f'"{asked}" does not fit here{nearest(asked, scores)}; allowed: {", ".join(["auto", *scores])}'
        given = values.get("sweep")
        faults.add(given.at("score") if isinstance(given, Map) else values.place, "sweep.score", text)
    return asked


def folder_name(number: int, label: str) -> str:
    """ "0003-alpha=0.9-modes=2": a number and what is in it."""
    words = re.sub(r"[^\w.+=-]+", "_", label.replace(" ", "-")).strip("_")
    return f"{number:04d}-{words.encode()[:80].decode(errors='ignore')}".rstrip("-_.")


def label(values: dict[str, Any]) -> str:
    """ "alpha=0.9 modes=2" for swept values by their path."""
    return " ".join(f"{_tail(key, values)}={word(value)}" for key, value in values.items())


def word(value: Any) -> str:
    """A value as a short word: 0.9, DM*50_ML*50."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return "_".join(f"{k}:{word(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "_".join(map(word, value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).replace(" ", "_")


def _tail(key: str, keys) -> str:
    """The last words of a path that no other swept path ends with."""
    words = key.split(".")
    for n in range(1, len(words) + 1):
        tail = ".".join(words[-n:])
        if not tail.isdigit() and sum(f".{k}".endswith("." + tail) for k in keys) == 1:
            return tail
    return key


def _picks(swept, options, faults: Faults) -> tuple[list[dict[int, int]], int]:
    """[{number of the sweep: index of its value}] of the settings to run, and how many there are in all."""
    lengths = {sweep.number: len(sweep.values) for _, sweep in swept}
    if len(swept) > MOST_SWEEPS:
        text = f"{len(swept)} sweeps in one job; at most {MOST_SWEEPS} are run"
        faults.add(swept[0][1].places[0], "sweep", text)
        return [dict.fromkeys(lengths, 0)], 1
    zipped, n = getattr(options, "combine", "product") == "zip", getattr(options, "random", None)
    if zipped and _unequal(swept, faults):
        return [dict.fromkeys(lengths, 0)], 1
    total = min(lengths.values(), default=1) if zipped else math.prod(lengths.values())
    if min(n or total, total) > MOST:
        text = f"{total} settings are too many; draw some of them: sweep: {{random: 100}}"
        faults.add(swept[0][1].places[0], "sweep", text)
        return [dict.fromkeys(lengths, 0)], total
    if n and n < total:
        drawn = _drawn(random.Random(options.seed), total, n)
        return [_numbered(k, lengths, zipped) for k in drawn], total
    if zipped:
        return [dict.fromkeys(lengths, i) for i in range(total)], total
    return [dict(zip(lengths, index)) for index in itertools.product(*map(range, lengths.values()))], total


def _drawn(source: random.Random, total: int, n: int) -> list[int]:
    """n different numbers below total, which may be too large for a range."""
    if total <= sys.maxsize:
        return sorted(source.sample(range(total), n))
    found: set[int] = set()
    while len(found) < n:
        found.add(source.randrange(total))
    return sorted(found)


def _numbered(k: int, lengths: dict[int, int], zipped: bool) -> dict[int, int]:
    """The k-th of all settings; the last sweep is the fastest."""
    if zipped:
        return dict.fromkeys(lengths, k)
    pick = {}
    for number, n in reversed(lengths.items()):
        k, pick[number] = divmod(k, n)
    return pick


def _unequal(swept, faults: Faults) -> bool:
    """With `zip` all sweeps have the same number of values."""
    first = swept[0] if swept else None
    wrong = [(path, s) for path, s in swept if len(s.values) != len(first[1].values)]
    for path, sweep in wrong:
        text = f"zip needs as many values here as {_dotted(first[0])} has: {len(first[1].values)}, "
        faults.add(sweep.places[0], path, text + f"not {len(sweep.values)}")
    return bool(wrong)


def _setting(k: int, tree, swept, pick, stem: str, faults: Faults) -> Setting | None:
    """One setting as a checked job; its faults are added to the others."""
    from nanompi.job.job import job_of

    own = Faults()
    try:
        job = job_of(chosen(tree, pick), stem, own)
    except NanompiError:
        if not len(own):
            raise
        faults.found += own.found
        return None
    values = {_dotted(path): plain(s.values[pick[s.number]]) for path, s in swept}
    return Setting(k, values, job)


def _dotted(path: tuple) -> str:
    return ".".join(map(str, path))


def _hold_out(job, options: SweepOptions):
    """Each step that can leaves out the data on which it is judged."""
    from nanompi.job.resolve import resolved

    for step in (s for s in job.steps if hasattr(s, "heldout")):
        step.heldout = options.heldout if step.heldout in (0, "auto") else step.heldout
    job.resolved = resolved(job)
