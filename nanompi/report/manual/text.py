"""reStructuredText of docstrings and of the guide as HTML; formulas as MathML, which browsers draw."""

import inspect

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
WORDS = ".. default-role:: literal\n\n"  # `name` is code, as everywhere in this program


def html(text: str) -> str:
    """A fragment of HTML. Errors: ResourceError where docutils is missing."""
    try:
        from docutils.core import publish_parts
    except ImportError:
        raise ResourceError("the manual needs docutils: pip install 'nanompi[web]'") from None
    return publish_parts(WORDS + text, writer="html5", settings_overrides=SETTINGS)["fragment"]


def doc(cls: type) -> str:
    """The whole docstring of a part, without its indentation."""
    return inspect.cleandoc(cls.__doc__ or "")
