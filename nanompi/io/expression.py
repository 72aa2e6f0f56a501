"""Arithmetic over named arrays, such as `-/pos/lab_x + 0.1*/pos/lab_y`, without `eval`."""

import ast
import operator
import re
from collections.abc import Callable

import numpy as np

from nanompi.errors import JobError

BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos}
FUNCTIONS = {"sin": np.sin, "cos": np.cos, "sqrt": np.sqrt}
CONSTANTS = {"pi": np.pi}
ALLOWED = "allowed are numbers, names, paths, + - * /, parentheses, sin, cos, sqrt and pi"
LONGEST = 400
# a path stands where an operand may stand: at the start, after an operator or an opening bracket
_PATH = re.compile(r"(^|[-+*(]|(?<=\s)/)(\s*)(/[A-Za-z_][\w.]*(?:/[\w.]+)*)")


def evaluate(text: str, lookup: Callable[[str], np.ndarray]) -> np.ndarray:
    """The value of an expression; `lookup(name)` gives the array of a name or path.

    A path in an expression consists of letters, digits, `_`, `.` and `/`; name others by a key of their
    own. Write a space before a division (`/pos/x / 2`). Errors: JobError; what `lookup` raises.
    """
    paths: list[str] = []

    def hide(found):
        paths.append(found[3])
        return f"{found[1]}{found[2]}_path{len(paths) - 1}"

    if len(text) > LONGEST:
        raise JobError(f"the expression has {len(text)} characters; at most {LONGEST} are allowed")
    hidden = _PATH.sub(hide, text)
    try:
        tree = ast.parse(hidden.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise JobError(f'"{text}" is no expression; {ALLOWED}') from None
    known = {f"_path{i}": p for i, p in enumerate(paths)}
    return np.asarray(_value(tree, text, lambda name: lookup(known.get(name, name))), float)


def _value(node, text: str, lookup):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)
    if isinstance(node, ast.Name):
        return CONSTANTS[node.id] if node.id in CONSTANTS else np.asarray(lookup(node.id), float)
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_value(node.operand, text, lookup))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return _both(node, text, lookup)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        if len(node.args) == 1 and not node.keywords:
            return FUNCTIONS[node.func.id](_value(node.args[0], text, lookup))
    raise JobError(f'"{text}": {type(node).__name__.lower()} is not allowed in an expression; {ALLOWED}')


def _both(node, text: str, lookup):
    a, b = _value(node.left, text, lookup), _value(node.right, text, lookup)
    if np.ndim(a) and np.ndim(b) and np.shape(a) != np.shape(b):
        raise JobError(
            f'"{text}": arrays of the shapes {np.shape(a)} and {np.shape(b)} do not fit each other'
        )
    return BINARY[type(node.op)](a, b)
