"""Text of others (names, attributes, values, error texts) on its way to a terminal, a log, a script, a path.

A file name or an attribute of a data file may hold control characters that clear a screen, rename a window
or forge a line of the log, and characters that turn the order of the letters round: they are shown, never
sent.
"""

import os

LINE = 2000  # characters of one line of a message


def odd(text: str) -> str:
    """The first character that cannot be printed, as it is shown (\\x1b, \\u2028, \\ud800); "" for none."""
    return "" if text.isprintable() else next(_escaped(c) for c in text if not c.isprintable())


def shown(text, most: int = LINE) -> str:
    """The text as one line of at most about `most` characters; what cannot be printed is escaped.

    Control characters, line separators, marks of direction, lone surrogates are what cannot be printed.
    """
    text = str(text)
    if len(text) > most:
        text = f"{text[: most * 2 // 3]} ... {text[-most // 4 :]} ({len(text)} characters)"
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def lines(text) -> str:
    """The same for a text of several lines, of any length: tabs and ends of lines stay."""
    text = str(text)
    return "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)


def entry(text) -> str:
    """The same for an entry of a log: later lines begin with a blank, and pass for no entry."""
    first, *more = lines(text).rstrip("\n").split("\n")
    return "\n".join([first, *(line if line.startswith(" ") else f"  {line}" for line in more)])


def no_path(text: str) -> str:
    """Why a text cannot be the path of a file; "" when it can."""
    if not text:
        return "it is empty"
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return f"it holds {next(_escaped(c) for c in text if c == chr(0) or chr(0xD800) <= c <= chr(0xDFFF))}"
    if len(os.fsencode(text)) > 4000 or max(len(os.fsencode(part)) for part in text.split("/")) > 255:
        return "it is too long"
    return ""


def _escaped(c: str) -> str:
    return c.encode("unicode_escape").decode()
