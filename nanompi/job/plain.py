"""Docstrings as plain text for a terminal: all paragraphs, formulas in letters that stand in a line."""

import inspect
import re

SIGNS = dict(
    alpha="α", beta="β", chi="χ", delta="δ", eta="η", lambda_="λ", mu="μ", nabla="∇", nu="ν", partial="∂",
    pi="π", psi="ψ", Pi="Π", sigma="σ", theta="θ", varepsilon="ε", varphi="φ", sum="Σ", int="∫",
    leftarrow="←", approx="≈", propto="∝", cdot="·", ge="≥", le="≤", mid="|", in_="∈", dots="…", qquad="   ",
    quad="  ",
)  # fmt: skip
RULES = (  # the inner braces first, until nothing changes
    (re.compile(r"\\(?:mathrm|text)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"([_^])\{([^{}\s]{1,3})\}"), r"\1\2"),
    (re.compile(r"([_^])\{([^{}]*)\}"), r"\1(\2)"),
    (re.compile(r"\\sqrt\{([^{}]*)\}"), r"√(\1)"),
    (re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}"), r"(\1) / (\2)"),
    (re.compile(r"\\hat (\w)"), "\\1\u0302"),
    (re.compile(r"\\bar (\w)"), "\\1\u0304"),
)
MATHS = re.compile(r":math:`([^`]*)`")


def plain(cls: type) -> str:
    """The docstring of a part or section, without the marks of its formulas and examples."""
    paragraphs = inspect.cleandoc(cls.__doc__ or "").split("\n\n")
    out = []
    for before, one in zip(["", *paragraphs], paragraphs):
        if one != ".. math::":
            out.append(formula(one) if before == ".. math::" else _text(one))
    return "\n\n".join(out)


def _text(paragraph: str) -> str:
    return MATHS.sub(lambda found: formula(found[1]), re.sub("::$", ":", paragraph))


def formula(tex: str) -> str:
    """LaTeX of a formula in letters and signs: \\frac{a}{b} is (a) / (b)."""
    before = ""
    while before != tex:
        before = tex
        for rule, instead in RULES:
            tex = rule.sub(instead, tex)
    tex = re.sub(r"\\([A-Za-z]+)", lambda m: SIGNS.get(m[1], SIGNS.get(m[1] + "_", m[1])), tex)
    return re.sub(r"\\[,;] ?", " ", tex).replace("\\{", "{").replace("\\}", "}")
