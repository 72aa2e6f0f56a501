"""Kinds of answers: trees with a tag that says whether they changed; large ones in pieces."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PIECE = 256 << 10  # bytes that wait for a reader
TAKE = 120.0  # seconds for a whole answer
AT_ONCE = 4  # large answers
ASK = 5.0  # seconds for the body of a request


def tagged(request: Request, tree: Any) -> Response:
    """A JSON text; nothing (304) where the browser has it already. The tag is the same after a restart."""
    body = json.dumps(tree, allow_nan=False).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, media_type="application/json", headers={"etag": tag})


async def given(request: Request) -> dict[str, Any]:
    """The JSON object that a request brings. Errors: 400, and 408 where it does not come in time."""
    try:
        async with asyncio.timeout(ASK):
            tree = json.loads(await request.body())
    except TimeoutError:
        raise HTTPException(408, "it takes too long to ask") from None
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise HTTPException(400, "a JSON object is wanted")
    return tree


def word(tree: dict[str, Any], name: str, most: int = 4000) -> str:
    """A text of a request. Errors: 400."""
    text = tree.get(name)
    if not isinstance(text, str) or len(text) > most or "\0" in text:
        raise HTTPException(400, f"{name}: a text of at most {most} characters is wanted")
    return text


def number(tree: dict[str, Any], name: str, most: int) -> int:
    """A number from 1 on of a request. Errors: 400."""
    value = tree.get(name)
    if type(value) is not int or not 1 <= value <= most:
        raise HTTPException(400, f"{name}: a whole number from 1 to {most} is wanted")
    return value


class Large(Response):
    """Bytes that are made when their turn has come, and sent in pieces as the reader takes them.

    make  : gives the facts (sent as the header x-facts) and the bytes
    slots : of those that are made and sent at once
    """

    def __init__(self, make: Callable[[], Awaitable[tuple[Any, bytes]]], slots: asyncio.Semaphore, kind: str):
        super().__init__(media_type=kind)
        self.make, self.slots = make, slots

    async def __call__(self, scope, receive, send):
        """Wait, make, send; a reader that is too slow is left alone with what it has."""
        async with self.slots:
            facts, body = await self.make()
            self.headers["content-length"] = str(len(body))
            self.headers["x-facts"] = json.dumps(facts)
            try:
                async with asyncio.timeout(TAKE):
                    await self._send(memoryview(body), send)
            except TimeoutError:
                return

    async def _send(self, body: memoryview, send):
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for at in range(0, max(len(body), 1), PIECE):
            more = at + PIECE < len(body)
            piece = bytes(body[at : at + PIECE])
            await send({"type": "http.response.body", "body": piece, "more_body": more})
