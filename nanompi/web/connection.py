"""A connection that costs little: whoever is slow in asking or in taking an answer is cut off.

uvicorn has no limit for the time of a request that never ends, nor for an answer that nobody reads.
"""

from uvicorn.protocols.http.h11_impl import H11Protocol

ASK, TAKE, REST = 5.0, 10.0, 30.0  # seconds to send a request; to take what waits; to take the last of it


class Patient(H11Protocol):
    """HTTP of one connection, with these limits."""

    _asking = _taking = None

    def connection_made(self, transport):
        """From now on a request is awaited."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes):
        """Some bytes came; is it a whole request by now?"""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._asking = _stop(self._asking)
        elif self._asking is None:
            self._await_request()

    def on_response_complete(self):
        """The answer is given; what comes next is another request, for which uvicorn waits."""
        self._asking = _stop(self._asking)
        super().on_response_complete()

    def timeout_keep_alive_handler(self):
        """Nothing more was asked; the last bytes may still be on their way for a while."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(REST, self.transport.abort)

    def pause_writing(self):
        """The reader has not taken what was sent."""
        super().pause_writing()
        self._taking = self.loop.call_later(TAKE, self.transport.abort)

    def resume_writing(self):
        """It has."""
        super().resume_writing()
        self._taking = _stop(self._taking)

    def connection_lost(self, exc):
        """The end"""
        self._asking, self._taking = _stop(self._asking), _stop(self._taking)
        super().connection_lost(exc)

    def _await_request(self):
        self._asking = self.loop.call_later(ASK, self.transport.abort)


def _stop(timer):
    if timer is not None:
        timer.cancel()
