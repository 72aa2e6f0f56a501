"""The application of `nanompi serve`: which path gives what; and the socket on which it listens."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import nanompi.report
from nanompi.errors import NanompiError
from nanompi.web.answers import AT_ONCE, Large, given, tagged, word
from nanompi.web.gate import Gate, Rules
from nanompi.web.login import Login
from nanompi.web.runs import Runs
from nanompi.web.steering import LONG, Steering
from nanompi.web.work import Task, TooBusy, Workers

HERE, REPORT = Path(__file__).parent, Path(nanompi.report.__file__).parent
PAGE = {
    "/": (HERE / "index.html", "text/html"),
    **{f"/{name}": (HERE / name, "text/javascript") for name in ("app.js", "form.js", "start.js")},
    "/web.css": (HERE / "web.css", "text/css"),
    **{f"/{name}": (REPORT / name, "text/javascript") for name in ("basics.js", "view.js", "curves.js")},
    "/page.css": (REPORT / "page.css", "text/css"),
}
OPEN = {*PAGE, "/api/login"}  # without a login: the page, which knows nothing, and the way in
ASKS = ("stop", "checkpoint")  # files by which a run is told something
MOST_COMPARED = 12  # runs


@dataclass
class Site:
    """What one server shows and may do.

    jobs : may it start and stop runs? reads : folders below which scans and jobs are looked for
    """

    runs: Runs
    login: Login
    hosts: set[str]
    jobs: bool = False
    reads: list[Path] = field(default_factory=list)
    workers: Workers = field(default_factory=Workers)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    heard: list = field(default_factory=list)


class Pages:
    """The handlers of a site, one for each path of `routes`."""

    def __init__(self, site: Site):
        self.site, self.steering = site, Steering(site)

    async def page(self, request: Request) -> Response:
        """A file of the page itself."""
        self.site.workers.prepare()
        file, kind = PAGE[request.url.path]
        return Response(file.read_bytes(), media_type=kind)

    async def login(self, request: Request) -> Response:
        """A token for a cookie and a key."""
        login = self.site.login
        if login.too_fast():
            return PlainTextResponse("too many tries; wait a moment", 429)
        session = login.enter(word(await given(request), "token", 200))
        if session is None:
            return PlainTextResponse("this token is wrong, or was used already: take the newest", 401)
        self.site.workers.prepare()
        answer = JSONResponse({"key": session.key})
        # Without a path the cookie goes to api/ alone, wherever a proxy has put us.
        answer.set_cookie(login.cookie, session.cookie, httponly=True, samesite="strict", path=None)
        return answer

    async def runs(self, request: Request) -> Response:
        """All runs and workflows with their states."""
        runs = self.site.runs
        found = {"runs": await asyncio.to_thread(runs.listed)}
        found["workflows"] = await asyncio.to_thread(runs.workflows)
        return tagged(request, {**found, "jobs": self.site.jobs, "folder": str(runs.top)})

    async def workflow(self, request: Request) -> Response:
        """A workflow as a tree: its stages, and the items of each."""
        _, tree = await self._workflow(request)
        return tagged(request, {"workflow": tree, "jobs": self.site.jobs})

    async def strip(self, request: Request) -> Response:
        """Small pictures of its items."""
        folder, _ = await self._workflow(request)
        return tagged(request, (await self.site.workers.ask("strip", LONG, folder=str(folder)))[0])

    async def run(self, request: Request) -> Response:
        """All that is known of one run but its images."""
        folder = await self._folder(request)
        status = await asyncio.to_thread(self.site.runs.status, request.path_params["run"])
        facts, _ = await self.site.workers.ask("run", folder=str(folder))
        return tagged(request, {"status": status, "jobs": self.site.jobs, "folder": str(folder), **facts})

    async def image(self, request: Request) -> Response:
        """The values of one image."""
        words = {"folder": str(await self._folder(request)), "name": request.path_params["signal"]}
        words["mode"] = int(text) if (text := request.query_params.get("mode", "0")).isdecimal() else 0
        make = lambda: self.site.workers.ask("image", **words)  # noqa: E731
        return Large(make, self.site.slots, "application/octet-stream")

    async def file(self, request: Request) -> Response:
        """A picture of the run, or its report, to keep."""
        words = {"folder": str(await self._folder(request)), "name": request.path_params["name"]}
        make = lambda: self.site.workers.ask("file", **words)  # noqa: E731
        answer = Large(make, self.site.slots, "application/octet-stream")
        answer.headers["content-disposition"] = "attachment"
        return answer

    async def differences(self, request: Request) -> Response:
        """The parameters in which some runs differ."""
        names = request.query_params.getlist("run")[:MOST_COMPARED]
        folders = [await asyncio.to_thread(self.site.runs.folder, name) for name in names]
        if None in folders or not folders:
            raise HTTPException(404, "there is no such run")
        words = {"folders": [str(folder) for folder in folders], "names": names}
        return tagged(request, (await self.site.workers.ask("differences", **words))[0])

    async def methods(self, request: Request) -> Response:
        """The names of all parts that have a page of the manual."""
        kinds, _ = await self.site.workers.ask("methods")
        return tagged(request, {"kinds": kinds})

    async def method(self, request: Request) -> Response:
        """The page of one."""
        html, _ = await self.site.workers.ask("method", name=request.path_params["name"])
        return tagged(request, {"html": html})

    async def ask(self, request: Request) -> Response:
        """Ask a run to stop or to keep its state: an empty file in its folder."""
        self.steering.need()
        folder, what = await self._folder(request), word(await given(request), "what")
        if what not in ASKS:
            raise HTTPException(400, f"what: one of {', '.join(ASKS)}")
        (folder / what).touch(mode=0o600)
        return JSONResponse({"done": what})

    async def _workflow(self, request: Request) -> tuple[Path, dict[str, Any]]:
        found = await asyncio.to_thread(self.site.runs.tree, request.path_params["run"])
        if found is None:
            raise HTTPException(404, "there is no such workflow")
        return found

    async def _folder(self, request: Request) -> Path:
        folder = await asyncio.to_thread(self.site.runs.folder, request.path_params["run"])
        if folder is None:
            raise HTTPException(404, "there is no such run")
        return folder


def application(site: Site) -> Gate:
    """The ASGI application of a site."""
    pages = Pages(site)
    jobs = pages.steering
    paths: list[tuple[str, str, Any]] = [
        ("POST", "/api/login", pages.login),
        ("GET", "/api/runs", pages.runs),
        ("GET", "/api/schema", jobs.schema),
        ("GET", "/api/templates", jobs.templates),
        ("POST", "/api/template", jobs.template),
        ("GET", "/api/browse", jobs.browse),
        ("POST", "/api/preview", jobs.preview),
        ("POST", "/api/check", jobs.check),
        ("POST", "/api/plan", jobs.plan),
        ("POST", "/api/start", jobs.start),
        ("GET", "/api/differences", pages.differences),
        ("GET", "/api/methods", pages.methods),
        ("GET", "/api/methods/{name}", pages.method),
        ("GET", "/api/image/{signal}/{run:path}", pages.image),
        ("GET", "/api/file/{name}/{run:path}", pages.file),
        ("POST", "/api/ask/{run:path}", pages.ask),
        ("GET", "/api/run/{run:path}", pages.run),
        ("GET", "/api/workflow/{run:path}", pages.workflow),
        ("GET", "/api/strip/{run:path}", pages.strip),
    ]
    routes = [Route(path, pages.page) for path in PAGE]
    routes += [Route(path, handler, methods=[method]) for method, path, handler in paths]
    handlers = {NanompiError: _user_error, Task: _task_error, TooBusy: _busy}
    return Gate(
        Starlette(routes=routes, exception_handlers=handlers), Rules(site.login, site.hosts, OPEN, site.heard)
    )


async def _user_error(_request, error: NanompiError) -> Response:
    return JSONResponse({"fault": str(error), "code": error.code}, 422)


async def _task_error(_request, error: Task) -> Response:
    return JSONResponse({"fault": str(error), "code": error.code, "detail": error.detail}, 422)


async def _busy(_request, _error) -> Response:
    return PlainTextResponse("too much is asked at once; try again", 503, {"retry-after": "2"})
