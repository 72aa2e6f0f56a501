"""Where the page listens: a Unix socket that only its owner can open, or a port of this machine alone."""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from nanompi.errors import ResourceError
from nanompi.mpi.signals import heeded
from nanompi.web.connection import Patient
from nanompi.web.server import Site, application

CONNECTIONS, WAITING = 256, 128
KEEP, END = 5, 3  # seconds for which a connection waits for more; and for answers when the server ends


@contextlib.contextmanager
def own_socket(path: str) -> Iterator[socket.socket]:
    """A Unix socket at a path, in a new folder where none is given. Errors: ResourceError."""
    folder = "" if path else tempfile.mkdtemp(prefix="nanompi-", dir=_runtime())
    where = path or f"{folder}/page.sock"
    with socket.socket(socket.AF_UNIX) as one:
        try:
            _remove_dead(where)
            _bind(one, where)
        except OSError as e:
            raise ResourceError(f"{where}: no socket can be made there: {e.strerror or e}") from None
        try:
            yield one
        finally:
            with contextlib.suppress(OSError):
                os.unlink(where)
                if folder:
                    os.rmdir(folder)


def _bind(one: socket.socket, where: str):
    """Nobody else can open it, from its first moment on; who comes before the page is ready waits."""
    before = os.umask(0o177)
    try:
        one.bind(where)
    finally:
        os.umask(before)
    one.listen(WAITING)


def _runtime() -> str | None:
    """The folder of this login for such things, where the system has made one"""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = os.path.isdir(folder) and os.stat(folder).st_uid == os.getuid() and len(folder) < 60
    return folder if usable and os.access(folder, os.W_OK) else None


def _remove_dead(path: str):
    """Remove a socket on which nobody listens; anything else stays, and the bind will say so."""
    if Path(path).is_socket():
        with socket.socket(socket.AF_UNIX) as one:
            if one.connect_ex(path):
                os.unlink(path)


@contextlib.contextmanager
def own_port(port: int) -> Iterator[socket.socket]:
    """A port of this machine, which no other can reach; 0 = any that is free. Errors: ResourceError."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
            one.listen(WAITING)
        except OSError as e:
            raise ResourceError(f"port {port}: {e.strerror}; choose another, or 0 for any free one") from None
        yield one


class Server(uvicorn.Server):
    """uvicorn that ends as a function does: its own raises the signal once more, and nothing is put away."""

    @contextlib.contextmanager
    def capture_signals(self):
        """A signal asks for the end."""
        loop = asyncio.get_running_loop()
        for number in heeded((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def serve(site: Site, listening: socket.socket, idle: float):
    """Until a signal comes, or nobody who is logged in has asked anything for `idle` seconds."""
    config = uvicorn.Config(
        application(site), http=Patient, ws="none", lifespan="off", log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, limit_concurrency=CONNECTIONS, timeout_keep_alive=KEEP,
        h11_max_incomplete_event_size=16 << 10, timeout_graceful_shutdown=END,
    )  # fmt: skip
    asyncio.run(_serve(Server(config), site, listening, idle))


async def _serve(server: Server, site: Site, listening: socket.socket, idle: float):
    last = time.monotonic()

    def hear():
        nonlocal last
        last = time.monotonic()

    async def watch():
        while time.monotonic() - last < idle:
            await asyncio.sleep(min(10.0, idle / 4))
        server.should_exit = True

    site.heard.append(hear)
    watching = asyncio.create_task(watch())
    try:
        await server.serve(sockets=[listening])
    finally:
        watching.cancel()
        await site.workers.end()
