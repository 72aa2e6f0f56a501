"""The order of the steps: each needs what earlier ones give; what is missing and plain is inserted."""

from dataclasses import MISSING

from nanompi.data.ahead import given_by, sure
from nanompi.data.data import PATTERNS, core_of
from nanompi.errors import JobError, NanompiError, nearest
from nanompi.job import leaf
from nanompi.job.faults import Faults, Nothing, Place, StepName
from nanompi.job.model import parameters
from nanompi.job.yaml12 import Map, Seq
from nanompi.run.foreign import left_out
from nanompi.step import METHODS


def at_hand() -> set[str]:
    """Names of the data that readers give: a run has these before its first step."""
    return {"data", *(name for gives in METHODS["reader"].facts("gives").values() for name in gives)}


def named(name: str, place: Place) -> Map:
    """A step with nothing but its name."""
    one = Map(place)
    one.put("use", name, place, place)
    return one


def step_of(one) -> type | None:
    """The class of a step as written: the registered one, or that of its own; None when there is none."""
    if isinstance(one, Map) and one.step:
        return one.step if one.step is not Nothing else None
    name = one.get("use") if isinstance(one, Map) else None
    return METHODS["step"].get(name) if isinstance(name, str) else None


def path_of(one: Map) -> tuple:
    """The path of a step as written, for faults."""
    return ("steps", StepName(str(one["use"]), one.number))


def complete(steps: Seq, faults: Faults) -> Seq:
    """The steps, with those inserted that are needed and those appended that always follow."""
    known = [_known(one, i, at, faults) for i, (one, at) in enumerate(zip(steps, steps.items_at))]
    out, given = Seq(steps.place), at_hand()
    for i, (one, place) in enumerate(zip(steps, steps.items_at)):
        later = [step_of(s) for s in steps[i + 1 :]]
        _add(one, place, out, given, _Rest(later, faults if all(known) else Faults(), ()))
    for i, one in enumerate(list(out)):
        follower = getattr(step_of(one), "followed_by", None)
        if follower and follower not in [s.get("use") for s in out[i + 1 :] if isinstance(s, Map)]:
            after = named(follower, out.items_at[i])
            if _known(after, None, after.place, faults):
                _add(after, after.place, out, given, _Rest([], faults, ()))
    return out


class _Rest:
    """What stands behind a step (`later`), where faults go, and the steps that wait for it (`above`)."""

    def __init__(self, later: list, faults: Faults, above: tuple):
        self.later, self.faults, self.above = later, faults, above


def _known(one, number: int | None, place: Place, faults: Faults) -> bool:
    if step_of(one):
        return True
    if isinstance(one, Map) and one.step is Nothing:
        return False  # its faults are told already
    known = METHODS["step"]
    if not isinstance(one, Map) or not isinstance(one.get("use"), str):
        faults.add(place, ("steps", number), f"a step is named by `use:`; allowed: {', '.join(known)}")
    else:
        text = f'unknown step "{one["use"]}"{nearest(one["use"], known)}; allowed: {", ".join(known)}'
        text += left_out()
        faults.add(one.at("use"), ("steps", StepName(one["use"], number)), text)
    return False


def _add(one, place: Place, out: Seq, given: set, rest: _Rest):
    """Append a step behind those that precede it, and behind those that give what it needs."""
    cls = step_of(one)
    spared = [name for key, name in getattr(cls, "instead_of", {}).items() if _given(one, key)]
    for name in getattr(cls, "preceded_by", ()):
        if name not in [*spared, *(s.get("use") for s in out if isinstance(s, Map))]:
            _precede(name, one, place, out, given, rest)
    for need in cls.needs if cls else ():
        if need not in given:
            _supply(need, one, place, out, given, rest)
    out.put(len(out), one, place)
    given.update(cls.gives if cls else ())


def _given(one, key: str) -> bool:
    return isinstance(one, Map) and bool(one.get(key))


def _precede(name: str, one: Map, place: Place, out: Seq, given: set, rest: _Rest):
    """Insert a step that precedes this one and is not named before it; a fault where it is named later."""
    if name in [s.name for s in rest.later if s]:
        after = step_of(one).name
        text = f"{name}, which precedes {after}, stands later; move it before {after}"
        rest.faults.add(place, path_of(one), text)
    else:
        _add(named(name, place), place, out, given, rest)


def _supply(need: str, one: Map, place: Place, out: Seq, given: set, rest: _Rest):
    """Insert the one step that gives `need`; a fault where none or several do, or it needs parameters."""
    cls = step_of(one)
    known = METHODS["step"]
    givers = [known[name] for name, gives in known.facts("gives").items() if need in gives]
    late = [s.name for s in rest.later if s in givers]
    if late:
        text = f"{cls.name} needs {need} of {late[0]}, which stands later; move that before {cls.name}"
    elif len(givers) == 1 and not _required(givers[0]) and givers[0].name not in rest.above:
        inner = _Rest(rest.later, rest.faults, (*rest.above, cls.name))
        return _add(named(givers[0].name, place), place, out, given, inner)
    elif givers:
        text = f"{cls.name} needs {need}: put {' or '.join(s.name for s in givers)} before it"
    else:
        text = f"{cls.name} needs {need}, which no step gives"
    given.add(need)  # told once
    rest.faults.add(place, path_of(one), text)


def _required(cls: type) -> list[str]:
    return [name for name, (field, _) in parameters(cls).items() if leaf.default(field) is MISSING]


def _check_behind(steps: list, written: Seq, faults: Faults) -> None:
    """A step may have `check_behind(before)`, which refuses what steps before it are asked for (JobError)."""
    for i, (one, given, place) in enumerate(zip(steps, written, written.items_at)):
        if hasattr(one, "check_behind"):
            try:
                one.check_behind([step for step in steps[:i] if step is not Nothing])
            except JobError as error:
                faults.add(place, path_of(given), str(error))


def check_axes(steps: list, written: Seq, reader, faults: Faults) -> dict[str, tuple | None]:
    """Do steps on blocks find the axes that they need, as reader and earlier steps declare them?

    steps : instances, Nothing for one with faults; written : the same as the job names them
    The axes of all data at the end; None = not known.
    """
    known = {} if reader is Nothing else dict(reader.gives or {"data": None})
    giver = dict.fromkeys(known, getattr(reader, "name", ""))
    _check_stored(steps, written, faults)
    _check_first(steps, written, faults)
    _check_behind(steps, written, faults)
    for number, (one, given, place) in enumerate(zip(steps, written, written.items_at)):
        axes = known.get(getattr(one, "takes", ""))
        if axes and core_of(one.each, axes) is None:
            needs = " or ".join(f"({', '.join(core)})" for core in PATTERNS[one.each])
            has = f"the {one.takes} of {giver[one.takes]} have ({', '.join(axes)})"
            faults.add(place, path_of(given), f"{one.name} needs {needs} in each item; {has}")
            axes = None
        if hasattr(one, "fits") and (number or not hasattr(one, "works_on")):
            whole = bool(getattr(reader, "gives", None)) and Nothing not in steps[:number]
            try:
                one.fits(known, whole and sure(steps[:number]))
            except NanompiError as error:
                faults.add(place, path_of(given), str(error).removeprefix(f"{one.name}: "))
        made = one.axes_of(known) if hasattr(one, "axes_of") else given_by(one, axes)
        known |= made
        giver |= dict.fromkeys(made, getattr(one, "name", ""))
    return known


def _check_first(steps: list, written: Seq, faults: Faults):
    """Does the first step work on what others give?"""
    if steps and (what := getattr(steps[0], "works_on", "")):
        text = f"{steps[0].name} works on {what}; put one before it"
        faults.add(written.items_at[0], path_of(written[0]), text)


def _check_stored(steps: list, written: Seq, faults: Faults):
    """Does a step that reads data as stored find them so? The first that changes them is told."""
    changed: dict[str, int] = {}
    for number, one in enumerate(steps):
        for name in getattr(one, "as_stored", ()):
            if name in changed:
                at = changed.pop(name)
                text = (
                    f"{one.name} reads the {name} as they are stored, and this step would change them before"
                )
                text += f"; {_elsewhere(steps[at], one, name)}"
                faults.add(written.items_at[at], path_of(written[at]), text)
        for name in _changes(one):
            changed.setdefault(name, number)


def _elsewhere(changer, one, name: str) -> str:
    """Where a step can stand that must not change `name` before `one`."""
    advice = getattr(changer, "elsewhere", None)
    place = one.as_stored[name]
    return advice(place) if advice else f"let it stand behind {place[2]}"


def _changes(one) -> set[str]:
    """Names of the data that a step replaces for sure."""
    gives = set(getattr(one, "gives", ()))
    if getattr(one, "each", "") and not gives and not hasattr(one, "idle"):
        return {one.takes}
    return gives
