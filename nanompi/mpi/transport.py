"""How sums of arrays travel that lie on cards: what all transports are."""

from typing import Any


class Transport:
    """A transport that carries nothing: of a team whose ranks have no cards. Others inherit from it.

    about : how, for the log
    """

    about = ""

    def __call__(self, team: Any, *arrays: Any):
        """Flat real arrays of cards become their sums over the ranks of a team (collective)."""
        raise NotImplementedError("no transport for arrays of cards was chosen for this team")

    def mail(self, team: Any, parts: dict[int, slice]) -> tuple[tuple | None, str]:
        """What carries messages from card to card (collective): ((give, take, exchange), "").

        parts : {rank: its part of both arrays, which are complex}; nanompi.methods.ptycho.edges uses them.
        (None, "") where the transport has none, so that they pass the host; (None, why) where it failed
        """
        return None, ""
