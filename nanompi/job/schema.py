"""The JSON schema of a job file, for completion and checks in editors, from the same parameters.

What a form needs beside it stands in words of our own: `x-level` (basic or expert), `x-unit` (that of a bare
number), `x-reader` (the readers that know a parameter of the input section).
"""

from dataclasses import MISSING
from types import NoneType
from typing import Union, get_args, get_origin

from nanompi.job.job import SECTIONS, VERSION
from nanompi.job.leaf import PLAIN, about, adapter, chained, default, members, section_of
from nanompi.job.model import parameters
from nanompi.job.resolve import simple
from nanompi.job.stages import StageOptions
from nanompi.step import METHODS, word_of

SWEEP = {"type": "object", "additionalProperties": False, "required": ["sweep"], "properties": {"sweep": {}}}
BRACES = {"type": "string", "pattern": r"\{[A-Za-z_][\w-]*(:[^{}]*)?\}"}
_VALUES = {
    "anyOf": [
        {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
        {"type": "string", "pattern": r"^\s*\d+\s*-\s*\d+\s*$|[*?\[]"},
        {"type": "object", "required": ["from", "to"], "properties": {"from": {}, "to": {}}},
    ]
}
FOREACH = {
    "type": "object",
    "additionalProperties": _VALUES,
    "description": "the items, by keys side by side: a list, a range 1001-1024, files raw/*.h5, "
    "{from: 0, to: 180, count: 24}",
}
NEEDS = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}},
        {"type": ["string", "array"]},
    ],
    "description": "stages before this one, and the share of their items that must be there",
}
_QUANTITY = {"type": "string", "pattern": r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\S*\s*$"}


def schema() -> dict:
    """The schema of the whole job file. Call `nanompi.methods.discover()` before."""
    sections = {key: _value(cls, PLAIN) for key, cls in SECTIONS.items() if key != "input"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nanompi job",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "nanompi": {"const": VERSION, "description": "version of this format"},
            "name": {"type": "string", "description": "name of the job and of its folder of runs"},
            "input": _input(),
            "steps": {
                "type": "array",
                "minItems": 1,
                "items": _steps(),
                "description": "what is done, in order",
            },
            **sections,
            "extends": {
                "type": "string",
                "description": "job file whose keys stand where this one is silent",
            },
            "set": {"type": "object", "description": "dotted path: value, applied last"},
        },
        "anyOf": [{"required": ["nanompi", "input", "steps"]}, {"required": ["extends"]}],
    }


def whole() -> dict:
    """The schema of job files and of workflows. Call `nanompi.methods.discover()` before."""
    out = schema()
    names = ("input", "steps", "output", "run", "about", "extends", "set")
    job = {name: _braced(out["properties"][name]) for name in names}
    options = of_class(StageOptions)["properties"]
    about = "one stage: a job, of which `foreach` makes items; {words} in braces are filled for each"
    own = {"foreach": FOREACH, "needs": NEEDS, **options, **job}
    stage = {"type": "object", "description": about, "additionalProperties": False, "properties": own}
    stages = {"type": "object", "description": "a workflow: runs that need one another, in order"}
    out["properties"]["stages"] = {**stages, "additionalProperties": stage}
    out["anyOf"].append({"required": ["nanompi", "stages"]})
    return out


def _braced(rule):
    """The same rules for values that are filled for each item of a stage: texts in braces, and no sweeps."""
    if isinstance(rule, list):
        return [BRACES if one == SWEEP else _braced(one) for one in rule]
    return {k: _braced(one) for k, one in rule.items()} if isinstance(rule, dict) else rule


def of_class(cls: type, first: dict | None = None) -> dict:
    """The schema of a part or section. first : properties that stand before its own, all required."""
    properties = {**(first or {}), **{name: _parameter(*known) for name, known in parameters(cls).items()}}
    required = [n for n, (field, _) in parameters(cls).items() if default(field) is MISSING]
    name = getattr(cls, "name", "")
    out = {
        **({"title": name} if isinstance(name, str) and name else {}),
        "type": "object",
        "description": _doc(cls),
        "additionalProperties": False,
        "properties": properties,
    }
    return {**out, "required": [*(first or {}), *required]} if first or required else out


def _input() -> dict:
    """Parameters of `Input` and of all readers together: which reader it is, the file says."""
    out, own = of_class(SECTIONS["input"]), {}
    for cls in METHODS["reader"].values():
        for name, known in parameters(cls).items():
            own.setdefault(name, []).append((cls.name, _parameter(*known)))
    merged = {name: _merged(found) for name, found in own.items()}
    return {**out, "properties": {**merged, **out["properties"]}}


def _merged(found: list[tuple[str, dict]]) -> dict:
    """One parameter of several readers: [(reader, rule)]; of several rules each says whose it is."""
    rules = [rule for k, (_, rule) in enumerate(found) if rule not in [other for _, other in found[:k]]]
    out = rules[0]
    if len(rules) > 1:
        known = [{**rule, "x-reader": [reader for reader, own in found if own == rule]} for rule in rules]
        out = {"anyOf": known, **_marks(rules)}
    return {**out, "x-reader": [reader for reader, _ in found]}


def _marks(rules: list[dict]) -> dict:
    """What a form must know of a parameter that several rules describe."""
    basic = any(rule["x-level"] == "basic" for rule in rules)
    return {"title": rules[0]["title"], "x-level": "basic" if basic else "expert"}


def _steps() -> dict:
    steps = [step for name, cls in METHODS["step"].items() for step in _step(name, cls)]
    return {"oneOf": [{"enum": list(METHODS["step"])}, *steps]}


def _step(name: str, cls: type) -> list[dict]:
    """A step by `use:`; one that is made of what it names has any parameters, and a short form."""
    whole = of_class(cls, {"use": {"const": name}})
    if not hasattr(cls, "short"):
        return [whole]
    short = of_class(cls)
    short["properties"] = {name: short["properties"].pop(cls.short), **short["properties"]}
    short["required"] = [name]
    return [{**one, "additionalProperties": True} for one in (whole, short)]


def _parameter(field, hint) -> dict:
    note, standard = about(field), default(field)
    words = [note["help"], f"(a bare number is in {note['bare']})" if note["unit"] else ""]
    out = {**_or_sweep(_value(hint, note)), "description": " ".join(w for w in words if w)}
    out |= {"title": word_of(field).replace("_", " "), "x-level": note["level"]}
    out |= {"x-unit": note["bare"]} if note["unit"] else {}
    return out if standard is MISSING else {**out, "default": simple(standard, note["unit"])}


def _or_sweep(rule: dict) -> dict:
    """A value or `{sweep: [...]}`; in a section, its parameters are swept."""
    return rule if rule.get("type") == "object" else {"anyOf": [*rule.get("anyOf", [rule]), SWEEP]}


def _value(hint, note: dict) -> dict:
    if note["kind"] in METHODS:
        names = list(METHODS[note["kind"]])
        none = [{"type": "null"}] if NoneType in members(hint) else []
        return _chain(note["kind"], none) if chained(hint, note) else {"type": "string", "enum": names}
    section, others = section_of(hint), [m for m in members(hint) if m is not section_of(hint)]
    if section is None and get_origin(hint) is list and section_of(get_args(hint)[0]):
        one = of_class(get_args(hint)[0])
        return {"anyOf": [one, {"type": "array", "items": one}]}
    if section is None:
        return _leaf(hint, note)
    short = [{"type": ["number", "string", "array", "boolean"]}] if hasattr(section, "from_value") else []
    rest = [_leaf(Union[tuple(others)], note)] if others else []  # noqa: UP007  the members are computed
    return {"anyOf": [of_class(section), *short, *rest]} if short or rest else of_class(section)


def _leaf(hint, note: dict) -> dict:
    scale = note["bare"] == note["unit"]
    limits = {k: v for k, v in note["limits"].items() if scale or v == 0}
    out = adapter(hint, tuple(limits.items())).json_schema()
    return _quantities(out) if note["unit"] else out


def _quantities(found):
    """Each number also as a text with a unit."""
    if isinstance(found, list):
        return [_quantities(f) for f in found]
    if not isinstance(found, dict):
        return found
    if found.get("type") in ("number", "integer"):
        return {"anyOf": [found, _QUANTITY]}
    return {k: _quantities(v) for k, v in found.items()}


def _chain(kind: str, others: list) -> dict:
    text = {
        "type": "string",
        "description": f"{kind}s left to right: {' '.join(f'{n}*100' for n in METHODS[kind])}",
    }
    return {
        "anyOf": [
            text,
            {"type": "array", "items": {"anyOf": [text, *map(_link, METHODS[kind].values())]}},
            *others,
        ]
    }


def _link(cls: type) -> dict:
    """{DM: 100, alpha: 0.9}; the name in any case."""
    out = of_class(cls)
    own = dict(out["properties"])
    count = own.pop("iterations", {"type": "null"})
    count = {"anyOf": [*count.get("anyOf", []), {"type": "null"}]}
    names = list(dict.fromkeys([cls.name, cls.name.lower()]))
    ways = {"oneOf": [{"required": [name]} for name in names]}
    return {**out, "properties": {**dict.fromkeys(names, count), **own}, **ways}


def _doc(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
