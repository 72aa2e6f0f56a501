"""One of several runs: its folder, and how it ended (outcome.json)."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanompi.io.atomic import new_file


@dataclass
class Task:
    """One setting of a sweep or item of a stage: number, run folder, values; and its job, if it is to run."""

    number: int
    path: Path
    values: dict[str, Any]
    job: Any = None

    def outcome(self) -> dict:
        """What `record` has written: code, message, seconds, figures, ended; empty when it has not ended."""
        try:
            found = json.loads((self.path / "outcome.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        whole = isinstance(found, dict) and isinstance(found.get("figures"), dict)
        return found if whole and type(found.get("code")) is int else {}

    def done(self) -> bool:
        """Has it ended well, with a result?"""
        return self.outcome().get("code") == 0 and (self.path / "result.h5").is_file()

    def record(self, code: int, message: str, seconds: float, figures: dict):
        """Note how it ended; the file appears whole."""
        note = {"code": code, "message": message, "seconds": round(seconds, 3), "figures": figures}
        note["ended"] = time.time()  # s since 1970: two outcomes are never the same
        with new_file(self.path / "outcome.json") as file:
            file.write(json.dumps(note, indent=1).encode())

    def line(self) -> str:
        """How it ended, in one line."""
        found = self.outcome()
        figures = ", ".join(f"{k} {v:.4g}" for k, v in found["figures"].items())
        how = figures or "done" if found["code"] == 0 else f"exit code {found['code']}: {found['message']}"
        return f"{self.path.name}: {how} ({found['seconds']:.1f} s)"
