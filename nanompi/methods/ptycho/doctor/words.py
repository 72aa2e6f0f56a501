"""What was found of the geometry, in words: a ranked table, sentences for the log, lines to paste."""

import math

from nanompi.methods.ptycho.doctor.candidate import TWIN, Candidate, after
from nanompi.methods.ptycho.doctor.finding import FEWEST, SURE, Finding
from nanompi.methods.ptycho.doctor.slopes import told
from nanompi.units import show


def table(found: Finding, most: int = 12) -> list[str]:
    """Rows of text: the geometries tried, the best first."""
    rows = ["held = deviance of unseen frames over counting noise, 1 = nothing but noise is left"]
    rows.append(f"{'orientation':>11} {'lag':>4} {place(found):>12} {'rotation':>9}   held")
    order = sorted(found.known, key=lambda c: (found.known[c].logs.mean(), c))
    for c in order[:most]:
        o, about, own = found.known[c], found.about, "   <- this job" * (c == Candidate())
        stage = (
            f"{about.lag + c.lag:>+4d} {length(about.far * c.far):>12} {about.rotate + c.angle:>+5.1f} deg"
        )
        held = f"{o.held:.4g} ± {o.error:.2g}"
        bent = f"   stretched by {100 * (about.stretch + c.stretch):.2g} %" * bool(c.stretch)
        rows.append(f"{after(about.orientation, c.turn):>11} {stage}   {held}{bent}{own}")
    rows += [f"... and {len(order) - most} more, all worse"] * (len(order) > most)
    return rows + slopes(found)


def slopes(found: Finding) -> list[str]:
    """What the centres of the frames say of the orientation, half a turn left open; [] where nothing."""
    if not found.slopes:
        return []
    names = {turn: _pair(after(found.about.orientation, turn)) for turn in found.slopes}
    each = ", ".join(f"{100 * found.slopes[turn]:.0f} % with {name}" for turn, name in names.items())
    first = told(found.slopes)
    end = "" if first is None else f"; so it is {names[first]}"
    return [
        f"orientation by the centres of these frames alone, part of their slopes of no image: {each}{end}"
    ]


def _pair(orientation: int) -> str:
    """An orientation and its half turn, which no slope tells apart"""
    return " or ".join(map(str, sorted((orientation, orientation ^ TWIN))))


def length(metres: float) -> str:
    """With four digits"""
    return show(float(f"{metres:.4g}"), "m")


def place(found: Finding) -> str:
    """Name of the length that is tried"""
    return "focus" if found.near else "distance"


def words(found: Finding | None) -> str:
    """One or more sentences for the log. found : of `examine`"""
    if found is None:
        return f"less than {FEWEST} frames: the geometry cannot be told from so few"
    stage = *_angle(found), *_stretch(found)
    said = [_first(found), *_lag(found), *_far(found), *stage, _twin(found), *_late(found)]
    first, *rest = (one for one in said if one)
    return ". ".join([first, *(one[0].upper() + one[1:] for one in rest)])


def _late(found: Finding) -> list[str]:
    if not found.limit.stopped:
        return []
    return [
        f"The time for this ({found.limit.seconds:.0f} s) was over after {len(found.known)} geometries: what "
        "is not told was not tried; `nanompi geometry JOB` has no such limit"
    ]


def _held(outcome) -> str:
    return f"{outcome.held:.4g} ± {outcome.error:.2g}"


def _first(found: Finding) -> str:
    rounds = [c for c in found.known if c.far == 1 and not (c.angle or c.stretch)]
    rest = [found.known[c] for c in rounds if c != found.best]
    if not rest:
        return "which orientation is right cannot be told: there was no time to try another"
    behind = min(rest, key=lambda o: o.logs.mean())
    against = f"{_held(found.known[found.best])} against {_held(behind)}"
    if not found.by.clear:
        return (
            f"which orientation is right cannot be told: the best two of {len(rounds)} meet unseen frames "
            f"alike ({against}); more counts or frames would tell"
        )
    own = not found.best.turn and not found.best.lag
    which = "this orientation" if own else "another orientation or order of the frames"
    return f"{which} meets unseen frames best of {len(rounds)} tried: {against} of the next"


def _lag(found: Finding) -> list[str]:
    if not found.best.lag or not found.by.clear:
        return []
    lag = found.about.lag + found.best.lag
    if not lag:
        return ["the frames are neither late nor early: each is that of its own position"]
    late, where = ("late", "after") if lag > 0 else ("early", "before")
    return [
        f"the frames are {late} by {abs(lag)}: the frame of each position is the one {abs(lag)} {where} it"
    ]


def _far(found: Finding) -> list[str]:
    if math.isinf(found.far.error):
        return []
    value, error = (length(found.about.far * v) for v in (found.far.value, found.far.error))
    name, x = place(found), found.far.value
    if not found.far_off:
        return [f"as far as can be told the {name} is that of the job ({value} ± {error} would be best)"]
    alike = (
        "; the distance or the steps of the motors may be wrong in its place: these cannot be told apart"
        if found.near
        else f"; or the energy is {x:.3f} times lower, or the positions lie {1 / x:.3f} times as far apart: "
        "these cannot be told from each other"
    )
    return [f"the {name} is {value} ± {error} rather than {length(found.about.far)}{alike}"]


def _angle(found: Finding) -> list[str]:
    if not found.angle_off:
        return []
    turned = f"{found.about.rotate + found.angle.value:+.2f} ± {found.angle.error:.1g} deg"
    return [f"the positions are rotated against the detector: {turned} from rows to columns undo it"]


def _stretch(found: Finding) -> list[str]:
    if found.stretch and math.isinf(found.stretch.error) and not found.limit.stopped:
        return ["for axes of different scales there was no time: `nanompi geometry JOB` tries them"]
    if not found.stretch_off:
        return []
    part = f"{100 * (found.about.stretch + found.stretch.value):+.2g} ± {100 * found.stretch.error:.1g} %"
    return [f"the axes of the stage have different scales: rows stretched by {part} against columns undo it"]


def _twin(found: Finding) -> str:
    if found.near:
        return "In the near field the sign of the image follows from the focus, and is not tested"
    if found.twin:
        return f"phase and absorption go opposite ways (correlation {found.sign:+.2f}): the image is the twin"
    if found.sign < -SURE:
        return "whether the image is the twin is told once the geometry is right"
    if found.sign < SURE:
        return "the image cannot be told from its twin by its sign: phase and absorption are not related"
    return f"phase and absorption go the same way (correlation {found.sign:+.2f}), as of matter"


def paste(found: Finding | None) -> list[str]:
    """Lines for the job file."""
    if found is None:
        return []
    out = []
    if found.turn:
        out.append(f"orientation: {after(found.about.orientation, found.turn)}")
    if found.far_off:
        out.append(f"{place(found)}: {length(found.about.far * found.far.value)}")
    if found.best.lag and found.by.clear:
        out.append(f"lag: {found.about.lag + found.best.lag}")
    if found.angle_off:
        out.append(f"rotate: {found.about.rotate + found.angle.value:.2f} deg")
    if found.stretch_off:
        out.append(f"stretch: {found.about.stretch + found.stretch.value:.4f}")
    return out
