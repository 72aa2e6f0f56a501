"""The few words of JSON schema that our schema uses, so that tests need no validator."""

import re

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "pattern",
    "description",
    "default",
    "title",
    "$schema",
}


def valid(value, rule) -> bool:
    """Does the value fit the schema? A word that is not known fails the test; `x-` ones are for forms."""
    if rule is True:
        return True
    unknown = {word for word in rule if not word.startswith("x-")} - KNOWN
    assert not unknown, unknown
    return all(test(value, rule) for test in (_kind, _choice, _number, _object, _array))


def _is(value, kind) -> bool:
    if kind in ("number", "integer"):
        return isinstance(value, int if kind == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def _kind(value, rule) -> bool:
    kinds = rule.get("type", [])
    return not kinds or any(_is(value, k) for k in ([kinds] if isinstance(kinds, str) else kinds))


def _choice(value, rule) -> bool:
    fine = "const" not in rule or value == rule["const"]
    fine &= "enum" not in rule or value in rule["enum"]
    fine &= "anyOf" not in rule or any(valid(value, r) for r in rule["anyOf"])
    return fine and ("oneOf" not in rule or sum(valid(value, r) for r in rule["oneOf"]) == 1)


def _number(value, rule) -> bool:
    if isinstance(value, str):
        return "pattern" not in rule or re.search(rule["pattern"], value) is not None
    if not _is(value, "number"):
        return True
    return (
        value >= rule.get("minimum", value)
        and value <= rule.get("maximum", value)
        and not value <= rule.get("exclusiveMinimum", value - 1)
        and not value >= rule.get("exclusiveMaximum", value + 1)
    )


def _object(value, rule) -> bool:
    if not isinstance(value, dict):
        return True
    own, other = rule.get("properties", {}), rule.get("additionalProperties", True)
    fine = all(k in value for k in rule.get("required", []))
    return fine and all(
        valid(v, own.get(k, other)) if own.get(k, other) is not False else False for k, v in value.items()
    )


def _array(value, rule) -> bool:
    if not isinstance(value, list):
        return True
    if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)):
        return False
    first = rule.get("prefixItems", [])
    return all(valid(v, first[i] if i < len(first) else rule.get("items", True)) for i, v in enumerate(value))
