"""Who may use the page: a token once, then a cookie together with a key that the tab keeps.

A browser sends a cookie to every port of a host, also to the server of another user; and a key alone could
be read by a script of the page. Each half is worth nothing without the other.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

LIFE = 12 * 3600.0  # seconds of a session
GRACE = 30.0  # seconds for which a token that was used lets the same person in again: a page that reloads
PAUSE, QUEUE = 0.2, 2.0  # seconds that a try costs; tries that are so far ahead of time are refused
MOST = 100  # sessions


@dataclass(frozen=True)
class Session:
    """One tab that is logged in. end : time of `Login.clock` when it is over."""

    cookie: str
    key: str
    end: float


class Login:
    """The tokens and sessions of one server.

    announce : is told each new token, and nobody else is; first : the first one, where it is given
    """

    def __init__(
        self, announce: Callable[[str], None], clock: Callable[[], float] = time.monotonic, first: str = ""
    ):
        self.announce, self.clock = announce, clock
        self.cookie = f"nanompi-{secrets.token_hex(4)}"  # servers on one host do not overwrite each other's
        self._sessions: dict[str, Session] = {}
        self._used, self._until, self._next = "", 0.0, 0.0
        self._renew(first)

    def _renew(self, token: str = ""):
        self._token = token or secrets.token_urlsafe(24)
        self.announce(self._token)

    def too_fast(self) -> bool:
        """Are there more tries than a person makes? Each call is a try."""
        now = self.clock()
        ahead = self._next - now
        self._next = max(self._next, now) + PAUSE
        return ahead > QUEUE

    def enter(self, token: str) -> Session | None:
        """A session for a token; None for a wrong one. What was used is used up, but for a moment."""
        fresh, again = same(token, self._token), same(token, self._used) & (self.clock() < self._until)
        if not fresh | again:
            return None
        if fresh:
            self._used, self._until = token, self.clock() + GRACE
            self._renew()
        return self._begin()

    def _begin(self) -> Session:
        for name in [name for name, one in self._sessions.items() if one.end <= self.clock()]:
            del self._sessions[name]
        while len(self._sessions) >= MOST:
            del self._sessions[next(iter(self._sessions))]
        one = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(24), self.clock() + LIFE)
        self._sessions[one.cookie[:16]] = one
        return one

    def knows(self, cookie: str, key: str) -> bool:
        """Are cookie and key those of one session that has not ended?"""
        one = self._sessions.get(cookie[:16])
        if one is None or one.end <= self.clock():
            return False
        return same(cookie, one.cookie) & same(key, one.key)


def same(one: str, other: str) -> bool:
    """Are two secrets equal? Takes as long whether they are or not."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
