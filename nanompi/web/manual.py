"""The manual on the page: tasks of nanompi.web.child."""

from typing import Any


def methods() -> list[dict[str, Any]]:
    """[{kind, names}] of all that has an entry."""
    from nanompi.methods import discover
    from nanompi.report.manual.page import entries

    discover()
    return [{"kind": kind, "names": [one.name for one in some]} for kind, some in entries()]


def method(name: str) -> str:
    """The entry of one as HTML. Errors: JobError where there is none."""
    from nanompi.methods import discover
    from nanompi.report.manual import fragment

    discover()
    return fragment(name)
