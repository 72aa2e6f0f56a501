"""A file of the user's own: its text as rank 0 has read it, imported under a name that no module has."""

import hashlib
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from nanompi.errors import JobError, nearest
from nanompi.run.foreign import cause


@dataclass(frozen=True)
class Code:
    """The text of a file, small enough to travel to every rank: no other rank reads the file itself.

    path : absolute, for messages and as the place of modules beside it
    """

    path: str
    text: str

    @classmethod
    def of(cls, path: str) -> "Code":
        """The file as it is now. Errors: JobError."""
        try:
            return cls(os.path.abspath(path), Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as e:
            raise JobError(f"{path}: this is no text of Python: {e}") from None

    @property
    def checksum(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def get(self, name: str) -> Any:
        """What the file calls so. Errors: JobError with the line at which it cannot be imported."""
        known = vars(_imported(self))
        if not callable(known.get(name)):
            here = [n for n, v in known.items() if getattr(v, "__module__", "") == known["__name__"]]
            raise JobError(
                f"{self.path}: there is no function {name}{nearest(name, here)}; "
                f"the file has {', '.join(here) or 'none'}"
            )
        return known[name]


@cache
def _imported(code: Code) -> ModuleType:
    """The module of a text. What it does to working folder and stdout while it is imported is undone."""
    name = f"{Path(code.path).stem}@{code.checksum}"
    module = ModuleType(name)
    module.__file__ = code.path
    folder, here, stdout = os.path.dirname(code.path), os.getcwd(), sys.stdout
    if folder not in sys.path:
        sys.path.append(folder)  # modules that stand beside it; installed ones come first
    sys.modules[name], sys.stdout = module, sys.stderr
    try:
        exec(compile(code.text, code.path, "exec", dont_inherit=True), vars(module))
    except (Exception, SystemExit) as e:
        del sys.modules[name]
        raise JobError(f"{code.path} cannot be imported: {cause(e)}") from None
    finally:
        sys.stdout = stdout
        os.chdir(here)
    return module
