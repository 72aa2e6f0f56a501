"""The log of a run as a stream that keeps its lines."""

import io
import sys


class Lines(io.StringIO):
    """`str(lines)` is all that was written; loud: it goes to stdout, too."""

    def __init__(self, loud: bool = False):
        super().__init__()
        self.loud = loud

    def write(self, text: str) -> int:
        """Keep a text, and pass it on where it is to be heard."""
        if self.loud:
            sys.stdout.write(text)
            sys.stdout.flush()
        return super().write(text)

    def __str__(self):
        return self.getvalue()
