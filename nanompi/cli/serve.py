"""Show runs in a browser: images while they are made, curves, logs; with --jobs also start and stop them.

Nobody but you can open it: it listens on a socket that is yours alone (or on a port of this machine), and
asks for the token that it prints. It shows runs and changes nothing, unless --jobs is given: a page that
starts jobs can do whatever you can.
"""

import os
import socket
import sys
import tempfile
from pathlib import Path

from nanompi.cli import path
from nanompi.errors import JobError, ResourceError

RUNS = "runs"


def arguments(parser):
    """Arguments of `nanompi serve`."""
    parser.add_argument("runs", nargs="?", type=path, default=RUNS, help="folder of runs (runs)")
    parser.add_argument("--jobs", action="store_true", help="let the page start, stop and change jobs")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, metavar="N", help="listen on 127.0.0.1 (0: any free port)")
    where.add_argument("--socket", type=path, metavar="PATH", help="listen on this Unix socket")
    parser.add_argument("--open", action="store_true", help="open a browser of this machine, on a port")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="name by which a proxy calls the page"
    )
    parser.add_argument("--idle", default="2h", metavar="TIME", help="end when nobody looks for so long (2h)")
    parser.add_argument(
        "--read", action="append", default=[], type=path, metavar="DIR",
        help="folder in which --jobs looks for scans and jobs (the working folder)",
    )  # fmt: skip


def main(args) -> int:
    """Exit code 0; 4 without the packages of the page."""
    try:
        from nanompi.web.listen import own_port, own_socket, serve
    except ModuleNotFoundError as e:
        raise ResourceError(f'the page needs {e.name}: pip install "nanompi[web]"') from None
    from nanompi.units import seconds

    idle = seconds(args.idle)
    if args.port is not None and not 0 <= args.port < 65536:
        raise JobError(f"--port {args.port}: 0 to 65535")
    _runs(args)
    os.umask(0o077)
    port = 0 if args.open and args.port is None and not args.socket else args.port
    with own_socket(args.socket or "") if port is None else own_port(port) as listening:
        link = Link(listening)
        serve(_site(args, link), listening, idle)
    return 0


def _site(args, link):
    from nanompi.web.login import Login
    from nanompi.web.runs import Runs
    from nanompi.web.server import Site

    reads = [Path(folder).resolve() for folder in args.read or ["."]]
    hosts = {"localhost", "127.0.0.1", "[::1]", *args.host}
    site = Site(Runs(Path(args.runs)), Login(link, first=_first_token()), hosts, args.jobs, reads)
    if args.open:
        link.open()
    return site


def _first_token() -> str:
    """The one that whoever starts the page has made: Jupyter, Open OnDemand. Errors: JobError."""
    token = os.environ.pop("NANOMPI_SERVE_TOKEN", "")
    if token and not (len(token) >= 24 and token.isascii() and token.isprintable()):
        raise JobError("NANOMPI_SERVE_TOKEN: 24 random characters or more")
    return token


class Link:
    """Tells the owner how to come in: called with each new token."""

    def __init__(self, listening: socket.socket):
        name, self.token = listening.getsockname(), ""
        self.name = os.path.abspath(name) if isinstance(name, str) else name

    def __call__(self, token: str):
        """Print the link with a token."""
        first, self.token = not self.token, token
        if first and isinstance(self.name, str):
            print(f"on your machine   ssh -N -L 8000:{self.name} {socket.gethostname()}")
        word = "then open        " if isinstance(self.name, str) else "open             "
        print(f"{word if first else 'for another tab  '} {self.address()}", flush=True)

    def address(self) -> str:
        """The token stands behind #, which no browser sends, and no log holds."""
        port = 8000 if isinstance(self.name, str) else self.name[1]
        return f"http://localhost:{port}/#token={self.token}"

    def open(self):
        """Open a browser by a file that only its owner can read: `ps` shows the words of a command."""
        import webbrowser

        if isinstance(self.name, str):
            raise JobError("--open needs a port: leave --socket out")
        with tempfile.NamedTemporaryFile("w", prefix="nanompi-", suffix=".html", delete=False) as file:
            file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={self.address()}">')
        if not webbrowser.open(Path(file.name).as_uri()):
            print(f"no browser was found; {file.name} holds the link", file=sys.stderr)


def _runs(args) -> None:
    """The folder of the runs is there; the usual one is made where the first run may start from the page.

    Errors: JobError.
    """
    if args.jobs and args.runs == RUNS and not Path(RUNS).exists():
        try:
            Path(RUNS).mkdir()
        except OSError as error:
            raise ResourceError(f"{RUNS} cannot be made: {error.strerror}") from None
    if not Path(args.runs).is_dir():
        raise JobError(
            f"{args.runs}: there is no such folder; name the folder that holds runs, or start the first one "
            "from the page: --jobs"
        )
