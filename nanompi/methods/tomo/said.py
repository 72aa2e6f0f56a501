"""What steps say before there is a log."""


def unheard(line: str) -> None:
    """In place of a log where nobody listens yet."""
