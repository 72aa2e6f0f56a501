"""Which axis is taken, and whether it can be trusted."""

from dataclasses import dataclass, replace

from nanompi.methods.tomo.centre.moment import Estimate

SURE = 0.1  # px, one standard deviation
CLEAR = 12.0  # depth in natural logarithms: five standard deviations
APART = 3.0  # standard deviations by which two methods may differ
ALWAYS = 0.1  # px by which they may differ in any case
TILTED = 5.0  # standard deviations from which a tilt counts
LEAN = 0.2  # px over the height that a tilt must make


@dataclass(frozen=True)
class Verdict:
    """The axis that is taken: `Estimate`, the method that gave it, and how far it can be trusted."""

    axis: Estimate
    method: str
    verdict: str
    reason: str

    def notes(self) -> dict:
        """Plain numbers and texts for result and log."""
        own = {"column": self.axis.column, "sd": self.axis.sd, "slope": self.axis.slope,
               "depth": self.axis.depth, "method": self.method}  # fmt: skip
        own = {name: value for name, value in own.items() if value is not None and value == value}
        return own | {"verdict": self.verdict, "reason": self.reason}


def judged(known: dict[str, Estimate], agree: float, slope: float, middle: float) -> Verdict:
    """The best of what the methods found; the middle of the detector where none found anything.

    known : by the name of the method; agree : px, by which two of them may differ at most
    slope : px per row; middle : px
    """
    usable = {name: one for name, one in known.items() if one.sd < float("inf")}
    if not usable:
        reasons = {one.reason for one in known.values() if one.reason} | {"no rays of opposite directions"}
        why = "; ".join(sorted(reasons)) + "; the middle of the detector is taken"
        return Verdict(Estimate(middle, middle), "nothing", "doubtful", why)
    name, best = min(usable.items(), key=lambda item: (item[0] != "moment" or item[1].sd > SURE, item[1].sd))
    best = replace(best, slope=slope)
    reasons = [best.reason] if best.reason else []
    if best.sd > SURE:
        reasons.append(f"one standard deviation is {best.sd:.2f} px")
    if best.depth < CLEAR:
        reasons.append(f"another column is nearly as likely (depth {best.depth:.1f})")
    reasons += _disagreement(usable, agree) if len(known) > 1 or name == "moment" else []
    return Verdict(best, name, "doubtful" if reasons else "good", "; ".join(reasons))


def _disagreement(usable: dict[str, Estimate], agree: float) -> list[str]:
    """Why two methods do not confirm each other."""
    if len(usable) < 2:
        return ["no opposite rays confirm the centre of mass"] if "moment" in usable else []
    a, b = usable.values()
    apart, unsure = abs(a.column - b.column), (a.sd**2 + b.sd**2) ** 0.5
    if max(a.sd, b.sd) > agree:
        return [f"two methods are too unsure to confirm each other ({max(a.sd, b.sd):.2f} px)"]
    if apart > min(agree, max(ALWAYS, APART * unsure)):
        said = ", ".join(f"{name} {one.column:.2f}" for name, one in usable.items())
        return [f"two methods disagree: {said}"]
    return []


def tilt_of(known: dict[str, Estimate], height: int) -> float:
    """px per row where it is beyond chance and beyond `LEAN` over the height, in all methods; else 0."""
    own = [one for one in known.values() if one.slope_sd < float("inf") and one.sd < float("inf")]
    if not own:
        return 0.0
    best = min(own, key=lambda one: one.slope_sd)
    clear = abs(best.slope) > max(TILTED * best.slope_sd, LEAN / height)
    return best.slope if clear and all(_same_slope(one, best, height) for one in own) else 0.0


def _same_slope(one: Estimate, other: Estimate, height: int) -> bool:
    unsure = (one.slope_sd**2 + other.slope_sd**2) ** 0.5
    return abs(one.slope - other.slope) < max(APART * unsure, LEAN / height)
