"""Steps that are made of what the job names, such as a function in a file of the user's: their classes.

A registered step may have `short`, the name of its parameter X that may stand beside its own name, and
`of(X, given)`, the class of the step for this X, with further parameters; given : the other keys of the step.
X is FILE.py:NAME, or any text where the step has `placed`, the name of a parameter that by itself is the
folder of the job file.
"""

import os
from pathlib import Path

from nanompi.errors import JobError
from nanompi.job.faults import Faults, Nothing, Spot, StepName
from nanompi.job.leaf import about, adapter
from nanompi.job.model import found_file, parameters, tried
from nanompi.job.yaml12 import Map, Seq
from nanompi.step import METHODS


def named_shortly(steps: Seq) -> None:
    """`{python: X}` is short for `{use: python, function: X}`."""
    for one in steps:
        names = [] if not isinstance(one, Map) or "use" in one else [n for n in _names() if n in one]
        for name in names:
            value, key_at, value_at = one.pop(name), one.keys_at[name], one.values_at[name]
            one.put("use", name, key_at, key_at)
            one.put(METHODS["step"][name].short, value, key_at, value_at)


def _names() -> list[str]:
    """Of such steps; they are imported when a job names them."""
    return list(METHODS["step"].having("short"))


def find(steps: Seq, faults: Faults) -> None:
    """Note with each step that is made of what it names its class; Nothing where that has faults."""
    for one in steps:
        use = one.get("use") if isinstance(one, Map) else None
        maker = METHODS["step"][use] if isinstance(use, str) and use in _names() else None
        if maker and isinstance(one.get(maker.short), str):
            one.step = _made(maker, one, faults)


def _made(maker: type, one: Map, faults: Faults):
    spot = Spot(one.at(maker.short), ("steps", StepName(one["use"], one.number), maker.short))
    if hasattr(maker, "placed"):
        tried(lambda: _place(maker.placed, one, spot, faults), spot, faults)
        return _of(maker, one, spot, faults)
    return _of_file(maker, one, spot, faults)


def _of(maker: type, one: Map, spot: Spot, faults: Faults):
    """The class of a step; Nothing with a fault where there can be none."""
    given = {key: value for key, value in one.items() if key not in ("use", maker.short)}
    try:
        return checked(maker.of(one[maker.short], given))
    except JobError as e:
        faults.add(spot.place, spot.path, str(e))
        return Nothing


def _place(key: str, one: Map, spot: Spot, faults: Faults):
    """The folder from which paths of a step count: that of the job file, where it does not say another."""
    beside = Path(spot.place.file).parent if spot.place.line else Path()
    if not one.get(key):
        one.put(key, os.path.abspath(beside), spot.place, spot.place)
    elif isinstance(one[key], str):
        one[key] = found_file(one[key], Spot(one.at(key), (*spot.path[:-1], key)), faults)


def _of_file(maker: type, one: Map, spot: Spot, faults: Faults):
    key, before = maker.short, len(faults)
    file, _, name = one[key].rpartition(":")
    if not (file and name):
        faults.add(spot.place, spot.path, f'"{one[key]}" does not fit here; write it as FILE.py:NAME')
        return Nothing
    one[key] = f"{_file(file, spot, faults)}:{name}"
    if len(faults) > before:
        return Nothing
    if (cls := _of(maker, one, spot, faults)) is Nothing:
        return Nothing
    if one.get("checksum", cls.checksum) != cls.checksum:
        faults.add(one.at("checksum"), (*spot.path[:-1], "checksum"), CHANGED.format(file=file))
    return cls


CHANGED = (
    "{file} has another text than that with which the run began. Put that back (the folder `code` of the run "
    "holds it), or start another run"
)


def _file(name: str, spot: Spot, faults: Faults) -> str:
    """`found_file`; one that is not there is a fault of the job, not of data."""
    own = Faults()
    path = found_file(name, spot, own)
    for fault in own.found:
        faults.add(fault.place, spot.path, fault.text)
    return path


def checked(cls: type) -> type:
    """The class, when a job file can give all its parameters. Errors: JobError."""
    try:
        known = parameters(cls)
    except Exception as e:
        raise JobError(f"{cls.name}: the type of a parameter: {e}") from None
    for name, (field, hint) in known.items():
        try:
            adapter(hint, tuple(about(field)["limits"].items()))
        except Exception:
            raise JobError(
                f"{cls.name}: a job file cannot give the parameter {name}: {hint}; annotate it with bool, "
                "int, float, str, list, dict, Literal or a union of them"
            ) from None
    return cls


def made_of(name: str) -> type | None:
    """The step that FILE.py:NAME on the command line means; None for other names. Errors: JobError."""
    file, _, rest = name.rpartition(":")
    if not os.path.isfile(file):
        return None
    makers = [cls for n in _names() if not hasattr(cls := METHODS["step"][n], "placed")]
    return checked(makers[0].of(f"{os.path.abspath(file)}:{rest}")) if makers else None
