"""What stands before every request: name of the host, origin, size, login. Nothing is reached without it.

An ASGI application before another one. Websockets and all else but HTTP end here.
"""

from dataclasses import dataclass, field
from functools import cached_property

from nanompi.web.login import Login

LONGEST_PATH, LONGEST_HEAD, LONGEST_BODY = 2048, 16 << 10, 256 << 10  # bytes
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass
class Rules:
    """What the gate asks for. hosts : names by which the page may be called; open : paths without a login."""

    login: Login
    hosts: set[str]
    open: set[str]
    heard: list = field(default_factory=list)  # functions called for each request that is let in


class Request:
    """What the gate looks at: method, path, headers."""

    def __init__(self, scope):
        self.method, self.path = scope["method"], scope["path"]
        self.size = sum(len(name) + len(value) for name, value in scope["headers"])
        self.path_size = len(scope["raw_path"]) + len(scope["query_string"])
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

    def get(self, name: str, standard: str = "") -> str:
        """The value of a header"""
        return self.headers.get(name, standard)

    @cached_property
    def cookies(self) -> dict[str, str]:
        """What the browser sends"""
        pairs = (part.strip().partition("=") for part in self.get("cookie").split(";"))
        return {name: value for name, equals, value in pairs if equals}


Refusal = tuple[int, str] | None  # status and words; None = let in


def too_long(request: Request, rules: Rules) -> Refusal:
    """More than a browser sends. (h11 limits only headers that come in pieces.)"""
    long = request.size > LONGEST_HEAD or request.path_size > LONGEST_PATH
    return (431, "too long") if long else None


def foreign_host(request: Request, rules: Rules) -> Refusal:
    """Called by a name that is not ours: a page elsewhere may have bent its own name to this address."""
    name = request.get("host").rsplit(":", 1)[0]
    return None if name in rules.hosts else (421, "this host is not served (see --host of nanompi serve)")


def foreign_origin(request: Request, rules: Rules) -> Refusal:
    """A page of somebody else's sends this."""
    if request.method in ("GET", "HEAD"):
        return None
    site, origin = request.get("sec-fetch-site", "same-origin"), request.get("origin")
    strange = site != "same-origin" or (origin and origin.split("://")[-1] != request.get("host"))
    return (403, "from another origin") if strange else None


def odd_body(request: Request, rules: Rules) -> Refusal:
    """Not a JSON text of a size that was said and is small."""
    if request.method in ("GET", "HEAD"):
        return None
    if request.method != "POST":
        return 405, "not allowed"
    length = request.get("content-length", "?")
    if not (length.isascii() and length.isdigit()) or "transfer-encoding" in request.headers:
        return 411, "the length must be said"
    if len(length) > 9 or int(length) > LONGEST_BODY:
        return 413, "too long"
    return None if request.get("content-type") == "application/json" else (415, "JSON only")


def stranger(request: Request, rules: Rules) -> Refusal:
    """Not logged in. What is not named as open asks for it."""
    if request.path in rules.open:
        return None
    cookie, key = request.cookies.get(rules.login.cookie, ""), request.get("x-nanompi-key")
    return None if rules.login.knows(cookie, key) else (401, "log in")


QUESTIONS = (too_long, foreign_host, foreign_origin, odd_body, stranger)


class Gate:
    """`Gate(application, rules)` is the application with the gate before it."""

    def __init__(self, application, rules: Rules):
        self.application, self.rules = application, rules

    async def __call__(self, scope, receive, send):
        """One request"""
        if scope["type"] != "http":
            return

        async def sealed(message):
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        request = Request(scope)
        asked = (question(request, self.rules) for question in QUESTIONS)
        if refusal := next(filter(None, asked), None):
            await refuse(sealed, *refusal)
            return
        for hear in self.rules.heard:
            hear()
        await self.application(scope, receive, sealed)


async def refuse(send, status: int, words: str):
    """Answer with a status and a line of text."""
    body = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
