"""What the program can warn of and judge, read from its source: the words of each warning and verdict.

A figure in the words is FIGURE. Looked at are `warn(...)`, what stands behind "warning: " in a text,
`give(...)` and `Finding(...)` of a verdict that is not good, what is put into lists of warnings or stored as
a reason, and all sentences of files that judge in lists of their own. Words that stand in a variable are
those that its function gives it, words that a function makes those that it returns.
"""

import ast
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

import nanompi

TOP = Path(nanompi.__file__).parent
FIGURE, MARK, MOST, DEEPEST = "12", "warning: ", 24, 6
SPOKEN = {"warn": 0, "give": 3, "Finding": 2}  # calls, and which argument has the words
GRADE = {"give": 2, "Finding": 0}
KEYS = ("reason", "warning")  # of dicts
LISTS = ("reasons", "warnings", "words")  # to which is appended
JUDGES = ("methods/cdi/judge.py", "methods/maps/stxm.py")  # files whose sentences are all spoken
NOT_SPOKEN = ("say", "param", "reader", "step", "JobError", "DataError", "ValueError", "Signal", "read")
SENTENCE = 5  # words


@dataclass
class Module:
    """One file. functions : by their names, methods too"""

    path: Path
    tree: ast.Module
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> "Module":
        """A file of the program"""
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        return cls(path, tree, {one.name: one for one in found})

    def spoken(self):
        """(line, words) of each warning and verdict"""
        for function in [self.tree, *self.functions.values()]:
            for node in own(function):
                for one in self.heard(node):
                    for words in self.words(one, function):
                        yield node.lineno, words.rpartition(MARK)[2]

    def heard(self, node) -> list:
        """The expressions of a node that are words of a warning or verdict"""
        if isinstance(node, ast.JoinedStr) and MARK in text_of(node):
            return [node]
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            return [value for key, value in pairs if getattr(key, "value", "") in KEYS]
        if (
            isinstance(node, ast.AugAssign)
            and getattr(node.target, "id", "") in LISTS
            and isinstance(node.value, ast.List)
        ):
            return node.value.elts
        if not isinstance(node, ast.Call):
            return []
        if name_of(node.func) == "append" and name_of(node.func.value) in LISTS:
            return node.args
        return [] if (argument := self.argument(node)) is None else [argument]

    def sentences(self):
        """(line, words) of all texts of the file that are no documentation, no error, not said otherwise"""
        for function in self.functions.values():
            silent = {id(one) for node in own(function) for one in quiet(node)}
            for node in own(function):
                if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in silent:
                    for words in self.words(node, function):
                        if len(words.split()) >= SENTENCE:
                            yield node.lineno, words

    def argument(self, call: ast.Call):
        """The words of a call that speaks; None of others, and of what is good"""
        name = name_of(call.func)
        if (
            name not in SPOKEN
            or len(call.args) <= SPOKEN[name]
            or name_of(getattr(call.func, "value", None)) == "warnings"
        ):
            return None
        grade = call.args[GRADE[name]] if name in GRADE else None
        return None if isinstance(grade, ast.Constant) and grade.value == "good" else call.args[SPOKEN[name]]

    def words(self, node, function, deep: int = 0) -> list[str]:
        """All that an expression can be, figures as FIGURE"""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            parts = [self.words(part, function, deep) for part in node.values]
            return ["".join(some) for some in itertools.islice(itertools.product(*parts), MOST)]
        if isinstance(node, ast.FormattedValue):
            return self.words(node.value, function, deep)
        if isinstance(node, ast.IfExp | ast.BoolOp):
            some = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
            return [words for one in some for words in self.words(one, function, deep)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            both = itertools.product(
                self.words(node.left, function, deep), self.words(node.right, function, deep)
            )
            return ["".join(some) for some in itertools.islice(both, MOST)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return ["", *self.words(node.left, function, deep)]
        if deep < DEEPEST and isinstance(node, ast.Name):
            return self.named(node.id, function, deep + 1)
        if deep < DEEPEST and isinstance(node, ast.Call) and (made := self.functions.get(name_of(node.func))):
            given = [one.value for one in own(made) if isinstance(one, ast.Return) and one.value is not None]
            return [words for one in given for words in self.words(one, made, deep + 1)] or [FIGURE]
        return [FIGURE]

    def named(self, name: str, function, deep: int) -> list[str]:
        """All that a variable of a function can be, what is added to it in further lines, too"""
        found, added = [], []
        for node in own(function):
            if isinstance(node, ast.Assign) and [name] == [getattr(one, "id", "") for one in node.targets]:
                found += self.words(node.value, function, deep)
            if isinstance(node, ast.AugAssign) and getattr(node.target, "id", "") == name:
                added += self.words(node.value, function, deep)
        whole = [first + "".join(added[:4]) for first in found]
        return list(dict.fromkeys([*found, *whole]))[:MOST] or [FIGURE]


def own(function):
    """Nodes of a function, but not those of functions in it"""
    left = list(ast.iter_child_nodes(function))
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            left += ast.iter_child_nodes(node)


def name_of(node) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def text_of(node: ast.JoinedStr) -> str:
    return "".join(part.value if isinstance(part, ast.Constant) else FIGURE for part in node.values)


def quiet(node) -> list:
    """What is in a node whose texts are not spoken: an error, documentation, a line of the log"""
    call = node.value if isinstance(node, ast.Expr) else node
    if isinstance(node, ast.Raise) or (isinstance(call, ast.Call) and name_of(call.func) in NOT_SPOKEN):
        return list(ast.walk(node))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    return [part for part in ast.walk(node) if part is not node] if isinstance(node, ast.JoinedStr) else []


def has_words(text: str) -> bool:
    """Does it say more than figures, the name of a step, or the end of a sentence?"""
    text = re.sub(r"^[\w.]+:", "", text.partition("\n  in the job")[0]).strip()
    return len(re.findall(r"[A-Za-z]{2,}", text)) > 2 and text[:1] not in ":;,"


def spoken() -> dict[str, list[str]]:
    """{place, such as methods/tomo/flat.py:138: all that it can say} of the whole program"""
    out: dict[str, list[str]] = {}
    for path in sorted(TOP.rglob("*.py")):
        module, name = Module.of(path), str(path.relative_to(TOP))
        for line, words in (*module.spoken(), *(module.sentences() if name in JUDGES else ())):
            out.setdefault(f"{name}:{line}", []).append(words)
    return out
