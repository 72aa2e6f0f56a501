"""What is found of a result, and the words that its figures are told in."""

from dataclasses import dataclass

from nanompi.methods.ptycho import heldout

FALL = 0.015  # of llk in ten iterations
FEWEST = heldout.FEW


@dataclass
class Finding:
    """grade : one of run.verdict.GRADES; cause : for tables; words, paste : as `verdict.give` has them"""

    grade: str
    cause: str = ""
    words: str = ""
    paste: str = ""


def noise(f, name: str = "held") -> float:
    """A figure over what the noise of the counts leaves of a right model; that of all frames where none was
    left out"""
    return f.get(name, f["misfit"]) / f["fano"]


def of_noise(f) -> str:
    """What figures of the misfit are told in"""
    own = f" (that of the detector is {f['fano']:.3g} times as much as counting makes)" * (f["fano"] > 1)
    return "of counting noise" + own


def skipped(f) -> str:
    """A remark where the run was stopped early"""
    many = f"{count(f['skipped'], 'iteration')} {'were' if f['skipped'] > 1 else 'was'}"
    return f"; {many} skipped, as the run was stopped" * bool(f["skipped"])


def only_seen(f) -> str:
    """A remark where no frame was left out: its noise may be part of the image"""
    few = f" (of fewer than {FEWEST} none is, unless by `heldout: 0.05`)" * (f["frames"] < FEWEST)
    return f", all of which were seen: no frame was left out to judge by{few}, and an image can follow noise"


def improving(f) -> str:
    """A remark on the last iterations"""
    if f["fall"] < FALL:
        return ""
    return f"; llk still fell by {fell(f)} in the last ten iterations: more of them would help"


def fell(f) -> str:
    """Of what llk was ten iterations before"""
    return part(f["fall"] / (1 + f["fall"]))


def explains(name: str, f) -> str:
    """How much of the misfit goes with it"""
    return f" (that alone explains {part(f[f'share_{name}'])} of the misfit)"


def part(x: float) -> str:
    """A part in per cent: 0.0213 -> "2.1 %" """
    return f"{100 * x:.2g} %" if x < 0.095 else f"{100 * x:.0f} %"


def count(n, noun: str) -> str:
    """ "1 pixel", "3 pixels" """
    return f"{int(n)} {noun}{'s' * (n != 1)}"
