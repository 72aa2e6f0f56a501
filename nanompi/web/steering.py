"""What the page does with --jobs: looks for scans, checks and plans jobs, starts them here or by Slurm.

A step `python:` or `shell:` does whatever its user can do: with --jobs a login is as good as a shell.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nanompi.errors import shown
from nanompi.mpi.children import python
from nanompi.report.workflow import is_workflow
from nanompi.run import status
from nanompi.web.answers import Large, given, number, tagged, word
from nanompi.web.gate import LONGEST_BODY

RANKS = 4096
LONG = 120.0  # seconds for what tries frames or asks Slurm


class Steering:
    """The handlers of a site with --jobs; without it each refuses."""

    def __init__(self, site):
        self.site = site
        self.watching: set[asyncio.Task] = set()

    def need(self):
        """Errors: 403."""
        if not self.site.jobs:
            raise HTTPException(403, "this page only shows runs; nanompi serve --jobs also starts them")

    async def _task(self, name: str, /, seconds: float = 30.0, **words):
        self.need()
        return (await self.site.workers.ask(name, seconds, **words))[0]

    async def schema(self, request: Request) -> Response:
        """The schema of jobs."""
        return tagged(request, await self._task("schema"))

    async def templates(self, request: Request) -> Response:
        """What a job can begin with."""
        return tagged(request, await self._task("templates"))

    async def template(self, request: Request) -> Response:
        """The text of one."""
        self.need()
        asked = await given(request)
        words = {"name": word(asked, "name", 200), "scan": word(asked, "scan")}
        return JSONResponse({"yaml": await self._task("template", **words)})

    async def browse(self, request: Request) -> Response:
        """What is in a folder."""
        place = request.query_params.get("in", "")
        return tagged(request, await self._task("browse", folder=place, reads=self._reads()))

    async def preview(self, request: Request) -> Response:
        """What a scan file says, and how its frames look."""
        self.need()
        words = {"file": word(await given(request), "file"), "reads": self._reads()}
        make = lambda: self.site.workers.ask("preview", 60.0, **words)  # noqa: E731
        return Large(make, self.site.slots, "application/octet-stream")

    async def check(self, request: Request) -> Response:
        """The text of a job with edits, and what is wrong with it."""
        self.need()
        asked = await given(request)
        edits = asked.get("edits", {})
        if not isinstance(edits, dict) or not all(isinstance(v, str | None) for v in edits.values()):
            raise HTTPException(400, "edits: texts, or null")
        words = {"yaml": _yaml(asked), "edits": edits, "data": asked.get("data") is True}
        return JSONResponse(await self._task("check", **words))

    async def plan(self, request: Request) -> Response:
        """Memory, messages and time of a job."""
        self.need()
        asked = await given(request)
        words = {"yaml": _yaml(asked), "ranks": number(asked, "ranks", RANKS)}
        return JSONResponse({"text": await self._task("plan", LONG, **words)})

    async def start(self, request: Request) -> Response:
        """Start a job or workflow here or by Slurm, or show Slurm's scripts; the name of the run."""
        self.need()
        asked = await given(request)
        where, n = word(asked, "where", 20), number(asked, "ranks", RANKS)
        words = {"yaml": _yaml(asked), "ranks": n, "runs": str(self.site.runs.top)}
        if where == "script":
            return JSONResponse({"text": await self._task("script", **words)})
        if where not in ("here", "slurm"):
            raise HTTPException(400, "where: here, slurm or script")
        folder = Path(await self._task("claim" if where == "here" else "submit", LONG, **words))
        if where == "here":
            await self._run(folder, n)
        await asyncio.to_thread(self.site.runs.begun)
        kind = "workflow" if is_workflow(folder) else "run"
        return JSONResponse({kind: str(folder.relative_to(self.site.runs.top))})

    async def _run(self, folder: Path, ranks: int):
        """`nanompi run` in a claimed folder; it goes on when the page ends"""
        many = ["-n", str(ranks)] * (ranks > 1)
        words = ["run", *many, "--quiet", "--folder", str(folder), "--", str(folder / "job.resolved.yaml")]
        if is_workflow(folder):
            words = ["resume", *many, "--", str(folder)]
        nowhere = asyncio.subprocess.DEVNULL
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        log = os.open(folder / "start.log", flags, 0o600)
        try:
            child = await asyncio.create_subprocess_exec(
                *python("-m", "nanompi", *words), stdin=nowhere, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(log)
        task = asyncio.create_task(_watch(child, folder, ranks))
        self.watching.add(task)
        task.add_done_callback(self.watching.discard)

    def _reads(self) -> list[str]:
        return [str(folder) for folder in self.site.reads]


async def _watch(child, folder: Path, ranks: int):
    """A run that ends before it could say so has failed: its last words tell why"""
    code = await child.wait()
    from nanompi.report.status import read

    if code and read(folder)["state"] == "waiting":
        text = ""
        with suppress(OSError):
            text = (folder / "start.log").read_bytes()[-4000:].decode("utf-8", "replace").strip()
        facts = {"nanompi": 1, "name": folder.parent.name, "state": "failed", "code": code, "ranks": ranks}
        status.write(folder, {**facts, "begun": status.now(), "message": shown(text.split("\n")[-1], 500)})


def _yaml(asked: dict) -> str:
    return word(asked, "yaml", LONGEST_BODY)
