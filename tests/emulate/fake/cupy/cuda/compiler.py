"""Errors of the compiler."""


class CompileException(Exception):
    """The text of a kernel does not compile. `get_message()` is the compiler's."""

    def __init__(self, msg, source, name, options, backend="nvrtc"):
        self._msg, self.source, self.name, self.options, self.backend = msg, source, name, options, backend
        super().__init__()

    def __str__(self):
        return self.get_message()

    def get_message(self) -> str:
        return self._msg

    def dump(self, f):
        f.write(self.source + "\n" + self._msg)
