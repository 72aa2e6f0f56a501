"""reStructuredText of docstrings and of the guide as HTML; formulas as MathML, which browsers draw."""

import inspect
import re
from pathlib import Path

from nanompi.errors import ResourceError

SETTINGS = {
    "math_output": "MathML",
    "report_level": 5,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "syntax_highlight": "none",
    "initial_header_level": 3,
    "doctitle_xform": False,
}
FORMULA = re.compile(r'(<math [^>]*display="block">.*?</math>)', re.S)
WORDS = ".. default-role:: literal\n\n"  # `name` is code, as everywhere in this program


def table(name: str) -> dict:
    """A table of the guide, from its file."""
    import tomllib

    return tomllib.loads((Path(__file__).parent / "guide" / f"{name}.toml").read_text(encoding="utf-8"))


def html(text: str) -> str:
    """A fragment of HTML. Errors: ResourceError where docutils is missing."""
    try:
        from docutils.core import publish_parts
    except ImportError:
        raise ResourceError("the manual needs docutils: pip install 'nanompi[web]'") from None
    made = publish_parts(WORDS + text, writer="html5", settings_overrides=SETTINGS)["fragment"]
    return FORMULA.sub(r'<div class="wide" role="group" tabindex="0" aria-label="formula">\1</div>', made)


def doc(cls: type) -> str:
    """The whole docstring of a part, without its indentation."""
    return inspect.cleandoc(cls.__doc__ or "")
