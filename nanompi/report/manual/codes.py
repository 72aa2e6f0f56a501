"""Exit codes, from the errors that have them."""

import re

from nanompi.errors import NanompiError

CODE = re.compile(r" \(exit code \d+\)")


def exit_codes() -> list[tuple[str, str]]:
    """[(code, what it means)], the same from every rank."""
    errors = {
        cls.code: CODE.sub("", (cls.__doc__ or "").split("\n")[0]) for cls in NanompiError.__subclasses__()
    }
    every = {0: "Done.", 1: "An error of the program itself: please report it."} | errors
    return [*((str(code), every[code]) for code in sorted(every)), ("128 + n", "Ended by signal n.")]
