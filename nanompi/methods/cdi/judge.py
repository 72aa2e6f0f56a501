"""Is the object right? What the starts, the support and the pattern tell, as the verdict of a run."""

import numpy as np

from nanompi.run import verdict

AGREED = 0.9  # part of the power in the first mode of the best starts: less is no common image
NOISE = 1.5  # deviance over its expectation, of pixels that were seen: more is no model of the counts
CLEAN = 1.25  # the same: with less, starts that failed stand out; with more, some of them come as near
OVERSAMPLED = 2.0  # pixels of the pattern over those of the support: less than there are unknowns
OFF = 2.5  # px that the centre may be away from where the pattern has its symmetry
ENOUGH = 20  # starts, beyond which more of them are not advised
LOWEST = 0.15  # threshold, below which no lower one is advised: one trial from the usual one
LARGER, SMALLER = 1.25, 0.6  # times the threshold, for a smaller and for a larger support
GROWN = 0.5  # of the pattern's width: a support wider than this is sampled less than twice along the axis


def judge(run, facts: dict) -> None:
    """The verdict (rank 0). facts : "figures" of the image, "chosen", "starts", "weights", "sampling",
    "extent", "shape", "centre", "symmetry", "amiss", "threshold" and "fixed", as `step` makes them"""
    wrong, doubts = _wrong(facts), _doubts(facts)
    grade = "wrong" if wrong else "doubtful" if doubts else "good"
    words = [text for text, _ in wrong + doubts]
    lines = {line.split(":")[0]: line for _, line in reversed(wrong + doubts) if line}
    paste = "\n".join(reversed(lines.values()))  # of two lines with one key the first
    own = {k: facts[k] for k in ("sampling", "chosen")} | {"first_mode": float(facts["weights"][0])}
    verdict.give(run, "cdi", grade, "; ".join(words) or _good(facts), paste, **own)


def _good(facts) -> str:
    part = 100 * facts["weights"][0]
    return f"{facts['chosen']} of {facts['starts']} starts agree ({part:.1f} % of their power in one image)"


def _wrong(facts) -> list[tuple[str, str]]:
    out = []
    for one in facts.get("amiss", []):
        out.append((f"{one['words']}; taken for counts they bend the image", one["paste"]))
    if facts["sampling"] < OVERSAMPLED:
        out.append((
            f"the oversampling is {facts['sampling']:.2f}, less than {OVERSAMPLED:g}: the support has so "
            "many pixels that the pattern cannot tell what is in them; a longer distance, smaller pixels or "
            "a smaller beam are needed, or the support is much too large",
            "" if facts["fixed"] else _threshold(facts, LARGER),
        ))  # fmt: skip
    return out


def _threshold(facts, factor: float) -> str:
    return f"support: {{threshold: {min(0.9, facts['threshold'] * factor):.3g}}}"


def _doubts(facts) -> list[tuple[str, str]]:
    return [*_of_starts(facts), *_of_support(facts), *_of_pattern(facts)]


def _of_starts(facts) -> list[tuple[str, str]]:
    k, starts, first = facts["chosen"], facts["starts"], float(facts["weights"][0])
    if k > 1 and first < AGREED:
        words = (
            f"the best {k} of {starts} starts disagree: one image has only {100 * first:.0f} % of their "
            "power, and their average shows none of them"
        )
        return [_more(words, starts)]
    if k == 1 and starts > 1:
        words = f"one of {starts} starts alone came so near to the pattern: no other confirms it"
        return [_more(words, starts)]
    if starts == 1:
        return [("there was one start: nothing tells whether another would find the same", "starts: 20")]
    llk = facts.get("figures", {}).get("llk", 0.0)
    if starts < ENOUGH and llk > CLEAN:
        words = (
            f"of {starts} starts the best ones agree, but with so few counts (llk {llk:.2f}) starts that "
            "failed alike would not be told from them"
        )
        return [_more(words, starts)]
    return []


def _more(words: str, starts: int) -> tuple[str, str]:
    """More starts are worth a trial where they are few; of many no more are told to be the cure."""
    if starts < ENOUGH:
        return words, f"starts: {ENOUGH}"
    return f"{words}; {starts} starts were tried, and more are not likely to change it", ""


def _of_support(facts) -> list[tuple[str, str]]:
    out = []
    for axis, (width, n) in enumerate(zip(facts["extent"], facts["shape"])):
        name = ("plane", "row", "column")[axis - len(facts["shape"])]
        if width >= n - 1:
            out.append((f"the support touches the edge along {name}s: it spans {width} of {n} pixels", ""))
        elif width > GROWN * n and facts["sampling"] >= OVERSAMPLED:
            words = f"the support spans {width} of {n} pixels along {name}s, more than half: it is too large"
            out.append((words, "" if facts["fixed"] else _threshold(facts, LARGER)))
    return out


def _of_pattern(facts) -> list[tuple[str, str]]:
    out, away = [], np.subtract(facts["centre"], facts["symmetry"])
    if np.abs(away).max() > OFF:
        at = ", ".join(f"{c:g}" for c in facts["symmetry"])
        here = ", ".join(f"{c:g}" for c in facts["centre"])
        words = f"the centre ({here}) is not where the pattern has its symmetry ({at})"
        out.append((words, f"centre: [{at}]"))
    llk = facts["figures"].get("llk", 0.0)
    if llk > NOISE:
        words = f"the image misses the counts by {llk:.2f} times their noise (deviance over expectation)"
        wide = any(width > GROWN * n for width, n in zip(facts["extent"], facts["shape"]))
        if facts["fixed"] or wide or facts["threshold"] < LOWEST:
            about = "the support of the file" if facts["fixed"] else f"threshold {facts['threshold']:g}"
            out.append((f"{words}, with {about}; the cause is not known: look at mask and counts", ""))
        else:
            out.append((f"{words}; a larger support is worth a trial", _threshold(facts, SMALLER)))
    return out
