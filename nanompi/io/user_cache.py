"""Where what can be made anew is kept for this user: the index of parts, the schema, fonts of pictures."""

import os
from pathlib import Path


def user_cache() -> Path:
    """$XDG_CACHE_HOME/nanompi, else ~/.cache/nanompi. Errors: RuntimeError where the user has no home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nanompi"
